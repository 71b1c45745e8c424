//! Whether a guest died of a flaw of the emulator's, and not of the kernel or of what the cases did to it.
//!
//! In: what the guest's kernel printed. Out: yes, where it shows what no processor does. Never excuses anything else.
//!
//! QEMU before 9.0 stores the operands of an arithmetic instruction, from which flags are computed later, before the instruction's
//! write to memory can fault. A fault then leaves operands that are taken for flags, the direction flag among them, and the
//! kernel copies backwards. Flags that were made of operands have bits that are always zero in a processor's.
//!
//! On a busy machine it may also not tick in time while the guest's kernel tries its timer: a kernel gives up then, at boot.

/// What the kernel says when no tick came (arch/x86/kernel/apic/io_apic.c).
const NO_TICK: &str = "IO-APIC + timer doesn't work";

/// The upper ten bits of the flags register are reserved, and always zero (Intel SDM, volume 1, 3.4.3).
const RESERVED_FROM: u32 = 22;

/// Whether an oops shows flags that no processor has, or the timer did not tick at boot.
pub fn erred(console: &str) -> bool {
    console.contains(NO_TICK) || has_reserved_flags(console)
}

fn has_reserved_flags(console: &str) -> bool {
    let values = console.split("EFLAGS: ").skip(1);
    let mut values = values.filter_map(|rest| u64::from_str_radix(rest.get(..8)?, 16).ok());
    values.any(|flags| flags >> RESERVED_FROM != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_flags_are_the_emulators() {
        let line =
            |flags: &str| format!("[ 1.5] RSP: 0018:ff7ae8950070fa78 EFLAGS: {flags}\n[ 1.6] x");
        assert!(erred(&line("3ff85682")));
        assert!(!erred(&line("00010246")));
        assert!(!erred(&line("0001")));
        assert!(!erred("Kernel panic - not syncing"));
        assert!(erred(
            "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with"
        ));
        assert!(erred(&(line("00010246") + &line("3fd80206"))));
    }
}
