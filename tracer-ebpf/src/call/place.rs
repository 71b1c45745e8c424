//! Addresses and numbers that the steps of a call name: arguments, the result, user memory.
//!
//! In: a call's record. Out: values, or nothing when the memory that holds them cannot be read.

use super::area::Call;
use aya_ebpf::helpers::generated::bpf_probe_read_user;
use core::ptr::read_volatile;
use tracer_ebpf::{CallOperand, CallPlace, op_flag, operand};

/// An argument.
#[inline(always)]
pub fn argument(call: &Call, n: u8) -> u64 {
    if n > 5 {
        return 0;
    }
    // SAFETY: a record has six arguments.
    unsafe {
        let args = (&raw const (*call.record()).args).cast::<u64>();
        read_volatile(args.add(n as usize))
    }
}

/// A number of 1 to 8 bytes in user memory.
#[inline(always)]
pub fn number(addr: u64, width: u64) -> Option<u64> {
    let mut value = 0_u64;
    let width = if width > 8 { 8 } else { width };
    // SAFETY: the value has 8 bytes; the helper takes any address.
    let result =
        unsafe { bpf_probe_read_user((&raw mut value).cast(), width as u32, addr as *const _) };
    (result == 0).then_some(value)
}

/// A pointer in user memory, as wide as the call's ABI has it.
#[inline(always)]
pub fn pointer(addr: u64, flags: u64) -> Option<u64> {
    number(addr, pointer_width(flags))
}

/// Bytes of a pointer.
#[inline(always)]
pub fn pointer_width(flags: u64) -> u64 {
    if flags & u64::from(op_flag::SHORT) != 0 {
        4
    } else {
        8
    }
}

/// An address; 0 when it is null, or lies behind a null pointer.
#[inline(always)]
pub fn address(call: &Call, place: &CallPlace, flags: u64) -> Option<u64> {
    let base = argument(call, place.arg);
    if base == 0 {
        return Some(0);
    }
    let at = base.wrapping_add(u64::from(place.first));
    if place.through == 0 {
        return Some(at);
    }
    let to = pointer(at, flags)?;
    Some(if to == 0 {
        0
    } else {
        to.wrapping_add(u64::from(place.then))
    })
}

/// A number.
#[inline(always)]
pub fn value(call: &Call, of: &CallOperand, flags: u64) -> Option<u64> {
    match of.from {
        operand::CONST => Some(u64::from(of.place.first)),
        operand::ARG => {
            let word = argument(call, of.place.arg);
            Some(match of.width {
                1 => word & 0xff,
                2 => word & 0xffff,
                4 => word & 0xffff_ffff,
                _ => word,
            })
        }
        operand::RET => {
            // SAFETY: a call's record is valid.
            let ret = unsafe { read_volatile(&raw const (*call.record()).ret) };
            Some(if ret < 0 { 0 } else { ret as u64 })
        }
        _ => {
            let at = address(call, &of.place, flags)?;
            if at == 0 {
                return Some(0);
            }
            number(at, u64::from(of.width))
        }
    }
}
