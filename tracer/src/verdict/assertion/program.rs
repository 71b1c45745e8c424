//! Trees of assertions to the text of a program.
//!
//! In: [`Assertion`]s and what they measure. Out: one clause for each metric, and one `END` that judges. Never decides what a
//! loss means: what is said in `END` is as whole as what was seen, and [`judge`](crate::verdict::judge) knows.

use super::parse::{Assertion, Kind, Metric, Node};
use std::fmt::Write;

/// More different values than this cannot be told apart: then the run could not tell.
const MOST_DISTINCT: u32 = 4096;

/// The program's text.
pub fn text(assertions: &[Assertion], metrics: &[Metric]) -> String {
    let mut text = "config = { print_maps_on_exit = false }\n".to_owned();
    for (at, metric) in metrics.iter().enumerate() {
        if metric.kind == Kind::Distinct {
            let _ = writeln!(text, "let @m{at} = hash({MOST_DISTINCT});");
        }
    }
    for (at, metric) in metrics.iter().enumerate() {
        clause(&mut text, at, metric);
    }
    text += "END {\n";
    for (at, metric) in metrics.iter().enumerate() {
        if metric.kind == Kind::Distinct {
            let _ = writeln!(
                text,
                "    $m{at} = 0;\n    for ($kv : @m{at}) {{ $m{at} += 1; }}"
            );
        }
    }
    text += "    $bad = 0;\n";
    for assertion in assertions {
        let mut used = Vec::new();
        assertion.root.metrics(&mut used);
        let few: Vec<String> = used
            .iter()
            .filter_map(|&at| too_few(at, &metrics[at]))
            .collect();
        let few = match few.is_empty() {
            true => String::new(),
            false => format!("!({}) && ", few.join(" || ")),
        };
        let truth = expression(&assertion.root, metrics);
        let said = shown(&assertion.text, &used, metrics, "does not hold");
        let _ = writeln!(text, "    if ({few}!{truth}) {{ $bad = 1; bad({said}); }}");
    }
    text += "    if ($bad == 0) {\n        $few = 0;\n";
    for (at, metric) in metrics.iter().enumerate() {
        if let Some(few) = too_few(at, metric) {
            let least = samples(&metric.kind);
            let what = escaped(&metric.text);
            let _ = writeln!(
                text,
                "        if ({few}) {{ $few = 1; unsure(\"too few samples: {what} has %d, at least {least} tell\", @n{at}); }}"
            );
        }
    }
    text += "        if ($few == 0) {\n";
    let all: Vec<&str> = assertions.iter().map(|a| a.text.as_str()).collect();
    let used: Vec<usize> = (0..metrics.len()).collect();
    let said = shown(&all.join(" and "), &used, metrics, "holds");
    let _ = writeln!(text, "            good({said});\n        }}\n    }}\n}}");
    text
}

fn clause(text: &mut String, at: usize, metric: &Metric) {
    let filter = metric.filter.as_ref();
    let filter = filter.map_or(String::new(), |filter| format!(" /{filter}/"));
    let value = metric.value.as_deref().unwrap_or_default();
    let body = match &metric.kind {
        Kind::Count => format!("@m{at} = count();"),
        Kind::Aggregate(how @ "sum") => format!("@m{at} = {how}({value});"),
        Kind::Aggregate(how) => format!("@m{at} = {how}({value}); @n{at} = count();"),
        Kind::Distinct => format!("@m{at}[{value}] = 1;"),
        Kind::Percentile { op, limit, .. } => {
            // `>` is the contrary of `<=`, and the share is of those on the lower side.
            let lower = if matches!(*op, "<=" | ">") { "<=" } else { "<" };
            format!("@n{at} = count(); if (({value}) {lower} {limit}) {{ @m{at} = count(); }}")
        }
    };
    let _ = writeln!(text, "{}{filter} {{ {body} }}", metric.probes);
}

/// A metric that has no value, or none to rely on, without so many samples: the condition.
fn too_few(at: usize, metric: &Metric) -> Option<String> {
    let least = samples(&metric.kind);
    (least > 0).then(|| format!("@n{at} < {least}"))
}

/// So many samples are needed.
fn samples(kind: &Kind) -> u64 {
    match kind {
        Kind::Count | Kind::Distinct | Kind::Aggregate("sum") => 0,
        Kind::Aggregate(_) => 1,
        // One sample is to stand for what lies beyond.
        Kind::Percentile { share: (n, of), .. } => of.div_ceil(of - n),
    }
}

fn expression(node: &Node, metrics: &[Metric]) -> String {
    match node {
        Node::Number(literal) => literal.clone(),
        Node::Metric(at) => value(*at, &metrics[*at]),
        Node::Percentile(at) => match &metrics[*at].kind {
            Kind::Percentile {
                share: (n, of), op, ..
            } => {
                let lower = format!("(@m{at} * {of} >= @n{at} * {n})");
                match *op {
                    "<" | "<=" => lower,
                    _ => format!("(!{lower})"),
                }
            }
            _ => value(*at, &metrics[*at]),
        },
        Node::Unary(op, operand) => format!("({op}{})", expression(operand, metrics)),
        Node::Binary(op, left, right) => format!(
            "({} {op} {})",
            expression(left, metrics),
            expression(right, metrics)
        ),
    }
}

fn value(at: usize, metric: &Metric) -> String {
    match metric.kind {
        Kind::Distinct => format!("$m{at}"),
        _ => format!("@m{at}"),
    }
}

/// Format and arguments of what is said: the assertion, and what was measured.
fn shown(text: &str, used: &[usize], metrics: &[Metric], outcome: &str) -> String {
    let mut format = format!("{} {outcome}:", escaped(text));
    let mut values = Vec::new();
    for (i, &at) in used.iter().enumerate() {
        let metric = &metrics[at];
        let comma = if i == 0 { " " } else { ", " };
        let what = escaped(&metric.text);
        match &metric.kind {
            Kind::Percentile { op, limit, .. } => {
                let lower = if matches!(*op, "<=" | ">") { "<=" } else { "<" };
                let _ = write!(format, "{comma}%d of %d samples {lower} {}", escaped(limit));
                values.push(format!("@m{at}"));
                values.push(format!("@n{at}"));
            }
            _ => {
                let _ = write!(format, "{comma}{what} = %d");
                values.push(value(at, metric));
            }
        }
    }
    let format = format.trim_end_matches(':').to_owned();
    let values: String = values.iter().map(|value| format!(", {value}")).collect();
    format!("\"{format}\"{values}")
}

/// As a part of a format that shows it.
fn escaped(text: &str) -> String {
    let one_line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
}

impl Node {
    /// The metrics that it names, each once.
    fn metrics(&self, found: &mut Vec<usize>) {
        match self {
            Node::Metric(at) | Node::Percentile(at) if !found.contains(at) => found.push(*at),
            Node::Metric(_) | Node::Percentile(_) | Node::Number(_) => {}
            Node::Unary(_, operand) => operand.metrics(found),
            Node::Binary(_, left, right) => {
                left.metrics(found);
                right.metrics(found);
            }
        }
    }
}
