//! What the commands need of this machine, and how it gets there.
//!
//! In: a need. Out: it is met, after saying what is installed or mounted and why; without the right to do so,
//! [`Missing`] with the exact command that does it. Never installs what is there already.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where tracepoint formats and the like are read.
const TRACEFS: &str = "/sys/kernel/tracing";

/// Something that this user may not set up.
#[derive(Debug)]
pub struct Missing {
    what: String,
    why: String,
    command: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missing { what, why, command } = self;
        write!(f, "{what} is missing ({why}); as root, run\n    {command}")
    }
}

impl std::error::Error for Missing {}

/// A Debian package, told by one of its files.
struct Package {
    name: &'static str,
    file: &'static str,
    why: &'static str,
}

const GUEST_PACKAGES: &[Package] = &[
    Package {
        name: "qemu-system-x86",
        file: "/usr/bin/qemu-system-x86_64",
        why: "boots the guest kernels",
    },
    Package {
        name: "busybox-static",
        file: "/usr/bin/busybox",
        why: "is the guests' shell",
    },
];

const PEER_PACKAGES: &[Package] = &[
    Package {
        name: "bpftrace",
        file: "/usr/bin/bpftrace",
        why: "is measured beside the tracer",
    },
    Package {
        name: "strace",
        file: "/usr/bin/strace",
        why: "is measured beside the tracer",
    },
    Package {
        name: "linux-perf",
        file: "/usr/bin/perf",
        why: "is measured beside the tracer",
    },
];

const PYTHON_PACKAGES: &[Package] = &[Package {
    name: "python3-venv",
    file: "/usr/share/doc/python3-venv",
    why: "keeps Python packages apart",
}];

/// Where Debian puts bpftrace's tools.
pub const TOOLS: &str = "/usr/sbin";

const REFERENCE_PACKAGES: &[Package] = &[Package {
    name: "bpftrace",
    file: "/usr/sbin/opensnoop.bt",
    why: "runs the one-liners too, for comparison, and its tools are run unmodified",
}];

const BPF_PACKAGES: &[Package] = &[
    Package {
        name: "rustc-web",
        file: "/usr/bin/rustc",
        why: "compiles the runtime object",
    },
    Package {
        name: "libstd-rust-web-dev-bpf",
        file: "/usr/lib/rustlib/bpfel-unknown-none/lib",
        why: "is Rust's core library for BPF",
    },
    Package {
        name: "llvm-22-dev",
        file: "/usr/lib/llvm-22/bin/llvm-config",
        why: "is what bpf-linker is built with",
    },
];

/// Everything that `run` and `test` need, and with `ebpf` what `build-ebpf` needs.
pub fn all(ebpf: bool) -> Result<()> {
    tracefs()?;
    reference()?;
    guests()?;
    python()?;
    crate::vm::kernel::fetch_all()?;
    if ebpf {
        bpf_tools()?;
    }
    println!("everything is there");
    Ok(())
}

/// The file system with the kernel's tracepoint formats.
pub fn tracefs() -> Result<()> {
    if Path::new(TRACEFS).join("events").exists() {
        return Ok(());
    }
    let mut mount = Command::new("mount");
    mount.args(["-t", "tracefs", "tracefs", TRACEFS]);
    as_root("tracefs", "tracepoint formats are read there", &mut mount)
}

/// The bpftrace that the tracer is compared with, and its tools.
pub fn reference() -> Result<()> {
    packages(REFERENCE_PACKAGES)
}

/// What boots guests.
pub fn guests() -> Result<()> {
    reference()?;
    packages(GUEST_PACKAGES)
}

/// What benchmarks measure beside the tracer.
pub fn peers() -> Result<()> {
    packages(PEER_PACKAGES)
}

/// A Python with packages that read Parquet: tests hold the export against them. Below the target directory, as all that is fetched.
pub fn python() -> Result<PathBuf> {
    let home = crate::project::target().join("python");
    let python = home.join("bin/python");
    let mut works = Command::new(&python);
    works.args(["-c", "import duckdb, pandas, pyarrow"]);
    works.stderr(Stdio::null());
    if works.status().is_ok_and(|status| status.success()) {
        return Ok(python);
    }
    println!(
        "==> installing duckdb, pandas and pyarrow for Python (tests read the Parquet export with them)"
    );
    packages(PYTHON_PACKAGES)?;
    let python3 = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&home)
        .status();
    if !python3.is_ok_and(|status| status.success()) {
        succeed(
            Command::new("/usr/bin/python3")
                .args(["-m", "venv"])
                .arg(&home),
        )?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "-q", "duckdb", "pandas", "pyarrow"]);
    succeed(&mut install)?;
    Ok(python)
}

/// The compiler and linker for the runtime object. Nothing else needs them.
pub fn bpf_tools() -> Result<()> {
    packages(BPF_PACKAGES)?;
    if has_program("bpf-linker") {
        return Ok(());
    }
    println!("==> installing bpf-linker (links the runtime object; about two minutes)");
    let mut install = crate::project::cargo(&["install", "bpf-linker", "--locked"]);
    install.args([
        "--version",
        "^0.13",
        "--no-default-features",
        "--features",
        "llvm-22",
    ]);
    install.env("LLVM_PREFIX", "/usr/lib/llvm-22");
    succeed(&mut install)
}

/// What runs the fuzz targets.
pub fn fuzz_tools() -> Result<()> {
    if has_program("cargo-fuzz") {
        return Ok(());
    }
    println!("==> installing cargo-fuzz (runs the fuzz targets)");
    succeed(&mut crate::project::cargo(&[
        "install",
        "cargo-fuzz",
        "--locked",
    ]))
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A word as a shell takes it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a program that must succeed.
pub fn succeed(command: &mut Command) -> Result<()> {
    let line = text(command);
    let status = command.status().with_context(|| format!("run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

fn packages(wanted: &[Package]) -> Result<()> {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|p| !Path::new(p.file).exists())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let whys: Vec<_> = missing
        .iter()
        .map(|p| format!("{} {}", p.name, p.why))
        .collect();
    let why = whys.join(", ");
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(&names);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    let what = names.join(", ");
    if let Err(error) = as_root(&what, &why, &mut install) {
        if error.is::<Missing>() {
            return Err(error);
        }
        println!("==> apt-get update (the package lists may be missing or old), then once more");
        update_lists()?;
        return succeed(&mut install);
    }
    Ok(())
}

/// Fetches the current package lists.
pub fn update_lists() -> Result<()> {
    as_root(
        "the current package lists",
        "without them apt finds no package",
        Command::new("apt-get").args(["update", "-q"]),
    )
}

/// Does what needs root's rights, or says what to type.
fn as_root(what: &str, why: &str, command: &mut Command) -> Result<()> {
    let line = text(command);
    if !is_root() {
        let (what, why) = (what.to_owned(), why.to_owned());
        return Err(Missing {
            what,
            why,
            command: line,
        }
        .into());
    }
    println!("==> {line}\n    missing: {what} ({why})");
    succeed(command)
}

/// Whether a program of this name can be started.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// The command as a person would type it.
fn text(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let quoted: Vec<_> = words.map(|word| quote(&word.to_string_lossy())).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quote("--ready-fd=3"), "--ready-fd=3");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn what_is_missing_names_the_command() {
        let missing = Missing {
            what: "tracefs".into(),
            why: "formats".into(),
            command: "mount -t tracefs tracefs /sys/kernel/tracing".into(),
        };
        assert_eq!(
            missing.to_string(),
            "tracefs is missing (formats); as root, run\n    mount -t tracefs tracefs /sys/kernel/tracing"
        );
    }
}
