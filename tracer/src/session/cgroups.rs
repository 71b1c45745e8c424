//! Paths of cgroups by their ids.
//!
//! In: ids, as the kernel's helper gives them: the inode number of the cgroup's directory. Out: paths below the root of the
//! hierarchy (version 2). Directories are walked when an id is new, and not more often than every [`AGAIN`].

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An id that was not found is looked for again after this: its cgroup may be gone for good.
const AGAIN: Duration = Duration::from_millis(200);
/// Directories deeper than this are not looked at.
const DEPTH: u32 = 32;

/// The cgroups that were seen.
#[derive(Default)]
pub struct Cgroups {
    root: Option<PathBuf>,
    paths: HashMap<u64, String>,
    walked: Option<Instant>,
}

impl Cgroups {
    /// The path of a cgroup: `/` for the root. One that has been seen keeps its path when it is gone.
    pub fn path(&mut self, id: u64) -> Option<&str> {
        let is_due = self.walked.is_none_or(|at| at.elapsed() >= AGAIN);
        if !self.paths.contains_key(&id) && is_due {
            self.walk();
        }
        self.paths.get(&id).map(String::as_str)
    }

    fn walk(&mut self) {
        if self.root.is_none() {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
            self.root = mount_point(&mounts);
        }
        if let Some(root) = self.root.clone() {
            self.enter(&root, "", DEPTH);
        }
        self.walked = Some(Instant::now());
    }

    fn enter(&mut self, at: &Path, path: &str, depth: u32) {
        let Ok(meta) = fs::metadata(at) else { return };
        let shown = if path.is_empty() { "/" } else { path };
        self.paths.insert(meta.ino(), shown.to_owned());
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name();
                let path = format!("{path}/{}", name.to_string_lossy());
                self.enter(&entry.path(), &path, depth);
            }
        }
    }
}

/// Where the hierarchy of version 2 is mounted: the mount point is the fifth word of a line, the type the first behind a
/// lone dash (proc_pid_mountinfo(5)).
pub(super) fn mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let is_meant = kind.split(' ').next() == Some("cgroup2");
        is_meant.then(|| mount.split(' ').nth(4).map(PathBuf::from))?
    })
}

/// A process's own cgroup, below the hierarchy's root, from the lines of its `/proc/PID/cgroup` (cgroups(7)).
pub(super) fn own(lines: &str) -> Option<&str> {
    let path = lines.lines().find_map(|line| line.strip_prefix("0::/"));
    path.map(|path| path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_point_is_found_by_its_type() {
        let lines = "22 1 0:20 / /proc rw - proc proc rw\n\
                     30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        assert_eq!(mount_point(lines), Some("/sys/fs/cgroup".into()));
        assert_eq!(mount_point("22 1 0:20 / /proc rw - proc proc rw"), None);
    }

    #[test]
    fn the_own_cgroup_is_that_of_version_2() {
        let lines = "4:memory:/a\n1:name=systemd:/b\n0::/user.slice/c\n";
        assert_eq!(own(lines), Some("user.slice/c"));
        assert_eq!(own("0::/\n"), Some(""));
        assert_eq!(own("1:cpu:/\n"), None);
    }

    #[test]
    fn directories_are_found_by_their_inodes() {
        let root = std::env::temp_dir().join(format!("cgroups-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).expect("a place for files");
        let inode = |path: &str| fs::metadata(root.join(path)).expect("made above").ino();
        let mut cgroups = Cgroups {
            root: Some(root.clone()),
            ..Cgroups::default()
        };
        assert_eq!(cgroups.path(inode("")), Some("/"));
        assert_eq!(cgroups.path(inode("a/b")), Some("/a/b"));
        assert_eq!(cgroups.path(0), None);
        fs::remove_dir_all(&root).expect("made above");
    }
}
