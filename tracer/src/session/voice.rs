//! What a run says on standard error.
//!
//! In: sentences. Out: lines, each beginning with the program's name or a place in the script, or nothing when they
//! were not asked for. A closed
//! standard error is nobody's error.

use super::Script;
use crate::diag::{Diagnostic, render};
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    quiet: bool,
    verbose: bool,
    start: Instant,
}

impl Voice {
    /// By the options.
    pub fn new(quiet: bool, verbose: bool) -> Voice {
        Voice {
            quiet,
            verbose,
            start: Instant::now(),
        }
    }

    /// What has to be known whatever the options are: losses, failures.
    pub fn warn(&self, sentence: &str) {
        let _ = writeln!(std::io::stderr(), "tracer: {sentence}");
    }

    /// About a place in the script, which the sentence names; `always` even when quiet was asked for.
    pub fn place(&self, sentence: &str, always: bool) {
        if always || !self.quiet {
            let _ = writeln!(std::io::stderr(), "{sentence}");
        }
    }

    /// What a user wants to know who did not ask for quiet.
    pub fn note(&self, sentence: &str) {
        if !self.quiet {
            self.warn(sentence);
        }
    }

    /// A step, with the time since the start.
    pub fn step(&self, sentence: &str) {
        if self.verbose {
            let ms = self.start.elapsed().as_secs_f64() * 1e3;
            self.warn(&format!("[{ms:.1} ms] {sentence}"));
        }
    }

    /// Warnings about a script.
    pub fn diagnostics(&self, script: &Script, found: &[Diagnostic]) {
        if !self.quiet && !found.is_empty() {
            let _ = write!(std::io::stderr(), "{}", diagnostics(script, found));
        }
    }
}

/// Diagnostics as people read them: with colours on a terminal.
pub fn diagnostics(script: &Script, found: &[Diagnostic]) -> String {
    let colour = if std::io::stderr().is_terminal() {
        render::Colour::Always
    } else {
        render::Colour::Never
    };
    render::text(&script.name, &script.text, found, colour)
}
