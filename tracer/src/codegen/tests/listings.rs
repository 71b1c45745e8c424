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
    let mut plan = planned(script(vec![clause(probe, None, body)], vec![counter()]));
    // Where a kernel keeps the name is its own matter; what it is asked for is short.
    plan.task = None;
    plan
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
sys_exit: stack 120 frame 0
b0:
    v0 = context
    v1 = get_current_task_btf()
    v2 = get_current_pid_tgid()
    v3 = Rsh v2, 32
    store.8 [stack-72], v3
    v4 = load.8 [v0+8]
    store.8 [stack-80], v4
    v5 = task_pt_regs(v1)
    v6 = rt_sys_exit(&[stack-96], 0, 0, v1, v5)
    if Eq v6, 0 goto b1 else b2
b2:
    v7 = And v6, 1
    if Eq v7, 0 goto b1 else b12
b12:
    store.8 [stack-112], 0
    store.8 [stack-104], 0
    get_current_comm(&[stack-112], 16)
    v9 = map_lookup_elem(map m0_m, &[stack-112])
    if Eq v9, 0 goto b14 else b15
b14:
    store.8 [stack-120], 0
    v9 = rt_slot(map m0_m, &[stack-112], &[stack-120])
    if Eq v9, 0 goto b1 else b15
b15:
    v10 = load.8 [v9+0]
    v11 = Add v10, 1
    store.8 [v9+0], v11
    goto b1
b1:
    exit
";

const BPF: &str = "\
sys_exit (raw_tp/sys_exit):
      ; source byte 0
    0 r7 = r1
    1 call get_current_task_btf
    2 r6 = r0
    3 call get_current_pid_tgid
    4 r2 = r0
    5 r2 >>= 32
    6 *(u64 *)(r10 -72) = r2
    7 r2 = *(u64 *)(r7 +8)
    8 *(u64 *)(r10 -80) = r2
    9 r1 = r6
   10 call task_pt_regs
   11 r2 = r0
   12 r1 = r10
   13 r1 += -96
   14 r3 = 0
   15 r4 = r6
   16 r5 = r2
   17 r2 = 0
   18 call rt_sys_exit
   19 r2 = r0
   20 if r2 == 0 goto 49
   21 r2 &= 1
   22 if r2 == 0 goto 49
   23 *(u64 *)(r10 -112) = 0
   24 *(u64 *)(r10 -104) = 0
   25 r1 = r10
   26 r1 += -112
   27 r2 = 16
   28 call get_current_comm
   29 r1 = map m0_m
   31 r2 = r10
   32 r2 += -112
   33 call map_lookup_elem
   34 r3 = r0
   35 if r3 != 0 goto 46
   36 *(u64 *)(r10 -120) = 0
   37 r1 = map m0_m
   39 r2 = r10
   40 r2 += -112
   41 r3 = r10
   42 r3 += -120
   43 call rt_slot
   44 r3 = r0
   45 if r3 == 0 goto 49
   46 r2 = *(u64 *)(r3 +0)
   47 r2 += 1
   48 *(u64 *)(r3 +0) = r2
   49 r0 = 0
   50 exit
";
