//! The kernel's type information (BTF), read from its bytes in one pass.
//!
//! In: the bytes of `/sys/kernel/btf/vmlinux`. Out: look-ups by kind and name, members, sizes, prototypes,
//! C text and language types. Never opens a file.
//!
//! [`Btf::parse`] records where each type starts and checks every reference and name offset, so that all later
//! questions are total: an id from this BTF is always valid, chains of typedefs end. What stays open is
//! nesting that only a search can see (a struct that holds itself); searches are bounded.
//!
//! Format: Documentation/bpf/btf.rst and include/uapi/linux/btf.h in the kernel's sources.

mod build;
mod language;
mod parse;
pub mod quick;
mod shape;
#[cfg(test)]
mod tests;
mod text;

pub use build::Builder;
pub use parse::BtfError;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parse::raw;

/// Number of a type in the kernel's BTF; 0 is `void`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`.
    pub const VOID: TypeId = TypeId(0);
}

/// Bytes of a pointer in the kernels that are traced (all 64-bit).
const POINTER_BYTES: u32 = 8;
/// So many look-ups by name are served by a scan (up to 0.7 ms each) before an index is worth its 6 ms.
const SCANS_BEFORE_INDEX: u32 = 6;

/// The kernel's types.
pub struct Btf {
    bytes: Vec<u8>,
    types: Range<usize>,
    strings: Range<usize>,
    /// The first type that hides others of its name: those that a script declares itself.
    own: u32,
    /// Where each type starts in `bytes`; the entry of `void` is unused.
    offsets: Vec<u32>,
    scans: AtomicU32,
    /// Hash of name space and name, and the type: sorted, made after some scans.
    index: OnceLock<Vec<(u32, TypeId)>>,
}

/// What a search for members may still do: a malformed struct can hold itself, even many times.
struct SearchLimit {
    /// Anonymous structs within each other; real ones stay below five.
    depth: u32,
    /// Members to look at; the largest kernel struct has a few hundred.
    members: u32,
}

impl Default for SearchLimit {
    fn default() -> SearchLimit {
        SearchLimit {
            depth: 16,
            members: 1 << 16,
        }
    }
}

/// What a type is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `void`.
    Void,
    /// An integer, `bool` or character.
    Int(Int),
    /// A pointer to a type.
    Pointer(TypeId),
    /// An array.
    Array {
        /// Element type.
        elem: TypeId,
        /// Number of elements; 0 for a flexible array.
        len: u32,
    },
    /// A struct: see [`Btf::members`].
    Struct,
    /// A union: see [`Btf::members`].
    Union,
    /// An enum, of 32 or of 64 bits: see [`Btf::enumerators`].
    Enum {
        /// Bytes.
        size: u32,
        /// Whether a value is negative.
        signed: bool,
    },
    /// A struct or union that is only declared.
    Forward {
        /// It is a union.
        union: bool,
    },
    /// A typedef.
    Typedef(TypeId),
    /// `const`.
    Const(TypeId),
    /// `volatile`.
    Volatile(TypeId),
    /// `restrict`.
    Restrict(TypeId),
    /// `__attribute__((btf_type_tag(...)))`, e.g. `user` or `rcu`; its name is the tag.
    TypeTag(TypeId),
    /// A function; its prototype.
    Func(TypeId),
    /// A prototype: see [`Btf::proto`].
    FuncProto,
    /// A global or per-CPU variable; its type.
    Var(TypeId),
    /// A section of variables.
    DataSec,
    /// A floating point number of so many bytes.
    Float(u32),
    /// A tag on a declaration.
    DeclTag(TypeId),
}

/// An integer type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Int {
    /// Bytes it takes in memory.
    pub size: u32,
    /// Bits that count; fewer than `size * 8` only in bitfields of old compilers.
    pub bits: u32,
    /// First bit that counts.
    pub bit_offset: u32,
    /// Signed.
    pub signed: bool,
    /// A character.
    pub char: bool,
    /// `bool`.
    pub bool: bool,
}

/// A member of a struct or union.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member<'a> {
    /// Its name; empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type, as declared.
    pub ty: TypeId,
    /// Bits from the start of the struct that was asked about.
    pub bit_offset: u32,
    /// Width of a bitfield; 0 for an ordinary member.
    pub bitfield: u32,
}

impl Member<'_> {
    /// Bytes from the start of the struct: of the member, or of the byte where the bitfield begins.
    pub fn offset(&self) -> u32 {
        self.bit_offset / 8
    }
}

/// A function's prototype.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proto<'a> {
    /// Result; [`TypeId::VOID`] when there is none.
    pub ret: TypeId,
    /// Parameters, without the `...` of a variadic function.
    pub params: Vec<Param<'a>>,
    /// Takes further arguments.
    pub variadic: bool,
}

/// A parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param<'a> {
    /// Its name; can be empty.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
}

/// What a name stands for: C keeps struct tags apart from typedefs, and functions from both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Namespace {
    /// `struct NAME`.
    Struct,
    /// `union NAME`.
    Union,
    /// `enum NAME`.
    Enum,
    /// `NAME` as a type: a typedef, an integer or a floating point type.
    Plain,
    /// A function.
    Func,
    /// A variable.
    Var,
}

impl Namespace {
    fn of(kind: u32) -> Option<Namespace> {
        Some(match kind {
            raw::STRUCT => Namespace::Struct,
            raw::UNION => Namespace::Union,
            raw::ENUM | raw::ENUM64 => Namespace::Enum,
            raw::TYPEDEF | raw::INT | raw::FLOAT => Namespace::Plain,
            raw::FUNC => Namespace::Func,
            raw::VAR => Namespace::Var,
            _ => return None,
        })
    }
}

impl Btf {
    /// Reads BTF of this machine's byte order.
    ///
    /// # Errors
    /// When anything in it is malformed: lengths, references, names, kinds, endless typedefs.
    pub fn parse(bytes: Vec<u8>) -> Result<Btf, BtfError> {
        let parsed = parse::parse(&bytes)?;
        Ok(Btf {
            bytes,
            types: parsed.types,
            strings: parsed.strings,
            own: parsed.offsets.len() as u32,
            offsets: parsed.offsets,
            scans: AtomicU32::new(0),
            index: OnceLock::new(),
        })
    }

    /// Number of types, `void` among them.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is no type but `void`.
    pub fn is_empty(&self) -> bool {
        self.offsets.len() <= 1
    }

    /// All ids but `void`'s, in order.
    pub fn ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (1..self.offsets.len() as u32).map(TypeId)
    }

    /// What a type is. An id of another BTF that is out of range reads as `void`.
    pub fn kind(&self, id: TypeId) -> Kind {
        let Some(head) = self.head(id) else {
            return Kind::Void;
        };
        let to = TypeId(head.size_or_type);
        match head.kind() {
            raw::INT => Kind::Int(self.int(&head)),
            raw::PTR => Kind::Pointer(to),
            raw::ARRAY => Kind::Array {
                elem: TypeId(self.u32_at(head.end)),
                len: self.u32_at(head.end + 8),
            },
            raw::STRUCT => Kind::Struct,
            raw::UNION => Kind::Union,
            raw::ENUM | raw::ENUM64 => Kind::Enum {
                size: head.size_or_type,
                signed: head.flag(),
            },
            raw::FWD => Kind::Forward { union: head.flag() },
            raw::TYPEDEF => Kind::Typedef(to),
            raw::VOLATILE => Kind::Volatile(to),
            raw::CONST => Kind::Const(to),
            raw::RESTRICT => Kind::Restrict(to),
            raw::TYPE_TAG => Kind::TypeTag(to),
            raw::FUNC => Kind::Func(to),
            raw::FUNC_PROTO => Kind::FuncProto,
            raw::VAR => Kind::Var(to),
            raw::DATASEC => Kind::DataSec,
            raw::FLOAT => Kind::Float(head.size_or_type),
            raw::DECL_TAG => Kind::DeclTag(to),
            _ => Kind::Void,
        }
    }

    /// A type's name; empty when it has none (or one that is not UTF-8).
    pub fn name(&self, id: TypeId) -> &str {
        self.head(id).map_or("", |head| self.string(head.name))
    }

    /// The first type of that name in that name space.
    pub fn find(&self, space: Namespace, name: &str) -> Option<TypeId> {
        if name.is_empty() {
            return None;
        }
        let own = (self.own..self.offsets.len() as u32).map(TypeId);
        let mut own = own.filter(|&id| self.is_named(id, space, name));
        if let Some(id) = own.next() {
            return Some(id);
        }
        if self.index.get().is_none()
            && self.scans.fetch_add(1, Ordering::Relaxed) < SCANS_BEFORE_INDEX
        {
            return self.ids().find(|&id| self.is_named(id, space, name));
        }
        let index = self.index.get_or_init(|| self.build_index());
        let hash = hash_of(space, name.as_bytes());
        let start = index.partition_point(|&(h, _)| h < hash);
        index[start..]
            .iter()
            .take_while(|&&(h, _)| h == hash)
            .map(|&(_, id)| id)
            .find(|&id| self.is_named(id, space, name))
    }

    /// `struct NAME`.
    pub fn struct_named(&self, name: &str) -> Option<TypeId> {
        self.find(Namespace::Struct, name)
    }

    /// `union NAME`.
    pub fn union_named(&self, name: &str) -> Option<TypeId> {
        self.find(Namespace::Union, name)
    }

    /// `enum NAME`.
    pub fn enum_named(&self, name: &str) -> Option<TypeId> {
        self.find(Namespace::Enum, name)
    }

    /// A typedef or a basic type (`u64`, `pid_t`, `int`, `unsigned long`) by its plain name.
    pub fn plain_named(&self, name: &str) -> Option<TypeId> {
        self.find(Namespace::Plain, name)
    }

    /// A function's prototype by the function's name.
    pub fn func_named(&self, name: &str) -> Option<Proto<'_>> {
        match self.kind(self.find(Namespace::Func, name)?) {
            Kind::Func(proto) => self.proto(proto),
            _ => None,
        }
    }

    /// Names and types of all functions, in the order of the file (by no name order, with duplicates).
    pub fn functions(&self) -> impl Iterator<Item = (&str, TypeId)> {
        self.of_kind(raw::FUNC)
    }

    /// Names and types of all typedefs, in the order of the file.
    pub fn typedefs(&self) -> impl Iterator<Item = (&str, TypeId)> {
        self.of_kind(raw::TYPEDEF)
    }

    /// The value of an enumerator of any enum (`TASK_COMM_LEN`, `BPF_MAP_TYPE_HASH`), as 64 bits.
    pub fn enumerator(&self, name: &str) -> Option<i64> {
        self.ids()
            .flat_map(|id| self.enumerators(id))
            .find(|&(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// Name and value of each enumerator, in order; none when the type is no enum.
    pub fn enumerators(&self, id: TypeId) -> impl Iterator<Item = (&str, i64)> {
        let head = self
            .head(id)
            .filter(|h| matches!(h.kind(), raw::ENUM | raw::ENUM64));
        let (start, count, wide, signed) = head.map_or((0, 0, false, false), |h| {
            (h.end, h.vlen(), h.kind() == raw::ENUM64, h.flag())
        });
        (0..count as usize).map(move |i| {
            let at = start + i * if wide { 12 } else { 8 };
            let low = self.u32_at(at + 4);
            let value = match (wide, signed) {
                (true, _) => i64::from(low) | (i64::from(self.u32_at(at + 8)) << 32),
                (false, true) => i64::from(low as i32),
                (false, false) => i64::from(low),
            };
            (self.string(self.u32_at(at)), value)
        })
    }

    /// The type without typedefs, `const`, `volatile`, `restrict` and type tags.
    pub fn strip(&self, id: TypeId) -> TypeId {
        let mut at = id;
        // Ends: `parse` has refused chains that are endless.
        while let Kind::Typedef(to)
        | Kind::Const(to)
        | Kind::Volatile(to)
        | Kind::Restrict(to)
        | Kind::TypeTag(to) = self.kind(at)
        {
            at = to;
        }
        at
    }

    /// Bytes that a value of the type takes; `None` for `void`, functions and types only declared.
    pub fn size_of(&self, id: TypeId) -> Option<u32> {
        let id = self.strip(id);
        match self.kind(id) {
            Kind::Int(int) => Some(int.size),
            Kind::Pointer(_) => Some(POINTER_BYTES),
            Kind::Array { elem, len } => self.size_of(elem)?.checked_mul(len),
            Kind::Struct | Kind::Union => Some(self.head(id)?.size_or_type),
            Kind::Enum { size, .. } | Kind::Float(size) => Some(size),
            Kind::Var(ty) => self.size_of(ty),
            _ => None,
        }
    }

    /// The members of a struct or union as declared, anonymous ones included; none for other types.
    pub fn members(&self, id: TypeId) -> impl Iterator<Item = Member<'_>> {
        let head = self
            .head(self.strip(id))
            .filter(|h| matches!(h.kind(), raw::STRUCT | raw::UNION));
        let (start, count, flag) = head.map_or((0, 0, false), |h| (h.end, h.vlen(), h.flag()));
        (0..count as usize).map(move |i| self.member_at(start + i * 12, flag))
    }

    /// A member by name, also inside anonymous structs and unions; its bit offset counts from `id`'s start.
    pub fn find_member(&self, id: TypeId, name: &str) -> Option<Member<'_>> {
        let mut found = None;
        self.walk(id, 0, &mut SearchLimit::default(), &mut |member| {
            found = (member.name == name).then_some(member);
            found.is_some()
        });
        found
    }

    /// Names of all members that [`Btf::find_member`] finds, in order: for proposing the nearest.
    pub fn member_names(&self, id: TypeId) -> Vec<&str> {
        let mut names = Vec::new();
        self.walk(id, 0, &mut SearchLimit::default(), &mut |member| {
            names.push(member.name);
            false
        });
        names
    }

    /// A prototype: of a [`Kind::FuncProto`], or of what a [`Kind::Func`] or a pointer to one leads to.
    pub fn proto(&self, id: TypeId) -> Option<Proto<'_>> {
        let mut id = self.strip(id);
        if let Kind::Func(to) | Kind::Pointer(to) = self.kind(id) {
            id = self.strip(to);
        }
        let head = self.head(id).filter(|h| h.kind() == raw::FUNC_PROTO)?;
        let mut params: Vec<Param<'_>> = (0..head.vlen() as usize)
            .map(|i| Param {
                name: self.string(self.u32_at(head.end + i * 8)),
                ty: TypeId(self.u32_at(head.end + i * 8 + 4)),
            })
            .collect();
        // "..." is written as a last parameter without name and type.
        let variadic = params
            .last()
            .is_some_and(|p| p.ty == TypeId::VOID && p.name.is_empty());
        if variadic {
            params.pop();
        }
        Some(Proto {
            ret: TypeId(head.size_or_type),
            params,
            variadic,
        })
    }

    /// Visits the named members, those of anonymous members in their place, until `visit` says stop; says whether it did.
    fn walk<'a>(
        &'a self,
        id: TypeId,
        base: u32,
        limit: &mut SearchLimit,
        visit: &mut dyn FnMut(Member<'a>) -> bool,
    ) -> bool {
        for mut member in self.members(id) {
            if limit.members == 0 {
                return false;
            }
            limit.members -= 1;
            member.bit_offset = member.bit_offset.saturating_add(base);
            if !member.name.is_empty() {
                if visit(member) {
                    return true;
                }
            } else if limit.depth > 0 {
                limit.depth -= 1;
                let stopped = self.walk(member.ty, member.bit_offset, limit, visit);
                limit.depth += 1;
                if stopped {
                    return true;
                }
            }
        }
        false
    }

    fn member_at(&self, at: usize, flag: bool) -> Member<'_> {
        let ty = TypeId(self.u32_at(at + 4));
        let offset = self.u32_at(at + 8);
        let (bit_offset, bitfield) = match (flag, self.kind(self.strip(ty))) {
            (true, _) => (offset & 0xff_ffff, offset >> 24),
            // Compilers before the flag wrote a bitfield as an integer type of its own with fewer bits.
            (false, Kind::Int(int)) if int.bits != int.size * 8 => {
                (offset.saturating_add(int.bit_offset), int.bits)
            }
            (false, _) => (offset, 0),
        };
        Member {
            name: self.string(self.u32_at(at)),
            ty,
            bit_offset,
            bitfield,
        }
    }

    fn int(&self, head: &raw::Head) -> Int {
        let data = self.u32_at(head.end);
        let encoding = (data >> 24) & 0xf;
        Int {
            size: head.size_or_type,
            bits: data & 0xff,
            bit_offset: (data >> 16) & 0xff,
            signed: encoding & 1 != 0,
            char: encoding & 2 != 0,
            bool: encoding & 4 != 0,
        }
    }

    fn of_kind(&self, kind: u32) -> impl Iterator<Item = (&str, TypeId)> {
        self.ids().filter_map(move |id| {
            let head = self.head(id).filter(|h| h.kind() == kind)?;
            Some((self.string(head.name), id))
        })
    }

    fn is_named(&self, id: TypeId, space: Namespace, name: &str) -> bool {
        self.head(id).is_some_and(|head| {
            Namespace::of(head.kind()) == Some(space) && self.string_is(head.name, name)
        })
    }

    /// Compares without looking for the string's end first: most strings differ in their first bytes.
    fn string_is(&self, offset: u32, name: &str) -> bool {
        let start = self.strings.start + offset as usize;
        self.bytes
            .get(start..=start + name.len())
            .is_some_and(|s| s[name.len()] == 0 && &s[..name.len()] == name.as_bytes())
    }

    fn build_index(&self) -> Vec<(u32, TypeId)> {
        let mut index: Vec<(u32, TypeId)> = self
            .ids()
            .filter_map(|id| {
                let head = self.head(id)?;
                let space = Namespace::of(head.kind())?;
                Some((hash_of(space, self.string_bytes(head.name)), id))
            })
            .collect();
        index.sort_unstable();
        index
    }

    fn head(&self, id: TypeId) -> Option<raw::Head> {
        if id == TypeId::VOID {
            return None;
        }
        raw::Head::read(&self.bytes, *self.offsets.get(id.0 as usize)? as usize)
    }

    /// `parse` has checked that all fields of all types are inside.
    fn u32_at(&self, at: usize) -> u32 {
        raw::u32_at(&self.bytes, at).unwrap_or(0)
    }

    fn string(&self, offset: u32) -> &str {
        std::str::from_utf8(self.string_bytes(offset)).unwrap_or("")
    }

    fn string_bytes(&self, offset: u32) -> &[u8] {
        let section = &self.bytes[self.strings.clone()];
        let rest = section.get(offset as usize..).unwrap_or(&[]);
        let end = rest.iter().position(|&b| b == 0).unwrap_or(0);
        &rest[..end]
    }
}

/// FNV-1a: names are short. Nothing depends on the order or on the names being kind: equal hashes are told apart by
/// name, and the lowest id wins.
fn hash_of(space: Namespace, name: &[u8]) -> u32 {
    const START: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(PRIME);
    name.iter()
        .fold(step(START, space as u8), |hash, &byte| step(hash, byte))
}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Btf({} types, {} bytes)", self.len(), self.bytes.len())
    }
}
