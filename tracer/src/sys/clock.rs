//! The kernel's monotonic clock, as `bpf_ktime_get_ns` reads it, and local time as text.
//!
//! In: nothing, or a time and a `strftime` format. Out: nanoseconds, or bytes. `std::time::Instant` is the same clock but hides
//! its number, and record stamps have to be compared with it.

use std::ffi::CString;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Wall-clock nanoseconds since 1970 of a moment of the monotonic clock, which may lie ahead.
pub fn wall_ns(monotonic: u64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_nanos() as i64);
    let ahead = monotonic.wrapping_sub(monotonic_ns()) as i64;
    now.saturating_add(ahead)
}

/// `format` for a moment, in nanoseconds since 1970, in the local time zone, as strftime(3) says; `%f` are its microseconds.
/// `None` for a format with a NUL, or a time out of range.
pub fn local_time(format: &str, moment_ns: i64) -> Option<String> {
    let seconds = moment_ns.div_euclid(1_000_000_000);
    let micros = moment_ns.rem_euclid(1_000_000_000) / 1_000;
    // A last character keeps the result from being empty, which strftime cannot tell from "too small".
    let format = CString::new(format!("{}.", with_micros(format, micros))).ok()?;
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

/// The format with its `%f` replaced; `%%f` is a percent sign and a letter.
fn with_micros(format: &str, micros: i64) -> String {
    let parts: Vec<String> = format
        .split("%%")
        .map(|part| part.replace("%f", &format!("{micros:06}")))
        .collect();
    parts.join("%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_format() {
        let day = local_time("%Y-%j\n", 86_400 * 200 * 1_000_000_000).expect("in range");
        assert!(
            day == "1970-200\n" || day == "1970-201\n" || day == "1970-202\n",
            "{day}"
        );
        let micros = local_time("%f %%f", 5_000_123_999).expect("in range");
        assert_eq!(micros, "000123 %f");
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
