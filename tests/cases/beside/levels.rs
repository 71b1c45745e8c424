//! What differs between decoded lines, and at which level: numbers, strings, flags, structs, descriptors.
//!
//! In: the lines of each thread. Out: [`Differences`]. Never leaves out a difference that `allowed.txt` does not name.

use anyhow::{Context, Result, ensure};
use regex_lite::Regex;
use std::fmt::Write;

use super::lines::{Threads, name};

/// How deep a difference lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// L0: which calls there were.
    Calls,
    /// L1: numbers and results.
    Numbers,
    /// L2: strings and buffers.
    Strings,
    /// L3: names of flags and constants.
    Flags,
    /// L4: members of structs and arrays.
    Structs,
    /// L5: what descriptors stand for.
    Descriptors,
}

/// What was found.
#[derive(Default)]
pub struct Differences {
    /// Lines that were compared.
    pub calls: usize,
    /// Threads, counted in each run.
    pub threads: usize,
    found: Vec<(Level, u32, String, String)>,
}

impl Differences {
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// One more.
    pub fn add(&mut self, level: Level, tid: u32, theirs: &str, ours: &str) {
        self.found
            .push((level, tid, theirs.to_owned(), ours.to_owned()));
    }

    /// Numbers by level, and the lines of the first ones.
    pub fn text(&self) -> String {
        /// Differences of a level that are shown.
        const SHOWN: usize = 12;
        let mut text = String::new();
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_by_key(|(level, ..)| *level);
        for group in found.chunk_by(|a, b| a.0 == b.0) {
            let _ = writeln!(
                text,
                "L{} {:?}: {} differ",
                group[0].0 as u8,
                group[0].0,
                group.len()
            );
            for (_, tid, theirs, ours) in group.iter().take(SHOWN) {
                let (theirs, ours) = (near(theirs, ours), near(ours, theirs));
                let _ = writeln!(text, "  {tid} strace: {theirs}\n  {tid} tracer: {ours}");
            }
        }
        let _ = writeln!(
            text,
            "{} lines of {} threads compared in two runs, {} differ",
            self.calls,
            self.threads,
            self.found.len()
        );
        text
    }
}

/// A long line around its first difference.
fn near(line: &str, other: &str) -> String {
    const BEFORE: usize = 60;
    const AFTER: usize = 160;
    let at = first_difference(line, other);
    let chars = line.chars();
    let name = name(line);
    match at > BEFORE + name.len() {
        false => chars.take(BEFORE + AFTER).collect(),
        true => format!(
            "{name}(…{}",
            chars
                .skip(at - BEFORE)
                .take(BEFORE + AFTER)
                .collect::<String>()
        ),
    }
}

/// Where two texts part, in characters.
fn first_difference(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Places of both lists that belong together; what only one of them has stands alone.
pub fn aligned(a: &[&str], b: &[&str]) -> Vec<(Option<usize>, Option<usize>)> {
    /// How far one list can be behind.
    const FAR: usize = 32;
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            pairs.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let ahead_in = |list: &[&str], from: usize, wanted: Option<&&str>| {
            let rest = &list[from.min(list.len())..];
            wanted.and_then(|wanted| rest.iter().take(FAR).position(|name| name == wanted))
        };
        match (ahead_in(a, i, b.get(j)), ahead_in(b, j, a.get(i))) {
            (Some(only), other) if other.is_none_or(|other| only <= other) => {
                pairs.extend((i..i + only).map(|at| (Some(at), None)));
                i += only;
            }
            (_, Some(only)) => {
                pairs.extend((j..j + only).map(|at| (None, Some(at))));
                j += only;
            }
            _ => {
                pairs.extend((i < a.len()).then_some((Some(i), None)));
                pairs.extend((j < b.len()).then_some((None, Some(j))));
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    pairs
}

/// Whether the tracer is known not to have this call yet.
pub fn is_missing(call: &str) -> bool {
    let mut lines = OPEN.lines();
    lines.any(|line| {
        line.split_once(MISSING)
            .is_some_and(|(name, _)| name == call)
    })
}

/// Compares line by line. Which calls there are, the raw run has told; here the same must hold.
pub fn compare(theirs: &Threads, ours: &Threads, found: &mut Differences) -> Result<()> {
    let allowed = Allowed::read()?;
    found.threads += theirs.len();
    for (tid, lines) in theirs {
        let none = Vec::new();
        let our_lines = ours.get(tid).unwrap_or(&none);
        let names: Vec<&str> = lines.iter().map(|line| name(line)).collect();
        let our_names: Vec<&str> = our_lines.iter().map(|line| name(line)).collect();
        for (a, b) in aligned(&names, &our_names) {
            let theirs = a.map_or("nothing", |a| &lines[a]);
            let ours = b.map_or("nothing", |b| &our_lines[b]);
            found.calls += 1;
            let (theirs, ours) = (allowed.without(theirs), allowed.without(ours));
            if theirs != ours {
                let both = a.is_some() && b.is_some();
                let level = if both {
                    level(&theirs, &ours)
                } else {
                    Level::Calls
                };
                found.add(level, *tid, &theirs, &ours);
            }
        }
    }
    Ok(())
}

/// The level of the first difference: what it lies in.
fn level(theirs: &str, ours: &str) -> Level {
    let at = first_difference(theirs, ours);
    let before: Vec<char> = theirs.chars().take(at).collect();
    let (mut quoted, mut depth, mut inside) = (false, 0, 0);
    for (i, &c) in before.iter().enumerate() {
        let escaped = i > 0 && before[i - 1] == '\\';
        match c {
            '"' if !escaped => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' if inside == 0 => depth += 1,
            '}' | ']' if inside == 0 => depth -= 1,
            '<' => inside += 1,
            '>' if inside > 0 && before[i - 1] != '-' => inside -= 1,
            _ => {}
        }
    }
    let next = |line: &str| line.chars().nth(at).unwrap_or(' ');
    let (next_theirs, next_ours) = (next(theirs), next(ours));
    let is_name = |c: char| c.is_ascii_uppercase() || c == '|' || c == '_';
    match () {
        () if inside > 0 || next_theirs == '<' || next_ours == '<' => Level::Descriptors,
        () if quoted || next_theirs == '"' || next_ours == '"' => Level::Strings,
        () if is_name(next_theirs) || is_name(next_ours) => Level::Flags,
        () if depth > 0 || "{[".contains(next_theirs) || "{[".contains(next_ours) => Level::Structs,
        () => Level::Numbers,
    }
}

/// Differences that are no mistake: a pattern and what both sides are made to be there.
struct Allowed(Vec<(String, Regex, String)>);

/// `CALL: PATTERN => REPLACEMENT : reason`.
const ALLOWED: &str = include_str!("allowed.txt");
/// The same for what is still to be done, and `CALL: missing : why`.
const OPEN: &str = include_str!("open.txt");
/// What stands for a rule where the tracer has no such call yet.
const MISSING: &str = ": missing : ";
/// More would hide what matters.
const MOST: usize = 10;

impl Allowed {
    fn read() -> Result<Allowed> {
        let entry = |line: &str| {
            let (call, rest) = line.split_once(": ").context("no call")?;
            let (rule, reason) = rest.rsplit_once(" : ").context("no reason")?;
            ensure!(reason.len() > 10, "no reason");
            let (pattern, with) = rule.split_once(" => ").context("no replacement")?;
            let pattern = Regex::new(pattern).context("the pattern")?;
            Ok((call.to_owned(), pattern, with.to_owned()))
        };
        let read = |file: &str| -> Result<Vec<_>> {
            let lines = file.lines().filter(|line| !line.starts_with('#'));
            let rules = lines.filter(|line| !line.contains(MISSING));
            rules
                .map(|line| entry(line).with_context(|| format!("a list of differences: {line}")))
                .collect()
        };
        let mut entries = read(ALLOWED)?;
        ensure!(
            entries.len() <= MOST,
            "allowed.txt has more than {MOST} entries"
        );
        entries.extend(read(OPEN)?);
        Ok(Allowed(entries))
    }

    /// A line with what may differ taken out.
    fn without(&self, line: &str) -> String {
        let called = name(line);
        let mut line = line.to_owned();
        for (call, pattern, with) in &self.0 {
            if call == called || call == "*" {
                line = pattern.replace_all(&line, with.as_str()).into_owned();
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_lies_where_its_first_byte_does() {
        for (theirs, ours, expected) in [
            ("close(3) = 0", "close(4) = 0", Level::Numbers),
            ("open(\"a\") = 0", "open(\"b\") = 0", Level::Strings),
            ("open(O_RDWR) = 0", "open(O_RDONLY) = 0", Level::Flags),
            ("stat({a=1}) = 0", "stat({a=2}) = 0", Level::Structs),
            ("close(3</a>) = 0", "close(3</b>) = 0", Level::Descriptors),
            (
                "close(3<TCP:[a->b]>) = 0",
                "close(3<TCP:[a->c]>) = 0",
                Level::Descriptors,
            ),
        ] {
            assert_eq!(level(theirs, ours), expected, "{theirs} {ours}");
        }
    }

    #[test]
    fn what_one_side_has_alone_stands_alone() {
        let pairs = aligned(&["a", "x", "b"], &["a", "b", "c"]);
        let expected = [
            (Some(0), Some(0)),
            (Some(1), None),
            (Some(2), Some(1)),
            (None, Some(2)),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn entries_are_few_and_have_reasons() {
        Allowed::read().expect("a good file");
    }
}
