//! The signals that end a run, and those that a script waits for.
//!
//! In: SIGINT, SIGTERM, SIGHUP; the plan's signals. Out: a future for the next of them. The first ends the run in order, the
//! second at once; who decides so is the run.

use crate::plan::{Hook, Plan};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
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

/// The signals that a script's programs wait for.
pub struct Asked {
    /// Each with its program, by index in the plan.
    waiting: Vec<(usize, Signal)>,
}

impl Asked {
    /// Listens from now on.
    pub fn listen(plan: &Plan) -> io::Result<Asked> {
        let mut waiting = Vec::new();
        for (program, planned) in plan.programs.iter().enumerate() {
            if let Hook::Signal { number, .. } = planned.hook {
                let kind = SignalKind::from_raw(i32::from(number));
                waiting.push((program, signal(kind)?));
            }
        }
        Ok(Asked { waiting })
    }

    /// The program whose signal comes next; never returns without one. Several of one signal that arrive before anybody asks
    /// count as one.
    pub async fn next(&mut self) -> usize {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        for (program, signal) in &mut self.waiting {
            if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                return Poll::Ready(*program);
            }
        }
        Poll::Pending
    }
}
