//! Automata against other engines: globs against the matcher of probe names, regular expressions against `regex-lite`.

use super::*;
use crate::types::glob;
use proptest::prelude::*;

fn regex(source: &str) -> Pattern {
    Pattern::new(Dialect::Regex, source).expect("a pattern")
}

#[test]
fn a_part_is_enough_unless_the_pattern_says_where() {
    for (source, text, expected) in [
        ("foo", "a foo b", true),
        ("foo", "a fo", false),
        ("^foo", "a foo", false),
        ("foo$", "a foo", true),
        ("^$", "", true),
        ("^$", "x", false),
        ("", "anything", true),
        ("(?i)FOO", "fOo", true),
        (r"\bcat\b", "a cat.", true),
        (r"\bcat\b", "concat", false),
        ("a{3}", "baab aaa", true),
        ("[^a-z]", "abc", false),
        (".", "\n", false),
        ("(?s:.)", "\n", true),
        (r"^/proc/\d+/(maps|stat)$", "/proc/17/stat", true),
        (r"^/proc/\d+/(maps|stat)$", "/proc/self/stat", false),
    ] {
        assert_eq!(
            regex(source).matches(text.as_bytes()),
            expected,
            "{source} {text}"
        );
    }
}

#[test]
fn bytes_are_bytes() {
    assert!(regex(r"\xff\x80").matches(b"a\xff\x80"));
    assert!(regex("ä").matches("bär".as_bytes()));
    assert!(regex("b..r").matches("bär".as_bytes()));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = Pattern::new(Dialect::Regex, "ab(c").expect_err("no end");
    assert_eq!(
        wrong,
        PatternError::Malformed("unclosed group".to_owned(), Some(2))
    );
    let wrong = Pattern::new(Dialect::Regex, "[z-a]").expect_err("no range");
    assert!(
        matches!(wrong, PatternError::Malformed(_, Some(1))),
        "{wrong:?}"
    );
}

#[test]
fn what_is_too_large_is_refused_in_bounded_time() {
    for source in ["(a|b)*a(a|b){12}", "x{5000}", "(x{100}){100}"] {
        let wrong = Pattern::new(Dialect::Regex, source).expect_err(source);
        assert_eq!(wrong, PatternError::TooLarge, "{source}");
    }
}

#[test]
fn placed_rows_mean_the_same() {
    let pattern = regex("ab|cd$");
    let (start, rows) = pattern.automaton.placed(1, 2, 10);
    let rows: Vec<Row> = rows.collect();
    for text in ["xab", "xcd", "cdx", "", "a"] {
        let mut state = start;
        for byte in text.bytes().chain([0]) {
            if state >= 10 {
                state = rows[usize::from(state) - 10][usize::from(byte)];
            }
        }
        assert!(state == 1 || state == 2);
        assert_eq!(state == 2, pattern.matches(text.as_bytes()), "{text}");
    }
}

/// Regular expressions of a few letters.
fn regexes() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abc]",
        Just(".".to_owned()),
        Just("[^a]".to_owned()),
        Just("[a-b]".to_owned())
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
            inner.clone().prop_map(|a| format!("({a})*")),
            inner.clone().prop_map(|a| format!("({a})?")),
            inner.clone().prop_map(|a| format!("^({a})")),
            inner.prop_map(|a| format!("({a})$")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_glob_is_the_glob_of_probe_names(source in r"[ab*?\[\]!^.-]{0,8}", text in "[ab.-]{0,8}") {
        let pattern = Pattern::new(Dialect::Glob, &source).expect("a glob has no mistakes");
        prop_assert_eq!(pattern.matches(text.as_bytes()), glob::matches(&source, &text));
    }

    #[test]
    fn a_regex_is_what_others_mean(source in regexes(), text in "[abc]{0,8}") {
        let other = regex_lite::Regex::new(&source).expect("a regular expression");
        prop_assert_eq!(regex(&source).matches(text.as_bytes()), other.is_match(&text));
    }
}
