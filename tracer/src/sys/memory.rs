//! What the allocator does with memory that is free again.
//!
//! In: nothing. Out: a setting of this process. Never allocates.

/// More than a batch of a recording takes, in all its forms.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 32 << 20;

/// Memory that is freed is kept for its next use, within bounds: for work that needs the same large pieces again and again. By itself
/// glibc gives them back each time, and the kernel clears them page by page when they are wanted again: half of the time of
/// a query over a recording.
pub fn keep_freed() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both take two integers and change settings of the allocator, which it guards itself. What is refused stays as it
    // was: slower, and right.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}
