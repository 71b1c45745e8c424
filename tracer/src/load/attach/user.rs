//! uprobe, uretprobe and usdt, one perf event a place. Needs `CONFIG_UPROBES`.

use super::{Attached, each, link_event, refused};
use crate::load::Error;
use crate::plan::{At, UserPlace};
use crate::sys::perf::Dynamic;
use std::os::fd::BorrowedFd;

/// Attaches to every place, in one process or in all.
pub(super) fn attach(
    program: BorrowedFd<'_>,
    returns: bool,
    places: &[At<UserPlace>],
    pid: Option<u32>,
) -> Result<Attached, Error> {
    let describe = |at: &At<UserPlace>| describe(returns, at);
    let events = Dynamic::find("uprobe").map_err(|why| refused(describe(&places[0]), why))?;
    each(places, describe, |_, at| {
        let place = &at.place;
        let event = events.user(&place.path, place.at, place.semaphore, returns, pid)?;
        link_event(program, event, at.cookie)
    })
}

/// The place as a user writes it.
pub(super) fn describe(returns: bool, at: &At<UserPlace>) -> String {
    let provider = if returns { "uretprobe" } else { "uprobe" };
    format!("{provider}:{}", at.place)
}
