//! Puts our lines and strace's side by side.
//!
//! In: what both wrote; before each call that counts stands one that does not exist, with its ordinal. Out: pairs, and
//! what differs. Never leaves a difference out that `differences.txt` does not name.

use crate::said::Said;
use std::collections::BTreeMap;

/// Both lines of a call.
pub struct Pair {
    /// Our line.
    pub ours: String,
    /// strace's.
    pub theirs: String,
    /// What the program says that it did.
    pub said: Said,
}

/// The number of the call that does not exist.
pub const MARK: i64 = 0x6fff;

/// Allowed differences: `call: text of strace => text of ours: reason`.
const ALLOWED: &str = include_str!("differences.txt");

/// One pair for each line of ours.
pub fn pairs(ours: &[u8], theirs: &[u8], said: &str) -> Result<Vec<Pair>, String> {
    let theirs = String::from_utf8_lossy(theirs);
    let mut by_mark = BTreeMap::new();
    let mut mark = None;
    for line in theirs.lines() {
        if let Some(n) = mark.take() {
            by_mark.insert(n, line.to_owned());
        }
        let number = line.strip_prefix("syscall_0x6fff(0x");
        mark = number.and_then(|rest| u64::from_str_radix(rest.split_once(',')?.0, 16).ok());
    }
    let ours = String::from_utf8_lossy(ours);
    let said: Option<Vec<Said>> = said.lines().map(Said::from_line).collect();
    let said = said.ok_or("the program does not say what it did")?;
    let pair = |((n, line), said): ((usize, &str), Said)| {
        let theirs = by_mark.remove(&(n as u64 + 1));
        let theirs = theirs.ok_or_else(|| format!("strace did not see call {n}: {line}"))?;
        Ok(Pair {
            ours: line.to_owned(),
            theirs,
            said,
        })
    };
    ours.lines().enumerate().zip(said).map(pair).collect()
}

/// Grouped by the name of the call.
pub fn by_name(pairs: Vec<Pair>) -> BTreeMap<String, Vec<Pair>> {
    let mut groups: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    for pair in pairs {
        let name = pair.theirs.split('(').next().unwrap_or_default().to_owned();
        groups.entry(name).or_default().push(pair);
    }
    groups
}

/// Without what strace adds from the reader's time zone: `/* 2026-11-21T13:57:23+0000 */`.
fn without_dates(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(" /* ") {
        let comment = &rest[at..];
        let end = comment.find(" */").map_or(comment.len(), |end| end + 3);
        let is_date = comment[4..end].starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && (comment[..end].contains('T') || comment[..end].ends_with(" s */"));
        text.push_str(&rest[..at]);
        if !is_date {
            text.push_str(&comment[..end]);
        }
        rest = &comment[end..];
    }
    text += rest;
    // `= 1795274783 (2026-11-21T15:26:23+0000)`
    match text
        .rfind(" (")
        .filter(|&at| text[at..].contains('T') && text.ends_with("+0000)"))
    {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Whether strace knows the call at all; what is newer than it has no other side.
fn is_known(pair: &Pair) -> bool {
    !pair.theirs.starts_with("syscall_0x") || pair.ours.starts_with("syscall_0x")
}

/// Both lines with the allowed differences taken away.
fn same(name: &str, pair: &Pair) -> bool {
    let theirs = without_dates(&pair.theirs);
    if theirs == pair.ours {
        return true;
    }
    let mut theirs = theirs;
    for line in ALLOWED.lines().filter(|line| !line.starts_with('#')) {
        let Some((call, rule)) = line.split_once(": ") else {
            continue;
        };
        let Some((from, rest)) = rule.split_once(" => ") else {
            continue;
        };
        let (to, _reason) = rest.split_once(" : ").unwrap_or((rest, ""));
        if call == name || call == "*" {
            theirs = theirs.replace(from, to);
        }
    }
    theirs == pair.ours
}

/// Calls whose lines still differ: `call: what`.
const OPEN: &str = include_str!("open.txt");

/// Names of the calls that are known to differ.
pub fn open() -> impl Iterator<Item = &'static str> {
    let lines = OPEN.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once(": ")?.0))
}

/// Says what differs; of a call that is known to differ nothing.
pub fn check_closed(name: &str, pairs: &[Pair]) -> Result<(), String> {
    // All differences, for whoever works on them.
    let shown = std::env::var_os("SHOW_OPEN").is_some();
    match open().any(|open| open == name) && !shown {
        true => Ok(()),
        false => check(name, pairs),
    }
}

/// Says what differs.
pub fn check(name: &str, pairs: &[Pair]) -> Result<(), String> {
    let wrong = pairs
        .iter()
        .filter(|pair| is_known(pair) && !same(name, pair));
    let text: String = wrong
        .map(|pair| format!("strace: {}\nours:   {}\n", pair.theirs, pair.ours))
        .collect();
    match text.is_empty() {
        true => Ok(()),
        false => Err(text),
    }
}
