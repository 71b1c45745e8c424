//! Vectors of buffers and data between descriptors.
//!
//! In: a bench. Out: calls on pipes. Never one that waits.

use super::bits;
use crate::bench::{Bench, F, N, P};
use libc::*;

/// A pipe that never blocks.
pub fn pipe(b: &mut Bench) -> (u64, u64) {
    let pair = b.words(&[0, 0]);
    b.once("pipe2", &[P(pair), N(bits(O_NONBLOCK))]);
    let ends = b.read(pair, 8);
    let end = |at: usize| u64::from(u32::from_ne_bytes(ends[at..at + 4].try_into().expect("4")));
    (end(0), end(4))
}

pub fn all(b: &mut Bench) {
    let (from, to) = pipe(b);
    for (call, more) in [
        ("writev", 0),
        ("vmsplice", 1),
        ("pwritev", 2),
        ("pwritev2", 3),
    ] {
        let (one, two) = (b.object(b"first"), b.object(&[b'x'; 70]));
        let vector = b.longs(&[one, 5, two, 70, 0x10, 0]);
        let flags = [N(0), N(0), N(0)];
        let mut args = vec![F(to), P(vector), N(3)];
        args.extend(&flags[..more]);
        b.call(call, &args);
    }
    for (call, more) in [("readv", 0), ("preadv", 2), ("preadv2", 3)] {
        let (one, two) = (b.room(8), b.room(30));
        let vector = b.longs(&[one, 8, two, 30]);
        let flags = [N(0), N(0), N(8)];
        let mut args = vec![F(from), P(vector), N(2)];
        args.extend(&flags[..more]);
        b.call(call, &args);
    }
    let (more_from, more_to) = pipe(b);
    b.call("tee", &[F(from), F(more_to), N(10), N(2)]);
    b.call("splice", &[F(from), N(0), F(more_to), N(0), N(10), N(3)]);
    let room = b.room(5);
    b.call("read", &[F(more_from), P(room), N(5)]);
    let (one, two) = (b.object(b"here"), b.room(4));
    let (local, remote) = (b.longs(&[two, 4]), b.longs(&[one, 4]));
    let own = u64::from(std::process::id());
    b.call(
        "process_vm_readv",
        &[N(own), P(local), N(1), P(remote), N(1), N(0)],
    );
    let (one, two) = (b.object(b"here"), b.room(4));
    let (local, remote) = (b.longs(&[one, 4]), b.longs(&[two, 4]));
    b.call(
        "process_vm_writev",
        &[N(own), P(local), N(1), P(remote), N(1), N(0)],
    );
    for end in [from, to, more_from, more_to] {
        b.once("close", &[F(end)]);
    }
}
