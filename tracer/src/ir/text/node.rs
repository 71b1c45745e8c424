//! Nested lists of words, strings and numbers: what the text form consists of.
//!
//! In: text. Out: [`Node`]s, and text again. Never knows what a word means.

use std::fmt;

/// Lists inside one another; more is refused, so that reading never overflows the stack.
const MAX_DEPTH: usize = 500;

/// A piece of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// A word or a number.
    Word(String),
    /// `"bytes"`
    Str(Vec<u8>),
    /// `(…)`; `line`: written on a line of its own.
    List {
        /// What is in it.
        items: Vec<Node>,
        /// Only for writing.
        line: bool,
    },
}

/// A word.
pub fn word(text: impl ToString) -> Node {
    Node::Word(text.to_string())
}

/// A string.
pub fn string(bytes: impl AsRef<[u8]>) -> Node {
    Node::Str(bytes.as_ref().to_vec())
}

/// A list on its line.
pub fn line(head: &str, items: impl IntoIterator<Item = Node>) -> Node {
    let mut all = vec![word(head)];
    all.extend(items);
    Node::List {
        items: all,
        line: true,
    }
}

/// A list within a line.
pub fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::List {
        items: items.into_iter().collect(),
        line: false,
    }
}

/// A list within a line, with a word at its front.
pub fn group(head: &str, items: impl IntoIterator<Item = Node>) -> Node {
    list([word(head)].into_iter().chain(items))
}

impl Node {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Node::Word(text) => f.write_str(text),
            Node::Str(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Node::List { items, .. } => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    match item {
                        Node::List { line: true, .. } => {
                            write!(f, "\n{:width$}", "", width = (depth + 1) * 2)?;
                        }
                        _ if i > 0 => f.write_str(" ")?,
                        _ => {}
                    }
                    item.write(f, depth + 1)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)?;
        f.write_str("\n")
    }
}

/// Reads one list. A `;` begins a comment that ends with its line.
pub fn read(text: &str) -> Result<Node, String> {
    let mut reader = Reader { text, pos: 0 };
    let node = reader.node(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.error("expected the end of the text")),
    }
}

struct Reader<'t> {
    text: &'t str,
    pos: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn error(&self, what: &str) -> String {
        let line = self.text[..self.pos].matches('\n').count() + 1;
        format!("line {line}: {what}")
    }

    fn skip_space(&mut self) {
        while let Some(b) = self.peek() {
            match b {
                b';' => {
                    let rest = &self.text[self.pos..];
                    self.pos += rest.find('\n').unwrap_or(rest.len());
                }
                _ if b.is_ascii_whitespace() => self.pos += 1,
                _ => return,
            }
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node, String> {
        self.skip_space();
        match self.peek() {
            None => Err(self.error("expected something, found the end of the text")),
            Some(b'(') if depth == MAX_DEPTH => Err(self.error("lists are nested too deep")),
            Some(b'(') => self.list(depth),
            Some(b')') => Err(self.error("this `)` closes nothing")),
            Some(b'"') => self.string(),
            Some(_) => {
                let rest = &self.text[self.pos..];
                let ends = |c: char| c.is_ascii_whitespace() || "()\";".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                self.pos += end;
                Ok(word(&rest[..end]))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, String> {
        self.pos += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b')') {
                self.pos += 1;
                return Ok(list(items));
            }
            items.push(self.node(depth + 1)?);
        }
    }

    /// The escapes are those of [`u8::escape_ascii`].
    fn string(&mut self) -> Result<Node, String> {
        let mut bytes = Vec::new();
        self.pos += 1;
        loop {
            let b = self
                .peek()
                .ok_or_else(|| self.error("a string has no end"))?;
            self.pos += 1;
            match b {
                b'"' => return Ok(Node::Str(bytes)),
                b'\\' => bytes.push(self.escape()?),
                _ => bytes.push(b),
            }
        }
    }

    fn escape(&mut self) -> Result<u8, String> {
        let b = self
            .peek()
            .ok_or_else(|| self.error("a string has no end"))?;
        self.pos += 1;
        Ok(match b {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' | b'"' | b'\'' => b,
            b'x' => {
                let digits = self.text.get(self.pos..self.pos + 2);
                let value = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
                self.pos += 2;
                value.ok_or_else(|| "a string has a malformed \\x escape".to_owned())?
            }
            _ => {
                self.pos -= 1;
                return Err(self.error("a string has an unknown escape"));
            }
        })
    }
}
