//! Waiting for descriptors and time.
//!
//! In: a bench. Out: calls that come back at once. Never a timer that goes off.

use super::vectors::pipe;
use super::{NONE, bits};
use crate::bench::{Bench, F, N, P, T};
use libc::*;

/// `struct pollfd`s.
fn poll_set(b: &mut Bench, set: &[(u64, i16)]) -> u64 {
    let bytes: Vec<u8> = set
        .iter()
        .flat_map(|&(fd, events)| {
            let mut one = (fd as u32).to_ne_bytes().to_vec();
            one.extend(events.to_ne_bytes());
            one.extend([0, 0]);
            one
        })
        .collect();
    b.object(&bytes)
}

pub fn all(b: &mut Bench) {
    let (from, to) = pipe(b);
    polls(b, from, to);
    selects(b, from, to);
    epolls(b, to);
    timers(b);
    for end in [from, to] {
        b.once("close", &[F(end)]);
    }
}

fn polls(b: &mut Bench, from: u64, to: u64) {
    for set in [
        &[(from, POLLIN | POLLPRI), (to, POLLOUT)][..],
        &[(from, POLLIN)],
        &[(999, POLLIN)],
    ] {
        let at = poll_set(b, set);
        b.call("poll", &[P(at), N(set.len() as u64), N(0)]);
        let (at, time, mask) = (poll_set(b, set), b.longs(&[0, 5]), b.longs(&[1 << 9]));
        b.call(
            "ppoll",
            &[P(at), N(set.len() as u64), T(time), P(mask), N(8)],
        );
    }
}

fn selects(b: &mut Bench, from: u64, to: u64) {
    for write in [true, false] {
        let mut sets = || {
            (
                b.longs(&[1 << from]),
                b.longs(&[u64::from(write) << to]),
                b.longs(&[0]),
                b.longs(&[0, 9]),
            )
        };
        let (reads, writes, others, time) = sets();
        let args = [N(to + 1), P(reads), P(writes), P(others), T(time)];
        b.call("select", &args);
        let mut sets = || {
            (
                b.longs(&[1 << from]),
                b.longs(&[u64::from(write) << to]),
                b.longs(&[0, 9]),
            )
        };
        let (reads, writes, time) = sets();
        let mask = b.longs(&[2]);
        let pack = b.longs(&[mask, 8]);
        b.call(
            "pselect6",
            &[N(to + 1), P(reads), P(writes), N(0), T(time), P(pack)],
        );
    }
}

fn epolls(b: &mut Bench, to: u64) {
    b.call("epoll_create", &[N(1)]);
    let epoll = b.once("epoll_create1", &[N(bits(EPOLL_CLOEXEC))]) as u64;
    b.call("epoll_create1", &[N(5)]);
    for operation in [EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 9] {
        let event = b.words(&[(EPOLLOUT | EPOLLET) as u32, 5, 6]);
        b.call(
            "epoll_ctl",
            &[F(epoll), N(bits(operation)), F(to), P(event)],
        );
    }
    let event = b.words(&[EPOLLOUT as u32, 5, 0]);
    b.once("epoll_ctl", &[F(epoll), N(1), F(to), P(event)]);
    for count in [1, 3] {
        let room = b.room(12 * count);
        b.call("epoll_wait", &[F(epoll), P(room), N(count as u64), N(0)]);
        let (room, mask) = (b.room(12 * count), b.longs(&[0]));
        b.call(
            "epoll_pwait",
            &[F(epoll), P(room), N(count as u64), N(0), P(mask), N(8)],
        );
        let (room, time) = (b.room(12 * count), b.longs(&[0, 0]));
        b.once(
            "epoll_pwait2",
            &[F(epoll), P(room), N(count as u64), T(time), N(0), N(8)],
        );
    }
    b.once("close", &[F(epoll)]);
}

fn timers(b: &mut Bench) {
    for clock in [
        CLOCK_REALTIME,
        CLOCK_MONOTONIC,
        CLOCK_PROCESS_CPUTIME_ID,
        CLOCK_BOOTTIME,
        99,
    ] {
        for call in ["clock_gettime", "clock_getres"] {
            let room = b.room(16);
            b.call(call, &[N(bits(clock)), P(room)]);
        }
    }
    let time = b.longs(&[0, 1]);
    let room = b.room(16);
    b.call("nanosleep", &[T(time), P(room)]);
    let time = b.longs(&[0, 1]);
    b.call("clock_nanosleep", &[N(1), N(1), T(time), N(0)]);
    let time = b.longs(&[NONE, 1_000_000_000]);
    b.call("nanosleep", &[T(time), N(0)]);
    let timer = b.once("timerfd_create", &[N(1), N(bits(TFD_NONBLOCK))]) as u64;
    let (new, old) = (b.longs(&[0, 0, 1000, 5]), b.room(32));
    b.call("timerfd_settime", &[F(timer), N(1), P(new), P(old)]);
    let room = b.room(32);
    b.call("timerfd_gettime", &[F(timer), P(room)]);
    let (new, old) = (b.longs(&[0, 0, 0, 0]), b.room(32));
    b.call("setitimer", &[N(1), P(new), P(old)]);
    let room = b.room(32);
    b.call("getitimer", &[N(2), P(room)]);
    b.call("alarm", &[N(0)]);
    // sigev_value, sigev_signo, sigev_notify
    let (event, id) = (b.longs(&[7, 1 << 32 | 10, 0, 0, 0, 0, 0, 0]), b.words(&[0]));
    b.once("timer_create", &[N(1), P(event), P(id)]);
    let (new, old) = (b.longs(&[0, 0, 1000, 5]), b.room(32));
    b.call("timer_settime", &[N(0), N(1), P(new), P(old)]);
    let room = b.room(32);
    b.call("timer_gettime", &[N(0), P(room)]);
    b.call("timer_getoverrun", &[N(0)]);
    b.call("timer_delete", &[N(0)]);
    let (time, zone) = (b.room(16), b.room(8));
    b.call("gettimeofday", &[T(time), P(zone)]);
    let room = b.room(8);
    b.call("time", &[P(room)]);
    let room = b.room(32);
    b.call("times", &[P(room)]);
    let room = b.room(208);
    b.call("adjtimex", &[P(room)]);
    let room = b.room(208);
    b.call("clock_adjtime", &[N(0), P(room)]);
    let mask = b.longs(&[1 << 16]);
    b.call("signalfd4", &[N(NONE), P(mask), N(8), N(bits(SFD_CLOEXEC))]);
    let mask = b.longs(&[u64::MAX]);
    b.call("signalfd", &[N(NONE), P(mask), N(8)]);
}
