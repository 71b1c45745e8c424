//! The columns of a recording.
//!
//! In: nothing. Out: the Arrow schema, and which columns somebody wants. `docs/recording.md` tells people the same. Never changes what a
//! column means: a new layout has a new number, and old ones are read for ever.
//!
//! Words of 64 bits are kept as three columns of 16, 16 and 32 bits: LZ4 works on whole bytes, and of a time, an address or a
//! descriptor only the lowest ones differ from row to row.

use arrow_schema::{DataType, Field, Fields, Schema};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The layout that is written.
pub const LAYOUT: u32 = 1;

/// Columns, by their place in the file.
pub(super) mod column {
    pub const KIND: usize = 0;
    pub const CALL: usize = 1;
    pub const TIME: usize = 2;
    pub const TOOK: usize = 3;
    pub const CPU: usize = 4;
    pub const PID: usize = 5;
    pub const TID: usize = 6;
    pub const UID: usize = 7;
    pub const GID: usize = 8;
    pub const CGROUP: usize = 9;
    pub const COMM: usize = 10;
    pub const RET: usize = 11;
    pub const ARG0: usize = 12;
    pub const IMAGE: usize = 18;
    pub const STACK: usize = 19;
    pub const COUNT: usize = 20;
}

/// A set of columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Columns(u32);

impl Columns {
    /// None.
    pub const NONE: Columns = Columns(0);
    /// The kinds of rows, and which calls they are: always needed.
    pub const LEAST: Columns = Columns(1 << column::KIND | 1 << column::CALL);
    /// All.
    pub const ALL: Columns = Columns((1 << column::COUNT) - 1);
    /// Times of ends.
    pub const TIME: Columns = Columns(1 << column::TIME);
    /// Times of beginnings.
    pub const ENTRY: Columns = Columns(1 << column::TIME | 1 << column::TOOK);
    /// Durations.
    pub const TOOK: Columns = Columns(1 << column::TOOK);
    /// CPUs.
    pub const CPU: Columns = Columns(1 << column::CPU);
    /// Processes.
    pub const PID: Columns = Columns(1 << column::PID);
    /// Threads.
    pub const TID: Columns = Columns(1 << column::TID);
    /// Users.
    pub const UID: Columns = Columns(1 << column::UID);
    /// Groups.
    pub const GID: Columns = Columns(1 << column::GID);
    /// Control groups.
    pub const CGROUP: Columns = Columns(1 << column::CGROUP);
    /// Names of threads.
    pub const COMM: Columns = Columns(1 << column::COMM);
    /// Results.
    pub const RET: Columns = Columns(1 << column::RET);
    /// Memory.
    pub const IMAGE: Columns = Columns(1 << column::IMAGE);
    /// Stacks.
    pub const STACK: Columns = Columns(1 << column::STACK);

    /// An argument register, from 0.
    pub fn arg(n: u8) -> Columns {
        Columns(1 << (column::ARG0 + usize::from(n).min(5)))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Columns) -> Columns {
        Columns(self.0 | other.0)
    }

    pub(super) fn has(self, column: usize) -> bool {
        self.0 >> column & 1 == 1
    }

    /// Their places, in order.
    pub(super) fn places(self) -> Vec<usize> {
        (0..column::COUNT).filter(|&at| self.has(at)).collect()
    }
}

/// Their names, in order.
impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .places()
            .into_iter()
            .map(|at| FIELDS[at].name().as_str());
        f.write_str(&names.collect::<Vec<_>>().join(" "))
    }
}

/// The three columns of a word.
fn words() -> DataType {
    let part = |name, ty| Field::new(name, ty, false);
    DataType::Struct(Fields::from(vec![
        part("low", DataType::UInt16),
        part("middle", DataType::UInt16),
        part("high", DataType::UInt32),
    ]))
}

/// The columns with their types, in order.
static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let columns = [
        ("kind", DataType::UInt8),
        ("call", words()),
        ("time", words()),
        ("took", words()),
        ("cpu", DataType::UInt16),
        ("pid", DataType::UInt32),
        ("tid", DataType::UInt32),
        ("uid", DataType::UInt32),
        ("gid", DataType::UInt32),
        ("cgroup", DataType::UInt64),
        ("comm", DataType::FixedSizeBinary(16)),
        ("ret", words()),
        ("arg0", words()),
        ("arg1", words()),
        ("arg2", words()),
        ("arg3", words()),
        ("arg4", words()),
        ("arg5", words()),
        ("image", DataType::Binary),
        ("stack", DataType::Binary),
    ];
    let field = |(name, ty)| Field::new(name, ty, false);
    columns.into_iter().map(field).collect()
});

/// The schema, with what the header says.
pub(super) fn schema(metadata: HashMap<String, String>) -> Arc<Schema> {
    Arc::new(Schema::new_with_metadata(FIELDS.clone(), metadata))
}

/// Whether these are the columns of this layout.
pub(super) fn fits(schema: &Schema) -> bool {
    schema.fields() == &*FIELDS
}
