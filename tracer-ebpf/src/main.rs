//! rt
fn main() {}
