//! Which probes a pattern of `tracer list` means.
//!
//! In: the pattern as typed: `syscall:*open*`, `t:sched:*`, `*exec*`, `syscall:%file`, `kprobe`. Out: [`Pattern`]. Never looks
//! a name up.

use crate::sema::glob;
use crate::sema::providers;
use crate::tables::syscalls;

/// A pattern, understood.
pub(super) struct Pattern {
    /// The provider, when it is named outright.
    provider: Option<&'static str>,
    /// Matches a full name: `syscall:*open*`.
    text: String,
    /// Only these calls: `syscall:%file`.
    calls: Option<&'static [&'static str]>,
}

impl Pattern {
    /// Understands a pattern.
    ///
    /// # Errors
    /// A sentence, when it names a class of system calls that does not exist.
    pub(super) fn parse(typed: &str) -> Result<Pattern, String> {
        let (head, tail) = typed.split_once(':').unwrap_or((typed, "*"));
        let Some(provider) = providers::named(head).map(|p| p.name) else {
            return Ok(Pattern {
                provider: None,
                text: typed.to_string(),
                calls: None,
            });
        };
        let tail = match provider {
            "syscall" => call_of(tail),
            _ => tail,
        };
        let calls = match tail.strip_prefix('%') {
            Some(class) if provider == "syscall" => Some(class_named(class)?),
            _ => None,
        };
        let tail = if calls.is_some() { "*" } else { tail };
        Ok(Pattern {
            provider: Some(provider),
            text: format!("{provider}:{tail}"),
            calls,
        })
    }

    /// Whether probes of a provider can match at all.
    pub(super) fn wants(&self, provider: &str) -> bool {
        match self.provider {
            Some(only) => only == provider,
            // `kpro*:x` names some; `*exec*` names none, and its first part can be any.
            None => match self.text.split_once(':') {
                Some((head, _)) if !head.contains('*') => glob::matches(head, provider),
                _ => true,
            },
        }
    }

    /// Whether a probe matches, by its provider and the rest of its name; `BEGIN` has none.
    pub(super) fn matches(&self, provider: &str, name: &str) -> bool {
        let called = self
            .calls
            .is_none_or(|calls| calls.binary_search(&name).is_ok());
        let alone = name.is_empty() && glob::matches(&self.text, provider);
        called && (alone || glob::matches(&self.text, &format!("{provider}:{name}")))
    }

    /// The last part without `*` and `?`: what was meant, for proposals.
    pub(super) fn stem(&self) -> String {
        let last = self.text.rsplit(':').next().unwrap_or_default();
        last.replace(['*', '?'], "")
    }
}

/// `openat` of `openat:entry`, and of dtrace's `:openat:entry`.
fn call_of(tail: &str) -> &str {
    let tail = tail.strip_prefix(':').unwrap_or(tail);
    tail.strip_suffix(":entry")
        .or_else(|| tail.strip_suffix(":return"))
        .unwrap_or(tail)
}

fn class_named(class: &str) -> Result<&'static [&'static str], String> {
    syscalls::class(class).ok_or_else(|| {
        let all: Vec<String> = syscalls::classes().map(|c| format!("%{c}")).collect();
        format!(
            "no class of system calls is named `%{class}`; there are {}",
            all.join(" ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, provider: &str, name: &str) -> bool {
        let pattern = Pattern::parse(pattern).unwrap();
        pattern.wants(provider) && pattern.matches(provider, name)
    }

    #[test]
    fn patterns_are_matched_on_full_names() {
        assert!(matches("syscall:*open*", "syscall", "openat"));
        assert!(!matches(
            "syscall:*open*",
            "tracepoint",
            "syscalls:sys_enter_openat"
        ));
        assert!(matches("*exec*", "tracepoint", "sched:sched_process_exec"));
        assert!(matches(
            "tracepoint:sched:*",
            "tracepoint",
            "sched:sched_switch"
        ));
        assert!(!matches("openat", "syscall", "openat"));
        assert!(matches("*probe:vfs_*", "kprobe", "vfs_read"));
        assert!(!matches("k?robe:vfs_*", "kretprobe", "vfs_read"));
    }

    #[test]
    fn short_names_and_bare_providers_are_known() {
        assert!(matches(
            "t:sched:sched_switch",
            "tracepoint",
            "sched:sched_switch"
        ));
        assert!(matches("rt:sched_switch", "rawtracepoint", "sched_switch"));
        assert!(matches("kretprobe", "kretprobe", "vfs_read"));
        assert!(!matches("kretprobe", "kprobe", "vfs_read"));
    }

    #[test]
    fn calls_have_classes_and_phases() {
        assert!(matches("syscall:%net", "syscall", "connect"));
        assert!(!matches("syscall:%net", "syscall", "openat"));
        assert!(matches("syscall::openat:entry", "syscall", "openat"));
        assert!(matches("syscall:openat:return", "syscall", "openat"));
        let error = Pattern::parse("syscall:%nets").err().unwrap();
        assert!(error.contains("`%nets`") && error.contains("%net "));
    }
}
