//! Statics that several tables refer to: elements that pointers point to, cases.
//!
//! In: written at build time, each once. Out: nothing but these. Never looked up by name.

use super::what::{ByAbi, Dir, Elem, Len, On, Source, What};
use super::{sets, shared, structs};

include!(concat!(env!("OUT_DIR"), "/shared.rs"));
