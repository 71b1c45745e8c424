//! The release binaries that are run, tested and booted in guests.
//!
//! In: the sources. Out: paths of static binaries; the same file serves here and in a guest, which has no libraries.
//! Never runs what it built.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::project::{self, STATIC_TARGET};

/// How binaries are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// What people run.
    Release,
    /// The same, optimized less: for a few tests while working on something.
    Quick,
}

impl Build {
    /// For the tests that a filter leaves.
    pub fn for_filter(filter: Option<&str>) -> Build {
        match filter {
            None => Build::Release,
            Some(_) => Build::Quick,
        }
    }

    fn profile(self) -> &'static str {
        match self {
            Build::Release => "release",
            Build::Quick => "quick",
        }
    }
}

/// Builds the tracer and says where it is.
pub fn tracer() -> Result<PathBuf> {
    build(Build::Release, &["--package", "tracer", "--bin", "tracer"])?;
    Ok(dir(Build::Release).join("tracer"))
}

/// The tracer and the workload of benchmarks, as people run them; a tracer that is already built is taken as it is.
pub fn for_bench(tracer: Option<&Path>) -> Result<(PathBuf, PathBuf)> {
    let workload = ["--package", "tracer-tests", "--bin", "workload"];
    if let Some(tracer) = tracer {
        // Its loops are a few instructions in any build.
        build(Build::Quick, &workload)?;
        return Ok((tracer.to_owned(), dir(Build::Quick).join("workload")));
    }
    let both = [["--package", "tracer", "--bin", "tracer"], workload].concat();
    build(Build::Release, &both)?;
    let dir = dir(Build::Release);
    Ok((dir.join("tracer"), dir.join("workload")))
}

/// The binaries of a test run.
pub struct Products {
    /// The tracer.
    pub tracer: PathBuf,
    /// The runner of the kernel cases.
    pub cases: PathBuf,
    /// The program that causes known events.
    pub trigger: PathBuf,
    /// What benchmarks trace.
    pub workload: PathBuf,
    /// The one that makes random programs.
    pub fuzzer: PathBuf,
}

/// Builds the tracer and the binaries that test it.
pub fn all(how: Build) -> Result<Products> {
    build(
        how,
        &["--package", "tracer", "--package", "tracer-tests", "--bins"],
    )?;
    // Apart from the others: what people run is built without the feature.
    let fuzzer = self::fuzzer(how)?;
    let dir = dir(how);
    Ok(Products {
        fuzzer,
        tracer: dir.join("tracer"),
        cases: dir.join("cases"),
        trigger: dir.join("trigger"),
        workload: dir.join("workload"),
    })
}

/// Builds the program that makes random programs, and says where it is.
pub fn fuzzer(how: Build) -> Result<PathBuf> {
    build(
        how,
        &[
            "--package",
            "tracer",
            "--features",
            "fuzz",
            "--bin",
            "fuzzer",
        ],
    )?;
    Ok(dir(how).join("fuzzer"))
}

fn build(how: Build, what: &[&str]) -> Result<()> {
    let profile = how.profile();
    let arguments = [
        "build",
        "--profile",
        profile,
        "--locked",
        "--target",
        STATIC_TARGET,
    ];
    let mut command = project::cargo(&arguments);
    // With --target, RUSTFLAGS reach neither build scripts nor procedural macros, which cannot be static.
    command
        .args(what)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let status = command.status().context("run cargo build")?;
    if !status.success() {
        bail!("cargo build of the {profile} binaries: {status}");
    }
    Ok(())
}

fn dir(how: Build) -> PathBuf {
    project::target().join(STATIC_TARGET).join(how.profile())
}
