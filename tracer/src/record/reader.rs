//! A file to batches.
//!
//! In: a file, and which of its columns are wanted. Out: its header, its batches in order, and how it ends. Memory is that of one
//! batch, whatever the size of the file. Never believes a byte before its checksum fits, and never panics over a file.

use super::batch::Batch;
use super::error::{Error, What};
use super::frame::{self, Frame, Next};
use super::header::Header;
use super::layout::{self, Columns, LAYOUT};
use super::row::{Ending, Kind, Sink};
use arrow_ipc::MetadataVersion;
use arrow_schema::{Schema, SchemaRef};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It was closed.
    Closed(Ending),
    /// It was not: the recorder was killed, or the file was cut.
    Cut,
}

/// Reads one file.
pub struct Reader {
    path: PathBuf,
    from: Counted<Box<dyn Read + Send>>,
    header: Header,
    schema: SchemaRef,
    columns: Columns,
    places: Vec<usize>,
    /// Batches that were read.
    batches: u64,
    ending: Option<Ending>,
    end: Option<End>,
}

impl Reader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it is no recording, or one that cannot be read.
    pub fn open(path: &Path) -> Result<Reader, Error> {
        let open = || -> Result<Box<dyn Read + Send>, What> {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(What::Directory);
            }
            Ok(Box::new(BufReader::with_capacity(256 << 10, file)))
        };
        let from = open().map_err(|what| Error::new(path, what))?;
        Reader::over(from, path)
    }

    /// Over bytes that come from elsewhere; `path` is what sentences call them.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn over(from: Box<dyn Read + Send>, path: &Path) -> Result<Reader, Error> {
        let mut from = Counted { from, at: 0 };
        let schema = schema(&mut from).map_err(|what| Error::new(path, what))?;
        Ok(Reader {
            path: path.into(),
            from,
            header: Header::of(schema.metadata()),
            schema: Arc::new(schema),
            columns: Columns::ALL,
            places: Columns::ALL.places(),
            batches: 0,
            ending: None,
            end: None,
        })
    }

    /// Reads only these columns from now on, and those that every reader needs.
    #[must_use]
    pub fn with_columns(mut self, columns: Columns) -> Reader {
        self.columns = columns.and(Columns::LEAST);
        self.places = self.columns.places();
        self
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it ends, once all of it was read.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// When the file is damaged, or cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        if self.end.is_some() {
            return Ok(None);
        }
        let at = self.from.at;
        let read = frame::read(&mut self.from);
        match read.map_err(|what| Error::new(&self.path, what))? {
            Next::Frame(frame) => {
                let batch = self.decode(&frame);
                let batch = batch.ok_or_else(|| self.damaged(at, "its columns cannot be read"))?;
                self.batches += 1;
                self.look_for_end(&batch);
                Ok(Some(batch))
            }
            Next::End => {
                self.end = Some(self.ending.map_or(End::Cut, End::Closed));
                Ok(None)
            }
            Next::Cut => {
                self.end = Some(self.ending.map_or(End::Cut, End::Closed));
                Ok(None)
            }
            Next::Wrong(why) => Err(self.damaged(at, why)),
        }
    }

    /// Hands all rows to a sink, in order, and how it ends if it does.
    ///
    /// # Errors
    /// As [`Reader::next_batch`]; and the sink's.
    pub fn each(&mut self, sink: &mut dyn Sink) -> Result<End, Error> {
        while let Some(batch) = self.next_batch()? {
            for row in batch.iter() {
                let taken = sink.row(&row);
                taken.map_err(|error| Error::new(&self.path, error))?;
            }
        }
        if let Some(End::Closed(ending)) = self.end {
            let taken = sink.end(&ending);
            taken.map_err(|error| Error::new(&self.path, error))?;
        }
        Ok(self.end.unwrap_or(End::Cut))
    }

    fn damaged(&self, at: u64, why: &'static str) -> Error {
        let batch = self.batches;
        Error::new(&self.path, What::Damaged { at, batch, why })
    }

    /// The columns that are wanted; all of them besides when some row tells of the recording itself: such batches are few.
    fn decode(&self, frame: &Frame) -> Option<Batch> {
        let mut batch = decode(frame, &self.schema, Some(&self.places), self.columns)?;
        if self.columns != Columns::ALL && batch.has_notes() {
            batch.whole = Some(Box::new(decode(frame, &self.schema, None, Columns::ALL)?));
        }
        Some(batch)
    }

    /// The last row of a file says how it ended.
    fn look_for_end(&mut self, batch: &Batch) {
        let last = batch
            .rows()
            .checked_sub(1)
            .and_then(|last| batch.note(last));
        let last = last.filter(|row| row.kind == Kind::End);
        self.ending = last.and_then(|row| Ending::of(&row));
    }
}

fn decode(
    frame: &Frame,
    schema: &SchemaRef,
    places: Option<&[usize]>,
    columns: Columns,
) -> Option<Batch> {
    let message = arrow_ipc::root_as_message(&frame.meta).ok()?;
    let batch = arrow_ipc::reader::read_record_batch(
        &frame.body,
        message.header_as_record_batch()?,
        Arc::clone(schema),
        &HashMap::new(),
        places,
        &MetadataVersion::V5,
    );
    Batch::of(&batch.ok()?, columns)
}

/// The schema in front of a file, when it is one that can be read on.
fn schema(from: &mut dyn Read) -> Result<Schema, What> {
    let (front, there) = frame::front(from)?;
    if there == 0 {
        return Err(What::Empty);
    }
    if let Some(what) = foreign(&front[..there]) {
        return Err(What::Foreign(what));
    }
    if there < front.len() {
        return Err(What::Cut);
    }
    match frame::rest(front, from)? {
        Next::Frame(frame) => understood(&frame),
        Next::Cut => Err(What::Cut),
        Next::End | Next::Wrong(_) => Err(What::Foreign(
            "its header has no checksum that fits; it is another program's file, or damaged",
        )),
    }
}

/// What a file is that begins so, when it is no stream of Arrow messages.
fn foreign(front: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| front.starts_with(with) || with.starts_with(front);
    if begins(&[0xff; 4]) {
        return None;
    }
    Some(match front {
        _ if front.starts_with(b"PAR1") => {
            "it is a Parquet file; ask it with SQL (--sql prints a query's), or query the recording it was made of"
        }
        _ if front.starts_with(b"ARROW1") => "it is an Arrow file, not an Arrow stream",
        _ => "it begins as none does",
    })
}

/// The schema in the first message.
fn understood(frame: &Frame) -> Result<Schema, What> {
    let message = arrow_ipc::root_as_message(&frame.meta).ok();
    let schema = message.and_then(|message| message.header_as_schema());
    let Some(schema) = schema else {
        return Err(What::Foreign("its first message is no schema"));
    };
    let Ok(schema) = arrow_ipc::convert::try_fb_to_schema(schema) else {
        return Err(What::Foreign("its schema cannot be read"));
    };
    match Header::layout(schema.metadata()) {
        None => Err(What::Foreign("it is another program's Arrow stream")),
        Some(layout) if layout > LAYOUT => Err(What::Newer {
            version: Header::of(schema.metadata()).version,
            layout,
            known: LAYOUT,
        }),
        Some(_) if !layout::fits(&schema) => {
            Err(What::Foreign("its columns are not a recording's"))
        }
        Some(_) => Ok(schema),
    }
}

/// Whether a file begins as recordings do: it is one, or another program's stream.
///
/// # Errors
/// When it cannot be read.
pub fn is_stream(path: &Path) -> io::Result<bool> {
    let mut front = Vec::new();
    let length = frame::CONTINUATION.len() as u64;
    File::open(path)?.take(length).read_to_end(&mut front)?;
    Ok(front == frame::CONTINUATION)
}

/// Counts bytes.
struct Counted<R> {
    from: R,
    at: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}
