//! `cargo xtask run`: build the tracer and become it.
//!
//! In: the tracer's arguments. Out: the tracer's own output and status; its standard output is not touched.
//! Never returns when the tracer starts.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{need, product};

/// Builds the tracer, sets up what it needs and replaces this process by it.
pub fn run(args: &[OsString]) -> Result<ExitCode> {
    let tracer = product::tracer()?;
    if need::is_root() {
        need::tracefs()?;
    } else {
        eprintln!(
            "note: without root the tracer needs capabilities; when it is refused, run\n    {}",
            sudo(&tracer, args)
        );
    }
    let error = Command::new(&tracer).args(args).exec();
    Err(error).with_context(|| format!("start {}", tracer.display()))
}

/// The command line that does the same with root's rights, quoted for a shell.
fn sudo(tracer: &Path, args: &[OsString]) -> String {
    let quoted = args.iter().map(|arg| need::quote(&arg.to_string_lossy()));
    let words = [tracer.display().to_string()].into_iter().chain(quoted);
    format!("sudo {}", words.collect::<Vec<_>>().join(" "))
}
