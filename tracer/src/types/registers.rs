//! Registers of x86-64, as a probe's context has them.
//!
//! In: a name. Out: its place in `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h; each has 8 bytes). Never knows a hook.

/// Names in the order of `struct pt_regs`.
pub const REGISTERS: &[&str] = &[
    "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
];

/// Those that hold a function's arguments, in order (System V ABI).
pub const ARGUMENTS: [&str; 6] = ["di", "si", "dx", "cx", "r8", "r9"];

/// The place of a register of this name: bytes from the start of `struct pt_regs`.
pub fn find(name: &str) -> Option<u16> {
    let at = REGISTERS.iter().position(|r| *r == name)?;
    Some(at as u16 * 8)
}

/// The whole register that an operand of an instruction names, and how many of its bits that are: `edi` are 32 of `di`.
pub fn of_operand(name: &str) -> Option<(u16, u8)> {
    if let Some(at) = name.strip_prefix('r').and_then(find) {
        return Some((at, 64));
    }
    let (register, bits) = match name.as_bytes() {
        [b'r', b'0'..=b'9', ..] => match name.as_bytes()[name.len() - 1] {
            b'd' => (&name[..name.len() - 1], 32),
            b'w' => (&name[..name.len() - 1], 16),
            b'b' => (&name[..name.len() - 1], 8),
            _ => (name, 64),
        },
        [b'e', ..] => (&name[1..], 32),
        [_, b'l'] => return Some((find(&format!("{}x", &name[..1]))?, 8)),
        [_, _, b'l'] => (&name[..2], 8),
        _ => (name, 16),
    };
    Some((find(register)?, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_parts_of_registers() {
        let of = |name, register, bits| {
            assert_eq!(
                of_operand(name),
                Some((find(register).expect("it is in the table"), bits)),
                "{name}"
            );
        };
        of("rdi", "di", 64);
        of("edi", "di", 32);
        of("di", "di", 16);
        of("dil", "di", 8);
        of("al", "ax", 8);
        of("ax", "ax", 16);
        of("r8", "r8", 64);
        of("r15d", "r15", 32);
        of("r9w", "r9", 16);
        of("r10b", "r10", 8);
        of("rip", "ip", 64);
        assert_eq!(of_operand("xmm0"), None);
    }

    #[test]
    fn offsets_are_those_of_pt_regs() {
        assert_eq!(find("di"), Some(112));
        assert_eq!(find("ax"), Some(80));
        assert_eq!(find("sp"), Some(152));
    }
}
