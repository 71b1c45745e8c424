//! The `tracer` program: argv in, exit status out; everything else is the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracer::cli::main(std::env::args_os())
}
