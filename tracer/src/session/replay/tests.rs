//! Rows fired together give the answer of rows fired one by one.

use super::*;
use crate::kernel::Live;
use crate::record::{How, Kind, Name, Naming, Rotation, Row, Sink, Writer};
use crate::types::call::CallKind;
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::PathBuf;

/// Queries that add up. Where `GATE` stands, one that does not do so puts a statement that never comes true.
const QUERIES: [&str; 10] = [
    "syscall:* { GATE @[comm] = count(); }",
    "syscall:openat,syscall:read /pid == 11/ { GATE @ = count(); } END { printf(\"%d\\n\", nsecs); }",
    "syscall:* { GATE @[name, errno] = hist(retval); @n++; @s[pid] = sum(retval); }",
    "syscall:*:entry { GATE @[name] = count(); } syscall:* { @[\"all\"] = count(); }",
    "config = { max_map_keys = 3 } syscall:* { GATE @[retval] = count(); @b[pid, cpu] = max(retval); }",
    "config = { max_map_keys = 4 } syscall:read { GATE @[comm, retval] = count(); } syscall:* { @[\"x\", tid] = count(); }",
    "syscall:* { GATE if (retval < 0) { @[errno] = avg(retval); } else if (tid == 101) { @n = stddev(retval); } }",
    "syscall:* { GATE @[username, host, abi] = count(); }",
    "syscall:* { GATE @[probe] = count(); } interval:us:900 { print(@); clear(@); }",
    "syscall:* { GATE $x = 0; while ($x < retval && $x < 9) { $x++; } @[$x] = stats(duration); @d[retval / (cpu - 1)] = min(cpu); }",
];

/// Of the rows that tests use.
#[derive(Clone, Debug)]
struct Drawn {
    kind: Kind,
    call: u64,
    pid: u32,
    comm: &'static [u8],
    ret: i64,
    took: u64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let call = |kind| Just(Kind::Call(kind));
    let kinds = prop_oneof![
        20 => call(CallKind::Call),
        1 => call(CallKind::NoEntry),
        1 => call(CallKind::NoExit),
        1 => call(CallKind::Unfinished),
        1 => Just(Kind::Exit),
        1 => Just(Kind::Signal),
    ];
    let calls = prop_oneof![
        0u64..4,
        Just(257),
        Just(9_999),
        (0u64..4).prop_map(|nr| nr | 1 << 32)
    ];
    let comms = prop_oneof![
        Just(&b"cat"[..]),
        Just(&b"dog"[..]),
        Just(&b"fifteen letters"[..])
    ];
    (kinds, calls, 10u32..13, comms, -3i64..5, 0u64..3).prop_map(
        |(kind, call, pid, comm, ret, took)| Drawn {
            kind,
            call,
            pid,
            comm,
            ret,
            took,
        },
    )
}

#[derive(Debug)]
struct Named;

impl Naming for Named {
    fn name(&mut self, what: Name, id: u64) -> Option<Vec<u8>> {
        (what == Name::User).then(|| format!("user{id}").into_bytes())
    }
}

/// Files that go away with the test.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Files {
        let name = format!("tracer-{}-{name}", std::process::id());
        let at = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&at).expect("a place for files");
        Files(at)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A test that failed has told enough.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A recording of so many rows, drawn again and again; names of users stand in their midst.
fn record(to: &Path, drawn: &[Drawn], rows: usize) {
    let header = Header {
        boot_id: to.display().to_string(),
        host: "here".to_owned(),
        cpus: 4,
        ..Header::default()
    };
    let mut writer =
        Writer::create(to, header, Rotation::default(), Box::new(Named)).expect("a file");
    let mut take = |row: &Row<'_>| writer.row(row).expect("written");
    take(&Row {
        time_ns: 1_000_000,
        ..Row::new(Kind::Start)
    });
    let mut random = 1u64;
    for at in 0..rows {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let one = &drawn[(random >> 33) as usize % drawn.len()];
        let time_ns = 1_000_000 + 700 * at as u64;
        let mut comm = [0; 16];
        comm[..one.comm.len()].copy_from_slice(one.comm);
        take(&Row {
            time_ns,
            entry_ns: if one.took == 0 {
                0
            } else {
                time_ns - 10 * one.took
            },
            cpu: (at % 2) as u32,
            pid: one.pid,
            tid: 90 + one.pid,
            uid: if at > rows / 3 { one.pid } else { 0 },
            comm,
            call: one.call,
            ret: one.ret,
            args: [one.took, 0, 0, 0, 0, 0],
            ..Row::new(one.kind)
        });
    }
    let ending = Ending {
        how: How::Target,
        time_ns: 1_000_000 + 700 * rows as u64,
        lost: 0,
        command: None,
    };
    writer.end(&ending).expect("written");
}

fn question(query: &str, files: &[PathBuf], answer: &Path) -> Question {
    Question {
        script: Script {
            name: "-e".to_owned(),
            text: query.to_owned(),
            params: Vec::new(),
        },
        files: files.to_vec(),
        output: request::Output {
            file: Some(answer.to_owned()),
            format: Format::Jsonl,
            quiet: true,
            ..request::Output::default()
        },
        limits: Limits::default(),
        collector: None,
    }
}

/// The answer, and whether rows may have been fired together.
fn answer(query: &str, files: &[PathBuf], to: &Path) -> (String, bool) {
    let facts = Live::new();
    let asked = question(query, files, to);
    let options = Options::new(None, &asked.limits);
    let (program, _) = compile::check(&asked.script, &options, &facts)
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let headers = headers(files).expect("recordings");
    let together = Needs::of(&program, &headers)
        .expect("it is held")
        .alike
        .is_some();
    run(asked, &facts).expect("an answer");
    let text = std::fs::read_to_string(to).expect("written above");
    // The gate's own `exit` is numbered among the statements that send.
    let unnumbered = (0..4).fold(text, |text, n| text.replace(&format!("\"emit\":{n},"), ""));
    (unnumbered, together)
}

proptest! {
    // A failing case is small and printed; it is kept as a test of its own, not as a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 6, ..ProptestConfig::default() })]

    /// Of one file, and of two whose rows alternate.
    #[test]
    fn rows_that_are_alike_may_be_fired_together(
        first in vec(drawn(), 1..30),
        second in vec(drawn(), 1..200),
        rows in 1usize..3_000,
    ) {
        let place = Files::new("alike");
        let files = [place.at("a.rec"), place.at("b.rec")];
        record(&files[0], &first, rows);
        record(&files[1], &second, rows / 2);
        for query in QUERIES {
            for files in [&files[..1], &files[..]] {
                let gate = "if (cpu == 999) { exit(); }";
                // As long, so that places in the script are the same.
                let open = query.replace("GATE", &" ".repeat(gate.len()));
                let (one, is_together) = answer(&open, files, &place.at("one"));
                let (other, is_still) = answer(&query.replace("GATE", gate), files, &place.at("other"));
                prop_assert!(is_together && !is_still, "{query}");
                prop_assert_eq!(one, other, "{}", query);
            }
        }
    }
}
