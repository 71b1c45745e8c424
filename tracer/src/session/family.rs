//! The processes that a run is about, with those that descend from them already.
//!
//! In: roots, `/proc`. Out: each of them, and their descendants when they are followed, handed on once. A parent is handed on before
//! its children are looked for: from then on its forks are seen as they happen, so that none falls in between.

use std::collections::BTreeSet;
use std::fs;

/// Hands on `roots` and, when `follow`, their descendants.
pub fn plant<E>(
    roots: &[u32],
    follow: bool,
    mut plant: impl FnMut(u32) -> Result<(), E>,
) -> Result<(), E> {
    let mut known = BTreeSet::new();
    let mut found = roots.to_vec();
    while !found.is_empty() {
        for process in found {
            plant(process)?;
            known.insert(process);
        }
        found = match follow {
            true => children(&known, &parents()),
            false => Vec::new(),
        };
    }
    Ok(())
}

/// Children of known processes that are not known themselves.
fn children(known: &BTreeSet<u32>, parents: &[(u32, u32)]) -> Vec<u32> {
    let is_new =
        |&&(process, parent): &&(u32, u32)| known.contains(&parent) && !known.contains(&process);
    parents
        .iter()
        .filter(is_new)
        .map(|(process, _)| *process)
        .collect()
}

/// Every process and its parent. One that ends meanwhile is left out.
fn parents() -> Vec<(u32, u32)> {
    let Ok(folder) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let process = |entry: fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((process, parent(&stat)?))
    };
    folder.flatten().filter_map(process).collect()
}

/// Field 4, counted behind the last parenthesis: the name may hold anything (proc_pid_stat(5)).
fn parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_any_name_has_its_parent() {
        assert_eq!(parent("12 (a) b) c) S 7 12 12"), Some(7));
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn own_children_are_found_below_own_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("sleep");
        let mut planted = Vec::new();
        let mut keep = |process| -> Result<(), ()> {
            planted.push(process);
            Ok(())
        };
        plant(&[std::process::id()], true, &mut keep).expect("nothing fails");
        child.kill().expect("it sleeps");
        child.wait().expect("it was killed");
        assert_eq!(planted[0], std::process::id());
        assert!(planted.contains(&child.id()));
        let mut alone = Vec::new();
        plant(&[1], false, |process| {
            alone.push(process);
            Ok::<(), ()>(())
        })
        .expect("nothing fails");
        assert_eq!(alone, [1]);
    }
}
