//! The script that measures a run.
//!
//! In: nothing but the tables. Out: its text; what comes of its maps is read by [`gather`](super::gather).

use crate::tables::syscalls::{self, Arg};
use crate::tables::what::What;
use crate::types::Abi;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Calls whose result is a number of bytes that they have moved.
const MOVING: &str = "read,write,pread64,pwrite64,readv,writev,preadv,pwritev,preadv2,pwritev2,sendto,recvfrom,sendmsg,recvmsg,\
    sendfile,splice,tee,vmsplice,copy_file_range,process_vm_readv,process_vm_writev,getrandom,getdents,getdents64";

/// The text. Maps: `@calls[program, call, outcome]`, `@latency[program, call]`, `@paths[program, call, path, outcome]`,
/// `@executed[program, path]`, `@bytes[program, call]`.
pub fn text() -> String {
    let mut text = String::from(
        "config = { max_map_keys = 65536; max_strlen = 256; print_maps_on_exit = false; str_trunc_trailer = \"...\" }\n\
         let @latency = percpuhash(512);\nlet @paths = percpuhash(8192);\nlet @executed = percpuhash(4096);\n\
         syscall:* { @calls[comm, name, errno] = count(); @latency[comm, name] = hist(duration, 3); }\n\
         syscall:execve,syscall:execveat /retval == 0/ { @executed[comm, args.filename] = count(); }\n",
    );
    let moving = list(MOVING.split(',').map(str::to_owned));
    let _ = writeln!(
        text,
        "{moving} /retval > 0/ {{ @bytes[comm, name] = sum(retval); }}"
    );
    for (argument, calls) in path_arguments() {
        let calls = list(calls.into_iter().map(str::to_owned));
        let _ = writeln!(
            text,
            "{calls} {{ @paths[comm, name, args.{argument}, errno] = count(); }}"
        );
    }
    text
}

/// The arguments that are paths which a call is given, with the calls that have them.
pub fn path_arguments() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (call, argument) in calls().filter_map(|call| Some((call, path_argument(call)?))) {
        found.entry(argument).or_default().insert(call);
    }
    found
}

/// The first argument of a call that is a path which it is given.
pub fn path_argument(call: &str) -> Option<&'static str> {
    let signature = syscalls::signature(Abi::Native, call)?;
    signature
        .args
        .iter()
        .find(|arg| is_path(arg))
        .map(|arg| arg.name)
}

fn calls() -> impl Iterator<Item = &'static str> {
    let numbers = (0..1024).filter_map(|nr| syscalls::name(Abi::Native, nr));
    numbers.filter(|call| {
        syscalls::signature(Abi::I386, call).is_none_or(|s| path_in(s.args) == path_argument(call))
    })
}

fn path_in(args: &'static [Arg]) -> Option<&'static str> {
    args.iter().find(|arg| is_path(arg)).map(|arg| arg.name)
}

fn is_path(arg: &Arg) -> bool {
    let path = |what: &What| matches!(what, What::Path);
    let pointed = match arg.what {
        What::Ptr(_, element) => path(&element.what),
        ref what => path(what),
    };
    pointed && !arg.written
}

fn list(calls: impl Iterator<Item = String>) -> String {
    let probes: Vec<String> = calls.map(|call| format!("syscall:{call}")).collect();
    probes.join(",")
}
