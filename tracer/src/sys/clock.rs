//! The kernel's monotonic clock, as `bpf_ktime_get_ns` reads it, and local time as text.
//!
//! In: nothing, or a time and a `strftime` format. Out: nanoseconds, or bytes. `std::time::Instant` is the same clock but hides
//! its number, and record stamps have to be compared with it.

use std::ffi::CString;

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for the result; the clock exists on every Linux, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// `format` for `seconds` since 1970 in the local time zone, as strftime(3) says. `None` for a format with a NUL, or a
/// time out of range.
pub fn local_time(format: &str, seconds: i64) -> Option<String> {
    // A last character keeps the result from being empty, which strftime cannot tell from "too small".
    let format = CString::new(format!("{format}.")).ok()?;
    let mut broken_down = std::mem::MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid; the result is only used when the call says that it filled it.
    let filled = unsafe { libc::localtime_r(&raw const seconds, broken_down.as_mut_ptr()) };
    if filled.is_null() {
        return None;
    }
    let mut buffer = vec![0u8; 64.max(format.as_bytes().len() * 4)];
    loop {
        // SAFETY: the buffer's length is given; the format ends with NUL; `broken_down` was filled above.
        let len = unsafe {
            libc::strftime(
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                format.as_ptr(),
                broken_down.as_ptr(),
            )
        };
        if len > 0 {
            buffer.truncate(len - 1);
            return Some(String::from_utf8_lossy(&buffer).into_owned());
        }
        buffer.resize(buffer.len() * 2, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_format() {
        let day = local_time("%Y-%j\n", 86_400 * 200).expect("in range");
        assert!(
            day == "1970-200\n" || day == "1970-201\n" || day == "1970-202\n",
            "{day}"
        );
        assert_eq!(local_time("", 0).as_deref(), Some(""));
        assert_eq!(local_time("a\0b", 0), None);
        let long = "x".repeat(500);
        assert_eq!(local_time(&long, 0), Some(long));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let first = monotonic_ns();
        assert!(first > 0 && monotonic_ns() >= first);
    }
}
