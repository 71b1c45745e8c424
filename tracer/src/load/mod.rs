//! The image in the kernel: maps created and filled, programs verified and attached, what they wrote read back.
//!
//! In: a [`Plan`] and the image that [`link`](crate::link) made of it. Out: [`Loaded`], which owns everything in the kernel: when it
//! is dropped, or the process dies in whatever way, nothing stays attached (nothing is ever pinned). Errors say operation and
//! object. Never knows what a map's bytes mean beyond the wire's own structures, never prints.
//!
//! Order of a run: [`Loaded::load`], [`Loaded::take_rings`], `test_run` of BEGIN, [`Loaded::attach_all`], [`Loaded::open`], …,
//! [`Loaded::close`], draining, `test_run` of END, reading the maps, drop.

mod attach;
mod calls;
mod control;
mod error;
mod maps;
mod outer;
mod patterns;
mod raw;
mod refused;
mod rings;
mod syscalls;
#[cfg(test)]
mod tests;
mod tree;

pub use attach::Missed;
pub use control::Exclusion;
pub use error::Error;
pub use maps::RawTable;
pub use rings::{RingPair, Rings};

use crate::bpf::Function;
use crate::plan::{Hook, Plan};
use crate::sys::link;
use attach::Ready;
use aya::programs::Program;
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use maps::Maps;
use refused::refused;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use tracer_ebpf::{Control, map};

/// What loading depends on besides the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The generated programs: they tell which line of the script a rejected instruction belongs to. May be empty.
    pub functions: &'a [Function],
    /// Who is not traced.
    pub exclusion: Exclusion,
    /// Places in programs and libraries are watched in this process alone.
    pub pid: Option<u32>,
    /// The tree grows with forks; without it, it is what [`Loaded::plant`] is told.
    pub follow: bool,
}

/// A run's programs and maps in the kernel.
pub struct Loaded {
    ebpf: Ebpf,
    maps: Maps,
    programs: Vec<Attachable>,
    /// What holds programs to places, beside what aya holds.
    links: Vec<OwnedFd>,
    /// Links of iterators.
    walks: Vec<OwnedFd>,
    pid: Option<u32>,
    control: Control,
    follow: bool,
}

/// A program of the plan in the kernel.
struct Attachable {
    name: String,
    hook: Hook,
    ready: Ready,
}

impl Loaded {
    /// Creates the maps, loads the programs, fills the tables that they read. Nothing is attached and tracing is closed.
    ///
    /// # Errors
    /// What the kernel refused, and for which map or program.
    pub fn load(plan: &Plan, image: &[u8], options: &Options<'_>) -> Result<Loaded, Error> {
        let mut ebpf = loader()
            // Task storage: aya creates it and offers no access, which nothing here wants.
            .allow_unsupported_maps()
            .load(image)
            .map_err(Error::from_image)?;
        let mut maps = Maps::new(plan, &ebpf)?;
        let mut kernel_types = None;
        let mut raw = raw::Image::new(image, &maps);
        let mut programs = Vec::with_capacity(plan.programs.len());
        for (program, planned) in plan.programs.iter().enumerate() {
            let function = options.functions.get(program);
            let (name, hook) = (&planned.name, &planned.hook);
            let loaded = program_mut(&mut ebpf, name)?;
            let types = &mut kernel_types;
            let bound = plan.bound_to(hook);
            let ready = match attach::load(loaded, name, hook, bound, types, &mut raw) {
                Ok(ready) => ready,
                Err(error) => {
                    let raw = &mut raw;
                    return Err(refused(name, hook, bound, error, types, raw, function));
                }
            };
            let (name, hook) = (name.clone(), hook.clone());
            programs.push(Attachable { name, hook, ready });
        }
        let follow = options.follow && maps.has(map::TREE);
        if follow {
            tree::load(&mut ebpf, &options.exclusion, &mut raw)?;
        }
        syscalls::fill(&maps, plan)?;
        calls::fill(&maps, plan)?;
        patterns::fill(&maps, plan)?;
        let control = control::exclude(&mut ebpf, &mut raw, options.exclusion)?;
        maps.wait_until_filled()?;
        Ok(Loaded {
            ebpf,
            maps,
            programs,
            links: Vec::new(),
            walks: Vec::new(),
            pid: options.pid,
            control,
            follow,
        })
    }

    /// Attaches every program that waits for events. They do nothing before [`Loaded::open`]. Says what the kernel refused of
    /// several places that a probe matched.
    ///
    /// # Errors
    /// The hook that could not be attached, and why; what was attached before stays so until this is dropped.
    pub fn attach_all(&mut self) -> Result<Vec<Missed>, Error> {
        if self.follow {
            tree::attach(&mut self.ebpf)?;
        }
        let mut missed = Vec::new();
        for Attachable { name, hook, ready } in &self.programs {
            if !hook.is_synthetic() {
                let program = program_mut(&mut self.ebpf, name)?;
                let attached = attach::attach(program, hook, ready, self.pid)?;
                self.links.extend(attached.links);
                self.walks.extend(attached.walk);
                missed.extend(attached.missed);
            }
        }
        Ok(missed)
    }

    /// Runs the plan's program `index` (BEGIN, END, interval) once, in this thread; what the program returned.
    ///
    /// # Errors
    /// When the kernel refuses, or the program is not one that can be run so.
    pub fn test_run(&mut self, index: usize) -> Result<u32, Error> {
        self.test_run_with(index, [0; 12])
    }

    /// The same with the words of a raw tracepoint's context, for any program on one.
    ///
    /// # Errors
    /// As [`Loaded::test_run`].
    pub fn test_run_with(&mut self, index: usize, context: [u64; 12]) -> Result<u32, Error> {
        let name = &self.programs[index].name;
        control::run(&mut self.ebpf, name, context)
    }

    /// The plan's iterators, each about to begin: what is read to its end has run for each object. Nothing is to be read but
    /// the end.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn walks(&self) -> Result<Vec<File>, Error> {
        let begin = |link: &OwnedFd| {
            let walk = link::iterate(link.as_fd()).map(File::from);
            walk.map_err(|source| Error::Walk { source })
        };
        self.walks.iter().map(begin).collect()
    }

    /// Starts tracing: what is attached takes effect, on all CPUs at once.
    ///
    /// # Errors
    /// When the control word cannot be written.
    pub fn open(&mut self) -> Result<(), Error> {
        self.control.start_ns = crate::sys::clock::monotonic_ns();
        self.control.active = 1;
        control::write(&self.maps, &self.control)
    }

    /// Ends tracing. When this returns, every firing that had begun has ended: what it wrote can be read.
    ///
    /// # Errors
    /// When the control word cannot be written.
    pub fn close(&mut self) -> Result<(), Error> {
        self.control.active = 0;
        control::write(&self.maps, &self.control)?;
        self.maps.wait_for_programs()
    }

    /// Whether tracing is open: a script's `exit` closes it in the kernel.
    ///
    /// # Errors
    /// When the control word cannot be read.
    pub fn is_open(&self) -> Result<bool, Error> {
        if !self.maps.has(map::CONTROL) {
            // No program looks at the word, so none can have closed tracing.
            return Ok(self.control.active != 0);
        }
        let control = self.maps.read_control()?;
        Ok(control.iter().take(size_of::<u64>()).any(|&byte| byte != 0))
    }

    /// Makes a process the one that `cpid` names. Before BEGIN.
    pub fn set_child(&mut self, pid: u32) -> Result<(), Error> {
        self.control.child = u64::from(pid);
        control::write(&self.maps, &self.control)
    }

    /// When tracing was opened, in nanoseconds of the monotonic clock; 0 before.
    pub fn start_ns(&self) -> u64 {
        self.control.start_ns
    }

    /// The processes that are not traced, as the first pid namespace numbers them.
    pub fn excluded(&self) -> &[u32] {
        &self.control.excluded[..self.control.excluded_len as usize]
    }

    /// The record buffers. They can be taken once; a plan whose programs send nothing has none.
    pub fn take_rings(&mut self) -> Rings {
        self.maps.take_rings()
    }

    /// The runtime's own diagnostics, for [`aya_log`]; an error unless the plan had the `AYA_LOGS` map.
    ///
    /// # Errors
    /// When there is no such map.
    pub fn logs<L: log::Log>(
        &mut self,
        logger: L,
    ) -> Result<aya_log::EbpfLogger<L>, aya_log::Error> {
        aya_log::EbpfLogger::init_with_logger(&mut self.ebpf, logger)
    }
}

/// aya's loader, without the kernel's types: nothing in the image refers to them, and what needs them (fentry) parses them
/// itself.
///
/// `EbpfLoader::new` of aya 0.14 parses them all the same, before it can be told not to: 9 to 20 ms and 18 MB of memory for
/// the time, by far the dearest part of a start. There is no other constructor, so it is called where it cannot open their file.
fn loader() -> EbpfLoader<'static> {
    let mut loader = crate::sys::confine::without_files(EbpfLoader::new);
    loader.btf(None);
    loader.verifier_log_level(VerifierLogLevel::DISABLE);
    loader
}

/// Has the verifier take a program of the runtime's own on a raw tracepoint.
fn load_own(
    ebpf: &mut Ebpf,
    name: &str,
    hook: &Hook,
    image: &mut raw::Image<'_>,
) -> Result<(), Error> {
    let Program::RawTracePoint(program) = program_mut(ebpf, name)? else {
        return Ok(());
    };
    let loaded = program.load();
    loaded.map_err(|error| refused(name, hook, None, error, &mut None, image, None))
}

/// A program of the image by its symbol.
fn program_mut<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Program, Error> {
    ebpf.program_mut(name)
        .ok_or_else(|| Error::NoProgram(name.to_owned()))
}
