//! C declarations of a script, as written: structs, unions, enums and typedefs.
//!
//! In: the parser's calls. Out: plain data. Nothing is laid out or looked up: that is `sema`.

use super::{Expr, Ident, TypeName};
use crate::diag::Span;

/// `struct x { … } a, *b;`, at the top of a script or as a member.
#[derive(Clone, PartialEq, Debug)]
pub struct Declaration {
    /// It begins with `typedef`.
    pub typedef: bool,
    /// The type that all its names are made from.
    pub base: Base,
    /// The names, none for `struct x { … };`.
    pub names: Vec<Declarator>,
    /// With the semicolon.
    pub span: Span,
}

/// The part of a declaration before its names.
#[derive(Clone, PartialEq, Debug)]
pub enum Base {
    /// A type by name: `unsigned int`, `struct list_head`, `u64`.
    Named(TypeName),
    /// A struct or union with its members.
    Record(Record),
    /// An enum with its values.
    Enum(Enum),
}

/// `struct name { … }` or `union name { … }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// A union.
    pub union: bool,
    /// Its tag.
    pub name: Option<Ident>,
    /// In order.
    pub members: Vec<Declaration>,
    /// Before or behind the members.
    pub attributes: Attributes,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `enum name { A, B = 3 }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Enum {
    /// Its tag.
    pub name: Option<Ident>,
    /// Names and values; a value left out is the one before plus 1.
    pub values: Vec<(Ident, Option<Expr>)>,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// One name of a declaration: `*next`, `words[4]`, `flag : 1`, `(*call)(int)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Declarator {
    /// Its name; missing for a bit field that only takes room.
    pub name: Option<Ident>,
    /// Number of `*`.
    pub pointers: u32,
    /// A pointer to a function; what it takes and gives does not matter here.
    pub function: bool,
    /// `[n]`, outermost first; `None` for `[]`.
    pub dims: Vec<Option<Expr>>,
    /// Width of a bit field.
    pub bits: Option<Expr>,
    /// Behind the name.
    pub attributes: Attributes,
}

/// What `__attribute__((…))` says that changes a layout.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Attributes {
    /// `packed`.
    pub packed: bool,
    /// `aligned(n)`.
    pub aligned: Option<Expr>,
}
