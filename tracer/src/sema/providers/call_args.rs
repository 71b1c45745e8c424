//! What `state(args.NAME)` and `decode(args.NAME)` are for an argument of a system call.
//!
//! In: the call, the argument and the phase. Out: templates. Never looks an argument up by its name: that is the provider's.

use super::{Lack, NO_SITE, Offer, arg_as, builtin, raw_arg, template, value};
use crate::diag::codes;
use crate::ir::{Builtin, Expr, ExprKind, Phase};
use crate::sema::convert::compare;
use crate::tables::syscalls::{self, Arg, ArgKind};
use crate::tables::what::{Dir, What};
use crate::types::call::ArgState;
use crate::types::{Abi, CallArg, Lazy, Space, Type};

/// The state of an argument: a string as a whole, of a pointer the first byte there.
pub(super) fn state(n: u8, arg: &Arg, phase: Phase, max_strlen: u32) -> Result<Offer, Lack> {
    let reading = match arg.kind {
        ArgKind::Int { .. } => return Err(no_state(arg.name)),
        ArgKind::Str => template(
            Type::Str { cap: max_strlen },
            ExprKind::ReadStr {
                addr: Box::new(raw_arg(n)),
                space: Space::User,
                site: NO_SITE,
            },
        ),
        ArgKind::Ptr(_) => first_byte(n),
    };
    let state = of_reading(reading);
    Ok(value(match arg.dir() {
        Some(Dir::Out) => written(state, phase),
        _ => state,
    }))
}

/// A number is not read from memory.
pub(super) fn no_state(name: &str) -> Lack {
    let message = format!("`args.{name}` is a number: it is not read from memory");
    let help = "state() is asked of strings and pointers".to_owned();
    Lack::Because(codes::BAD_OPERAND, message, Some(help))
}

/// The state of a reading.
pub(super) fn of_reading(reading: Expr) -> Expr {
    template(
        Type::Lazy(Lazy::ArgState),
        ExprKind::ReadState(Box::new(reading)),
    )
}

fn first_byte(n: u8) -> Expr {
    let byte = Type::Int {
        bits: 8,
        signed: false,
    };
    template(
        byte,
        ExprKind::Load {
            base: Box::new(raw_arg(n)),
            offset: 0,
            space: Space::User,
            width: 1,
            bits: None,
            site: NO_SITE,
        },
    )
}

/// What a call writes is there when it has succeeded.
fn written(state: Expr, phase: Phase) -> Expr {
    let not_read = constant(ArgState::NotRead);
    if phase == Phase::Entry {
        return not_read;
    }
    let errno = builtin(Type::Lazy(Lazy::Errno), Builtin::Errno);
    let none = template(Type::Lazy(Lazy::Errno), ExprKind::Int(0));
    let failed = compare(crate::ir::Compare::Ne, errno, none);
    template(
        state.ty.clone(),
        ExprKind::Cond(Box::new(failed), Box::new(not_read), Box::new(state)),
    )
}

fn constant(state: ArgState) -> Expr {
    template(Type::Lazy(Lazy::ArgState), ExprKind::Int(state as u64))
}

/// A number that is decoded when it is printed. Calls whose argument means the same natively share a clause.
pub(super) fn decoded(abi: Abi, call: &str, n: u8, arg: &Arg) -> Result<Offer, Lack> {
    let ArgKind::Int { bits, signed } = arg.kind else {
        let message = format!(
            "`args.{}` is memory: decode() is asked of numbers",
            arg.name
        );
        let help = "`call` is the whole call, decoded".to_owned();
        return Err(Lack::Because(codes::BAD_OPERAND, message, Some(help)));
    };
    if let What::On(_) = arg.what {
        let message = format!("what `args.{}` means depends on another argument", arg.name);
        let help = "`call` is the whole call, decoded".to_owned();
        return Err(Lack::Because(codes::BAD_OPERAND, message, Some(help)));
    }
    let native = syscalls::signature(Abi::Native, call).and_then(|s| s.args.get(usize::from(n)));
    let abi = match native {
        Some(native) if native.what == arg.what && native.kind == arg.kind => Abi::Native,
        _ => abi,
    };
    let number = syscalls::number(abi, call).and_then(|number| u16::try_from(number).ok());
    let number = number.ok_or(Lack::NoSuchArg)?;
    let lazy = Lazy::Decoded(CallArg {
        abi,
        number,
        arg: n,
    });
    let own = arg_as(n, Type::Int { bits, signed });
    Ok(value(template(
        Type::Lazy(lazy),
        ExprKind::Cast(Box::new(own)),
    )))
}
