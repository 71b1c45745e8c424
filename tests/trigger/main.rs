//! `trigger NAME [ARG…]`: causes events that a test knows exactly.
//!
//! In: a name, and one byte or the end of standard input, which releases it: so a tracer can attach first. Out: the
//! line `ready` once everything is prepared; then the events, by raw system calls; then what a test needs to know
//! about them as `name=value` lines.
//! Never calls anything between the release and the end that is not part of what the name says, but the reading of
//! the release, one writing of the values, and `exit_group`.
//! `trigger as NAME PROGRAM [ARG…]` runs another program under a restriction instead; see `under`.

mod answered;
mod buffers;
mod calls;
mod files;
mod functions;
mod interrupted;
mod memory;
mod network;
mod processes;
mod rings;
mod under;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::ExitCode;

/// What a trigger tells its test.
#[derive(Default)]
pub struct Facts(String);

impl Facts {
    /// Adds `name=value`.
    pub fn say(&mut self, name: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "{name}={value}").expect("a string takes everything");
    }
}

/// A trigger: gets the arguments behind its name.
type Trigger = fn(&[String], &mut Facts);

/// All triggers. What one needs before its events (files, memory) it prepares before it calls [`release`].
const TRIGGERS: &[(&str, Trigger)] = &[
    ("nop", |_, _| release()),
    ("open", files::open),
    ("open-absent", files::open_absent),
    ("open-edge", files::open_edge),
    ("open-pointer", files::open_pointer),
    ("open-fresh", memory::open_fresh),
    ("open-rewritten", memory::open_rewritten),
    ("open-pending", buffers::open_pending),
    ("watched", memory::watched),
    ("resident", memory::resident),
    ("write-edge", buffers::write_edge),
    ("reopened", buffers::reopened),
    ("ring", rings::ring),
    ("ring-polled", rings::ring_polled),
    ("fail", files::fail),
    ("stat", files::stat),
    ("sizes", files::sizes),
    ("unlink", files::unlink),
    ("connect", files::connect),
    ("fork-all", processes::fork_all),
    ("exec", processes::exec),
    ("exec-forms", processes::exec_forms),
    ("ids", processes::ids),
    ("renamed", processes::renamed),
    ("id-again", processes::id_again),
    ("exec-thread", processes::exec_thread),
    ("exec-at", processes::exec_at),
    ("exec-stale", memory::exec_stale),
    ("exec-absent", memory::exec_absent),
    ("exec-32", processes::exec_32),
    ("signal", processes::signal),
    ("handler", processes::handler),
    ("sleep", processes::sleep),
    ("threads", processes::threads),
    ("block", processes::block),
    ("killed", interrupted::killed),
    ("killed-waiting", interrupted::killed_waiting),
    ("in-flight", interrupted::in_flight),
    ("continued", interrupted::continued),
    ("flood", calls::flood),
    ("flood-for", calls::flood_for),
    ("int80", calls::int80),
    ("int80-only", calls::int80_only),
    ("unknown", calls::unknown),
    ("denied", answered::denied),
    ("trapped", answered::trapped),
    ("doomed", answered::doomed),
    ("supervised", answered::supervised),
    ("pinned", calls::pinned),
    ("keys", calls::keys),
    ("functions", functions::functions),
    ("tcp", network::tcp),
    ("unix", network::unix),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, args)) = words.split_first() else {
        let names: Vec<_> = TRIGGERS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: trigger NAME [ARG...]\nnames: {}", names.join(" "));
        return ExitCode::from(2);
    };
    if name == "as" {
        return under::run(args);
    }
    let Some((_, trigger)) = TRIGGERS.iter().find(|(known, _)| known == name) else {
        eprintln!("no trigger {name}");
        return ExitCode::from(2);
    };
    let mut facts = Facts::default();
    trigger(args, &mut facts);
    std::io::stdout()
        .write_all(facts.0.as_bytes())
        .expect("tell the test");
    ExitCode::SUCCESS
}

/// Says that everything is prepared and waits until the test lets go.
pub fn release() {
    std::io::stdout()
        .write_all(b"ready\n")
        .expect("tell the test");
    let read = std::io::stdin().read(&mut [0]);
    read.expect("wait for the release");
}

/// The number at a place in the arguments.
pub fn number(args: &[String], at: usize, default: u64) -> u64 {
    let parse = |text: &String| text.parse().expect("a number");
    args.get(at).map_or(default, parse)
}
