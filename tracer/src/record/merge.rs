//! Several recordings as one, in the order of time.
//!
//! In: files, from one host or from several. Out: runs of rows, each of one batch. Files of one boot are ordered by its monotonic clock,
//! others by the wall clock. Memory is that of one batch a file. Never looks at what a row tells.

use super::batch::Batch;
use super::error::Error;
use super::header::Header;
use super::layout::Columns;
use super::reader::{End, Reader};
use std::ops::Range;
use std::path::PathBuf;

/// Reads several files at once.
pub struct Merged {
    files: Vec<File>,
    headers: Vec<Header>,
    /// All files are of one boot.
    one_boot: bool,
    /// The file whose rows were handed out last.
    last: Option<usize>,
}

struct File {
    reader: Reader,
    batch: Option<Batch>,
    /// The next row of the batch.
    at: usize,
}

impl Merged {
    /// Opens all of them. With several, the time of rows is always read.
    ///
    /// # Errors
    /// When one is no recording, or one that cannot be read.
    pub fn open(paths: &[PathBuf], columns: Columns) -> Result<Merged, Error> {
        let columns = match paths.len() {
            1 => columns,
            _ => columns.and(Columns::TIME),
        };
        let open = |path: &PathBuf| Ok(Reader::open(path)?.with_columns(columns));
        let readers: Vec<Reader> = paths.iter().map(open).collect::<Result<_, Error>>()?;
        Ok(Merged::over(readers))
    }

    /// Over readers that read the times of rows, unless it is one alone.
    pub fn over(readers: Vec<Reader>) -> Merged {
        let headers: Vec<Header> = readers.iter().map(|r| r.header().clone()).collect();
        let one_boot = headers
            .windows(2)
            .all(|two| two[0].boot_id == two[1].boot_id);
        let file = |reader| File {
            reader,
            batch: None,
            at: 0,
        };
        Merged {
            files: readers.into_iter().map(file).collect(),
            headers,
            one_boot,
            last: None,
        }
    }

    /// What the files say of themselves; a row's `host` is the place of its file's.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// How the files ended, once all were read.
    pub fn ends(&self) -> Vec<(PathBuf, End)> {
        let files = self.files.iter();
        files
            .map(|file| {
                (
                    file.reader.path().into(),
                    file.reader.end().unwrap_or(End::Cut),
                )
            })
            .collect()
    }

    /// A moment of a file's clock on the clock that all share.
    pub fn shared_ns(&self, host: usize, time_ns: u64) -> i64 {
        match self.one_boot {
            true => time_ns as i64,
            false => self.headers[host].wall_ns(time_ns),
        }
    }

    /// The next rows that belong together: a batch, and which of its rows.
    ///
    /// # Errors
    /// When a file is damaged, or cannot be read.
    pub fn next_rows(&mut self) -> Result<Option<(&Batch, Range<usize>)>, Error> {
        for (host, file) in self.files.iter_mut().enumerate() {
            file.fill(host as u16)?;
        }
        let Some(first) = self.earliest(None) else {
            return Ok(None);
        };
        let bound = self
            .earliest(Some(first))
            .and_then(|other| self.next_time(other));
        let range = self.take(first, bound);
        self.last = Some(first);
        Ok(self.files[first].batch.as_ref().map(|batch| (batch, range)))
    }

    /// The file with the earliest row, among all but one.
    fn earliest(&self, but: Option<usize>) -> Option<usize> {
        (0..self.files.len())
            .filter(|&file| Some(file) != but)
            .filter_map(|file| Some((self.next_time(file)?, file)))
            .min()
            .map(|(_, file)| file)
    }

    fn next_time(&self, file: usize) -> Option<i64> {
        let File { batch, at, .. } = &self.files[file];
        let batch = batch.as_ref().filter(|batch| *at < batch.rows())?;
        Some(self.shared_ns(file, batch.time_ns(*at)))
    }

    /// Rows of a file up to a moment, at least one.
    fn take(&mut self, file: usize, bound: Option<i64>) -> Range<usize> {
        let start = self.files[file].at;
        let rows = self.files[file].batch.as_ref().map_or(0, Batch::rows);
        let end = match (bound, &self.files[file].batch) {
            (Some(bound), Some(batch)) => (start + 1..rows)
                .find(|&at| self.shared_ns(file, batch.time_ns(at)) > bound)
                .unwrap_or(rows),
            _ => rows,
        };
        self.files[file].at = end;
        start..end
    }
}

impl File {
    /// Reads the next batch when this one is used up.
    fn fill(&mut self, host: u16) -> Result<(), Error> {
        while self
            .batch
            .as_ref()
            .is_none_or(|batch| self.at >= batch.rows())
        {
            self.at = 0;
            self.batch = self.reader.next_batch()?;
            match &mut self.batch {
                None => return Ok(()),
                Some(batch) => batch.host = host,
            }
        }
        Ok(())
    }
}
