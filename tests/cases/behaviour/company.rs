//! Company: two tracers at once, and the tracer as one process among those it watches.
//!
//! In: the place. Out: who miscounted.

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::words;
use crate::Place;
use crate::live::{Tracer, Trigger};

/// Two tracers at once count the same events, all of them.
pub fn two_tracers(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "10000", "2"])?;
    let pid = trigger.pid().to_string();
    let query = "syscall:getppid /pid == $1/ { @ = count(); }";
    let args = words(&["-q", "-e", query, &pid]);
    let first = Tracer::start(place, &args, None)?.must_be_ready()?;
    let second = Tracer::start(place, &args, None)?.must_be_ready()?;
    trigger.finish()?;
    for tracer in [first, second] {
        tracer.signal(Signal::INT)?;
        let ended = tracer.wait()?;
        ensure!(
            ended.status.success(),
            "ended with {}\n{}",
            ended.status,
            ended.err
        );
        ensure!(
            ended.out.trim() == "@: 20000",
            "printed was:\n{}{}",
            ended.out,
            ended.err
        );
    }
    Ok(())
}

/// The tracer's own calls are not in its answer; `--include-self` brings them in.
pub fn own_calls(place: &Place) -> Result<()> {
    for (options, included) in [(&["-q"][..], false), (&["-q", "--include-self"], true)] {
        let trigger = Trigger::start(place, &["flood", "10"])?;
        let query = "syscall:* { @[pid] = count(); } interval:ms:20 { print(1); }";
        let args = words(&[options, &["-e", query]].concat());
        let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
        trigger.finish()?;
        tracer.signal(Signal::INT)?;
        let own = format!("@[{}]: ", tracer.pid().as_raw_nonzero());
        let ended = tracer.wait()?;
        ensure!(
            ended.status.success(),
            "ended with {}\n{}",
            ended.status,
            ended.err
        );
        let found = ended.out.lines().any(|line| line.starts_with(&own));
        ensure!(
            found == included,
            "{options:?}: own calls found: {found}\n{}",
            ended.out
        );
    }
    Ok(())
}
