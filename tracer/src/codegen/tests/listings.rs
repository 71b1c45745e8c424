//! The texts of the stages, for a program that can be read at a glance: `syscall:getppid { @[comm] = count() }`.

use super::{GETPPID, generated, planned};
use crate::codegen::regalloc::Resources;
use crate::codegen::{lir, lowered};
use crate::ir::Builtin;
use crate::ir::build::*;
use crate::plan::Plan;

fn count_by_comm() -> Plan {
    let body = vec![count(0, vec![builtin(Builtin::Comm)])];
    let probe = syscall(&[GETPPID], crate::ir::Phase::Whole);
    planned(script(vec![clause(probe, None, body)], vec![counter()]))
}

#[test]
fn linear_form() {
    let plan = count_by_comm();
    let lowered = lowered(&plan, &plan.programs[0], Resources::ALL).expect("it fits");
    assert_eq!(lir::text(&lowered.lir), LIR);
}

#[test]
fn instructions() {
    let plan = count_by_comm();
    let generated = generated(&plan, Resources::ALL);
    assert_eq!(crate::bpf::text::write(&generated.functions[0]), BPF);
}

const LIR: &str = "\
sys_exit: stack 104 frame 0
b0:
    v0 = context
    v1 = rt_sys_exit(v0, &[stack-80], 0, 0)
    if Eq v1, 0 goto b1 else b2
b2:
    v2 = And v1, 1
    if Eq v2, 0 goto b1 else b12
b12:
    store.8 [stack-96], 0
    store.8 [stack-88], 0
    get_current_comm(&[stack-96], 16)
    v4 = map_lookup_elem(map m0_m, &[stack-96])
    if Eq v4, 0 goto b14 else b15
b14:
    store.8 [stack-104], 0
    v4 = rt_slot(map m0_m, &[stack-96], &[stack-104])
    if Eq v4, 0 goto b1 else b15
b15:
    v5 = load.8 [v4+0]
    v6 = Add v5, 1
    store.8 [v4+0], v6
    goto b1
b1:
    exit
";

const BPF: &str = "\
sys_exit (raw_tp/sys_exit):
      ; source byte 0
    0 r2 = r1
    1 r1 = r2
    2 r2 = r10
    3 r2 += -80
    4 r3 = 0
    5 r4 = 0
    6 call rt_sys_exit
    7 r2 = r0
    8 if r2 == 0 goto 37
    9 r2 &= 1
   10 if r2 == 0 goto 37
   11 *(u64 *)(r10 -96) = 0
   12 *(u64 *)(r10 -88) = 0
   13 r1 = r10
   14 r1 += -96
   15 r2 = 16
   16 call get_current_comm
   17 r1 = map m0_m
   19 r2 = r10
   20 r2 += -96
   21 call map_lookup_elem
   22 r3 = r0
   23 if r3 != 0 goto 34
   24 *(u64 *)(r10 -104) = 0
   25 r1 = map m0_m
   27 r2 = r10
   28 r2 += -96
   29 r3 = r10
   30 r3 += -104
   31 call rt_slot
   32 r3 = r0
   33 if r3 == 0 goto 37
   34 r2 = *(u64 *)(r3 +0)
   35 r2 += 1
   36 *(u64 *)(r3 +0) = r2
   37 r0 = 0
   38 exit
";
