//! The IR's own rules, checked.
