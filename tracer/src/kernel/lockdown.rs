//! Kernel lockdown (Secure Boot): what even root may not do.
//!
//! In: `/sys/kernel/security/lockdown`, e.g. `none [integrity] confidentiality`. Out: the mode. Never changes it.

use std::fs;

/// What the kernel refuses to everybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lockdown {
    /// Nothing.
    None,
    /// Changing the kernel: BPF may not write user memory.
    Integrity,
    /// Reading it too: no kprobes, no reads of kernel memory from BPF, no perf tracepoints.
    Confidentiality,
    /// Cannot be told: securityfs is not mounted, or the kernel has no lockdown.
    Unknown,
}

impl Lockdown {
    /// Of this kernel.
    pub fn read() -> Lockdown {
        fs::read_to_string("/sys/kernel/security/lockdown")
            .map_or(Lockdown::Unknown, |text| Lockdown::parse(&text))
    }

    fn parse(text: &str) -> Lockdown {
        match text
            .split('[')
            .nth(1)
            .and_then(|rest| rest.split(']').next())
        {
            Some("none") => Lockdown::None,
            Some("integrity") => Lockdown::Integrity,
            Some("confidentiality") => Lockdown::Confidentiality,
            _ => Lockdown::Unknown,
        }
    }

    /// The kernel's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Lockdown::None => "none",
            Lockdown::Integrity => "integrity",
            Lockdown::Confidentiality => "confidentiality",
            Lockdown::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracketed_word_counts() {
        let of = Lockdown::parse;
        assert_eq!(of("[none] integrity confidentiality\n"), Lockdown::None);
        assert_eq!(
            of("none [integrity] confidentiality\n"),
            Lockdown::Integrity
        );
        assert_eq!(
            of("none integrity [confidentiality]\n"),
            Lockdown::Confidentiality
        );
        assert_eq!(of(""), Lockdown::Unknown);
    }
}
