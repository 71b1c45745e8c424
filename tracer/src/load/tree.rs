//! The tree: which processes the run is about, as its `tree` asks.
//!
//! In: roots, by process id. Out: the `TREE` map filled, and the runtime's two programs that keep it when forks are
//! followed. Roots are put in after those are attached, so that no fork of theirs is missed.

use super::attach::Ready;
use super::raw::Image;
use super::{Error, Exclusion, Loaded, attach, load_own, program_mut};
use crate::link::TREE_PROGRAMS;
use crate::plan::Hook;
use aya::Ebpf;
use tracer_ebpf::map;

/// Has the verifier take the programs that follow forks.
pub(super) fn load(
    ebpf: &mut Ebpf,
    exclusion: &Exclusion,
    image: &mut Image<'_>,
) -> Result<(), Error> {
    if exclusion.offsets.is_none() {
        return Err(Error::NoTaskLayout);
    }
    for (name, event) in TREE_PROGRAMS {
        let hook = Hook::RawTracepoint(event.to_owned());
        load_own(ebpf, name, &hook, image)?;
    }
    Ok(())
}

/// Attaches them.
pub(super) fn attach(ebpf: &mut Ebpf) -> Result<(), Error> {
    for (name, event) in TREE_PROGRAMS {
        let hook = Hook::RawTracepoint(event.to_owned());
        let program = program_mut(ebpf, name)?;
        attach::attach(program, &hook, &Ready::Aya, None)?;
    }
    Ok(())
}

impl Loaded {
    /// Makes a process one of the tree; its forks are from now on, when they are followed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn plant(&self, process: u32) -> Result<(), Error> {
        if !self.maps.has(map::TREE) {
            return Ok(());
        }
        self.maps.write(map::TREE, process, &0u64.to_ne_bytes())
    }

    /// The processes of the tree that may still run.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn tree(&self) -> Result<Vec<u32>, Error> {
        self.maps.keys(map::TREE)
    }
}
