//! Command lines beside the scripts that they make.

use super::meant;
use crate::cli::failure::Failure;
use crate::cli::typed::{Command, CommandLine};
use crate::session::Request;
use clap::Parser;

fn request(line: &str) -> Result<Request, Failure> {
    let words = line.split_whitespace().map(std::ffi::OsString::from);
    let words = super::spelling::rewrite(words.collect());
    let line = CommandLine::try_parse_from(words).expect("clap takes it");
    match line.command {
        Some(Command::Trace(typed)) => meant::request(&typed),
        _ => panic!("it is `tracer trace`"),
    }
}

/// The script's clauses on system calls.
fn script(line: &str) -> String {
    let text = request(line).expect("it means something").script.text;
    let calls = text.lines().filter(|line| line.starts_with("syscall:"));
    calls.collect::<Vec<_>>().join("\n")
}

fn refused(line: &str) -> String {
    match request(line) {
        Err(Failure::Usage(sentence)) => sentence,
        other => panic!("{line}: {other:?}"),
    }
}

/// Whose calls: options, and below them the clauses on system calls that they make.
const WHOSE: &str = r#"
tracer trace -e openat,close -p 7
    syscall:close,syscall:openat /pid == 7/ { trace(); }
tracer trace -e openat -p 7,8 -p 9
    syscall:openat /(pid == 7 || pid == 8 || pid == 9)/ { trace(); }
tracer trace -e openat -f -p 7
    syscall:openat /tree/ { trace(); }
tracer trace -e openat ls -l -f json
    syscall:openat /tree/ { trace(); }
tracer trace -e openat --system -- ls
    syscall:openat { trace(); }
tracer trace -e openat --comm make --uid root --uid 5
    syscall:openat /comm == "make" && (uid == 0 || uid == 5)/ { trace(); }
tracer trace -e openat --comm cc*
    syscall:openat /comm =~ "cc*"/ { trace(); }
"#;

/// Which calls.
const WHICH: &str = r#"
tracer trace
    syscall:* { trace(); }
tracer trace -e trace=openat
    syscall:openat { trace(); }
tracer trace -e close,openat --fd 3
    syscall:openat /args.dfd == 3/ { trace(); }
    syscall:close /args.fd == 3/ { trace(); }
tracer trace -e link,mkdir,close -P /a
    syscall:close { trace(); }
    syscall:link /(args.oldname == "/a" || args.newname == "/a")/ { trace(); }
    syscall:mkdir /args.pathname == "/a"/ { trace(); }
tracer trace -e ?no_such,/^getres[ug]id$
    syscall:getresgid,syscall:getresuid { trace(); }
tracer trace -e %statfs -e %fstatfs
    syscall:fstatfs,syscall:fstatfs64,syscall:statfs,syscall:statfs64 { trace(); }
tracer trace -e statfs,fstatfs,ustat -e !statfs
    syscall:fstatfs,syscall:ustat { trace(); }
"#;

/// Which results.
const RESULTS: &str = r#"
tracer trace -e openat --errors
    syscall:openat /errno != 0/ { trace(); }
tracer trace -e openat -Z
    syscall:openat /errno != 0/ { trace(); }
tracer trace -e openat -z -p 1
    syscall:openat /pid == 1 && errno == 0/ { trace(); }
tracer trace -e openat -e status=failed
    syscall:openat /errno != 0/ { trace(); }
tracer trace -e status=successful,failed
    syscall:* /(errno == 0 || errno != 0)/ { trace(); }
tracer trace -e exit_group,openat -e status=!failed
    syscall:openat /errno == 0/ { trace(); }
    syscall:exit_group { trace(); }
"#;

/// What is shown of them.
const SHOWN: &str = r#"
tracer trace -e openat -k
    syscall:openat { trace(ustack); }
tracer trace -e openat --kernel-stacks
    syscall:openat { trace(kstack); }
tracer trace -c -e exit,openat
    syscall:openat { @calls[name] = count(); @total[name] = sum(duration); @least[name] = min(duration); @most[name] = max(duration); $bits = duration; $bits |= $bits >> 1; $bits |= $bits >> 2; $bits |= $bits >> 4; $bits |= $bits >> 8; $bits |= $bits >> 16; $bits |= $bits >> 32; @times[name, duration & ~($bits >> 5)] = count(); if (errno != 0) { @errors[name] = count(); } }
    syscall:exit { @calls[name] = count(); }
"#;

#[test]
fn options_are_predicates() {
    for table in [WHOSE, WHICH, RESULTS, SHOWN] {
        let options = table.lines().filter(|line| line.starts_with("tracer"));
        let made = options.map(|line| {
            let clauses = script(line).replace('\n', "\n    ");
            format!("{line}\n    {clauses}\n")
        });
        assert_eq!(made.collect::<String>(), table.trim_start());
    }
}

#[test]
fn what_is_not_wanted_leaves_everything_else_unknown_numbers_too() {
    let script = script("tracer trace -e !futex");
    let first = script.lines().next().expect("a clause");
    assert!(!first.contains("syscall:futex,") && !first.contains("syscall:exit_group"));
    assert!(first.contains("syscall:futex_wait,") && first.contains(",syscall:%unknown {"));
}

#[test]
fn signals_and_ends_are_there_unless_they_are_not_wanted() {
    let has = |line: &str| {
        let text = request(line).expect("it means something").script.text;
        let part = |probe: &str| text.contains(probe);
        (part("signal_deliver"), part("sched_process_exit"))
    };
    assert_eq!(has("tracer trace"), (true, true));
    assert_eq!(has("tracer trace -q"), (true, false));
    assert_eq!(has("tracer trace -qq"), (false, false));
    assert_eq!(has("tracer trace -e signal=none"), (false, true));
    assert_eq!(has("tracer trace -e quiet=exit"), (true, false));
    assert_eq!(has("tracer trace -c"), (false, false));
    let some = request("tracer trace -e signal=!INT,9").expect("it means something");
    assert!(
        some.script
            .text
            .contains("(args.sig != 2 && args.sig != 9)")
    );
}

#[test]
fn what_cannot_be_is_answered_with_a_sentence() {
    for (line, part) in [
        ("tracer trace -e opnat", "did you mean `openat`"),
        (
            "tracer trace -e %fil",
            "no such class of system calls: `%fil`; there are %clock",
        ),
        ("tracer trace -e /(", "is no regular expression"),
        ("tracer trace -e fault=open", "the tracer only watches"),
        (
            "tracer trace -e inject=open:error=EIO",
            "the tracer only watches",
        ),
        ("tracer trace -e status=odd", "`odd` is none of"),
        ("tracer trace -e signal=SIGNONE", "is no signal"),
        ("tracer trace -i", "use -k"),
        ("tracer trace -o |gzip ls", "let the shell do it"),
        ("tracer trace -ff -o file ls", "all lines go to one file"),
        ("tracer trace -A", "append with the shell"),
        ("tracer trace -u me ls", "runuser"),
        ("tracer trace -p 1 ls", "one or the other"),
        ("tracer trace -e none -qq", "ask for no call"),
        ("tracer trace --uid nobody-at-all", "no such user"),
    ] {
        let sentence = refused(line);
        assert!(sentence.contains(part), "{line}: {sentence}");
    }
}
