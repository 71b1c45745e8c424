//! Bare names: built-in variables, properties of the event, constants.
//!
//! In: a name. Out: its value. A built-in hides a constant of the same name. To add a built-in variable: a line
//! in [`VARIABLES`] and a golden case.

use super::builtins::{path, stack};
use super::clause::call_property;
use super::nearest::did_you_mean;
use super::pass::{Pass, Val, expr, int};
use super::providers::{CallProperty, Family, Offer};
use super::uses::position;
use super::value::Operand;
use super::{access::Place, convert::to_number};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Binary, Builtin, Expr, ExprKind, SiteKind};
use crate::syntax::ast::Ident;
use crate::tables::constants;
use crate::types::{Lazy, Pointee, Space, Type};

/// A built-in variable.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a few words.
    pub doc: &'static str,
    make: Make,
}

enum Make {
    /// A property of every event, with its type.
    Plain(fn() -> (Builtin, Type)),
    /// Something made of other parts.
    With(fn(&mut Pass, Span) -> Option<Val>),
    /// A property that the probe's provider knows: `retval`, `errno`, ….
    OfProbe,
}

/// Every built-in variable, sorted by name.
pub static VARIABLES: &[Variable] = &[
    Variable {
        name: "abi",
        doc: "calling convention of the system call",
        make: Make::OfProbe,
    },
    Variable {
        name: "call",
        doc: "the whole system call, decoded when it is printed",
        make: Make::OfProbe,
    },
    Variable {
        name: "cgroup",
        doc: "id of the cgroup (version 2)",
        make: Make::Plain(|| (Builtin::Cgroup, Type::U64)),
    },
    Variable {
        name: "comm",
        doc: "name of the thread",
        make: Make::Plain(|| (Builtin::Comm, Type::COMM)),
    },
    Variable {
        name: "container",
        doc: "id of the container that the process belongs to",
        make: Make::With(|_, span| Some(named(Builtin::Cgroup, Type::U64, Lazy::Container, span))),
    },
    Variable {
        name: "cpid",
        doc: "process id of the command that the run started",
        make: Make::Plain(|| (Builtin::Cpid, Type::U32)),
    },
    Variable {
        name: "cpu",
        doc: "number of the CPU",
        make: Make::Plain(|| (Builtin::Cpu, Type::U32)),
    },
    Variable {
        name: "ctx",
        doc: "address of the event's context",
        make: Make::With(|pass, span| Some(context(pass.scope.view.context(), span))),
    },
    Variable {
        name: "curtask",
        doc: "address of the current task_struct",
        make: Make::With(|_, span| Some(curtask(span))),
    },
    Variable {
        name: "cwd",
        doc: "current directory of the process",
        make: Make::With(|pass, span| path::cwd(pass, curtask(span), span)),
    },
    Variable {
        name: "duration",
        doc: "nanoseconds from entry to return of the system call",
        make: Make::OfProbe,
    },
    Variable {
        name: "elapsed",
        doc: "nanoseconds since tracing began",
        make: Make::Plain(|| (Builtin::Elapsed, Type::U64)),
    },
    Variable {
        name: "errno",
        doc: "error number of the system call, 0 when it succeeded",
        make: Make::OfProbe,
    },
    Variable {
        name: "exe",
        doc: "path of the program that the process runs",
        make: Make::With(|pass, span| path::exe(pass, curtask(span), span)),
    },
    Variable {
        name: "func",
        doc: "name of the probed function or system call",
        make: Make::With(|pass, span| Some(pass.func(span))),
    },
    Variable {
        name: "gid",
        doc: "group id",
        make: Make::Plain(|| (Builtin::Gid, Type::U32)),
    },
    Variable {
        name: "host",
        doc: "name of the machine: one of several when recordings are asked",
        make: Make::Plain(|| (Builtin::Host, Type::Lazy(Lazy::Host))),
    },
    Variable {
        name: "jiffies",
        doc: "the kernel's count of timer ticks",
        make: Make::Plain(|| (Builtin::Jiffies, Type::U64)),
    },
    Variable {
        name: "kstack",
        doc: "kernel stack",
        make: Make::With(|pass, span| stack::bare(pass, Space::Kernel, span)),
    },
    Variable {
        name: "name",
        doc: "name of the system call",
        make: Make::OfProbe,
    },
    Variable {
        name: "ncpus",
        doc: "number of possible CPUs",
        make: Make::Plain(|| (Builtin::Ncpus, Type::U64)),
    },
    Variable {
        name: "nr",
        doc: "number of the system call",
        make: Make::OfProbe,
    },
    Variable {
        name: "nsecs",
        doc: "monotonic clock in nanoseconds: when the event fired",
        make: Make::Plain(|| (Builtin::Nsecs, Type::U64)),
    },
    Variable {
        name: "numaid",
        doc: "number of the NUMA node",
        make: Make::Plain(|| (Builtin::Numaid, Type::U32)),
    },
    Variable {
        name: "pcomm",
        doc: "name of the parent",
        make: Make::With(|pass, span| pass.pcomm(span)),
    },
    Variable {
        name: "pid",
        doc: "process id (thread-group id)",
        make: Make::Plain(|| (Builtin::Pid, Type::U32)),
    },
    Variable {
        name: "ppid",
        doc: "process id of the parent",
        make: Make::With(|pass, span| pass.ppid(span)),
    },
    Variable {
        name: "probe",
        doc: "name of the probe",
        make: Make::With(|pass, span| Some(pass.probe(span))),
    },
    Variable {
        name: "rand",
        doc: "random number",
        make: Make::Plain(|| (Builtin::Rand, Type::U32)),
    },
    Variable {
        name: "retval",
        doc: "result of the system call or function",
        make: Make::OfProbe,
    },
    Variable {
        name: "tid",
        doc: "thread id",
        make: Make::Plain(|| (Builtin::Tid, Type::U32)),
    },
    Variable {
        name: "tree",
        doc: "whether the process is the run's target or descends from it",
        make: Make::Plain(|| (Builtin::Tree, Type::Bool)),
    },
    Variable {
        name: "uid",
        doc: "user id",
        make: Make::Plain(|| (Builtin::Uid, Type::U32)),
    },
    Variable {
        name: "usermode",
        doc: "the event interrupted a program, not the kernel",
        make: Make::Plain(|| (Builtin::Usermode, Type::Bool)),
    },
    Variable {
        name: "username",
        doc: "name of the user",
        make: Make::With(|_, span| Some(named(Builtin::Uid, Type::U32, Lazy::Username, span))),
    },
    Variable {
        name: "ustack",
        doc: "user stack",
        make: Make::With(|pass, span| stack::bare(pass, Space::User, span)),
    },
];

impl Pass<'_> {
    /// A bare name.
    pub fn name(&mut self, name: &str, span: Span) -> Option<Operand> {
        if let Some(n) = position(name) {
            let offer = self.scope.view.position(n, self.facts).ok()?;
            return Some(self.place_offer(offer, span));
        }
        if let Ok(at) = VARIABLES.binary_search_by(|v| v.name.cmp(name)) {
            return self.built_in(&VARIABLES[at], span);
        }
        // Enumerators of the kernel come last: asking for them reads its types.
        let constant = constants::value(name).or_else(|| self.facts.btf()?.enumerator(name));
        if let Some(value) = constant {
            return Some(Operand::Val(int(value, span).into()));
        }
        self.no_such_name_here(name, span)
    }

    fn built_in(&mut self, variable: &Variable, span: Span) -> Option<Operand> {
        match variable.make {
            Make::Plain(make) => {
                let (builtin, ty) = make();
                let kind = ExprKind::Builtin(builtin);
                Some(Operand::Val(expr(ty, kind, span).into()))
            }
            Make::With(make) => make(self, span).map(Operand::Val),
            Make::OfProbe => self.of_probe(variable.name, span),
        }
    }

    /// Why it is lacking was said when the probes were grouped.
    fn of_probe(&mut self, name: &str, span: Span) -> Option<Operand> {
        let view = &self.scope.view;
        let offer = match call_property(name) {
            Some((property, _)) => view.call(property).ok()?,
            None => view.retval(self.facts).ok()?,
        };
        let operand = self.place_offer(offer, span);
        let is_duration = call_property(name).is_some_and(|(p, _)| p == CallProperty::Duration);
        match operand {
            Operand::Val(val) if is_duration => {
                let seen = ExprKind::Builtin(Builtin::EntrySeen);
                Some(Operand::Val(Val {
                    present: Some(expr(Type::Bool, seen, span)),
                    ..val
                }))
            }
            operand => Some(operand),
        }
    }

    /// `args.name`.
    pub fn event_argument(&mut self, name: &str, span: Span) -> Option<Operand> {
        let offer = self.scope.view.arg(name, self.facts).ok()?;
        Some(self.place_offer(offer, span))
    }

    /// A provider's template at a place of the script.
    pub fn place_offer(&mut self, offer: Offer, span: Span) -> Operand {
        match offer {
            Offer::Value {
                mut expr,
                points_to,
            } => {
                self.settle(&mut expr, span);
                Operand::Val(Val {
                    expr,
                    present: None,
                    points_to,
                })
            }
            Offer::Place {
                mut address,
                ty,
                space,
            } => {
                self.settle(&mut address, span);
                Operand::Place(Place::at(address.into(), ty, space))
            }
            Offer::Registers => Operand::Registers(span),
        }
    }

    /// Gives a template its span and its sites.
    pub fn settle(&mut self, e: &mut Expr, span: Span) {
        e.span = span;
        if let ExprKind::Load { site, .. } | ExprKind::ReadStr { site, .. } = &mut e.kind {
            *site = self.site(SiteKind::ReadFailed, span);
        }
        for operand in e.operands_mut() {
            self.settle(operand, span);
        }
    }

    fn no_such_name_here(&mut self, name: &str, span: Span) -> Option<Operand> {
        if name == "args" {
            let diagnostic = Diagnostic::error(
                codes::NOT_A_VALUE,
                span,
                "`args` is no value: its members are",
            );
            return self.fail(diagnostic.help("pick one: args.filename"));
        }
        let message = format!("no such built-in or constant: `{name}`");
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_NAME, span, message);
        let known = VARIABLES.iter().map(|v| v.name);
        let near = did_you_mean(name, known).or_else(|| did_you_mean(name, constants::names()));
        diagnostic.help.extend(near);
        if super::builtins::find(name).is_some() {
            diagnostic = diagnostic.help(format!("`{name}` is a function: {name}()"));
        }
        if self.local(name).is_some() {
            diagnostic = diagnostic.help(format!("the variable is written `${name}`"));
        }
        self.fail(diagnostic)
    }

    /// In system-call clauses the name is made from the call: one clause stands for hundreds of probes.
    fn probe(&mut self, span: Span) -> Val {
        let ty = Type::Lazy(Lazy::ProbeName);
        let Family::Syscall(form) = self.scope.view.family() else {
            return expr(ty, ExprKind::Builtin(Builtin::Probe), span).into();
        };
        let call = to_number(syscall_name(span));
        let bits = expr(Type::U64, ExprKind::Int(form.bits()), span);
        let kind = ExprKind::Binary {
            op: Binary::Or,
            left: Box::new(call),
            right: Box::new(bits),
            site: None,
        };
        let raw = expr(Type::U64, kind, span);
        expr(ty, ExprKind::Cast(Box::new(raw)), span).into()
    }

    fn func(&mut self, span: Span) -> Val {
        match self.scope.view.family() {
            Family::Syscall(_) => syscall_name(span).into(),
            _ => {
                let ty = Type::Lazy(Lazy::FuncName);
                expr(ty, ExprKind::Builtin(Builtin::Func), span).into()
            }
        }
    }

    /// `curtask->real_parent->comm`.
    fn pcomm(&mut self, span: Span) -> Option<Val> {
        self.of_parent("comm", span)
    }

    /// A member of `curtask->real_parent`.
    fn of_parent(&mut self, member: &str, span: Span) -> Option<Val> {
        let ident = |text: &str| Ident {
            text: text.to_owned(),
            span,
        };
        let parent = self.member_of_value(curtask(span), &ident("real_parent"), span)?;
        let parent = self.read(Operand::Place(parent), span)?;
        let member = self.member_of_value(parent, &ident(member), span)?;
        self.read(Operand::Place(member), span)
    }

    /// `curtask->real_parent->tgid`.
    fn ppid(&mut self, span: Span) -> Option<Val> {
        let tgid = self.of_parent("tgid", span)?;
        let number = super::convert::to_type(tgid.expr.clone(), &Type::U32);
        Some(tgid.with(number))
    }
}

fn syscall_name(span: Span) -> Expr {
    let ty = Type::Lazy(Lazy::SyscallName);
    expr(ty, ExprKind::Builtin(Builtin::SyscallName), span)
}

/// A property that is printed by a name.
fn named(builtin: Builtin, ty: Type, lazy: Lazy, span: Span) -> Val {
    let raw = expr(ty, ExprKind::Builtin(builtin), span);
    super::convert::to_type(raw, &Type::Lazy(lazy)).into()
}

/// `points_to`: the struct, by name.
fn context(points_to: Option<String>, span: Span) -> Val {
    let ty = Type::Ptr {
        to: Pointee::Unknown,
        space: Space::Kernel,
    };
    Val {
        expr: expr(ty, ExprKind::Builtin(Builtin::Ctx), span),
        present: None,
        points_to,
    }
}

fn curtask(span: Span) -> Val {
    let ty = Type::Ptr {
        to: Pointee::Unknown,
        space: Space::Kernel,
    };
    Val {
        expr: expr(ty, ExprKind::Builtin(Builtin::Curtask), span),
        present: None,
        points_to: Some("task_struct".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sorted_and_explained() {
        for pair in VARIABLES.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        assert!(VARIABLES.iter().all(|v| !v.doc.is_empty()));
    }
}
