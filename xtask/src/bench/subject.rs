//! Subjects: what runs while the workload does, and how each is started, known to be ready, and stopped.
//!
//! In: a subject and where its output goes. Out: a running process; when stopped, how long that took and what it used. Every
//! process that is started here is ended here.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, kill_process};

use super::Setting;
use crate::need;

/// A second in the kernel's files, on every machine (`USER_HZ`).
const TICKS: u64 = 100;
/// Between two looks at a peer that tells nobody when it is ready.
const LOOK: Duration = Duration::from_millis(10);
/// As long as its descriptors must stay what they are, and as long as it may take at most.
const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(60);

/// What people would pick instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `bpftrace -e PROGRAM`
    Bpftrace,
    /// `strace -f -o FILE -p PID`
    Strace,
    /// `perf trace -o FILE -p PID`
    Perf,
}

const KINDS: [(&str, Kind); 3] = [
    ("bpftrace", Kind::Bpftrace),
    ("strace", Kind::Strace),
    ("perf", Kind::Perf),
];

/// One of them on this machine.
pub struct Peer {
    /// What it is called in tables.
    pub name: String,
    /// Where it is, or its name to look up in `PATH`.
    pub path: String,
    kind: Kind,
}

/// All of them.
pub struct Peers(Vec<Peer>);

impl Peers {
    /// Those of the distribution that are there, and those named on the command line.
    pub fn find(named: &[String]) -> Result<Peers> {
        let here = KINDS.iter().filter(|(name, _)| need::has_program(name));
        let mut peers: Vec<Peer> = here
            .map(|&(name, kind)| Peer {
                name: name.to_owned(),
                path: name.to_owned(),
                kind,
            })
            .collect();
        for one in named {
            let (name, path) = one.split_once('=').context("--peer is NAME=PATH")?;
            let kind = KINDS.iter().find(|(known, _)| name.starts_with(known));
            let Some(&(_, kind)) = kind else {
                bail!("--peer {one}: the name must begin with bpftrace, strace or perf");
            };
            ensure!(
                Path::new(path).is_file(),
                "--peer {one}: there is no such file"
            );
            let (name, path) = (name.to_owned(), path.to_owned());
            peers.push(Peer { name, path, kind });
        }
        Ok(Peers(peers))
    }

    /// Nobody.
    pub fn none() -> Peers {
        Peers(Vec::new())
    }

    /// Every one.
    pub fn all(&self) -> &[Peer] {
        &self.0
    }

    /// Those of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Peer> {
        self.0.iter().filter(move |peer| peer.kind == kind)
    }
}

/// What runs beside the workload.
pub enum Subject<'a> {
    /// Nothing at all.
    Nothing,
    /// Empty programs on these raw tracepoints.
    Floor(&'a [&'a str]),
    /// The tracer with these arguments.
    Tracer(Vec<String>),
    /// A bpftrace with this program.
    Bpftrace(&'a Peer, String),
    /// A strace or perf on this process, writing to a file.
    Attached(&'a Peer, u32),
}

impl Subject<'_> {
    /// What it is called in tables.
    pub fn name(&self) -> &str {
        match self {
            Subject::Nothing => "nothing",
            Subject::Floor(_) => "floor",
            Subject::Tracer(_) => "tracer",
            Subject::Bpftrace(peer, _) | Subject::Attached(peer, _) => &peer.name,
        }
    }

    /// Starts it, its output to a file, and waits until it traces.
    pub fn start(&self, setting: &Setting, output: &Path) -> Result<Running> {
        let file = || File::create(output).with_context(|| format!("create {}", output.display()));
        let begin = Instant::now();
        let child = match self {
            Subject::Nothing => None,
            Subject::Floor(hooks) => Some(start_floor(setting, hooks)?),
            Subject::Tracer(args) => Some(start_tracer(setting, args, file()?)?),
            Subject::Bpftrace(peer, program) => {
                let mut command = Command::new(&peer.path);
                command
                    .args(["-q", "-B", "full", "-e", program])
                    .stdout(file()?);
                Some(start_quiet(&mut command)?)
            }
            Subject::Attached(peer, pid) => Some(start_attached(peer, *pid, output)?),
        };
        let ready = begin.elapsed();
        Ok(Running { child, ready })
    }
}

/// A subject that traces. Ended when dropped.
pub struct Running {
    child: Option<Child>,
    /// From exec to tracing.
    pub ready: Duration,
}

/// What it took to stop one.
#[derive(Default)]
pub struct Stopped {
    /// From the signal to its end.
    pub took: Duration,
    /// Processor time that it used in all.
    pub cpu: Duration,
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Asks it to end as Ctrl-C does, and waits until it has written everything.
    pub fn stop(mut self) -> Result<Stopped> {
        let Some(mut child) = self.child.take() else {
            return Ok(Stopped::default());
        };
        let before = children_cpu();
        let begin = Instant::now();
        drop(child.stdin.take());
        kill_process(Pid::from_child(&child), Signal::INT).context("interrupt a subject")?;
        child.wait().context("wait for a subject")?;
        Ok(Stopped {
            took: begin.elapsed(),
            cpu: children_cpu().saturating_sub(before),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Only when something else has failed: that is what is told.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Processor time of all children that have been waited for.
fn children_cpu() -> Duration {
    // Fields 16 and 17 of proc(5)'s stat, behind a name that may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

fn start_floor(setting: &Setting, hooks: &[&str]) -> Result<Child> {
    let mut command = Command::new(&setting.workload);
    command.arg("floor").args(hooks);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start the floor")?;
    let output = child.stdout.take().context("its output")?;
    let ready = BufReader::new(output).lines().next().is_some();
    ensure!(ready, "empty programs could not be attached: see above");
    Ok(child)
}

fn start_tracer(setting: &Setting, args: &[String], output: File) -> Result<Child> {
    let (read, write) = std::io::pipe().context("make a pipe")?;
    rustix::io::fcntl_setfd(&write, FdFlags::empty()).context("let a pipe be inherited")?;
    let mut command = Command::new(&setting.tracer);
    command
        .args(args)
        .arg("--ready-fd")
        .arg(write.as_raw_fd().to_string());
    let child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .context("start the tracer")?;
    drop(write);
    let ready = BufReader::new(read).read(&mut [0; 16])? > 0;
    ensure!(ready, "the tracer did not start: {}", args.join(" "));
    Ok(child)
}

fn start_attached(peer: &Peer, pid: u32, output: &Path) -> Result<Child> {
    let mut command = Command::new(&peer.path);
    match peer.kind {
        Kind::Strace => command.arg("-f"),
        _ => command.arg("trace"),
    };
    command.arg("-o").arg(output).arg("-p").arg(pid.to_string());
    command.stdout(Stdio::null());
    start_quiet(&mut command)
}

/// Starts a program that tells nobody when it is ready: it is when its descriptors have not changed for a while.
fn start_quiet(command: &mut Command) -> Result<Child> {
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("start a peer")?;
    let begin = Instant::now();
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < QUIET || last <= 3 {
        std::thread::sleep(LOOK);
        if let Some(status) = child.try_wait()? {
            bail!("{:?} ended with {status}", command.get_program());
        }
        ensure!(
            begin.elapsed() < PATIENCE,
            "{:?} was not ready in time",
            command.get_program()
        );
        let now = std::fs::read_dir(format!("/proc/{}/fd", child.id())).map_or(0, Iterator::count);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(child)
}
