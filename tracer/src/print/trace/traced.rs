//! The printer of a trace: what lines and objects share.
//!
//! In: records of the generated script. Out: calls and what happens to threads go to the [`Form`]; the tables of a summary are
//! gathered; what a trace does not know of is printed as a query's.

use super::{Style, summary};
use crate::agg::Table;
use crate::ir::{Format, Lifecycle};
use crate::print::{Loss, Names, Origin, Output, Printer, RuntimeError};
use crate::trace::summary::{Order, Row, add, sorted};
use crate::types::call::{Call, Descriptor, Part};
use crate::types::{Type, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What differs between lines and objects.
pub(super) trait Form: Send {
    /// A call, and the stacks that were asked for with it.
    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        call: &Call<'_>,
        more: &[Value],
    ) -> io::Result<()>;
    /// A call that has begun and not ended.
    fn begun(&mut self, out: &mut dyn Write, origin: &Origin, call: &Call<'_>) -> io::Result<()>;
    /// What happens to a thread.
    fn lifecycle(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        what: Lifecycle,
        values: &[Value],
    ) -> io::Result<()>;
    /// Records were lost.
    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()>;
    /// The summary.
    fn rows(&mut self, out: &mut dyn Write, rows: &[Row]) -> io::Result<()>;
}

/// The printer.
pub(super) struct Traced<F> {
    form: F,
    query: Box<dyn Printer>,
    order: Option<Order>,
    /// Calls must name one of these, in an argument or by a descriptor; none: all calls.
    paths: Vec<String>,
    rows: BTreeMap<u64, Row>,
}

impl<F: Form> Traced<F> {
    /// Of a style.
    pub fn new(form: F, query: Box<dyn Printer>, style: &Style) -> Traced<F> {
        Traced {
            form,
            query,
            order: style.summary,
            paths: style.paths.clone(),
            rows: BTreeMap::new(),
        }
    }

    /// Whether the call names one of the paths that were asked for. What a descriptor stands for, the kernel half tells but
    /// does not compare.
    fn is_about_paths(&self, call: &Call<'_>) -> bool {
        let is_one = |text: &[u8]| self.paths.iter().any(|path| path.as_bytes() == text);
        let names_one = |part: Part<'_>| match part.kind.is_descriptor() {
            true => Descriptor::read(part.bytes).is_some_and(|known| is_one(known.text)),
            false => is_one(part.bytes.strip_suffix(b"\0").unwrap_or(part.bytes)),
        };
        self.paths.is_empty() || call.parts().any(names_one)
    }
}

impl<F: Form> Printer for Traced<F> {
    fn attached(&mut self, _out: &mut dyn Write, _probes: usize) -> io::Result<()> {
        Ok(())
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        self.query.printf(out, names, origin, format, args)
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.query.value(out, names, origin, ty, value)
    }

    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        _types: &[Type],
        values: &[Value],
    ) -> io::Result<()> {
        let Some((Value::Call(bytes), more)) = values.split_first() else {
            return Ok(());
        };
        match Call::read(bytes) {
            Some(call) if self.is_about_paths(&call) => {
                self.form.call(out, names, origin, &call, more)
            }
            _ => Ok(()),
        }
    }

    fn begun(&mut self, out: &mut dyn Write, origin: &Origin, call: &Value) -> io::Result<()> {
        let Value::Call(bytes) = call else {
            return Ok(());
        };
        match Call::read(bytes) {
            Some(call) => self.form.begun(out, origin, &call),
            None => Ok(()),
        }
    }

    fn lifecycle(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        what: Lifecycle,
        values: &[Value],
    ) -> io::Result<()> {
        self.form.lifecycle(out, origin, what, values)
    }

    fn map(
        &mut self,
        _out: &mut dyn Write,
        _names: &dyn Names,
        table: &Table,
        _top: Option<u64>,
        _div: Option<u64>,
    ) -> io::Result<()> {
        add(&mut self.rows, table);
        Ok(())
    }

    fn time(&mut self, out: &mut dyn Write, origin: &Origin, text: &str) -> io::Result<()> {
        self.query.time(out, origin, text)
    }

    fn output(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        self.query.output(out, origin, kind, text)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        self.form.lost(out, loss)
    }

    /// Places in a script that nobody wrote mean nothing to anybody.
    fn error(&mut self, _out: &mut dyn Write, _error: &RuntimeError) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn done(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(order) = self.order else {
            return Ok(());
        };
        let rows = sorted(std::mem::take(&mut self.rows), order, summary::name);
        self.form.rows(out, &rows)
    }
}
