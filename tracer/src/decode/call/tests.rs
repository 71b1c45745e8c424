//! Records by hand to lines and JSON. What whole calls look like beside strace is `tests/strace`'s.

use super::*;
use crate::types::call::{ArgState, CallBuilder, PartKind};
use proptest::prelude::*;

const ADDR: u64 = 0x7000;

fn text(record: &CallBuilder) -> String {
    let bytes = record.bytes();
    let mut out = Vec::new();
    let style = Style {
        column: 0,
        ..Style::default()
    };
    line(&Call::read(&bytes).expect("a record"), &style, &mut out);
    String::from_utf8(out).expect("text is ASCII")
}

fn object(record: &CallBuilder) -> serde_json::Value {
    let bytes = record.bytes();
    let mut out = b"{".to_vec();
    json(
        &Call::read(&bytes).expect("a record"),
        &Style::default(),
        &mut out,
    );
    out.push(b'}');
    serde_json::from_slice(&out).expect("JSON")
}

fn native(nr: i64, args: [u64; 6]) -> CallBuilder {
    CallBuilder::new(Abi::Native, nr as u32, args)
}

#[test]
fn unknown_numbers_are_shown_raw() {
    let record = native(0x270f, [1, 2, 3, 4, 5, u64::MAX]).ret(-38);
    assert_eq!(
        text(&record),
        "syscall_0x270f(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff) = -1 ENOSYS (Function not implemented)"
    );
    assert_eq!(object(&record)["args"]["arg4"], 5);
    assert_eq!(object(&record)["error"], "ENOSYS");
}

#[test]
fn the_running_kernel_describes_calls_that_no_table_knows() {
    let known = KernelCall {
        name: "brand_new".into(),
        args: [
            ("fd", "int"),
            ("path", "const char *"),
            ("p", "void *"),
            ("n", "size_t"),
        ]
        .map(|(name, c_type)| (name.into(), c_type.into()))
        .into(),
    };
    let style = Style {
        column: 0,
        kernel_calls: [(9999, known)].into(),
        ..Style::default()
    };
    let bytes = native(9999, [0xffff_ffff, ADDR, 5, 7, 0, 0])
        .part(PartKind::EntryString, ADDR, b"/x\0")
        .bytes();
    let mut out = Vec::new();
    line(&Call::read(&bytes).expect("a record"), &style, &mut out);
    assert_eq!(out, br#"brand_new(-1, "/x", 0x5, 7) = 0"#);
}

#[test]
fn calls_that_do_not_come_back_have_no_result() {
    let exit = native(libc::SYS_exit_group, [3, 0, 0, 0, 0, 0]).kind(CallKind::NoExit);
    assert_eq!(text(&exit), "exit_group(3) = ?");
    assert_eq!(object(&exit)["ret"], serde_json::Value::Null);
    let killed = native(libc::SYS_close, [3, 0, 0, 0, 0, 0]).kind(CallKind::Unfinished);
    assert_eq!(text(&killed), "close(3 <unfinished ...>) = ?");
    assert_eq!(object(&killed)["kind"], "unfinished");
}

#[test]
fn interrupted_calls_say_what_the_kernel_does_next() {
    let pause = |ret| text(&native(libc::SYS_pause, [0; 6]).ret(ret));
    assert_eq!(
        pause(-514),
        "pause() = ? ERESTARTNOHAND (To be restarted if no handler)"
    );
    assert_eq!(
        pause(-512),
        "pause() = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"
    );
    assert_eq!(pause(-4), "pause() = -1 EINTR (Interrupted system call)");
    assert_eq!(pause(-4000), "pause() = -1 (errno 4000)");
}

#[test]
fn the_result_stands_in_its_column() {
    let bytes = native(libc::SYS_close, [3, 0, 0, 0, 0, 0]).bytes();
    let mut out = b"[pid 7] ".to_vec();
    let call = Call::read(&bytes).expect("a record");
    line(&call, &Style::default(), &mut out);
    assert_eq!(out, b"[pid 7] close(3)                                = 0");
}

#[test]
fn signals_say_what_they_are() {
    let mut info = [0u8; 128];
    info[0] = 11;
    info[8] = 1;
    info[16] = 0x10;
    let mut out = Vec::new();
    signal_info(Abi::Native, &info, &mut out);
    assert_eq!(
        out,
        b"{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10}"
    );
    out.clear();
    let mut child = [0u8; 128];
    (child[0], child[8], child[16], child[24]) = (17, 2, 45, 9);
    signal_info(Abi::Native, &child, &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "{si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=45, si_uid=0, si_status=SIGKILL, si_utime=0, si_stime=0}"
    );
}

#[test]
fn wait_statuses_are_taken_apart() {
    for (status, wanted) in [
        (0x300, "{WIFEXITED(s) && WEXITSTATUS(s) == 3}"),
        (9, "{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}"),
        (
            0x8b,
            "{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}",
        ),
        (0x137f, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}"),
        (0x857f, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}"),
        (0xffff, "{WIFCONTINUED(s)}"),
    ] {
        let mut out = Vec::new();
        wait_status(status, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }
}

#[test]
fn the_page_about_json_shows_what_is_written() {
    let bytes = native(libc::SYS_openat, [0xffff_ff9c, ADDR, 0x8_0000, 0, 0, 0])
        .ret(3)
        .times(1000, 3500)
        .part(PartKind::EntryString, ADDR, b"/etc/hosts\0")
        .bytes();
    let mut out = b"{".to_vec();
    let call = Call::read(&bytes).expect("a record");
    json(&call, &Style::default(), &mut out);
    out.push(b'}');
    let page = include_str!("../../../../docs/json-trace.md");
    let text = String::from_utf8_lossy(&out);
    assert!(page.contains(&*text), "{text}");
}

#[test]
fn bytes_that_are_no_text_are_told_from_text() {
    let read = |bytes: &[u8], len: usize| {
        let record = native(libc::SYS_read, [3, ADDR, len as u64, 0, 0, 0])
            .ret(len as i64)
            .part_as(PartKind::ExitMemory, ArgState::Ok, ADDR, len as u32, bytes);
        object(&record)["args"]["buf"]["value"].clone()
    };
    assert_eq!(read("ä\0".as_bytes(), 3), "ä\0");
    assert_eq!(read(b"\xff\0", 2), serde_json::json!({"hex": "ff00"}));
    let long = read(&[b'a'; 100], 100);
    assert_eq!(
        long,
        serde_json::json!({"text": "a".repeat(32), "cut": true})
    );
}

#[test]
fn pointers_say_how_they_were_read() {
    let open = |state, bytes: &[u8]| {
        let record = native(libc::SYS_openat, [0xffff_ff9c, ADDR, 0, 0, 0, 0])
            .ret(-14)
            .part_as(PartKind::EntryString, state, ADDR, u32::MAX, bytes);
        (
            text(&record),
            object(&record)["args"]["filename"]["state"].clone(),
        )
    };
    let failed = "= -1 EFAULT (Bad address)";
    let (line, state) = open(ArgState::Late, b"/x\0");
    assert_eq!(line, format!("openat(AT_FDCWD, \"/x\", O_RDONLY) {failed}"));
    assert_eq!(state, "late");
    let (line, state) = open(ArgState::Fault, b"");
    assert_eq!(line, format!("openat(AT_FDCWD, 0x7000, O_RDONLY) {failed}"));
    assert_eq!(state, "fault");
    let (line, state) = open(ArgState::Truncated, b"/x");
    assert_eq!(
        line,
        format!("openat(AT_FDCWD, \"/x\"..., O_RDONLY) {failed}")
    );
    assert_eq!(state, "truncated");
}

#[test]
fn descriptors_have_names_when_asked_for() {
    use crate::types::call::{Descriptor, DescriptorKind};
    let file = Descriptor {
        kind: DescriptorKind::File,
        deleted: false,
        cut: false,
        family: 0,
        sock_type: 0,
        protocol: 0,
        ino: 5,
        peer: 0,
        rdev: 1 << 20 | 3,
        mode: 0o020_666,
        local: &[],
        remote: &[],
        text: b"/dev/null",
    };
    let mut local = vec![2, 0, 0, 80, 127, 0, 0, 1];
    local.resize(28, 0);
    let socket = Descriptor {
        kind: DescriptorKind::Socket,
        family: 2,
        sock_type: 1,
        local: &local,
        remote: &local,
        text: b"",
        ..file
    };
    let gone = Descriptor {
        deleted: true,
        mode: 0,
        text: b"/tmp/a<b>\n",
        ..file
    };
    let shown = |known: &Descriptor<'_>, descriptors| {
        let bytes = native(libc::SYS_close, [3, 0, 0, 0, 0, 0])
            .part(PartKind::EntryDescriptor, 3, &known.bytes())
            .bytes();
        let style = Style {
            descriptors,
            column: 0,
            ..Style::default()
        };
        let mut out = Vec::new();
        line(&Call::read(&bytes).expect("a record"), &style, &mut out);
        String::from_utf8(out).expect("ASCII")
    };
    use Descriptors::{Full, Paths};
    assert_eq!(shown(&file, Descriptors::None), "close(3) = 0");
    assert_eq!(shown(&file, Paths), "close(3</dev/null>) = 0");
    assert_eq!(shown(&file, Full), "close(3</dev/null<char 1:3>>) = 0");
    assert_eq!(shown(&socket, Paths), "close(3<socket:[5]>) = 0");
    let ends = "close(3<TCP:[127.0.0.1:80->127.0.0.1:80]>) = 0";
    assert_eq!(shown(&socket, Full), ends);
    assert_eq!(
        shown(&gone, Paths),
        r"close(3</tmp/a\074b\076\n>(deleted)) = 0"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever a record says, decoding ends, text is printable and JSON is JSON.
    #[test]
    fn any_record_has_a_line(
        abi in prop_oneof![Just(Abi::Native), Just(Abi::I386)],
        nr in 0u32..470,
        args in prop::array::uniform6(prop_oneof![
            Just(ADDR), Just(ADDR + 64), 0u64..70, any::<u64>(), Just(0xffff_ff9c),
        ]),
        ret in prop_oneof![-520i64..100, any::<i64>()],
        kind in prop_oneof![
            Just(CallKind::Call), Just(CallKind::NoEntry), Just(CallKind::Unfinished),
        ],
        verbose: bool,
        entry in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0x70), 0u8..20], 0..200),
        exit in prop::collection::vec(any::<u8>(), 0..200),
        state in 0u8..7,
    ) {
        let record = CallBuilder::new(abi, nr, args)
            .ret(ret)
            .kind(kind)
            .part_as(PartKind::EntryMemory, ArgState::from_wire(state), ADDR, 200, &entry)
            .part(PartKind::ExitMemory, ADDR, &exit)
            .bytes();
        let call = Call::read(&record).expect("a record");
        let style = Style { verbose, ..Style::default() };
        let mut out = Vec::new();
        line(&call, &style, &mut out);
        prop_assert!(out.iter().all(|b| (0x20..0x7f).contains(b)), "{}", String::from_utf8_lossy(&out));
        let mut out = b"{".to_vec();
        json(&call, &style, &mut out);
        out.push(b'}');
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&out);
        prop_assert!(parsed.is_ok(), "{:?} {}", parsed, String::from_utf8_lossy(&out));
    }
}
