//! Assertions to trees with types.
//!
//! In: text. Out: [`Assertion`], and the metrics that it names. Never looks into a probe, a filter or a value.

use super::Mistake;
use std::ops::Range;

/// An assertion.
#[derive(Clone, PartialEq, Debug)]
pub struct Assertion {
    /// As it was written.
    pub text: String,
    /// A truth value.
    pub root: Node,
}

/// A part of an assertion.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// A literal of the language.
    Number(String),
    /// A number: index into the metrics.
    Metric(usize),
    /// Whether a percentile compares so with a limit: index into the metrics, which hold both.
    Percentile(usize),
    /// `!x`: a truth value. `-x`: a number.
    Unary(&'static str, Box<Node>),
    /// Two numbers or two truth values.
    Binary(&'static str, Box<Node>, Box<Node>),
}

/// Something that is measured.
#[derive(Clone, PartialEq, Debug)]
pub struct Metric {
    /// As it was written.
    pub text: String,
    /// What is done with the values.
    pub kind: Kind,
    /// Probes, with commas.
    pub probes: String,
    /// Without slashes.
    pub filter: Option<String>,
    /// What is measured of each event.
    pub value: Option<String>,
}

/// What is done with values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Counted.
    Count,
    /// `sum`, `min`, `max`, `avg`.
    Aggregate(&'static str),
    /// Told apart.
    Distinct,
    /// Compared with a limit, of which `share` must be on the right side.
    Percentile {
        /// Numerator and denominator.
        share: (u64, u64),
        /// The comparison as it is written: `<`, `<=`, `>`, `>=`.
        op: &'static str,
        /// The limit: a literal.
        limit: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ty {
    Number,
    Truth,
}

/// Parses one assertion; metrics are added to those of others.
pub fn assertion(text: &str, metrics: &mut Vec<Metric>) -> Result<Assertion, Mistake> {
    let mut parser = Parser {
        text,
        at: 0,
        metrics,
    };
    let start = parser.skip_blanks();
    let (root, ty) = parser.either()?;
    parser.skip_blanks();
    if parser.at < text.len() {
        let rest = parser.at..text.len();
        return Err(parser.mistake(rest, "this does not belong to the assertion"));
    }
    match ty {
        Ty::Truth => Ok(Assertion {
            text: text.trim().to_owned(),
            root,
        }),
        Ty::Number => {
            let what = "an assertion compares: a number is neither true nor false";
            Err(parser.mistake(start..text.len(), what))
        }
    }
}

struct Parser<'t, 'm> {
    text: &'t str,
    at: usize,
    metrics: &'m mut Vec<Metric>,
}

type Typed = (Node, Ty);

const COMPARISONS: [&str; 6] = ["<=", ">=", "==", "!=", "<", ">"];

impl<'t> Parser<'t, '_> {
    /// `a || b`
    fn either(&mut self) -> Result<Typed, Mistake> {
        self.chain(&["||"], Ty::Truth, Parser::both)
    }

    /// `a && b`
    fn both(&mut self) -> Result<Typed, Mistake> {
        self.chain(&["&&"], Ty::Truth, Parser::comparison)
    }

    fn sum(&mut self) -> Result<Typed, Mistake> {
        self.chain(&["+", "-"], Ty::Number, Parser::product)
    }

    fn product(&mut self) -> Result<Typed, Mistake> {
        self.chain(&["*", "/"], Ty::Number, Parser::factor)
    }

    fn chain(
        &mut self,
        operators: &[&'static str],
        ty: Ty,
        part: fn(&mut Self) -> Result<Typed, Mistake>,
    ) -> Result<Typed, Mistake> {
        let start = self.skip_blanks();
        let mut left = part(self)?;
        loop {
            let end = self.at;
            let Some(op) = self.take_any(operators) else {
                return Ok(left);
            };
            self.want(&left, ty, start..end)?;
            let from = self.skip_blanks();
            let right = part(self)?;
            self.want(&right, ty, from..self.at)?;
            left = (Node::Binary(op, Box::new(left.0), Box::new(right.0)), ty);
        }
    }

    fn comparison(&mut self) -> Result<Typed, Mistake> {
        let start = self.skip_blanks();
        let left = self.sum()?;
        let end = self.at;
        let Some(op) = self.take_any(&COMPARISONS) else {
            if let Node::Percentile(_) = left.0 {
                return Err(self.mistake(start..end, "a percentile is compared with a constant"));
            }
            return Ok(left);
        };
        self.want(&left, Ty::Number, start..end)?;
        let from = self.skip_blanks();
        let right = self.sum()?;
        self.want(&right, Ty::Number, from..self.at)?;
        let node = match (left.0, right.0) {
            (Node::Percentile(at), Node::Number(limit)) => {
                self.limit(at, op, limit, start..self.at)?
            }
            (Node::Number(limit), Node::Percentile(at)) => {
                self.limit(at, flipped(op), limit, start..self.at)?
            }
            (left, right) if left.has_percentile() || right.has_percentile() => {
                let what = "a percentile is compared with a constant, and is no part of a sum";
                return Err(self.mistake(start..self.at, what));
            }
            (left, right) => Node::Binary(op, Box::new(left), Box::new(right)),
        };
        Ok((node, Ty::Truth))
    }

    fn limit(
        &mut self,
        metric: usize,
        op: &'static str,
        limit: String,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        if matches!(op, "==" | "!=") {
            return Err(self.mistake(at, "a percentile is compared by <, <=, > or >="));
        }
        if let Kind::Percentile {
            op: own,
            limit: own_limit,
            ..
        } = &mut self.metrics[metric].kind
        {
            (*own, *own_limit) = (op, limit);
        }
        Ok(Node::Percentile(metric))
    }

    fn factor(&mut self) -> Result<Typed, Mistake> {
        let start = self.skip_blanks();
        if self.take("(") {
            let inner = self.either()?;
            return match self.take(")") {
                true => Ok(inner),
                false => Err(self.mistake(start..start + 1, "this bracket is never closed")),
            };
        }
        for (op, ty) in [("!", Ty::Truth), ("-", Ty::Number)] {
            if self.take(op) {
                let from = self.skip_blanks();
                let operand = self.factor()?;
                self.want(&operand, ty, from..self.at)?;
                return Ok((Node::Unary(op, Box::new(operand.0)), ty));
            }
        }
        let word = self.word();
        match word.bytes().next() {
            Some(b'0'..=b'9') => Ok((Node::Number(word.to_owned()), Ty::Number)),
            Some(_) => self.metric(start),
            None => {
                let end = (start + 1).min(self.text.len());
                let what = "a number or a metric such as count(syscall:fsync) is expected";
                Err(self.mistake(start..end, what))
            }
        }
    }

    fn metric(&mut self, start: usize) -> Result<Typed, Mistake> {
        let name: &'t str = &self.text[start..self.at];
        let Some(kind) = kind(name) else {
            let what = "metrics are count, sum, min, max, avg, distinct, errors and p50, p99, …;";
            return Err(self.mistake(start..self.at, what));
        };
        let name_end = self.at;
        self.skip_blanks();
        let Some(inside) = self.bracket() else {
            let what = "the metric's probes are expected between brackets";
            return Err(self.mistake(start..name_end, what));
        };
        let place = start..self.at;
        let metric = match name {
            "errors" => errors(inside),
            _ => {
                let takes_value = kind != Kind::Count;
                let (probes, value) = match takes_value {
                    true => match last_comma(inside) {
                        Some(at) => (&inside[..at], Some(inside[at + 1..].trim())),
                        None => (inside, None),
                    },
                    false => (inside, None),
                };
                if takes_value && value.is_none_or(str::is_empty) {
                    let what = "behind the probes, after a comma, stands what is measured";
                    return Err(self.mistake(place, what));
                }
                with_filter(kind, probes, value.map(str::to_owned))
            }
        };
        if metric.probes.is_empty() {
            return Err(self.mistake(place, "a probe is expected"));
        }
        let text = self.text[place].to_owned();
        let is_percentile = matches!(metric.kind, Kind::Percentile { .. });
        self.metrics.push(Metric { text, ..metric });
        let at = self.metrics.len() - 1;
        let node = match is_percentile {
            true => Node::Percentile(at),
            false => Node::Metric(at),
        };
        Ok((node, Ty::Number))
    }

    /// What stands between the bracket that is next and its partner; takes both.
    fn bracket(&mut self) -> Option<&'t str> {
        let rest: &'t str = &self.text[self.at..];
        let end = rest.starts_with('(').then(|| closing(rest))??;
        self.at += end + 1;
        Some(&rest[1..end])
    }

    fn want(&self, typed: &Typed, ty: Ty, at: Range<usize>) -> Result<(), Mistake> {
        let what = match ty {
            _ if typed.1 == ty => return Ok(()),
            Ty::Number => "a number is expected here, this is true or false",
            Ty::Truth => "something true or false is expected here, this is a number",
        };
        Err(self.mistake(at, what))
    }

    fn skip_blanks(&mut self) -> usize {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }

    fn take(&mut self, what: &str) -> bool {
        self.skip_blanks();
        let is_next = self.text[self.at..].starts_with(what);
        // `!` is not the beginning of `!=`.
        let is_next = is_next && !(what == "!" && self.text[self.at..].starts_with("!="));
        self.at += if is_next { what.len() } else { 0 };
        is_next
    }

    fn take_any(&mut self, any: &[&'static str]) -> Option<&'static str> {
        any.iter().find(|what| self.take(what)).copied()
    }

    fn word(&mut self) -> &'t str {
        let rest: &'t str = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn mistake(&self, at: Range<usize>, what: &str) -> Mistake {
        Mistake {
            what: what.to_owned(),
            at,
            text: self.text.to_owned(),
        }
    }
}

impl Node {
    fn has_percentile(&self) -> bool {
        match self {
            Node::Percentile(_) => true,
            Node::Number(_) | Node::Metric(_) => false,
            Node::Unary(_, operand) => operand.has_percentile(),
            Node::Binary(_, left, right) => left.has_percentile() || right.has_percentile(),
        }
    }
}

fn flipped(op: &'static str) -> &'static str {
    match op {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "count" | "errors" => Kind::Count,
        "sum" => Kind::Aggregate("sum"),
        "min" => Kind::Aggregate("min"),
        "max" => Kind::Aggregate("max"),
        "avg" => Kind::Aggregate("avg"),
        "distinct" => Kind::Distinct,
        _ => {
            // p99 is 99/100, p999 is 999/1000; p5 could mean two things.
            let digits = name.strip_prefix('p')?;
            let is_share =
                (2..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            let share: u64 = is_share.then(|| digits.parse().ok())??;
            if share == 0 {
                return None;
            }
            Kind::Percentile {
                share: (share, 10u64.pow(digits.len() as u32)),
                op: "<=",
                limit: String::new(),
            }
        }
    })
}

/// `errors(CALL, ERRNO)`: failed calls.
fn errors(inside: &str) -> Metric {
    let is_errno =
        |word: &str| word.starts_with('E') && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let (calls, errno) = match last_comma(inside) {
        Some(at) if is_errno(inside[at + 1..].trim()) => {
            (&inside[..at], Some(inside[at + 1..].trim()))
        }
        _ => (inside, None),
    };
    let mut metric = with_filter(Kind::Count, calls, None);
    let probes = metric.probes.split(',').map(str::trim);
    let full = |call: &str| match call {
        "" => String::new(),
        call if call.starts_with("syscall:") => call.to_owned(),
        call => format!("syscall:{call}"),
    };
    metric.probes = probes.map(full).collect::<Vec<_>>().join(",");
    let failed = match errno {
        Some(errno) => format!("errno == {errno}"),
        None => "errno != 0".to_owned(),
    };
    metric.filter = Some(match metric.filter {
        Some(filter) => format!("{failed} && ({filter})"),
        None => failed,
    });
    metric
}

/// Splits `PROBES /FILTER/`: the filter's first slash stands behind a blank, its second at the end.
fn with_filter(kind: Kind, probes: &str, value: Option<String>) -> Metric {
    let trimmed = probes.trim();
    let filter = trimmed.strip_suffix('/').and_then(|rest| {
        let at = rest.find(|c: char| c.is_whitespace())?;
        let filter = rest[at..].trim_start().strip_prefix('/')?;
        Some((rest[..at].to_owned(), filter.trim().to_owned()))
    });
    let (probes, filter) = match filter {
        Some((probes, filter)) => (probes, Some(filter)),
        None => (trimmed.to_owned(), None),
    };
    Metric {
        text: String::new(),
        kind,
        probes,
        filter,
        value,
    }
}

/// Where the bracket that the text begins with is closed; brackets in strings do not count.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    marks(text).find_map(|(at, mark)| {
        match mark {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The last comma that stands in no bracket and no string.
fn last_comma(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut last = None;
    for (at, mark) in marks(text) {
        match mark {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => last = Some(at),
            _ => {}
        }
    }
    last
}

/// Characters outside of strings, with their places.
fn marks(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().filter(move |(_, c)| {
        let was_quoted = quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        !was_quoted && !quoted
    })
}
