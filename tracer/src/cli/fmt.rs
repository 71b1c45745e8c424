//! `tracer fmt`: scripts, evenly spaced.
//!
//! In: names of files, or standard input. Out: files rewritten where that changes them, or the formatted script on standard
//! output; with `--check`, the names of files that would change. A script with errors is left alone.

use super::failure::{Failure, Status};
use super::typed;
use crate::session::{Script, voice};
use crate::syntax;
use std::io::{Read, Write};
use std::process::ExitCode;

/// Formats what was named.
pub fn run(typed: &typed::FmtArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if typed.files.is_empty() || typed.files == ["-"] {
        return standard_input(typed.check, out);
    }
    let mut differs = false;
    for file in &typed.files {
        let bytes = std::fs::read(file)
            .map_err(|error| Failure::Usage(format!("read script {file}: {error}")))?;
        let formatted = formatted(file, &bytes)?;
        if formatted == bytes {
            continue;
        }
        differs = true;
        if typed.check {
            writeln!(out, "{file}")?;
        } else {
            std::fs::write(file, formatted)
                .map_err(|error| Failure::Machine(format!("write script {file}: {error}")))?;
        }
    }
    Ok(status(typed.check && differs))
}

fn standard_input(check: bool, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Usage(format!("read script stdin: {error}")))?;
    let formatted = formatted("stdin", &bytes)?;
    if check {
        return Ok(status(formatted != bytes));
    }
    out.write_all(&formatted)?;
    Ok(status(false))
}

/// Not formatted is like an error in the script.
fn status(differs: bool) -> ExitCode {
    match differs {
        true => Status::Usage.into(),
        false => Status::Done.into(),
    }
}

fn formatted(name: &str, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let script = Script {
        name: name.to_owned(),
        text: syntax::text_of(bytes),
        params: Vec::new(),
    };
    match syntax::format::format(&script.text) {
        Ok(text) => Ok(syntax::bytes_of(&text)),
        Err(found) => Err(Failure::Script(voice::diagnostics(&script, &found))),
    }
}
