//! Execves between entry and exit: what could not be read at their entry is read again while the old program's memory is there.
//!
//! In: the parts at entry, and what each keeps. Out: parts that read again, and their hook. The kernel has copied path, arguments and
//! environment by then, so their pages are present; at the exit the same addresses are another program's. Never plans
//! anything for a clause that keeps no memory.

use super::{At, CaptureId, FunctionPlace, Hook, Part, Role, SyscallPlan};
use crate::facts::{Facts, Feature, Support};
use crate::ir::{Builtin, ExprKind, Mechanism};

/// The function that asks security modules about a program that is to be executed. Kernels before `sched_prepare_exec` (6.10)
/// have no tracepoint between the copying of arguments and the end of the old memory.
const BEFORE_EXEC: &str = "security_bprm_creds_for_exec";

/// `None` where nothing can fault, or where this kernel has no such place.
pub(super) fn parts(
    enter: &[Part],
    syscalls: &SyscallPlan,
    facts: &dyn Facts,
) -> Option<(Hook, Vec<Part>)> {
    let parts = enter.iter().filter_map(|part| again(part, syscalls));
    let parts: Vec<Part> = parts.collect();
    if parts.is_empty() {
        return None;
    }
    Some((hook(facts)?, parts))
}

fn hook(facts: &dyn Facts) -> Option<Hook> {
    if facts.has_raw_tracepoint("sched_prepare_exec") {
        return Some(Hook::SysExec);
    }
    let has_probes = facts.has(Feature::Kprobe) == Support::Yes;
    let is_there = has_probes && facts.functions().iter().any(|name| name == BEFORE_EXEC);
    let place = FunctionPlace {
        function: BEFORE_EXEC.to_owned(),
        module: None,
        offset: 0,
    };
    is_there.then(|| Hook::Functions {
        mechanism: Mechanism::Kprobe,
        places: vec![At { place, cookie: 0 }],
    })
}

/// What an entry half that wants execves has to read again.
fn again(part: &Part, syscalls: &SyscallPlan) -> Option<Part> {
    let Role::Capture { captures, .. } = &part.role else {
        return None;
    };
    let calls = syscalls.wants.get(usize::from(part.mask_bit?))?;
    calls.execs().next()?;
    let can_fault = |id: &&CaptureId| {
        let capture = syscalls.captures.get(id.0 as usize);
        capture.is_some_and(|capture| {
            matches!(
                capture.expr.kind,
                ExprKind::ReadStr { .. } | ExprKind::Load { .. } | ExprKind::Builtin(Builtin::Call)
            )
        })
    };
    let captures: Vec<CaptureId> = captures.iter().filter(can_fault).copied().collect();
    (!captures.is_empty()).then_some(Part {
        clause: part.clause,
        mask_bit: part.mask_bit,
        role: Role::Again { captures },
    })
}
