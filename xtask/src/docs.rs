//! `cargo xtask docs`: the pages that are made from the program's tables.
//!
//! In: nothing; the test target `docs` knows the tables. Out: the pages written, or with `--check` a failure when one
//! is not as the tables say.

use crate::{need, project};
use anyhow::Result;

/// Writes the pages, or compares them.
pub fn make(check: bool) -> Result<()> {
    let test = ["test", "-q", "-p", "tracer-tests", "--test", "docs"];
    let mut cargo = project::cargo(&test);
    if !check {
        cargo.env("BLESS", "1");
    }
    need::succeed(&mut cargo)
}
