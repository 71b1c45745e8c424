//! What is compared: runs that were profiled, and runs that were recorded.
//!
//! In: a path: a profile, a recording, or a directory of them. Out: profiles. A recording is asked the script that measures a live run, and
//! becomes a profile of one run by it; files that follow each other are one run. Never runs a command.

use super::profile::{gathered, measuring};
use crate::kernel::Live;
use crate::profile::{Profile, Run};
use crate::record::{self, End, Ending, Header, How, Reader};
use crate::session::collect::Collector;
use crate::session::replay::{self, Question};
use crate::session::{Output, voice};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Reads what stands at a path.
///
/// # Errors
/// A sentence that names the file.
pub fn read(path: &Path) -> Result<Vec<Profile>, String> {
    let mut profiles = Vec::new();
    let mut parts = Vec::new();
    for file in files(path)? {
        let problem = |error: String| format!("read {}: {error}", file.display());
        if record::is_stream(&file).map_err(|error| problem(error.to_string()))? {
            let reader = Reader::open(&file).map_err(|error| error.to_string())?;
            parts.push((reader.header().clone(), file));
            continue;
        }
        let bytes = std::fs::read(&file).map_err(|error| problem(error.to_string()))?;
        let profile = Profile::read(&bytes);
        profiles.push(profile.map_err(|error| problem(error.to_string()))?);
    }
    for run in runs(parts) {
        profiles.push(recorded(&run)?);
    }
    Ok(profiles)
}

/// The files that are meant: itself, or all of a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let problem = |why: String| format!("read {}: {why}", path.display());
    let entries = std::fs::read_dir(path).map_err(|error| problem(error.to_string()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    match files.is_empty() {
        true => Err(problem("the directory holds no files".into())),
        false => Ok(files),
    }
}

/// A file of a recording.
type Part = (Header, PathBuf);

/// Recordings, each with its files in order: those of one run say that it began on the same machine at the same time.
fn runs(mut parts: Vec<Part>) -> Vec<Vec<Part>> {
    let run = |header: &Header| {
        (
            header.host.clone(),
            header.boot_id.clone(),
            header.opened_ns,
        )
    };
    parts.sort_by_key(|(header, _)| (run(header), header.part));
    let of_one = |(a, _): &Part, (b, _): &Part| run(a) == run(b) && a.part + 1 == b.part;
    parts.chunk_by(of_one).map(<[Part]>::to_vec).collect()
}

/// A recording as a profile.
fn recorded(parts: &[Part]) -> Result<Profile, String> {
    let Some((header, _)) = parts.first() else {
        return Err("a recording has at least one file".into());
    };
    let (run, ending) = asked(parts)?;
    let ended = match ending.and_then(|ending| ending.command) {
        _ if header.traced.is_empty() => String::new(),
        Some(status) => ExitStatus::from_raw(status).to_string(),
        None => "unfinished".to_owned(),
    };
    let run = Run { ended, ..run };
    Ok(Profile {
        recorded: true,
        selected: selected(header),
        ..Profile::new(header.traced.clone(), header.kernel.clone(), vec![run])
    })
}

/// What the measuring script counts in a recording, and how the recording ended.
fn asked(parts: &[Part]) -> Result<(Run, Option<Ending>), String> {
    let collector = Collector::default();
    let script = measuring();
    let question = Question {
        script: script.clone(),
        files: parts.iter().map(|(_, path)| path.clone()).collect(),
        output: Output {
            to_stderr: true,
            quiet: true,
            ..Output::default()
        },
        collector: Some(collector.clone()),
        ..Question::default()
    };
    let answered = replay::run(question, &Live::new()).map_err(|error| match error {
        crate::session::Error::Script(found) => voice::diagnostics(&script, &found),
        other => other.to_string(),
    })?;
    let mut unseen = answered.unseen;
    let last = match answered.ends.last() {
        Some(End::Closed(ending)) => Some(*ending),
        Some(End::Cut) | None => None,
    };
    let (first, path) = &parts[0];
    if first.part > 0 {
        unseen.push(format!(
            "{}: the files before it are not there",
            path.display()
        ));
    }
    if last.is_some_and(|ending| ending.how == How::Rotated) {
        let (_, path) = &parts[parts.len() - 1];
        let path = path.display();
        unseen.push(format!("{path}: the file that goes on with it is not there; a directory is taken with all its files"));
    }
    Ok((gathered(&collector).finish(String::new(), unseen), last))
}

/// What alone was recorded, in words; nothing when it is all that a command and its descendants did. Numbers of processes are another
/// matter: they are never the same.
fn selected(header: &Header) -> String {
    let mut words = Vec::new();
    if let Some(calls) = &header.calls {
        let mut calls = calls.clone();
        calls.sort();
        words.push(format!("-e trace={}", calls.join(",")));
    }
    let only = header.only.split(", ").filter(|only| !only.is_empty());
    let others = only.skip_while(|only| only.starts_with("-p "));
    words.extend(others.map(str::to_owned));
    let has_target = header.tree || header.only.starts_with("-p ");
    match (has_target, header.traced.is_empty()) {
        (false, _) => words.push("the whole system".to_owned()),
        (true, true) => words.push("processes that ran already".to_owned()),
        (true, false) => {}
    }
    if has_target && !header.follow {
        words.push("without descendants (no -f)".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command and all that it starts.
    fn whole() -> Header {
        Header {
            tree: true,
            follow: true,
            traced: vec!["make".to_owned()],
            ..Header::default()
        }
    }

    #[test]
    fn files_that_follow_each_other_are_one_run() {
        let part = |opened_ns, part| {
            let header = Header {
                opened_ns,
                part,
                ..whole()
            };
            (header, PathBuf::from(format!("{opened_ns}.{part}")))
        };
        let found = runs(vec![part(9, 0), part(7, 1), part(7, 3), part(7, 0)]);
        let names: Vec<Vec<String>> = found
            .iter()
            .map(|run| run.iter().map(|(_, at)| at.display().to_string()).collect())
            .collect();
        assert_eq!(names, [vec!["7.0", "7.1"], vec!["7.3"], vec!["9.0"]]);
    }

    #[test]
    fn what_alone_was_recorded_is_said_but_for_numbers_of_processes() {
        let calls = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(selected(&whole()), "");
        let some = Header {
            calls: calls(&["read", "openat"]),
            follow: false,
            ..whole()
        };
        let words = "-e trace=openat,read, without descendants (no -f)";
        assert_eq!(selected(&some), words);
        let of_processes = |only: &str| Header {
            tree: false,
            traced: Vec::new(),
            only: only.to_owned(),
            ..whole()
        };
        let words = "--comm a, processes that ran already";
        assert_eq!(selected(&of_processes("-p 1, -p 2, --comm a")), words);
        assert_eq!(selected(&of_processes("-p 3, --comm a")), words);
        assert_eq!(selected(&of_processes("")), "the whole system");
    }
}
