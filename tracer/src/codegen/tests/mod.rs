//! Generated programs of hand-built IR: checked, loaded by the kernel's verifier, and run.
//!
//! What needs the kernel needs root (CAP_BPF and CAP_PERFMON): without it, it fails in CI and elsewhere says by name what
//! was not checked.

mod calls;
mod equivalence;
mod every_builtin;
mod listings;
mod live;
mod loops;
mod tables;
mod whole_calls;
mod wrong;

use super::*;
use crate::ir::build::*;
use crate::ir::{self, Builtin, Compare, EmitArg, MapValue, Phase, StmtKind};
use crate::kernel::privilege::privileged;
use crate::load::{self, Loaded};
use crate::types::{Abi, AggKind, Type};

const OPENAT: (Abi, u32) = (Abi::Native, 257);
const GETPPID: (Abi, u32) = (Abi::Native, 110);

fn planned(program: ir::Program) -> Plan {
    crate::fuzz::run::planned(program).expect("the program fits")
}

/// Generates, and checks what was generated.
fn generated(plan: &Plan, resources: Resources) -> Generated {
    let out = generate_with(plan, resources).expect("the plan can be generated");
    if let Err(what) = checker::check(plan, &out) {
        let texts: Vec<String> = out.functions.iter().map(crate::bpf::text::write).collect();
        panic!("{what}\n{}", texts.join("\n"));
    }
    out
}

/// Generates, links, and has the kernel verify.
fn loaded(plan: &Plan) -> Loaded {
    loaded_with(plan, Resources::ALL)
}

fn loaded_with(plan: &Plan, resources: Resources) -> Loaded {
    let generated = generated(plan, resources);
    let image = crate::link::link(plan, &generated, crate::link::runtime()).expect("it links");
    let options = load::Options {
        functions: &generated.functions,
        ..load::Options::default()
    };
    match Loaded::load(plan, &image, &options) {
        Ok(loaded) => loaded,
        Err(error) => {
            let texts: Vec<String> = generated
                .functions
                .iter()
                .map(crate::bpf::text::write)
                .collect();
            panic!("{error:?}\n{}", texts.join("\n"))
        }
    }
}

/// `syscall:openat { printf("%s %s %d %d", comm, args.filename, retval, duration) }`.
fn opens() -> ir::Program {
    let path = user_str(builtin(Builtin::Arg(1)), 64, 0);
    let guarded = EmitArg {
        value: builtin(Builtin::Duration),
        present: Some(builtin(Builtin::EntrySeen)),
    };
    let plain = |value| EmitArg {
        value,
        present: None,
    };
    let send = stmt(StmtKind::Emit {
        id: ir::EmitId(0),
        args: vec![
            plain(builtin(Builtin::Comm)),
            plain(path),
            plain(builtin(Builtin::Retval)),
            plain(builtin(Builtin::Errno)),
            guarded,
        ],
    });
    let mut program = script(
        vec![clause(syscall(&[OPENAT], Phase::Whole), None, vec![send])],
        vec![],
    );
    program.sites = vec![ir::Site {
        kind: ir::SiteKind::ReadFailed,
        span: Default::default(),
    }];
    program.emits = vec![printf(vec![
        Type::COMM,
        Type::Str { cap: 64 },
        Type::I64,
        Type::Lazy(crate::types::Lazy::Errno),
        Type::U64,
    ])];
    program
}

#[test]
fn opens_are_accepted() {
    if privileged("opens_are_accepted") {
        loaded(&planned(opens()));
    }
}

#[test]
fn counts_are_accepted() {
    let key = vec![
        builtin(Builtin::Comm),
        builtin(Builtin::SyscallName),
        builtin(Builtin::Errno),
    ];
    let types = key.iter().map(|e| e.ty.clone()).collect();
    let program = script(
        vec![clause(
            syscall(&[OPENAT, GETPPID], Phase::Whole),
            Some(compare(Compare::Lt, builtin(Builtin::Retval), int(0))),
            vec![count(0, key)],
        )],
        vec![map(types, MapValue::Agg(AggKind::Count))],
    );
    let plan = planned(program);
    if privileged("counts_are_accepted") {
        loaded(&plan);
    }
}
