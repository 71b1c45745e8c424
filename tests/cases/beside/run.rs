//! One run of a command under both.
//!
//! In: a command. Out: what strace and the tracer wrote. The command is a shell that waits until both watch it, and then
//! becomes the command.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Place;
use crate::live::Tracer;

/// Where programs are looked for.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What the shell does first; the comparison begins behind it.
const WAIT: &str = "read go; exec \"$@\"";

/// What both write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Arguments as numbers: strace as text, the tracer as JSON.
    Raw,
    /// All that they know.
    Decoded,
}

impl Form {
    fn of_strace(self) -> &'static [&'static str] {
        match self {
            Form::Raw => &["-e", "raw=all"],
            Form::Decoded => &["-v", "-yy", "-s", "4096"],
        }
    }

    fn of_tracer(self) -> &'static [&'static str] {
        match self {
            Form::Raw => &["--format", "json"],
            Form::Decoded => &["-v", "-yy", "-s", "4096"],
        }
    }
}

/// Runs the command; what strace and the tracer wrote.
pub fn both(
    place: &Place,
    folder: &Path,
    command: &[String],
    form: Form,
) -> Result<(Vec<u8>, Vec<u8>)> {
    let written = tempfile::tempdir().context("make a folder")?;
    let (theirs, ours) = (written.path().join("strace"), written.path().join("tracer"));
    let _ = std::fs::remove_dir_all(folder.join("clone"));
    let mut traced = Command::new("sh")
        .args(["-c", WAIT, "sh"])
        .args(command)
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", PATH), ("LC_ALL", "C"), ("HOME", "/nonexistent")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("start a shell")?;
    let watched = watch(place, &traced, form, &theirs, &ours);
    // Lets it go; without the two it waits no longer either.
    if watched.is_ok() {
        use std::io::Write;
        let stdin = traced.stdin.as_mut().expect("standard input is piped");
        stdin.write_all(b"go\n\n").context("release the command")?;
    }
    drop(traced.stdin.take());
    traced.wait().context("wait for the command")?;
    let (mut strace, tracer) = watched?;
    let ended = tracer.wait()?;
    ensure!(
        ended.status.success(),
        "the tracer ended with {}: {}",
        ended.status,
        ended.err
    );
    strace.wait().context("wait for strace")?;
    let read =
        |path: &Path| std::fs::read(path).with_context(|| format!("read {}", path.display()));
    Ok((read(&theirs)?, read(&ours)?))
}

/// Attaches both.
fn watch(
    place: &Place,
    traced: &Child,
    form: Form,
    theirs: &Path,
    ours: &Path,
) -> Result<(Child, Tracer)> {
    let pid = traced.id().to_string();
    let mut strace = Command::new("strace")
        .args(["-f", "-a", "1", "-o"])
        .arg(theirs)
        .args(form.of_strace())
        .args(["-p", &pid])
        .stderr(Stdio::piped())
        .spawn()
        .context("start strace")?;
    let stderr = strace.stderr.take().expect("standard error is piped");
    let mut said = String::new();
    let mut reader = BufReader::new(stderr);
    reader.read_line(&mut said).context("wait for strace")?;
    ensure!(said.contains("attached"), "strace: {said}");
    // It tells of each new process, and must not be held up by that.
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let file = ours.display().to_string();
    let options = [
        "trace",
        "-f",
        "-a",
        "1",
        "--strict",
        "--ring-size",
        "16M",
        "-o",
        &file,
    ];
    let options = options.iter().chain(form.of_tracer());
    let words: Vec<String> = options
        .chain(&["-p", &pid])
        .map(|&word| word.to_owned())
        .collect();
    let tracer = Tracer::start(place, &words, None)?.must_be_ready()?;
    Ok((strace, tracer))
}
