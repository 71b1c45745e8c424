//! The script of `docs/howto-bisect-kernel.md` over the guests' kernels: a probe whose verdict differs between two of them.
//!
//! In: the static tracer. Out: what the script said wrongly. Never looks at how the script does it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::kernel::KERNELS;
use crate::{need, project};

/// The name that a filter of tests sees.
pub const NAME: &str = "guests::kernel-verdict";

/// `noswap` of tmpfs came with Linux 6.4: before, the mount fails with EINVAL.
const CHECK: &[&str] = &[
    "--any-status",
    "--assert",
    "errors(mount, EINVAL) == 0",
    "--",
    "mount",
    "-t",
    "tmpfs",
    "-o",
    "noswap",
    "none",
    "/mnt",
];

/// Runs the script for all kernels, and for each alone, as git would.
pub fn kernels_differ(tracer: &Path) -> Result<()> {
    need::guests()?;
    let images: Vec<PathBuf> = KERNELS.iter().map(|k| k.fetch()).collect::<Result<_>>()?;
    let (status, said) = script(tracer, &images)?;
    ensure!(
        status == Some(0),
        "the script ended with {status:?}\n{said}"
    );
    let lines: Vec<&str> = said.lines().collect();
    ensure!(lines.len() == 3, "it said\n{said}");
    let (old, new) = (images[0].display(), images[1].display());
    for (line, begin) in lines.iter().zip([
        format!("{old}: bad: errors(mount, EINVAL) == 0 does not hold"),
        format!("{new}: good: errors(mount, EINVAL) == 0 holds"),
        format!("changes from bad to good between {old} and {new}"),
    ]) {
        ensure!(
            line.starts_with(&begin),
            "{line:?} is not {begin:?}\n{said}"
        );
    }
    for (image, wanted) in images.iter().zip([1, 0]) {
        let (status, said) = script(tracer, std::slice::from_ref(image))?;
        ensure!(
            status == Some(wanted),
            "{}: {status:?}\n{said}",
            image.display()
        );
    }
    // A file that is no kernel does not boot: nobody can tell.
    let none = project::root().join("README.md");
    let (status, said) = script(tracer, &[none])?;
    ensure!(status == Some(125), "no kernel: {status:?}\n{said}");
    Ok(())
}

fn script(tracer: &Path, kernels: &[PathBuf]) -> Result<(Option<i32>, String)> {
    let script = project::root().join("scripts/kernel-verdict.sh");
    let output = Command::new(&script)
        .arg("-t")
        .arg(tracer)
        .args(kernels)
        .arg("--")
        .args(CHECK)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run {}", script.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{said}");
    Ok((output.status.code(), said))
}
