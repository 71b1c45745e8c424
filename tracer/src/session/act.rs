//! What scripts have done in user space: commands, files, lists of strings.
//!
//! In: a command, a path, values. Out: bytes to print. Never decides whether a script may: that was checked before
//! the run.

use crate::types::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

/// Runs a shell command and waits for it; what it writes to standard output. Its standard error is the tracer's.
pub fn shell(command: &[u8]) -> Vec<u8> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(OsStr::from_bytes(command));
    shell.stdin(Stdio::null()).stderr(Stdio::inherit());
    match shell.output() {
        Ok(output) => output.stdout,
        Err(_) => Vec::new(),
    }
}

/// A file's first bytes.
///
/// # Errors
/// Why it cannot be read, a sentence without full stop.
pub fn read(path: &[u8], most: u32) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let path = std::path::Path::new(OsStr::from_bytes(path));
    let open = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?
            .take(u64::from(most))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    open().map_err(|error| format!("cat {}: {error}", path.display()))
}

/// The strings of a vector, each ended by a NUL, with something between them.
pub fn joined(values: &[Value], between: &[u8]) -> Vec<u8> {
    let Some(Value::Bytes(bytes)) = values.first() else {
        return Vec::new();
    };
    let strings = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let strings: Vec<&[u8]> = strings.split(|b| *b == 0).collect();
    strings.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_runs_the_command() {
        assert_eq!(shell(b"echo a; echo b"), b"a\nb\n");
        assert_eq!(shell(b"exit 3"), b"");
    }

    #[test]
    fn strings_are_joined() {
        let argv = |bytes: &[u8]| [Value::Bytes(bytes.to_vec())];
        assert_eq!(joined(&argv(b"ls\0-l\0\0/\0"), b" "), b"ls -l  /");
        assert_eq!(joined(&argv(b""), b","), b"");
    }

    #[test]
    fn a_file_that_is_not_there_says_so() {
        let why = read(b"/no/such/file", 10).expect_err("it is not there");
        assert!(why.starts_with("cat /no/such/file: "), "{why}");
    }
}
