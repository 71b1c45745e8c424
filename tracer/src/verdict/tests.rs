//! Judgements over every combination of what can go wrong, and assertions beside the programs that they become.

use super::assertion::compile;
use super::*;

fn said(verdict: Verdict, direct: bool) -> Said {
    Said {
        verdict,
        reason: String::new(),
        direct,
        symptom: false,
    }
}

fn both() -> Can {
    Can {
        good: true,
        bad: true,
    }
}

fn run(said: Vec<Said>) -> Evidence {
    Evidence {
        said,
        can: both(),
        command: Command::Succeeded,
        ..Evidence::default()
    }
}

/// All combinations of what can be said, lost and done: the rules hold in each.
#[test]
fn good_takes_a_whole_run_and_bad_a_reason_that_stands() {
    let verdicts = [Verdict::Good, Verdict::Bad, Verdict::Unsure];
    let mut statements = vec![None];
    statements.extend(
        verdicts
            .iter()
            .flat_map(|&v| [Some(said(v, true)), Some(said(v, false))]),
    );
    let commands = [
        Command::None,
        Command::Succeeded,
        Command::Failed("exit status: 3".into()),
        Command::Unfinished,
    ];
    let mut seen = [0; 3];
    for bits in 0..32u32 {
        let flag = |bit: u32| bits >> bit & 1 == 1;
        for (first, second, command) in product(&statements, &commands) {
            let run = Evidence {
                said: first.iter().chain(&second).cloned().collect(),
                can: Can {
                    good: flag(0),
                    bad: true,
                },
                command,
                unseen: vec!["lost".to_owned(); flag(1).into()],
                any_status: flag(2),
                by_status: flag(3),
                has_symptom: flag(4),
            };
            let verdict = judge(&run).verdict;
            seen[verdict as usize] += 1;
            let says = |v| run.said.iter().any(|s| s.verdict == v);
            let failed = matches!(run.command, Command::Failed(_));
            match verdict {
                Verdict::Good => {
                    assert!(
                        run.unseen.is_empty() && run.command != Command::Unfinished,
                        "{run:?}"
                    );
                    assert!(!failed || run.any_status && !run.by_status, "{run:?}");
                    assert!(!says(Verdict::Bad) && !says(Verdict::Unsure), "{run:?}");
                    assert!(says(Verdict::Good) || !run.can.good, "{run:?}");
                }
                Verdict::Bad => {
                    assert!(says(Verdict::Bad) || run.by_status && failed, "{run:?}");
                    assert!(!says(Verdict::Unsure) && !run.has_symptom, "{run:?}");
                    let direct = run
                        .said
                        .iter()
                        .any(|s| s.verdict == Verdict::Bad && s.direct);
                    let stands = direct || run.by_status && failed;
                    assert!(run.unseen.is_empty() || stands, "{run:?}");
                }
                Verdict::Unsure => {}
            }
        }
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}

fn product(
    statements: &[Option<Said>],
    commands: &[Command],
) -> Vec<(Option<Said>, Option<Said>, Command)> {
    let mut all = Vec::new();
    for first in statements {
        for second in statements {
            for command in commands {
                all.push((first.clone(), second.clone(), command.clone()));
            }
        }
    }
    all
}

#[test]
fn a_symptom_tells_failures_apart() {
    let failed = Evidence {
        command: Command::Failed("exit status: 1".into()),
        by_status: true,
        has_symptom: true,
        can: Can::default(),
        ..run(vec![])
    };
    assert_eq!(judge(&failed).verdict, Verdict::Unsure);
    let symptom = |direct| Said {
        symptom: true,
        ..said(Verdict::Bad, direct)
    };
    let seen = Evidence {
        said: vec![symptom(true)],
        ..failed.clone()
    };
    assert_eq!(judge(&seen).verdict, Verdict::Bad);
    let lost = |direct| Evidence {
        said: vec![symptom(direct)],
        unseen: vec!["7 events were lost".into()],
        ..failed.clone()
    };
    assert_eq!(judge(&lost(true)).verdict, Verdict::Bad);
    assert_eq!(judge(&lost(false)).verdict, Verdict::Unsure);
    // The symptom alone is no failure.
    let fine = Evidence {
        command: Command::Succeeded,
        ..seen
    };
    assert_eq!(judge(&fine).verdict, Verdict::Good);
}

#[test]
fn one_bad_run_is_enough_and_good_takes_all() {
    let of = |verdicts: &[Verdict]| {
        let runs: Vec<_> = verdicts.iter().map(|&v| Judgement::new(v, "why")).collect();
        over_runs(&runs)
    };
    use Verdict::{Bad, Good, Unsure};
    assert_eq!(of(&[Good, Unsure, Bad]).verdict, Bad);
    assert_eq!(of(&[Good, Unsure]).verdict, Unsure);
    assert_eq!(of(&[Good, Good]).reason, "why (in all 2 runs)");
    assert_eq!(of(&[]).verdict, Unsure);
}

fn program(text: &str) -> String {
    compile(&[text.to_owned()]).expect("an assertion")
}

#[test]
fn counts_become_clauses_and_a_judgement() {
    assert_eq!(
        program("count(syscall:fsync /retval == 0/) <= 1"),
        "config = { print_maps_on_exit = false }\n\
         syscall:fsync /retval == 0/ { @m0 = count(); }\n\
         END {\n    $bad = 0;\n    \
         if (!(@m0 <= 1)) { $bad = 1; bad(\"count(syscall:fsync /retval == 0/) <= 1 does not hold: \
         count(syscall:fsync /retval == 0/) = %d\", @m0); }\n    \
         if ($bad == 0) {\n        $few = 0;\n        if ($few == 0) {\n            \
         good(\"count(syscall:fsync /retval == 0/) <= 1 holds: count(syscall:fsync /retval == 0/) = %d\", @m0);\n        \
         }\n    }\n}\n"
    );
}

#[test]
fn metrics_take_probes_filters_and_values_apart() {
    let text = program(
        "sum(syscall:read,syscall:write /comm == \"a)/,b\"/, args.count * 2) > 4096 && errors(openat, ENOENT) == 0",
    );
    let wanted = [
        "syscall:read,syscall:write /comm == \"a)/,b\"/ { @m0 = sum(args.count * 2); }",
        "syscall:openat /errno == ENOENT/ { @m1 = count(); }",
        "if (!((@m0 > 4096) && (@m1 == 0)))",
    ];
    for part in wanted {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(
        program("errors(%file /uid == 0/) < 3")
            .contains("syscall:%file /errno != 0 && (uid == 0)/")
    );
    assert!(
        program("max(syscall:futex, duration) < 1s")
            .contains("@m0 = max(duration); @n0 = count();")
    );
    let distinct = program("distinct(syscall:openat, args.filename) < 10");
    assert!(
        distinct.contains("for ($kv : @m0) { $m0 += 1; }"),
        "{distinct}"
    );
}

#[test]
fn percentiles_are_shares_of_samples() {
    let text = program("1ms >= p99(syscall:read, duration)");
    assert!(
        text.contains("if ((duration) <= 1ms) { @m0 = count(); }"),
        "{text}"
    );
    assert!(
        text.contains("if (!(@n0 < 100) && !(@m0 * 100 >= @n0 * 99))"),
        "{text}"
    );
    let above = program("p50(syscall:read, duration) > 5us");
    assert!(above.contains("(!(@m0 * 100 >= @n0 * 50))"), "{above}");
    assert!(above.contains("@n0 < 2"), "{above}");
}

#[test]
fn every_program_of_an_assertion_is_one_of_the_language() {
    for text in [
        "count(syscall:fsync) <= 1",
        "p99(syscall:read /args.count > 10/, duration) < 1ms || !(avg(syscall:read, retval) - 1 > 7)",
        "distinct(syscall:openat, args.filename) + errors(%file) != -3",
        "count(syscall:openat /args.filename == \"50%\\\\\"/) == 0",
    ] {
        let script = program(text);
        let (_, found) = crate::syntax::parse(&script, &[]);
        assert!(found.is_empty(), "{script}\n{found:#?}");
    }
}

#[test]
fn mistakes_name_their_place() {
    let why = |text: &str| {
        compile(&[text.to_owned()])
            .expect_err("a mistake")
            .to_string()
    };
    assert_eq!(
        why("count(syscall:fsync)"),
        "an assertion compares: a number is neither true nor false at `count(syscall:fsync)` of `count(syscall:fsync)`"
    );
    for wrong in [
        "",
        "1 <",
        "count() > 1",
        "count(syscall:read > 1",
        "sum(syscall:read) > 1",
        "counts(syscall:read) > 1",
        "p99(syscall:read, duration) == 1ms",
        "p99(syscall:read, duration) * 2 < 1ms",
        "p99(syscall:read, duration)",
        "p9(syscall:read, duration) < 1",
        "count(syscall:read) > 1 && 2",
        "(count(syscall:read) > 1",
        "count(syscall:read) > 1 1",
        "!count(syscall:read)",
        "é",
        "count(syscall:read) > é",
    ] {
        let said = why(wrong);
        assert!(said.contains(" at "), "{wrong}: {said}");
    }
}
