//! `tracer export`: recordings as Parquet.
//!
//! In: the typed options. Out: a Parquet file; an exit status.

use super::failure::Failure;
use crate::decode;
use crate::record::export::{Parquet, Words};
use crate::record::{Columns, End, Error, Merged};
use crate::tables::errno;
use crate::types::Abi;
use crate::types::call::Call;
use clap::Args;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// `tracer export`.
#[derive(Args, Debug, Clone)]
pub struct ExportArgs {
    /// Recordings, of one host or of several
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The Parquet file to write
    #[arg(long, value_name = "FILE", required = true)]
    pub parquet: PathBuf,
    /// Of a damaged recording, write what stands before the damage
    #[arg(long)]
    pub until_damage: bool,
}

/// The tables of this program.
struct Tables;

impl Words for Tables {
    fn call(&self, call: &Call<'_>, out: &mut String) {
        let abi: u64 = match call.abi {
            Abi::Native => 0,
            Abi::I386 => 1,
        };
        out.push_str(&decode::syscall_name(abi << 32 | u64::from(call.nr)));
    }

    fn error(&self, number: u64) -> Option<&str> {
        errno::name(number)
    }
}

/// Writes what was typed.
pub fn run(typed: &ExportArgs) -> Result<(), Failure> {
    let wrong = |error: Error| Failure::Machine(error.to_string());
    let mut rows = Merged::open(&typed.files, Columns::ALL).map_err(wrong)?;
    let path = &typed.parquet;
    let unwritten = |error| Failure::Machine(format!("write {}: {error}", path.display()));
    let file = File::create(path).map_err(unwritten)?;
    let mut parquet = Parquet::new(BufWriter::new(file), rows.headers()).map_err(unwritten)?;
    loop {
        match rows.next_rows() {
            Ok(Some((batch, range))) => parquet.add(batch, range, &Tables).map_err(unwritten)?,
            Ok(None) => break,
            Err(error) if typed.until_damage => {
                let _ = writeln!(std::io::stderr(), "tracer: {error}");
                break;
            }
            Err(error) => return Err(wrong(error)),
        }
    }
    parquet.finish().map_err(unwritten)?;
    for (path, end) in rows.ends() {
        if end == End::Cut {
            let path = path.display();
            let _ = writeln!(
                std::io::stderr(),
                "tracer: {path}: was not closed: the recorder was killed, or the file is cut; all whole batches were read"
            );
        }
    }
    Ok(())
}
