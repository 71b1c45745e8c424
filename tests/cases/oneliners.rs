//! The table of one-line programs: each run by the tracer, and by Debian's bpftrace.
//!
//! In: `tests/oneliners/*.txt`; the bpftrace of Debian 12 (0.17), where it is installed. Out: trials. A file has programs and what
//! they print:
//!
//! ```text
//! # words: a heading
//! printf("%d\n", 1 + 2);
//! | 3
//! ~ why bpftrace 0.17 prints something else, or cannot run it
//! ```
//!
//! A line without a probe is the action of `BEGIN`, which then ends the run; `! --unsafe` adds arguments. Blank lines do not
//! count. Where there is a `~`, the reference must differ: a difference that is gone is a failure. It is not asked where a word in
//! square brackets says why that cannot hold: `~ [newer]`, it cannot know the line at all; `~ [order]`, it prints another order
//! each time.

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// A program that has not ended after this never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Debian's bpftrace.
pub const REFERENCE: &str = "/usr/bin/bpftrace";

/// Programs of the reference at one time: most of their time goes to starting.
const AT_A_TIME: usize = 2;

/// A line of the table.
#[derive(Debug, Default)]
pub struct Oneliner {
    program: String,
    arguments: Vec<String>,
    expected: Vec<String>,
    /// Why the reference differs.
    differs: Option<String>,
}

/// All of a directory, by file's name.
pub fn read_all(directory: &Path) -> Result<Vec<(String, Vec<Oneliner>)>> {
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
        all.push((name.into_owned(), read(&text)));
    }
    Ok(all)
}

/// Runs lines by the reference, some at a time; says where it differs without a reason, or has a reason and does not.
pub fn compare(lines: &[Oneliner]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(line.against(Path::new(REFERENCE)).err());
        }
        wrong
    };
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results
            .flat_map(|result| result.expect("a worker does not panic"))
            .collect()
    });
    let texts: Vec<String> = wrong.iter().map(|error| format!("{error:#}")).collect();
    ensure!(texts.is_empty(), "{}", texts.join("\n"));
    Ok(())
}

fn read(text: &str) -> Vec<Oneliner> {
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
                program: line.to_owned(),
                ..Oneliner::default()
            }),
        }
    }
    all
}

impl Oneliner {
    /// Runs it by the tracer.
    pub fn check(&self, tracer: &Path) -> Result<()> {
        let found = self.run(tracer)?;
        ensure!(
            found == self.expected,
            "{}\nexpected:\n{}\nfound:\n{}",
            self.program,
            self.expected.join("\n"),
            found.join("\n")
        );
        Ok(())
    }

    /// Runs it by the reference, whose failure is a difference.
    fn against(&self, reference: &Path) -> Result<()> {
        if self
            .differs
            .as_ref()
            .is_some_and(|why| why.starts_with('['))
        {
            return Ok(());
        }
        let theirs = self.run(reference);
        let same = theirs.as_ref().is_ok_and(|theirs| *theirs == self.expected);
        match (&self.differs, same, theirs) {
            (None, true, _) | (Some(_), false, _) => Ok(()),
            (None, false, Ok(theirs)) => bail!(
                "{}\nthe reference prints:\n{}",
                self.program,
                theirs.join("\n")
            ),
            (None, false, Err(error)) => bail!("the reference fails: {error:#}"),
            (Some(why), true, _) => bail!("{}\nno difference any more: {why}", self.program),
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
        let all = read("# heading\nprint(1);\n| 1\n\nexit();\n~ no reason\n! -a b\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].expected, ["1"]);
        assert_eq!(all[1].differs.as_deref(), Some("no reason"));
        assert_eq!(all[1].arguments, ["-a", "b"]);
    }
}
