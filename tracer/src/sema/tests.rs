//! Whole scripts through the checker, on facts written by hand.

use crate::diag::{Diagnostic, Severity, render};
use crate::facts::Fixed;
use crate::ir;

/// Program and diagnostics of a script that parses.
fn check_with(script: &str, params: &[&str], facts: &Fixed) -> (ir::Program, Vec<Diagnostic>) {
    let params: Vec<String> = params.iter().map(|p| (*p).to_owned()).collect();
    let (tree, notes) = crate::syntax::parse(script, &params);
    assert_eq!(notes, [], "{script}");
    super::check(&tree, facts)
}

/// The program of a script without errors.
fn good(script: &str) -> ir::Program {
    good_with(script, &[], &Fixed::default())
}

fn good_with(script: &str, params: &[&str], facts: &Fixed) -> ir::Program {
    let (program, notes) = check_with(script, params, facts);
    let text = render::short("-e", script, &notes);
    assert!(
        notes.iter().all(|d| d.severity == Severity::Warning),
        "{text}"
    );
    assert_eq!(ir::verify::verify(&program), Ok(()), "{script}");
    program
}

/// Codes of the errors and warnings of a script.
fn codes_of(script: &str) -> Vec<String> {
    let (_, notes) = check_with(script, &[], &Fixed::default());
    notes.iter().map(|d| d.code.to_string()).collect()
}

/// The IR of a script without errors, without its first two lines (limits).
fn text(script: &str) -> String {
    ir::text::write(&good(script))
}

#[test]
fn a_call_gives_arguments_result_and_time_together() {
    let got = text(
        r#"syscall:openat { printf("%s %d %s %d\n", str(args.filename), retval, strerror(errno), duration/1000); }"#,
    );
    for part in [
        "(probe syscall whole (calls (native 257) (i386 295)))",
        "((str 1024) read-str user (u64 arg 1) 0)",
        "(strerror cast (errno errno))",
        "(arg (u64 div (u64 duration) (u64 1000) 1) (bool entry-seen))",
    ] {
        assert!(got.contains(part), "{part} in\n{got}");
    }
}

#[test]
fn an_absent_duration_skips_aggregations_and_makes_comparisons_false() {
    let got = text("syscall:read { @[comm] = hist(duration); }");
    assert!(got.contains("(if (bool entry-seen)"), "{got}");
    let negated = text("syscall:read /!(duration > 5)/ { @ = count(); }");
    let expected = "(bool not (bool and (bool entry-seen) (bool gt (u64 duration) (u64 5))))";
    assert!(negated.contains(expected), "{negated}");
}

#[test]
fn calls_that_pass_an_argument_alike_share_a_clause() {
    let program = good("syscall:read,syscall:write { @ = sum(args.count); }");
    assert_eq!(
        program.clauses.len(),
        1,
        "fd, buf, count in both and both ABIs"
    );
    let program = good("syscall:clone:entry { @[args.tls] = count(); }");
    assert_eq!(program.clauses.len(), 2, "tls is another register on i386");
}

#[test]
fn a_map_may_be_read_before_it_is_written() {
    let program = good("BEGIN { print(@late[1]); @late[2] = \"text\"; }");
    let ir::MapValue::Plain(ty) = &program.maps[0].value else {
        panic!("a plain map");
    };
    assert_eq!(ty.to_string(), "string[8]");
}

#[test]
fn a_map_that_counts_from_itself_is_a_number() {
    let program = good("BEGIN { @a = @a + 1; }");
    assert_eq!(
        program.maps[0].value,
        ir::MapValue::Plain(crate::types::Type::I64)
    );
}

#[test]
fn a_type_without_end_is_an_error() {
    assert_eq!(codes_of("BEGIN { @a = 1; @a = (@a, 1); }"), ["E0216"]);
}

#[test]
fn tracepoints_of_calls_are_served_as_calls() {
    let got = text("tracepoint:raw_syscalls:sys_exit { @[args.id] = sum(args.ret); }");
    assert!(got.contains("(probe syscall return"), "{got}");
    assert!(
        got.contains("(aggregate 0 (key (i64 nr)) (i64 retval))"),
        "{got}"
    );
    let program = good("tracepoint:syscalls:sys_enter_* { @[probe] = count(); }");
    assert_eq!(program.clauses.len(), 1);
}
