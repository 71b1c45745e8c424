//! Rows to a file, batch by batch.
//!
//! In: [`Row`]s in the order of time, and what ids stand for. Out: an Arrow IPC stream, one write a batch: whoever kills the recorder
//! loses the batch in hand and nothing else. A batch is closed by its size and by its age. With a [`Rotation`], files follow each other,
//! each a recording of its own.

use super::columns::Builder;
use super::frame;
use super::header::Header;
use super::layout::schema;
use super::row::{Ending, How, Kind, Name, Row, Sink};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::{ArrowError, Schema};
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of a batch.
const BATCH_ROWS: usize = 32 << 10;
/// Bytes of memory and stacks in a batch.
const BATCH_BYTES: usize = 8 << 20;
/// A batch is written when it is so old.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Tells what an id stands for.
pub trait Naming: Send + fmt::Debug {
    /// The name; `None` when there is none.
    fn name(&mut self, what: Name, id: u64) -> Option<Vec<u8>>;
}

/// When the next file begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rotation {
    /// A file is not much larger.
    pub bytes: Option<u64>,
    /// A file is not much older.
    pub age: Option<Duration>,
    /// So many files are kept; the oldest is deleted for a new one.
    pub keep: Option<u32>,
}

/// Writes recordings.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    header: Header,
    rotation: Rotation,
    naming: Box<dyn Naming>,
    file: File,
    schema: Arc<Schema>,
    encoder: Encoder,
    batch: Builder,
    /// When the batch's first row came.
    since: Option<Instant>,
    opened: Instant,
    /// Bytes in the file.
    written: u64,
    /// Ids that the file has names for.
    named: HashSet<(Name, u64)>,
    /// Of the row before: most rows are of the same users.
    last_ids: Option<(u32, u32, u64)>,
    /// Files that are there, the oldest first.
    files: VecDeque<PathBuf>,
    last_ns: u64,
}

impl Writer {
    /// Creates the first file, with its header.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn create(
        path: &Path,
        header: Header,
        rotation: Rotation,
        naming: Box<dyn Naming>,
    ) -> io::Result<Writer> {
        let mut writer = Writer {
            path: path.into(),
            file: File::create(path)?,
            schema: schema(header.metadata()),
            header,
            rotation,
            naming,
            encoder: Encoder::new()?,
            batch: Builder::default(),
            since: None,
            opened: Instant::now(),
            written: 0,
            named: HashSet::new(),
            last_ids: None,
            files: VecDeque::from([path.into()]),
            last_ns: 0,
        };
        writer.begin()?;
        Ok(writer)
    }

    /// Writes the header.
    fn begin(&mut self) -> io::Result<()> {
        self.named.clear();
        self.last_ids = None;
        self.opened = Instant::now();
        let header = self.encoder.schema(&self.schema);
        self.written = header.len() as u64;
        self.file.write_all(&header)
    }

    /// Names what the row mentions for the first time.
    fn name(&mut self, row: &Row<'_>) {
        let ids = (row.uid, row.gid, row.cgroup);
        if self.last_ids == Some(ids) || !matches!(row.kind, Kind::Call(_)) {
            return;
        }
        self.last_ids = Some(ids);
        let all = [
            (Name::User, u64::from(row.uid)),
            (Name::Group, u64::from(row.gid)),
            (Name::Cgroup, row.cgroup),
        ];
        for (what, id) in all {
            if !self.named.insert((what, id)) {
                continue;
            }
            if let Some(text) = self.naming.name(what, id) {
                self.batch.push(&Row {
                    time_ns: row.time_ns,
                    args: [what as u64, id, 0, 0, 0, 0],
                    image: &text,
                    ..Row::new(Kind::Name)
                });
            }
        }
    }

    /// Writes the batch in hand.
    fn flush(&mut self) -> io::Result<()> {
        self.since = None;
        if self.batch.rows() == 0 {
            return Ok(());
        }
        let bytes = self.encoder.batch(&mut self.batch, &self.schema)?;
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Ends the file.
    fn close(&mut self, ending: &Ending) -> io::Result<()> {
        self.batch.push(&ending.row());
        self.flush()?;
        self.file.write_all(&frame::END)
    }

    /// Goes on in the next file when this one is full or old enough.
    fn rotate(&mut self) -> io::Result<()> {
        let full = self.rotation.bytes.is_some_and(|most| self.written >= most);
        let old = self.rotation.age;
        let old = old.is_some_and(|most| self.opened.elapsed() >= most);
        if !full && !old {
            return Ok(());
        }
        self.close(&Ending {
            how: How::Rotated,
            time_ns: self.last_ns,
            lost: 0,
            command: None,
        })?;
        self.header.part += 1;
        let path = numbered(&self.path, self.header.part);
        self.file = File::create(&path)?;
        self.files.push_back(path);
        while self
            .rotation
            .keep
            .is_some_and(|keep| self.files.len() > keep.max(1) as usize)
        {
            if let Some(oldest) = self.files.pop_front() {
                // Somebody else may have taken it away.
                let _ = std::fs::remove_file(oldest);
            }
        }
        self.schema = schema(self.header.metadata());
        self.begin()
    }
}

impl Sink for Writer {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.name(row);
        self.batch.push(row);
        self.last_ns = row.time_ns;
        let is_full = self.batch.rows() >= BATCH_ROWS || self.batch.blob_bytes() >= BATCH_BYTES;
        if is_full {
            self.flush()?;
            self.rotate()?;
        }
        Ok(())
    }

    fn tick(&mut self, now: Instant) -> io::Result<()> {
        if self.batch.rows() == 0 {
            return Ok(());
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= BATCH_AGE {
            self.flush()?;
            self.rotate()?;
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending) -> io::Result<()> {
        self.close(ending)
    }
}

/// `trace.rec`, `trace.rec.1`, `trace.rec.2`, …
fn numbered(path: &Path, part: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{part}"));
    name.into()
}

/// Batches to bytes; keeps its memory.
struct Encoder {
    options: IpcWriteOptions,
    dictionaries: DictionaryTracker,
    context: IpcWriteContext,
    out: Vec<u8>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}

impl Encoder {
    fn new() -> io::Result<Encoder> {
        let options = IpcWriteOptions::default();
        let options = options.try_with_compression(Some(CompressionType::LZ4_FRAME));
        Ok(Encoder {
            options: options.map_err(encoding)?,
            dictionaries: DictionaryTracker::new(false),
            context: IpcWriteContext::default(),
            out: Vec::new(),
        })
    }

    fn schema(&mut self, schema: &Schema) -> Vec<u8> {
        let generator = IpcDataGenerator::default();
        let message = generator.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut self.dictionaries,
            &self.options,
        );
        let mut out = Vec::new();
        frame::write(&message.ipc_message, &message.arrow_data, &mut out);
        out
    }

    fn batch(&mut self, batch: &mut Builder, schema: &Arc<Schema>) -> io::Result<&[u8]> {
        let batch = batch.take(schema).map_err(encoding)?;
        let generator = IpcDataGenerator::default();
        let encoded = generator.encode(
            &batch,
            &mut self.dictionaries,
            &self.options,
            &mut self.context,
        );
        // The layout has no dictionaries.
        let (_, message) = encoded.map_err(encoding)?;
        self.out.clear();
        frame::write(&message.ipc_message, &message.arrow_data, &mut self.out);
        Ok(&self.out)
    }
}

/// The front of a file with that schema.
#[cfg(test)]
pub(super) fn header_of(schema: &Schema) -> io::Result<Vec<u8>> {
    Ok(Encoder::new()?.schema(schema))
}

fn encoding(error: ArrowError) -> io::Error {
    io::Error::other(error)
}
