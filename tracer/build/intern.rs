//! Statics that several tables share: each text once.
//!
//! In: Rust text of a value. Out: a reference to a static that holds it. Never looks into the text.

use std::cell::RefCell;
use std::collections::HashMap;

/// The statics so far.
#[derive(Default)]
pub struct Interned {
    rows: RefCell<(HashMap<String, usize>, String)>,
}

impl Interned {
    /// A reference to the static of that type and value.
    pub fn add(&self, kind: &str, text: String) -> String {
        let mut rows = self.rows.borrow_mut();
        let next = rows.0.len();
        let at = *rows.0.entry(text.clone()).or_insert(next);
        let label = format!("{}_{at}", kind.to_uppercase());
        if at == next {
            rows.1 += &format!("pub(super) static {label}: {kind} = {text};\n");
        }
        format!("&shared::{label}")
    }

    /// All of them.
    pub fn tables(&self) -> String {
        self.rows.borrow().1.clone()
    }
}
