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
    v4 = rt_sys_exit(v0, &[stack-96], 0, 0, v1)
    if Eq v4, 0 goto b1 else b2
b2:
    v5 = And v4, 1
    if Eq v5, 0 goto b1 else b12
b12:
    store.8 [stack-112], 0
    store.8 [stack-104], 0
    get_current_comm(&[stack-112], 16)
    v7 = map_lookup_elem(map m0_m, &[stack-112])
    if Eq v7, 0 goto b14 else b15
b14:
    store.8 [stack-120], 0
    v7 = rt_slot(map m0_m, &[stack-112], &[stack-120])
    if Eq v7, 0 goto b1 else b15
b15:
    v8 = load.8 [v7+0]
    v9 = Add v8, 1
    store.8 [v7+0], v9
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
    7 r1 = r7
    8 r2 = r10
    9 r2 += -96
   10 r3 = 0
   11 r4 = 0
   12 r5 = r6
   13 call rt_sys_exit
   14 r2 = r0
   15 if r2 == 0 goto 44
   16 r2 &= 1
   17 if r2 == 0 goto 44
   18 *(u64 *)(r10 -112) = 0
   19 *(u64 *)(r10 -104) = 0
   20 r1 = r10
   21 r1 += -112
   22 r2 = 16
   23 call get_current_comm
   24 r1 = map m0_m
   26 r2 = r10
   27 r2 += -112
   28 call map_lookup_elem
   29 r3 = r0
   30 if r3 != 0 goto 41
   31 *(u64 *)(r10 -120) = 0
   32 r1 = map m0_m
   34 r2 = r10
   35 r2 += -112
   36 r3 = r10
   37 r3 += -120
   38 call rt_slot
   39 r3 = r0
   40 if r3 == 0 goto 44
   41 r2 = *(u64 *)(r3 +0)
   42 r2 += 1
   43 *(u64 *)(r3 +0) = r2
   44 r0 = 0
   45 exit
";
