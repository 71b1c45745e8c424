//! What the entry and the return of a kernel function offer.
//!
//! In: the function, the mechanism that was asked for and the one that serves it. Out: arguments by number or, with
//! BTF, by name and type; the result. Never decides which mechanism is used: that is `function`.

use super::function::no_btf;
use super::{Family, Lack, Offer, View, builtin, cut, raw_arg, typed, value};
use crate::diag::codes;
use crate::facts::{Facts, Feature};
use crate::ir::{Builtin, Mechanism};
use crate::types::Type;
use crate::types::btf::{Proto, TypeId};

/// Argument registers of a function (x86-64: di, si, dx, cx, r8, r9).
pub const REGISTERS: u8 = 6;

/// The mechanism with the same meaning.
pub fn other(mechanism: Mechanism) -> Mechanism {
    match mechanism {
        Mechanism::Kprobe => Mechanism::Fentry,
        Mechanism::Kretprobe => Mechanism::Fexit,
        Mechanism::Fentry => Mechanism::Kprobe,
        Mechanism::Fexit => Mechanism::Kretprobe,
    }
}

/// What the kernel must have.
pub fn feature(mechanism: Mechanism) -> Feature {
    match mechanism {
        Mechanism::Kprobe | Mechanism::Kretprobe => Feature::Kprobe,
        Mechanism::Fentry | Mechanism::Fexit => Feature::Fentry,
    }
}

/// How such a probe is written.
pub fn forms(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Kprobe => super::function::KPROBE.forms,
        Mechanism::Kretprobe => super::function::KRETPROBE.forms,
        Mechanism::Fentry => super::function::FENTRY.forms,
        Mechanism::Fexit => super::function::FEXIT.forms,
    }
}

/// The probe on a function.
pub fn spec(mechanism: Mechanism, function: &str) -> String {
    format!("{}:{function}", mechanism.name())
}

/// A probed function.
pub struct Function {
    /// Its name.
    pub name: String,
    /// The module that it is of, when the script says one: the kernel's own types do not describe it.
    pub module: Option<String>,
    /// What the script says.
    pub asked: Mechanism,
    /// What serves it.
    pub used: Mechanism,
}

impl Function {
    fn proto<'a>(&self, facts: &'a dyn Facts) -> Option<Proto<'a>> {
        match self.module {
            Some(_) => None,
            None => facts.btf()?.func_named(&self.name),
        }
    }

    fn typed_args(&self) -> bool {
        matches!(self.asked, Mechanism::Fentry | Mechanism::Fexit)
    }

    /// Why nothing typed is offered although there are types.
    fn undescribed(&self) -> Lack {
        match &self.module {
            Some(module) => Lack::Because(
                codes::NO_BTF,
                format!(
                    "types of module `{module}` are not read: its functions have no named arguments"
                ),
                Some("arguments are arg0, arg1, … as numbers".to_owned()),
            ),
            None => no_btf(),
        }
    }

    /// Context words that hold arguments; `None` when nothing describes the function.
    fn words(&self, facts: &dyn Facts) -> Option<u32> {
        let btf = facts.btf()?;
        let proto = self.proto(facts)?;
        let words = |id: TypeId| btf.size_of(id).map_or(1, |size| size.div_ceil(8).max(1));
        Some(proto.params.iter().map(|p| words(p.ty)).sum())
    }

    /// The result's type: an `int` must be cut out of the register, whose other half is anything.
    fn result_type(&self, facts: &dyn Facts) -> Result<Type, Lack> {
        let (Some(btf), Some(proto)) = (facts.btf(), self.proto(facts)) else {
            return Ok(Type::I64);
        };
        if proto.ret == TypeId::VOID {
            let message = format!("`{}` returns nothing", self.name);
            return Err(Lack::Because(codes::NO_RESULT_HERE, message, None));
        }
        Ok(typed::register_type(btf, proto.ret).unwrap_or(Type::I64))
    }
}

impl View for Function {
    fn family(&self) -> Family {
        match self.used {
            Mechanism::Kprobe => Family::Kprobe,
            Mechanism::Kretprobe => Family::Kretprobe,
            Mechanism::Fentry => Family::Fentry,
            Mechanism::Fexit => Family::Fexit,
        }
    }

    fn name(&self) -> String {
        match &self.module {
            Some(module) => format!("{module}:{}", self.name),
            None => self.name.clone(),
        }
    }

    fn has_registers(&self) -> bool {
        !self.used.needs_btf()
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        if !self.typed_args() {
            let message = format!("`{}` has no named arguments", self.asked.name());
            let help = match self.asked {
                Mechanism::Kprobe => format!(
                    "use arg0, arg1, … or `fentry:{}`, which has names",
                    self.name
                ),
                _ => format!("use `fexit:{}`, which has arguments and result", self.name),
            };
            return Err(Lack::Because(codes::NO_ARGS_HERE, message, Some(help)));
        }
        let btf = facts.btf().ok_or_else(no_btf)?;
        let proto = self.proto(facts).ok_or_else(|| self.undescribed())?;
        let reachable = match self.used.needs_btf() {
            true => u32::MAX,
            false => u32::from(REGISTERS),
        };
        typed::parameter(btf, &proto, (0, reachable), name)
    }

    fn arg_names(&self, facts: &dyn Facts) -> Vec<String> {
        let proto = self.proto(facts);
        proto.map_or_else(Vec::new, |p| typed::parameter_names(&p, 0))
    }

    fn position(&self, n: u8, facts: &dyn Facts) -> Result<Offer, Lack> {
        if self.asked == Mechanism::Kretprobe {
            let message = "at the return the argument registers hold other values".to_owned();
            let help = format!("use `fexit:{}`, which has arguments and result", self.name);
            return Err(Lack::Because(codes::NO_ARGS_HERE, message, Some(help)));
        }
        let limit = match self.used.needs_btf() {
            true => self.words(facts).unwrap_or(u32::from(REGISTERS)),
            false => u32::from(REGISTERS),
        };
        match u32::from(n) < limit {
            true => Ok(value(raw_arg(n))),
            false => Err(Lack::NoSuchArg),
        }
    }

    fn retval(&self, facts: &dyn Facts) -> Result<Offer, Lack> {
        if !self.used.returns() {
            let message = format!(
                "at a function's entry (`{}`) there is no result yet",
                self.asked.name()
            );
            let returning = match self.asked {
                Mechanism::Kprobe => Mechanism::Kretprobe,
                _ => Mechanism::Fexit,
            };
            let help = format!("`{}` fires at the return", spec(returning, &self.name));
            return Err(Lack::Because(codes::NO_RESULT_HERE, message, Some(help)));
        }
        let ty = self.result_type(facts)?;
        Ok(value(cut(builtin(Type::I64, Builtin::Retval), ty)))
    }
}
