//! Build, run, test and measure the tracer.
fn main() {}
