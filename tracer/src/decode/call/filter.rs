//! Instructions of classic BPF (`struct sock_filter`): filters of seccomp and of sockets.
//!
//! In: the eight bytes of an instruction. Out: `BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW)`. Never checks whether the
//! kernel would take it. Numbers: linux/bpf_common.h, linux/filter.h.

use super::names::named;
use super::number;
use super::sink::Sink;
use super::walk::{Place, Walk};

const CLASSES: [&str; 8] = [
    "BPF_LD", "BPF_LDX", "BPF_ST", "BPF_STX", "BPF_ALU", "BPF_JMP", "BPF_RET", "BPF_MISC",
];
const SIZES: [&str; 4] = ["BPF_W", "BPF_H", "BPF_B", "0x18"];
const MODES: [&str; 8] = [
    "BPF_IMM", "BPF_ABS", "BPF_IND", "BPF_MEM", "BPF_LEN", "BPF_MSH", "0xc0", "0xe0",
];
const OPERATIONS: [&str; 11] = [
    "BPF_ADD", "BPF_SUB", "BPF_MUL", "BPF_DIV", "BPF_OR", "BPF_AND", "BPF_LSH", "BPF_RSH",
    "BPF_NEG", "BPF_MOD", "BPF_XOR",
];
const JUMPS: [&str; 5] = ["BPF_JA", "BPF_JEQ", "BPF_JGT", "BPF_JGE", "BPF_JSET"];
const RESULTS: [&str; 4] = ["BPF_K", "BPF_X", "BPF_A", "0x18"];

/// Classes that have a way of their own.
const LDX: usize = 1;
const ST: usize = 2;
const STX: usize = 3;
const ALU: usize = 4;
const JMP: usize = 5;
const RET: usize = 6;
const MISC: usize = 7;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// An instruction; the caller checked that it is whole.
    pub fn filter_instruction(&mut self, place: Place<'a>) {
        let raw = place.number(0, 8).unwrap_or(0);
        let code = raw as u16;
        let (jt, jf, k) = (raw >> 16 & 0xff, raw >> 24 & 0xff, raw >> 32);
        let is_seccomp = matches!(self.name, "seccomp" | "prctl");
        let is_jump = usize::from(code & 7) == JMP;
        self.sink.expression(raw as i64, |out| {
            out.extend_from_slice(if is_jump { b"BPF_JUMP(" } else { b"BPF_STMT(" });
            operation(out, code);
            out.extend_from_slice(b", ");
            match usize::from(code & 7) == RET && code & 0x18 == 0 && is_seccomp {
                true => verdict(out, k),
                false => number::hex(out, k),
            }
            if is_jump {
                for target in [jt, jf] {
                    out.extend_from_slice(b", ");
                    number::hex(out, target);
                }
            }
            out.push(b')');
        });
    }
}

fn operation(out: &mut Vec<u8>, code: u16) {
    let class = usize::from(code & 7);
    let source = RESULTS[usize::from(code >> 3 & 1)];
    let high = usize::from(code >> 4 & 0xf);
    let words: [&str; 3] = match class {
        ALU => [CLASSES[class], source, OPERATIONS.get(high).unwrap_or(&"")],
        JMP => [CLASSES[class], source, JUMPS.get(high).unwrap_or(&"")],
        RET => [CLASSES[class], RESULTS[usize::from(code >> 3 & 3)], ""],
        MISC => [
            CLASSES[class],
            if code & 0x80 == 0 {
                "BPF_TAX"
            } else {
                "BPF_TXA"
            },
            "",
        ],
        ST | STX => [CLASSES[class], "", ""],
        0..=LDX => {
            let size = SIZES[usize::from(code >> 3 & 3)];
            [CLASSES[class], size, MODES[usize::from(code >> 5 & 7)]]
        }
        _ => [CLASSES[class], "", ""],
    };
    for (i, word) in words
        .into_iter()
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        out.extend_from_slice(if i > 0 { b"|" } else { b"" });
        out.extend_from_slice(word.as_bytes());
    }
    if code >> 8 != 0 {
        out.push(b'|');
        number::hex(out, u64::from(code & 0xff00));
    }
}

/// `SECCOMP_RET_ERRNO|0x1`
fn verdict(out: &mut Vec<u8>, k: u64) {
    let Some(name) = named("seccomp_action", k & 0xffff_0000) else {
        return number::hex(out, k);
    };
    out.extend_from_slice(name.as_bytes());
    if k & 0xffff != 0 {
        out.push(b'|');
        number::hex(out, k & 0xffff);
    }
}
