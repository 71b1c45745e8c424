//! The runtime's own diagnostics, for `--verbose`: what aya-log carries from the kernel to standard error.
//!
//! In: a plan, and what was loaded from it. Out: lines. Without `--verbose` the plan lacks the buffer, and then the linker
//! leaves out everything that would write to it.

use super::voice::Voice;
use crate::load::Loaded;
use crate::plan::{MapKind, MapSpec, Plan};
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};

/// The buffer's name is aya-log's.
const MAP: &str = "AYA_LOGS";
/// Its bytes: a few hundred messages; more are dropped by the kernel.
const BYTES: u32 = 64 << 10;

/// Asks for diagnostics.
pub fn request(plan: &mut Plan) {
    plan.maps.push(MapSpec {
        name: MAP.into(),
        kind: MapKind::Ringbuf,
        key_size: 0,
        value_size: 0,
        max_entries: BYTES,
        flags: 0,
        inner: None,
    });
}

/// Where they are read.
pub struct Diagnostics(EbpfLogger<Lines>);

impl Diagnostics {
    /// `None` when they were not asked for, or nothing in the run could write any.
    pub fn of(loaded: &mut Loaded, voice: Voice) -> Option<Diagnostics> {
        loaded.logs(Lines(voice)).ok().map(Diagnostics)
    }

    /// Prints what has come.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}

/// One line a message.
struct Lines(Voice);

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.step(&format!("runtime: {}", record.args()));
    }

    fn flush(&self) {}
}
