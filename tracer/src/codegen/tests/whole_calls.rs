//! Whole calls in records: what the runtime puts together, as user space reads it.
//!
//! Calls of a thread of the test's own, with arguments that the test knows.

use super::equivalence::records;
use super::{OPENAT, loaded, planned, privileged};
use crate::interp::{Effect, Machine, Recorded};
use crate::ir::build::*;
use crate::ir::{
    Builtin, ClauseId, Compare, Emit, EmitArg, EmitId, EmitKind, Expr, Phase, Program, StmtKind,
};
use crate::types::call::{Call, CallKind, PART_SIZE, RECORD_SIZE, When};
use crate::types::{Abi, Type, Value};
use tracer_ebpf::map;

const READ: (Abi, u32) = (Abi::Native, 0);
const GETPPID: (Abi, u32) = (Abi::Native, 110);

/// A line for each of these calls of the thread `name`, with `extras`.
fn lines(calls: &[(Abi, u32)], phase: Phase, name: &str, extras: Vec<Expr>) -> Program {
    let own = compare(Compare::Eq, builtin(Builtin::Comm), text(name, 16));
    let mut values = vec![builtin(Builtin::Call)];
    values.extend(extras);
    let types: Vec<Type> = values.iter().map(|value| value.ty.clone()).collect();
    let plain = |value| EmitArg {
        value,
        present: None,
    };
    let send = stmt(StmtKind::Emit {
        id: EmitId(0),
        args: values.into_iter().map(plain).collect(),
    });
    let mut program = script(
        vec![clause(syscall(calls, phase), Some(own), vec![send])],
        vec![],
    );
    program.emits = vec![Emit {
        kind: EmitKind::Call,
        args: types,
        span: Default::default(),
    }];
    program
}

/// What a program sends while a thread of that name works.
fn sent(program: Program, name: &str, work: fn()) -> Vec<Vec<Value>> {
    sent_from(program, name, work, 0)
}

/// The same, from buffers that hold nothing but one byte before.
fn sent_from(program: Program, name: &str, work: fn(), byte: u8) -> Vec<Vec<Value>> {
    let plan = planned(program);
    let mut loaded = loaded(&plan);
    for buffer in [map::CALL_AREAS, map::CALL_SPILL] {
        loaded.fill(buffer, byte).expect("the map can be written");
    }
    loaded
        .attach_all()
        .expect("raw tracepoints can be attached");
    loaded.open().expect("tracing can be opened");
    let thread = std::thread::Builder::new().name(name.to_owned());
    let thread = thread.spawn(work).expect("a thread");
    thread.join().expect("it ends");
    loaded.close().expect("tracing can be closed");
    let records = records(&mut loaded, &plan).into_iter();
    records.map(|(_, args)| args).collect()
}

fn bytes(args: &[Value]) -> &[u8] {
    match args.first() {
        Some(Value::Call(bytes)) => bytes,
        other => panic!("{other:?} is no call"),
    }
}

#[test]
fn a_call_has_its_registers_result_and_name() {
    if !privileged("a_call_has_its_registers_result_and_name") {
        return;
    }
    let extras = vec![builtin(Builtin::Comm), builtin(Builtin::Tid)];
    let program = lines(&[OPENAT], Phase::Whole, "cg-registers", extras);
    let all = sent(program, "cg-registers", || {
        std::fs::File::open("/no/such/file").expect_err("there is no such file");
    });
    let own = all.iter().find(|args| {
        let call = Call::read(bytes(args)).expect("the bytes of a call");
        call.ret == -2
    });
    let args = own.expect("the thread's open");
    assert_eq!(args[1], Value::Str(b"cg-registers".to_vec()));
    let call = Call::read(bytes(args)).expect("the bytes of a call");
    assert_eq!((call.abi, call.nr), OPENAT);
    assert_eq!(call.kind, CallKind::Call);
    let (cwd, close_on_exec) = (-100, 0x80000);
    assert_eq!((call.args[0] as i32, call.args[2]), (cwd, close_on_exec));
    assert_eq!(call.comm(), b"cg-registers");
    assert!(call.exit_ns > 0);
}

/// Reads 64 KiB.
fn read_64_kib() {
    use std::io::Read;
    let mut zeroes = vec![1; 1 << 16];
    let mut zero = std::fs::File::open("/dev/zero").expect("it is there");
    zero.read_exact(&mut zeroes).expect("it gives everything");
}

#[test]
fn a_path_is_whole_and_a_buffer_as_long_as_asked_for() {
    if !privileged("a_path_is_whole_and_a_buffer_as_long_as_asked_for") {
        return;
    }
    for max_bytes in [32, 5000, 1 << 16] {
        let name = "cg-buffers";
        let mut program = lines(&[OPENAT, READ], Phase::Whole, name, vec![]);
        program.call.max_bytes = max_bytes;
        let all = sent(program, name, read_64_kib);
        let calls: Vec<Call<'_>> = all
            .iter()
            .map(|args| Call::read(bytes(args)).expect("the bytes of a call"))
            .collect();
        let of = |nr: u32| calls.iter().filter(move |call| call.nr == nr);
        let paths: Vec<&[u8]> = of(OPENAT.1)
            .map(|call| call.string(call.args[1], When::Entry).bytes)
            .collect();
        assert_eq!(paths, [b"/dev/zero"]);
        let buffer = |nr, when| {
            let call = of(nr)
                .find(|call| call.ret == 1 << 16)
                .expect("one of 64 KiB");
            call.memory(call.args[1], max_bytes as usize, when)
        };
        assert_eq!(
            buffer(READ.1, When::Exit).bytes,
            vec![0; max_bytes as usize]
        );
    }
}

/// Opens, reads and fails, with buffers of odd lengths.
fn odd_calls() {
    use std::io::Read;
    let mut some = [0; 13];
    let mut file = std::fs::File::open("/proc/version").expect("it is there");
    file.read_exact(&mut some).expect("it is longer");
    std::fs::File::open("/no/such").expect_err("there is no such file");
}

/// What stands in a record's bytes that belong to no text, number or data: it must be 0.
fn spare_bytes(record: &[u8]) -> Vec<u8> {
    let (head, mut parts) = record.split_at(RECORD_SIZE);
    let comm = &head[80..96];
    let name = comm.iter().position(|&b| b == 0).unwrap_or(16);
    let mut spare = comm[name..].to_vec();
    while !parts.is_empty() {
        let (part, rest) = parts.split_at(PART_SIZE);
        spare.extend(&part[19..PART_SIZE]);
        let len = u32::from_ne_bytes(part[12..16].try_into().expect("4 bytes")) as usize;
        let (data, rest) = rest.split_at(len.next_multiple_of(8));
        spare.extend(&data[len..]);
        parts = rest;
    }
    spare
}

#[test]
fn nothing_that_was_not_written_is_sent() {
    if !privileged("nothing_that_was_not_written_is_sent") {
        return;
    }
    for byte in [0xa5, 0x5a] {
        let name = "cg-pattern";
        let extras = vec![builtin(Builtin::Comm)];
        let program = lines(&[OPENAT, READ, GETPPID], Phase::Whole, name, extras);
        let all = sent_from(program, name, odd_calls, byte);
        assert!(all.len() >= 3, "{} records", all.len());
        for args in &all {
            let spare = spare_bytes(bytes(args));
            assert!(!spare.is_empty());
            assert!(spare.iter().all(|&b| b == 0), "{byte:#x}: {spare:x?}");
            let call = Call::read(bytes(args)).expect("the bytes of a call");
            assert!(call.parts().all(|part| part.bytes.len() <= 4096));
            assert_eq!(args[1], Value::Str(name.into()));
        }
    }
}

#[test]
fn a_call_seen_at_its_entry_is_unfinished() {
    if !privileged("a_call_seen_at_its_entry_is_unfinished") {
        return;
    }
    let program = lines(&[GETPPID], Phase::Entry, "cg-entry", vec![]);
    let all = sent(program, "cg-entry", || {
        let _ = std::os::unix::process::parent_id();
    });
    let [args] = &all[..] else {
        panic!("{all:?} is not one record")
    };
    let call = Call::read(bytes(args)).expect("the bytes of a call");
    assert_eq!(
        (call.kind, call.nr, call.exit_ns),
        (CallKind::Unfinished, 110, 0)
    );
}

#[test]
fn the_interpreter_gives_the_recorded_bytes() {
    let program = lines(&[OPENAT], Phase::Whole, "x", vec![]);
    let event = Recorded {
        comm: b"x".to_vec(),
        call: b"bytes".to_vec(),
        ..Recorded::default()
    };
    let outcome = Machine::new(&program).fire(ClauseId(0), &event);
    let args = vec![Value::Call(b"bytes".to_vec())];
    let id = EmitId(0);
    assert_eq!(outcome.effects, [Effect::Emit { id, args }]);
}
