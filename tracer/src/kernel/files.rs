//! Which file a program or library stands for.
//!
//! In: a path, a pattern of paths, or a bare name. Out: absolute paths. A bare name is looked for where a shell looks for
//! programs, then where the dynamic linker looks for libraries (`libc`: `libc.so` or `libc.so.6`). Never opens more than the
//! first bytes of a file.

use crate::types::glob;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where libraries are on common systems, besides what the linker's configuration says.
const LIBRARIES: [&str; 7] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
];
/// Where further ones are configured (ld.so.conf(5) includes these).
const CONFIGURED: &str = "/etc/ld.so.conf.d";

/// The files of that name.
pub(super) fn find(name: &str) -> Vec<String> {
    let found = match name.contains('/') {
        true if glob::is_glob(name) => matching(name),
        true => absolute(Path::new(name)).into_iter().collect(),
        false => program(name)
            .or_else(|| library(name))
            .into_iter()
            .collect(),
    };
    let mut paths: Vec<String> = found
        .into_iter()
        .filter_map(|path: PathBuf| path.to_str().map(str::to_owned))
        .collect();
    paths.sort_unstable();
    paths
}

fn absolute(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok().filter(|p| p.is_file())
}

fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut found = env::split_paths(&path).map(|directory| directory.join(name));
    found.find(|path| is_elf(path))
}

fn library(name: &str) -> Option<PathBuf> {
    directories()
        .iter()
        .find_map(|directory| library_in(directory, name))
}

/// In one directory, the shortest of the names that it may have.
fn library_in(directory: &Path, name: &str) -> Option<PathBuf> {
    let stems = [name.to_owned(), format!("lib{name}")];
    let entries = fs::read_dir(directory).ok()?.flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|file| {
            stems.iter().any(|stem| {
                let rest = file.strip_prefix(stem.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(".so"))
            })
        })
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let mut paths = names.iter().map(|name| directory.join(name));
    // A file for the linker alone (`libc.so`) is a script.
    paths.find(|path| is_elf(path))
}

fn directories() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = LIBRARIES.iter().map(PathBuf::from).collect();
    for file in fs::read_dir(CONFIGURED).into_iter().flatten().flatten() {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        directories.extend(lines.filter(|l| l.starts_with('/')).map(PathBuf::from));
    }
    directories
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// Files whose path matches, directory by directory.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Ok(pattern) = std::path::absolute(pattern) else {
        return Vec::new();
    };
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.components().skip(1) {
        let part = part.as_os_str().to_string_lossy();
        found = found.iter().flat_map(|at| entries(at, &part)).collect();
    }
    found.retain(|path| is_elf(path));
    found
}

fn entries(directory: &Path, part: &str) -> Vec<PathBuf> {
    if !glob::is_glob(part) {
        return vec![directory.join(part)];
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| glob::matches(part, &entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_patterns_and_paths_are_found() {
        let directory = tempfile();
        let elf = directory.join("libsample.so.3");
        fs::write(&elf, b"\x7fELF and more").expect("a folder of our own");
        fs::write(directory.join("libsample.so"), b"/* a script */").expect("a folder of our own");
        assert_eq!(library_in(&directory, "libsample"), Some(elf.clone()));
        assert_eq!(library_in(&directory, "sample"), Some(elf.clone()));
        assert_eq!(library_in(&directory, "sam"), None);
        let path = |p: &Path| p.to_str().expect("a name of ours is UTF-8").to_owned();
        assert_eq!(find(&path(&elf)), [path(&elf)]);
        assert_eq!(find(&path(&directory.join("lib*.so*"))), [path(&elf)]);
        assert!(find("/no/such/file").is_empty());
        assert!(find("no-such-program-or-library").is_empty());
        fs::remove_dir_all(directory).expect("made above");
    }

    fn tempfile() -> PathBuf {
        let name = format!("tracer-files-{}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a place for files");
        directory
    }
}
