//! The tables held against others' facts: the running kernel's BTF and tracefs, libc; and against themselves.
//!
//! In: generated tables, `/sys` where it is there. Out: one line for each difference. Never repairs a table.

use super::sets::PartKind;
use super::structs::Struct;
use super::syscalls::{self, Signature};
use super::what::{Elem, Len, Source, What};
use super::{constants, ioctls, sets, structs};
use crate::types::Abi;
use crate::types::btf::Btf;
use std::fs;

/// Members that the kernel's struct has under another name, as a bit field, or inside a named union.
const OWN_NAMES: &[(&str, &str)] = &[
    ("bpf_insn", "regs"),
    ("ifconf", "ifc_buf"),
    ("ifreq", "ifr_name"),
    ("in6_addr", "s6_addr"),
    ("listmount_req", "last_mnt_id"),
    ("mmap_arg_struct32", "off"),
    ("perf_event_attr", "flags"),
    ("sockaddr_storage", "ss"),
    ("user_desc", "flags"),
];

/// A struct's kernel names, each with the ABI whose layout it has.
fn kernel_names(of: &Struct) -> Vec<(&'static str, Abi)> {
    match of.kernel {
        None => Vec::new(),
        Some((name, same)) if name == same => {
            let is_compat = name.starts_with("compat_");
            vec![(name, if is_compat { Abi::I386 } else { Abi::Native })]
        }
        Some((native, i386)) => vec![(native, Abi::Native), (i386, Abi::I386)],
    }
}

#[test]
fn structs_lie_as_the_running_kernel_has_them() {
    let Ok(bytes) = fs::read("/sys/kernel/btf/vmlinux") else {
        eprintln!("skipped: this kernel has no BTF");
        return;
    };
    let btf = Btf::parse(bytes).expect("the kernel's BTF is well formed");
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for of in structs::all() {
        for (name, abi) in kernel_names(of) {
            let Some(id) = btf.struct_named(name).or(btf.union_named(name)) else {
                continue;
            };
            checked += 1;
            // A newer kernel's may be longer.
            if btf
                .size_of(id)
                .is_some_and(|size| size < of.size(abi) as u32)
            {
                wrong.push(format!("{name}: {} bytes here", of.size(abi)));
            }
            for field in of.fields.iter().filter(|f| !f.name.is_empty()) {
                let offset = btf.find_member(id, field.name).map(|m| m.offset());
                let own = OWN_NAMES.contains(&(of.name, field.name)) && offset.is_none();
                if !own && offset != Some(field.offset.of(abi) as u32) {
                    let here = field.offset.of(abi);
                    wrong.push(format!("{name}.{}: {here}, kernel {offset:?}", field.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 100, "only {checked} structs found");
}

#[test]
fn arguments_are_named_and_ordered_as_the_running_kernel_does() {
    let Ok(calls) = fs::read_dir("/sys/kernel/tracing/events/syscalls") else {
        eprintln!("skipped: tracefs is not mounted here, or not readable");
        return;
    };
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for entry in calls.flatten() {
        let event = entry.file_name().to_string_lossy().into_owned();
        let Some(call) = event.strip_prefix("sys_enter_") else {
            continue;
        };
        let format = fs::read_to_string(entry.path().join("format")).expect("readable");
        let call = syscalls::tracepoint_call(call);
        let Some(known) = syscalls::signature(Abi::Native, call) else {
            wrong.push(format!("{call}: has no line"));
            continue;
        };
        let ours: Vec<&str> = known.args.iter().map(|a| a.name).collect();
        let theirs = match call {
            // The stack pointer, which the kernel does not count.
            "rt_sigreturn" => vec!["frame"],
            _ => arguments(&format),
        };
        if ours != theirs {
            wrong.push(format!("{call}: {ours:?}, kernel {theirs:?}"));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 300, "only {checked} calls found");
}

/// Arguments in the text of a format: what lies behind the common fields and the call's number. A name that is taken
/// in the kernel's macros has an underscore before it.
fn arguments(format: &str) -> Vec<&str> {
    let fields = format.lines().filter_map(|line| {
        let (field, rest) = line.trim().strip_prefix("field:")?.split_once(';')?;
        let offset: u32 = rest
            .trim()
            .strip_prefix("offset:")?
            .split_once(';')?
            .0
            .parse()
            .ok()?;
        let name = field.rsplit([' ', '*']).next()?;
        (offset >= 16).then(|| name.trim_start_matches('_'))
    });
    fields.collect()
}

#[test]
fn every_call_has_a_signature() {
    for abi in [Abi::Native, Abi::I386] {
        for (nr, call) in syscalls::all(abi) {
            assert!(syscalls::signature(abi, call).is_some(), "{nr} {call}");
        }
    }
}

/// What a value's meaning refers to is there.
struct Refers {
    /// Arguments of the call; all six where a struct is not looked at from a call.
    args: usize,
    /// Members of the struct around the value.
    fields: usize,
}

impl Refers {
    fn check(&self, what: What, at: &str) {
        match what {
            What::Ptr(_, Elem { what, .. }) => self.check(*what, at),
            What::Array(Elem { what, .. }, len) => {
                self.check_len(len, at);
                self.check(*what, at);
            }
            What::Bytes(len)
            | What::Chars(len)
            | What::Sized(_, len)
            | What::Sockaddr(len)
            | What::Iovec(len, _)
            | What::Mmsghdr(len, _)
            | What::Cmsgs(len)
            | What::SigSet(len)
            | What::FdSet(len)
            | What::CpuSet(len)
            | What::NodeSet(len)
            | What::Dirents(len)
            | What::Dirents64(len) => self.check_len(len, at),
            What::On(on) => {
                match on.source {
                    Source::Arg(n) | Source::Pointee(n) => self.arg(n, at),
                    Source::Field(i) => self.field(i, at),
                    Source::Ret => {}
                }
                assert!(on.cases.is_sorted_by_key(|&(value, _)| value), "{at}");
                on.cases.iter().for_each(|&(_, what)| self.check(what, at));
                self.check(on.otherwise, at);
            }
            _ => {}
        }
    }

    fn check_len(&self, len: Len, at: &str) {
        match len {
            Len::Arg(n)
            | Len::Pointee(n)
            | Len::RetUpTo(n)
            | Len::ArgTimes(n, _)
            | Len::Pages(n) => {
                self.arg(n, at);
            }
            Len::Field(i) | Len::FieldPointee(i) => self.field(i, at),
            Len::Const(_) | Len::Ret | Len::Rest => {}
        }
    }

    fn arg(&self, n: u8, at: &str) {
        assert!(usize::from(n) < self.args, "{at}: has no argument {n}");
    }

    fn field(&self, i: u8, at: &str) {
        assert!(usize::from(i) < self.fields, "{at}: has no member {i}");
    }
}

#[test]
fn meanings_refer_to_what_is_there() {
    for abi in [Abi::Native, Abi::I386] {
        for (_, call) in syscalls::all(abi) {
            let Signature { args, result, .. } =
                syscalls::signature(abi, call).expect("all have one");
            let refers = Refers {
                args: args.len(),
                fields: 0,
            };
            args.iter().for_each(|a| refers.check(a.what, call));
            refers.check(*result, call);
        }
    }
    for of in structs::all() {
        let refers = Refers {
            args: 6,
            fields: of.fields.len(),
        };
        of.fields.iter().for_each(|f| refers.check(f.what, of.name));
    }
}

#[test]
fn sets_name_each_bit_once() {
    for set in sets::all() {
        let mut seen = 0;
        for part in set.parts {
            assert_eq!(seen & part.mask, 0, "{}: parts overlap", set.name);
            seen |= part.mask;
            if let PartKind::Values(names) = part.kind {
                for (value, name) in names.iter() {
                    assert_eq!(names.find(value), Some(name), "{}", set.name);
                }
            }
        }
        for (value, name) in set.flags.iter() {
            assert_ne!(value, 0, "{}: {name}", set.name);
            assert_eq!(value & seen, 0, "{}: {name} is in a part", set.name);
        }
    }
}

/// libc's values come from other hands than the table's.
#[test]
fn values_are_those_of_libc() {
    macro_rules! same {
        ($($name:ident)*) => {
            $(assert_eq!(
                constants::value(stringify!($name)).map(|v| v as u32),
                Some(libc::$name as u32),
                stringify!($name)
            );)*
        };
    }
    same!(O_TMPFILE O_DIRECT O_NOFOLLOW O_NOATIME F_OFD_SETLKW F_ADD_SEALS AT_SYMLINK_NOFOLLOW RENAME_EXCHANGE
        SYNC_FILE_RANGE_WRITE FALLOC_FL_PUNCH_HOLE POSIX_FADV_WILLNEED SPLICE_F_MORE MREMAP_DONTUNMAP MS_SYNC
        MADV_COLD MADV_HUGEPAGE MPOL_BIND CLONE_PIDFD CLONE_NEWTIME SCHED_DEADLINE WNOHANG WEXITED RLIMIT_RTTIME
        SA_RESTART SIGEV_THREAD_ID SI_TKILL CLD_STOPPED POLLRDHUP EPOLLEXCLUSIVE EFD_SEMAPHORE AF_VSOCK AF_XDP
        SOCK_CLOEXEC MSG_CMSG_CLOEXEC SO_PEERCRED SO_ATTACH_BPF IPPROTO_MPTCP IP_RECVTTL IPV6_V6ONLY TCP_FASTOPEN
        NETLINK_GENERIC PACKET_FANOUT FUTEX_CMP_REQUEUE_PI FUTEX_CLOCK_REALTIME CLOCK_TAI TFD_TIMER_CANCEL_ON_SET
        ADJ_TICK PR_SET_VMA PR_CAP_AMBIENT PTRACE_SYSEMU PTRACE_GET_SYSCALL_INFO SECCOMP_FILTER_FLAG_TSYNC MS_SLAVE
        MNT_DETACH FAN_OPEN_EXEC_PERM IN_MOVED_TO GRND_INSECURE IPC_CREAT SHM_HUGETLB TCGETS TIOCGWINSZ FIONREAD
        TIOCGPTN BLKSSZGET SIOCGIFFLAGS FICLONE TUNSETIFF LOCK_EX EXT4_SUPER_MAGIC ICANON CRTSCTS);
}

#[test]
fn commands_of_ioctl_have_names() {
    let name = |abi, number| ioctls::find(abi, number).map(|i| i.name());
    assert_eq!(name(Abi::Native, 0x5401), Some("TCGETS"));
    assert_eq!(name(Abi::Native, 0xc138_fd04), Some("DM_DEV_REMOVE"));
    assert_eq!(name(Abi::Native, 0xae80), Some("KVM_RUN"));
    // The number holds the size of a long.
    assert_eq!(name(Abi::Native, 0x8008_6601), Some("FS_IOC_GETFLAGS"));
    assert_eq!(name(Abi::I386, 0x8004_6601), Some("FS_IOC_GETFLAGS"));
    // Or that of the caller's buffer.
    assert_eq!(name(Abi::Native, 0x8100_4506), Some("EVIOCGNAME"));
    assert_eq!(name(Abi::Native, 0xdead_beef), None);
}
