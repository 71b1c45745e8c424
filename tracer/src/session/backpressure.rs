//! Backpressure: the command stands still while its records wait to be read.
//!
//! In: a command that has not begun, the rings, the reader's word that they are empty. Out: its control group frozen when the kernel
//! wakes the reader (a ring has more waiting than a quarter of it), and thawed when they are read. Never touches a process that is not
//! the command or one of its descendants; leaves no control group behind, however this process ends.

use super::cgroups;
use super::reader::{Order, Told};
use super::{Error, target::Target};
use crate::sys::fd::readable;
use crate::sys::process;
use crate::sys::warden::Warden;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Lack {
    /// No hierarchy of version 2.
    #[error(
        "--backpressure freezes the command's control group, and no cgroup2 file system is mounted; `mount -t cgroup2 none /sys/fs/cgroup` does it"
    )]
    NoHierarchy,
    /// A kernel whose control groups do not freeze.
    #[error(
        "--backpressure freezes the command's control group, and this kernel cannot do that: {} is missing (Linux 5.2 has it)",
        path.display()
    )]
    NoFreezer {
        /// The file.
        path: PathBuf,
    },
    /// The kernel refused something.
    #[error("--backpressure: {what} {}: {source}{}", path.display(), hint(source))]
    Refused {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What would help.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; it needs root, or a control group that was delegated to this user"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; it needs a cgroup2 file system that can be written to"
        }
        _ => "",
    }
}

/// The command's own control group.
#[derive(Debug)]
struct Group {
    freeze: File,
    path: PathBuf,
    _warden: Warden,
}

impl Group {
    /// A new one below the tracer's own, with one process in it, which has not begun.
    fn of(process: u32) -> Result<Group, Lack> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (mounts, groups) = (read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
        let root = cgroups::mount_point(&mounts).ok_or(Lack::NoHierarchy)?;
        let above = root.join(cgroups::own(&groups).ok_or(Lack::NoHierarchy)?);
        let path = above.join(format!("tracer-{}", std::process::id()));
        let refused = |what, path: &Path| {
            let path = path.to_owned();
            move |source| Lack::Refused { what, path, source }
        };
        fs::create_dir(&path).map_err(refused("make control group", &path))?;
        let made = Group::in_new(&path, &above, process);
        if made.is_err() {
            // Nothing is in it: without a warden nothing was moved, and with one it is gone already.
            let _ = fs::remove_dir(&path);
        }
        made
    }

    fn in_new(path: &Path, above: &Path, process: u32) -> Result<Group, Lack> {
        let refused = |what, path: &Path| {
            let path = path.to_owned();
            move |source| Lack::Refused { what, path, source }
        };
        let switch = path.join("cgroup.freeze");
        if !switch.exists() {
            return Err(Lack::NoFreezer { path: switch });
        }
        let open = OpenOptions::new().write(true).open(&switch);
        let freeze = open.map_err(refused("open", &switch))?;
        let warden =
            Warden::post(path, above).map_err(refused("watch over control group", path))?;
        let members = path.join("cgroup.procs");
        fs::write(&members, process.to_string())
            .map_err(refused("move the command to", &members))?;
        Ok(Group {
            freeze,
            path: path.to_owned(),
            _warden: warden,
        })
    }

    fn freeze(&self, still: bool) -> Result<(), Lack> {
        let word: &[u8] = if still { b"1" } else { b"0" };
        (&self.freeze)
            .write_all(word)
            .map_err(|source| Lack::Refused {
                what: if still { "freeze" } else { "thaw" },
                path: self.path.clone(),
                source,
            })
    }
}

/// What both threads know.
#[derive(Debug, Default)]
struct Shared {
    /// The command stands still, or is about to.
    still: AtomicBool,
    /// The rings were read to their end.
    drained: Notify,
    /// The run is over.
    over: Notify,
}

/// Freezes and thaws a command. Dropped, the command runs on and its control group is gone.
#[derive(Debug)]
pub struct Backpressure {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The reader's end.
#[derive(Clone, Debug, Default)]
pub struct Relief(Option<Arc<Shared>>);

impl Relief {
    /// All rings were read to their end.
    pub fn drained(&self) {
        if let Some(shared) = &self.0
            && shared.still.load(Ordering::Acquire)
        {
            shared.drained.notify_one();
        }
    }
}

/// A command that can be made to stand still.
#[derive(Debug)]
pub struct Prepared(Group);

impl Prepared {
    /// Puts a command that has not begun into a control group of its own.
    ///
    /// # Errors
    /// Without a command, or where control groups do not freeze.
    pub fn new(target: &Target) -> Result<Prepared, Error> {
        let command = target.child();
        let command = command.expect("the command line has no --backpressure without a command");
        Ok(Prepared(Group::of(command)?))
    }

    /// Begins to watch rings. Orders to look go to the reader.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn watch<'a>(
        self,
        rings: impl Iterator<Item = BorrowedFd<'a>>,
        orders: Sender<Order>,
        told: UnboundedSender<Told>,
    ) -> Result<(Backpressure, Relief), Error> {
        let rings: io::Result<Vec<OwnedFd>> = rings.map(|ring| ring.try_clone_to_owned()).collect();
        let rings = rings.map_err(Error::Runtime)?;
        let shared = Arc::new(Shared::default());
        let watch = Watch {
            group: self.0,
            orders,
            shared: Arc::clone(&shared),
        };
        let work = move || {
            if let Err(error) = watch.run(&rings) {
                // The run may be over already.
                let _ = told.send(Told::Failed(error));
            }
        };
        let thread = std::thread::Builder::new().name("backpressure".into());
        let thread = thread.spawn(work).map_err(Error::Runtime)?;
        let backpressure = Backpressure {
            shared: Arc::clone(&shared),
            thread: Some(thread),
        };
        Ok((backpressure, Relief(Some(shared))))
    }
}

impl Drop for Backpressure {
    fn drop(&mut self) {
        self.shared.over.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the process already.
            let _ = thread.join();
        }
    }
}

/// The watching thread.
struct Watch {
    group: Group,
    orders: Sender<Order>,
    shared: Arc<Shared>,
}

impl Watch {
    fn run(self, rings: &[OwnedFd]) -> Result<(), Error> {
        // Between the sign and the stop the rings go on filling: nobody may come before this thread. Where that is not
        // allowed, it takes its turn.
        let _ = process::before_others();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_io().build().map_err(Error::Runtime)?;
        runtime.block_on(async {
            let filled = Arc::new(Notify::new());
            for ring in rings {
                let ring = readable(ring.as_fd()).map_err(Error::Runtime)?;
                tokio::spawn(pass_on(ring, Arc::clone(&filled)));
            }
            self.follow(&filled).await
        })
    }

    async fn follow(&self, filled: &Notify) -> Result<(), Error> {
        loop {
            tokio::select! {
                biased;
                () = self.shared.over.notified() => return Ok(()),
                () = filled.notified() => {
                    if !self.shared.still.swap(true, Ordering::AcqRel) {
                        self.group.freeze(true)?;
                    }
                    // Whatever the reader has done until now, it looks once more, and tells.
                    let _ = self.orders.send(Order::Look);
                }
                () = self.shared.drained.notified() => {
                    self.shared.still.store(false, Ordering::Release);
                    self.group.freeze(false)?;
                }
            }
        }
    }
}

/// Passes the kernel's wake-ups for one ring on.
async fn pass_on(ring: AsyncFd<OwnedFd>, filled: Arc<Notify>) {
    while let Ok(mut ready) = ring.readable().await {
        ready.clear_ready();
        filled.notify_one();
    }
}
