//! The area of a CPU where a call is put together: the record, then its parts.
//!
//! In: sizes that the plan chose. Out: pointers into the area, each compared with these sizes. A part is opened, filled and closed; only one
//! is open at a time.

use super::RECORD;
use crate::maps::call_area;
use crate::zero;
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use core::arch::asm;
use core::ptr::{from_ref, read_volatile};
use tracer_ebpf::{CALL_KEPT_BYTES, CallArea, CallPart, CallRecord, part_kind, part_state, walk};

/// Bytes of a part without its data.
const PART: u64 = size_of::<CallPart>() as u64;

/// This CPU's area, of the program at entries or of that at exits.
#[inline(always)]
pub fn this_cpu(at_entry: bool) -> Option<*mut CallArea> {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    call_area(cpu, at_entry).map(|area| from_ref(area).cast_mut())
}

/// The area's bytes: room for a front, then the call.
#[inline(always)]
pub fn bytes(area: *mut CallArea) -> *mut u8 {
    // SAFETY: an area is larger than its front.
    unsafe { area.cast::<u8>().add(size_of::<CallArea>()) }
}

/// A number that was compared with its bound just now. Before 6.3 the verifier forgets what a comparison said of a number when the compiler
/// has saved that number on the stack before: from here on it is another number, whose bound is known.
#[inline(always)]
pub fn compared(number: u64) -> u64 {
    let mut number = number;
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack)) };
    number
}

/// The smaller of both, whether the compiler knows which or not: the verifier has to see the comparison.
#[inline(always)]
pub fn at_most(number: u64, bound: u64) -> u64 {
    let number = compared(number);
    compared(if number > bound { bound } else { number })
}

/// A call being put together.
pub struct Call {
    /// Where.
    pub area: *mut CallArea,
    /// Bytes before the call.
    pub front: u64,
    /// Most bytes of the call.
    pub cap: u64,
}

impl Call {
    /// An empty call.
    ///
    /// # Safety
    /// The area has room for `front` and `cap` bytes and a page behind them.
    #[inline(always)]
    pub unsafe fn begin(area: *mut CallArea, front: u64, cap: u64) -> Call {
        // SAFETY: an area is larger than its front.
        unsafe {
            (*area).len = RECORD;
            zero::words((&raw mut (*area).kept).cast::<[u64; 2]>());
        }
        Call { area, front, cap }
    }

    /// Its first byte.
    #[inline(always)]
    pub fn base(&self) -> *mut u8 {
        // SAFETY: the area has room for a front and a call.
        unsafe { bytes(self.area).add(self.front as usize) }
    }

    /// Its record.
    #[inline(always)]
    pub fn record(&self) -> *mut CallRecord {
        self.base().cast()
    }

    /// How much is there, read anew: what the compiler knows of it the verifier does not.
    #[inline(always)]
    pub fn len(&self) -> u64 {
        // SAFETY: the area is valid.
        unsafe { read_volatile(&raw const (*self.area).len) }
    }

    /// Begins a part; false when there is no room.
    #[inline(always)]
    pub fn open(&self, addr: u64, wanted: u64, string: bool) -> bool {
        self.open_as(
            addr,
            wanted,
            if string {
                part_kind::STRING_IN
            } else {
                part_kind::MEMORY_IN
            },
        )
    }

    /// The same for a part of this kind, as it is at entry: at exit the next one is meant.
    #[inline(always)]
    pub fn open_as(&self, addr: u64, wanted: u64, kind: u8) -> bool {
        let at = self.len();
        // The verifier learns a bound of what is compared, not of what was added to it.
        if at > self.cap - PART - 8 {
            return false;
        }
        let at = compared(at);
        // SAFETY: `at` was compared with the size of the call; the area is valid.
        unsafe {
            let area = self.area;
            let part = self.base().add(at as usize).cast::<CallPart>();
            let out = (*area).walk == walk::OUT;
            (*part).addr = addr;
            (*part).wanted = if wanted > u64::from(u32::MAX) {
                u32::MAX
            } else {
                wanted as u32
            };
            (*part).len = 0;
            (*part).what = kind + u8::from(out);
            (*part).state = part_state::OK;
            (*part).arg = (*area).arg as u8;
            zero::bytes(&raw mut (*part).pad);
            (*area).part = at;
            (*area).len = at + PART;
            (*self.record()).parts += 1;
        }
        true
    }

    /// Ends the open part, and clears the rest of its last word.
    #[inline(always)]
    pub fn close(&self, state: u8) {
        let end = self.len();
        // SAFETY: the area is valid.
        let at = unsafe { read_volatile(&raw const (*self.area).part) };
        if end > self.cap || at > self.cap {
            return;
        }
        let (end, at) = (compared(end), compared(at));
        // SAFETY: both places were compared with the size of the call, behind which there is a page.
        unsafe {
            let area = self.area;
            let part = self.base().add(at as usize).cast::<CallPart>();
            (*part).len = (end - at - PART) as u32;
            (*part).state = if state == part_state::OK && (*area).walk == walk::LATE {
                part_state::LATE
            } else {
                state
            };
            self.base()
                .add(end as usize)
                .cast::<u64>()
                .write_unaligned(0);
            let len = (end + 7) & !7;
            (*area).len = len;
            if len - RECORD <= u64::from(CALL_KEPT_BYTES) {
                (*area).kept = len - RECORD;
                (*area).kept_parts = u64::from((*self.record()).parts);
            }
        }
    }

    /// Takes the open part back.
    #[inline(always)]
    pub fn drop_part(&self) {
        // SAFETY: the area is valid.
        unsafe {
            (*self.area).len = (*self.area).part;
            (*self.record()).parts -= 1;
        }
    }

    /// Where the open part goes on, and how much of `wanted` (at most a page) there is room for; 0: none.
    #[inline(always)]
    pub fn room(&self, wanted: u64) -> (*mut u8, u64) {
        const PAGE: u64 = 4096;
        let at = self.len();
        if at >= self.cap {
            return (self.base(), 0);
        }
        let at = compared(at);
        let room = self.cap - at;
        let size = at_most(if wanted < room { wanted } else { room }, PAGE);
        // SAFETY: `at` was compared with the size of the call.
        (unsafe { self.base().add(at as usize) }, size)
    }

    /// So many bytes were written where `room` said.
    #[inline(always)]
    pub fn filled(&self, count: u64) {
        // SAFETY: the area is valid.
        unsafe { (*self.area).len += count };
    }
}
