//! The tree of a script, as written. Every node has its span; nothing is resolved.
//!
//! In: the parser's calls. Out: plain data for `sema`, the formatter and `--dump=ast`.
//! It covers the whole language, also what `sema` answers with "not built yet".

pub mod c;

use crate::diag::Span;

/// A name with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ident {
    /// The text, without sigil.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A whole script.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Script {
    /// In source order.
    pub items: Vec<Item>,
}

/// A top-level item.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// A probe clause.
    Clause(Clause),
    /// A line of the C preprocessor but `#define`: `#include`, `#ifdef`, ….
    Directive {
        /// The word behind `#`.
        word: Ident,
        /// What follows, without blanks around it.
        rest: String,
        /// The condition of `#if` and `#elif`, when it could be read.
        condition: Option<Expr>,
        /// Where.
        span: Span,
    },
    /// `#define NAME value`.
    Define(Define),
    /// `struct`, `union`, `enum` or `typedef`.
    Declaration(c::Declaration),
    /// `config = { k = v; }`.
    Config {
        /// Key and value.
        entries: Vec<(Ident, Expr)>,
        /// Where.
        span: Span,
    },
    /// `let @m = hash(100);`
    MapDecl {
        /// Name without `@`.
        name: Ident,
        /// `hash`, `lruhash`, …
        kind: Ident,
        /// Arguments.
        args: Vec<Expr>,
        /// Where.
        span: Span,
    },
    /// `macro name(args) { … }`.
    Macro(Macro),
}

/// `#define NAME value` or `#define NAME(a, b) value`.
#[derive(Clone, PartialEq, Debug)]
pub struct Define {
    /// Its name.
    pub name: Ident,
    /// Names of parameters, when a bracket follows the name directly.
    pub params: Option<Vec<Ident>>,
    /// The value; `None` when the text is no expression (it may be an attribute, or nothing).
    pub value: Option<Expr>,
    /// The whole line.
    pub span: Span,
}

/// `macro name(args) { … }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Macro {
    /// Its name.
    pub name: Ident,
    /// Parameters: `$x` is a [`ExprKind::Var`], `@x` a [`ExprKind::Map`], `x` a [`ExprKind::Name`].
    pub params: Vec<Expr>,
    /// Its body.
    pub body: ValueBlock,
    /// Where.
    pub span: Span,
}

/// `probe[,probe…] /predicate/ { … }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause {
    /// At least one.
    pub probes: Vec<ProbeSpec>,
    /// Between slashes.
    pub predicate: Option<Expr>,
    /// The action.
    pub body: Block,
    /// The whole clause.
    pub span: Span,
}

/// A probe as written: its parts between colons. `tracepoint:sched:*`, `interval:s:1`, `BEGIN`.
/// Positional parameters (`$1`) inside a part are already replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeSpec {
    /// At least one; may be empty text (`syscall::openat:entry`).
    pub parts: Vec<Ident>,
    /// The whole spec.
    pub span: Span,
}

/// `{ … }`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// With braces.
    pub span: Span,
}

/// `{ …; value }`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ValueBlock {
    /// What is done first. Without a value it is everything.
    pub block: Block,
    /// The last expression, when no `;` stands behind it.
    pub value: Option<Box<Expr>>,
}

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Stmt {
    /// What.
    pub kind: StmtKind,
    /// Where.
    pub span: Span,
}

/// Kinds of statement.
#[derive(Clone, PartialEq, Debug)]
pub enum StmtKind {
    /// An expression for its effect: a call, `$i++`.
    Expr(Expr),
    /// `target op= value`; `op` is `None` for `=`. Target is a `Var` or `Map`.
    Assign {
        /// `$x`, `@x`, `@x[k]`.
        target: Expr,
        /// The operator before `=`.
        op: Option<BinaryOp>,
        /// The value.
        value: Expr,
    },
    /// `let $x: type = value;`
    Let {
        /// The variable, without `$`.
        name: Ident,
        /// Declared type.
        ty: Option<TypeName>,
        /// Initial value.
        value: Option<Expr>,
    },
    /// `if`.
    If {
        /// Condition.
        cond: Expr,
        /// Then.
        then: Block,
        /// Else; `else if` is a block with one `If`.
        otherwise: Option<Block>,
    },
    /// `while (cond) { … }`.
    While {
        /// Condition.
        cond: Expr,
        /// Body.
        body: Block,
    },
    /// `for ($kv : @map) { … }`.
    ForMap {
        /// Loop variable.
        var: Ident,
        /// The map expression.
        map: Expr,
        /// Body.
        body: Block,
    },
    /// `for ($i : a..b) { … }`.
    ForRange {
        /// Loop variable.
        var: Ident,
        /// Inclusive start.
        start: Expr,
        /// Exclusive end.
        end: Expr,
        /// Body.
        body: Block,
    },
    /// `unroll(n) { … }`.
    Unroll {
        /// How often.
        count: Expr,
        /// Body.
        body: Block,
    },
    /// `break;`
    Break,
    /// `continue;`
    Continue,
    /// `return [value];`
    Return(Option<Expr>),
    /// `{ … }`.
    Block(Block),
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// Kinds of expression.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// An integer literal (decimal, hex, octal, `1e6`, `1_000`, durations in ns, `'c'`), or a
    /// numeric positional parameter.
    Int(u64),
    /// A string literal, escapes resolved; or a positional parameter inside `str($1)`.
    Str(Vec<u8>),
    /// `true`, `false`.
    Bool(bool),
    /// A bare name: a built-in or a constant.
    Name(String),
    /// `$x`.
    Var(String),
    /// `@x` or `@x[k1, k2]`; `keys` is `None` without brackets. The unnamed map has an empty name.
    Map {
        /// Name without `@`.
        name: String,
        /// Keys.
        keys: Option<Vec<Expr>>,
    },
    /// `$1`, not yet replaced: the text of the parameter and its number.
    Positional {
        /// From 1; 0 stands for `$#`.
        index: u32,
        /// Its text; `None` when the command line has fewer.
        text: Option<String>,
    },
    /// `f(a, b)`.
    Call {
        /// The function.
        name: Ident,
        /// Arguments.
        args: Vec<Expr>,
    },
    /// `op x`.
    Unary {
        /// Operator.
        op: UnaryOp,
        /// Operand.
        operand: Box<Expr>,
    },
    /// `++x`, `x++`, `--x`, `x--`.
    Step {
        /// +1 or -1.
        delta: i8,
        /// Value before or after the step.
        prefix: bool,
        /// A `Var` or `Map`.
        target: Box<Expr>,
    },
    /// `a op b`.
    Binary {
        /// Operator.
        op: BinaryOp,
        /// Left.
        left: Box<Expr>,
        /// Right.
        right: Box<Expr>,
    },
    /// `c ? a : b`.
    Cond {
        /// Condition.
        cond: Box<Expr>,
        /// When true.
        then: Box<Expr>,
        /// When false.
        otherwise: Box<Expr>,
    },
    /// `(type) x`.
    Cast {
        /// To.
        ty: TypeName,
        /// Operand.
        operand: Box<Expr>,
    },
    /// `x.name` or `x->name` (`arrow`); `x.0` on tuples.
    Member {
        /// Base.
        base: Box<Expr>,
        /// Member name or tuple index.
        name: Ident,
        /// Written with `->`.
        arrow: bool,
    },
    /// `x[i]`.
    Index {
        /// Base.
        base: Box<Expr>,
        /// Index.
        index: Box<Expr>,
    },
    /// `(a, b)`: two or more.
    Tuple(Vec<Expr>),
    /// `(a = 1, b = 2)`.
    Record(Vec<(Ident, Expr)>),
    /// `sizeof(type)` or `sizeof(expr)`.
    SizeofType(TypeName),
    /// `sizeof(expr)`.
    SizeofExpr(Box<Expr>),
    /// `container_of(pointer, type, member.path)`.
    ContainerOf {
        /// To the member.
        pointer: Box<Expr>,
        /// Of the whole.
        ty: TypeName,
        /// From the whole to the member.
        path: Vec<Ident>,
    },
    /// `offsetof(type, member.path)`.
    Offsetof {
        /// The struct.
        ty: TypeName,
        /// Members, outermost first.
        path: Vec<Ident>,
    },
    /// `/regex/` as the right side of `=~`.
    Regex(String),
    /// `{ …; value }`.
    Block(ValueBlock),
}

/// A C type as written: `uint64`, `struct task_struct *`, `char[16]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeName {
    /// `struct`, `union`, `enum` or nothing.
    pub tag: Option<Tag>,
    /// The name; several words of C (`unsigned long`) are joined by one space.
    pub name: String,
    /// Number of `*`.
    pub pointers: u32,
    /// `[n]`, outermost first.
    pub dims: Vec<u32>,
    /// Where.
    pub span: Span,
}

/// Keyword before a type's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
}

/// Prefix operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
    /// `~`
    BitNot,
    /// `*`
    Deref,
    /// `&`
    AddressOf,
}

/// Infix operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "each is the operator of its name")]
pub enum BinaryOp {
    Mul,
    Div,
    Mod,
    Add,
    Sub,
    Shl,
    Shr,
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
    /// `=~`
    Match,
    /// `!~`
    NoMatch,
}
