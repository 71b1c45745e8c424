//! Names that only this run or this machine knows, for printers.
//!
//! In: raw values. Out: the script's own names, and kernel symbols, which are read when the first is asked for.

use super::cgroups::Cgroups;
use crate::decode::call::{Descriptors, Style};
use crate::plan::Plan;
use crate::print;
use crate::symbols::{Follower, Kernel, Place, User};
use crate::sys::clock;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

/// The names of a run.
pub struct Names {
    plan: Arc<Plan>,
    kernel: Kernel,
    user: User,
    users: OnceCell<HashMap<u64, String>>,
    cgroups: RefCell<Cgroups>,
}

impl Names {
    /// Reads nothing yet. `follower`: what processes map.
    pub fn new(plan: Arc<Plan>, follower: Follower) -> Names {
        let kernel = Kernel::new();
        Names {
            plan,
            kernel,
            user: User::new(follower),
            users: OnceCell::new(),
            cgroups: RefCell::default(),
        }
    }

    /// What stood in the way of symbols, when some were asked for.
    pub fn notice(&self) -> Option<&str> {
        self.kernel.notice()
    }
}

impl print::Names for Names {
    fn symbol(&self, address: u64, out: &mut Vec<u8>) -> Option<u64> {
        let symbol = self.kernel.resolve(address)?;
        out.extend_from_slice(symbol.name.as_bytes());
        Some(symbol.offset)
    }

    fn user_symbol(&self, process: u32, address: u64) -> Option<Place> {
        self.user.resolve(process, address)
    }

    fn user(&self, id: u64, out: &mut Vec<u8>) {
        let users = self
            .users
            .get_or_init(|| users(&std::fs::read_to_string("/etc/passwd").unwrap_or_default()));
        out.extend(users.get(&id).into_iter().flat_map(|name| name.bytes()));
    }

    fn host(&self, _index: u64, out: &mut Vec<u8>) {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
        out.extend_from_slice(name.unwrap_or_default().trim_end().as_bytes());
    }

    fn cgroup(&self, id: u64, out: &mut Vec<u8>) {
        let mut cgroups = self.cgroups.borrow_mut();
        out.extend_from_slice(cgroups.path(id).unwrap_or_default().as_bytes());
    }

    fn moment(&self, format: u64, time_ns: u64, out: &mut Vec<u8>) {
        let format = self.plan.ir.texts.get(format as usize);
        let text = format.and_then(|f| self.local_time(f, self.wall_ns(time_ns)));
        out.extend(text.unwrap_or_default().into_bytes());
    }

    fn wall_ns(&self, time_ns: u64) -> i64 {
        clock::wall_ns(time_ns)
    }

    fn local_time(&self, format: &str, wall_ns: i64) -> Option<String> {
        clock::local_time(format, wall_ns)
    }

    fn enumerator(&self, id: u32, value: i64) -> Option<&str> {
        let names = &self.plan.ir.enums.get(id as usize)?.names;
        let found = names.iter().find(|(number, _)| *number == value);
        found.map(|(_, name)| name.as_str())
    }

    fn probe(&self, index: u64) -> Option<&str> {
        let names = &self.plan.ir.probe_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }

    fn call_style(&self) -> Style {
        Style {
            max_string: self.plan.ir.call.max_bytes as usize,
            column: 0,
            descriptors: match self.plan.ir.call.descriptors {
                true => Descriptors::Full,
                false => Descriptors::None,
            },
            ..Style::default()
        }
    }

    fn func(&self, index: u64) -> Option<&str> {
        let names = &self.plan.ir.func_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }
}

/// Names by id, of the lines of a passwd(5) file; the first one of an id counts.
pub fn users(file: &str) -> HashMap<u64, String> {
    let mut users = HashMap::new();
    for line in file.lines() {
        let mut parts = line.split(':');
        if let (Some(name), Some(Ok(id))) = (parts.next(), parts.nth(1).map(str::parse)) {
            users.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_their_file() {
        let users =
            users("root:x:0:0:root:/root:/bin/sh\n#\nbroken\ntoor:x:0:0::/:/bin/sh\na:x:7:7\n");
        assert_eq!(users.get(&0).map(String::as_str), Some("root"));
        assert_eq!(users.get(&7).map(String::as_str), Some("a"));
        assert_eq!(users.len(), 2);
    }
}
