//! Generated code against the interpreter: arbitrary programs, run by the kernel on chosen events, must leave the
//! same maps, count the same errors and send the same records.
//!
//! The kernel runs them through `BPF_PROG_TEST_RUN`; verified, linked with the runtime, reading this process's memory.

use super::{generated, loaded_with, planned, privileged};
use crate::agg::Cell;
use crate::codegen::regalloc::Resources;
use crate::interp::{Effect, Event, Machine, Recorded};
use crate::ir::build::*;
use crate::ir::{
    Builtin, ClauseId, EmitId, ExprKind, MapId, MapValue, Probe, Program, SiteId, arbitrary,
};
use crate::load::Loaded;
use crate::plan::Plan;
use crate::stream::{decode, merge};
use crate::types::{Space, Type, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tracer_ebpf::{RecordHeader, loss};

/// Two registers; everything else is spilled to the stack, while it lasts.
const STACK: Resources = Resources {
    caller_saved: &[5, 4],
    callee_saved: &[],
    ..Resources::ALL
};

/// Hardly any stack either: numbers go to the scratch frame.
const FRAME: Resources = Resources {
    caller_saved: &[3, 2],
    callee_saved: &[],
    stack_bytes: 216,
    // Whatever is longer goes in hops.
    reach: 2000,
};

/// Memory that programs read: what [`arbitrary`] expects behind its buffer argument.
pub(super) fn buffer() -> Vec<u8> {
    let mut bytes = b"ab\0abc\0\xff\x80a longer text, cut in most places\0".to_vec();
    let size = arbitrary::BUFFER_BYTES as usize + arbitrary::STR_BYTES as usize;
    bytes.resize(size, 0);
    bytes
}

/// The firing as the kernel sees it, and as the interpreter does.
fn event(words: &[u64], buffer: &[u8]) -> ([u64; 12], Recorded) {
    let mut context = [0; 12];
    context[..words.len()].copy_from_slice(words);
    context[arbitrary::BUFFER_ARG as usize] = buffer.as_ptr() as u64;
    context[arbitrary::FAULT_ARG as usize] = 8;
    let mut event = Recorded {
        comm: comm(),
        ..Recorded::default()
    };
    for n in 0..arbitrary::ARGS {
        event = event.with(Builtin::Arg(n), context[n as usize]);
    }
    let address = buffer.as_ptr() as u64;
    (context, event.with_memory(Space::User, address, buffer))
}

/// The name of this thread, as the kernel keeps it.
fn comm() -> Vec<u8> {
    let mut name = std::fs::read("/proc/thread-self/comm").expect("a thread can read its name");
    name.pop();
    name
}

/// Keys and merged values of a script's map, as bytes. The entry of a map without key is always there in the kernel;
/// untouched it is all 0.
pub(super) fn kernel_map(
    loaded: &Loaded,
    program: &Program,
    map: MapId,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let value = &program.maps[map.0 as usize].value;
    let table = loaded.read_map(map, 0).expect("the map can be read");
    let mut out = BTreeMap::new();
    for (key, copies) in table.entries() {
        let mut cell: Option<Cell> = None;
        for bytes in copies {
            let copy = Cell::read(value, bytes).expect("a value of its size");
            match &mut cell {
                Some(cell) => cell.merge(&copy),
                None => cell = Some(copy),
            }
        }
        let mut bytes = Vec::new();
        let cell = cell.expect("there is at least one CPU");
        cell.write(value, &mut bytes);
        if !key.is_empty() || bytes.iter().any(|b| *b != 0) {
            out.insert(key.to_vec(), bytes);
        }
    }
    out
}

fn interpreted_map(machine: &Machine<'_>, map: MapId) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut out = machine.map(map).bytes();
    out.retain(|key, value| !key.is_empty() || value.iter().any(|b| *b != 0));
    out
}

/// All records so far, in order of time.
pub(super) fn records(loaded: &mut Loaded, plan: &Plan) -> Vec<(EmitId, Vec<Value>)> {
    let mut found = Vec::new();
    for mut pair in loaded.take_rings() {
        for ring in [&mut pair.main, &mut pair.control] {
            while let Some(record) = ring.next() {
                let header = merge::header(&record).expect("a whole header");
                let id = EmitId(header.emit);
                let layout = &plan.records[id.0 as usize];
                let mut args = Vec::new();
                let payload = &record[size_of::<RecordHeader>()..];
                decode::args(layout, payload, &mut args).expect("the payload fits its layout");
                found.push((header.time_ns, id, args));
            }
        }
    }
    found.sort_by_key(|(time, ..)| *time);
    found.into_iter().map(|(_, id, args)| (id, args)).collect()
}

/// Runs a program on events in both worlds and compares everything that can be seen.
pub(super) fn same(
    program: Program,
    events: &[Vec<u64>],
    resources: Resources,
) -> Result<(), TestCaseError> {
    same_plan(&planned(program), events, resources)
}

/// The same for a plan, which may keep its maps in another way than it would by itself.
pub(super) fn same_plan(
    plan: &Plan,
    events: &[Vec<u64>],
    resources: Resources,
) -> Result<(), TestCaseError> {
    let mut loaded = loaded_with(plan, resources);
    loaded.open().expect("tracing can be opened");
    let mut machine = Machine::new(&plan.ir);
    let buffer = buffer();
    let mut expected = Vec::new();
    for words in events {
        let (context, event) = event(words, &buffer);
        loaded.test_run_with(0, context).expect("the program runs");
        let outcome = machine.fire(ClauseId(0), &event as &dyn Event);
        for effect in outcome.effects {
            match effect {
                Effect::Emit { id, args } => expected.push((id, args)),
                other => panic!("{other:?} is not made by arbitrary programs"),
            }
        }
    }
    agree(&mut loaded, plan, &machine, expected, resources)
}

/// Compares what both worlds hold after the same events.
pub(super) fn agree(
    loaded: &mut Loaded,
    plan: &Plan,
    machine: &Machine<'_>,
    expected: Vec<(EmitId, Vec<Value>)>,
    resources: Resources,
) -> Result<(), TestCaseError> {
    let text = || {
        let functions = generated(plan, resources).functions;
        let texts = functions.iter().map(crate::bpf::text::write);
        texts.collect::<String>()
    };
    for at in 0..plan.ir.maps.len() as u32 {
        let (map, inside) = (MapId(at), MapId(at));
        let kernel = kernel_map(loaded, &plan.ir, map);
        let interpreted = interpreted_map(machine, inside);
        prop_assert_eq!(kernel, interpreted, "map {}\n{}", at, text());
    }
    let sites = loaded.sites().expect("the sites can be read");
    for at in 0..plan.ir.sites.len() {
        let interpreted = machine.errors_at(SiteId(at as u32));
        // A program that cannot fail has no counters at all.
        let counted = sites.get(at).copied().unwrap_or(0);
        prop_assert_eq!(counted, interpreted, "site {}\n{}", at, text());
    }
    let stats = loaded.stats().expect("the counters can be read");
    let full: u64 = stats.iter().map(|s| s.lost[loss::MAP_FULL as usize]).sum();
    prop_assert_eq!(full, machine.map_full());
    let sent = records(loaded, plan);
    prop_assert_eq!(sent, expected, "{}", text());
    Ok(())
}

proptest! {
    // A failing case is small and printed; it is kept as a test of its own, not as a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_does_what_the_interpreter_does(
        tape in vec(any::<u32>(), 0..400),
        events in vec(vec(any::<u64>().prop_map(arbitrary::word), 4), 1..5),
    ) {
        if privileged("the_kernel_does_what_the_interpreter_does") {
            same(arbitrary::program(&tape, "sched_switch"), &events, Resources::ALL)?;
        }
    }

    #[test]
    fn the_answer_does_not_depend_on_where_values_live(
        tape in vec(any::<u32>(), 0..400),
        events in vec(vec(any::<u64>().prop_map(arbitrary::word), 4), 1..5),
        spill_to_frame in any::<bool>(),
    ) {
        if privileged("the_answer_does_not_depend_on_where_values_live") {
            let resources = if spill_to_frame { FRAME } else { STACK };
            same(arbitrary::program(&tape, "sched_switch"), &events, resources)?;
        }
    }

    #[test]
    fn a_full_map_is_full_to_both(
        tape in vec(any::<u32>(), 0..400),
        events in vec(vec(any::<u64>().prop_map(arbitrary::word), 4), 1..5),
        max_map_keys in 1..4_u32,
    ) {
        if privileged("a_full_map_is_full_to_both") {
            let program = arbitrary::program(&tape, "sched_switch");
            let program = Program { max_map_keys, ..program };
            same(program, &events, Resources::ALL)?;
        }
    }
}

/// A step that is dropped yields 0, before or after.
#[test]
fn a_step_of_a_full_map_yields_nothing() -> Result<(), TestCaseError> {
    if !privileged("a_step_of_a_full_map_yields_nothing") {
        return Ok(());
    }
    let step = |postfix| {
        let kind = ExprKind::StepMap {
            map: MapId(0),
            key: vec![builtin(Builtin::Arg(0))],
            delta: 1,
            postfix,
        };
        expr(Type::I64, kind)
    };
    let probe = Probe::RawTracepoint {
        name: "sched_switch".to_owned(),
    };
    let body = vec![emit(0, vec![step(false), step(true)])];
    let maps = vec![map(vec![Type::I64], MapValue::Plain(Type::I64))];
    let mut program = script(vec![clause(probe, None, body)], maps);
    program.emits = vec![printf(vec![Type::I64, Type::I64])];
    program.max_map_keys = 1;
    same(program, &[vec![7], vec![8], vec![7]], Resources::ALL)
}
