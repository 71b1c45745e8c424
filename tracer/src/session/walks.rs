//! Iterators of a run: each is walked once, beside everything else.
//!
//! In: what the kernel is to walk. Out: a future for the end of the last walk. A walk keeps a thread busy, which is not the one
//! that passes wake-ups of the rings on. Never looks at what a walk finds: its program does.

use super::Error;
use crate::load::Loaded;
use crate::plan::{Hook, Plan};
use std::fs::File;
use std::io::{self, Read};
use tokio::task::{JoinHandle, spawn_blocking};

/// The walks of a run.
pub struct Walks {
    under_way: Option<JoinHandle<io::Result<()>>>,
    /// Nothing else can happen in this run.
    alone: bool,
}

impl Walks {
    /// Begins them. Inside a tokio runtime.
    pub fn begin(plan: &Plan, loaded: &Loaded) -> Result<Walks, Error> {
        let walks = loaded.walks()?;
        let is_waiting = |hook: &Hook| !matches!(hook, Hook::Begin | Hook::End | Hook::Iterator(_));
        let alone = !plan
            .programs
            .iter()
            .any(|program| is_waiting(&program.hook));
        let some = !walks.is_empty();
        Ok(Walks {
            under_way: some.then(|| spawn_blocking(|| walk_all(walks))),
            alone: some && alone,
        })
    }

    /// When all have come to their end: whether the run is over with them. Never returns without one.
    pub async fn end(&mut self) -> Result<bool, Error> {
        let Some(under_way) = &mut self.under_way else {
            return std::future::pending().await;
        };
        let walked = under_way.await.unwrap_or_else(|error| Err(error.into()));
        self.under_way = None;
        walked.map_err(Error::Runtime)?;
        Ok(self.alone)
    }
}

fn walk_all(walks: Vec<File>) -> io::Result<()> {
    walks.into_iter().try_for_each(walk)
}

/// Programs write nothing there, so that one read would do; after a great many objects the kernel pauses with `EAGAIN`
/// (`bpf_seq_read` in kernel/bpf/bpf_iter.c).
fn walk(mut objects: File) -> io::Result<()> {
    let mut nothing = [0; 64];
    loop {
        match objects.read(&mut nothing) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
