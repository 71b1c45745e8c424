//! Any bytes as a recording: read to its rows, cut, or refused with a sentence, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use std::path::Path;
use tracer::record::{Columns, Reader};

fuzz_target!(|bytes: &[u8]| {
    for columns in [Columns::ALL, Columns::RET] {
        let bytes = Box::new(Cursor::new(bytes.to_vec()));
        let Ok(reader) = Reader::over(bytes, Path::new("x.rec")) else {
            return;
        };
        let mut reader = reader.with_columns(columns);
        while let Ok(Some(batch)) = reader.next_batch() {
            for row in batch.iter() {
                let parts = row.call().map_or(0, |call| call.parts().count());
                assert!(parts <= row.image.len());
            }
        }
    }
});
