//! The signals that end a run.
//!
//! In: SIGINT, SIGTERM, SIGHUP. Out: a future for the next of them. The first ends the run in order, the second at once;
//! who decides so is the run.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its creation on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over from their default, which ends the process.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at the next of them. Several that arrive before anybody asks count as one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
