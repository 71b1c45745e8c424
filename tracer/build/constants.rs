//! Constants by name, and error numbers: `data/constants.txt`, `data/errno.txt`.
//!
//! In: lines. Out: the tables, and each constant's place in its table, by which sets and ioctl commands name it.
//! Never knows which set a constant is of.

use crate::lines::{lines, wrong};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// All constants.
pub struct Constants {
    /// By name; a place is an index here.
    public: Vec<(String, i64)>,
    /// Names that only a set or a command has (`NAME=value`). Their places are behind the public ones', and they are
    /// not words of the language.
    private: RefCell<Vec<(String, i64)>>,
}

impl Constants {
    /// `data/constants.txt`.
    pub fn read() -> Constants {
        let mut rows = BTreeMap::new();
        for line in lines("constants.txt") {
            if line.text.starts_with('[') {
                continue;
            }
            let Some((name, value)) = line.text.split_once(' ') else {
                wrong(&line.at, "want `NAME value`");
            };
            let value: i64 = value
                .parse()
                .unwrap_or_else(|e| wrong(&line.at, format!("{value}: {e}")));
            if rows.insert(name.to_string(), value).is_some() {
                wrong(&line.at, format!("{name} is there twice"));
            }
        }
        Constants {
            public: rows.into_iter().collect(),
            private: RefCell::default(),
        }
    }

    /// The value of `NAME`, `0x10`, `-1`, `A|B` or `NAME=value`.
    pub fn value(&self, at: &str, text: &str) -> i64 {
        let text = text.rsplit_once('=').map_or(text, |(_, value)| value);
        if let Some((first, rest)) = text.split_once('|') {
            return self.value(at, first) | self.value(at, rest);
        }
        number(text)
            .or_else(|| Some(self.public[self.find(text)?].1))
            .unwrap_or_else(|| wrong(at, format!("no constant is called {text}")))
    }

    /// The place of `NAME`, or of a private `NAME=value`.
    pub fn place(&self, at: &str, text: &str) -> usize {
        if let Some((name, _)) = text.rsplit_once('=') {
            return self.private(name, self.value(at, text));
        }
        self.find(text)
            .unwrap_or_else(|| wrong(at, format!("no constant is called {text}")))
    }

    /// The public constants whose names begin and end so.
    pub fn like(&self, start: &str, end: &str) -> Vec<String> {
        let names = self.public.iter().map(|(name, _)| name);
        let like = |n: &&String| n.starts_with(start) && n.ends_with(end);
        names.filter(like).cloned().collect()
    }

    fn find(&self, name: &str) -> Option<usize> {
        let by_name = |(n, _): &(String, i64)| n.as_str().cmp(name);
        self.public.binary_search_by(by_name).ok()
    }

    fn private(&self, name: &str, value: i64) -> usize {
        let mut private = self.private.borrow_mut();
        let row = (name.to_string(), value);
        let found = private.iter().position(|r| *r == row);
        let at = found.unwrap_or_else(|| {
            private.push(row);
            private.len() - 1
        });
        self.public.len() + at
    }

    /// Names in one text, where each ends in it, and values: no pointer for each that would have to be relocated.
    /// To be called last, when all private names are known.
    pub fn tables(&self) -> String {
        let private = self.private.borrow();
        let (mut names, mut ends, mut values) = (String::new(), String::new(), String::new());
        for (name, value) in self.public.iter().chain(private.iter()) {
            names += name;
            write!(ends, "{}, ", names.len()).expect("a String takes all");
            write!(values, "{value}, ").expect("a String takes all");
        }
        let public = self.public.len();
        assert!(public + private.len() <= 1 << 16, "places have 16 bits");
        format!(
            "const PUBLIC: usize = {public};\nstatic NAMES: &str = {names:?};\n\
             static ENDS: &[u32] = &[{ends}];\nstatic VALUES: &[i64] = &[{values}];\n"
        )
    }
}

/// A number in base 10, or 16 behind `0x`; also a negative one.
pub fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|n| n as i64),
        None => text.parse().ok(),
    }
}

/// `data/errno.txt`.
pub fn errno() -> String {
    let mut rows = BTreeMap::new();
    for line in lines("errno.txt") {
        let words: Vec<&str> = line.text.splitn(3, ' ').collect();
        let [number, name, text] = words[..] else {
            wrong(&line.at, "want `number name text`");
        };
        let number: u64 = number
            .parse()
            .unwrap_or_else(|e| wrong(&line.at, format!("{number}: {e}")));
        rows.insert(number, format!("({number}, {name:?}, {text:?}),\n"));
    }
    let body: String = rows.into_values().collect();
    format!("static ERRNO: &[(u64, &str, &str)] = &[\n{body}];\n")
}
