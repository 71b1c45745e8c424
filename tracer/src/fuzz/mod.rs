//! Random programs against the interpreter: what `cargo xtask fuzz` does, and what the tests of generated code use.
//!
//! In: a seed. Out: the first program that one of the stages refuses, or that does something else in the kernel than in the
//! interpreter, made small. Only in test builds and the fuzzer's own.
//!
//! | file | does |
//! |---|---|
//! | `case` | a tape of numbers to a program, its events, and what the generator may use |
//! | `run` | runs one in the kernel and in the interpreter, and compares |
//! | `search` | makes tapes, and shrinks one that fails |
//! | `coverage` | counts which operations were reached |

pub mod case;
pub mod coverage;
pub mod run;
pub mod search;
