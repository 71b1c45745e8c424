//! The examples of the language page, run; those of pages about commands are run by [`commands`].
//!
//! In: `docs/language.md`. Out: a trial for each block of code without a word behind its fence. One with nothing but `BEGIN` and
//! `END` runs, and prints what the block behind it says (fenced with `output`); any other one is loaded and attached, and ends. Never
//! looks into blocks of other things: their fences say what they are.

pub mod commands;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// An example.
#[derive(Debug, Default, PartialEq)]
pub struct Example {
    /// Line of the page on which it begins.
    pub line: usize,
    script: String,
    /// What it prints, when the page says so.
    output: Option<String>,
}

/// All examples of a page.
pub fn read_all(page: &Path) -> Result<Vec<Example>> {
    let text = fs::read_to_string(page).with_context(|| format!("read {}", page.display()))?;
    let examples = examples(&text);
    ensure!(!examples.is_empty(), "{} has no examples", page.display());
    Ok(examples)
}

fn examples(page: &str) -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(word) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().map(|(_, line)| line);
        let block = block.take_while(|line| *line != "```").collect::<Vec<_>>();
        let block = block.join("\n") + "\n";
        match (word, all.last_mut()) {
            ("", _) => all.push(Example {
                line: at + 2,
                script: block,
                output: None,
            }),
            ("output", Some(last)) => last.output = Some(block),
            _ => {}
        }
    }
    all
}

impl Example {
    /// Runs it, or loads and attaches it.
    pub fn check(&self, tracer: &Path) -> Result<()> {
        let mut command = Command::new(tracer);
        command.arg("-q").stdin(Stdio::null());
        match self.runs() {
            true => command.args(["-e", &format!("{}\nBEGIN {{ exit(); }}", self.script)]),
            false => command.args(["--dry-run", "-e", &self.script]),
        };
        let done = command.output().context("start the tracer")?;
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        ensure!(
            done.status.success(),
            "{}\n{}\n{err}",
            self.script,
            done.status
        );
        ensure!(err.is_empty(), "{}\nsays: {err}", self.script);
        if let Some(output) = &self.output {
            ensure!(
                lines(&out) == lines(output),
                "{}\nexpected:\n{output}\nfound:\n{out}",
                self.script
            );
        }
        ensure!(
            self.runs() || self.output.is_none(),
            "{}\nwaits for events: the page cannot say what it prints",
            self.script
        );
        Ok(())
    }

    /// It waits for no event.
    fn runs(&self) -> bool {
        let heads = self
            .script
            .lines()
            .filter(|line| line.ends_with('{') || line.trim_end().ends_with('}'));
        let mut probes = heads
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))
            .filter(|line| {
                !["struct ", "enum ", "union ", "macro ", "config"]
                    .iter()
                    .any(|w| line.starts_with(w))
            });
        probes.all(|line| line.starts_with("BEGIN") || line.starts_with("END"))
    }
}

/// Lines that say something: blank ones stand around maps.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_examples_and_their_output() {
        let page = "text\n```\nBEGIN { print(1); }\n```\nit prints\n```output\n1\n```\n```text\nno\n```\n```\nsyscall:open { exit(); }\n```\n";
        let found = examples(page);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].line, 3);
        assert_eq!(found[0].output.as_deref(), Some("1\n"));
        assert!(found[0].runs() && !found[1].runs());
    }
}
