//! Error numbers: names and texts (asm-generic/errno*.h, strerror(3)).
//!
//! In: `data/errno.txt`, at build time. Out: look-ups by number. Never formats.

include!(concat!(env!("OUT_DIR"), "/errno.rs"));

fn row(errno: u64) -> Option<&'static (u64, &'static str, &'static str)> {
    ERRNO
        .binary_search_by_key(&errno, |&(n, _, _)| n)
        .ok()
        .map(|at| &ERRNO[at])
}

/// `ENOENT` for 2; also the kernel's internal ones (`ERESTARTSYS` for 512).
pub fn name(errno: u64) -> Option<&'static str> {
    row(errno).map(|&(_, name, _)| name)
}

/// `No such file or directory` for 2.
pub fn text(errno: u64) -> Option<&'static str> {
    row(errno).map(|&(_, _, text)| text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_are_those_of_the_c_library() {
        for errno in 1..=libc::EHWPOISON {
            let Some(text) = super::text(errno as u64) else {
                continue;
            };
            let full = std::io::Error::from_raw_os_error(errno).to_string();
            assert_eq!(full, format!("{text} (os error {errno})"));
        }
        assert_eq!(super::name(2), Some("ENOENT"));
        assert_eq!(super::name(512), Some("ERESTARTSYS"));
        assert_eq!(super::name(41), None);
    }
}
