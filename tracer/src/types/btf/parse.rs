//! The one pass over BTF: where each type starts, and whether all of it is well formed.
//!
//! In: bytes from anywhere. Out: offsets and the place of the strings, or the first thing that is wrong.
//! Never panics and always ends, whatever the bytes are. After it has passed, every id, name and field that a type holds is inside the bytes.

use std::ops::Range;

use thiserror::Error;

/// Typedefs, modifiers and arrays in a row; real ones stay below ten.
const MAX_CHAIN: u32 = 64;
/// More types than this are refused; a kernel has about 130,000.
const MAX_TYPES: usize = 1 << 24;

/// Why bytes are not BTF.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BtfError {
    /// The first two bytes are wrong.
    #[error("not BTF: the magic number is {0:#06x}, expected 0xeb9f")]
    Magic(u16),
    /// Written on a machine of the other byte order.
    #[error("BTF of the other byte order")]
    ByteOrder,
    /// The header's version.
    #[error("BTF version {0}, expected 1")]
    Version(u8),
    /// A section that the header names lies outside the file.
    #[error("BTF header: the {0} lie outside the file")]
    Section(&'static str),
    /// The strings do not start and end with NUL.
    #[error("BTF strings do not start and end with NUL")]
    Strings,
    /// The bytes end within a type.
    #[error("BTF type {0} is cut off")]
    Cut(u32),
    /// A kind that is not known, so that the next type cannot be found.
    #[error("BTF type {id} has kind {kind}, which is unknown")]
    Kind {
        /// The type.
        id: u32,
        /// Its kind.
        kind: u32,
    },
    /// A type refers to one that does not exist.
    #[error("BTF type {id} refers to type {to}, which does not exist")]
    Reference {
        /// The type.
        id: u32,
        /// What it refers to.
        to: u32,
    },
    /// A name lies outside the strings.
    #[error("BTF type {id} has a name at {offset}, outside the strings")]
    Name {
        /// The type.
        id: u32,
        /// Into the strings.
        offset: u32,
    },
    /// Typedefs or arrays that never end.
    #[error("BTF type {0} is an endless chain of types")]
    Endless(u32),
    /// More types than any kernel has.
    #[error("more BTF types than any kernel has")]
    TooMany,
}

/// What the pass yields.
pub(super) struct Parsed {
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
    pub(super) offsets: Vec<u32>,
}

/// Encoding of one type.
pub(super) mod raw {
    pub(in super::super) const INT: u32 = 1;
    pub(in super::super) const PTR: u32 = 2;
    pub(in super::super) const ARRAY: u32 = 3;
    pub(in super::super) const STRUCT: u32 = 4;
    pub(in super::super) const UNION: u32 = 5;
    pub(in super::super) const ENUM: u32 = 6;
    pub(in super::super) const FWD: u32 = 7;
    pub(in super::super) const TYPEDEF: u32 = 8;
    pub(in super::super) const VOLATILE: u32 = 9;
    pub(in super::super) const CONST: u32 = 10;
    pub(in super::super) const RESTRICT: u32 = 11;
    pub(in super::super) const FUNC: u32 = 12;
    pub(in super::super) const FUNC_PROTO: u32 = 13;
    pub(in super::super) const VAR: u32 = 14;
    pub(in super::super) const DATASEC: u32 = 15;
    pub(in super::super) const FLOAT: u32 = 16;
    pub(in super::super) const DECL_TAG: u32 = 17;
    pub(in super::super) const TYPE_TAG: u32 = 18;
    pub(in super::super) const ENUM64: u32 = 19;

    /// The three words that every type starts with.
    pub(in super::super) struct Head {
        pub(in super::super) name: u32,
        info: u32,
        pub(in super::super) size_or_type: u32,
        /// Where what follows the three words starts.
        pub(in super::super) end: usize,
    }

    impl Head {
        pub(in super::super) fn read(bytes: &[u8], at: usize) -> Option<Head> {
            Some(Head {
                name: u32_at(bytes, at)?,
                info: u32_at(bytes, at + 4)?,
                size_or_type: u32_at(bytes, at + 8)?,
                end: at + 12,
            })
        }

        pub(in super::super) fn kind(&self) -> u32 {
            (self.info >> 24) & 0x1f
        }

        pub(in super::super) fn vlen(&self) -> u32 {
            self.info & 0xffff
        }

        pub(in super::super) fn flag(&self) -> bool {
            self.info >> 31 != 0
        }

        /// Bytes after the three words; `None` for an unknown kind.
        pub(in super::super) fn tail(&self) -> Option<usize> {
            let vlen = self.vlen() as usize;
            Some(match self.kind() {
                INT | VAR | DECL_TAG => 4,
                ARRAY => 12,
                STRUCT | UNION | DATASEC | ENUM64 => vlen * 12,
                ENUM | FUNC_PROTO => vlen * 8,
                PTR | FWD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNC | FLOAT | TYPE_TAG => 0,
                _ => return None,
            })
        }
    }

    pub(in super::super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
        let word = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_ne_bytes(word.try_into().ok()?))
    }
}

use raw::{Head, u32_at};

/// Finds and checks all types.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, BtfError> {
    let (types, strings) = sections(bytes)?;
    let offsets = find_types(bytes, types.clone())?;
    let checker = Checker {
        bytes,
        offsets: &offsets,
        strings: strings.len() as u32,
    };
    for id in 1..offsets.len() as u32 {
        checker.check(id)?;
    }
    Ok(Parsed {
        types,
        strings,
        offsets,
    })
}

/// Where the types and the strings are.
pub(super) fn sections(bytes: &[u8]) -> Result<(Range<usize>, Range<usize>), BtfError> {
    let magic = bytes
        .get(..2)
        .map_or(0, |b| u16::from_ne_bytes([b[0], b[1]]));
    match magic {
        0xeb9f => {}
        0x9feb => return Err(BtfError::ByteOrder),
        other => return Err(BtfError::Magic(other)),
    }
    match bytes.get(2) {
        Some(1) => {}
        other => return Err(BtfError::Version(other.copied().unwrap_or(0))),
    }
    let word = |at| u32_at(bytes, at).ok_or(BtfError::Section("header's fields"));
    let header = word(4)? as usize;
    let section = |offset: usize, what| {
        let start = header + word(offset)? as usize;
        let end = start + word(offset + 4)? as usize;
        // Offsets are kept in 32 bits.
        match end <= bytes.len() && end <= u32::MAX as usize {
            true => Ok(start..end),
            false => Err(BtfError::Section(what)),
        }
    };
    let (types, strings) = (section(8, "types")?, section(16, "strings")?);
    match &bytes[strings.clone()] {
        [0] | [0, .., 0] => Ok((types, strings)),
        _ => Err(BtfError::Strings),
    }
}

fn find_types(bytes: &[u8], types: Range<usize>) -> Result<Vec<u32>, BtfError> {
    // The mean type takes 28 bytes; a guess that is too low only costs a copy.
    let mut offsets = Vec::with_capacity(types.len() / 26 + 1);
    offsets.push(0);
    let bytes = &bytes[..types.end];
    let mut at = types.start;
    while at < types.end {
        let id = offsets.len() as u32;
        let head = Head::read(bytes, at).ok_or(BtfError::Cut(id))?;
        let kind = head.kind();
        let tail = head.tail().ok_or(BtfError::Kind { id, kind })?;
        offsets.push(at as u32);
        at = head.end + tail;
        if at > types.end {
            return Err(BtfError::Cut(id));
        }
        if offsets.len() > MAX_TYPES {
            return Err(BtfError::TooMany);
        }
    }
    Ok(offsets)
}

/// Checks that what types refer to exists.
struct Checker<'a> {
    bytes: &'a [u8],
    offsets: &'a [u32],
    strings: u32,
}

impl Checker<'_> {
    fn check(&self, id: u32) -> Result<(), BtfError> {
        let head = self.head(id);
        self.name(id, head.name)?;
        match head.kind() {
            raw::PTR | raw::FUNC | raw::DECL_TAG => self.reference(id, head.size_or_type),
            raw::TYPEDEF
            | raw::VOLATILE
            | raw::CONST
            | raw::RESTRICT
            | raw::TYPE_TAG
            | raw::ARRAY
            | raw::VAR => self.chain(id),
            raw::STRUCT | raw::UNION => self.entries(id, &head, 12, Some(4), true),
            raw::FUNC_PROTO => {
                self.reference(id, head.size_or_type)?;
                self.entries(id, &head, 8, Some(4), true)
            }
            raw::ENUM => self.entries(id, &head, 8, None, true),
            raw::ENUM64 => self.entries(id, &head, 12, None, true),
            raw::DATASEC => self.entries(id, &head, 12, Some(0), false),
            _ => Ok(()),
        }
    }

    /// Members, parameters, enumerators or variables: `step` bytes each, a reference at `reference`, a name first when `named`.
    fn entries(
        &self,
        id: u32,
        head: &Head,
        step: usize,
        reference: Option<usize>,
        named: bool,
    ) -> Result<(), BtfError> {
        for i in 0..head.vlen() as usize {
            let at = head.end + i * step;
            if named {
                self.name(id, self.word(at))?;
            }
            if let Some(offset) = reference {
                self.reference(id, self.word(at + offset))?;
            }
        }
        Ok(())
    }

    /// Follows typedefs, modifiers, array elements and the types of variables to their end.
    fn chain(&self, id: u32) -> Result<(), BtfError> {
        let mut at = id;
        for _ in 0..MAX_CHAIN {
            if at == 0 {
                return Ok(());
            }
            let head = self.head(at);
            at = match head.kind() {
                raw::TYPEDEF
                | raw::VOLATILE
                | raw::CONST
                | raw::RESTRICT
                | raw::TYPE_TAG
                | raw::VAR => head.size_or_type,
                raw::ARRAY => self.word(head.end),
                _ => return Ok(()),
            };
            self.reference(id, at)?;
        }
        Err(BtfError::Endless(id))
    }

    fn reference(&self, id: u32, to: u32) -> Result<(), BtfError> {
        match (to as usize) < self.offsets.len() {
            true => Ok(()),
            false => Err(BtfError::Reference { id, to }),
        }
    }

    fn name(&self, id: u32, offset: u32) -> Result<(), BtfError> {
        match offset < self.strings {
            true => Ok(()),
            false => Err(BtfError::Name { id, offset }),
        }
    }

    fn head(&self, id: u32) -> Head {
        Head::read(self.bytes, self.offsets[id as usize] as usize)
            .expect("find_types has read this head")
    }

    fn word(&self, at: usize) -> u32 {
        u32_at(self.bytes, at).expect("find_types has checked the type's length")
    }
}
