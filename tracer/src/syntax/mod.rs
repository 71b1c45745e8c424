//! Text to tree: tokens, AST with spans, a parser that recovers, a formatter.
//!
//! In: the script's text. Out: [`ast::Script`] and diagnostics. Never knows what a name means, which
//! probes exist or what a type is: that is `sema`.

pub mod ast;
