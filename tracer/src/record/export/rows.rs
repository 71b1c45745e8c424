//! The columns of the export.
//!
//! In: [`Row`]s. Out: Arrow batches of plain columns. Never writes a file.

use super::Words;
use super::parts::Parts;
use crate::record::header::Header;
use crate::record::row::{Kind, Name, Row};
use crate::types::Abi;
use crate::types::call::{Call, Part, PartKind, When};
use arrow_array::builder::{
    Int64Builder, StringBuilder, TimestampNanosecondBuilder, UInt16Builder, UInt32Builder,
    UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// Largest error number that a call returns negated.
const MAX_ERRNO: i64 = 4095;
/// Where times are counted from.
const ZONE: &str = "UTC";

/// Rows that wait for being written.
pub(super) struct Rows {
    headers: Vec<Header>,
    names: HashMap<(u16, Name, u64), String>,
    schema: Arc<Schema>,
    len: usize,
    time: TimestampNanosecondBuilder,
    time_ns: UInt64Builder,
    took_ns: UInt64Builder,
    texts: Texts,
    cpu: UInt16Builder,
    pid: UInt32Builder,
    tid: UInt32Builder,
    uid: UInt32Builder,
    gid: UInt32Builder,
    cgroup: UInt64Builder,
    nr: UInt32Builder,
    ret: Int64Builder,
    args: [UInt64Builder; 6],
    strings: [StringBuilder; 6],
    parts: Parts,
    name: String,
}

/// Columns of text.
#[derive(Default)]
struct Texts {
    host: StringBuilder,
    kind: StringBuilder,
    comm: StringBuilder,
    user: StringBuilder,
    cgroup_path: StringBuilder,
    abi: StringBuilder,
    call: StringBuilder,
    error: StringBuilder,
    text: StringBuilder,
}

fn timestamps() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::new().with_timezone(ZONE)
}

impl Rows {
    pub fn new(headers: &[Header]) -> Rows {
        Rows {
            headers: headers.to_vec(),
            names: HashMap::new(),
            schema: Arc::new(schema()),
            len: 0,
            time: timestamps(),
            time_ns: UInt64Builder::new(),
            took_ns: UInt64Builder::new(),
            texts: Texts::default(),
            cpu: UInt16Builder::new(),
            pid: UInt32Builder::new(),
            tid: UInt32Builder::new(),
            uid: UInt32Builder::new(),
            gid: UInt32Builder::new(),
            cgroup: UInt64Builder::new(),
            nr: UInt32Builder::new(),
            ret: Int64Builder::new(),
            args: Default::default(),
            strings: Default::default(),
            parts: Parts::default(),
            name: String::new(),
        }
    }

    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, row: &Row<'_>, words: &dyn Words) {
        self.learn(row);
        self.len += 1;
        let header = self.headers.get(usize::from(row.host));
        let wall = header.map_or(0, |header| header.wall_ns(row.time_ns));
        self.time.append_value(wall);
        self.time_ns.append_value(row.time_ns);
        self.texts
            .host
            .append_value(header.map_or("", |header| &header.host));
        self.texts.kind.append_value(row.kind.name());
        self.cpu.append_value(row.cpu as u16);
        self.pid.append_value(row.pid);
        self.tid.append_value(row.tid);
        self.uid.append_value(row.uid);
        self.gid.append_value(row.gid);
        self.cgroup.append_value(row.cgroup);
        self.texts
            .comm
            .append_value(String::from_utf8_lossy(row.comm()));
        let name = |what, id| self.names.get(&(row.host, what, id)).map(String::as_str);
        self.texts
            .user
            .append_option(name(Name::User, row.uid.into()));
        self.texts
            .cgroup_path
            .append_option(name(Name::Cgroup, row.cgroup));
        match row.call() {
            Some(call) => self.push_call(&call, words),
            None => self.push_other(row),
        }
    }

    /// Ids are named before they are mentioned.
    fn learn(&mut self, row: &Row<'_>) {
        if row.kind != Kind::Name {
            return;
        }
        if let Some(what) = Name::from_wire(row.args[0]) {
            let text = String::from_utf8_lossy(row.image).into_owned();
            self.names.insert((row.host, what, row.args[1]), text);
        }
    }

    fn push_call(&mut self, call: &Call<'_>, words: &dyn Words) {
        self.took_ns.append_option(call.duration_ns());
        self.texts.abi.append_value(match call.abi {
            Abi::Native => "x86_64",
            Abi::I386 => "i386",
        });
        self.nr.append_value(call.nr);
        self.name.clear();
        words.call(call, &mut self.name);
        self.texts.call.append_value(&self.name);
        let returned = call.kind.returned();
        self.ret.append_option(returned.then_some(call.ret));
        let failed = returned && (-MAX_ERRNO..0).contains(&call.ret);
        let error = failed.then(|| words.error(call.ret.unsigned_abs()));
        self.texts.error.append_option(error.flatten());
        for (n, arg) in call.args.into_iter().enumerate() {
            self.args[n].append_value(arg);
            let string = call.string(arg, When::Entry);
            let is_there = string.state.is_readable() && is_string(call, arg);
            let text = is_there.then(|| String::from_utf8_lossy(string.bytes));
            self.strings[n].append_option(text);
        }
        self.texts.text.append_null();
        self.parts.push(call);
    }

    fn push_other(&mut self, row: &Row<'_>) {
        self.took_ns.append_null();
        self.texts.abi.append_null();
        self.nr.append_null();
        self.texts.call.append_null();
        self.ret.append_value(row.ret);
        self.texts.error.append_null();
        for (n, arg) in row.args.into_iter().enumerate() {
            self.args[n].append_value(arg);
            self.strings[n].append_null();
        }
        self.texts
            .text
            .append_value(String::from_utf8_lossy(row.image));
        self.parts.push_none();
    }

    /// The rows as a batch.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.len = 0;
        let texts = &mut self.texts;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.time.finish()),
            Arc::new(texts.host.finish()),
            Arc::new(texts.kind.finish()),
            Arc::new(self.cpu.finish()),
            Arc::new(self.pid.finish()),
            Arc::new(self.tid.finish()),
            Arc::new(texts.comm.finish()),
            Arc::new(self.uid.finish()),
            Arc::new(texts.user.finish()),
            Arc::new(self.gid.finish()),
            Arc::new(self.cgroup.finish()),
            Arc::new(texts.cgroup_path.finish()),
            Arc::new(texts.abi.finish()),
            Arc::new(self.nr.finish()),
            Arc::new(texts.call.finish()),
            Arc::new(self.ret.finish()),
            Arc::new(texts.error.finish()),
            Arc::new(self.time_ns.finish()),
            Arc::new(self.took_ns.finish()),
        ];
        columns.extend(
            self.args
                .iter_mut()
                .map(|a| Arc::new(a.finish()) as ArrayRef),
        );
        columns.extend(
            self.strings
                .iter_mut()
                .map(|s| Arc::new(s.finish()) as ArrayRef),
        );
        columns.push(Arc::new(texts.text.finish()));
        columns.push(Arc::new(self.parts.finish()));
        RecordBatch::try_new(self.schema(), columns)
    }
}

/// The argument was captured as a string, not as bytes in which a string may stand.
fn is_string(call: &Call<'_>, arg: u64) -> bool {
    let is_meant = |part: Part<'_>| {
        let kinds = [PartKind::EntryString, PartKind::ExitString];
        part.addr == arg && kinds.contains(&part.kind)
    };
    arg != 0 && call.parts().any(is_meant)
}

fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(ZONE.into()));
    let always = [
        ("time", time),
        ("host", DataType::Utf8),
        ("kind", DataType::Utf8),
        ("cpu", DataType::UInt16),
        ("pid", DataType::UInt32),
        ("tid", DataType::UInt32),
        ("comm", DataType::Utf8),
        ("uid", DataType::UInt32),
    ];
    let mut fields: Vec<Field> = Vec::new();
    fields.extend(always.map(|(name, ty)| Field::new(name, ty, false)));
    fields.push(Field::new("user", DataType::Utf8, true));
    fields.push(Field::new("gid", DataType::UInt32, false));
    fields.push(Field::new("cgroup", DataType::UInt64, false));
    let of_calls = [
        ("cgroup_path", DataType::Utf8),
        ("abi", DataType::Utf8),
        ("nr", DataType::UInt32),
        ("call", DataType::Utf8),
        ("ret", DataType::Int64),
        ("error", DataType::Utf8),
    ];
    fields.extend(of_calls.map(|(name, ty)| Field::new(name, ty, true)));
    fields.push(Field::new("time_ns", DataType::UInt64, false));
    fields.push(Field::new("duration_ns", DataType::UInt64, true));
    fields.extend((0..6).map(|n| Field::new(format!("arg{n}"), DataType::UInt64, false)));
    fields.extend((0..6).map(|n| Field::new(format!("str{n}"), DataType::Utf8, true)));
    fields.push(Field::new("text", DataType::Utf8, true));
    fields.push(Field::new("parts", Parts::ty(), true));
    Schema::new(fields)
}
