//! System calls: numbers, names, arguments, classes.

use crate::types::Abi;

/// A call's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The call.
    pub name: &'static str,
    /// In order; argument i is register argument i.
    pub args: &'static [Arg],
    /// Members of a struct that an argument points to and that count as arguments (`clone3`: `flags`, …).
    pub fields: &'static [StructField],
}

/// An argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgKind,
}

/// What an argument is, as far as the language needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// A number of 32 or 64 bits.
    Int {
        /// 32 or 64 (what the kernel looks at).
        bits: u8,
        /// Signed.
        signed: bool,
    },
    /// A NUL-terminated string that the kernel reads (path or other).
    Str,
    /// A pointer to user memory; the struct's name when it is one.
    Ptr(Option<&'static str>),
}

/// A member that counts as an argument, read at entry from user memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StructField {
    /// Its name.
    pub name: &'static str,
    /// Which argument points to the struct.
    pub arg: u8,
    /// Bytes into it.
    pub offset: u32,
    /// 1, 2, 4, 8.
    pub width: u8,
    /// Signed.
    pub signed: bool,
}

/// The name of a call; `None` when no table knows the number.
pub fn name(_abi: Abi, _nr: u32) -> Option<&'static str> {
    None
}

/// The number of a call.
pub fn number(_abi: Abi, _name: &str) -> Option<u32> {
    None
}

/// All calls of an ABI: number and name, by number.
pub fn all(_abi: Abi) -> impl Iterator<Item = (u32, &'static str)> {
    std::iter::empty()
}

/// The arguments of a call by name; `None` when our table lacks it.
pub fn signature(_name: &str) -> Option<&'static Signature> {
    None
}

/// The calls of a class (`file`, `net`, `process`, `desc`, `memory`, `signal`, `ipc`, `creds`, `clock`), sorted
/// names; `None` when there is no such class.
pub fn class(_class: &str) -> Option<&'static [&'static str]> {
    None
}
