//! What the checker must find: a right program, made wrong in one place.

use super::{opens, planned};
use crate::bpf::{Alu, Generated, Op, Reg, Size, Src, Target};
use crate::codegen::lir::{Callee, Inst, VReg};
use crate::codegen::regalloc::{Loc, Resources};
use crate::codegen::{Lowered, checker, generate, lowered};
use crate::plan::Plan;

/// The exit program of a query with strings, captures and a scratch frame.
fn exit_program() -> (Plan, Lowered) {
    let plan = planned(opens());
    let program = plan.programs.iter().find(|p| p.name == "sys_exit");
    let program = program.expect("there is an exit program");
    let lowered = lowered(&plan, program, Resources::ALL).expect("it can be generated");
    (plan.clone(), lowered)
}

/// The register that holds what a runtime function returned.
fn result_of(lowered: &Lowered, name: &str) -> VReg {
    let insts = lowered.lir.blocks.iter().flat_map(|b| &b.insts);
    let called = |inst: &Inst| match inst {
        Inst::Call {
            callee: Callee::Runtime(callee),
            dst,
            ..
        } if *callee == name => *dst,
        _ => None,
    };
    let mut found = insts.filter_map(|(inst, _)| called(inst));
    found.next().expect("the function is called")
}

fn violation(change: impl FnOnce(&mut Lowered)) -> String {
    let (_, mut lowered) = exit_program();
    checker::allocation(&lowered.lir, &lowered.allocation).expect("right before the change");
    change(&mut lowered);
    checker::allocation(&lowered.lir, &lowered.allocation).expect_err("wrong after the change")
}

#[test]
fn a_value_that_a_call_loses() {
    let what = violation(|l| {
        let frame = result_of(l, "rt_frame_get");
        l.allocation.locs[frame.0 as usize] = Loc::Reg(2);
    });
    assert!(what.contains("is read from Reg(2)"), "{what}");
}

#[test]
fn two_values_in_one_register() {
    let what = violation(|l| {
        let (frame, state) = (result_of(l, "rt_frame_get"), result_of(l, "rt_state_get"));
        l.allocation.locs[frame.0 as usize] = l.allocation.locs[state.0 as usize];
    });
    assert!(what.contains("which holds"), "{what}");
}

#[test]
fn homes_that_nobody_may_have() {
    let with = |loc| {
        violation(|l| {
            let frame = result_of(l, "rt_frame_get");
            l.allocation.locs[frame.0 as usize] = loc;
        })
    };
    let (base, off) = (VReg(0), 176);
    for loc in [
        Loc::Reg(0),
        Loc::Reg(10),
        Loc::Stack(-8),
        Loc::Stack(-264),
        Loc::Frame { base, off },
    ] {
        let what = with(loc);
        assert!(what.contains("may not live in"), "{what}");
    }
}

/// Changes the exit program's instructions; what the checker says.
fn rejection(change: impl FnOnce(&mut Vec<Op>, &mut Generated)) -> String {
    let plan = planned(opens());
    let mut generated = generate(&plan).expect("the plan can be generated");
    checker::check(&plan, &generated).expect("right before the change");
    let insns = &generated.functions[1].insns;
    let mut ops: Vec<Op> = insns.iter().filter_map(|i| Op::decode(*i)).collect();
    change(&mut ops, &mut generated);
    generated.functions[1].insns = ops.into_iter().map(Op::encode).collect();
    checker::check(&plan, &generated).expect_err("wrong after the change")
}

fn call_of(generated: &Generated, name: &'static str) -> usize {
    let relocs = &mut generated.functions[1].relocs.iter();
    let found = relocs.find(|r| r.target == Target::Runtime(name));
    found.expect("the function is called").at as usize
}

#[test]
fn a_frame_that_is_not_given_back() {
    let what = rejection(|ops, generated| {
        let at = call_of(generated, "rt_frame_put");
        ops[at] = Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(0));
        let relocs = &mut generated.functions[1].relocs;
        relocs.retain(|r| r.at as usize != at);
    });
    assert!(what.contains("scratch frame"), "{what}");
}

#[test]
fn a_register_that_a_call_lost() {
    let what = rejection(|ops, generated| {
        let at = call_of(generated, "rt_emit");
        ops[at + 1] = Op::Alu64(Alu::Mov, Reg(2), Src::Reg(Reg(3)));
    });
    assert!(what.contains("r3 is read before it is written"), "{what}");
}

#[test]
fn accesses_outside_the_stack() {
    for off in [-264, -4, 0] {
        let what = rejection(|ops, _| {
            ops[0] = Op::Store(Size::DW, Reg::FP, off, Src::Imm(0));
        });
        assert!(what.contains("an access of 8 bytes"), "{what}");
    }
}

#[test]
fn jumps_to_nowhere() {
    let what = rejection(|ops, _| ops[0] = Op::Jump(30_000));
    assert!(what.contains("which is no instruction"), "{what}");
}

#[test]
fn an_end_that_is_run_over() {
    let what = rejection(|ops, _| {
        let last = ops.len() - 1;
        ops[last] = Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(0));
    });
    assert!(what.contains("which is no instruction"), "{what}");
}

#[test]
fn a_hole_that_is_missing() {
    let what = rejection(|_, generated| {
        generated.functions[1].relocs.pop();
    });
    assert!(what.contains("hole"), "{what}");
}
