//! Which CPU the calling thread runs on: two runs of a program may be made to meet on one CPU, or not to.
//!
//! In: the number of a CPU. Out: a thread that stays there, until what says so is dropped. Never another thread.

use std::{io, mem};

/// The CPUs that a thread may run on.
pub struct Affinity(libc::cpu_set_t);

impl Affinity {
    /// The calling thread's.
    ///
    /// # Errors
    /// The kernel's: more CPUs than the 1,024 of the C library's set.
    pub fn own() -> io::Result<Affinity> {
        // SAFETY: all zeroes is a set without a CPU.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes no more than the size that it is told; 0 is the calling thread.
        match unsafe { libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) } {
            0 => Ok(Affinity(set)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Their numbers, rising.
    pub fn cpus(&self) -> Vec<usize> {
        let all = 0..libc::CPU_SETSIZE as usize;
        // SAFETY: the number is below the set's size.
        all.filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &self.0) })
            .collect()
    }

    /// Moves the calling thread to one of them; it is there when this returns.
    ///
    /// # Errors
    /// The kernel's, when the CPU has gone.
    pub fn stay_on(&self, cpu: usize) -> io::Result<()> {
        // SAFETY: all zeroes is a set without a CPU.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: `CPU_SET` does not write behind the set: it indexes an array.
        unsafe { libc::CPU_SET(cpu, &mut set) };
        set_own(&set)
    }
}

impl Drop for Affinity {
    /// The calling thread may run where it could.
    fn drop(&mut self) {
        if let Err(error) = set_own(&self.0) {
            log::warn!("this thread stays on one CPU: {error}");
        }
    }
}

fn set_own(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the kernel reads no more than the size that it is told; 0 is the calling thread.
    match unsafe { libc::sched_setaffinity(0, mem::size_of_val(set), set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_and_is_free_again() {
        let before = Affinity::own().expect("is told").cpus();
        let own = Affinity::own().expect("is told");
        for cpu in &before {
            own.stay_on(*cpu).expect("may run there");
            // SAFETY: the call has no arguments.
            assert_eq!(unsafe { libc::sched_getcpu() }, *cpu as i32);
        }
        drop(own);
        assert_eq!(Affinity::own().expect("is told").cpus(), before);
    }
}
