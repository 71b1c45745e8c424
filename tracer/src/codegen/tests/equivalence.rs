//! Generated code against the interpreter: arbitrary programs, run by the kernel on chosen events, must leave the
//! same maps, count the same errors and send the same records.
//!
//! The kernel runs them through `BPF_PROG_TEST_RUN`; verified, linked with the runtime, reading this process's memory.

use super::privileged;
use crate::codegen::planted::Bug;
use crate::codegen::regalloc::Resources;
use crate::fuzz::case::{DIVIDED, FRAME, STACK};
use crate::fuzz::{run, search};
use crate::ir::build::*;
use crate::ir::{Builtin, ExprKind, MapId, MapValue, Probe, Program, arbitrary};
use crate::load::Loaded;
use crate::plan::Plan;
use crate::types::Type;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs a program on events in both worlds and compares everything that can be seen.
pub(super) fn same(
    program: Program,
    events: &[Vec<u64>],
    resources: Resources,
) -> Result<(), TestCaseError> {
    run::same(program, events, resources).map_err(TestCaseError::fail)
}

/// The same for a plan, which may keep its maps in another way than it would by itself.
pub(super) fn same_plan(
    plan: &Plan,
    events: &[Vec<u64>],
    resources: Resources,
) -> Result<(), TestCaseError> {
    run::same_plan(plan, events, resources).map_err(TestCaseError::fail)
}

/// Keys and merged values of a script's map.
pub(super) fn kernel_map(
    loaded: &Loaded,
    program: &Program,
    map: MapId,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    run::kernel_map(loaded, program, map).expect("the map can be read")
}

/// All records so far, in order of time.
pub(super) fn records(loaded: &mut Loaded, plan: &Plan) -> run::Records {
    run::records(loaded, plan).expect("the records can be read")
}

/// Searches with a mistake in the generator.
fn searched(planted: Option<Bug>, cases: u64) -> search::Report {
    search::search(&search::Options {
        seed: 1,
        time: Duration::from_secs(600),
        cases,
        planted,
    })
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
        how in 0..3_usize,
    ) {
        if privileged("the_answer_does_not_depend_on_where_values_live") {
            let resources = [STACK, FRAME, DIVIDED][how];
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

/// Each mistake that the generator is told to make is found.
#[test]
fn planted_bugs_are_found() {
    if !privileged("planted_bugs_are_found") {
        return;
    }
    for bug in Bug::ALL {
        let report = searched(Some(*bug), 5000);
        assert!(
            report.failure.is_some(),
            "{bug:?} came through {} cases",
            report.passed
        );
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
