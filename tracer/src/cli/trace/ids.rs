//! Users and control groups by name.
//!
//! In: names as they are typed, `/etc/passwd`, the mounted cgroup file system. Out: numbers, as the kernel compares them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Groups below one that are looked for: each is one more comparison.
const GROUPS: usize = 64;

/// The number of a user.
pub fn user(name: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|e| format!("read /etc/passwd: {e}"))?;
    let number = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    };
    users
        .lines()
        .find_map(number)
        .ok_or_else(|| format!("--uid {name}: no such user in /etc/passwd; give the number"))
}

/// The ids of a control group and of those below it, as they are now: an id is the folder's inode number (cgroups(7)).
pub fn cgroups(path: &str) -> Result<Vec<u64>, String> {
    let wrong = |error: std::io::Error| format!("--cgroup {path}: {error}");
    let mut folders = vec![folder(path)?];
    let mut ids = Vec::new();
    while let Some(folder) = folders.pop() {
        ids.push(fs::metadata(&folder).map_err(wrong)?.ino());
        if ids.len() > GROUPS {
            return Err(format!(
                "--cgroup {path}: more than {GROUPS} groups are below it; name one of them"
            ));
        }
        // A group that ends meanwhile has nobody in it.
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|t| t.is_dir());
        folders.extend(below.filter(is_group).map(|entry| entry.path()));
    }
    Ok(ids)
}

/// The folder: a path as it is, or below the place where the groups are mounted.
fn folder(path: &str) -> Result<PathBuf, String> {
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|e| e.to_string())?;
    let root = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    });
    let root = root.ok_or_else(|| {
        format!("--cgroup {path}: control groups of version 2 are not mounted here")
    })?;
    if Path::new(path).starts_with(&root) {
        return Ok(path.into());
    }
    Ok(root.join(path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_numbers() {
        assert_eq!(user("root"), Ok(0));
        assert_eq!(user("1234"), Ok(1234));
        assert!(user("no such user").is_err());
    }
}
