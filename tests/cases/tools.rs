//! Debian's bpftrace tools, unmodified: each beside what it prints on its trigger, by the tracer, and by bpftrace where
//! that is to be had.
//!
//! In: `tests/tools.txt`, the folder of the tools. Out: the first thing that is not as the table says: a tool that fails
//! without a listed reason, a listed reason that no longer holds, keys that differ. Never changes a tool.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;
use rustix::process::{Pid, Signal, kill_process};

use crate::Place;
use crate::live::{Guarded, Tracer};

/// A tool of the table.
#[derive(Clone, Debug, Default)]
pub struct Tool {
    /// Without `.bt`.
    pub name: String,
    /// A shell's command that causes its events.
    trigger: Option<String>,
    /// What of its lines is compared: the parts that match.
    keys: Option<String>,
    /// Keys that must be there, numbers as `N`.
    shows: Vec<String>,
    /// Where it cannot run, and what it must say.
    fails: Vec<(String, String)>,
    /// Where bpftrace cannot run it, or prints other keys, and why.
    reference: Vec<(String, String)>,
    /// Where the trigger causes nothing, and why.
    quiet: Vec<(String, String)>,
}

/// Where the tools and bpftrace are.
#[derive(Clone)]
pub struct Tools {
    folder: PathBuf,
    bpftrace: Option<PathBuf>,
}

impl Tools {
    /// From the environment: `TOOLS` (the folder of the tools), `TOOLS_TABLE`, `REFERENCE` (bpftrace). Nothing when nobody
    /// says where the tools are.
    pub fn find() -> Result<Option<(Tools, Vec<Tool>)>> {
        let (Some(folder), Some(table)) =
            (std::env::var_os("TOOLS"), std::env::var_os("TOOLS_TABLE"))
        else {
            return Ok(None);
        };
        let folder = PathBuf::from(folder);
        let table = std::fs::read_to_string(&table)
            .with_context(|| format!("read {}", Path::new(&table).display()))?;
        let tools = read(&table)?;
        for entry in std::fs::read_dir(&folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".bt") {
                ensure!(
                    tools.iter().any(|tool| tool.name == name),
                    "{name} is not in the table of tools"
                );
            }
        }
        let bpftrace = std::env::var_os("REFERENCE").map(PathBuf::from);
        Ok(Some((Tools { folder, bpftrace }, tools)))
    }
}

/// Blocks of `word: value` lines; `tool:` begins one.
fn read(table: &str) -> Result<Vec<Tool>> {
    let mut tools: Vec<Tool> = Vec::new();
    for line in table.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, value) = line.split_once(": ").context(line.to_owned())?;
        if word == "tool" {
            tools.push(Tool {
                name: value.to_owned(),
                ..Tool::default()
            });
            continue;
        }
        let tool = tools.last_mut().context("a line before the first tool")?;
        let place_and_text = || match value.split_once(": ") {
            Some((place, text)) => Ok((place.to_owned(), text.to_owned())),
            None => bail!("{line}: a place and a sentence"),
        };
        match word {
            "trigger" => tool.trigger = Some(value.to_owned()),
            "keys" => tool.keys = Some(value.to_owned()),
            "shows" => tool.shows.push(value.to_owned()),
            "fails" => tool.fails.push(place_and_text()?),
            "reference" => tool.reference.push(place_and_text()?),
            "quiet" => tool.quiet.push(place_and_text()?),
            _ => bail!("nothing of a tool is called `{word}`"),
        }
    }
    Ok(tools)
}

/// The entry that holds here.
fn here<'t>(place: &Place, entries: &'t [(String, String)]) -> Option<&'t str> {
    let found = entries
        .iter()
        .find(|(feature, _)| place.features.holds(feature));
    found.map(|(_, text)| text.as_str())
}

impl Tool {
    /// Runs it by the tracer, and by bpftrace.
    pub fn check(&self, place: &Place, tools: &Tools) -> Result<()> {
        let path = tools.folder.join(format!("{}.bt", self.name));
        let ours = self.ours(place, &path)?;
        let printed = match (here(place, &self.fails), ours) {
            (Some(reason), Err(said)) => {
                ensure!(said.contains(reason), "it does not say `{reason}`:\n{said}");
                return Ok(());
            }
            (Some(reason), Ok(_)) => bail!("it runs, so this no longer holds: {reason}"),
            (None, Err(said)) => bail!("it does not run:\n{said}"),
            (None, Ok(printed)) => printed,
        };
        let keys = self.keys(&printed)?;
        let is_quiet = here(place, &self.quiet).is_some();
        for wanted in self.shows.iter().filter(|_| !is_quiet) {
            ensure!(
                keys.contains(wanted),
                "`{wanted}` is not among {keys:#?}\n{printed}"
            );
        }
        let Some(bpftrace) = &tools.bpftrace else {
            return Ok(());
        };
        let theirs = self.theirs(place, bpftrace, &path)?;
        let same = theirs.as_ref().is_ok_and(|t| *t == keys);
        match (here(place, &self.reference), same) {
            (None, true) | (Some(_), false) => Ok(()),
            (Some(reason), true) => bail!("bpftrace prints the same: no longer holds: {reason}"),
            (None, false) => match theirs {
                Ok(theirs) => bail!("ours: {keys:#?}\nbpftrace's: {theirs:#?}\n{printed}"),
                Err(said) => bail!("bpftrace does not run it: {said}"),
            },
        }
    }

    /// What the tracer prints; `Err`: what it says instead.
    fn ours(&self, place: &Place, path: &Path) -> Result<Result<String, String>> {
        let args = [
            "-q".to_owned(),
            "--include-terminal".to_owned(),
            path.display().to_string(),
        ];
        let mut tracer = Tracer::start(place, &args, None)?;
        if !tracer.ready() {
            return Ok(Err(tracer.wait()?.err));
        }
        self.cause(place)?;
        tracer.signal(Signal::INT)?;
        let ended = tracer.wait()?;
        ensure!(ended.status.success(), "{}\n{}", ended.status, ended.err);
        Ok(Ok(ended.out))
    }

    /// The keys that bpftrace prints; `Err`: what it says instead.
    fn theirs(
        &self,
        place: &Place,
        bpftrace: &Path,
        path: &Path,
    ) -> Result<Result<BTreeSet<String>, String>> {
        let mut command = Command::new(bpftrace);
        command.arg(path).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("start bpftrace")?;
        let errors = child.stderr.take().map(gather);
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let pid = Pid::from_child(&child);
        let mut printed = String::new();
        let ready = until_running(&mut output, &mut printed)?;
        if ready {
            self.cause(place)?;
            kill_process(pid, Signal::INT).context("interrupt bpftrace")?;
        }
        let rest = gather(output);
        Guarded::new(child).wait("bpftrace")?;
        printed += &rest.join().unwrap_or_default();
        let errors = errors.and_then(|thread| thread.join().ok());
        if !ready {
            return Ok(Err(printed + &errors.unwrap_or_default()));
        }
        self.keys(&printed).map(Ok)
    }

    /// Lets its events happen.
    fn cause(&self, place: &Place) -> Result<()> {
        let Some(trigger) = &self.trigger else {
            return Ok(());
        };
        let mut command = Command::new("sh");
        command.args(["-c", trigger]).env("TRIGGER", &place.trigger);
        command.stdin(Stdio::null());
        // Among the results of tests it would only be in the way.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child: Child = command.spawn().context("start the trigger's shell")?;
        // Some triggers fail on purpose.
        Guarded::new(child).wait("trigger").map(drop)
    }

    /// The parts that match, numbers as `N`, blanks as one.
    fn keys(&self, printed: &str) -> Result<BTreeSet<String>> {
        let Some(keys) = &self.keys else {
            return Ok(BTreeSet::new());
        };
        let (keys, number) = (Regex::new(keys)?, Regex::new("[0-9]+")?);
        let plain = |key: &str| {
            let text = number.replace_all(key, "N");
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let found = printed.lines().filter_map(|line| keys.find(line));
        Ok(found.map(|key| plain(key.as_str())).collect())
    }
}

/// Reads until the tool itself says something, which bpftrace (0.17) prints once everything is attached: it reads nothing of
/// what probes print before. False when it ends before.
fn until_running(output: &mut impl BufRead, printed: &mut String) -> Result<bool> {
    loop {
        let mut line = Vec::new();
        if output.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let line = String::from_utf8_lossy(&line);
        printed.push_str(&line);
        if !line.starts_with("Attaching ") && !line.trim().is_empty() {
            return Ok(true);
        }
    }
}

fn gather(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth comparing.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "# heading\ntool: a\ntrigger: true: x\nfails: no-kprobe: kprobes\n\ntool: b\nkeys: x.*\n";
        let tools = read(table).expect("it is right");
        assert_eq!(tools.len(), 2);
        assert_eq!(tools[0].trigger.as_deref(), Some("true: x"));
        assert_eq!(
            tools[0].fails,
            [("no-kprobe".to_owned(), "kprobes".to_owned())]
        );
        assert!(read("keys: x\n").is_err());
        assert!(read("tool: a\nfails: b\n").is_err());
    }

    #[test]
    fn keys_have_no_numbers() {
        let tool = Tool {
            keys: Some("sh .*".to_owned()),
            ..Tool::default()
        };
        let keys = tool.keys("12 sh  17 x\nother\n13 sh 18   x\n");
        assert_eq!(
            keys.expect("a pattern").into_iter().collect::<Vec<_>>(),
            ["sh N x"]
        );
    }
}
