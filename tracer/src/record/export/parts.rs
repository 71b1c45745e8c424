//! The pieces of memory of a call, as a list of structs.
//!
//! In: calls. Out: one column. Never interprets a byte.

use crate::types::call::{Call, PartKind};
use arrow_array::ListArray;
use arrow_array::builder::{
    BinaryBuilder, ListBuilder, StringBuilder, StructBuilder, UInt8Builder, UInt32Builder,
    UInt64Builder,
};
use arrow_schema::{DataType, Field, Fields};
use std::sync::Arc;

/// The column.
pub(super) struct Parts(ListBuilder<StructBuilder>);

fn fields() -> Fields {
    let columns = [
        ("arg", DataType::UInt8),
        ("what", DataType::Utf8),
        ("state", DataType::Utf8),
        ("addr", DataType::UInt64),
        ("wanted", DataType::UInt32),
        ("bytes", DataType::Binary),
    ];
    let field = |(name, ty)| Field::new(name, ty, false);
    columns.into_iter().map(field).collect()
}

impl Default for Parts {
    fn default() -> Parts {
        let columns: Vec<Box<dyn arrow_array::builder::ArrayBuilder>> = vec![
            Box::new(UInt8Builder::new()),
            Box::new(StringBuilder::new()),
            Box::new(StringBuilder::new()),
            Box::new(UInt64Builder::new()),
            Box::new(UInt32Builder::new()),
            Box::new(BinaryBuilder::new()),
        ];
        let parts = StructBuilder::new(fields(), columns);
        Parts(ListBuilder::new(parts).with_field(item()))
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("part", DataType::Struct(fields()), false))
}

impl Parts {
    pub fn ty() -> DataType {
        DataType::List(item())
    }

    pub fn push(&mut self, call: &Call<'_>) {
        for part in call.parts() {
            let columns = self.0.values();
            // The builders are those of `default`, in its order.
            if let Some(column) = columns.field_builder::<UInt8Builder>(0) {
                column.append_value(part.arg);
            }
            if let Some(column) = columns.field_builder::<StringBuilder>(1) {
                column.append_value(what(part.kind));
            }
            if let Some(column) = columns.field_builder::<StringBuilder>(2) {
                column.append_value(part.state.name());
            }
            if let Some(column) = columns.field_builder::<UInt64Builder>(3) {
                column.append_value(part.addr);
            }
            if let Some(column) = columns.field_builder::<UInt32Builder>(4) {
                column.append_value(part.wanted);
            }
            if let Some(column) = columns.field_builder::<BinaryBuilder>(5) {
                column.append_value(part.bytes);
            }
            columns.append(true);
        }
        self.0.append(true);
    }

    pub fn push_none(&mut self) {
        self.0.append(false);
    }

    pub fn finish(&mut self) -> ListArray {
        self.0.finish()
    }
}

fn what(kind: PartKind) -> &'static str {
    match kind {
        PartKind::EntryMemory => "memory at entry",
        PartKind::ExitMemory => "memory at exit",
        PartKind::EntryDescriptor => "descriptor at entry",
        PartKind::ExitDescriptor => "descriptor at exit",
        PartKind::EntryString => "string at entry",
        PartKind::ExitString => "string at exit",
    }
}
