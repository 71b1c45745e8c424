//! The release binaries that are run, tested and booted in guests.
//!
//! In: the sources. Out: paths of static binaries; the same file serves here and in a guest, which has no libraries.
//! Never runs what it built.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::project::{self, STATIC_TARGET};

/// Builds the tracer and says where it is.
pub fn tracer() -> Result<PathBuf> {
    build(&["--package", "tracer", "--bin", "tracer"])?;
    Ok(release_dir().join("tracer"))
}

/// The binaries of a test run.
pub struct Products {
    /// The tracer.
    pub tracer: PathBuf,
    /// The runner of the kernel cases.
    pub cases: PathBuf,
    /// The program that causes known events.
    pub trigger: PathBuf,
}

/// Builds the tracer and the binaries that test it.
pub fn all() -> Result<Products> {
    build(&["--package", "tracer", "--package", "tracer-tests", "--bins"])?;
    let dir = release_dir();
    Ok(Products {
        tracer: dir.join("tracer"),
        cases: dir.join("cases"),
        trigger: dir.join("trigger"),
    })
}

fn build(what: &[&str]) -> Result<()> {
    let mut command =
        project::cargo(&["build", "--release", "--locked", "--target", STATIC_TARGET]);
    // With --target, RUSTFLAGS reach neither build scripts nor procedural macros, which cannot be static.
    command
        .args(what)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let status = command.status().context("run cargo build")?;
    if !status.success() {
        bail!("cargo build of the release binaries: {status}");
    }
    Ok(())
}

fn release_dir() -> PathBuf {
    project::target().join(STATIC_TARGET).join("release")
}
