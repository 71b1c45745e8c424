//! The processes that a run is about: those that exist (`-p`), or a command that is started (`-c`).
//!
//! In: a [`Scope`]. Out: its end as a future. A command is forked before anything is attached and executed when all is; when
//! the tracer is killed before that, it never runs; afterwards, it goes on unharmed.

use super::{Error, Scope};
use crate::sys::process::{Held, Watched};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::Receiver;
use tokio::io::unix::AsyncFd;

/// Whom the run waits for.
pub enum Target {
    /// Nobody: the whole system.
    None,
    /// Existing processes.
    Processes(Vec<AsyncFd<OwnedFd>>),
    /// A command.
    Command(Child),
}

/// A command, held before its start or running.
pub struct Child {
    name: String,
    pid: u32,
    watched: Watched,
    end: AsyncFd<OwnedFd>,
    held: Option<Held>,
    ended: Option<Receiver<io::Result<ExitStatus>>>,
}

impl Target {
    /// Finds the processes or forks for the command. Needs a tokio runtime.
    pub fn open(scope: &Scope) -> Result<Target, Error> {
        if let Some(words) = &scope.command {
            return Child::hold(words).map(Target::Command);
        }
        let watch = |&pid: &u32| {
            Watched::open(pid)
                .and_then(|process| process.end())
                .map_err(|source| Error::Process { pid, source })
        };
        let processes: Vec<_> = scope.pid.iter().chain(&scope.roots).collect();
        match processes.is_empty() {
            true => Ok(Target::None),
            false => {
                let ends: Result<_, _> = processes.into_iter().map(watch).collect();
                ends.map(Target::Processes)
            }
        }
    }

    /// Those of some processes that still run. Needs a tokio runtime.
    pub fn still_running(processes: &[u32]) -> Target {
        let end = |&pid: &u32| Watched::open(pid).and_then(|process| process.end()).ok();
        let mut ends = Vec::new();
        for end in processes.iter().filter_map(end) {
            ends.push(end);
        }
        match ends.is_empty() {
            true => Target::None,
            false => Target::Processes(ends),
        }
    }

    /// A command goes past everything that is not its own: see [`Held::ready`].
    pub fn ready(&mut self) -> Result<(), Error> {
        match self {
            Target::Command(child) => match &mut child.held {
                Some(held) => held.ready().map_err(|source| child.error(source)),
                None => Ok(()),
            },
            Target::None | Target::Processes(_) => Ok(()),
        }
    }

    /// The command's process id.
    pub fn child(&self) -> Option<u32> {
        match self {
            Target::Command(child) => Some(child.pid),
            Target::None | Target::Processes(_) => None,
        }
    }

    /// Everything is attached: a held command starts.
    pub fn release(&mut self) -> Result<(), Error> {
        if let Target::Command(child) = self
            && let Some(held) = child.held.take()
        {
            let ended = held.release().map_err(|source| child.error(source))?;
            child.ended = Some(ended);
        }
        Ok(())
    }

    /// Returns when all have ended; never without a target. How a command ended, if it is one.
    pub async fn end(&mut self) -> Result<Option<ExitStatus>, Error> {
        let ends = match self {
            Target::None => return std::future::pending().await,
            Target::Processes(ends) => ends.as_slice(),
            Target::Command(child) => std::slice::from_ref(&child.end),
        };
        for end in ends {
            // An error here is one of epoll itself; then the end cannot be awaited.
            if end.readable().await.is_err() {
                return std::future::pending().await;
            }
        }
        match self {
            Target::Command(child) => child.status(),
            Target::None | Target::Processes(_) => Ok(None),
        }
    }

    /// The run is over: a command that still runs is asked to end, as bpftrace does.
    pub fn stop(&self) {
        if let Target::Command(child) = self {
            // It may have ended in this moment.
            let _ = child.watched.terminate();
        }
    }
}

impl Child {
    fn hold(words: &[String]) -> Result<Child, Error> {
        let (name, args) = words
            .split_first()
            .expect("the command line names a command");
        let error = |source| Error::Command {
            command: name.clone(),
            source,
        };
        // Said now, before BEGIN prints anything; what can only be seen by executing it is said then.
        // A path, so that the one execve there is finds it: execvp(3) would try one folder after the other.
        let mut command = Command::new(find(name).map_err(error)?);
        command.arg0(name).args(args);
        let held = Held::spawn(command).map_err(error)?;
        let pid = held.pid();
        let watched = Watched::open(pid).map_err(error)?;
        let end = watched.end().map_err(error)?;
        Ok(Child {
            name: name.clone(),
            pid,
            watched,
            end,
            held: Some(held),
            ended: None,
        })
    }

    /// How it ended, once it has.
    fn status(&mut self) -> Result<Option<ExitStatus>, Error> {
        let report = self.ended.take().and_then(|ended| ended.recv().ok());
        report.transpose().map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Command {
            command: self.name.clone(),
            source,
        }
    }
}

/// The program of this name: a path, or a file in one of `PATH`'s folders (execvp(3)).
fn find(name: &str) -> io::Result<PathBuf> {
    if name.contains('/') {
        return std::fs::metadata(name).map(|_| name.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files
        .find(|file| is_program(file))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such program in PATH"))
}

/// A file that somebody may execute.
fn is_program(file: &Path) -> bool {
    let found = std::fs::metadata(file);
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_path_and_by_name() {
        assert!(find("sh").is_ok());
        assert!(find("/bin/sh").is_ok());
        for missing in ["no-such-program-anywhere", "/no/such/program"] {
            let error = find(missing).expect_err("it does not exist");
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}
