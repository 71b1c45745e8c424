//! Rows to Parquet, for whoever asks in SQL.
//!
//! In: batches of recordings, and what names calls and errors. Out: a Parquet file whose columns are plain: names beside numbers, strings
//! that calls point to beside their addresses. `docs/recording.md` has the schema, which only grows. Never loses a row: what has no column
//! stands in `parts` as bytes.

mod parts;
mod rows;

use super::batch::Batch;
use super::header::Header;
use crate::types::call::Call;
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use rows::Rows;
use std::io::{self, Write};

/// Names what only tables know.
pub trait Words {
    /// The call's name.
    fn call(&self, call: &Call<'_>, out: &mut String);
    /// The name of an error number.
    fn error(&self, number: u64) -> Option<&str>;
}

/// Writes a Parquet file.
pub struct Parquet<W: Write + Send> {
    writer: ArrowWriter<W>,
    rows: Rows,
}

impl<W: Write + Send> Parquet<W> {
    /// Begins one; each header is a host of the rows to come.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W, headers: &[Header]) -> io::Result<Parquet<W>> {
        let entries = headers.iter().flat_map(|header| {
            let mut entries: Vec<(String, String)> = header.metadata().into_iter().collect();
            entries.sort();
            let host = header.host.clone();
            entries
                .into_iter()
                .map(move |(key, value)| KeyValue::new(format!("{host}:{key}"), value))
        });
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(entries.collect()))
            .build();
        let rows = Rows::new(headers);
        let writer = ArrowWriter::try_new(out, rows.schema(), Some(properties));
        Ok(Parquet {
            writer: writer.map_err(io::Error::other)?,
            rows,
        })
    }

    /// Adds rows of a batch with all its columns.
    ///
    /// # Errors
    /// As [`Parquet::new`].
    pub fn add(
        &mut self,
        batch: &Batch,
        rows: std::ops::Range<usize>,
        words: &dyn Words,
    ) -> io::Result<()> {
        for row in rows.filter_map(|at| batch.row(at)) {
            self.rows.push(&row, words);
        }
        match self.rows.len() >= GROUP_ROWS {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let batch = self.rows.take().map_err(failed)?;
        self.writer.write(&batch).map_err(io::Error::other)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`Parquet::new`].
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.writer.close().map_err(io::Error::other)?;
        Ok(())
    }
}

/// Rows that are handed over at once.
const GROUP_ROWS: usize = 64 << 10;

fn failed(error: ArrowError) -> io::Error {
    io::Error::other(error)
}
