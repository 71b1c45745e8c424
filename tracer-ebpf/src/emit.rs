//! Sending records.
//!
//! In: a record whose payload, emit, probe and call are set. Out: the record with a whole header in this CPU's ring, or a counted loss.

use crate::loss::{add, flooded, rt_loss};
use crate::maps::{RINGS, stats};
use aya_ebpf::bindings::{
    BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE,
};
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_map_lookup_elem,
    bpf_probe_read_kernel, bpf_ringbuf_output, bpf_ringbuf_query,
};
use core::ffi::c_void;
use tracer_ebpf::{RecordHeader, loss};

/// How often the filling of a main ring is looked at, in records: asking costs two helper calls.
const LOOK_EVERY: u64 = 64;

/// Flags for sending record `seq` to a main ring: the reader is woken when more than a quarter is waiting; below that its
/// timer is early enough.
///
/// # Safety
/// `ring` is a ring buffer.
#[inline(always)]
unsafe fn main_flags(ring: *mut c_void, seq: u64) -> u64 {
    if seq % LOOK_EVERY != 0 {
        return u64::from(BPF_RB_NO_WAKEUP);
    }
    // SAFETY: the caller's promise.
    let (waiting, size) = unsafe {
        (
            bpf_ringbuf_query(ring, u64::from(BPF_RB_AVAIL_DATA)),
            bpf_ringbuf_query(ring, u64::from(BPF_RB_RING_SIZE)),
        )
    };
    u64::from(if waiting > size / 4 {
        BPF_RB_FORCE_WAKEUP
    } else {
        BPF_RB_NO_WAKEUP
    })
}

/// Completes the header and sends `len` bytes (header included) to this CPU's main ring, or to its control ring when
/// `control` is not 0; a control record wakes the reader when it waits. Returns 0, or 1 when the record was lost.
///
/// # Safety
/// `record` has `len` readable bytes, of which the header is writable.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_emit(record: *mut RecordHeader, len: u64, control: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { send(record, record.cast_const(), len, len, control) }
}

/// Completes the header of `record` and sends `whole` bytes, `first` being where they are to begin: there the record's `len` bytes are
/// copied, unless they stand there.
///
/// # Safety
/// `record` has `len` readable bytes, of which the header is writable; `first` has `whole` writable ones.
#[inline(always)]
pub unsafe fn send(
    record: *mut RecordHeader,
    first: *const RecordHeader,
    len: u64,
    whole: u64,
    control: u64,
) -> u64 {
    let Some(stats) = stats() else { return 1 };
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let (attempts, slot, full) = if control == 0 {
        (&stats.attempts_main, cpu * 2, loss::RING_FULL)
    } else {
        (&stats.attempts_control, cpu * 2 + 1, loss::CONTROL_FULL)
    };
    // SAFETY: the caller's promise for the record; the key of an array of maps has 4 bytes.
    let failed = unsafe {
        (*record).time_ns = bpf_ktime_get_ns();
        let seq = add(attempts, 1);
        (*record).seq = seq;
        (*record).pid_tgid = bpf_get_current_pid_tgid();
        (*record).cpu = cpu;
        (*record).len = (whole - size_of::<RecordHeader>() as u64) as u32;
        if !core::ptr::eq(record, first) {
            bpf_probe_read_kernel(first.cast_mut().cast(), len as u32, record.cast());
        }
        let ring = bpf_map_lookup_elem(RINGS.as_ptr(), (&raw const slot).cast());
        if ring.is_null() {
            true
        } else {
            let flags = if control == 0 {
                main_flags(ring, seq)
            } else {
                0
            };
            bpf_ringbuf_output(ring, first.cast_mut().cast(), whole, flags) != 0
        }
    };
    if failed {
        rt_loss(full);
        if control == 0 {
            // SAFETY: the caller's promise for the record.
            flooded(stats, unsafe { (*record).pid_tgid });
        }
    }
    u64::from(failed)
}
