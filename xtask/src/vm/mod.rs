//! Guests: real kernels in QEMU's software emulation, in which the kernel cases run.
//!
//! In: a kernel and the static binaries. Out: the cases' outcomes, read from the guest's second serial line; the
//! kernel's own messages go to a file. A guest that does not come to its end is a failure of its own.
//! Never lets a guest outlive the call.

mod emulator;
pub mod image;
pub mod kernel;
pub mod verdict;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::need::{self, quote};
use crate::product::Products;
use crate::project;
use crate::results::Outcomes;
use image::Image;
use kernel::{Kernel, MODULE};

/// A guest that says nothing for so long is stuck: the longest case takes a small part of it.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Boots that a flaw of the emulator may cost.
const BOOTS_MAX: usize = 3;

/// What the guest's first process prints last.
const END_MARK: &str = "guest: finished with status ";

/// The guest's first process. `@FEATURES@` and `@COMMAND@` are replaced.
const INIT: &str = include_str!("init.sh");

/// Boots a kernel, runs the cases whose names contain `filter`, and reports each as it ends.
pub fn run_cases(kernel: &Kernel, products: &Products, filter: Option<&str>) -> Result<Outcomes> {
    let filter = quote(filter.unwrap_or_default());
    let command = format!("runner --color=never --test-threads=1 {filter}");
    let mut boots = 0;
    loop {
        boots += 1;
        let mut outcomes = Outcomes::new(&format!("kernel {}", kernel.version));
        let ended = run(kernel, products, &command, &mut |line| outcomes.line(line))?;
        let again = ended.is_err() && boots < BOOTS_MAX && !outcomes.any_failed();
        if again && emulator::erred(&console(kernel)) {
            println!(
                "[{}] the emulator erred, not the kernel: all cases run again in a new guest",
                kernel.version
            );
            continue;
        }
        if let Err(reason) = ended.and_then(|status| outcomes.complete(&status)) {
            outcomes.fail(&format!("guest {}", kernel.version), &reason);
        }
        return Ok(outcomes);
    }
}

/// Boots a kernel and runs a shell command in it, whose output is printed.
pub fn run_command(kernel: &Kernel, products: &Products, command: &str) -> Result<()> {
    let ended = run(kernel, products, command, &mut |_| ())?;
    ended
        .map(drop)
        .map_err(|reason| anyhow!("the guest {reason}"))
}

/// Boots a kernel, runs a command and passes its lines on. The command's status, or how the guest failed.
fn run(
    kernel: &Kernel,
    products: &Products,
    command: &str,
    take: &mut dyn FnMut(&str),
) -> Result<Result<String, String>> {
    let vmlinuz = kernel.fetch()?;
    let initramfs = kernel.dir().join("initramfs");
    let bytes = initramfs_bytes(kernel, products, command)?;
    fs::write(&initramfs, bytes).with_context(|| format!("write {}", initramfs.display()))?;
    let console = console_file(kernel);
    let mut guest = Guest(boot(&vmlinuz, &initramfs, &console)?);
    let ended = follow(&lines_of(&mut guest.0), kernel.version, take);
    if ended.is_err() {
        print_tail(kernel);
    }
    Ok(ended)
}

/// Where the guest's kernel writes what it has to say.
fn console_file(kernel: &Kernel) -> PathBuf {
    kernel.dir().join("console.log")
}

fn console(kernel: &Kernel) -> String {
    let bytes = fs::read(console_file(kernel)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A running QEMU, ended with its owner.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // It has ended already, unless it is stuck; both calls then fail harmlessly.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn boot(vmlinuz: &Path, initramfs: &Path, console: &Path) -> Result<Child> {
    let mut qemu = Command::new("qemu-system-x86_64");
    // One host thread for both CPUs, in turn: attaching to a tracepoint patches the kernel's code, and with a thread for
    // each CPU the emulator once ran a breakpoint that the kernel had already taken out ("Oops: int3").
    qemu.args([
        "-accel",
        "tcg,thread=single",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        // Debian's bpftrace alone is 200 MB.
        if std::env::var_os("REFERENCE").is_some() {
            "2048"
        } else {
            "1024"
        },
    ]);
    qemu.args([
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
    ]);
    qemu.arg("-kernel")
        .arg(vmlinuz)
        .arg("-initrd")
        .arg(initramfs);
    qemu.args([
        "-append", // An oops ends the guest: what is left of it may stand still.
        "console=ttyS0 quiet oops=panic panic=-1",
    ]);
    qemu.arg("-serial")
        .arg(format!("file:{}", console.display()));
    qemu.args(["-serial", "stdio"]);
    let qemu = qemu.stdin(Stdio::null()).stdout(Stdio::piped());
    qemu.spawn().context("start qemu-system-x86_64")
}

/// Passes lines on until the end mark; the status behind it, or how the guest failed.
fn follow(
    lines: &Receiver<String>,
    version: &str,
    take: &mut dyn FnMut(&str),
) -> Result<String, String> {
    let mut begun = false;
    loop {
        let line = match lines.recv_timeout(SILENCE_MAX) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) if begun => return Err("said nothing more".into()),
            Err(RecvTimeoutError::Disconnected) if begun => return Err("ended early".into()),
            Err(_) => return Err("did not boot".into()),
        };
        begun = true;
        println!("[{version}] {line}");
        if let Some(status) = line.strip_prefix(END_MARK) {
            return Ok(status.to_owned());
        }
        take(&line);
    }
}

/// The guest's second serial line, without the terminal's carriage returns.
fn lines_of(qemu: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let stdout = qemu.stdout.take().expect("standard output is piped");
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    receiver
}

fn print_tail(kernel: &Kernel) {
    let text = console(kernel);
    let lines: Vec<_> = text.lines().collect();
    let version = kernel.version;
    println!("[{version}] the end of {}:", console_file(kernel).display());
    for line in &lines[lines.len().saturating_sub(60)..] {
        println!("[{version}] | {line}");
    }
}

fn initramfs_bytes(kernel: &Kernel, products: &Products, command: &str) -> Result<Vec<u8>> {
    let mut image = Image::default();
    for dir in [
        "bin", "dev", "proc", "sys", "tmp", "etc", "cases", "scripts", "tools",
    ] {
        image.directory(dir);
    }
    let init = INIT
        .replace("@FEATURES@", kernel.features)
        .replace("@COMMAND@", command);
    image.program("init", init.as_bytes());
    image.data(
        "etc/passwd",
        b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    );
    let programs = [
        ("bin/busybox", Path::new("/usr/bin/busybox")),
        ("bin/tracer", &products.tracer),
        ("bin/runner", &products.cases),
        ("bin/trigger", &products.trigger),
        ("bin/fuzzer", &products.fuzzer),
    ];
    for (name, path) in programs {
        image.program(name, &read(path)?);
    }
    image.data(MODULE, &read(&kernel.module())?);
    image.data(
        "tools.txt",
        &read(&project::root().join("tests/tools.txt"))?,
    );
    let folders = [
        ("cases", project::root().join("tests/kernel")),
        ("scripts", project::root().join("scripts")),
        ("tools", need::TOOLS.into()),
    ];
    for (dir, from) in folders {
        let is_wanted =
            |path: &PathBuf| dir != "tools" || path.extension().is_some_and(|e| e == "bt");
        for path in files_in(&from)?.into_iter().filter(is_wanted) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            image.data(&format!("{dir}/{name}"), &read(&path)?);
        }
    }
    if let Some(reference) = std::env::var_os("REFERENCE") {
        dynamic(&mut image, "bin/bpftrace", Path::new(&reference))?;
    }
    Ok(image.finish())
}

/// A program with the libraries that it is linked to, as `ldd` names them.
fn dynamic(image: &mut Image, name: &str, path: &Path) -> Result<()> {
    image.program(name, &read(path)?);
    let said = Command::new("ldd").arg(path).output().context("run ldd")?;
    let said = String::from_utf8_lossy(&said.stdout);
    let libraries = said.split_whitespace().filter(|word| word.starts_with('/'));
    let mut made = BTreeSet::new();
    for library in libraries {
        let inside = library.trim_start_matches('/');
        for folder in Path::new(inside)
            .ancestors()
            .skip(1)
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            let folder = folder.to_string_lossy().into_owned();
            if !folder.is_empty() && made.insert(folder.clone()) {
                image.directory(&folder);
            }
        }
        image.program(inside, &read(Path::new(library))?);
    }
    Ok(())
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
