//! Names that only this run or this machine knows, for printers.
//!
//! In: raw values. Out: the script's own names, and kernel symbols, which are read when the first is asked for.

use crate::plan::Plan;
use crate::print;
use crate::symbols::Kernel;
use std::sync::Arc;

/// The names of a run.
pub struct Names {
    plan: Arc<Plan>,
    kernel: Kernel,
}

impl Names {
    /// Reads nothing yet.
    pub fn new(plan: Arc<Plan>) -> Names {
        let kernel = Kernel::new();
        Names { plan, kernel }
    }

    /// What stood in the way of symbols, when some were asked for.
    pub fn notice(&self) -> Option<&str> {
        self.kernel.notice()
    }
}

impl print::Names for Names {
    fn symbol(&self, address: u64, out: &mut Vec<u8>) -> Option<u64> {
        let symbol = self.kernel.resolve(address)?;
        out.extend_from_slice(symbol.name.as_bytes());
        Some(symbol.offset)
    }

    fn probe(&self, index: u64) -> Option<&str> {
        let names = &self.plan.ir.probe_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }

    fn func(&self, index: u64) -> Option<&str> {
        let names = &self.plan.ir.func_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }
}
