//! Where results are written, and when.
//!
//! In: bytes from printers, and the time. Out: the same bytes to a file, pipe or terminal, late by at most [`FLUSH`].
//! Never formats anything, never reads a clock.

use super::{Buffering, Error, request};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Longest time that bytes wait while more come: with the stream's own delays it stays well under the promised 100 ms.
pub const FLUSH: Duration = Duration::from_millis(20);
/// Bytes that are collected before they are written.
const BUFFER: usize = 64 << 10;

/// A buffered output.
pub struct Output {
    to: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    mode: Buffering,
    terminal: bool,
    /// When the oldest byte in the buffer came, as far as ticks tell.
    waiting_since: Option<Instant>,
}

impl Output {
    /// Opens what the request names. Lines to a terminal, full buffers to anything else, unless it says how.
    pub fn open(request: &request::Output) -> Result<Output, Error> {
        let (to, terminal): (Box<dyn Write + Send>, bool) = match &request.file {
            None if request.to_stderr => (Box::new(io::stderr()), io::stderr().is_terminal()),
            None => (Box::new(io::stdout()), io::stdout().is_terminal()),
            Some(path) => {
                let file = File::create(path).map_err(|source| Error::Output {
                    path: path.clone(),
                    source,
                })?;
                let terminal = file.is_terminal();
                (Box::new(file), terminal)
            }
        };
        let by_kind = if terminal {
            Buffering::Line
        } else {
            Buffering::Full
        };
        let mode = request.buffering.unwrap_or(by_kind);
        Ok(Output {
            terminal,
            ..Output::new(to, mode)
        })
    }

    /// Whether somebody watches it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Over any writer that is no terminal.
    pub fn new(to: Box<dyn Write + Send>, mode: Buffering) -> Output {
        Output {
            to,
            buffer: Vec::new(),
            mode,
            terminal: false,
            waiting_since: None,
        }
    }

    /// A record has been printed in full.
    pub fn record_done(&mut self) -> io::Result<()> {
        match self.mode {
            Buffering::None => self.flush(),
            Buffering::Line if self.buffer.last() == Some(&b'\n') => self.flush(),
            Buffering::Line | Buffering::Full => Ok(()),
        }
    }

    /// Called at least every few milliseconds: writes what has waited long enough.
    pub fn tick(&mut self, now: Instant) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let since = *self.waiting_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= FLUSH {
            self.flush()?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.waiting_since = None;
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.to.write_all(&self.buffer);
        self.buffer.clear();
        written?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("one thread").clone()).expect("ascii")
        }
    }

    fn output(mode: Buffering) -> (Output, Seen) {
        let seen = Seen::default();
        (Output::new(Box::new(seen.clone()), mode), seen)
    }

    #[test]
    fn lines_are_written_when_they_end() {
        let (mut out, seen) = output(Buffering::Line);
        out.write_all(b"half").expect("memory");
        out.record_done().expect("memory");
        assert_eq!(seen.text(), "");
        out.write_all(b" whole\n").expect("memory");
        out.record_done().expect("memory");
        assert_eq!(seen.text(), "half whole\n");
    }

    #[test]
    fn nothing_waits_longer_than_the_flush_time() {
        let (mut out, seen) = output(Buffering::Full);
        let start = Instant::now();
        out.write_all(b"x\n").expect("memory");
        out.record_done().expect("memory");
        out.tick(start).expect("memory");
        out.tick(start + FLUSH / 2).expect("memory");
        assert_eq!(seen.text(), "");
        out.tick(start + FLUSH).expect("memory");
        assert_eq!(seen.text(), "x\n");
    }

    #[test]
    fn a_full_buffer_is_written_in_order() {
        let (mut out, seen) = output(Buffering::Full);
        for i in 0..40_000 {
            writeln!(out, "{i}").expect("memory");
        }
        out.flush().expect("memory");
        let lines: Vec<String> = (0..40_000).map(|i| i.to_string()).collect();
        assert_eq!(seen.text().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn unbuffered_output_is_written_per_record() {
        let (mut out, seen) = output(Buffering::None);
        out.write_all(b"no newline").expect("memory");
        out.record_done().expect("memory");
        assert_eq!(seen.text(), "no newline");
    }
}
