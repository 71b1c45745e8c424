//! Completion scripts and the manual page, made from the command line's own definition.
//!
//! In: the definition. Out: text. Never reads argv.

use super::failure::Failure;
use super::typed::CommandLine;
use clap::CommandFactory;
use std::io::Write;

/// The completion script for a shell.
pub fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "tracer", &mut script);
    Ok(out.write_all(&script)?)
}

/// The manual page.
pub fn man(out: &mut dyn Write) -> Result<(), Failure> {
    Ok(clap_mangen::Man::new(CommandLine::command()).render(out)?)
}
