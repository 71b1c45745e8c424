//! The reading thread: rings to output.
//!
//! In: rings, [`Order`]s of the run. Out: printed results, and what the run has to know ([`Told`]). A plain thread: it may
//! block on a slow output as long as it likes, then the rings fill and the losses are counted. Never ends the run itself.

use super::Error;
use super::backpressure::Relief;
use super::desk::{Desk, LastWords};
use super::tails::Mishaps;
use crate::load::{self, RingPair};
use crate::stream::{Account, Pace, Ring, Stream};
use crate::sys::clock::monotonic_ns;
use aya::maps::{MapData, RingBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What the run wants.
pub enum Order {
    /// A ring has filled up, or a program was run: look now.
    Look,
    /// Nothing is sent at the moment: hand out everything that is there, and say so.
    Drain(oneshot::Sender<Accounts>),
    /// All probes are attached: print so.
    Attached(usize),
    /// Tracing is open since then, on the monotonic clock.
    Started(u64),
    /// Print the maps that are left and the last words. The answer is what stood in the way of names, if anything did.
    Last(LastWords, oneshot::Sender<Option<String>>),
    /// Nothing more will be asked.
    Quit,
}

/// What the run has to know.
pub enum Told {
    /// The script called `exit`.
    Exit(u8),
    /// Nobody reads the output any more.
    Closed,
    /// Going on makes no sense.
    Failed(Error),
}

/// What the rings delivered so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Accounts {
    /// By ring, in the order of the kernel's table.
    pub rings: Vec<Account>,
    /// Records of each ring that the output has told to be missing.
    pub told: Vec<u64>,
    /// Records that were out of order.
    pub late: u64,
    /// What went wrong in user space.
    pub mishaps: Mishaps,
}

/// A ring of the kernel.
struct KernelRing(RingBuf<MapData>);

impl Ring for KernelRing {
    fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        while let Some(record) = self.0.next() {
            if !take(&record) {
                return false;
            }
        }
        true
    }
}

/// The thread's state.
pub struct Reader<'p> {
    stream: Stream<KernelRing>,
    pace: Pace,
    desk: Desk<'p>,
    /// An order to look is under way; reset before looking.
    looking: Arc<AtomicBool>,
    /// Wants to know when the rings are empty.
    relief: Relief,
}

impl<'p> Reader<'p> {
    /// Over the rings of a run. `looking` is set by whoever sends [`Order::Look`].
    pub fn new(
        rings: load::Rings,
        ring_bytes: u32,
        desk: Desk<'p>,
        looking: Arc<AtomicBool>,
    ) -> Reader<'p> {
        let both = |pair: RingPair| [KernelRing(pair.main), KernelRing(pair.control)];
        Reader {
            stream: Stream::new(rings.into_iter().flat_map(both).collect()),
            pace: Pace::new(ring_bytes),
            desk,
            looking,
            relief: Relief::default(),
        }
    }

    /// Tells whenever the rings were read to their end.
    #[must_use]
    pub fn telling(self, relief: Relief) -> Reader<'p> {
        Reader { relief, ..self }
    }

    /// Follows orders until it is told to quit.
    pub fn run(mut self, orders: &Receiver<Order>) {
        let mut delay = Duration::ZERO;
        loop {
            match orders.recv_timeout(delay) {
                Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => delay = self.turn(),
                Ok(Order::Drain(done)) => {
                    self.drain();
                    // The run may have been ended by force meanwhile.
                    let _ = done.send(self.accounts());
                }
                Ok(Order::Attached(probes)) => self.desk.attached(probes),
                Ok(Order::Started(time_ns)) => self.desk.started(time_ns),
                Ok(Order::Last(words, done)) => {
                    self.desk.last(&words);
                    let _ = done.send(self.desk.notice());
                }
                Ok(Order::Quit) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn turn(&mut self) -> Duration {
        self.looking.store(false, Ordering::Release);
        let desk = &mut self.desk;
        let turn = self
            .stream
            .turn(monotonic_ns(), &mut |item| desk.handle(item));
        if turn.bytes == 0 && !turn.held {
            // Nothing comes that waiting could be good for.
            desk.flush();
        } else {
            desk.tick(Instant::now());
        }
        desk.look(Instant::now());
        if !turn.more {
            self.relief.drained();
        }
        self.pace.after(turn)
    }

    fn drain(&mut self) {
        let desk = &mut self.desk;
        self.stream.finish(&mut |item| desk.handle(item));
        desk.flush();
        self.relief.drained();
    }

    fn accounts(&self) -> Accounts {
        Accounts {
            rings: self.stream.accounts().to_vec(),
            told: match self.desk.tells_losses() {
                true => self.stream.told().to_vec(),
                false => Vec::new(),
            },
            late: self.stream.late(),
            mishaps: self.desk.mishaps(),
        }
    }
}
