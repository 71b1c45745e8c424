//! Where things are: the repository, its target directory, and how cargo is called.
//!
//! In: the environment that cargo gives to `cargo xtask`. Out: paths and commands. Never runs anything.

use std::path::PathBuf;
use std::process::Command;

/// The target triple of the static binaries.
pub const STATIC_TARGET: &str = "x86_64-unknown-linux-gnu";

/// The root of the repository: of the checkout that `cargo xtask` runs in, which need not be the one it was built in
/// when they share a target directory.
pub fn root() -> PathBuf {
    let built_in = || env!("CARGO_MANIFEST_DIR").into();
    let xtask = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(built_in));
    xtask.parent().expect("xtask lies in the repository").into()
}

/// The directory for everything that is built or fetched.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The cargo that runs `cargo xtask`, in the repository's root.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}
