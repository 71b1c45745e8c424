//! A live run as a recording: its records as rows.
//!
//! In: records of the script that [`crate::trace::text`] makes for recording, and the machine. Out: [`Row`]s to a [`Sink`]. Records
//! of a query that is answered meanwhile are left alone. Never decodes a call.

pub mod machine;

use crate::ir::{Emit, EmitKind, Lifecycle};
use crate::print::Loss;
use crate::record::{Kind, Row, Sink};
use crate::types::call::Call;
use crate::types::{Abi, Value};
use tracer_ebpf::RecordHeader;

/// What is to become of rows.
#[derive(Debug)]
pub struct Recording {
    /// Who takes them.
    pub sink: Box<dyn Sink>,
    /// Where the script that records begins in the run's script: before it stands a query that is answered meanwhile.
    pub from: usize,
}

impl Recording {
    /// Whether a statement is one of the script that records.
    pub fn is_meant(&self, emit: &Emit) -> bool {
        emit.span.start as usize >= self.from
    }
}

/// Room for what a row borrows.
#[derive(Debug, Default)]
pub struct Scratch {
    stack: Vec<u8>,
}

/// The row of a record; `None` when it is not one of the script that records.
pub fn row<'a>(
    emit: &Emit,
    header: &RecordHeader,
    values: &'a [Value],
    scratch: &'a mut Scratch,
) -> Option<Row<'a>> {
    let row = match &emit.kind {
        EmitKind::Call => call(values, scratch)?,
        EmitKind::Lifecycle(Lifecycle::Exit) => exit(values),
        EmitKind::Lifecycle(Lifecycle::Signal) => signal(values),
        _ => return None,
    };
    Some(Row {
        time_ns: match row.time_ns {
            0 => header.time_ns,
            end => end,
        },
        cpu: header.cpu,
        pid: (header.pid_tgid >> 32) as u32,
        tid: header.pid_tgid as u32,
        ..row
    })
}

fn call<'a>(values: &'a [Value], scratch: &'a mut Scratch) -> Option<Row<'a>> {
    let (Value::Call(bytes), rest) = values.split_first()? else {
        return None;
    };
    let call = Call::read(bytes)?;
    let word = |at: usize| rest.get(at).map_or(0, Value::bits);
    scratch.stack.clear();
    if let Some(Value::Stack(_, frames)) = rest.get(3) {
        let frames = frames.iter().flat_map(|frame| frame.to_le_bytes());
        scratch.stack.extend(frames);
    }
    let abi: u64 = match call.abi {
        Abi::Native => 0,
        Abi::I386 => 1,
    };
    Some(Row {
        time_ns: call.exit_ns,
        entry_ns: call.entry_ns,
        uid: word(0) as u32,
        gid: word(1) as u32,
        cgroup: word(2),
        comm: call.comm,
        call: abi << 32 | u64::from(call.nr),
        ret: call.ret,
        args: call.args,
        image: call.image(),
        stack: &scratch.stack,
        ..Row::new(Kind::Call(call.kind))
    })
}

/// Wait status; name of the thread.
fn exit(values: &[Value]) -> Row<'_> {
    Row {
        ret: values.first().map_or(0, Value::bits) as i64,
        comm: name(values.last()),
        ..Row::new(Kind::Exit)
    }
}

/// Number, code, error number, process, user, status, times, address; name of the thread.
fn signal(values: &[Value]) -> Row<'_> {
    let word = |at: usize| values.get(at).map_or(0, Value::bits);
    Row {
        ret: word(5) as i64,
        args: [word(0), word(1), word(2), word(3), word(4), word(8)],
        comm: name(values.last()),
        ..Row::new(Kind::Signal)
    }
}

fn name(value: Option<&Value>) -> [u8; 16] {
    let mut name = [0; 16];
    if let Some(Value::Str(text)) = value {
        let len = text.len().min(name.len());
        name[..len].copy_from_slice(&text[..len]);
    }
    name
}

/// A loss as a row.
pub fn loss(loss: &Loss, time_ns: u64) -> Row<'_> {
    Row {
        time_ns,
        cpu: loss.cpu.unwrap_or(u32::MAX),
        ret: loss.count as i64,
        image: loss.reason.as_bytes(),
        ..Row::new(Kind::Loss)
    }
}
