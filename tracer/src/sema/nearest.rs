//! The name that was probably meant.
//!
//! In: a name that does not exist and the names that do. Out: the few nearest. Never decides what is an error.

/// At most so many proposals: more is a list, not a proposal.
const MOST: usize = 3;

/// The nearest of `known` to `name`, best first; empty when nothing is near enough to be a slip.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // A name of one or two letters is a slip of any other.
    let limit = match name.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|k| Some((closeness(name, k, limit)?, k)))
        .collect();
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found.into_iter().map(|(_, k)| k).collect()
}

/// A help sentence, or none when nothing is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = nearest(name, known);
    (!near.is_empty()).then(|| format!("did you mean {}?", quoted(&near, "or")))
}

/// `` `a`, `b` or `c` ``.
pub fn quoted(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Distance up to `limit`. A name that differs in case only is nearest; one that begins with what was typed
/// counts as one step, because people type the stem.
fn closeness(typed: &str, known: &str, limit: usize) -> Option<usize> {
    if typed.eq_ignore_ascii_case(known) {
        return Some(0);
    }
    if typed.len() >= 3 && known.starts_with(typed) {
        return Some(1);
    }
    if typed.len().abs_diff(known.len()) > limit {
        return None;
    }
    let distance = distance(typed.as_bytes(), known.as_bytes());
    (distance <= limit).then_some(distance)
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substituted = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substituted.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name() {
        let known = ["openat", "openat2", "open", "close", "read"];
        assert_eq!(nearest("opnat", known)[0], "openat");
        assert_eq!(nearest("raed", known), ["read"]);
        assert_eq!(nearest("OPENAT", known)[0], "openat");
        assert!(nearest("zzzzzz", known).is_empty());
        assert!(nearest("x", ["y"]).is_empty());
    }

    #[test]
    fn a_swap_is_one_step() {
        assert_eq!(distance(b"raed", b"read"), 1);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"ab"), 2);
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(quoted(&["a"], "or"), "`a`");
        assert_eq!(quoted(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
