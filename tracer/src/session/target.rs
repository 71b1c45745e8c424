//! The process that a run is about: one that exists (`-p`), or a command that is started (`-c`).
//!
//! In: a [`Scope`]. Out: its end as a future. A command is forked before anything is attached and executed when all is; when
//! the tracer is killed before that, it never runs; afterwards, it goes on unharmed.

use super::{Error, Scope};
use crate::sys::process::{Held, Watched};
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::Receiver;
use tokio::io::unix::AsyncFd;

/// Whom the run waits for.
pub enum Target {
    /// Nobody: the whole system.
    None,
    /// An existing process.
    Process(AsyncFd<OwnedFd>),
    /// A command.
    Command(Child),
}

/// A command, held before its start or running.
pub struct Child {
    name: String,
    watched: Watched,
    end: AsyncFd<OwnedFd>,
    held: Option<Held>,
    ended: Option<Receiver<io::Result<ExitStatus>>>,
}

impl Target {
    /// Finds the process or forks for the command. Needs a tokio runtime.
    pub fn open(scope: &Scope) -> Result<Target, Error> {
        if let Some(words) = &scope.command {
            return Child::hold(words).map(Target::Command);
        }
        let Some(pid) = scope.pid else {
            return Ok(Target::None);
        };
        Watched::open(pid)
            .and_then(|process| process.end())
            .map(Target::Process)
            .map_err(|source| Error::Process { pid, source })
    }

    /// The command's process id.
    pub fn child(&self) -> Option<u32> {
        match self {
            Target::Command(child) => child.held.as_ref().map(Held::pid),
            Target::None | Target::Process(_) => None,
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

    /// Returns when it has ended; never without a target.
    pub async fn end(&mut self) -> Result<Option<ExitStatus>, Error> {
        let fd = match self {
            Target::None => return std::future::pending().await,
            Target::Process(end) => end,
            Target::Command(child) => &child.end,
        };
        // An error here is one of epoll itself; then the end cannot be awaited.
        if fd.readable().await.is_err() {
            return std::future::pending().await;
        }
        match self {
            Target::Command(child) => child.status(),
            Target::None | Target::Process(_) => Ok(None),
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
        find(name).map_err(error)?;
        let mut command = Command::new(name);
        command.args(args);
        let held = Held::spawn(command).map_err(error)?;
        let watched = Watched::open(held.pid()).map_err(error)?;
        let end = watched.end().map_err(error)?;
        Ok(Child {
            name: name.clone(),
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

/// Whether there is a program of this name: a path, or a file in one of `PATH`'s folders (execvp(3)).
fn find(name: &str) -> io::Result<()> {
    if name.contains('/') {
        return std::fs::metadata(name).map(|_| ());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no such program in PATH",
        )),
    }
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
