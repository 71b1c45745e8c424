//! `workload`: what benchmarks trace, and the floor that they measure against.
//!
//! `workload loop` reads orders from standard input, one a line (`getppid 1000000`), carries each out by raw system
//! calls and answers with a line: how many nanoseconds it took. `workload floor HOOK…` attaches an empty program to
//! each of these raw tracepoints, says `ready`, and holds them until its standard input ends. `workload programs PID` tells
//! what the kernel knows of the programs of a process; `workload spent FILE COMMAND…` writes what a command took into a file.
//! Never traces anything, and never prints within an order.

mod floor;
mod orders;
mod programs;
mod spent;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["loop"] => orders::serve(),
        ["floor", hooks @ ..] if !hooks.is_empty() => floor::hold(hooks),
        ["programs", pid] => programs::tell(pid),
        ["spent", file, command @ ..] if !command.is_empty() => spent::tell(file, command),
        _ => {
            eprintln!(
                "usage: workload loop | workload floor HOOK... | workload programs PID | workload spent FILE COMMAND..."
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workload: {error:#}");
            ExitCode::FAILURE
        }
    }
}
