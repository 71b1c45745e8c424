//! Expected lines against lines that were printed.
//!
//! In: expected lines, in which `{name}` stands for what the trigger said, `<n>` for a whole number, `<h>` for one
//! in hexadecimal with 0x, `<w>` for a word, `<*>` for any text, and a line `...` for any number of lines. Out: the first
//! difference. Blank lines count for nothing on either side. Never reads anything from the machine.

use anyhow::{Result, bail};
use regex_lite::Regex;

/// Values that the trigger said.
pub type Facts = Vec<(String, String)>;

/// Puts the values into a text; a name that is not known is left alone.
pub fn fill(text: &str, facts: &Facts) -> String {
    facts.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// Compares; the error shows the first expected line that is not there, and everything printed.
pub fn lines(what: &str, expected: &[String], printed: &str, facts: &Facts) -> Result<()> {
    let given: Vec<_> = printed
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let wanted: Vec<_> = expected
        .iter()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut at = 0;
    let mut skipping = false;
    for want in wanted {
        if want == "..." {
            skipping = true;
            continue;
        }
        let pattern = pattern(&fill(want, facts));
        let found = match skipping {
            true => given[at..]
                .iter()
                .position(|line| pattern.is_match(line))
                .map(|n| at + n),
            false => given
                .get(at)
                .filter(|line| pattern.is_match(line))
                .map(|_| at),
        };
        let Some(found) = found else {
            bail!(
                "{what}: line {} is not\n  {want}\nprinted was:\n{printed}",
                at + 1
            );
        };
        at = found + 1;
        skipping = false;
    }
    if at < given.len() && !skipping {
        bail!(
            "{what}: unexpected line\n  {}\nprinted was:\n{printed}",
            given[at]
        );
    }
    Ok(())
}

fn pattern(expected: &str) -> Regex {
    let wildcards = [
        ("<n>", "-?[0-9]+"),
        ("<h>", "0x[0-9a-f]+"),
        ("<w>", r"\S+"),
        ("<\\*>", ".*"),
    ];
    let mut text = regex_lite::escape(expected);
    for (name, meaning) in wildcards {
        text = text.replace(name, meaning);
    }
    Regex::new(&format!("^{text}$")).expect("escaped text and known wildcards are a pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(expected: &[&str], printed: &str) -> Result<()> {
        let expected: Vec<_> = expected.iter().map(|&line| line.to_owned()).collect();
        let facts = vec![("pid".to_owned(), "42".to_owned())];
        lines("out", &expected, printed, &facts)
    }

    #[test]
    fn lines_must_be_equal_one_by_one() {
        assert!(compare(&["a", "b"], "a\n\nb\n").is_ok());
        assert!(compare(&["a"], "a\nb\n").is_err());
        assert!(compare(&["a", "b"], "a\n").is_err());
        assert!(compare(&[], "").is_ok());
        assert!(compare(&[], "x").is_err());
    }

    #[test]
    fn wildcards_stand_for_what_they_say() {
        assert!(compare(&["@[{pid}, <w>]: <n>"], "@[42, open]: -7").is_ok());
        assert!(compare(&["@[<n>]: 1"], "@[x]: 1").is_err());
        assert!(compare(&["<h> <*>"], "0x1f and more").is_ok());
        assert!(compare(&["a.c"], "abc").is_err());
        assert!(compare(&["<w>"], "two words").is_err());
    }

    #[test]
    fn dots_stand_for_lines() {
        assert!(compare(&["...", "b", "..."], "a\nb\nc").is_ok());
        assert!(compare(&["...", "c", "b"], "a\nb\nc").is_err());
        assert!(compare(&["a", "..."], "a").is_ok());
        assert!(compare(&["...", "c"], "a\nb\nc\nd").is_err());
    }
}
