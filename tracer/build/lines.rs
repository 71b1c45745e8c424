//! Reads a table's text: lines, and blocks of a head and indented lines, each with where it stands.
//!
//! In: a file of `data/`. Out: lines without comments. Never knows what a line means.

use std::fs;

/// A line and where it is (`data/sets.txt:12`).
pub struct Line {
    /// File and number.
    pub at: String,
    /// Its text, without comment and indentation.
    pub text: String,
    indented: bool,
}

/// A head and the indented lines below it.
pub struct Block {
    /// The line that is not indented.
    pub head: Line,
    /// The others.
    pub body: Vec<Line>,
}

/// The lines of a table that are not blank or comments.
pub fn lines(file: &str) -> Vec<Line> {
    let path = format!("data/{file}");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("read {path}: {e}"));
    let line = |(i, raw): (usize, &str)| {
        let text = raw.split(" #").next().unwrap_or_default().trim();
        let kept = !text.is_empty() && !text.starts_with('#');
        kept.then(|| Line {
            at: format!("{path}:{}", i + 1),
            text: text.to_string(),
            indented: raw.starts_with(' '),
        })
    };
    text.lines().enumerate().filter_map(line).collect()
}

/// The same, with indented lines put below the line that they belong to.
pub fn blocks(file: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines(file) {
        match (line.indented, blocks.last_mut()) {
            (false, _) => blocks.push(Block {
                head: line,
                body: Vec::new(),
            }),
            (true, Some(block)) => block.body.push(line),
            (true, None) => wrong(&line.at, "belongs to nothing"),
        }
    }
    blocks
}

/// Stops the build.
pub fn wrong(at: &str, what: impl std::fmt::Display) -> ! {
    panic!("{at}: {what}")
}
