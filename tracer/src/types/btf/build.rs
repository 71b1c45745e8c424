//! Writes small BTF: what a script declares itself, facts of a kernel that is not this one, tests.
//!
//! In: types, one call each, alone or behind those of another BTF. Out: bytes that [`super::Btf::parse`] reads. Never
//! checks what it is told.

use super::parse::raw;
use super::{Btf, BtfError, TypeId};

/// A BTF in the making. Ids count in the order of calls: from 1, or behind those of another BTF.
#[derive(Default)]
pub struct Builder {
    /// One entry a type; empty for one that is [reserved](Builder::reserve) and not given yet.
    types: Vec<Vec<u8>>,
    strings: Vec<u8>,
    /// Types before the first of these.
    before: u32,
    /// Bytes of strings before the first of these.
    strings_before: u32,
}

/// Bits of an integer's encoding.
const SIGNED: u32 = 1;
const CHAR: u32 = 2;
const BOOL: u32 = 4;

impl Builder {
    /// No types but `void`.
    pub fn new() -> Builder {
        Builder {
            strings: vec![0],
            ..Builder::default()
        }
    }

    /// No types but those of `base`, which the new ones may refer to.
    pub fn behind(base: &Btf) -> Builder {
        Builder {
            before: base.len() as u32 - 1,
            strings_before: base.strings.len() as u32,
            ..Builder::default()
        }
    }

    /// The id of a struct or union that others refer to before it is given.
    pub fn reserve(&mut self) -> TypeId {
        self.types.push(Vec::new());
        self.last()
    }

    /// Gives a reserved struct or union.
    pub fn give(
        &mut self,
        id: TypeId,
        union: bool,
        name: &str,
        size: u32,
        members: &[(&str, TypeId, u32, u32)],
    ) {
        let kind = if union { raw::UNION } else { raw::STRUCT };
        self.record(kind, name, size, members);
        let made = self.types.pop().unwrap_or_default();
        self.types[(id.0 - self.before) as usize - 1] = made;
    }

    /// A struct or union that is declared only.
    pub fn forward(&mut self, name: &str, union: bool) -> TypeId {
        self.head(raw::FWD, name, 0, union, 0)
    }

    /// An integer of `size` bytes.
    pub fn int(&mut self, name: &str, size: u32, signed: bool) -> TypeId {
        self.encoded_int(name, size, u32::from(signed) * SIGNED)
    }

    /// A character (signed).
    pub fn char(&mut self, name: &str) -> TypeId {
        self.encoded_int(name, 1, SIGNED | CHAR)
    }

    /// `bool`.
    pub fn bool(&mut self, name: &str) -> TypeId {
        self.encoded_int(name, 1, BOOL)
    }

    /// A pointer.
    pub fn pointer(&mut self, to: TypeId) -> TypeId {
        self.head(raw::PTR, "", 0, false, to.0)
    }

    /// `const`.
    pub fn constant(&mut self, to: TypeId) -> TypeId {
        self.head(raw::CONST, "", 0, false, to.0)
    }

    /// A typedef.
    pub fn typedef(&mut self, name: &str, to: TypeId) -> TypeId {
        self.head(raw::TYPEDEF, name, 0, false, to.0)
    }

    /// An array; its index type is its element type, which nobody reads.
    pub fn array(&mut self, elem: TypeId, len: u32) -> TypeId {
        let id = self.head(raw::ARRAY, "", 0, false, 0);
        self.words(&[elem.0, elem.0, len]);
        id
    }

    /// A struct of `size` bytes; members are (name, type, bit offset, bitfield width or 0).
    pub fn structure(
        &mut self,
        name: &str,
        size: u32,
        members: &[(&str, TypeId, u32, u32)],
    ) -> TypeId {
        self.record(raw::STRUCT, name, size, members)
    }

    /// A union.
    pub fn union(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32, u32)]) -> TypeId {
        self.record(raw::UNION, name, size, members)
    }

    /// An enum of 32 bits; signed when a value is negative.
    pub fn enumeration(&mut self, name: &str, values: &[(&str, i64)]) -> TypeId {
        let signed = values.iter().any(|&(_, v)| v < 0);
        let id = self.head(raw::ENUM, name, values.len(), signed, 4);
        for &(name, value) in values {
            let name = self.string(name);
            self.words(&[name, value as u32]);
        }
        id
    }

    /// An enum of 64 bits.
    pub fn enumeration64(&mut self, name: &str, values: &[(&str, i64)]) -> TypeId {
        let signed = values.iter().any(|&(_, v)| v < 0);
        let id = self.head(raw::ENUM64, name, values.len(), signed, 8);
        for &(name, value) in values {
            let name = self.string(name);
            self.words(&[name, value as u32, (value >> 32) as u32]);
        }
        id
    }

    /// A prototype.
    pub fn proto(&mut self, ret: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let id = self.head(raw::FUNC_PROTO, "", params.len(), false, ret.0);
        for &(name, ty) in params {
            let name = self.string(name);
            self.words(&[name, ty.0]);
        }
        id
    }

    /// A function.
    pub fn func(&mut self, name: &str, proto: TypeId) -> TypeId {
        self.head(raw::FUNC, name, 0, false, proto.0)
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_behind(&[], &[])
    }

    /// The types, read back.
    ///
    /// # Errors
    /// As [`Btf::parse`]: when something was referred to that does not exist.
    pub fn build(&self) -> Result<Btf, BtfError> {
        Btf::parse(self.bytes())
    }

    /// The types of `base`, as given to [`Builder::behind`], and these; these hide those of the same name.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build_behind(&self, base: &Btf) -> Result<Btf, BtfError> {
        let types = &base.bytes[base.types.clone()];
        let strings = &base.bytes[base.strings.clone()];
        let mut all = Btf::parse(self.bytes_behind(types, strings))?;
        all.own = self.before + 1;
        Ok(all)
    }

    fn bytes_behind(&self, types_before: &[u8], strings_before: &[u8]) -> Vec<u8> {
        let types: usize = self.types.iter().map(Vec::len).sum();
        let types = (types + types_before.len()) as u32;
        let strings = (self.strings.len() + strings_before.len()) as u32;
        let mut out = Vec::with_capacity(24 + types as usize + strings as usize);
        out.extend(0xeb9f_u16.to_ne_bytes());
        out.extend([1, 0]);
        for word in [24, 0, types, types, strings] {
            out.extend(u32::to_ne_bytes(word));
        }
        out.extend(types_before);
        self.types.iter().for_each(|t| out.extend(t));
        out.extend(strings_before);
        out.extend(&self.strings);
        out
    }

    fn last(&self) -> TypeId {
        TypeId(self.before + self.types.len() as u32)
    }

    fn encoded_int(&mut self, name: &str, size: u32, encoding: u32) -> TypeId {
        let id = self.head(raw::INT, name, 0, false, size);
        self.words(&[(encoding << 24) | (size * 8)]);
        id
    }

    fn record(
        &mut self,
        kind: u32,
        name: &str,
        size: u32,
        members: &[(&str, TypeId, u32, u32)],
    ) -> TypeId {
        let id = self.head(kind, name, members.len(), true, size);
        for &(name, ty, bit_offset, width) in members {
            let name = self.string(name);
            self.words(&[name, ty.0, (width << 24) | bit_offset]);
        }
        id
    }

    fn head(&mut self, kind: u32, name: &str, vlen: usize, flag: bool, last: u32) -> TypeId {
        let name = self.string(name);
        self.types.push(Vec::new());
        self.words(&[
            name,
            (u32::from(flag) << 31) | (kind << 24) | vlen as u32,
            last,
        ]);
        self.last()
    }

    fn words(&mut self, words: &[u32]) {
        let made = self.types.last_mut().expect("`head` began a type");
        made.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.strings_before + self.strings.len() as u32;
        self.strings.extend(text.as_bytes());
        self.strings.push(0);
        at
    }
}
