//! What processes have mapped to execute, also those that have ended.
//!
//! In: changes as the kernel tells them, `/proc/PID/maps` of what ran before. Out: the file behind an address of a process.
//! A file is opened while a process has it mapped, for it may be gone, or another one, when names are wanted. Knows nothing
//! of symbols.

use crate::sys::mappings::Change;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are kept open; the rest are found by their paths.
const MOST_OPEN: usize = 400;
/// Ended processes that are remembered.
const MOST_ENDED: usize = 1 << 14;
/// Programs of one process that are remembered, the last ones.
const MOST_IMAGES: usize = 4;

/// A file that was mapped.
#[derive(Debug)]
pub struct Mapped {
    /// As the kernel names it.
    pub path: String,
    kept: Option<File>,
}

impl Mapped {
    /// Where it can be read: what was kept open, else by its path.
    pub fn readable(&self) -> PathBuf {
        match &self.kept {
            Some(file) => format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
            None => self.path.as_str().into(),
        }
    }
}

/// A part of a file in a process.
#[derive(Clone, Debug)]
struct Part {
    end: u64,
    /// Where it begins in the file.
    offset: u64,
    file: Arc<Mapped>,
}

/// What one program of a process has mapped, by first address.
type Image = BTreeMap<u64, Part>;

#[derive(Clone, Debug, Default)]
struct Process {
    /// Last one newest. Shared between a parent and its children until one changes it.
    images: Vec<Arc<Image>>,
    ended: bool,
}

/// All processes that are known.
#[derive(Debug, Default)]
pub struct Processes {
    known: HashMap<u32, Process>,
    files: HashMap<String, Arc<Mapped>>,
    open: usize,
    /// In the order in which they ended.
    ended: VecDeque<u32>,
    /// Changes that are not known: what is in doubt is read again.
    lost: bool,
}

impl Processes {
    /// All that run now.
    pub fn of_now() -> Processes {
        let mut processes = Processes::default();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|e| e.file_name().to_str()?.parse().ok());
        for process in numbers.collect::<Vec<u32>>() {
            processes.read(process);
        }
        processes
    }

    /// Takes what a process has mapped now. False when it cannot be read.
    pub fn read(&mut self, process: u32) -> bool {
        let Ok(maps) = fs::read(format!("/proc/{process}/maps")) else {
            return false;
        };
        let maps = String::from_utf8_lossy(&maps);
        let mut image = Image::new();
        for line in maps.lines().filter_map(Line::parse) {
            let file = self.file(process, line.start, line.end, line.path);
            let (end, offset) = (line.end, line.offset);
            image.insert(line.start, Part { end, offset, file });
        }
        let known = self.known.entry(process).or_default();
        known.images.pop();
        known.images.push(Arc::new(image));
        true
    }

    /// Takes a change into account.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Mapped {
                process,
                start,
                bytes,
                offset,
                path,
            } => {
                let end = start.saturating_add(bytes);
                let path = String::from_utf8_lossy(&path).into_owned();
                let file = self.file(process, start, end, &path);
                let part = Part { end, offset, file };
                self.known.entry(process).or_default().map(start, part);
            }
            Change::Executed(process) => {
                let known = self.known.entry(process).or_default();
                known.images.push(Arc::default());
                if known.images.len() > MOST_IMAGES {
                    known.images.remove(0);
                }
            }
            Change::Forked { process, parent } => {
                let newest = self.known.get(&parent).and_then(|p| p.images.last());
                let images = newest.cloned().into_iter().collect();
                let ended = false;
                self.known.insert(process, Process { images, ended });
            }
            Change::Ended(process) => self.end(process),
            Change::Lost(_) => self.lost = true,
        }
    }

    fn end(&mut self, process: u32) {
        if let Some(known) = self.known.get_mut(&process) {
            known.ended = true;
            self.ended.push_back(process);
        }
        if self.ended.len() > MOST_ENDED
            && let Some(oldest) = self.ended.pop_front()
            && self.known.get(&oldest).is_some_and(|p| p.ended)
        {
            self.known.remove(&oldest);
        }
    }

    /// The file behind an address, and the place in it. A process that executed several programs has the newest one that
    /// has something there.
    pub fn find(&mut self, process: u32, address: u64) -> Option<(Arc<Mapped>, u64)> {
        if let Some(found) = self.known.get(&process).and_then(|p| p.find(address)) {
            return Some(found);
        }
        let is_new = !self.known.contains_key(&process);
        if (is_new || self.lost) && self.read(process) {
            return self.known.get(&process).and_then(|p| p.find(address));
        }
        None
    }

    /// The files that a process has mapped.
    #[cfg(test)]
    pub fn paths(&self, process: u32) -> Vec<String> {
        let images = self.known.get(&process).map(|p| &p.images);
        let parts = images
            .into_iter()
            .flatten()
            .flat_map(|image| image.values());
        parts.map(|part| part.file.path.clone()).collect()
    }

    /// The file of a mapping, opened when it is the first of it.
    fn file(&mut self, process: u32, start: u64, end: u64, path: &str) -> Arc<Mapped> {
        // Paths of containers are told from each other by what their processes see.
        let root = fs::read_link(format!("/proc/{process}/root")).unwrap_or_default();
        let key = match root == Path::new("/") || root.as_os_str().is_empty() {
            true => path.to_owned(),
            false => format!("{}:{path}", root.display()),
        };
        if let Some(known) = self.files.get(&key) {
            return Arc::clone(known);
        }
        let is_file = path.starts_with('/') && !path.starts_with("//");
        let kept = (is_file && self.open < MOST_OPEN).then(|| open(process, start, end, path));
        let kept = kept.flatten();
        self.open += usize::from(kept.is_some());
        let path = path.to_owned();
        let file = Arc::new(Mapped { path, kept });
        self.files.insert(key, Arc::clone(&file));
        file
    }
}

/// The very file that a process has mapped, else what its path means to it.
fn open(process: u32, start: u64, end: u64, path: &str) -> Option<File> {
    let mapped = format!("/proc/{process}/map_files/{start:x}-{end:x}");
    let by_path = || File::open(format!("/proc/{process}/root{path}"));
    File::open(mapped).or_else(|_| by_path()).ok()
}

impl Process {
    fn map(&mut self, start: u64, part: Part) {
        if self.images.is_empty() {
            self.images.push(Arc::default());
        }
        let Some(image) = self.images.last_mut() else {
            return;
        };
        let image = Arc::make_mut(image);
        // What lies below is gone; parts that stick out were split, and nobody asks for their rest.
        let covered: Vec<u64> = image.range(start..part.end).map(|(at, _)| *at).collect();
        covered.iter().for_each(|at| drop(image.remove(at)));
        image.insert(start, part);
    }

    fn find(&self, address: u64) -> Option<(Arc<Mapped>, u64)> {
        self.images.iter().rev().find_map(|image| {
            let (start, part) = image.range(..=address).next_back()?;
            let within = (address < part.end).then(|| address - start + part.offset)?;
            Some((Arc::clone(&part.file), within))
        })
    }
}

/// A line of `/proc/PID/maps` that can be executed.
struct Line<'a> {
    start: u64,
    end: u64,
    offset: u64,
    path: &'a str,
}

impl Line<'_> {
    /// `55d0-55e0 r-xp 00001000 08:01 1234   /bin/sh`
    fn parse(line: &str) -> Option<Line<'_>> {
        let mut words = line.splitn(6, ' ');
        let (start, end) = words.next()?.split_once('-')?;
        if words.next()?.as_bytes().get(2) != Some(&b'x') {
            return None;
        }
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Line {
            start: hex(start)?,
            end: hex(end)?,
            offset: hex(words.next()?)?,
            path: words.nth(2).unwrap_or_default().trim_start(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(process: u32, start: u64, bytes: u64, offset: u64, path: &str) -> Change {
        Change::Mapped {
            process,
            start,
            bytes,
            offset,
            path: path.as_bytes().to_vec(),
        }
    }

    /// A number that no process has: ids end at 2^22.
    const NOBODY: u32 = 1 << 30;

    fn found(processes: &mut Processes, process: u32, address: u64) -> Option<(String, u64)> {
        let (file, offset) = processes.find(process, address)?;
        Some((file.path.clone(), offset))
    }

    #[test]
    fn an_ended_process_keeps_what_it_mapped() {
        let mut processes = Processes::default();
        processes.apply(mapped(NOBODY, 0x1000, 0x1000, 0x40, "/a"));
        processes.apply(Change::Forked {
            process: NOBODY + 1,
            parent: NOBODY,
        });
        processes.apply(Change::Executed(NOBODY));
        processes.apply(mapped(NOBODY, 0x5000, 0x1000, 0, "/b"));
        processes.apply(Change::Ended(NOBODY));
        let at = |p: &mut Processes, process, address| found(p, process, address);
        let a = |offset| Some(("/a".to_owned(), offset));
        assert_eq!(at(&mut processes, NOBODY, 0x1004), a(0x44));
        assert_eq!(at(&mut processes, NOBODY + 1, 0x1fff), a(0x103f));
        assert_eq!(at(&mut processes, NOBODY, 0x5001), Some(("/b".into(), 1)));
        assert_eq!(at(&mut processes, NOBODY + 1, 0x5001), None);
        assert_eq!(at(&mut processes, NOBODY, 0x2000), None);
    }

    #[test]
    fn a_new_mapping_hides_what_it_covers() {
        let mut processes = Processes::default();
        processes.apply(mapped(NOBODY, 0x1000, 0x1000, 0, "/a"));
        processes.apply(mapped(NOBODY, 0x800, 0x1000, 0, "/b"));
        assert_eq!(
            found(&mut processes, NOBODY, 0x1000),
            Some(("/b".into(), 0x800))
        );
    }

    #[test]
    fn memory_for_ended_processes_is_bounded() {
        let mut processes = Processes::default();
        for process in NOBODY..NOBODY + MOST_ENDED as u32 + 10 {
            processes.apply(mapped(process, 0x1000, 0x1000, 0, "/a"));
            processes.apply(Change::Ended(process));
        }
        assert_eq!(processes.known.len(), MOST_ENDED);
        assert_eq!(found(&mut processes, NOBODY, 0x1000), None);
        assert_eq!(processes.files.len(), 1);
    }

    #[test]
    fn this_process_is_read_with_its_files() {
        let mut processes = Processes::default();
        let function = this_process_is_read_with_its_files as fn() as usize as u64;
        let (file, _) = processes
            .find(std::process::id(), function)
            .expect("it is mapped");
        let own = std::env::current_exe().expect("it has a path");
        assert_eq!(Path::new(&file.path), own);
        assert_eq!(
            fs::read(file.readable()).expect("readable").get(..4),
            Some(&b"\x7fELF"[..])
        );
    }
}
