//! One link to many functions (kprobe_multi, on `CONFIG_FPROBE`) or to many places of a file (uprobe_multi, since 6.6).
//!
//! A thousand functions attach in milliseconds so, where one perf event each takes most of a second and longer to close. What the
//! kernel cannot do is attached one by one by the other files.

use super::{Attached, Missed, Ready, some};
use crate::ir::Mechanism;
use crate::load::Error;
use crate::load::raw::{self, Image};
use crate::plan::{At, FunctionPlace, Hook, UserPlace};
use crate::sys::link::{self, UserPlaces};
use crate::sys::probe::Program;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// `BPF_PROG_TYPE_KPROBE`.
const KPROBE: u32 = 2;
/// `r0 = 0; exit`.
const NOTHING: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// Loads a program for one link to all its places; `None` when it has one place, or this kernel cannot: then it is loaded as
/// any other, which also says what the verifier has against it.
pub(super) fn load(name: &str, hook: &Hook, image: &mut Image<'_>) -> Option<Ready> {
    let attach_type = match hook {
        Hook::Functions { mechanism, places } => {
            // Names alone: of several modules it would take any.
            let is_named =
                |at: &At<FunctionPlace>| at.place.offset == 0 && at.place.module.is_none();
            let by_name = !mechanism.needs_btf() && places.iter().all(is_named);
            by_name.then_some(link::KPROBE_MULTI)?
        }
        Hook::UserPlaces { .. } => link::UPROBE_MULTI,
        _ => return None,
    };
    if hook.places() < 2 || !is_known(attach_type) {
        return None;
    }
    let code = image.code(name).ok()?;
    let whole = Program {
        functions: image.functions(&code),
        ..program(&code.insns, attach_type)
    };
    let fd = raw::load(whole).ok()?;
    Some(Ready::Multi(fd))
}

fn program(insns: &[u8], attach_type: u32) -> Program<'_> {
    Program {
        kind: KPROBE,
        insns,
        attach_type,
        ..Program::default()
    }
}

/// Whether this kernel has such links. It is asked for one that it must refuse, and its answer says whether it looked at the
/// place: no function of that name, not a regular file (`bpf_kprobe_multi_link_attach` and `bpf_uprobe_multi_link_attach` in
/// kernel/trace/bpf_trace.c). Others do not take the program, or say EINVAL or EOPNOTSUPP.
fn is_known(attach_type: u32) -> bool {
    let Ok(nothing) = raw::load(program(&NOTHING, attach_type)) else {
        return false;
    };
    let (answer, looked) = match attach_type {
        link::KPROBE_MULTI => {
            let nowhere = link::kprobe_multi(nothing.as_fd(), false, &["+"], &[0]);
            (nowhere, libc::ESRCH)
        }
        _ => {
            let directory = UserPlaces {
                path: "/",
                offsets: &[0],
                semaphores: &[0],
                cookies: &[0],
                pid: 0,
            };
            let nowhere = link::uprobe_multi(nothing.as_fd(), false, &directory);
            (nowhere, libc::EBADF)
        }
    };
    answer.is_err_and(|error| error.raw_os_error() == Some(looked))
}

/// Attaches to functions of the kernel.
pub(super) fn attach_functions(
    program: BorrowedFd<'_>,
    mechanism: Mechanism,
    places: &[At<FunctionPlace>],
) -> Result<Attached, Error> {
    let link = |places: &[At<FunctionPlace>]| {
        let names: Vec<&str> = places.iter().map(|at| at.place.function.as_str()).collect();
        let cookies: Vec<u64> = places.iter().map(|at| at.cookie).collect();
        link::kprobe_multi(program, mechanism.returns(), &names, &cookies)
    };
    let describe = |at: &At<FunctionPlace>| format!("{}:{}", mechanism.name(), at.place);
    let mut attached = Attached::default();
    halves(places, &link, &describe, &mut attached);
    some(attached)
}

/// Attaches to places of files, one link a file.
pub(super) fn attach_user(
    program: BorrowedFd<'_>,
    returns: bool,
    places: &[At<UserPlace>],
    pid: Option<u32>,
) -> Result<Attached, Error> {
    let link = |places: &[At<UserPlace>]| {
        let all = |get: fn(&At<UserPlace>) -> u64| places.iter().map(get).collect::<Vec<u64>>();
        let (offsets, cookies) = (all(|at| at.place.at), all(|at| at.cookie));
        let places = UserPlaces {
            path: &places[0].place.path,
            offsets: &offsets,
            semaphores: &all(|at| at.place.semaphore),
            cookies: &cookies,
            pid: pid.unwrap_or(0),
        };
        link::uprobe_multi(program, returns, &places)
    };
    let describe = |at: &At<UserPlace>| super::user::describe(returns, at);
    let mut attached = Attached::default();
    for of_one_file in places.chunk_by(|a, b| a.place.path == b.place.path) {
        halves(of_one_file, &link, &describe, &mut attached);
    }
    some(attached)
}

/// The kernel takes all places of a link or none: those that it refuses are found by halving.
fn halves<P>(
    places: &[P],
    link: &dyn Fn(&[P]) -> io::Result<OwnedFd>,
    describe: &dyn Fn(&P) -> String,
    attached: &mut Attached,
) {
    match (link(places), places) {
        (Ok(link), _) => attached.links.push(link),
        (Err(why), [place]) => attached.missed.push(Missed {
            place: describe(place),
            why,
        }),
        (Err(_), _) => {
            let (front, back) = places.split_at(places.len() / 2);
            halves(front, link, describe, attached);
            halves(back, link, describe, attached);
        }
    }
}
