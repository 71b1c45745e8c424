//! Every rule broken once, from IR in its text form; and a program that breaks none.

use super::*;
use crate::ir::{arbitrary, text};
use proptest::prelude::*;

const NONE: [u32; 0] = [];

/// The rules that a program with one clause breaks.
fn broken(declarations: &str, probe: &str, body: &str) -> Vec<u32> {
    let text = format!(
        "(program (limits 64 4096) (site divide-by-zero) (site modulo-by-zero) (site read-failed) (site absent)
           (map \"p\" (key u32) (plain i64)) (map \"c\" (key) (agg count)) (map \"s\" (key) (agg (sum signed)))
           {declarations}
           (clause (probe {probe}) (var \"v\" i64) (var \"t\" (tuple i64 (str 8))) {body}))"
    );
    let program = text::read(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let errors = verify(&program).err().unwrap_or_default();
    let number = |e: &String| {
        e["rule ".len()..]
            .split(':')
            .next()
            .and_then(|n| n.parse().ok())
    };
    errors
        .iter()
        .map(|e| number(e).expect("a rule's number"))
        .collect()
}

fn body(stmts: &str) -> Vec<u32> {
    broken(
        "",
        "syscall whole (calls (native 1 2))",
        &format!("(do {stmts})"),
    )
}

/// A statement that uses a value.
fn value(expr: &str) -> Vec<u32> {
    body(&format!("(expr {expr})"))
}

#[test]
fn a_good_program_breaks_no_rule() {
    let stmts = "(set-var 0 (i64 div (i64 cast (u64 duration)) (i64 2) 0))
        (set-map 0 (key (u32 pid)) (i64 var 0))
        (aggregate 1 (key)) (aggregate 2 (key) (i64 get 0 (key (u32 tid))))
        (if (bool and (bool eq ((str 16) comm) ((str 4) \"abc\")) (bool not (bool entry-seen)))
          (then (expr (i64 step-map 0 (key (u32 1)) 1)) (return))
          (else (count 3) (exit (i64 0))))
        (set-var 1 ((tuple i64 (str 8)) tuple (i64 retval) ((str 8) read-str user (u64 arg 1) 2)))
        (expr (u8 load kernel 4 (u64 curtask) 8 2 (bits 3 5)))
        (expr (i64 tuple-field ((tuple i64 (str 8)) var 1) 0))
        (delete 0 (key (u32 cond (bool 1) (u32 2) (u32 3))))
        (clear 0) (emit 0 (arg (errno errno) (bool entry-seen)))";
    let declarations = "(emit (printf \"a\" (s)) (args errno))";
    let probe = "syscall whole (calls (native 1 2) (i386 5) unknown)";
    let clause = format!("(when (bool lt (i64 retval) (i64 0))) (do {stmts})");
    assert_eq!(broken(declarations, probe, &clause), NONE);
    let fields = "(do (expr (i32 field 8 4)) (expr (u64 data-loc 12)) (expr (u64 field-addr 16)))";
    assert_eq!(broken("", "tracepoint \"a\" \"b\"", fields), NONE);
}

#[test]
fn rule_1_ids() {
    assert_eq!(body("(clear 9)"), [1]);
    assert_eq!(body("(count 9)"), [1]);
    assert_eq!(body("(emit 0)"), [1]);
    assert_eq!(value("(i64 var 7)"), [1]);
    assert_eq!(broken("(emit (clear 7) (args))", "begin", "(do)"), [1]);
}

#[test]
fn rules_2_and_3_probes() {
    assert_eq!(broken("", "interval 0", "(do)"), [3]);
    assert_eq!(broken("", "syscall entry (calls)", "(do)"), [3]);
    assert_eq!(
        broken("", "syscall entry (calls (native 2 1))", "(do)"),
        [3]
    );
    assert_eq!(
        broken("", "begin", "(probe syscall entry (calls (native 1))) (do)"),
        [2]
    );
    assert_eq!(broken("(clause (do))", "begin", "(do)"), [2]);
}

#[test]
fn rule_4_values() {
    assert_eq!(
        broken("(map \"x\" (key (record 1)) (agg count))", "begin", "(do)"),
        [4]
    );
    assert_eq!(
        broken("", "begin", "(var \"x\" (array (tuple u8) 4)) (do)"),
        [4]
    );
    assert_eq!(
        broken(
            "(emit print-value (args (tuple i64 void)))",
            "begin",
            "(do)"
        ),
        [4]
    );
}

#[test]
fn rule_5_constants() {
    assert_eq!(value("(u8 256)"), [5]);
    assert_eq!(value("(i8 128)"), [5]);
    assert_eq!(value("(i8 18446744073709551615)"), NONE);
    assert_eq!(value("(bool 2)"), [5]);
    assert_eq!(value("((str 4) 2)"), [5]);
    assert_eq!(value("((str 3) \"abc\")"), [5]);
    assert_eq!(value("((str 8) \"a\\x00\")"), [5]);
}

#[test]
fn rule_6_builtins() {
    assert_eq!(value("(u64 pid)"), [6]);
    assert_eq!(value("(probe-name probe)"), [6]);
    assert_eq!(broken("", "begin", "(do (expr (u64 duration)))"), [6]);
    assert_eq!(
        broken(
            "",
            "syscall entry (calls (native 1))",
            "(do (expr (i64 retval)))"
        ),
        [6]
    );
    assert_eq!(
        broken(
            "",
            "function kretprobe kretprobe \"f\" 0 anywhere",
            "(do (expr (i64 retval)) (expr (u64 arg 0)))"
        ),
        [6]
    );
}

#[test]
fn rule_7_maps() {
    assert_eq!(body("(delete 0 (key))"), [7]);
    assert_eq!(body("(delete 0 (key (u64 1)))"), [7]);
    assert_eq!(value("(u64 get 0 (key (u32 1)))"), [7]);
    assert_eq!(value("(u64 get 1 (key))"), [7]);
    assert_eq!(body("(aggregate 0 (key (u32 1)))"), [7]);
    assert_eq!(body("(aggregate 1 (key) (i64 1))"), [7]);
    assert_eq!(body("(aggregate 2 (key))"), [7]);
    assert_eq!(body("(aggregate 2 (key) (u32 1))"), [7]);
}

#[test]
fn rule_8_arithmetic() {
    assert_eq!(value("(i64 add (i64 1) (u64 1))"), [8]);
    assert_eq!(value("(u32 add (u32 1) (u32 1))"), [8]);
    assert_eq!(value("(i64 div (i64 1) (i64 1))"), [8]);
    assert_eq!(value("(i64 div (i64 1) (i64 1) 1)"), [8]);
    assert_eq!(value("(i64 add (i64 1) (i64 1) 0)"), [8]);
    assert_eq!(value("(u64 neg (i64 1))"), [8]);
}

#[test]
fn rule_9_conditions() {
    assert_eq!(body("(if (i64 1) (then) (else))"), [9]);
    assert_eq!(value("(bool not (i64 1))"), [9]);
    assert_eq!(value("(bool and (bool 1) (i64 1))"), [9]);
    assert_eq!(value("(i64 eq (i64 1) (i64 1))"), [9]);
    assert_eq!(value("(bool eq (i64 1) (u64 1))"), [9]);
    assert_eq!(
        value("(bool eq ((stack 2) kstack 2) ((stack 2) kstack 2))"),
        [9]
    );
    let tuples = "((tuple i64) tuple (i64 1)) ((tuple i64) tuple (i64 1))";
    assert_eq!(value(&format!("(bool eq {tuples})")), NONE);
    assert_eq!(value(&format!("(bool lt {tuples})")), [9]);
}

#[test]
fn rules_10_to_12_conversions_and_reads() {
    assert_eq!(value("(i64 cond (bool 1) (i64 1) (u64 1))"), [10]);
    assert_eq!(value("(i64 cast ((str 4) \"a\"))"), [11]);
    assert_eq!(value("((stack 2) cast ((stack 3) kstack 3))"), [11]);
    assert_eq!(value("(u64 load user 3 (u64 0) 0 2)"), [12]);
    assert_eq!(value("(u64 load user 4 ((str 4) \"a\") 0 2)"), [12]);
    assert_eq!(value("(u64 load user 4 (u64 0) 0 1)"), [12]);
    assert_eq!(value("(u64 load user 1 (u64 0) 0 2 (bits 4 5))"), [12]);
    assert_eq!(value("(u64 read-str user (u64 0) 2)"), [12]);
}

#[test]
fn rules_13_to_16() {
    assert_eq!(value("(u64 field 8 8)"), [13]);
    assert_eq!(value("((tuple i64) tuple (u64 1))"), [14]);
    assert_eq!(
        value("(i64 tuple-field ((tuple i64 (str 8)) var 1) 2)"),
        [14]
    );
    assert_eq!(value("(u64 step-var 0 1)"), [15]);
    assert_eq!(value("(u64 step-map 0 (key (u32 1)) 1)"), [15]);
    assert_eq!(body("(set-var 0 (u64 1))"), [16]);
    assert_eq!(body("(set-map 0 (key (u32 1)) (u64 1))"), [16]);
    assert_eq!(value("(u64 var 0)"), [16]);
}

#[test]
fn rules_17_and_18_emits_and_exits() {
    assert_eq!(broken("(emit (printf (s)) (args))", "begin", "(do)"), [17]);
    assert_eq!(broken("(emit exit (args u64))", "begin", "(do)"), [17]);
    assert_eq!(broken("(emit call (args u64))", "begin", "(do)"), [17]);
    let calls = "syscall whole (calls (native 1))";
    let line = "(emit call (args call))";
    let sent = |arg: &str| broken(line, calls, &format!("(do (emit 0 (arg {arg})))"));
    assert_eq!(sent("(call call)"), NONE);
    assert_eq!(sent("(call call) (bool entry-seen)"), [17]);
    assert_eq!(sent("(call var 0)"), [17, 16]);
    assert_eq!(body("(expr (call call))"), NONE);
    assert_eq!(
        broken(line, "begin", "(do (emit 0 (arg (call call))))"),
        [6]
    );
    assert_eq!(body("(expr (bool not (call call)))"), [4, 9]);
    assert_eq!(
        broken(
            "(emit print-value (args u64))",
            "begin",
            "(do (emit 0 (arg (i64 1))))"
        ),
        [17]
    );
    assert_eq!(
        broken("(emit print-value (args u64))", "begin", "(do (emit 0))"),
        [17]
    );
    assert_eq!(body("(exit (u64 1))"), [18]);
    assert_eq!(body("(count 0)"), [18]);
}

#[test]
fn rules_19_to_21_loops_and_texts() {
    let looped = |stmts: &str| broken("(site loop-limit)", "begin", &format!("(do {stmts})"));
    assert_eq!(
        looped("(loop 4 (bool 1) (body (break) (continue)) (next))"),
        NONE
    );
    assert_eq!(looped("(loop 0 (bool 1) (body) (next))"), [19]);
    assert_eq!(looped("(loop 4 (bool 1) (body) (next (break)))"), [19]);
    let inner = "(loop 4 (bool 1) (body) (next))";
    assert_eq!(
        looped(&format!("(loop 4 (bool 1) (body) (next {inner}))")),
        [19]
    );
    assert_eq!(looped("(break)"), [19]);
    assert_eq!(looped("(for-each 0 1 (body))"), [21]);
    assert_eq!(looped("(for-each 1 1 (body))"), [21, 21]);
    assert_eq!(value("((str 8) text (u32 pid))"), [20]);
}

#[test]
fn a_broken_rule_is_reported_once_however_deep() {
    let mut inner = "(u64 pid)".to_owned();
    for _ in 0..60 {
        inner = format!("(u32 cast (i64 get 0 (key (u32 cast {inner}))))");
    }
    assert_eq!(value(&inner), [6]);
}

proptest! {
    /// The programs that the executors are held against each other with break no rule, and read back.
    #[test]
    fn arbitrary_programs_break_no_rule(tape in proptest::collection::vec(any::<u32>(), 0..200)) {
        let mut program = arbitrary::program(&tape, "sched_switch");
        let predicate = arbitrary::predicate(&tape, &mut program);
        program.clauses[0].predicate = Some(predicate);
        prop_assert_eq!(verify(&program), Ok(()));
        prop_assert_eq!(text::read(&text::write(&program)), Ok(program));
    }
}
