//! What the printers print, as whole lines. The text and JSON layouts were taken from bpftrace itself: those of maps
//! and histograms from its output for the same values.

use super::*;
use crate::agg::{Cell, Operand};
use crate::diag::Span;
use crate::ir::{FormatPart, Map, MapValue, SiteKind};
use crate::symbols::Symbol;
use crate::types::{AggKind, Gathered, HistShape, Lazy, Series, Space, Stack, StackMode, Wide};
use proptest::prelude::*;

/// Knows nothing but one symbol, one probe and one function.
pub struct NoNames;

impl Names for NoNames {
    fn symbol(&self, address: u64, out: &mut Vec<u8>) -> Option<u64> {
        let offset = address.checked_sub(0x1000).filter(|o| *o < 0x100)?;
        out.extend_from_slice(b"vfs_read");
        Some(offset)
    }
    fn user_symbol(&self, process: u32, address: u64) -> Option<Place> {
        let offset = address.checked_sub(0x2000).filter(|_| process == 7)?;
        let symbol = (offset < 0x100).then(|| Symbol {
            name: "main".to_owned(),
            offset,
        });
        let file = "/bin/a".to_owned();
        Some(Place { file, symbol })
    }
    fn probe(&self, index: u64) -> Option<&str> {
        (index == 0).then_some("BEGIN")
    }
    fn func(&self, index: u64) -> Option<&str> {
        (index == 0).then_some("vfs_read")
    }
}

fn table(name: &str, key: &[Type], value: MapValue, rows: Vec<(Vec<Value>, Cell)>) -> Table {
    let map = Map {
        name: name.to_owned(),
        key: key.to_vec(),
        value,
        room: None,
        span: Span::default(),
    };
    Table::new(&map, rows)
}

/// A table of an aggregation, with the values that were given to each key.
fn gathered(name: &str, key: &[Type], kind: AggKind, rows: &[(&[Value], &[i64])]) -> Table {
    let value = MapValue::Agg(kind);
    let rows = rows.iter().map(|(key, values)| {
        let mut cell = Cell::new(&value);
        values.iter().for_each(|x| cell.update(*x as u64));
        (key.to_vec(), cell)
    });
    let rows = rows.collect();
    table(name, key, value, rows)
}

fn printed(
    format: Format,
    print: impl FnOnce(&mut dyn Printer, &mut dyn Write) -> io::Result<()>,
) -> String {
    let mut out = Vec::new();
    print(&mut *printer(format, false), &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn map(format: Format, t: &Table) -> String {
    printed(format, |p, out| p.map(out, &NoNames, t, None, None))
}

fn text(s: &str) -> Value {
    Value::Str(s.as_bytes().to_vec())
}

const COMM_U64: &[Type] = &[Type::COMM, Type::U64];

fn counts() -> Table {
    let (a, b) = ([text("a"), Value::Uint(1)], [text("b"), Value::Uint(1)]);
    gathered("c", COMM_U64, AggKind::Count, &[(&b, &[0, 0]), (&a, &[0])])
}

#[test]
fn maps_of_numbers() {
    let t = counts();
    assert_eq!(map(Format::Text, &t), "@c[a, 1]: 1\n@c[b, 1]: 2\n");
    assert_eq!(
        map(Format::Json, &t),
        "{\"type\": \"map\", \"data\": {\"@c\": {\"a,1\": 1, \"b,1\": 2}}}\n"
    );
    assert_eq!(
        map(Format::Jsonl, &t),
        "{\"v\":1,\"type\":\"map\",\"name\":\"c\",\"kind\":\"count\",\"rows\":[\
         {\"key\":[\"a\",1],\"value\":1},{\"key\":[\"b\",1],\"value\":2}]}\n"
    );
}

#[test]
fn maps_without_key() {
    let avg = gathered("a", &[], AggKind::Avg { signed: true }, &[(&[], &[2, 5])]);
    assert_eq!(map(Format::Text, &avg), "@a: 3\n");
    assert_eq!(
        map(Format::Json, &avg),
        "{\"type\": \"stats\", \"data\": {\"@a\": 3}}\n"
    );
    let min = gathered("", &[], AggKind::Min { signed: true }, &[(&[], &[7, -4])]);
    assert_eq!(map(Format::Text, &min), "@: -4\n");
    let ty = Type::Tuple(vec![Type::I64, Type::COMM]);
    let value = Cell::Plain(Value::Tuple(vec![Value::Int(1), text("a")]));
    let tuple = table("t", &[], MapValue::Plain(ty), vec![(vec![], value)]);
    assert_eq!(map(Format::Text, &tuple), "@t: (1, a)\n");
    assert_eq!(
        map(Format::Json, &tuple),
        "{\"type\": \"map\", \"data\": {\"@t\": [1,\"a\"]}}\n"
    );
}

/// Text and JSON are what bpftrace 0.17 prints of `stats(5)`, `stats(8)` and of these keys.
#[test]
fn stats_are_three_numbers() {
    let kind = AggKind::Stats { signed: true };
    let one = gathered("a", &[], kind, &[(&[], &[5, 8])]);
    assert_eq!(
        map(Format::Text, &one),
        "@a: count 2, average 6, total 13\n"
    );
    let keys = [1, 2].map(Value::Int);
    let rows: [(&[Value], &[i64]); 2] = [(&keys[..1], &[100]), (&keys[1..], &[-3, 7])];
    let two = gathered("b", &[Type::I64], kind, &rows);
    assert_eq!(
        map(Format::Text, &two),
        "@b[2]: count 2, average 2, total 4\n@b[1]: count 1, average 100, total 100\n"
    );
    assert_eq!(
        map(Format::Json, &two),
        "{\"type\": \"stats\", \"data\": {\"@b\": {\"2\": {\"count\": 2, \"average\": 2, \"total\": 4}, \
         \"1\": {\"count\": 1, \"average\": 100, \"total\": 100}}}}\n"
    );
    assert_eq!(
        map(Format::Jsonl, &one),
        "{\"v\":1,\"type\":\"map\",\"name\":\"a\",\"kind\":\"stats\",\"rows\":[\
         {\"key\":[],\"value\":{\"count\":2,\"average\":6,\"total\":13}}]}\n"
    );
    let halves = |f| printed(f, |p, out| p.map(out, &NoNames, &two, Some(1), Some(2)));
    assert_eq!(
        halves(Format::Text),
        "@b[1]: count 1, average 50, total 50\n"
    );
}

#[test]
fn top_and_div() {
    let rows: Vec<(Vec<Value>, Vec<i64>)> = [("a", 10), ("b", 20), ("c", 30)]
        .map(|(k, v)| (vec![text(k)], vec![v]))
        .to_vec();
    let rows: Vec<(&[Value], &[i64])> = rows.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    let t = gathered("", &[Type::COMM], AggKind::Avg { signed: true }, &rows);
    let print = |f| printed(f, |p, out| p.map(out, &NoNames, &t, Some(2), Some(10)));
    assert_eq!(print(Format::Text), "@[b]: 2\n@[c]: 3\n");
    assert_eq!(
        print(Format::Json),
        "{\"type\": \"stats\", \"data\": {\"@\": {\"b\": 2, \"c\": 3}}}\n"
    );
}

#[test]
fn histograms() {
    let shape = HistShape::Log2 {
        signed: true,
        bits: 0,
    };
    let t = gathered(
        "",
        &[],
        AggKind::Hist(shape),
        &[(&[], &[-4, 0, 1, 3, 3, 5])],
    );
    let half = format!("{}{}", "@".repeat(26), " ".repeat(26));
    let full = "@".repeat(52);
    assert_eq!(
        map(Format::Text, &t),
        format!(
            "@:\n(..., 0)               1 |{half}|\n[0]                    1 |{half}|\n\
             [1]                    1 |{half}|\n[2, 4)                 2 |{full}|\n\
             [4, 8)                 1 |{half}|\n\n"
        )
    );
    assert_eq!(
        map(Format::Json, &t),
        "{\"type\": \"hist\", \"data\": {\"@\": [{\"max\": -1, \"count\": 1},\
         {\"min\": 0, \"max\": 0, \"count\": 1},{\"min\": 1, \"max\": 1, \"count\": 1},\
         {\"min\": 2, \"max\": 3, \"count\": 2},{\"min\": 4, \"max\": 7, \"count\": 1}]}}\n"
    );
}

#[test]
fn histograms_by_key() {
    let shape = HistShape::Linear {
        min: 0,
        max: 20,
        step: 10,
    };
    let (one, two) = ([Value::Uint(1)], [Value::Uint(2)]);
    let t = gathered(
        "h",
        &[Type::U64],
        AggKind::Hist(shape),
        &[(&one, &[5, 5]), (&two, &[99])],
    );
    let full = "@".repeat(52);
    assert_eq!(
        map(Format::Text, &t),
        format!(
            "@h[2]:\n[20, ...)              1 |{full}|\n\n@h[1]:\n[0, 10)                2 |{full}|\n\n"
        )
    );
    assert_eq!(
        map(Format::Jsonl, &t),
        "{\"v\":1,\"type\":\"map\",\"name\":\"h\",\"kind\":\"lhist\",\"rows\":[\
         {\"key\":[2],\"value\":[{\"count\":1,\"low\":20}]},\
         {\"key\":[1],\"value\":[{\"count\":2,\"low\":0,\"high\":10}]}]}\n"
    );
}

#[test]
fn stacks_stand_on_lines_of_their_own() {
    let key = [Value::Stack(Stack::kernel(2), vec![0x1005, 0x99])];
    let t = gathered(
        "",
        &[Type::Stack(Stack::kernel(2))],
        AggKind::Count,
        &[(&key, &[0])],
    );
    assert_eq!(
        map(Format::Text, &t),
        "@[\n    vfs_read+5\n    0x99\n]: 1\n"
    );
    assert!(map(Format::Jsonl, &t).contains("\"key\":[[\"vfs_read+5\",\"0x99\"]]"));
}

#[test]
fn user_stacks_print_in_three_modes() {
    let print = |mode, words: &[u64]| {
        let stack = Stack {
            space: Space::User,
            depth: 3,
            mode,
        };
        let mut out = Vec::new();
        let value = Value::Stack(stack, words.to_vec());
        value::write(&mut out, &NoNames, None, &value, value::Bytes::Raw);
        String::from_utf8(out).expect("text")
    };
    let words = [7, 0x2005, 0x2100, 0x10];
    assert_eq!(
        print(StackMode::Bpftrace, &words),
        "\n        main+5\n        0x2100\n        0x10\n"
    );
    assert_eq!(
        print(StackMode::Perf, &words),
        "\n\t2005 main+5 (/bin/a)\n\t2100 0x2100 (/bin/a)\n\t10 0x10 ([unknown])\n"
    );
    assert_eq!(print(StackMode::Raw, &words), "\n2005\n2100\n10\n");
    assert_eq!(print(StackMode::Raw, &[7]), "\n");
    let symbol = |process, address| {
        let mut out = Vec::new();
        value::wide(&mut out, &NoNames, Wide::Usym, &[process, address]);
        String::from_utf8(out).expect("text")
    };
    assert_eq!(symbol(7, 0x2005), "main");
    assert_eq!(symbol(8, 0x2005), "0x2005");
}

#[test]
fn names_pointers_and_large_numbers() {
    let pointer = Type::Ptr {
        to: crate::types::Pointee::Unknown,
        space: crate::types::Space::Kernel,
    };
    let key = [Value::Uint(0x10), Value::Lazy(Lazy::Errno, 2)];
    let kind = AggKind::Sum { signed: false };
    let t = gathered(
        "",
        &[pointer, Type::Lazy(Lazy::Errno)],
        kind,
        &[(&key, &[-1])],
    );
    assert_eq!(
        map(Format::Text, &t),
        "@[0x10, ENOENT]: 18446744073709551615\n"
    );
    assert_eq!(
        map(Format::Json, &t),
        "{\"type\": \"map\", \"data\": {\"@\": {\"0x10,ENOENT\": \"18446744073709551615\"}}}\n"
    );
    let kind = AggKind::Sum { signed: true };
    let fits = gathered("", &[], kind, &[(&[], &[i64::MIN])]);
    assert!(map(Format::Json, &fits).contains(": -9223372036854775808}"));
}

#[test]
fn empty_maps_print_nothing_in_text() {
    let t = gathered("x", COMM_U64, AggKind::Count, &[]);
    assert_eq!(map(Format::Text, &t), "");
    assert_eq!(
        map(Format::Json, &t),
        "{\"type\": \"map\", \"data\": {\"@x\": {}}}\n"
    );
}

#[test]
fn records() {
    let format = ir::Format {
        parts: vec![
            FormatPart::Text(b"<".to_vec()),
            FormatPart::Conv(ir::Conversion {
                left: false,
                zero: false,
                plus: false,
                space: false,
                alt: false,
                width: None,
                precision: None,
                conv: b's',
            }),
            FormatPart::Text(b">\n".to_vec()),
        ],
    };
    let args = [Value::Str(b"a\x1b\xff".to_vec())];
    let origin = Origin {
        time_ns: 5,
        cpu: 1,
        pid: 2,
        tid: 3,
        probe: SyscallProbe::Whole.bits() | 257,
        emit: 4,
    };
    let print = |f, terminal| {
        let mut out = Vec::new();
        let mut p = printer(f, terminal);
        p.printf(&mut out, &NoNames, &origin, &format, &args)
            .expect("memory");
        out
    };
    assert_eq!(print(Format::Text, false), b"<a\x1b\xff>\n");
    assert_eq!(print(Format::Text, true), b"<a\\x1b\\xff>\n");
    let json = "{\"type\": \"printf\", \"data\": \"<a\\u001b\u{fffd}>\\n\"}\n";
    assert_eq!(print(Format::Json, true), json.as_bytes());
    let jsonl = "{\"v\":1,\"type\":\"printf\",\"time_ns\":5,\"cpu\":1,\"pid\":2,\"tid\":3,\"emit\":4,\
                 \"probe\":\"syscall:openat\",\"fields\":[{\"bytes\":\"611bff\"}]}\n";
    assert_eq!(print(Format::Jsonl, true), jsonl.as_bytes());
}

#[test]
fn notes() {
    let loss = Loss {
        count: 3,
        reason: "the ring was full".to_owned(),
        cpu: Some(1),
        between_ns: Some((10, 20)),
    };
    let error = RuntimeError {
        kind: SiteKind::DivideByZero,
        count: 2,
        file: "a.bt".to_owned(),
        line: 3,
        column: 4,
    };
    let all = |f| {
        printed(f, |p, out| {
            p.attached(out, 1)?;
            p.time(out, &Origin::default(), "12:00:00\n")?;
            p.value(
                out,
                &NoNames,
                &Origin::default(),
                &Type::U64,
                &Value::Uint(5),
            )?;
            p.lost(out, &loss)?;
            p.error(out, &error)?;
            p.end(out)
        })
    };
    assert_eq!(
        all(Format::Text),
        "Attached 1 probe\n12:00:00\n5\nLost 3 events: the ring was full (CPU 1)\n\
         a.bt:3:4: WARNING: division by zero: the result was 0, 2 times\n\n\n"
    );
    assert_eq!(
        all(Format::Json),
        "{\"type\": \"attached_probes\", \"count\": 1, \"data\": {\"probes\": 1}}\n\
         {\"type\": \"time\", \"data\": \"12:00:00\\n\"}\n{\"type\": \"value\", \"data\": 5}\n\
         {\"type\": \"lost_events\", \"count\": 3, \"data\": {\"events\": 3}}\n\
         {\"type\": \"runtime_error\", \"msg\": \"division by zero: the result was 0\", \"filename\": \"a.bt\", \
         \"line\": 3, \"col\": 4}\n"
    );
    for format in [Format::Json, Format::Jsonl] {
        for line in all(format).lines() {
            assert!(
                serde_json::from_str::<serde_json::Value>(line).is_ok(),
                "{line}"
            );
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Absent),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Uint),
        any::<Vec<u8>>().prop_map(Value::Str),
        any::<String>().prop_map(|s| Value::Str(s.into_bytes())),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(Value::Tuple)
    })
}

/// The value that a reader of the JSON lines gets back.
fn read_back(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Absent,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_u64() {
            Some(n) => Value::Uint(n),
            None => Value::Int(n.as_i64().expect("64 bits")),
        },
        Json::String(s) => Value::Str(s.as_bytes().to_vec()),
        Json::Array(parts) => Value::Tuple(parts.iter().map(read_back).collect()),
        Json::Object(_) => {
            let hex = json["bytes"].as_str().expect("bytes");
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            Value::Str((0..hex.len()).step_by(2).map(byte).collect())
        }
    }
}

/// JSON does not tell a signed number from an unsigned one.
fn without_sign(value: &Value) -> Value {
    match value {
        Value::Int(n) => u64::try_from(*n).map_or(Value::Int(*n), Value::Uint),
        Value::Tuple(parts) => Value::Tuple(parts.iter().map(without_sign).collect()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn fields_of_json_lines_lose_nothing(args in proptest::collection::vec(values(), 0..4)) {
        let format = ir::Format::default();
        let line = printed(Format::Jsonl, |p, out| {
            p.printf(out, &NoNames, &Origin::default(), &format, &args)
        });
        let object: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let Value::Tuple(back) = read_back(&object["fields"]) else { panic!("no array") };
        let args: Vec<Value> = args.iter().map(without_sign).collect();
        prop_assert_eq!(back, args);
    }

    #[test]
    fn every_format_prints_any_value(value in values(), key in values()) {
        let t = table("x", &[Type::U64], MapValue::Plain(Type::U64), vec![(vec![key], Cell::Plain(value))]);
        for format in [Format::Json, Format::Jsonl] {
            let line = map(format, &t);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{}", line);
        }
        let mut out = Vec::new();
        printer(Format::Text, true).map(&mut out, &NoNames, &t, None, None).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        prop_assert!(!text.trim_end_matches('\n').chars().any(char::is_control));
    }
}

/// Layout and numbers are those of the example in bpftrace's reference: values from -5 to 5, a tenth of a second each.
#[test]
fn series_are_graphs() {
    let series = Series {
        interval_ns: 100_000_000,
        intervals: 4,
        of: Gathered::Last,
        signed: true,
    };
    let value = MapValue::Agg(AggKind::Series(series));
    let mut cell = Cell::new(&value);
    for (x, tenths) in [(-5i64, 2), (-4, 3), (5, 5)] {
        let operand = Operand {
            x: x as u64,
            time_ns: tenths * 100_000_000 + 5,
        };
        cell.update_times(operand, 1);
    }
    let one = table("", &[], value, vec![(vec![], cell)]);
    let text = "\
@:
             -5                                                  5
hh:mm:ss.ms  |___________________________________________________|
.200         *                         .                         | -5
.300         |    *                    .                         | -4
.400         |                         .                         | -
.500         |                         .                         * 5
             v___________________________________________________v
             -5                                                  5

";
    assert_eq!(map(Format::Text, &one), text);
    assert_eq!(
        map(Format::Jsonl, &one),
        "{\"v\":1,\"type\":\"map\",\"name\":\"\",\"kind\":\"tseries\",\"rows\":[{\"key\":[],\"value\":[\
         {\"start_ns\":200000000,\"value\":-5},{\"start_ns\":300000000,\"value\":-4},\
         {\"start_ns\":400000000,\"value\":null},{\"start_ns\":500000000,\"value\":5}]}]}\n"
    );
    assert_eq!(
        map(Format::Json, &one),
        "{\"type\": \"tseries\", \"data\": {\"@\": [{\"interval_start\": \".200000000\", \"value\": -5},\
         {\"interval_start\": \".300000000\", \"value\": -4},{\"interval_start\": \".400000000\", \"value\": null},\
         {\"interval_start\": \".500000000\", \"value\": 5}]}}\n"
    );
}
