//! What the program says that it did, against the decoded line: an oracle that knows nothing of strace and of the decoder.
//!
//! In: for each call its name, its arguments and its result, as the program passed and got them; the line. Out: what is wrong.
//! Numbers are read back from the line, whatever they are shown as: flags are added up again, names looked up. Objects other than strings
//! must be shown as what they are or by their address; what stands in them is strace's part.

use tracer::tables::constants;

/// An argument as it was passed.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A number, or an address where nothing is.
    Number(u64),
    /// A C string: its address and bytes.
    Text(u64, Vec<u8>),
    /// The address of another object.
    Object(u64),
}

/// A call.
#[derive(Clone, Debug)]
pub struct Said {
    name: String,
    /// The arguments.
    pub args: Vec<Argument>,
    /// The result, errors negative.
    pub ret: i64,
}

/// What comparing an argument gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Same,
    /// It is shown in a way that is not read back here.
    Unread,
    Wrong,
}

impl Said {
    /// Without arguments yet.
    pub fn new(name: &str, ret: i64) -> Said {
        Said {
            name: name.to_owned(),
            args: Vec::new(),
            ret,
        }
    }

    /// As a line of text.
    pub fn to_line(&self) -> String {
        let arg = |arg: &Argument| match arg {
            Argument::Number(n) => format!(" n{n:x}"),
            Argument::Object(n) => format!(" o{n:x}"),
            Argument::Text(n, bytes) => {
                let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                format!(" t{n:x}:{hex}")
            }
        };
        let args: String = self.args.iter().map(arg).collect();
        format!("{} {}{args}\n", self.name, self.ret)
    }

    /// Reads such a line.
    pub fn from_line(line: &str) -> Option<Said> {
        let mut words = line.split(' ');
        let mut said = Said::new(words.next()?, words.next()?.parse().ok()?);
        for word in words {
            let number = |text| u64::from_str_radix(text, 16).ok();
            let (kind, rest) = word.split_at_checked(1)?;
            said.args.push(match kind {
                "n" => Argument::Number(number(rest)?),
                "o" => Argument::Object(number(rest)?),
                _ => {
                    let (address, hex) = rest.split_once(':')?;
                    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
                    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
                    Argument::Text(number(address)?, bytes?)
                }
            });
        }
        Some(said)
    }

    /// Whether the line says the same.
    pub fn check(&self, line: &str) -> Result<(), String> {
        let told = |what: &str| format!("{what}\nline: {line}\nsaid: {self:?}");
        let (call, result) = taken_apart(line).ok_or_else(|| told("it is no line of a call"))?;
        if call.name != self.name {
            return Err(told("another call"));
        }
        if !self.is_result(result) {
            return Err(told("another result"));
        }
        // Arguments that do not count are not shown, and two registers can be one number.
        if call.args.len() != self.args.len() {
            return Ok(());
        }
        let pairs = self.args.iter().zip(&call.args);
        for (at, (arg, shown)) in pairs.enumerate() {
            let arg = &match arg {
                // It counts in pages, and is shown in bytes.
                Argument::Number(pages) if self.name == "mmap2" && at == 5 => {
                    Argument::Number(pages * 4096)
                }
                arg => arg.clone(),
            };
            if compared(arg, shown) == Verdict::Wrong {
                return Err(told(&format!("argument {at} is another one: {shown}")));
            }
        }
        Ok(())
    }

    /// Whether every argument of the line could be compared.
    pub fn compares_all(&self, line: &str) -> bool {
        let Some((call, _)) = taken_apart(line) else {
            return false;
        };
        let same = |(arg, shown): (&Argument, &&str)| compared(arg, shown) == Verdict::Same;
        call.args.len() == self.args.len() && self.args.iter().zip(&call.args).all(same)
    }

    fn is_result(&self, shown: &str) -> bool {
        if (-4095..0).contains(&self.ret) {
            let error = std::io::Error::from_raw_os_error(-self.ret as i32).to_string();
            // The C library's words, as the standard library passes them on.
            let text = error.rsplit_once(" (os error").map_or("", |(text, _)| text);
            return shown.starts_with("-1 E") && shown.ends_with(&format!("({text})"))
                || shown.starts_with("? ERESTART");
        }
        let number = shown.split(' ').next().unwrap_or_default();
        number == "?" || value(number).is_none_or(|n| is_same(n, self.ret as u64))
    }
}

struct Line<'a> {
    name: &'a str,
    args: Vec<&'a str>,
}

/// Call and result of `name(a, {b, c}) = 0`.
fn taken_apart(line: &str) -> Option<(Line<'_>, &str)> {
    let (name, rest) = line.split_once('(')?;
    let mut depth = 0;
    let mut quoted = false;
    let mut escaped = false;
    let mut from = 0;
    let mut args = Vec::new();
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            ')' if depth == 0 => {
                let last = rest[from..at].trim();
                args.extend((!last.is_empty()).then_some(last));
                let result = rest[at + 1..].trim_start().strip_prefix("= ")?;
                return Some((Line { name, args }, result));
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                args.push(rest[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn compared(arg: &Argument, shown: &str) -> Verdict {
    let number = |n: u64| match value(shown) {
        Some(v) if is_same(v, n) => Verdict::Same,
        Some(_) => Verdict::Wrong,
        None => Verdict::Unread,
    };
    match arg {
        Argument::Number(n) => number(*n),
        Argument::Text(_, bytes) if shown.starts_with('"') => match is_text(shown, bytes) {
            true => Verdict::Same,
            false => Verdict::Wrong,
        },
        Argument::Object(_) if shown.starts_with(['{', '[', '"', '~']) => Verdict::Same,
        Argument::Object(n) | Argument::Text(n, _) => number(*n),
    }
}

/// Equal, as far as the narrower of the two goes: an argument of 16 or 32 bits is shown as that.
fn is_same(shown: i128, passed: u64) -> bool {
    let low = shown as u64;
    low == passed
        || low as u32 == passed as u32 && (-1 << 31..1 << 32).contains(&shown)
        || low as u16 == passed as u16 && (-1 << 15..1 << 16).contains(&shown)
}

/// A number however it is shown; `None` when it is not read back here.
fn value(shown: &str) -> Option<i128> {
    let plain = match shown.split_once(" /* ") {
        Some((number, _)) => number,
        None => shown,
    };
    let mut sum = 0;
    for part in plain.split('|') {
        sum |= term(part.trim())?;
    }
    Some(sum)
}

fn term(text: &str) -> Option<i128> {
    if text == "NULL" {
        return Some(0);
    }
    if let Some((number, shift)) = text.split_once("<<") {
        return Some(term(number)? << term(shift)?.clamp(0, 63));
    }
    if let Some(rest) = text.strip_prefix('-') {
        return Some(-term(rest)?);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i128::from_str_radix(hex, 16).ok();
    }
    if text.len() > 1 && text.starts_with('0') {
        return i128::from_str_radix(text, 8).ok();
    }
    let named = || constants::value(text).map(i128::from);
    text.parse().ok().or_else(named)
}

/// Whether a C string shows these bytes, or their beginning and `...`.
fn is_text(shown: &str, bytes: &[u8]) -> bool {
    let (quoted, cut) = match shown.strip_suffix("...") {
        Some(front) => (front, true),
        None => (shown, false),
    };
    let inner = quoted.strip_prefix('"').and_then(|s| s.strip_suffix('"'));
    let Some(plain) = inner.and_then(unescaped) else {
        return false;
    };
    match cut {
        true => bytes.starts_with(&plain),
        false => bytes == plain,
    }
}

/// The bytes that an escaped text stands for.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [kind, tail @ ..] = rest else { return None };
        rest = tail;
        out.push(match kind {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'v' => 0xb,
            b'f' => 0xc,
            b'"' | b'\\' => *kind,
            b'0'..=b'7' => {
                let mut code = u32::from(kind - b'0');
                let more = tail.iter().take(2).take_while(|b| b.is_ascii_digit());
                let digits = more.count();
                for digit in &tail[..digits] {
                    code = code * 8 + u32::from(digit - b'0');
                }
                rest = &tail[digits..];
                code as u8
            }
            _ => return None,
        });
    }
    Some(out)
}
