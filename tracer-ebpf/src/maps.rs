//! The maps that runtime functions use, as symbols.
//!
//! In: nothing. Out: addresses that become map references when linked. A symbol here has no definition: kind, sizes
//! and flags come from the plan, through the linker. Never read or written through these statics.

use aya_ebpf::helpers::generated::bpf_map_lookup_elem;
use core::cell::UnsafeCell;
use core::ffi::c_void;
use tracer_ebpf::{
    CallArea, CallOp, CallSteps, Control, CpuStats, Generation, KernelOffsets, PatternRow,
};

/// Place holder for a map. Its bytes mean nothing.
#[repr(transparent)]
pub struct MapSymbol(UnsafeCell<u64>);

// SAFETY: the bytes are never accessed; only the address is used, as the name of a map.
unsafe impl Sync for MapSymbol {}

impl MapSymbol {
    const fn new() -> MapSymbol {
        MapSymbol(UnsafeCell::new(0))
    }

    /// What helpers take as their map argument.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut c_void {
        self.0.get().cast()
    }

    /// The value of an array's entry, or null.
    ///
    /// # Safety
    /// The map is an array whose values are at least as large as `T`.
    #[inline(always)]
    unsafe fn entry<T>(&self, index: u32) -> Option<&T> {
        let key = index;
        // SAFETY: the helper reads 4 bytes of key, the key size of every array; what it returns is null or a value.
        unsafe {
            bpf_map_lookup_elem(self.as_ptr(), (&raw const key).cast())
                .cast::<T>()
                .as_ref()
        }
    }
}

/// Declares map symbols; their names are those in `tracer_ebpf::map`.
macro_rules! symbols {
    ($($name:ident)*) => { $(
        #[allow(missing_docs, reason = "described in tracer_ebpf::map")]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = "maps")]
        pub static $name: MapSymbol = MapSymbol::new();
    )* };
}

symbols! { RINGS WANTED STATE GENERATION LIMIT STATS SITES FRAMES FRAMES_BUSY CONTROL CALL_AREAS CALL_STEPS CALL_OPS CALL_SPILL CALL_SPILL_BUSY CALL_OFFSETS PATTERNS TREE }

/// The words that say whether to trace.
#[inline(always)]
pub fn control() -> Option<&'static Control> {
    // SAFETY: CONTROL is an array of one Control, and it lives as long as the program.
    unsafe { CONTROL.entry(0) }
}

/// This CPU's counters.
#[inline(always)]
pub fn stats() -> Option<&'static CpuStats> {
    // SAFETY: STATS is a per-CPU array of one CpuStats, and it lives as long as the program.
    unsafe { STATS.entry(0) }
}

/// The clauses that want a call, by index into the mask table.
#[inline(always)]
pub fn wanted(index: u32) -> u64 {
    // SAFETY: WANTED is an array of u64.
    unsafe { WANTED.entry(index).copied().unwrap_or(0) }
}

/// The generation words of a cleared map.
#[inline(always)]
pub fn generation(index: u32) -> Option<&'static Generation> {
    // SAFETY: GENERATION is an array of Generation, and it lives as long as the program.
    unsafe { GENERATION.entry(index) }
}

/// How far the generation of a cleared map may grow.
#[inline(always)]
pub fn limit(index: u32) -> u64 {
    // SAFETY: LIMIT is an array of u64.
    unsafe { LIMIT.entry(index).copied().unwrap_or(0) }
}

/// The counter of a runtime error.
#[inline(always)]
pub fn site(index: u32) -> Option<&'static u64> {
    // SAFETY: SITES is an array of u64, and it lives as long as the program.
    unsafe { SITES.entry(index) }
}

/// A scratch frame's first byte.
#[inline(always)]
pub fn frame(index: u32) -> Option<&'static u8> {
    // SAFETY: FRAMES is an array whose values have at least one byte, and it lives as long as the program.
    unsafe { FRAMES.entry(index) }
}

/// Which of this CPU's frames are in use.
#[inline(always)]
pub fn frames_busy() -> Option<&'static u64> {
    // SAFETY: FRAMES_BUSY is a per-CPU array of one u64, and it lives as long as the program.
    unsafe { FRAMES_BUSY.entry(0) }
}

/// This CPU's area for a call at its entry, or at its exit.
#[inline(always)]
pub fn call_area(cpu: u32, at_entry: bool) -> Option<&'static CallArea> {
    // SAFETY: CALL_AREAS is an array of areas, which begin with a CallArea, and it lives as long as the program.
    unsafe { CALL_AREAS.entry(cpu * 2 + u32::from(!at_entry)) }
}

/// The steps of a call, by index into the mask table.
#[inline(always)]
pub fn call_steps(index: u32) -> Option<&'static CallSteps> {
    // SAFETY: CALL_STEPS is an array of CallSteps, and it lives as long as the program.
    unsafe { CALL_STEPS.entry(index) }
}

/// A step.
#[inline(always)]
pub fn call_op(index: u32) -> Option<&'static CallOp> {
    // SAFETY: CALL_OPS is an array of CallOp, and it lives as long as the program.
    unsafe { CALL_OPS.entry(index) }
}

/// Room for the parts of a call.
#[inline(always)]
pub fn call_spill(index: u32) -> Option<&'static u8> {
    // SAFETY: CALL_SPILL is an array whose values have at least one byte, and it lives as long as the program.
    unsafe { CALL_SPILL.entry(index) }
}

/// Which entries of `CALL_SPILL` are in use.
#[inline(always)]
pub fn call_spills_busy() -> Option<&'static u64> {
    // SAFETY: CALL_SPILL_BUSY is an array of one u64, and it lives as long as the program.
    unsafe { CALL_SPILL_BUSY.entry(0) }
}

/// Where the kernel keeps what descriptors stand for.
#[inline(always)]
pub fn kernel_offsets() -> Option<&'static KernelOffsets> {
    // SAFETY: CALL_OFFSETS is an array of one KernelOffsets, and it lives as long as the program.
    unsafe { CALL_OFFSETS.entry(0) }
}

/// A state of a pattern's automaton.
#[inline(always)]
pub fn pattern_row(index: u32) -> Option<&'static PatternRow> {
    // SAFETY: PATTERNS is an array of PatternRow, and it lives as long as the program.
    unsafe { PATTERNS.entry(index) }
}
