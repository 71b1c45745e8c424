//! kprobe and kretprobe, one perf event a place. Needs `CONFIG_KPROBES`.

use super::{Attached, each, link_event, refused};
use crate::ir::Mechanism;
use crate::load::Error;
use crate::plan::{At, FunctionPlace};
use crate::sys::perf::Dynamic;
use std::os::fd::BorrowedFd;

/// Attaches to every place.
pub(super) fn attach(
    program: BorrowedFd<'_>,
    mechanism: Mechanism,
    places: &[At<FunctionPlace>],
) -> Result<Attached, Error> {
    let describe = |at: &At<FunctionPlace>| format!("{}:{}", mechanism.name(), at.place);
    let events = Dynamic::find("kprobe").map_err(|why| refused(describe(&places[0]), why))?;
    each(places, describe, |_, at| {
        let event = events.kernel(&symbol(&at.place), at.place.offset, mechanism.returns())?;
        link_event(program, event, at.cookie)
    })
}

/// As the kernel looks it up: a module's function behind the module's name.
pub(super) fn symbol(place: &FunctionPlace) -> String {
    match &place.module {
        Some(module) => format!("{module}:{}", place.function),
        None => place.function.clone(),
    }
}
