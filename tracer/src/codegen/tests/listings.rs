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
    v1 = rt_sys_exit(v0, &[stack-80], 0)
    if Eq v1, 0 goto b1 else b2
b2:
    if Set v1, 1 goto b12 else b1
b12:
    get_current_comm(&[stack-96], 16)
    v3 = map_lookup_elem(map m0_m, &[stack-96])
    if Eq v3, 0 goto b14 else b15
b14:
    store.8 [stack-104], 0
    v3 = rt_slot(map m0_m, &[stack-96], &[stack-104])
    if Eq v3, 0 goto b1 else b15
b15:
    v4 = load.8 [v3+0]
    v5 = Add v4, 1
    store.8 [v3+0], v5
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
    5 call rt_sys_exit
    6 r2 = r0
    7 if r2 == 0 goto 34
    8 if r2 & 1 goto 10
    9 goto 34
   10 r1 = r10
   11 r1 += -96
   12 r2 = 16
   13 call get_current_comm
   14 r1 = map m0_m
   16 r2 = r10
   17 r2 += -96
   18 call map_lookup_elem
   19 r3 = r0
   20 if r3 != 0 goto 31
   21 *(u64 *)(r10 -104) = 0
   22 r1 = map m0_m
   24 r2 = r10
   25 r2 += -96
   26 r3 = r10
   27 r3 += -104
   28 call rt_slot
   29 r3 = r0
   30 if r3 == 0 goto 34
   31 r2 = *(u64 *)(r3 +0)
   32 r2 += 1
   33 *(u64 *)(r3 +0) = r2
   34 r0 = 0
   35 exit
";
