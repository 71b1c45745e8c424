//! Random programs, for a short time: `cargo xtask fuzz` is the long form.
//!
//! In: the place. Out: the smallest program that this kernel refuses, or in which it differs from the interpreter.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{Place, path_from};

/// Some hundred, whichever the kernel takes the time for.
pub fn programs(_: &Place) -> Result<()> {
    let mut fuzzer = Command::new(path_from("FUZZER")?);
    fuzzer.args(["--programs=300", "--seconds=45", "--least=0"]);
    let ended = fuzzer.output().context("run the fuzzer")?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let wrong = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{said}{wrong}");
    Ok(())
}
