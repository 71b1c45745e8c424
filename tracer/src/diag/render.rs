//! Diagnostics to text: source line, caret, code, help (annotate-snippets).
//!
//! In: a script, its name and diagnostics. Out: text. Never writes to a terminal, never sorts or drops a
//! diagnostic.

use super::{Diagnostic, Severity, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// Whether the text carries colours (ANSI escapes).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// For a terminal.
    Always,
}

/// All diagnostics of a script, one after the other, each with a newline at its end.
///
/// `name` is the file's name, or what stands for it (`-e`).
pub fn text(name: &str, script: &str, diagnostics: &[Diagnostic], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let mut out = String::new();
    for d in diagnostics {
        out.push_str(&renderer.render(&report(name, script, d)));
        out.push('\n');
    }
    out
}

/// One line for each, `name:line:column: error[E0101]: message`, for machines and short logs.
pub fn short(name: &str, script: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let (line, column) = position(script, d.span.start as usize);
        let level = level_name(d.severity);
        let code = code(d);
        out.push_str(&format!(
            "{name}:{line}:{column}: {level}[{code}]: {}\n",
            d.message
        ));
    }
    out
}

/// Line and column of a byte, both from 1; the column counts characters.
pub fn position(script: &str, byte: usize) -> (usize, usize) {
    let before = &script[..byte.min(script.len())];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line, before[start..].chars().count() + 1)
}

fn report<'a>(name: &'a str, script: &'a str, d: &'a Diagnostic) -> Vec<Group<'a>> {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut mark = AnnotationKind::Primary.span(range(d.span, script));
    if !d.label.is_empty() {
        mark = mark.label(d.label.as_str());
    }
    let also = d.also.iter().map(|(span, label)| {
        let mark = AnnotationKind::Context.span(range(*span, script));
        mark.label(label.as_str())
    });
    let snippet = Snippet::source(script)
        .path(name)
        .annotation(mark)
        .annotations(also);
    let title = level.primary_title(d.message.as_str()).id(code(d));
    let group = title.element(snippet);
    let helps = d.help.iter().map(|h| Level::HELP.message(h.as_str()));
    vec![group.elements(helps)]
}

/// The bytes of a span, within the script.
fn range(span: Span, script: &str) -> Range<usize> {
    let end = (span.end as usize).min(script.len());
    (span.start as usize).min(end)..end
}

fn code(d: &Diagnostic) -> String {
    match d.severity {
        Severity::Error => d.code.to_string(),
        Severity::Warning => format!("W{:04}", d.code.0),
    }
}

fn level_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    fn one() -> Diagnostic {
        Diagnostic::error(codes::BAD_NUMBER, Span::new(8, 11), "`12q` is not a number")
            .label("here")
            .help("write `12`")
    }

    #[test]
    fn a_report_has_line_caret_code_and_help() {
        let got = text("-e", "BEGIN {\n12q }", &[one()], Colour::Never);
        let lines: Vec<&str> = got.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "error[E0104]: `12q` is not a number",
                " --> -e:2:1",
                "  |",
                "2 | 12q }",
                "  | ^^^ here",
                "  |",
                "  = help: write `12`",
            ]
        );
    }

    #[test]
    fn colour_only_when_asked_for() {
        let script = "BEGIN {\n12q }";
        assert!(text("-e", script, &[one()], Colour::Always).contains('\u{1b}'));
        assert!(!text("-e", script, &[one()], Colour::Never).contains('\u{1b}'));
    }

    #[test]
    fn a_span_at_the_end_of_an_empty_script_is_fine() {
        let d = Diagnostic::error(codes::NO_ACTION, Span::new(0, 0), "nothing to trace");
        assert!(
            text("-e", "", std::slice::from_ref(&d), Colour::Never).contains("nothing to trace")
        );
        assert_eq!(
            short("-e", "", &[d]),
            "-e:1:1: error[E0121]: nothing to trace\n"
        );
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("é x\né y", 7), (2, 2));
    }
}
