//! Arrays of maps, filled before anything runs.
//!
//! In: an array and what belongs into its slots. Out: the array, filled. The kernel ends each such update by waiting until all
//! running programs have ended (`maybe_wait_bpf_programs` in kernel/bpf/syscall.c): 8 to 16 ms. At the start no program
//! runs yet and only the slots matter, so a thread does the waiting, and whoever needs the slots looks at them.

use crate::sys::bpf::{self, Shape};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::thread::JoinHandle;

/// Slot numbers, map descriptors and map ids have 4 bytes each.
const SHAPE: Shape = Shape { key: 4, value: 4 };
/// Answer of kernels that cannot write arrays of maps in one call (ENOTSUPP, which libc does not know).
const NOT_SUPPORTED: i32 = 524;

/// An array that is being filled.
pub(super) struct Filling {
    array: OwnedFd,
    last: u32,
    thread: JoinHandle<io::Result<()>>,
}

impl Filling {
    /// Starts to put `inner` into the slots of `array`, from the first on. The array is empty, and nothing uses it.
    pub fn start(array: BorrowedFd<'_>, inner: &[BorrowedFd<'_>]) -> io::Result<Filling> {
        let own = |fd: &BorrowedFd<'_>| fd.try_clone_to_owned();
        let inner: Vec<OwnedFd> = inner.iter().map(own).collect::<io::Result<_>>()?;
        let last = inner.len() as u32 - 1;
        let (array, to) = (array.try_clone_to_owned()?, array.try_clone_to_owned()?);
        let thread = std::thread::Builder::new().spawn(move || fill(to.as_fd(), &inner))?;
        Ok(Filling {
            array,
            last,
            thread,
        })
    }

    /// Returns when every slot is filled. Slots are filled in order, so the last one tells.
    pub fn wait(self) -> io::Result<()> {
        while !self.thread.is_finished() {
            let mut id = [0; 4];
            if bpf::lookup(self.array.as_fd(), SHAPE, &self.last.to_ne_bytes(), &mut id)? {
                return Ok(());
            }
            std::thread::yield_now();
        }
        self.thread
            .join()
            .expect("a panic in a thread ends the process")
    }
}

fn fill(array: BorrowedFd<'_>, inner: &[OwnedFd]) -> io::Result<()> {
    let slots: Vec<u8> = (0..inner.len() as u32).flat_map(u32::to_ne_bytes).collect();
    let maps: Vec<u8> = inner
        .iter()
        .flat_map(|fd| fd.as_raw_fd().to_ne_bytes())
        .collect();
    match bpf::update_many(array, SHAPE, &slots, &maps) {
        Err(error) if error.raw_os_error() == Some(NOT_SUPPORTED) => slots
            .chunks_exact(4)
            .zip(maps.chunks_exact(4))
            .try_for_each(|(slot, map)| bpf::update(array, SHAPE, slot, map)),
        done => done,
    }
}
