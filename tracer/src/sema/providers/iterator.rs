//! `iter:task`, `iter:task_file`, `iter:task_vma`: once for each task, open file or mapping that there is, when all else is
//! attached.
//!
//! In: the kernel's name of what is walked, or a glob. Out: a target a kind. What a firing sees is the struct
//! `bpf_iter__NAME` (BTF; `DEFINE_BPF_ITER_FUNC` in include/linux/bpf.h): `ctx` points to it, its members are `args` too.
//! Behind the last object the kernel runs the program once more, without one (`bpf_seq_read` in kernel/bpf/bpf_iter.c): the
//! guard leaves that out. Never walks anything.

use super::{
    Family, Lack, NO_SITE, Offer, Provider, Request, Target, View, builtin, template, typed,
};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Facts, Feature};
use crate::ir::{Builtin, Compare, Expr, ExprKind, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::types::btf::{Btf, Kind, Member, TypeId};
use crate::types::{Pointee, Space, Type};
use std::rc::Rc;

/// See the module.
pub const ITER: Provider = Provider {
    name: "iter",
    aliases: &["it"],
    forms: FORMS,
    resolve,
};

const FORMS: &str = "iter:task, iter:task_file or iter:task_vma";

/// What the functions that stand for kinds of objects begin with.
const FUNCTION: &str = "bpf_iter_";
/// What the structs that programs see begin with.
const STRUCT: &str = "bpf_iter__";
/// The member that is not about the object.
const META: &str = "meta";

/// Objects of which the kernel wants to be told which map or group they belong to, before it walks them
/// (`attach_target` of each kind of iterator).
const OF_SOMETHING: [&str; 4] = ["bpf_map_elem", "bpf_sk_storage_map", "cgroup", "sockmap"];

/// Kinds of objects that this kernel can walk, sorted.
pub fn kinds(btf: &Btf) -> Vec<&str> {
    let functions = btf.functions().map(|(name, _)| name);
    let mut kinds: Vec<&str> = functions
        .filter_map(|name| name.strip_prefix(FUNCTION))
        .filter(|kind| !OF_SOMETHING.contains(kind) && of(btf, kind).is_some())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// What a program sees of an object of that kind.
pub fn of(btf: &Btf, kind: &str) -> Option<TypeId> {
    btf.struct_named(&format!("{STRUCT}{kind}"))
}

/// The members of what a program sees that are about the object.
pub fn members<'b>(btf: &'b Btf, kind: &str) -> Vec<Member<'b>> {
    let Some(seen) = of(btf, kind) else {
        return Vec::new();
    };
    let names = btf.member_names(seen).into_iter();
    names
        .filter(|name| *name != META)
        .filter_map(|name| btf.find_member(seen, name))
        .collect()
}

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let [name] = request.parts else {
        return Err(request.malformed(FORMS));
    };
    request.need(Feature::Iterator, "`iter` probes", &[])?;
    let Some(btf) = request.facts.btf() else {
        let message = "this kernel has no BTF, so what iterators show is not known";
        let span = request.spec.span;
        return Err(Diagnostic::error(codes::NO_BTF, span, message));
    };
    if OF_SOMETHING.contains(&name.text.as_str()) {
        let message = format!("`{}` walks what belongs to one map or group", name.text);
        let diagnostic = Diagnostic::error(codes::PROBE_NOT_BUILT, name.span, message);
        return Err(diagnostic.help(format!("iterators here are {}", kinds(btf).join(", "))));
    }
    let kinds = kinds(btf);
    let matching = kinds.iter().filter(|kind| glob::matches(&name.text, kind));
    let targets: Vec<Target> = matching.map(|kind| target(kind)).collect();
    if !targets.is_empty() {
        return Ok(targets);
    }
    let message = format!("no such iterator: `{}`", name.text);
    let diagnostic = Diagnostic::error(codes::NO_MATCH, name.span, message);
    let near = did_you_mean(&name.text, kinds.iter().copied());
    let help = near.unwrap_or_else(|| format!("there are {}", kinds.join(", ")));
    Err(diagnostic.help(help))
}

fn target(kind: &str) -> Target {
    Target {
        probe: Probe::Iterator {
            name: kind.to_owned(),
        },
        view: Rc::new(Walk(kind.to_owned())),
    }
}

/// A walk over objects of that kind.
struct Walk(String);

impl View for Walk {
    fn family(&self) -> Family {
        Family::Iterator
    }

    fn name(&self) -> String {
        format!("iter:{}", self.0)
    }

    fn context(&self) -> Option<String> {
        Some(format!("{STRUCT}{}", self.0))
    }

    fn guard(&self, facts: &dyn Facts) -> Option<Expr> {
        let btf = facts.btf()?;
        let is_pointer = |m: &&Member| matches!(btf.kind(btf.strip(m.ty)), Kind::Pointer(_));
        let members = members(btf, &self.0);
        let object = members.iter().rfind(is_pointer)?;
        let object = template(Type::U64, load(object, 8));
        let none = template(Type::U64, ExprKind::Int(0));
        let there = ExprKind::Compare {
            op: Compare::Ne,
            left: Box::new(object),
            right: Box::new(none),
        };
        Some(template(Type::Bool, there))
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        let btf = facts.btf().ok_or_else(super::function::no_btf)?;
        let members = members(btf, &self.0);
        let member = members.iter().find(|m| m.name == name);
        let member = member.ok_or(Lack::NoSuchArg)?;
        let size = btf
            .size_of(member.ty)
            .and_then(|size| u8::try_from(size).ok());
        let ty = typed::register_type(btf, member.ty).zip(size);
        let (ty, size) = ty.ok_or_else(|| {
            let message = format!("it is a `{}`", btf.c_type(member.ty));
            Lack::Because(codes::TYPE_NOT_BUILT, message, None)
        })?;
        Ok(super::value(template(ty, load(member, size))))
    }

    fn arg_names(&self, facts: &dyn Facts) -> Vec<String> {
        let members = facts.btf().map(|btf| members(btf, &self.0));
        let members = members.unwrap_or_default();
        members.iter().map(|m| m.name.to_owned()).collect()
    }
}

/// A member of what the context points to.
fn load(member: &Member, width: u8) -> ExprKind {
    let context = Type::Ptr {
        to: Pointee::Unknown,
        space: Space::Kernel,
    };
    ExprKind::Load {
        base: Box::new(builtin(context, Builtin::Ctx)),
        offset: i64::from(member.offset()),
        space: Space::Kernel,
        width,
        bits: None,
        site: NO_SITE,
    }
}
