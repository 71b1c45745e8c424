//! Builds the runtime object, or checks that the committed one belongs to its sources.
//!
//! In: `tracer-ebpf/`, a tool chain for `bpfel-unknown-none` found on this machine. Out: `tracer/bpf/runtime.o` and
//! `manifest.json` beside it (hash of the sources, versions of the tools). `cargo build` needs none of this: the object is
//! committed. Never installs anything: says what is missing.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compilation target.
const TARGET: &str = "bpfel-unknown-none";
/// Passed to the compiler. Version 3 of the instruction set has the atomic operations (Linux 5.12).
const RUSTFLAGS: [&str; 3] = [
    "-Ctarget-cpu=v3",
    "--cfg=bpf_target_arch=\"x86_64\"",
    "-Clinker=bpf-linker",
];

/// Builds the object and its manifest. With `check` nothing is written: the committed object must belong to the
/// sources (their hash is compared), and be equal to a fresh one when the tools are those it was built with.
pub fn build(check: bool) -> Result<()> {
    let root = workspace_root()?;
    let folder = root.join("tracer/bpf");
    let sources = hash_sources(&root)?;
    if check {
        return check_committed(&root, &folder, &sources);
    }
    let tools = Tools::find()?;
    let object = tools.build(&root)?;
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
    };
    write("runtime.o", &object)?;
    let manifest = json!({
        "sources": sources,
        "object": hash(&object),
        "rustc": tools.rustc_version,
        "bpf_linker": tools.linker_version,
    });
    write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    println!(
        "tracer/bpf/runtime.o: {} bytes, {}",
        object.len(),
        tools.rustc_version
    );
    Ok(())
}

/// Compares hashes, and bytes when this machine has the tools that the manifest names.
fn check_committed(root: &Path, folder: &Path, sources: &str) -> Result<()> {
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let manifest: Value =
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    let committed = fs::read(folder.join("runtime.o")).context("read tracer/bpf/runtime.o")?;
    ensure!(
        manifest["sources"] == sources,
        "tracer/bpf/runtime.o was built from other sources than tracer-ebpf/ has now: run `cargo xtask build-ebpf`"
    );
    ensure!(
        manifest["object"] == hash(&committed),
        "tracer/bpf/runtime.o is not the object that its manifest describes: run `cargo xtask build-ebpf`"
    );
    match Tools::find() {
        Ok(tools)
            if manifest["rustc"] == tools.rustc_version
                && manifest["bpf_linker"] == tools.linker_version =>
        {
            ensure!(
                tools.build(root)? == committed,
                "the same sources and tools build another runtime.o than the committed one: run `cargo xtask build-ebpf`"
            );
            println!("runtime object: sources and bytes agree");
        }
        _ => println!(
            "runtime object: sources agree; bytes not compared, they need {} and {}",
            manifest["rustc"], manifest["bpf_linker"]
        ),
    }
    Ok(())
}

/// What compiles and links for BPF on this machine.
struct Tools {
    /// A compiler with a prebuilt `core` for the target; otherwise nightly builds `core` itself.
    rustc: Option<PathBuf>,
    rustc_version: String,
    linker_version: String,
}

impl Tools {
    /// A compiler with a prebuilt `core` first (Debian's), then rustup's nightly with `rust-src`.
    fn find() -> Result<Tools> {
        let linker_version = output(linker_path(Command::new("bpf-linker")).arg("--version")).context(
            "no bpf-linker: `apt-get install llvm-22-dev`, then \
             `LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --no-default-features --features llvm-22`",
        )?;
        for rustc in ["/usr/bin/rustc", "/usr/local/bin/rustc"].map(PathBuf::from) {
            let Ok(sysroot) = output(Command::new(&rustc).args(["--print", "sysroot"])) else {
                continue;
            };
            if Path::new(&sysroot)
                .join("lib/rustlib")
                .join(TARGET)
                .is_dir()
            {
                return Ok(Tools {
                    rustc_version: output(Command::new(&rustc).arg("--version"))?,
                    rustc: Some(rustc),
                    linker_version,
                });
            }
        }
        let nightly =
            output(Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]));
        if let Ok(sysroot) = nightly
            && Path::new(&sysroot)
                .join("lib/rustlib/src/rust/library")
                .is_dir()
        {
            return Ok(Tools {
                rustc: None,
                rustc_version: output(Command::new("rustup").args([
                    "run",
                    "nightly",
                    "rustc",
                    "--version",
                ]))?,
                linker_version,
            });
        }
        bail!(
            "no compiler for {TARGET}: `apt-get install rustc-web libstd-rust-web-dev-bpf` (Debian), or \
             `rustup toolchain install nightly --component rust-src`"
        )
    }

    /// The object's bytes.
    fn build(&self, root: &Path) -> Result<Vec<u8>> {
        let target_dir = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), PathBuf::from)
            .join("ebpf");
        let mut cargo = match &self.rustc {
            Some(rustc) => {
                let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
                // aya-ebpf uses assembly, which is not stable for this target yet.
                cargo
                    .arg("build")
                    .env("RUSTC", rustc)
                    .env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
            None => {
                let mut cargo = Command::new("rustup");
                cargo.args(["run", "nightly", "cargo", "build", "-Zbuild-std=core"]);
                cargo
                    .env_remove("RUSTC")
                    .env_remove("CARGO")
                    .env_remove("RUSTUP_TOOLCHAIN");
                cargo
            }
        };
        cargo
            .args([
                "--quiet",
                "--release",
                "--package",
                "tracer-ebpf",
                "--bin",
                "runtime",
            ])
            .args(["--features", "runtime", "--target", TARGET, "--target-dir"])
            .arg(&target_dir)
            .current_dir(root)
            .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\u{1f}"))
            // The release profile is for the tracer: bpf-linker does its own optimization across crates.
            .env("CARGO_PROFILE_RELEASE_STRIP", "none")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
        let status = linker_path(cargo)
            .status()
            .context("run cargo for the runtime object")?;
        ensure!(
            status.success(),
            "building the runtime object failed: {status}"
        );
        let path = target_dir.join(TARGET).join("release/runtime");
        fs::read(&path).with_context(|| format!("read {}", path.display()))
    }
}

/// `command` with cargo's own `bin` folder in its search path: there `cargo install` puts the linker.
fn linker_path(mut command: Command) -> Command {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let old = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&old).chain(home.map(|home| home.join("bin")));
    if let Ok(path) = env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

/// First line of a command's output.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The folder of the workspace's `Cargo.toml`.
fn workspace_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask lies in the workspace's folder")?
        .to_owned())
}

/// One hash over the names and contents of everything that the object is built from.
fn hash_sources(root: &Path) -> Result<String> {
    let crate_folder = root.join("tracer-ebpf");
    let mut files = vec![crate_folder.join("Cargo.toml")];
    let mut folders = vec![crate_folder.join("src")];
    while let Some(folder) = folders.pop() {
        let list = || format!("list {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(list)? {
            let path = entry.with_context(list)?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    let mut all = RUSTFLAGS.join(" ").into_bytes();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file);
        all.extend_from_slice(name.as_os_str().as_encoded_bytes());
        all.push(0);
        all.extend(fs::read(&file).with_context(|| format!("read {}", file.display()))?);
        all.push(0);
    }
    Ok(hash(&all))
}

/// FNV-1a, 64 bits: it finds an object that was forgotten, it is no defence against forgery.
fn hash(bytes: &[u8]) -> String {
    let value = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("fnv1a64:{value:016x}")
}
