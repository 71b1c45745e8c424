//! Capabilities: what this process has, what a plan needs, and how to give what is missing.
//!
//! In: `/proc/self/status`, a plan's hooks and types. Out: what is missing, as data and as a sentence. Never
//! changes a privilege.
//!
//! Which call takes which capability: capabilities(7), kernel/bpf/syscall.c, kernel/kallsyms.c.

use std::fmt;
use std::fs;

use crate::ir::MapValue;
use crate::plan::{Hook, Plan};
use crate::types::{Lazy, Space, StackMode, Type, Wide};

/// The capabilities that tracing is about. The discriminant is the kernel's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Capability {
    /// Read any file, look into any directory: tracefs belongs to root.
    DacReadSearch = 2,
    /// Look into other users' processes.
    SysPtrace = 19,
    /// Nearly everything, those of BPF and perf among it.
    SysAdmin = 21,
    /// Kernel addresses.
    Syslog = 34,
    /// Observe the system: perf events, reads of kernel memory from BPF.
    Perfmon = 38,
    /// Maps and programs.
    Bpf = 39,
}

impl Capability {
    /// All, the most needed first.
    pub const ALL: [Capability; 6] = [
        Capability::Bpf,
        Capability::Perfmon,
        Capability::DacReadSearch,
        Capability::Syslog,
        Capability::SysPtrace,
        Capability::SysAdmin,
    ];

    /// `CAP_BPF`.
    pub fn name(self) -> &'static str {
        match self {
            Capability::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Capability::SysPtrace => "CAP_SYS_PTRACE",
            Capability::SysAdmin => "CAP_SYS_ADMIN",
            Capability::Syslog => "CAP_SYSLOG",
            Capability::Perfmon => "CAP_PERFMON",
            Capability::Bpf => "CAP_BPF",
        }
    }

    /// What it is for, here.
    pub fn purpose(self) -> &'static str {
        match self {
            Capability::Bpf => "load programs and make maps: every probe",
            Capability::Perfmon => "attach programs, read kernel memory: every probe",
            Capability::DacReadSearch => "read tracefs: tracepoint formats, lists of functions",
            Capability::Syslog => "kernel addresses: names in kernel stacks, ksym",
            Capability::SysPtrace => "other users' processes: their memory maps, -p and -c",
            Capability::SysAdmin => "stands in for CAP_BPF and CAP_PERFMON; mounts tracefs",
        }
    }

    /// `CAP_BPF and CAP_PERFMON`, `CAP_A, CAP_B and CAP_C`.
    pub fn list(capabilities: &[Capability]) -> String {
        let names: Vec<&str> = capabilities.iter().map(|c| c.name()).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_string(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }

    fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// Capabilities of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    effective: u64,
    /// In a user namespace of its own: what it holds there does not count outside.
    confined: bool,
}

impl Held {
    /// Of this process; none when `/proc` cannot be read.
    pub fn of_this_process() -> Held {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let uid_map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        Held::parse(&status, &uid_map)
    }

    fn parse(status: &str, uid_map: &str) -> Held {
        let effective = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
        // The first user namespace maps all ids to themselves (user_namespaces(7)).
        let first = ["0", "0", "4294967295"];
        let confined = !uid_map.is_empty() && !uid_map.split_whitespace().eq(first);
        Held {
            effective: effective.unwrap_or(0),
            confined,
        }
    }

    /// Whether the kernel will find it. CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON.
    pub fn has(&self, capability: Capability) -> bool {
        let bits = match capability {
            Capability::Bpf | Capability::Perfmon => capability.bit() | Capability::SysAdmin.bit(),
            _ => capability.bit(),
        };
        !self.confined && self.effective & bits != 0
    }

    /// Those of `wanted` that are not there, in its order.
    pub fn missing(&self, wanted: &[Capability]) -> Vec<Capability> {
        wanted.iter().copied().filter(|&c| !self.has(c)).collect()
    }

    /// In a user namespace of its own, where capabilities do not count for tracing the system.
    pub fn confined(&self) -> bool {
        self.confined
    }
}

/// What a plan takes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Needs {
    /// Without these it cannot be loaded or attached.
    pub required: Vec<Capability>,
    /// Without these it runs, but something shows as a number.
    pub useful: Vec<Capability>,
    /// Addresses of processes are to be named.
    pub user_symbols: bool,
}

impl Needs {
    /// What a plan takes. (What tracefs takes has shown before: a format that could not be read is no plan.)
    pub fn of(plan: &Plan) -> Needs {
        let hooks = plan.programs.iter().map(|program| &program.hook);
        let mut needs = Needs::of_hooks(hooks);
        let printed = plan.records.iter().flat_map(|r| &r.args).map(|(ty, _)| ty);
        let kept = plan
            .ir
            .maps
            .iter()
            .flat_map(|map| map.key.iter().chain(plain_value(&map.value)));
        let shown: Vec<&Type> = printed.chain(kept).collect();
        if shown.iter().any(|ty| has_address(ty, Space::Kernel)) {
            needs.useful.push(Capability::Syslog);
        }
        needs.user_symbols = shown.iter().any(|ty| has_address(ty, Space::User));
        needs
    }

    /// What hooks take. All are BPF programs of tracing types, which take the same two.
    pub fn of_hooks<'a>(hooks: impl IntoIterator<Item = &'a Hook>) -> Needs {
        let required = match hooks.into_iter().next() {
            Some(_) => vec![Capability::Bpf, Capability::Perfmon],
            None => Vec::new(),
        };
        Needs {
            required,
            useful: Vec::new(),
            user_symbols: false,
        }
    }

    /// What stands in the way for a process that holds `held`; `None` when nothing does.
    pub fn unmet(&self, held: &Held) -> Option<Unmet> {
        let missing = held.missing(&self.required);
        (!missing.is_empty()).then(|| Unmet {
            required: self.required.clone(),
            missing,
            confined: held.confined(),
        })
    }
}

fn plain_value(value: &MapValue) -> Option<&Type> {
    match value {
        MapValue::Plain(ty) => Some(ty),
        MapValue::Agg(_) => None,
    }
}

/// A value that is printed by looking an address up, of the kernel or of a process.
fn has_address(ty: &Type, space: Space) -> bool {
    match ty {
        Type::Stack(stack) => stack.space == space && stack.mode != StackMode::Raw,
        Type::Lazy(Lazy::Ksym) => space == Space::Kernel,
        Type::Wide(Wide::Usym) => space == Space::User,
        Type::Tuple(parts) => parts.iter().any(|part| has_address(part, space)),
        _ => false,
    }
}

/// Capabilities that a query lacks. Its text says what it needs and how to give it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmet {
    /// All that it takes.
    pub required: Vec<Capability>,
    /// Those that are not there.
    pub missing: Vec<Capability>,
    /// Giving them to the file would not help: the process is in a user namespace.
    pub confined: bool,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let required = Capability::list(&self.required);
        if self.confined {
            return write!(
                f,
                "this query needs {required} in the first user namespace, and this process is in another one; \
                 run it outside of the container"
            );
        }
        write!(f, "this query needs {required}")?;
        if self.missing != self.required {
            write!(f, ", and {} is missing", Capability::list(&self.missing))?;
        }
        write!(
            f,
            "; give them with `{}`, or run it as root",
            setcap_command(&self.required)
        )
    }
}

impl std::error::Error for Unmet {}

/// The command that gives this program's file these capabilities, and takes all others from it.
pub fn setcap_command(capabilities: &[Capability]) -> String {
    let names: Vec<String> = capabilities
        .iter()
        .map(|c| c.name().to_lowercase())
        .collect();
    let file = std::env::current_exe().map_or("tracer".to_string(), |p| p.display().to_string());
    format!("sudo setcap {}+ep {file}", names.join(","))
}

/// Whether a test can load programs here; when not, it says by name what was not checked. In CI it must be able to.
#[cfg(test)]
pub(crate) fn privileged(test: &str) -> bool {
    let missing = Held::of_this_process().missing(&[Capability::Bpf, Capability::Perfmon]);
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{test} needs {missing:?}, which CI must have"
    );
    eprintln!("not checked, needs {missing:?}: {test}");
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Stack;

    const FIRST: &str = "         0          0 4294967295\n";

    fn held(hex: &str, uid_map: &str) -> Held {
        Held::parse(&format!("Name:\tx\nCapEff:\t{hex}\n"), uid_map)
    }

    #[test]
    fn bits_are_capabilities() {
        let both = held("000000c000000000", FIRST);
        assert!(both.has(Capability::Bpf) && both.has(Capability::Perfmon));
        assert!(!both.has(Capability::Syslog) && !both.has(Capability::SysAdmin));
        let admin = held("0000000000200000", FIRST);
        assert!(admin.has(Capability::Bpf) && admin.has(Capability::Perfmon));
        assert!(!admin.has(Capability::Syslog));
        assert!(!Held::parse("", FIRST).has(Capability::Bpf));
    }

    #[test]
    fn a_user_namespace_takes_them_away() {
        let inside = held("000001ffffffffff", "0 1000 1\n");
        assert!(inside.confined() && !inside.has(Capability::Bpf));
        assert!(!held("0", FIRST).confined());
        // No /proc/self/uid_map: a kernel without user namespaces.
        assert!(!held("0", "").confined());
    }

    #[test]
    fn the_sentence_names_what_is_needed_and_how_to_give_it() {
        let hooks = [Hook::SysExit, Hook::Begin];
        let needs = Needs::of_hooks(&hooks);
        let none = needs.unmet(&held("0", FIRST)).unwrap().to_string();
        assert!(none.starts_with(
            "this query needs CAP_BPF and CAP_PERFMON; give them with `sudo setcap cap_bpf,cap_perfmon+ep /"
        ));
        let one = needs.unmet(&held("0000008000000000", FIRST)).unwrap();
        assert_eq!(one.missing, [Capability::Perfmon]);
        assert!(one.to_string().contains("and CAP_PERFMON is missing"));
        assert_eq!(needs.unmet(&held("000000c000000000", FIRST)), None);
        assert_eq!(Needs::of_hooks([]).unmet(&held("0", FIRST)), None);
    }

    #[test]
    fn printed_addresses_ask_for_syslog() {
        let mut plan = Plan::default();
        plan.records.push(crate::plan::RecordLayout {
            id: crate::ir::EmitId(0),
            has_absent: false,
            args: vec![(
                Type::Tuple(vec![Type::I64, Type::Stack(Stack::kernel(3))]),
                0,
            )],
            fixed_size: 32,
            max_size: 32,
            call_bytes: 0,
            control: false,
        });
        assert_eq!(Needs::of(&plan).useful, [Capability::Syslog]);
        assert!(Needs::of(&Plan::default()).useful.is_empty());
    }

    #[test]
    fn lists_read_as_english() {
        use Capability::{Bpf, Perfmon, Syslog};
        assert_eq!(Capability::list(&[]), "");
        assert_eq!(Capability::list(&[Bpf]), "CAP_BPF");
        assert_eq!(
            Capability::list(&[Bpf, Perfmon, Syslog]),
            "CAP_BPF, CAP_PERFMON and CAP_SYSLOG"
        );
    }
}
