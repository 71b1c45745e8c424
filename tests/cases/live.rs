//! A running tracer beside a trigger.
//!
//! In: arguments. Out: what the tracer printed and how it ended. Waits for events only: the ready line, an exit; a
//! limit of time ends what is stuck. Never leaves a process behind.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};

use crate::Place;
use crate::case::Case;
use crate::expect::{self, Facts};

/// Far more than any case takes, also in an emulated guest on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// These attach nothing, and so are never ready.
const SUBCOMMANDS: &[&str] = &[
    "list", "explain", "doctor", "query", "export", "check", "profile", "diff",
];

/// Runs a case from a file.
pub fn run_case(place: &Place, case: &Case) -> Result<()> {
    let (ended, facts) = if case.trigger.is_empty() {
        let facts = paths(place);
        let args = filled(&case.tracer, &facts);
        let tracer = Tracer::start(place, &args, case.under.as_deref())?;
        (tracer.wait()?, facts)
    } else {
        run_with_trigger(place, case)?
    };
    let told = || format!("status {}, standard error:\n{}", ended.status, ended.err);
    expect::lines("standard output", &case.out, &ended.out, &facts).with_context(told)?;
    expect::lines("standard error", &case.err, &ended.err, &facts)?;
    ended.with(case.status)
}

fn run_with_trigger(place: &Place, case: &Case) -> Result<(Ended, Facts)> {
    let words: Vec<_> = case.trigger.iter().map(String::as_str).collect();
    let trigger = Trigger::start(place, &words)?;
    let mut facts = paths(place);
    facts.push(("pid".into(), trigger.pid().to_string()));
    let args = filled(&case.tracer, &facts);
    let mut tracer = Tracer::start(place, &args, case.under.as_deref())?;
    let ready = tracer.ready();
    facts.extend(trigger.finish()?);
    if ready {
        tracer.signal(Signal::INT)?;
    }
    Ok((tracer.wait()?, facts))
}

/// What is known before anything runs.
fn paths(place: &Place) -> Facts {
    let of = |name: &str, path: &std::path::Path| (name.to_owned(), path.display().to_string());
    vec![
        of("trigger", &place.trigger),
        of("scripts", &place.scripts),
        of("tracer", &place.tracer),
    ]
}

/// The tracer's arguments. Quiet: a case names every line of standard error, and losses are always told.
fn filled(args: &[String], facts: &Facts) -> Vec<String> {
    let has_quiet = !is_subcommand(args) && args.first().is_none_or(|first| first != "trace");
    let quiet = has_quiet.then(|| "-q".to_owned());
    let args = args.iter().map(|arg| expect::fill(arg, facts));
    quiet.into_iter().chain(args).collect()
}

fn is_subcommand(args: &[String]) -> bool {
    args.first()
        .is_some_and(|first| SUBCOMMANDS.contains(&first.as_str()))
}

/// A process that is ended with its owner.
pub struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail harmlessly when it was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guarded {
    /// From now on.
    pub fn new(child: Child) -> Guarded {
        Guarded(child)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Waits for its end; the limit of time ends it with an error.
    pub fn wait(mut self, what: &str) -> Result<ExitStatus> {
        let pid = self.pid();
        let (stop, stopped) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            let late = stopped.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                // Not waited for yet, so the id is still its own.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            late
        });
        let status = self
            .0
            .wait()
            .with_context(|| format!("wait for the {what}"))?;
        drop(stop);
        ensure!(
            !watch.join().expect("the watch does not panic"),
            "the {what} did not end"
        );
        Ok(status)
    }
}

/// Everything a pipe carries, read on a thread of its own.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth comparing.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// Every line that a pipe carries, as it comes, read on a thread of its own.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        // What was read before an error is still worth comparing.
        while matches!(pipe.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// A tracer that was started.
pub struct Tracer {
    process: Guarded,
    ready: Receiver<bool>,
    out: Option<Receiver<Vec<u8>>>,
    err: Receiver<String>,
}

/// A tracer that ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Its standard output, when the case did not take it.
    pub out: String,
    /// Its standard error, from where it was not read yet.
    pub err: String,
}

impl Ended {
    /// That it ended with this status.
    pub fn with(&self, status: i32) -> Result<()> {
        ensure!(
            self.status.code() == Some(status),
            "ended with {}, not with status {status}\n{}",
            self.status,
            self.err
        );
        Ok(())
    }

    /// That it ended well, and said nothing but what was lost: that may be told on a slow machine.
    pub fn well_but_for_losses(&self) -> Result<()> {
        self.with(0)?;
        let only_losses = self.err.lines().all(|line| line.contains("lost"));
        ensure!(only_losses, "standard error:\n{}", self.err);
        Ok(())
    }
}

impl Tracer {
    /// Starts the tracer, with its output kept.
    pub fn start(place: &Place, args: &[String], under: Option<&str>) -> Result<Tracer> {
        let (mut tracer, out) = Tracer::start_piped(place, args, under)?;
        tracer.out = Some(collect(out));
        Ok(tracer)
    }

    /// Starts the tracer; its output is the caller's to read or to close.
    pub fn start_piped(
        place: &Place,
        args: &[String],
        under: Option<&str>,
    ) -> Result<(Tracer, std::process::ChildStdout)> {
        let (read, write) = std::io::pipe().context("make a pipe")?;
        let mut command = match under {
            Some(restriction) => {
                let mut command = Command::new(&place.trigger);
                command.args(["as", restriction]).arg(&place.tracer);
                command
            }
            None => Command::new(&place.tracer),
        };
        // Inherited by number. No other process is started before it is closed here: cases run one by one.
        rustix::io::fcntl_setfd(&write, FdFlags::empty()).context("let a pipe be inherited")?;
        // What stands behind `--` is the script's own; what `trace` runs stands behind its options.
        let own = match args.first().map(String::as_str) {
            Some("trace") => 1,
            _ => args
                .iter()
                .position(|arg| arg == "--")
                .unwrap_or(args.len()),
        };
        command.args(&args[..own]).stdin(Stdio::null());
        if !is_subcommand(args) {
            command.args(["--ready-fd", &write.as_raw_fd().to_string()]);
        }
        command.args(&args[own..]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start the tracer")?;
        drop(write);
        let out = child.stdout.take().expect("standard output is piped");
        let err = lines(child.stderr.take().expect("standard error is piped"));
        let tracer = Tracer {
            process: Guarded(child),
            ready: watch_ready(File::from(OwnedFd::from(read))),
            out: None,
            err,
        };
        Ok((tracer, out))
    }

    /// Waits until all probes are attached. `false`: it ended before.
    pub fn ready(&mut self) -> bool {
        self.ready.recv_timeout(LIMIT).unwrap_or(false)
    }

    /// The same, for cases that expect it to start.
    pub fn must_be_ready(mut self) -> Result<Tracer> {
        if self.ready() {
            return Ok(self);
        }
        let ended = self.wait()?;
        bail!(
            "the tracer did not start: {}\n{}{}",
            ended.status,
            ended.out,
            ended.err
        )
    }

    /// The next line of its standard error.
    pub fn told(&self) -> Result<String> {
        let line = self.err.recv_timeout(LIMIT);
        line.context("wait for a line of standard error")
    }

    /// Two at once on the calls of a trigger, with the same arguments and the trigger's process id behind them. Both are let
    /// run to the trigger's end.
    pub fn two(place: &Place, trigger: &[&str], args: &[&str]) -> Result<[Tracer; 2]> {
        let trigger = Trigger::start(place, trigger)?;
        let pid = trigger.pid().to_string();
        let args: Vec<String> = args
            .iter()
            .chain([&pid.as_str()])
            .map(|a| (*a).to_owned())
            .collect();
        let start = || Tracer::start(place, &args, None)?.must_be_ready();
        let both = [start()?, start()?];
        trigger.finish()?;
        Ok(both)
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        rustix::process::kill_process(self.pid(), signal).context("signal the tracer")
    }

    /// Waits for its end.
    pub fn wait(self) -> Result<Ended> {
        let status = self.process.wait("tracer")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let out = self
            .out
            .map(|out| out.recv().context("read standard output"))
            .transpose()?;
        let err = self.err.iter().collect();
        let out = out.map(text).unwrap_or_default();
        Ok(Ended { status, out, err })
    }
}

/// Tells whether the ready line came before the pipe was closed.
fn watch_ready(pipe: File) -> Receiver<bool> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let ready = matches!(BufReader::new(pipe).read_line(&mut line), Ok(length) if length > 0);
        let _ = sender.send(ready);
    });
    receiver
}

/// A trigger that waits for its release.
pub struct Trigger {
    process: Guarded,
    out: Receiver<Vec<u8>>,
}

impl Trigger {
    /// Starts it; it is prepared and waits when this returns.
    pub fn start(place: &Place, words: &[&str]) -> Result<Trigger> {
        let mut command = Command::new(&place.trigger);
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Guarded(command.spawn().context("start the trigger")?);
        let stdout = process.0.stdout.take().expect("standard output is piped");
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .context("wait for the trigger")?;
        ensure!(line == "ready\n", "the trigger did not get ready: {line:?}");
        let out = collect(reader);
        Ok(Trigger { process, out })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Lets it cause its events.
    pub fn release(&mut self) -> Result<()> {
        if let Some(mut stdin) = self.process.0.stdin.take() {
            stdin.write_all(b"\n").context("release the trigger")?;
        }
        Ok(())
    }

    /// Lets it cause its events, waits for its end and returns what it said.
    pub fn finish(mut self) -> Result<Facts> {
        self.release()?;
        let status = self.process.wait("trigger")?;
        ensure!(status.success(), "the trigger ended with {status}");
        let text = self.out.recv().context("read what the trigger said")?;
        let text = String::from_utf8(text).context("the trigger speaks UTF-8")?;
        let facts = text.lines().filter_map(|line| line.split_once('='));
        Ok(facts
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// A number that the trigger said.
pub fn number(facts: &Facts, name: &str) -> Result<u64> {
    let fact = facts.iter().find(|(known, _)| known == name);
    let (_, value) = fact.with_context(|| format!("the trigger did not say {name}"))?;
    value
        .parse()
        .with_context(|| format!("{name}={value} is not a number"))
}
