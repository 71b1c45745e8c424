//! Names with `*`, `?` and `[…]`.
//!
//! In: a pattern and a name. Out: whether it matches as a whole. Never looks names up.

/// Whether `text` is a pattern rather than a name.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether `pattern` matches all of `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    matches_bytes(pattern.as_bytes(), name.as_bytes())
}

/// Walks both; on a mismatch the last `*` takes one byte more, so the time is at most the product of the lengths.
fn matches_bytes(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match step(&pattern[p..], name[n]) {
            Step::Star => {
                star = Some((p + 1, n));
                p += 1;
            }
            Step::Taken(length) => {
                p += length;
                n += 1;
            }
            Step::No => {
                let Some((after, taken)) = star else {
                    return false;
                };
                star = Some((after, taken + 1));
                p = after;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

enum Step {
    Star,
    /// The byte was matched by so many bytes of the pattern.
    Taken(usize),
    No,
}

fn step(pattern: &[u8], byte: u8) -> Step {
    match pattern {
        [b'*', ..] => Step::Star,
        [b'?', ..] => Step::Taken(1),
        [b'[', rest @ ..] => match rest.iter().position(|&c| c == b']') {
            Some(end) if class(&rest[..end], byte) => Step::Taken(end + 2),
            _ => Step::No,
        },
        [c, ..] if *c == byte => Step::Taken(1),
        _ => Step::No,
    }
}

/// `abc`, `a-z`, `!abc`.
fn class(members: &[u8], byte: u8) -> bool {
    let (negated, members) = match members {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, members),
    };
    let mut rest = members;
    let mut found = false;
    loop {
        rest = match rest {
            [low, b'-', high, tail @ ..] => {
                found |= (*low..=*high).contains(&byte);
                tail
            }
            [c, tail @ ..] => {
                found |= *c == byte;
                tail
            }
            [] => return found != negated,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("open*", "openat", true),
            ("*at", "openat", true),
            ("o*n*t", "openat", true),
            ("open", "openat", false),
            ("op?n", "open", true),
            ("?", "", false),
            ("*", "", true),
            ("sys_[er]*", "sys_enter", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[x", "[x", false),
            ("**a", "bca", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
