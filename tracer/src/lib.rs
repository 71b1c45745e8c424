//! The tracer as a library: a script becomes values, each stage takes a value and returns a value,
//! only the bottom edge touches the machine, and every stage's value can be printed as text.
//!
//! Rooms and who may import whom: `docs/design/architecture.md`; a test holds the table.

pub mod agg;
pub mod bpf;
pub mod cli;
pub mod codegen;
pub mod decode;
pub mod diag;
pub mod facts;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod interp;
pub mod ir;
pub mod kernel;
pub mod link;
pub mod load;
pub mod plan;
pub mod print;
pub mod profile;
pub mod record;
pub mod sema;
pub mod session;
pub mod stream;
pub mod symbols;
pub mod syntax;
pub mod sys;
pub mod tables;
pub mod trace;
pub mod types;
pub mod verdict;
