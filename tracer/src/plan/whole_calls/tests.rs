//! Steps of calls whose memory is of every kind.

use super::*;
use tracer_ebpf::{call_op, operand};

fn steps(abi: Abi, name: &str, end: End) -> Vec<CallOp> {
    let number = syscalls::number(abi, name).expect("a call");
    compile(abi, number, CallOptions::default(), end)
}

fn kinds(ops: &[CallOp]) -> Vec<u8> {
    ops.iter().map(|op| op.kind).collect()
}

#[test]
fn a_path_is_read_at_entry() {
    let ops = steps(Abi::Native, "openat", End::Entry);
    assert_eq!(kinds(&ops), [call_op::STRING]);
    assert_eq!((ops[0].arg, ops[0].place.arg), (1, 1));
    assert!(steps(Abi::Native, "openat", End::Exit).is_empty());
}

#[test]
fn scalars_take_no_steps() {
    for call in ["getppid", "close", "exit_group", "lseek"] {
        let ends = [End::Entry, End::Exit];
        assert!(
            ends.iter()
                .all(|end| steps(Abi::Native, call, *end).is_empty()),
            "{call}"
        );
    }
}

#[test]
fn what_is_written_is_read_at_exit_as_long_as_the_result_says() {
    assert!(steps(Abi::Native, "read", End::Entry).is_empty());
    let ops = steps(Abi::Native, "read", End::Exit);
    assert_eq!(kinds(&ops), [call_op::BYTES]);
    assert_eq!((ops[0].size.from, ops[0].max), (operand::RET, 32));
}

/// Steps that are passed over end at or before the end.
#[test]
fn no_step_leads_out_of_its_call() {
    for abi in [Abi::Native, Abi::I386] {
        for (number, name) in syscalls::all(abi) {
            for end in [End::Entry, End::Exit] {
                let ops = compile(abi, number, CallOptions::default(), end);
                for (at, op) in ops.iter().enumerate() {
                    assert!(at + op.skip as usize <= ops.len(), "{name}: {op:?}");
                }
            }
        }
    }
}
