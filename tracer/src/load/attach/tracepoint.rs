//! Tracepoints with their formatted record: a perf event and a BPF link on it. Needs tracefs to be mounted and readable.

use super::{Attached, each, link_event};
use crate::kernel::tracefs::Tracefs;
use crate::load::Error;
use crate::plan::{At, TracepointPlace};
use crate::sys::perf;
use std::io;
use std::os::fd::BorrowedFd;

/// Attaches to every tracepoint.
pub(super) fn attach(
    program: BorrowedFd<'_>,
    places: &[At<TracepointPlace>],
) -> Result<Attached, Error> {
    let tracefs = Tracefs::find_mounted();
    let describe = |at: &At<TracepointPlace>| format!("tracepoint:{}", at.place);
    each(places, describe, |_, at| {
        let tracefs = tracefs.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let id = tracefs.id(&at.place.category, &at.place.name)?;
        link_event(program, perf::tracepoint(id)?, at.cookie)
    })
}
