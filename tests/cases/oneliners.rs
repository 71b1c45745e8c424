//! The table of one-line programs: each run by the tracer, and by Debian's bpftrace when it is asked for.
//!
//! In: `tests/oneliners/*.txt` beside the cases; `REFERENCE`, a bpftrace to compare with (0.17). Out: trials. A file has programs and
//! what they print:
//!
//! ```text
//! # words: a heading
//! printf("%d\n", 1 + 2);
//! | 3
//! ~ why bpftrace 0.17 prints something else, or cannot run it
//! ```
//!
//! A line without a probe is the action of `BEGIN`, which then ends the run; `! --unsafe` adds arguments. Blank lines do not
//! count. Where there is a `~`, the reference must differ: a difference that is gone is a failure.

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// A program that has not ended after this never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line of the table.
#[derive(Debug, Default)]
pub struct Oneliner {
    /// File and number: `integers::12`.
    pub name: String,
    program: String,
    arguments: Vec<String>,
    expected: Vec<String>,
    /// Why the reference differs.
    differs: Option<String>,
}

/// All of a directory, by file.
pub fn read_all(directory: &Path) -> Result<Vec<Oneliner>> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .with_context(|| format!("read {}", directory.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut all = Vec::new();
    for path in files
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
    {
        let text = fs::read_to_string(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        all.extend(read(&text, &name));
    }
    Ok(all)
}

fn read(text: &str, file: &str) -> Vec<Oneliner> {
    let mut all: Vec<Oneliner> = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        match (line.split_at_checked(1), all.last_mut()) {
            (Some(("|", rest)), Some(last)) => {
                last.expected
                    .push(rest.strip_prefix(' ').unwrap_or(rest).to_owned());
            }
            (Some(("~", why)), Some(last)) => last.differs = Some(why.trim().to_owned()),
            (Some(("!", more)), Some(last)) => {
                last.arguments = more.split_whitespace().map(str::to_owned).collect();
            }
            _ => all.push(Oneliner {
                name: format!("{file}::{}", all.len() + 1),
                program: line.to_owned(),
                ..Oneliner::default()
            }),
        }
    }
    all
}

impl Oneliner {
    /// Runs it by the tracer, and by the reference when there is one.
    pub fn check(&self, tracer: &Path, reference: Option<&Path>) -> Result<()> {
        let found = self.run(tracer)?;
        ensure!(
            found == self.expected,
            "{}\nexpected:\n{}\nfound:\n{}",
            self.program,
            self.expected.join("\n"),
            found.join("\n")
        );
        let Some(reference) = reference else {
            return Ok(());
        };
        let theirs = self.run(reference).unwrap_or_default();
        match (&self.differs, theirs == self.expected) {
            (None, true) | (Some(_), false) => Ok(()),
            (None, false) => bail!(
                "{}\nthe reference prints:\n{}",
                self.program,
                theirs.join("\n")
            ),
            (Some(why), true) => bail!("{}\nno difference any more: {why}", self.program),
        }
    }

    fn script(&self) -> String {
        let is_whole = [
            "BEGIN",
            "END",
            "interval:",
            "i:",
            "config",
            "#define",
            "enum ",
            "struct ",
            "macro ",
            "let @",
        ]
        .iter()
        .any(|front| self.program.starts_with(front));
        match is_whole {
            true => self.program.clone(),
            // A comment may end the line.
            false => format!("BEGIN {{ {}\nexit(); }}", self.program),
        }
    }

    /// The lines that it prints.
    fn run(&self, program: &Path) -> Result<Vec<String>> {
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .args(["-q", "-e"])
            .arg(self.script());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("start")?;
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let errors = std::thread::spawn(move || drain(&mut stderr));
        let output = std::thread::spawn(move || drain(&mut stdout));
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let pid = Pid::from_child(&child);
        let guard = std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // It is there: nobody waits for it before this thread has ended.
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let output = output.join().unwrap_or_default();
        let errors = errors.join().unwrap_or_default();
        drop(done);
        let _ = guard.join();
        let status = child.wait()?;
        ensure!(status.success(), "{}\n{status}\n{errors}", self.program);
        let lines = output.lines().map(str::trim_end);
        Ok(lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect())
    }
}

fn drain(from: &mut Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error is still looked at.
        let _ = from.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let all = read(
            "# heading\nprint(1);\n| 1\n\nexit();\n~ no reason\n! -a b\n",
            "x",
        );
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].expected, ["1"]);
        assert_eq!(all[1].differs.as_deref(), Some("no reason"));
        assert_eq!(all[1].arguments, ["-a", "b"]);
        assert_eq!(all[1].name, "x::2");
    }
}
