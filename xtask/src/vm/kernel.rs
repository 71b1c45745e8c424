//! The guest kernels: which, what they can do, and how they are fetched.
//!
//! In: Debian's archive through apt. Out: a `vmlinuz` under the target directory, fetched once.
//! Never names an exact kernel build: the archive's meta package does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{need, project};

/// A kernel to boot.
pub struct Kernel {
    /// Its release, as Debian names it.
    pub version: &'static str,
    /// Debian's meta package for the newest build.
    package: &'static str,
    /// Features it is known to have: a case that finds one missing has failed.
    pub features: &'static str,
}

/// All guest kernels.
pub const KERNELS: &[Kernel] = &[
    Kernel {
        version: "6.1",
        package: "linux-image-cloud-amd64",
        features: "root btf tracefs ia32 kprobe fentry perf-events iterators module",
    },
    Kernel {
        version: "6.12",
        package: "linux-image-6.12-cloud-amd64",
        features: "root btf tracefs ia32 kprobe fentry perf-events iterators module",
    },
];

/// Fetches every guest kernel that is not here yet.
pub fn fetch_all() -> Result<()> {
    KERNELS
        .iter()
        .try_for_each(|kernel| kernel.fetch().map(drop))
}

impl Kernel {
    /// The kernel's directory under the target directory.
    pub fn dir(&self) -> PathBuf {
        project::target().join("vm").join(self.version)
    }

    /// The path of its module.
    pub fn module(&self) -> PathBuf {
        self.dir().join(MODULE)
    }

    /// The path of its `vmlinuz`, fetched with its module when one of them is not here.
    pub fn fetch(&self) -> Result<PathBuf> {
        let dir = self.dir();
        let image = dir.join("vmlinuz");
        if image.exists() && self.module().exists() {
            return Ok(image);
        }
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        println!(
            "==> fetching the guest kernel {} (kernel cases run in it)",
            self.version
        );
        let deb = self.download(&dir).or_else(|first| {
            println!("    {first:#}; the package lists may be old");
            need::update_lists()?;
            self.download(&dir)
        })?;
        unpack(&deb, &image)?;
        fs::remove_file(&deb).with_context(|| format!("remove {}", deb.display()))?;
        Ok(image)
    }

    fn download(&self, dir: &Path) -> Result<PathBuf> {
        let depends = output(Command::new("apt-cache").args(["depends", self.package]))?;
        let package = newest_build(&depends)
            .with_context(|| format!("apt knows no kernel behind {}", self.package))?;
        let mut download = Command::new("apt-get");
        // Root may write here, apt's own user may not.
        download.args(["download", "-q", "-o", "APT::Sandbox::User=root", &package]);
        need::succeed(download.current_dir(dir))?;
        let mut files = fs::read_dir(dir)?
            .filter_map(Result::ok)
            .map(|entry| entry.path());
        files
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .with_context(|| format!("apt-get download {package} left no package"))
    }
}

/// The package that a meta package stands for, from `apt-cache depends`.
fn newest_build(depends: &str) -> Option<String> {
    let mut names = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    names
        .find(|name| name.starts_with("linux-image-"))
        .map(str::to_owned)
}

/// A module of each kernel that needs no device and no other module: its functions are probed.
pub const MODULE: &str = "dummy.ko";

/// Takes the kernel and one module out of their package; the other modules are large and not needed.
fn unpack(deb: &Path, image: &Path) -> Result<()> {
    let dir = image.parent().expect("the image lies in its directory");
    let script = r#"dpkg --fsys-tarfile "$1" |
        tar -x --wildcards -C "$2" './boot/vmlinuz-*' './lib/modules/*/kernel/drivers/net/dummy.ko*' &&
        for module in "$2"/lib/modules/*/kernel/drivers/net/dummy.ko*; do
            case "$module" in
                *.xz) xz -dc "$module" ;;
                *) cat "$module" ;;
            esac > "$2/dummy.ko"
        done && rm -r "$2/lib""#;
    let mut extract = Command::new("bash");
    extract
        .args(["-o", "pipefail", "-c", script, "unpack"])
        .arg(deb)
        .arg(dir);
    need::succeed(&mut extract)?;
    let boot = dir.join("boot");
    let kernels: Vec<_> = fs::read_dir(&boot)?.collect::<Result<_, _>>()?;
    ensure!(
        kernels.len() == 1,
        "{} holds no single kernel",
        deb.display()
    );
    fs::rename(kernels[0].path(), image)
        .with_context(|| format!("put {} in place", image.display()))?;
    fs::remove_dir(&boot).with_context(|| format!("remove {}", boot.display()))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meta_package_names_the_build() {
        let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(
            newest_build(depends).as_deref(),
            Some("linux-image-6.1.0-56-cloud-amd64")
        );
        assert_eq!(newest_build("linux-image-cloud-amd64\n"), None);
    }
}
