//! Names without what differs from run to run for no reason: process ids, random and temporary names.
//!
//! In: paths and names of programs. Out: the same with `PID`, `N`, `HEX`, `UUID` and `*` where such a thing stood. What two runs of
//! the same program write in two ways would be a difference where none is; what two different things write in one way hides one.
//! So it is done where such names are usual, and not elsewhere.

/// A number of so many digits outside of temporary directories is one that changes: a version or a year has fewer.
const LONG_NUMBER: usize = 5;
/// The same in temporary directories.
const NUMBER: usize = 3;
/// Letters and digits that look random have at least so many.
const RANDOM: usize = 6;
/// A hexadecimal name has at least so many digits.
const HEX: usize = 12;

/// Where programs make names of their own.
const TEMPORARY: [&str; 5] = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/var/run/"];

/// A path as it is compared.
pub fn path(path: &str) -> String {
    let temporary = TEMPORARY.iter().any(|folder| path.starts_with(folder));
    let mut before = "";
    let mut parts = Vec::new();
    let in_proc = path.starts_with("/proc/");
    for part in path.split('/') {
        let is_number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let shown = match before {
            "proc" if in_proc && is_number => "PID".to_owned(),
            "task" if in_proc && is_number => "TID".to_owned(),
            "fd" | "fdinfo" | "map_files" if in_proc && is_number => "N".to_owned(),
            "pts" if is_number => "N".to_owned(),
            _ if temporary => temporary_name(part),
            _ => lasting_name(part),
        };
        parts.push(shown);
        before = part;
    }
    parts.join("/")
}

/// The name of a program or thread as it is compared: `kworker/12345` is any of them.
pub fn program(name: &str) -> String {
    numbers(name, NUMBER)
}

/// Whether a canonical path stands for one path alone.
pub fn is_exact(path: &str) -> bool {
    let replaced = |part: &str| {
        let number = part.contains('N') && part.contains(|c: char| c.is_ascii_lowercase());
        ["PID", "TID", "N", "HEX", "UUID"].contains(&part) || part.contains('*') || number
    };
    let by_marks = |c: char| !c.is_ascii_alphanumeric() && c != '*';
    !path.split(by_marks).any(replaced)
}

fn lasting_name(part: &str) -> String {
    if is_uuid(part) {
        return "UUID".to_owned();
    }
    numbers(
        &words(part, &|word| is_hex(word).then_some("HEX")),
        LONG_NUMBER,
    )
}

fn temporary_name(part: &str) -> String {
    if is_uuid(part) {
        return "UUID".to_owned();
    }
    let shown = words(part, &|word| match word {
        word if is_hex(word) => Some("HEX"),
        word if is_random(word) => Some("*"),
        _ => None,
    });
    numbers(&shown, NUMBER)
}

/// Replaces words (letters and digits side by side) of a name.
fn words(name: &str, replaced: &dyn Fn(&str) -> Option<&'static str>) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        shown += replaced(word).unwrap_or(word);
        let mut mark = after.chars();
        shown.extend(mark.next());
        rest = mark.as_str();
    }
    shown
}

/// Replaces numbers of at least so many digits.
fn numbers(name: &str, digits: usize) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        shown += before;
        shown += if number.len() >= digits { "N" } else { number };
        rest = after;
    }
    shown + rest
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(name: &str) -> bool {
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// A hash: hexadecimal digits of one case, with letters and digits among them.
fn is_hex(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let upper = word.bytes().any(|b| b.is_ascii_uppercase());
    let lower = word.bytes().any(|b| b.is_ascii_lowercase());
    word.len() >= HEX
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && digits > 0
        && digits < word.len()
        && upper != lower
}

/// As mkstemp(3), mktemp(1) and their like make them: capitals, small letters and digits in turn; or `tmp` and eight letters
/// (Python).
fn is_random(word: &str) -> bool {
    let kind = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    };
    let kinds: Vec<u8> = word.bytes().map(kind).collect();
    // One change is how people write: a capital at the beginning, a number at the end.
    let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    word.len() >= RANDOM && changes >= 2 || word.starts_with("tmp") && word.len() == 11
}
