//! `tracer explain`: what a query would run where, and why.
//!
//! In: a script. Out: its plan as people read it. Nothing is loaded.

use super::failure::Failure;
use super::{meant, typed};
use crate::kernel::Live;
use crate::plan;
use crate::session::compile::{self, Options};
use crate::session::voice::Voice;
use std::io::Write;

/// Prints the plan.
pub fn run(typed: &typed::ExplainArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let script = meant::script(&typed.script)?;
    let options = Options {
        pid: typed.pid,
        ..Options::default()
    };
    let facts = Live::new();
    let (plan, warnings) =
        compile::plan(&script, &options, &facts).map_err(|error| Failure::of(error, &script))?;
    Voice::new(false, false).diagnostics(&script, &warnings);
    Ok(out.write_all(plan::explain::text(&plan).as_bytes())?)
}
