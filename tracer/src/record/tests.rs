//! Recordings written, read again, cut and damaged in every way.

use super::*;
use crate::types::call::{CallKind, When};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Nameless;

impl Naming for Nameless {
    fn name(&mut self, what: Name, id: u64) -> Option<Vec<u8>> {
        (what == Name::User && id == 7).then(|| b"seven".to_vec())
    }
}

/// A file that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("tracer-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A test that failed may not have made it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A part of an image: a string at 0x1000.
fn image(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&0x1000u64.to_ne_bytes());
    out.extend_from_slice(&u32::MAX.to_ne_bytes());
    out.extend_from_slice(&(text.len() as u32).to_ne_bytes());
    out.extend_from_slice(&[4, 0, 1, 0, 0, 0, 0, 0]);
    out.extend_from_slice(text);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn call<'a>(at: u64, image: &'a [u8]) -> Row<'a> {
    Row {
        time_ns: 1_000_000 + at * 1_000,
        entry_ns: if at.is_multiple_of(5) {
            0
        } else {
            1_000_000 + at * 1_000 - 321
        },
        cpu: (at % 2) as u32,
        pid: 10,
        tid: 10 + (at % 3) as u32,
        uid: 7,
        gid: 8,
        cgroup: 1 << 40 | 5,
        comm: *b"cat\0\0\0\0\0\0\0\0\0\0\0\0\0",
        call: 257 | (at % 2) << 32,
        ret: at as i64 - 3,
        args: [u64::MAX, 0x1000, at, 1 << 63, 0xdead_beef_0bad_cafe, 6],
        image,
        ..Row::new(Kind::Call(if at.is_multiple_of(7) {
            CallKind::NoExit
        } else {
            CallKind::Call
        }))
    }
}

const ENDING: Ending = Ending {
    how: How::Target,
    time_ns: 9_000_000,
    lost: 3,
    command: Some(256),
};

/// A recording of so many calls, closed or not.
fn recording(name: &str, calls: u64, closed: bool) -> Vec<u8> {
    let file = Scratch::new(name);
    let header = Header {
        version: "1.2.3".to_owned(),
        host: "here".to_owned(),
        command: vec!["a b".to_owned(), "\"c\"".to_owned()],
        calls: Some(vec!["openat".to_owned()]),
        clock_offset_ns: -5,
        max_bytes: 32,
        ..Header::default()
    };
    let naming = Box::new(Nameless);
    let mut writer =
        Writer::create(&file.0, header.clone(), Rotation::default(), naming).expect("a file");
    let path = image(b"/etc/hosts\0");
    for at in 0..calls {
        writer.row(&call(at, &path)).expect("written");
    }
    if closed {
        writer.end(&ENDING).expect("written");
    } else {
        let past = std::time::Instant::now() + std::time::Duration::from_secs(9);
        writer
            .tick(past - std::time::Duration::from_secs(9))
            .expect("waits");
        writer.tick(past).expect("written");
    }
    std::fs::read(&file.0).expect("written above")
}

fn open(bytes: &[u8]) -> Result<Reader, Error> {
    Reader::over(Box::new(Cursor::new(bytes.to_vec())), Path::new("x.rec"))
}

/// Rows of calls, and how the file ends.
fn read(bytes: &[u8]) -> Result<(u64, Option<End>), Error> {
    let mut reader = open(bytes)?;
    let mut calls = 0;
    while let Some(batch) = reader.next_batch()? {
        calls += batch.iter().filter(|row| row.call().is_some()).count() as u64;
    }
    Ok((calls, reader.end()))
}

#[test]
fn what_is_written_is_read() {
    let bytes = recording("all", 1000, true);
    let mut reader = open(&bytes).expect("a recording");
    assert_eq!(reader.header().command, ["a b", "\"c\""]);
    assert_eq!(
        reader.header().calls.as_deref(),
        Some(&["openat".to_owned()][..])
    );
    assert_eq!(reader.header().clock_offset_ns, -5);
    let path = image(b"/etc/hosts\0");
    let (mut at, mut names) = (0, Vec::new());
    while let Some(batch) = reader.next_batch().expect("not damaged") {
        for row in batch.iter() {
            match row.kind {
                Kind::Call(_) => {
                    assert_eq!(row, call(at, &path));
                    let seen = row.call().expect("a call");
                    assert_eq!(seen.string(0x1000, When::Entry).bytes, b"/etc/hosts");
                    at += 1;
                }
                Kind::Name => names.push((row.args[0], row.args[1], row.image.to_vec())),
                _ => assert_eq!(Ending::of(&row), Some(ENDING)),
            }
        }
    }
    assert_eq!(at, 1000);
    assert_eq!(names, [(Name::User as u64, 7, b"seven".to_vec())]);
    assert_eq!(reader.end(), Some(End::Closed(ENDING)));
}

#[test]
fn columns_that_nobody_wants_are_not_read_and_notes_always_are() {
    let bytes = recording("few", 10, true);
    let mut reader = open(&bytes)
        .expect("a recording")
        .with_columns(Columns::RET);
    let batch = reader.next_batch().expect("not damaged").expect("a batch");
    let first = (0..batch.rows())
        .find(|&row| batch.kind(row) < 32)
        .expect("a call");
    assert_eq!(batch.ret(first), -3);
    assert_eq!(batch.pid(first), 0);
    let note = (0..batch.rows()).find(|&row| batch.kind(row) == Kind::Name.wire());
    let note = note.and_then(|row| batch.note(row)).expect("a name");
    assert_eq!(note.image, b"seven");
    assert!(reader.next_batch().expect("not damaged").is_none());
    assert_eq!(reader.end(), Some(End::Closed(ENDING)));
}

#[test]
fn a_recorder_that_is_killed_leaves_its_whole_batches() {
    let bytes = recording("killed", 100, false);
    assert_eq!(read(&bytes).expect("readable"), (100, Some(End::Cut)));
    let cut = read(&bytes[..bytes.len() - 1]).expect("readable");
    assert_eq!(cut, (0, Some(End::Cut)));
}

#[test]
fn every_file_that_is_none_gets_a_sentence_of_its_own() {
    let said = |bytes: &[u8]| open(bytes).err().map(|error| error.to_string());
    let says = |bytes: &[u8], part: &str| {
        let said = said(bytes).unwrap_or_default();
        assert!(said.starts_with("x.rec: ") && said.contains(part), "{said}");
    };
    says(b"", "is empty");
    says(b"PAR1....", "Parquet");
    says(b"ARROW1..", "Arrow file");
    says(b"#!/bin/sh\n", "begins as none does");
    says(&[0xff; 8], "no checksum that fits");
    let bytes = recording("sentences", 3, true);
    says(&bytes[..100], "cut within its header");
    let folder = Reader::open(&std::env::temp_dir()).err().expect("a folder");
    assert!(folder.to_string().contains("is a directory"), "{folder}");
    let missing = Reader::open(Path::new("/nonexistent/x")).err();
    assert!(
        missing
            .expect("no file")
            .to_string()
            .contains("No such file")
    );
}

#[test]
fn a_newer_layout_names_the_version_that_wrote_it() {
    let mut metadata = Header {
        version: "9.0".to_owned(),
        ..Header::default()
    }
    .metadata();
    metadata.insert("tracer.layout".to_owned(), "7".to_owned());
    let bytes = writer::header_of(&layout::schema(metadata)).expect("encoded");
    let error = open(&bytes).err().expect("too new");
    let said = error.to_string();
    assert!(said.contains("tracer 9.0 in layout 7"), "{said}");
}

#[test]
fn files_are_merged_by_time() {
    let one = recording("one", 50, true);
    let two = recording("two", 50, true);
    let reader = |bytes: &[u8]| open(bytes).expect("a recording");
    let mut merged = Merged::over(vec![reader(&one), reader(&two)]);
    let (mut last, mut rows) = (0, [0; 2]);
    while let Some((batch, range)) = merged.next_rows().expect("not damaged") {
        for row in range
            .filter_map(|at| batch.row(at))
            .filter(|row| row.call().is_some())
        {
            assert!(row.time_ns >= last, "{} after {last}", row.time_ns);
            last = row.time_ns;
            rows[usize::from(row.host)] += 1;
        }
    }
    assert_eq!(rows, [50, 50]);
}

#[test]
fn files_follow_each_other() {
    let file = Scratch::new("rotated");
    let rotation = Rotation {
        bytes: Some(1),
        keep: Some(2),
        ..Rotation::default()
    };
    let naming = Box::new(Nameless);
    let mut writer = Writer::create(&file.0, Header::default(), rotation, naming).expect("a file");
    let path = image(b"/\0");
    // As many as four batches, each of which fills a file.
    for at in 0..4 * (32 << 10) {
        writer.row(&call(at, &path)).expect("written");
    }
    writer.end(&ENDING).expect("written");
    let part = |n: u32| PathBuf::from(format!("{}.{n}", file.0.display()));
    assert!(!file.0.exists() && !part(1).exists(), "the oldest are gone");
    let mut reader = Reader::open(&part(3)).expect("a recording");
    assert_eq!(reader.header().part, 3);
    while reader.next_batch().expect("not damaged").is_some() {}
    let Some(End::Closed(ending)) = reader.end() else {
        panic!("it was closed");
    };
    assert_eq!(ending.how, How::Rotated);
    for n in 2..=4 {
        // The last one may be there or not, by where the rows ended.
        let _ = std::fs::remove_file(part(n));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Wherever a file is cut, what stands before is read, and nothing else is told.
    #[test]
    fn cut_anywhere(at in 0usize..100_000) {
        thread_local! {
            static BYTES: Vec<u8> = recording("cut", 200, true);
        }
        BYTES.with(|bytes| {
            let at = at % bytes.len();
            if let Ok((calls, end)) = read(&bytes[..at]) {
                let closed = matches!(end, Some(End::Closed(_)));
                assert!(calls == 0 || calls == 200 && closed, "{calls} calls at {at}");
            }
        });
    }

    /// Whatever bytes change, nothing crashes, and no wrong row is told.
    #[test]
    fn damaged_anywhere(changes in proptest::collection::vec((0usize..100_000, 1u8..), 1..4)) {
        thread_local! {
            static BYTES: Vec<u8> = recording("damaged", 200, true);
        }
        let mut bytes = BYTES.with(Clone::clone);
        for (at, change) in changes {
            let at = at % bytes.len();
            bytes[at] ^= change;
        }
        if let Ok((calls, _)) = read(&bytes) {
            assert!(calls == 0 || calls == 200, "{calls}");
        }
    }
}
