//! The walk over a call's memory, one turn after the other.
//!
//! In: steps (`tracer_ebpf::CallOp`), and the state in the area. Out: parts. A turn reads at most one page, so that what stands before a page
//! that cannot be read is kept. Everything that varies lies in the area and not in registers: the verifier then finds that one turn
//! looks like another.

use super::area::Call;
use super::descriptor::{opt_call_descriptor, opt_call_path};
use super::place::{address, argument, number, pointer, pointer_width, value};
use crate::maps::call_op;
use crate::strings::read_user;
use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_user};
use core::ffi::c_void;
use core::ptr::read_volatile;
use tracer_ebpf::{CallArea, CallOp, call_op as op, op_flag, part_state, turn, walk as kind};

/// Turns of one walk: as many as an array of 1024 buffers and their pages take, or an execve's arguments.
const TURNS: u32 = 4096;
/// Bytes of a page.
const PAGE: u64 = 4096;
/// Strings of an array of them, and pointers where only these are read: more are cut, so that both have their turns.
const MOST_STRINGS: u64 = 512;
const MOST_POINTERS: u64 = 2048;
/// Items of an array of `struct iovec` (`UIO_MAXIOV` in include/uapi/linux/uio.h).
const MOST_VECTORS: u64 = 1024;

/// Walks over everything.
#[inline(always)]
pub fn walk(call: &Call) {
    let turn: unsafe extern "C" fn(u64, *const Call) -> u64 = rt_call_turn;
    // SAFETY: the helper calls back with what it is given, a call that was begun.
    unsafe {
        bpf_loop(
            TURNS,
            turn as *mut c_void,
            core::ptr::from_ref(call).cast_mut().cast(),
            0,
        )
    };
}

/// One turn; 1 when the walk is over. A call would be verified for each turn; the helper's callback is once.
///
/// # Safety
/// `call` was begun.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call_turn(_index: u64, call: *const Call) -> u64 {
    // SAFETY: the caller's promise.
    let call = unsafe {
        Call {
            area: (*call).area,
            front: (*call).front,
            cap: (*call).cap,
        }
    };
    // SAFETY: the area is valid.
    let next = unsafe { read_volatile(&raw const (*call.area).turn) };
    match next {
        turn::STEP => step(&call),
        turn::COPY => {
            copy(&call);
            0
        }
        turn::VECTOR => {
            vector(&call);
            0
        }
        turn::POINTER => {
            pointer_item(&call);
            0
        }
        turn::STRING => {
            string_item(&call);
            0
        }
        // SAFETY: a call that was begun.
        _ => unsafe { opt_call_path(&raw const call) },
    }
}

/// The next step.
#[inline(always)]
fn step(call: &Call) -> u64 {
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    if area.op >= area.end {
        if area.walk != kind::LATE {
            return 1;
        }
        area.walk = kind::OUT;
        area.op = area.then;
        area.end = area.then_end;
        return 0;
    }
    let at = area.op;
    area.op = at + 1;
    let Some(op) = call_op(at as u32) else {
        return 1;
    };
    area.flags = u64::from(op.flags);
    area.arg = u64::from(op.arg);
    match op.kind {
        op::SKIP => area.op += u64::from(op.skip),
        op::UNLESS_EQUAL | op::UNLESS_AT_LEAST => test(call, area, op),
        op::DESCRIPTOR => {
            if area.walk != kind::LATE {
                let number = value(call, &op.size, u64::from(op.flags)).unwrap_or(0);
                // SAFETY: a call that was begun.
                unsafe { opt_call_descriptor(core::ptr::from_ref(call), number) };
            }
        }
        _ => {
            let bit = at - area.first;
            if area.walk != kind::LATE || bit < 64 && area.late >> bit & 1 != 0 {
                begin(call, area, op);
            }
        }
    }
    0
}

/// Passes over steps unless a value is what they are for.
#[inline(always)]
fn test(call: &Call, area: &mut CallArea, op: &CallOp) {
    let is = value(call, &op.size, u64::from(op.flags)).unwrap_or(0) & op.mask;
    let holds = if op.kind == op::UNLESS_EQUAL {
        is == op.value
    } else {
        is >= op.value
    };
    if !holds {
        area.op += u64::from(op.skip);
    }
}

/// Begins to read what a step names.
#[inline(always)]
fn begin(call: &Call, area: &mut CallArea, op: &CallOp) {
    let flags = u64::from(op.flags);
    let addr = address(call, &op.place, flags);
    let size = size(call, op);
    let (Some(addr), Some((items, bytes))) = (addr, size) else {
        return late(area);
    };
    if addr == 0 || bytes == 0 {
        return;
    }
    area.after = turn::STEP;
    area.is_array = 0;
    match op.kind {
        op::STRING => string(call, area, addr, true),
        op::BYTES => piece(call, area, addr, bytes, u64::from(op.max)),
        op::VECTORS => {
            let width = 2 * pointer_width(flags);
            area.item = addr;
            area.items = if items < MOST_VECTORS {
                items
            } else {
                MOST_VECTORS
            };
            area.budget = value(call, &op.budget, flags).unwrap_or(0);
            area.max = u64::from(op.max);
            area.after = turn::VECTOR;
            area.is_array = 1;
            piece(call, area, addr, items * width, MOST_VECTORS * width);
        }
        _ => {
            area.item = addr;
            area.items_at = addr;
            area.budget = 0;
            (area.after, area.max) = if op.kind == op::STRINGS {
                (turn::STRING, MOST_STRINGS)
            } else {
                (turn::STEP, MOST_POINTERS)
            };
            if call.open(addr, u64::from(u32::MAX), false) {
                area.turn = turn::POINTER;
            }
        }
    }
}

/// How much a step reads: in what its size counts, and in bytes.
#[inline(always)]
fn size(call: &Call, op: &CallOp) -> Option<(u64, u64)> {
    let flags = u64::from(op.flags);
    let mut count = if op.flags & op_flag::IOCTL != 0 {
        argument(call, 1) >> 16 & 0x3fff
    } else {
        value(call, &op.size, flags)?
    };
    if op.flags & op_flag::PAGES != 0 {
        count = (count / PAGE) + u64::from(count % PAGE != 0);
    }
    if count > u64::from(u32::MAX) {
        count = u64::from(u32::MAX);
    }
    if op.flags & op_flag::BITS != 0 {
        let width = pointer_width(flags);
        count = (count + width * 8 - 1) / (width * 8) * width;
    }
    let mut bytes = count * u64::from(op.times);
    if op.bound < 6 {
        let bound = argument(call, op.bound);
        if bytes > bound {
            bytes = bound;
        }
    }
    Some((count, bytes))
}

/// The step is done again at exit, when this is the entry.
#[inline(always)]
fn late(area: &mut CallArea) {
    let bit = area.op - 1 - area.first;
    if area.walk == kind::IN && bit < 64 {
        area.late |= 1 << bit;
    }
}

/// Opens a part for `wanted` bytes, of which at most `max` are to be copied.
#[inline(always)]
fn piece(call: &Call, area: &mut CallArea, addr: u64, wanted: u64, max: u64) {
    if !call.open(addr, wanted, false) {
        area.op = area.end;
        area.turn = turn::STEP;
        return;
    }
    area.addr = addr;
    area.left = if wanted < max { wanted } else { max };
    area.turn = turn::COPY;
}

/// A page of the open part.
#[inline(always)]
fn copy(call: &Call) {
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    area.turn = area.after;
    if area.left == 0 {
        area.is_array = 0;
        return call.close(part_state::OK);
    }
    let in_page = PAGE - (area.addr & (PAGE - 1));
    let wanted = if area.left < in_page {
        area.left
    } else {
        in_page
    };
    let (to, size) = call.room(wanted);
    if size == 0 {
        return call.close(part_state::TRUNCATED);
    }
    // SAFETY: `room` is writable; the helper takes any address.
    let failed = unsafe { bpf_probe_read_user(to.cast(), size as u32, area.addr as *const _) } != 0;
    if failed {
        return stopped(call, area);
    }
    call.filled(size);
    area.addr += size;
    area.left -= size;
    area.turn = turn::COPY;
}

/// The open part ends before its end: at a page that cannot be read.
#[inline(always)]
fn stopped(call: &Call, area: &mut CallArea) {
    let empty = call.len() == area.part + 24;
    if !empty {
        return call.close(part_state::TRUNCATED);
    }
    if area.is_array != 0 {
        area.turn = turn::STEP;
    }
    let of_step = area.turn == turn::STEP;
    if of_step && area.walk == kind::IN && area.op - 1 - area.first < 64 {
        call.drop_part();
        return late(area);
    }
    call.close(part_state::FAULT);
}

/// A string as a part of its own; `again`: when it cannot be read, it is at the exit.
#[inline(always)]
fn string(call: &Call, area: &mut CallArea, addr: u64, again: bool) {
    if !call.open(addr, u64::from(u32::MAX), true) {
        area.op = area.end;
        area.turn = turn::STEP;
        return;
    }
    let (to, size) = call.room(PAGE);
    if size == 0 {
        return call.close(part_state::TRUNCATED);
    }
    // SAFETY: `room` is writable; the helper takes any address.
    let len = unsafe { read_user(to.cast(), size as u32, addr as *const _) };
    if len > 0 {
        // The NUL is there only when it is the string's own: then its end is known.
        let whole = (len as u64) < size;
        call.filled(if whole { len as u64 } else { size - 1 });
        return call.close(if whole {
            part_state::OK
        } else {
            part_state::TRUNCATED
        });
    }
    if again && area.walk == kind::IN && area.op - 1 - area.first < 64 {
        call.drop_part();
        return late(area);
    }
    // Up to the end of its page, when that is there.
    let (to, size) = call.room(PAGE - (addr & (PAGE - 1)));
    // SAFETY: as above.
    let failed = unsafe { bpf_probe_read_user(to.cast(), size as u32, addr as *const _) } != 0;
    if failed {
        return call.close(part_state::FAULT);
    }
    call.filled(size);
    call.close(part_state::TRUNCATED);
}

/// An item of an array of `struct iovec`.
#[inline(always)]
fn vector(call: &Call) {
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    area.turn = turn::STEP;
    if area.items == 0 || area.budget == 0 {
        return;
    }
    let width = pointer_width(area.flags);
    let base = number(area.item, width);
    let len = number(area.item + width, width);
    let (Some(base), Some(len)) = (base, len) else {
        return;
    };
    area.item += 2 * width;
    area.items -= 1;
    area.turn = turn::VECTOR;
    let wanted = if len < area.budget { len } else { area.budget };
    area.budget -= wanted;
    if base != 0 && wanted != 0 {
        piece(call, area, base, wanted, area.max);
    }
}

/// A pointer of an array that ends with a null one; `budget` counts those before it.
#[inline(always)]
fn pointer_item(call: &Call) {
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    let width = pointer_width(area.flags);
    if area.budget >= area.max {
        call.close(part_state::TRUNCATED);
        area.item = area.items_at;
        area.turn = area.after;
        return;
    }
    let (to, size) = call.room(8);
    let Some(word) = pointer(area.item, area.flags).filter(|_| size == 8) else {
        area.turn = turn::STEP;
        return match size {
            8 => stopped(call, area),
            _ => call.close(part_state::TRUNCATED),
        };
    };
    // SAFETY: `room` is writable.
    unsafe { to.cast::<u64>().write_unaligned(word) };
    call.filled(width);
    area.item += width;
    if word == 0 {
        call.close(part_state::OK);
        area.item = area.items_at;
        area.turn = area.after;
        return;
    }
    area.budget += 1;
}

/// A string of such an array.
#[inline(always)]
fn string_item(call: &Call) {
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    let word = pointer(area.item, area.flags).unwrap_or(0);
    if word == 0 || area.budget == 0 {
        area.turn = turn::STEP;
        return;
    }
    area.budget -= 1;
    area.item += pointer_width(area.flags);
    string(call, area, word, true);
}
