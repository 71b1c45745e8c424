//! Events as plain data, with a text form: for tests, and for running a clause again later.
//!
//! In: text, or the fields themselves. Out: an [`Event`]. Never invents an answer: a word that is not given is
//! 0, memory that is not given cannot be read.
//!
//! The text has one fact a line; `#` begins a comment:
//!
//! ```text
//! pid 42
//! comm "cat"
//! arg1 0x7f00
//! retval -2
//! kstack 0xffffffff81000010 0xffffffff81000020
//! record 0xffff888000000000 "\x2a\0\0\0\0\0\0\0"
//! user 0x7f00 "/etc/hosts\0"
//! name 0xffffffff81000010 "do_sys_open+16"
//! kernel 0xffff888000001000 "\x01"
//! late 0x7f00
//! ```

use super::Event;
use crate::ir::Builtin;
use crate::types::{Space, Stack, Type, Value};
use std::fmt;

/// An event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    /// Built-ins that fit one word.
    pub words: Vec<(Builtin, u64)>,
    /// Name of the current thread.
    pub comm: Vec<u8>,
    /// Kernel stack, innermost first.
    pub kstack: Vec<u64>,
    /// The process of the user stack, then the stack, innermost first.
    pub ustack: Vec<u64>,
    /// The whole system call.
    pub call: Vec<u8>,
    /// Address and bytes of the tracepoint's record.
    pub record: Option<(u64, Vec<u8>)>,
    /// Readable memory.
    pub memory: Vec<Region>,
    /// Addresses of user memory that could not be read when the event began.
    pub late: Vec<u64>,
    /// Texts of lazy values, by their bits; of stacks, by the innermost frame.
    pub names: Vec<(u64, Vec<u8>)>,
}

/// Readable memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// Address space.
    pub space: Space,
    /// Address of the first byte.
    pub addr: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A line that says nothing known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {found}, expected {expected}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// What stands there.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

impl Recorded {
    /// With one more word.
    #[must_use]
    pub fn with(mut self, builtin: Builtin, word: u64) -> Recorded {
        self.words.push((builtin, word));
        self
    }

    /// With memory at an address.
    #[must_use]
    pub fn with_memory(mut self, space: Space, addr: u64, bytes: &[u8]) -> Recorded {
        self.memory.push(Region {
            space,
            addr,
            bytes: bytes.to_vec(),
        });
        self
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn read_text(text: &str) -> Result<Recorded, ParseError> {
        let mut event = Recorded::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            event.fact(line).map_err(|expected| ParseError {
                line: at + 1,
                found: format!("`{line}`"),
                expected,
            })?;
        }
        Ok(event)
    }

    fn fact(&mut self, line: &str) -> Result<(), &'static str> {
        let (name, rest) = line.split_once(' ').ok_or("a name and what it is")?;
        let rest = rest.trim();
        match name {
            "comm" => self.comm = bytes(rest)?,
            "call" => self.call = bytes(rest)?,
            "kstack" => self.kstack = numbers(rest)?,
            "ustack" => self.ustack = numbers(rest)?,
            "name" => self.names.push(addressed(rest)?),
            "late" => self.late.push(number(rest)?),
            "record" => self.record = Some(addressed(rest)?),
            "user" | "kernel" => {
                let (addr, bytes) = addressed(rest)?;
                let space = if name == "user" {
                    Space::User
                } else {
                    Space::Kernel
                };
                self.memory.push(Region { space, addr, bytes });
            }
            word => {
                let builtin = word.parse().map_err(
                    |_| "a built-in, comm, call, kstack, ustack, record, user or kernel",
                )?;
                self.words.push((builtin, number(rest)?));
            }
        }
        Ok(())
    }

    fn regions(&self) -> impl Iterator<Item = (Space, u64, &[u8])> {
        let record = self.record.iter();
        let record = record.map(|(addr, bytes)| (Space::Kernel, *addr, bytes.as_slice()));
        let memory = self.memory.iter();
        record.chain(memory.map(|r| (r.space, r.addr, r.bytes.as_slice())))
    }
}

/// The text form: what [`Recorded::read_text`] reads.
impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (builtin, word) in &self.words {
            writeln!(f, "{builtin} {word:#x}")?;
        }
        if !self.comm.is_empty() {
            writeln!(f, "comm {}", Quoted(&self.comm))?;
        }
        if !self.call.is_empty() {
            writeln!(f, "call {}", Quoted(&self.call))?;
        }
        for (name, stack) in [("kstack", &self.kstack), ("ustack", &self.ustack)] {
            if !stack.is_empty() {
                let words: Vec<String> = stack.iter().map(|a| format!("{a:#x}")).collect();
                writeln!(f, "{name} {}", words.join(" "))?;
            }
        }
        if let Some((addr, bytes)) = &self.record {
            writeln!(f, "record {addr:#x} {}", Quoted(bytes))?;
        }
        for addr in &self.late {
            writeln!(f, "late {addr:#x}")?;
        }
        for (raw, text) in &self.names {
            writeln!(f, "name {raw:#x} {}", Quoted(text))?;
        }
        for region in &self.memory {
            let space = match region.space {
                Space::User => "user",
                Space::Kernel => "kernel",
            };
            writeln!(f, "{space} {:#x} {}", region.addr, Quoted(&region.bytes))?;
        }
        Ok(())
    }
}

impl Event for Recorded {
    fn word(&self, builtin: Builtin) -> u64 {
        let given = self.words.iter().rfind(|(b, _)| *b == builtin);
        given.map_or(0, |(_, word)| *word)
    }

    fn comm(&self) -> Vec<u8> {
        self.comm.clone()
    }

    fn stack(&self, stack: Stack) -> Vec<u64> {
        let (words, empty) = match stack.space {
            Space::Kernel => (&self.kstack, &[][..]),
            Space::User => (&self.ustack, &[0][..]),
        };
        let words = if words.is_empty() { empty } else { words };
        let most = stack.size() as usize / 8;
        words.iter().copied().take(most).collect()
    }

    fn call(&self) -> Vec<u8> {
        self.call.clone()
    }

    fn is_late(&self, space: Space, addr: u64) -> bool {
        space == Space::User && self.late.contains(&addr)
    }

    fn record_addr(&self) -> u64 {
        self.record.as_ref().map_or(0, |(addr, _)| *addr)
    }

    fn text(&self, _ty: &Type, value: &Value) -> Vec<u8> {
        let raw = match value {
            Value::Stack(stack, words) => stack.parts(words).1.first().copied().unwrap_or(0),
            Value::Wide(_, words) => words.last().copied().unwrap_or(0),
            other => other.bits(),
        };
        let given = self.names.iter().find(|(named, _)| *named == raw);
        given.map_or_else(Vec::new, |(_, text)| text.clone())
    }

    fn read(&self, space: Space, addr: u64, buf: &mut [u8]) -> bool {
        buf.iter_mut().enumerate().all(|(at, byte)| {
            let addr = addr.wrapping_add(at as u64);
            let found = self.regions().find_map(|(s, start, bytes)| {
                let at = usize::try_from(addr.checked_sub(start)?).ok()?;
                bytes.get(at).filter(|_| s == space)
            });
            found.map(|b| *byte = *b).is_some()
        })
    }
}

struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for &byte in self.0 {
            match byte {
                0 => f.write_str("\\0")?,
                b'"' | b'\\' => write!(f, "\\{}", byte as char)?,
                b' '..=b'~' => write!(f, "{}", byte as char)?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str("\"")
    }
}

const A_NUMBER: &str = "a number: decimal, negative, or 0x and hexadecimal digits";
const A_STRING: &str = "a string between quotes, with \\0, \\xNN, \\\" and \\\\";

fn numbers(text: &str) -> Result<Vec<u64>, &'static str> {
    text.split_whitespace().map(number).collect()
}

fn number(text: &str) -> Result<u64, &'static str> {
    let parsed = if let Some(hex) = text.strip_prefix("0x") {
        u64::from_str_radix(hex, 16)
    } else if text.starts_with('-') {
        text.parse::<i64>().map(|n| n as u64)
    } else {
        text.parse()
    };
    parsed.map_err(|_| A_NUMBER)
}

fn addressed(text: &str) -> Result<(u64, Vec<u8>), &'static str> {
    let (addr, content) = text.split_once(' ').ok_or("an address and its bytes")?;
    Ok((number(addr)?, bytes(content.trim())?))
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let mut rest = inner.ok_or(A_STRING)?.bytes();
    let mut out = Vec::new();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next().ok_or(A_STRING)? {
            b'0' => 0,
            quoted @ (b'"' | b'\\') => quoted,
            b'x' => {
                let mut digit = || rest.next().and_then(|d| (d as char).to_digit(16));
                let (high, low) = (digit().ok_or(A_STRING)?, digit().ok_or(A_STRING)?);
                (high << 4 | low) as u8
            }
            _ => return Err(A_STRING),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        # a failed open
        pid 42
        retval -2
        arg1 0x7f00
        comm "a\"b\\c\x01"
        call "\x01\0"
        kstack 0xff 0xfe
        record 0x1000 "\x2a\0\0\0"
        user 0x7f00 "/etc\0"
        name 0xff "do_sys_open"
    "#;

    #[test]
    fn the_text_form_is_read_and_written() {
        let event = Recorded::read_text(TEXT).expect("well-formed");
        assert_eq!(event.word(Builtin::Pid), 42);
        assert_eq!(event.word(Builtin::Retval) as i64, -2);
        assert_eq!(event.comm(), b"a\"b\\c\x01");
        assert_eq!(event.stack(Stack::kernel(1)), [0xff]);
        let mut byte = [0];
        assert!(event.read(Space::Kernel, 0x1000, &mut byte) && byte == [0x2a]);
        assert_eq!(Recorded::read_text(&event.to_string()), Ok(event));
    }

    #[test]
    fn memory_ends_where_its_bytes_end() {
        let event = Recorded::read_text("user 0x10 \"abc\"").expect("well-formed");
        assert!(event.read(Space::User, 0x11, &mut [0; 2]));
        assert!(!event.read(Space::User, 0x11, &mut [0; 3]));
        assert!(!event.read(Space::User, 0xf, &mut [0; 1]));
        assert!(!event.read(Space::Kernel, 0x10, &mut [0; 1]));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Recorded::read_text("pid 1\npdi 2").expect_err("no such built-in");
        assert_eq!(error.line, 2);
        assert!(Recorded::read_text("pid x").is_err());
        assert!(Recorded::read_text("comm \"a\\q\"").is_err());
    }
}
