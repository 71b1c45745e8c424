//! C types of a script to BTF behind the kernel's: sizes and offsets by C's rules.
//!
//! In: declarations, the facts, constants. Out: the kernel's types with the script's own, and the enumerators among the
//! constants. The layout is that of the System V ABI for x86-64 (which arm64's AAPCS shares for what is here): members
//! at multiples of their alignment, a bit field within one unit of its type, `packed` without gaps. Never guesses: what has no
//! known size is an error where a size is needed, and a pointer to it is fine.

use super::evaluate;
use super::{Constant, Constants};
use crate::diag::{Diagnostic, Span, codes};
use crate::facts::Facts;
use crate::sema::ctype;
use crate::syntax::ast::c::{Attributes, Base, Declaration, Declarator, Enum, Record};
use crate::syntax::ast::{Expr, Tag, TypeName};
use crate::types::btf::{Btf, Builder, Kind, TypeId};
use std::collections::BTreeMap;

/// Largest struct: BTF counts bits in 24 bits.
const MAX_BYTES: u64 = (1 << 24) / 8 - 1;
const POINTER_BYTES: u32 = 8;

/// A type and what a layout needs of it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Laid {
    id: TypeId,
    /// Bytes; `None` for `void` and what is only declared.
    size: Option<u32>,
    align: u32,
}

/// Lays out all declarations, in order.
pub fn lay_out<'s>(
    declarations: &[&'s Declaration],
    facts: &dyn Facts,
    constants: &mut Constants<'s>,
    notes: &mut Vec<Diagnostic>,
) -> Option<Btf> {
    let kernel = facts.btf();
    let mut types = Types {
        kernel,
        out: kernel.map_or_else(Builder::new, Builder::behind),
        tags: BTreeMap::new(),
        typedefs: BTreeMap::new(),
        basic: BTreeMap::new(),
        sizes: BTreeMap::new(),
        constants,
        notes,
    };
    for d in declarations {
        types.tags_of(d);
    }
    for d in declarations {
        types.top(d);
    }
    types.declare_the_rest();
    let made = match kernel {
        Some(kernel) => types.out.build_behind(kernel),
        None => types.out.build(),
    };
    // Nothing here refers to what does not exist.
    made.ok()
}

struct Types<'k, 's, 'n> {
    kernel: Option<&'k Btf>,
    out: Builder,
    /// Structs, unions and enums of the script: reserved, and whether they were given.
    tags: BTreeMap<(bool, &'s str), (TypeId, bool)>,
    typedefs: BTreeMap<&'s str, Laid>,
    basic: BTreeMap<String, Laid>,
    /// Of the script's own types.
    sizes: BTreeMap<u32, (u32, u32)>,
    constants: &'n mut Constants<'s>,
    notes: &'n mut Vec<Diagnostic>,
}

impl<'s> Types<'_, 's, '_> {
    fn fail<T>(&mut self, span: Span, message: impl Into<String>) -> Option<T> {
        let diagnostic = Diagnostic::error(codes::BAD_DECLARATION, span, message);
        self.notes.push(diagnostic);
        None
    }

    /// Reserves the structs and unions that a declaration gives, so that pointers to them can come first.
    fn tags_of(&mut self, d: &'s Declaration) {
        if let Base::Record(r) = &d.base {
            if let Some(name) = &r.name {
                let key = (r.union, name.text.as_str());
                if !self.tags.contains_key(&key) {
                    let id = self.out.reserve();
                    self.tags.insert(key, (id, false));
                }
            }
            r.members.iter().for_each(|m| self.tags_of(m));
        }
    }

    /// What went wrong leaves types that were reserved: they are only declared.
    fn declare_the_rest(&mut self) {
        let open = self.tags.iter().filter(|(_, (_, given))| !given);
        for ((union, name), (id, _)) in open {
            self.out.give(*id, *union, name, 0, &[]);
        }
    }

    fn top(&mut self, d: &'s Declaration) {
        let Some(base) = self.base(&d.base) else {
            return;
        };
        for name in &d.names {
            let Some(ident) = &name.name else { continue };
            if !d.typedef {
                let message = "a script has no C variables";
                self.fail::<()>(
                    ident.span,
                    format!("{message}: write @{} or $x", ident.text),
                );
                continue;
            }
            let Some(laid) = self.declared(base, name) else {
                continue;
            };
            let id = self.out.typedef(&ident.text, laid.id);
            let laid = Laid { id, ..laid };
            self.typedefs.insert(&ident.text, laid);
        }
    }

    fn base(&mut self, base: &'s Base) -> Option<Laid> {
        match base {
            Base::Named(name) => self.named(name),
            Base::Record(r) => self.record(r),
            Base::Enum(e) => self.enumeration(e),
        }
    }

    /// A type by name: the script's own, a basic one, the kernel's.
    fn named(&mut self, name: &TypeName) -> Option<Laid> {
        let text = name.name.as_str();
        let void = Laid {
            id: TypeId::VOID,
            size: None,
            align: 1,
        };
        match name.tag {
            Some(Tag::Struct | Tag::Union) => {
                let union = name.tag == Some(Tag::Union);
                if let Some((id, given)) = self.tags.get(&(union, text)).copied() {
                    let (size, align) = self.sizes.get(&id.0).copied().unwrap_or((0, 1));
                    let size = given.then_some(size);
                    return Some(Laid { id, size, align });
                }
                let found = self.kernel.and_then(|btf| match union {
                    true => btf.union_named(text),
                    false => btf.struct_named(text),
                });
                Some(match found {
                    Some(id) => self.of_kernel(id),
                    // A pointer to a type that nobody knows is fine.
                    None => Laid {
                        id: self.out.forward(text, union),
                        ..void
                    },
                })
            }
            Some(Tag::Enum) => Some(match self.kernel.and_then(|btf| btf.enum_named(text)) {
                Some(id) => self.of_kernel(id),
                None => self.basic("unsigned int", 4, false),
            }),
            None if text == "void" => Some(void),
            None => self.plain(name),
        }
    }

    fn plain(&mut self, name: &TypeName) -> Option<Laid> {
        let text = name.name.as_str();
        if let Some(laid) = self.typedefs.get(text) {
            return Some(*laid);
        }
        if matches!(text, "bool" | "_Bool") {
            let id = self.out.bool(text);
            return Some(Laid {
                id,
                size: Some(1),
                align: 1,
            });
        }
        if let Some((bits, signed)) = ctype::basic(text) {
            return Some(self.basic(text, u32::from(bits) / 8, signed));
        }
        match self.kernel.and_then(|btf| btf.plain_named(text)) {
            Some(id) => Some(self.of_kernel(id)),
            None => {
                let message = format!("no such type: `{text}`");
                let diagnostic = Diagnostic::error(codes::NO_SUCH_TYPE, name.span, message);
                self.notes
                    .push(match self.tags.contains_key(&(false, text)) {
                        true => diagnostic.help(format!("write `struct {text}`")),
                        false => diagnostic,
                    });
                None
            }
        }
    }

    fn basic(&mut self, name: &str, size: u32, signed: bool) -> Laid {
        if let Some(laid) = self.basic.get(name) {
            return *laid;
        }
        let id = match name {
            "char" => self.out.char(name),
            _ => self.out.int(name, size, signed),
        };
        let laid = Laid {
            id,
            size: Some(size),
            align: size,
        };
        self.basic.insert(name.to_owned(), laid);
        laid
    }

    fn of_kernel(&self, id: TypeId) -> Laid {
        let (size, align) = match self.kernel {
            Some(btf) => (btf.size_of(id), align_of(btf, id, 16)),
            None => (None, 1),
        };
        Laid { id, size, align }
    }

    /// The type of one name of a declaration.
    fn declared(&mut self, base: Laid, name: &'s Declarator) -> Option<Laid> {
        let mut laid = base;
        let pointers = match name.function {
            true => {
                laid.id = TypeId::VOID;
                1
            }
            false => name.pointers,
        };
        for _ in 0..pointers {
            laid = Laid {
                id: self.out.pointer(laid.id),
                size: Some(POINTER_BYTES),
                align: POINTER_BYTES,
            };
        }
        for dim in name.dims.iter().rev() {
            let count = match dim {
                Some(e) => self.number(e, MAX_BYTES)?,
                None => 0,
            };
            let span = name.name.as_ref().map_or(Span::default(), |n| n.span);
            let Some(size) = laid.size else {
                return self.fail(span, "the size of an element is not known");
            };
            let Some(bytes) = size
                .checked_mul(count)
                .filter(|&b| u64::from(b) <= MAX_BYTES)
            else {
                return self.fail(span, format!("the array has more than {MAX_BYTES} bytes"));
            };
            laid = Laid {
                id: self.out.array(laid.id, count),
                size: Some(bytes),
                align: laid.align,
            };
        }
        Some(laid)
    }

    /// A constant from 0 to `most`.
    fn number(&mut self, e: &Expr, most: u64) -> Option<u32> {
        let size_of = |name: &TypeName| match (name.pointers, name.tag) {
            (1.., _) => Some(POINTER_BYTES),
            (0, None) => ctype::basic(&name.name).map(|(bits, _)| u32::from(bits) / 8),
            (0, Some(tag)) => {
                let key = (tag == Tag::Union, name.name.as_str());
                let (id, given) = self.tags.get(&key)?;
                given.then(|| Some(self.sizes.get(&id.0)?.0))?
            }
        };
        match evaluate::constant(e, self.constants, &size_of) {
            Ok(v) if u64::try_from(v).is_ok_and(|v| v <= most) => Some(v as u32),
            Ok(v) => self.fail(
                e.span,
                format!("this is {v}, a number from 0 to {most} was expected"),
            ),
            Err(fault) => self.fail(fault.span, fault.message),
        }
    }

    fn enumeration(&mut self, e: &'s Enum) -> Option<Laid> {
        let mut next = 0i64;
        let mut values = Vec::new();
        for (name, value) in &e.values {
            if let Some(value) = value {
                next = match evaluate::constant(value, self.constants, &|_| None) {
                    Ok(v) => v,
                    Err(fault) => return self.fail(fault.span, fault.message),
                };
            }
            values.push((name.text.as_str(), next));
            self.constants
                .insert(&name.text, Constant::Enumerator(next));
            next = next.wrapping_add(1);
        }
        let tag = e.name.as_ref().map_or("", |n| n.text.as_str());
        let signed = values.iter().any(|&(_, v)| v < 0);
        let fits = |v: i64| match signed {
            true => i32::try_from(v).is_ok(),
            false => u32::try_from(v).is_ok(),
        };
        let (id, size) = match values.iter().all(|&(_, v)| fits(v)) {
            true => (self.out.enumeration(tag, &values), 4),
            false => (self.out.enumeration64(tag, &values), 8),
        };
        Some(Laid {
            id,
            size: Some(size),
            align: size,
        })
    }

    fn record(&mut self, r: &'s Record) -> Option<Laid> {
        let mut layout = Layout::new(r.union, r.attributes.packed);
        let mut members: Vec<(String, TypeId, u32, u32)> = Vec::new();
        for member in &r.members {
            let base = self.base(&member.base)?;
            if member.names.is_empty() {
                self.unnamed(member, base, &mut layout, &mut members)?;
            }
            for name in &member.names {
                let laid = self.declared(base, name)?;
                members.extend(self.member(laid, name, member.span, &mut layout)?);
            }
        }
        if let Some(aligned) = &r.attributes.aligned {
            layout.align = layout.align.max(self.alignment(aligned)?);
        }
        let Some((size, align)) = layout.end() else {
            return self.fail(r.span, format!("the type has more than {MAX_BYTES} bytes"));
        };
        let name = r.name.as_ref().map_or("", |n| n.text.as_str());
        let members: Vec<_> = members
            .iter()
            .map(|(n, t, o, w)| (n.as_str(), *t, *o, *w))
            .collect();
        let id = match self.tags.get_mut(&(r.union, name)) {
            Some((id, given)) if !*given => {
                *given = true;
                self.out.give(*id, r.union, name, size, &members);
                *id
            }
            Some(_) => {
                let message = format!("`{name}` is declared twice");
                return self.fail(r.span, message);
            }
            None if r.union => self.out.union(name, size, &members),
            None => self.out.structure(name, size, &members),
        };
        self.sizes.insert(id.0, (size, align));
        let size = Some(size);
        Some(Laid { id, size, align })
    }

    /// `struct { … };` as a member: its members count as the outer type's own.
    fn unnamed(
        &mut self,
        member: &'s Declaration,
        base: Laid,
        layout: &mut Layout,
        members: &mut Vec<(String, TypeId, u32, u32)>,
    ) -> Option<()> {
        match &member.base {
            Base::Record(r) if r.name.is_none() => {
                let at = layout.place(base.size.unwrap_or(0), base.align);
                members.push((String::new(), base.id, at?, 0));
                Some(())
            }
            // A type that is declared in passing takes no room.
            Base::Record(_) | Base::Enum(_) => Some(()),
            Base::Named(name) => self.fail(name.span, "this member has no name"),
        }
    }

    fn member(
        &mut self,
        laid: Laid,
        name: &'s Declarator,
        span: Span,
        layout: &mut Layout,
    ) -> Option<Option<(String, TypeId, u32, u32)>> {
        let Some(size) = laid.size else {
            return self.fail(span, "the size of this member's type is not known");
        };
        let text = name.name.as_ref().map_or("", |n| n.text.as_str());
        if let Some(bits) = &name.bits {
            let width = self.number(bits, u64::from(size) * 8)?;
            if width == 0 {
                layout.close_unit(laid.align);
                return Some(None);
            }
            let Some(at) = layout.place_bits(size, laid.align, width) else {
                return self.fail(span, format!("the type has more than {MAX_BYTES} bytes"));
            };
            let named = !text.is_empty();
            return Some(named.then(|| (text.to_owned(), laid.id, at, width)));
        }
        let align = self.member_align(laid.align, &name.attributes)?;
        match layout.place(size, align) {
            Some(at) => Some(Some((text.to_owned(), laid.id, at, 0))),
            None => self.fail(span, format!("the type has more than {MAX_BYTES} bytes")),
        }
    }

    fn member_align(&mut self, natural: u32, attributes: &'s Attributes) -> Option<u32> {
        let natural = if attributes.packed { 1 } else { natural };
        match &attributes.aligned {
            Some(e) => Some(natural.max(self.alignment(e)?)),
            None => Some(natural),
        }
    }

    fn alignment(&mut self, e: &Expr) -> Option<u32> {
        let align = self.number(e, 4096)?;
        match align.is_power_of_two() {
            true => Some(align),
            false => self.fail(e.span, "an alignment is a power of two"),
        }
    }
}

/// Where the next member goes, in bits.
struct Layout {
    union: bool,
    packed: bool,
    /// Behind the last member.
    at: u64,
    /// Of the longest member.
    longest: u64,
    /// Bytes.
    align: u32,
}

impl Layout {
    fn new(union: bool, packed: bool) -> Layout {
        Layout {
            union,
            packed,
            at: 0,
            longest: 0,
            align: 1,
        }
    }

    /// The bit offset of a member; `None` when the type gets too large.
    fn place(&mut self, size: u32, align: u32) -> Option<u32> {
        let align = if self.packed { 1 } else { align };
        let at = self.at.next_multiple_of(u64::from(align) * 8);
        self.take(at, u64::from(size) * 8, align)
    }

    /// The bit offset of a bit field: within one unit of its type, unless packed.
    fn place_bits(&mut self, size: u32, align: u32, width: u32) -> Option<u32> {
        let (unit, width) = (u64::from(size) * 8, u64::from(width));
        let mut at = self.at;
        let align = if self.packed { 1 } else { align };
        if !self.packed && at / unit != (at + width - 1) / unit {
            at = at.next_multiple_of(u64::from(align) * 8);
        }
        self.take(at, width, align)
    }

    fn take(&mut self, at: u64, bits: u64, align: u32) -> Option<u32> {
        self.align = self.align.max(align);
        self.longest = self.longest.max(at + bits);
        if !self.union {
            self.at = at + bits;
        }
        (at + bits <= MAX_BYTES * 8).then_some(at as u32)
    }

    /// `int : 0`: the next bit field begins in a unit of its own.
    fn close_unit(&mut self, align: u32) {
        self.at = self.at.next_multiple_of(u64::from(align) * 8);
    }

    /// Size and alignment in bytes.
    fn end(&self) -> Option<(u32, u32)> {
        let bytes = self.longest.div_ceil(8);
        let size = bytes.next_multiple_of(u64::from(self.align));
        (size <= MAX_BYTES).then_some((size as u32, self.align))
    }
}

/// Alignment of one of the kernel's types: that of its widest part that its size and offsets keep (BTF does not say
/// which types are packed).
fn align_of(btf: &Btf, id: TypeId, depth: u32) -> u32 {
    let id = btf.strip(id);
    let Some(depth) = depth.checked_sub(1) else {
        return 1;
    };
    match btf.kind(id) {
        Kind::Array { elem, .. } => align_of(btf, elem, depth),
        Kind::Struct | Kind::Union => {
            let size = btf.size_of(id).unwrap_or(0);
            let members: Vec<_> = btf.members(id).collect();
            let widest = members.iter().map(|m| align_of(btf, m.ty, depth)).max();
            let keeps = |align: u32| {
                size.is_multiple_of(align)
                    && members.iter().all(|m| {
                        m.bitfield != 0
                            || m.offset()
                                .is_multiple_of(align_of(btf, m.ty, depth).min(align))
                    })
            };
            let mut align = widest.unwrap_or(1);
            while align > 1 && !keeps(align) {
                align /= 2;
            }
            align
        }
        _ => btf.size_of(id).unwrap_or(1).clamp(1, 16),
    }
}
