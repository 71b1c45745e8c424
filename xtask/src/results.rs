//! What the tests said: lines of test runners to outcomes, and outcomes to the closing lines.
//!
//! In: the output of `cargo test` and of the case runner, which print alike. Out: counts, names of what failed,
//! names of what ran nowhere. Never decides what is run.

use std::collections::{BTreeMap, BTreeSet};

/// Outcomes of one place where tests ran: this machine's kernel, a guest, the unit tests.
#[derive(Debug)]
pub struct Outcomes {
    place: String,
    passed: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    /// Tests that this place cannot serve, with the reason.
    unserved: BTreeMap<String, String>,
    /// Sums over the runners' own result lines: passed, failed, ignored.
    claimed: [usize; 3],
    /// Result lines counted, where names may be the same in several runners.
    counted: [usize; 3],
    /// A test that began, and whose outcome is at the end of a later line: it printed something itself.
    begun: Option<String>,
    /// The failed test whose reason the runner is printing.
    told: Option<String>,
}

/// Lines of a failure's reason that are told again at the end: the rest is where the test ran.
const REASON_LINES: usize = 25;

impl Outcomes {
    /// Nothing ran yet.
    pub fn new(place: &str) -> Outcomes {
        Outcomes {
            place: place.to_owned(),
            passed: BTreeSet::new(),
            failed: BTreeMap::new(),
            unserved: BTreeMap::new(),
            claimed: [0; 3],
            counted: [0; 3],
            begun: None,
            told: None,
        }
    }

    /// Takes one line of a runner's output.
    pub fn line(&mut self, line: &str) {
        if let Some(name) = reason_of(line) {
            self.told = Some(name.to_owned());
        } else if line == "failures:" {
            self.told = None;
        } else if let Some(name) = &self.told
            && let Some(reason) = self.failed.get_mut(name)
        {
            if reason.lines().count() < REASON_LINES && !line.is_empty() {
                *reason += &format!("\n    {line}");
            }
        } else if let Some(result) = line.strip_prefix("test result: ") {
            for (sum, word) in self.claimed.iter_mut().zip(["passed", "failed", "ignored"]) {
                *sum += number_before(result, word);
            }
        } else if let Some((name, outcome)) = test_line(line) {
            self.begun = match self.one(name, outcome) {
                true => None,
                false => Some(name.to_owned()),
            };
        } else if let Some(name) = self.begun.take()
            && !self.one(&name, line.trim())
        {
            self.begun = Some(name);
        }
    }

    /// Takes an outcome; false: this is not one.
    fn one(&mut self, name: &str, outcome: &str) -> bool {
        if outcome == "ok" {
            self.counted[0] += 1;
            self.passed.insert(name.to_owned());
        } else if outcome == "FAILED" {
            self.counted[1] += 1;
            self.failed.insert(name.to_owned(), String::new());
        } else if let Some(reason) = outcome.strip_prefix("ignored") {
            self.counted[2] += 1;
            let reason = reason.trim_matches([' ', ',', '(', ')']).to_owned();
            self.unserved.insert(name.to_owned(), reason);
        } else {
            return false;
        }
        true
    }

    /// Whether a test failed.
    pub fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Notes a pass that no runner printed.
    pub fn pass(&mut self, name: &str) {
        self.counted[0] += 1;
        self.claimed[0] += 1;
        self.passed.insert(name.to_owned());
    }

    /// Notes a failure that no runner printed.
    pub fn fail(&mut self, name: &str, reason: &str) {
        self.counted[1] += 1;
        self.claimed[1] += 1;
        self.failed.insert(name.to_owned(), reason.to_owned());
    }

    /// Checks the end of a runner against its lines; the error says what does not fit.
    pub fn complete(&self, status: &str) -> Result<(), String> {
        if self.claimed != self.counted {
            let (claimed, counted) = (self.claimed, self.counted);
            return Err(format!(
                "results were lost: {claimed:?} announced, {counted:?} seen"
            ));
        }
        if status != "0" && self.counted[1] == 0 {
            return Err(format!("ended with status {status}, but no test failed"));
        }
        Ok(())
    }
}

/// `---- NAME ----`, or `---- NAME stdout ----`: the line before a failure's reason.
fn reason_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

/// `test NAME ... OUTCOME`
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.trim(), outcome.trim()))
}

fn number_before(text: &str, word: &str) -> usize {
    let words: Vec<_> = text
        .split([' ', ';'])
        .filter(|word| !word.is_empty())
        .collect();
    let at = words.windows(2).find(|pair| pair[1] == word);
    at.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// Everything that ran.
#[derive(Debug, Default)]
pub struct Summary {
    places: Vec<Outcomes>,
}

impl Summary {
    /// Adds what one place said.
    pub fn add(&mut self, outcomes: Outcomes) {
        self.places.push(outcomes);
    }

    /// Turns every test that no place could serve into a failure.
    pub fn require_each_served(&mut self) {
        let mut nowhere = Outcomes::new("everywhere");
        for (name, reason) in self.unserved_everywhere() {
            nowhere.fail(&name, &format!("ran nowhere: {reason}"));
        }
        self.add(nowhere);
    }

    fn unserved_everywhere(&self) -> BTreeMap<String, String> {
        let mut missing = BTreeMap::new();
        for place in &self.places {
            for (name, reason) in &place.unserved {
                let ran = |p: &Outcomes| p.passed.contains(name) || p.failed.contains_key(name);
                if !self.places.iter().any(ran) {
                    missing.insert(name.clone(), reason.clone());
                }
            }
        }
        missing
    }

    /// Whether nothing failed, and something passed.
    pub fn good(&self) -> bool {
        self.count(0) > 0 && self.count(1) == 0
    }

    /// The closing lines: what could not run where, what failed, and the counts alone on the last line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for place in &self.places {
            for (name, reason) in &place.unserved {
                text += &format!("not on {}: {name} ({reason})\n", place.place);
            }
        }
        for place in &self.places {
            for (name, reason) in &place.failed {
                let colon = match reason.starts_with('\n') || reason.is_empty() {
                    true => "",
                    false => ": ",
                };
                text += &format!("failed: {}: {name}{colon}{reason}\n", place.place);
            }
        }
        text + &format!("{} passed, {} failed", self.count(0), self.count(1))
    }

    fn count(&self, which: usize) -> usize {
        self.places.iter().map(|place| place.counted[which]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "running 3 tests\ntest a ... ok\ntest b   ... FAILED\n\
        test c ... ignored (needs kprobe)\n\n\
        test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out";

    fn outcomes(place: &str, lines: &str) -> Outcomes {
        let mut outcomes = Outcomes::new(place);
        lines.lines().for_each(|line| outcomes.line(line));
        outcomes
    }

    #[test]
    fn lines_become_counts_and_names() {
        let here = outcomes("here", LINES);
        assert_eq!(here.complete("101"), Ok(()));
        let mut summary = Summary::default();
        summary.add(here);
        assert!(!summary.good());
        assert_eq!(
            summary.text(),
            "not on here: c (needs kprobe)\nfailed: here: b\n1 passed, 1 failed"
        );
    }

    #[test]
    fn a_lost_line_or_a_silent_failure_is_noticed() {
        let lost = LINES.replace("test a ... ok\n", "");
        assert!(outcomes("here", &lost).complete("101").is_err());
        let passed = "test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
        assert_eq!(outcomes("here", passed).complete("0"), Ok(()));
        assert!(outcomes("here", passed).complete("139").is_err());
    }

    #[test]
    fn the_outcome_of_a_test_that_prints_is_on_a_later_line() {
        let lines = "test a ... 3 of 200\nand more\nok\ntest b ... ok\nok\ntest c ... x\nFAILED\n\
            test result: FAILED. 2 passed; 1 failed; 0 ignored;";
        let printed = outcomes("here", lines);
        assert_eq!(printed.complete("101"), Ok(()));
        assert!(printed.passed.contains("a") && printed.failed.contains_key("c"));
        let cut = "test a ... 3 of 200\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
        assert!(outcomes("here", cut).complete("0").is_err());
    }

    #[test]
    fn reasons_are_told_again_at_the_end() {
        let lines = "test b ... FAILED\n\nfailures:\n\n---- b ----\nwanted 1\nfound 2\n\n\nfailures:\n    b\n\n\
            test result: FAILED. 0 passed; 1 failed; 0 ignored;";
        let failed = outcomes("here", lines);
        assert_eq!(failed.complete("101"), Ok(()));
        let mut summary = Summary::default();
        summary.add(failed);
        assert_eq!(
            summary.text(),
            "failed: here: b\n    wanted 1\n    found 2\n0 passed, 1 failed"
        );
    }

    #[test]
    fn what_ran_nowhere_is_a_failure() {
        let mut summary = Summary::default();
        summary.add(outcomes(
            "here",
            "test a ... ok\ntest c ... ignored (no)\ntest d ... ignored (no)",
        ));
        summary.add(outcomes("guest", "test c ... ok\ntest d ... ignored (no)"));
        assert!(summary.good());
        summary.require_each_served();
        assert!(!summary.good());
        let text = summary.text();
        assert!(
            text.contains("failed: everywhere: d: ran nowhere: no"),
            "{text}"
        );
        assert!(text.ends_with("\n2 passed, 1 failed"), "{text}");
    }

    #[test]
    fn nothing_at_all_is_not_good() {
        assert!(!Summary::default().good());
    }
}
