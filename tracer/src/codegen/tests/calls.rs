//! System-call clauses against the interpreter: arbitrary programs on calls that a thread of the test's own makes, with
//! everything that is taken at entry for the exit.
//!
//! The calls ignore their arguments, so these can be any words; one succeeds, one fails. Memory behind an argument is
//! there or is nowhere: what cannot be read at entry is read again at exit, and counted as the interpreter counts it.

use super::{loaded, privileged};
use crate::fuzz::run::{self, Memory};
use crate::interp::{Machine, Recorded};
use crate::ir::build::*;
use crate::ir::{
    Builtin, ClauseId, Compare, EmitArg, EmitId, Phase, Program, Stmt, StmtKind, arbitrary,
};
use crate::plan::{self, Plan};
use crate::sys::calls::Deaf;
use crate::types::{Abi, Lazy, Space, Type, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// The name of the thread that makes the calls: no other run of this test has one of that name.
fn thread_name() -> String {
    format!("cg-{}", std::process::id())
}

/// One call: which, four arguments, and whether the buffer's address leads anywhere.
type Call = (Deaf, [u64; 4], bool);

/// An arbitrary clause on both calls, of this test's thread, that also sends what only system calls have.
fn program(tape: &[u32]) -> Program {
    let both = [Deaf::Getppid, Deaf::AfsSyscall].map(|call| (Abi::Native, call.number()));
    let mut program = arbitrary::program_on(tape, syscall(&both, Phase::Whole));
    let own = compare(
        Compare::Eq,
        builtin(Builtin::Comm),
        text(&thread_name(), 16),
    );
    let clause = &mut program.clauses[0];
    clause.predicate = Some(match clause.predicate.take() {
        Some(predicate) => and(own, predicate),
        None => own,
    });
    let id = EmitId(program.emits.len() as u32);
    clause.body.insert(0, facts_of_call(id));
    program.emits.push(printf(vec![
        Type::I64,
        Type::Lazy(Lazy::Errno),
        Type::Lazy(Lazy::SyscallName),
        Type::Lazy(Lazy::Abi),
        Type::Bool,
    ]));
    program
}

fn facts_of_call(id: EmitId) -> Stmt {
    let plain = |b| EmitArg {
        value: builtin(b),
        present: None,
    };
    let took_time = compare(Compare::Gt, builtin(Builtin::Duration), uint(0));
    stmt(StmtKind::Emit {
        id,
        args: vec![
            plain(Builtin::Retval),
            plain(Builtin::Errno),
            plain(Builtin::SyscallName),
            plain(Builtin::SyscallAbi),
            EmitArg {
                value: took_time,
                present: Some(builtin(Builtin::EntrySeen)),
            },
        ],
    })
}

/// The six arguments of a call.
fn arguments(call: &Call, buffer: &[u8]) -> [u64; 6] {
    let (_, words, is_there) = call;
    let address = if *is_there {
        buffer.as_ptr() as u64
    } else {
        16
    };
    [words[0], words[1], words[2], words[3], address, 8]
}

/// Makes the calls in a thread of that name; their results, errors negative.
fn make(calls: &[Call], buffer: &[u8]) -> Vec<i64> {
    let work = || {
        let result = |call: &Call| call.0.make(arguments(call, buffer));
        calls.iter().map(result).collect()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(thread_name());
        let thread = thread.spawn_scoped(scope, work).expect("a thread");
        thread.join().expect("it ends")
    })
}

/// The call as the interpreter sees it.
fn event(call: &Call, result: i64, buffer: &[u8]) -> Recorded {
    let mut event = Recorded {
        comm: thread_name().into(),
        kstack: vec![1],
        words: run::task(),
        ..Recorded::default()
    };
    for (n, word) in arguments(call, buffer).into_iter().enumerate() {
        event = event.with(Builtin::Arg(n as u8), word);
    }
    event
        .with(Builtin::Retval, result as u64)
        .with(Builtin::SyscallNr, u64::from(call.0.number()))
        .with(Builtin::SyscallAbi, Abi::Native as u64)
        .with(Builtin::EntrySeen, 1)
        .with(Builtin::Duration, 1)
        .with_memory(Space::User, buffer.as_ptr() as u64, buffer)
}

fn same_calls(plan: &Plan, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut loaded = loaded(plan);
    loaded
        .attach_all()
        .expect("raw tracepoints can be attached");
    loaded.open().expect("tracing can be opened");
    let Memory(buffer) = Memory::new();
    let results = make(calls, &buffer);
    loaded.close().expect("tracing can be closed");
    let mut machine = Machine::new(&plan.ir);
    let mut expected: Vec<(EmitId, Vec<Value>)> = Vec::new();
    for (call, result) in calls.iter().zip(results) {
        let outcome = machine.fire(ClauseId(0), &event(call, result, &buffer));
        let ends = outcome.exit_code().is_some();
        for effect in outcome.effects {
            expected.extend(run::record_of(plan, effect).map_err(TestCaseError::fail)?);
        }
        if ends {
            break;
        }
    }
    run::agree(&mut loaded, plan, &machine, &expected).map_err(TestCaseError::fail)
}

fn call() -> impl Strategy<Value = Call> {
    let word = || any::<u64>().prop_map(arbitrary::word);
    let which = prop_oneof![Just(Deaf::Getppid), Just(Deaf::AfsSyscall)];
    (which, [word(), word(), word(), word()], any::<bool>())
}

proptest! {
    // Attaching and detaching take milliseconds.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn calls_mean_the_same_to_kernel_and_interpreter(
        tape in vec(any::<u32>(), 0..300),
        calls in vec(call(), 1..5),
    ) {
        if privileged("calls_mean_the_same_to_kernel_and_interpreter") {
            let facts = crate::kernel::Live::new();
            // More memory behind arguments than an entry can keep is refused.
            if let Ok(plan) = plan::plan(program(&tape), &facts, &plan::Options::default()) {
                same_calls(&plan, &calls)?;
            }
        }
    }
}
