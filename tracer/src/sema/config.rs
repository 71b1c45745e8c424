//! The config block: settings that change what a script means.
//!
//! In: the script. Out: settings, and diagnostics. Never reads the environment: `BPFTRACE_*` is the session's.

use super::nearest::did_you_mean;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{CallOptions, Order, UserSettings};
use crate::syntax::ast::{Expr, ExprKind, Ident, Item, Script};
use crate::types::StackMode;

/// Settings that change what a script means or what is shown of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Capacity of a string without a length of its own, including the NUL.
    pub max_strlen: u32,
    /// Entries a map may hold.
    pub max_map_keys: u32,
    /// How stacks print that do not say it themselves.
    pub stack_mode: StackMode,
    /// What `call` carries.
    pub call: CallOptions,
    /// What belongs to the user half.
    pub user: UserSettings,
    /// What a probe is that does not exist here.
    pub missing_probes: Missing,
    /// Functions that change the system are allowed: `--unsafe`, never the script's own decision.
    pub allow_unsafe: bool,
    /// The run's status is a verdict: the script may not choose another.
    pub verdict: bool,
}

/// What a probe is that the kernel, or the program it names, does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// An error.
    Error,
    /// Something to be said.
    Warn,
    /// Nothing.
    Ignore,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_strlen: 1024,
            max_map_keys: 4096,
            stack_mode: StackMode::default(),
            call: CallOptions::default(),
            user: UserSettings::default(),
            missing_probes: Missing::Error,
            allow_unsafe: false,
            verdict: false,
        }
    }
}

/// Largest `max_strlen`: a string must fit a scratch frame and a record.
pub const LONGEST_STRING: u32 = 16 * 1024;
/// Largest `max_call_bytes`: what the largest record of a call holds.
pub const MOST_CALL_BYTES: u64 = 64 * 1024;
/// Largest `max_map_keys`: memory for keys is bounded by it.
pub const MOST_KEYS: u64 = 16 * 1024 * 1024;

/// Largest `max_cat_bytes`.
const MOST_CAT_BYTES: u64 = 64 << 20;
/// Largest `perf_rb_pages`: 64 MiB a CPU.
const MOST_PAGES: u64 = 16 << 10;
/// Bytes of a page.
const PAGE: u32 = 4096;

/// Keys of bpftrace that decide about things which are not there to be decided: how types are found, how large a compiler's
/// tables and buffers may grow, which library resolves symbols and when. Any value is right.
const NO_MATTER: &[&str] = &[
    "cache_user_symbols",
    "cpp_demangle",
    "lazy_symbolication",
    "license",
    "log_size",
    "max_ast_nodes",
    "max_bpf_progs",
    "max_probes",
    "max_type_res_iterations",
    "on_stack_limit",
    "show_debug_info",
    "unstable_import",
    "use_blazesym",
];

/// Keys that are set.
const KEYS: &[&str] = &[
    "call_children",
    "call_descriptors",
    "call_times",
    "max_call_bytes",
    "max_cat_bytes",
    "max_map_keys",
    "max_strlen",
    "missing_probes",
    "perf_rb_pages",
    "print_maps_on_exit",
    "sort_maps",
    "stack_mode",
    "str_trunc_trailer",
];

/// Older names of keys, as bpftrace's environment variables had them (in upper case, behind `BPFTRACE_`).
const OLDER: &[(&str, &str)] = &[
    ("cat_bytes_max", "max_cat_bytes"),
    ("map_keys_max", "max_map_keys"),
    ("strlen", "max_strlen"),
];

/// A setting's value.
enum Given<'a> {
    Number(u64),
    Word(&'a str),
    Other,
}

impl Settings {
    /// Takes an environment variable of bpftrace into account: `BPFTRACE_MAX_STRLEN`. One that is not known, or does not
    /// matter here, changes nothing.
    ///
    /// # Errors
    /// A sentence about a value that the setting cannot have.
    pub fn environment(&mut self, variable: &str, value: &str) -> Result<(), String> {
        let Some(key) = variable.strip_prefix("BPFTRACE_") else {
            return Ok(());
        };
        let key = key.to_ascii_lowercase();
        let older = OLDER.iter().find(|(old, _)| *old == key);
        let key = older.map_or(key.as_str(), |(_, key)| key);
        if !KEYS.contains(&key) {
            return Ok(());
        }
        let given = match value.parse() {
            Ok(number) => Given::Number(number),
            Err(_) => Given::Word(value),
        };
        self.set(key, &given)
            .map_err(|wanted| format!("{variable} is {wanted}, not {value:?}"))
    }

    /// Sets one of [`KEYS`].
    ///
    /// # Errors
    /// What its value may be.
    fn set(&mut self, key: &str, given: &Given<'_>) -> Result<(), String> {
        let number = |most: u64| match given {
            Given::Number(n) if (1..=most).contains(n) => Ok(*n as u32),
            _ => Err(format!("a number from 1 to {most}")),
        };
        let switch = || match given {
            Given::Number(n @ 0..=1) => Ok(*n == 1),
            Given::Word("true") => Ok(true),
            Given::Word("false") => Ok(false),
            _ => Err("true or false".to_owned()),
        };
        match key {
            "call_children" => self.call.children = switch()?,
            "call_descriptors" => self.call.descriptors = switch()?,
            "call_times" => self.call.times = switch()?,
            "max_strlen" => self.max_strlen = number(LONGEST_STRING.into())?,
            "max_map_keys" => self.max_map_keys = number(MOST_KEYS)?,
            "max_call_bytes" => self.call.max_bytes = number(MOST_CALL_BYTES)?,
            "max_cat_bytes" => self.user.max_cat_bytes = number(MOST_CAT_BYTES)?,
            "perf_rb_pages" => {
                let bytes = number(MOST_PAGES)? * PAGE;
                self.user.ring_bytes = Some(bytes.next_power_of_two());
            }
            "print_maps_on_exit" => self.user.print_maps_on_exit = switch()?,
            "missing_probes" => {
                self.missing_probes = match given {
                    Given::Word("error") => Missing::Error,
                    Given::Word("warn") => Missing::Warn,
                    Given::Word("ignore") => Missing::Ignore,
                    _ => return Err("error, warn or ignore".to_owned()),
                }
            }
            "sort_maps" => {
                self.user.sort = match given {
                    Given::Word("by_key") => Order::Key,
                    Given::Word("by_value") => Order::Value,
                    _ => return Err("by_key or by_value".to_owned()),
                }
            }
            "stack_mode" => {
                let mode = match given {
                    Given::Word(word) => StackMode::named(word),
                    _ => None,
                };
                self.stack_mode = mode.ok_or("bpftrace, perf or raw")?;
            }
            _ => match given {
                Given::Word(text) => self.user.trailer = (*text).to_owned(),
                _ => return Err("text".to_owned()),
            },
        }
        Ok(())
    }
}

/// Reads what stands outside of clauses; what the script does not set stays as it is in `settings`.
pub fn read(script: &Script, mut settings: Settings, notes: &mut Vec<Diagnostic>) -> Settings {
    for item in &script.items {
        if let Item::Config { entries, .. } = item {
            for (name, value) in entries {
                entry(&mut settings, name, value, notes);
            }
        }
    }
    settings
}

fn entry(settings: &mut Settings, name: &Ident, value: &Expr, notes: &mut Vec<Diagnostic>) {
    let key = name.text.as_str();
    if NO_MATTER.contains(&key) {
        return;
    }
    if !KEYS.contains(&key) {
        notes.push(unknown(key, name.span));
        return;
    }
    let text;
    let given = match &value.kind {
        ExprKind::Int(v) => Given::Number(*v),
        ExprKind::Bool(b) => Given::Number(u64::from(*b)),
        ExprKind::Name(word) => Given::Word(word),
        ExprKind::Str(bytes) => {
            text = String::from_utf8_lossy(bytes).into_owned();
            Given::Word(&text)
        }
        _ => Given::Other,
    };
    if let Err(wanted) = settings.set(key, &given) {
        let message = format!("`{key}` is {wanted}");
        notes.push(Diagnostic::error(codes::BAD_SETTING, value.span, message));
    }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    let message = format!("no such setting: `{name}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_SETTING, span, message);
    let known = [KEYS, NO_MATTER].concat();
    diagnostic.help.extend(did_you_mean(name, known));
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_spelled_as_bpftraces() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("BPFTRACE_STRLEN", "200"),
            ("BPFTRACE_MAP_KEYS_MAX", "7"),
            ("BPFTRACE_STR_TRUNC_TRAILER", "~"),
            ("BPFTRACE_PRINT_MAPS_ON_EXIT", "0"),
            ("BPFTRACE_PERF_RB_PAGES", "3"),
            ("BPFTRACE_LOG_SIZE", "1"),
            ("PATH", "/bin"),
        ] {
            assert_eq!(settings.environment(name, value), Ok(()), "{name}");
        }
        assert_eq!((settings.max_strlen, settings.max_map_keys), (200, 7));
        assert_eq!(settings.user.trailer, "~");
        assert!(!settings.user.print_maps_on_exit);
        assert_eq!(settings.user.ring_bytes, Some(16384));
        let wrong = settings.environment("BPFTRACE_MAX_STRLEN", "x");
        assert!(wrong.expect_err("no number").contains("from 1 to"));
    }
}
