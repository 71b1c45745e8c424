//! The config block: settings that change what a script means.
//!
//! In: the script. Out: settings, and diagnostics. Never reads the environment: `BPFTRACE_*` is the session's.

use super::nearest::did_you_mean;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::CallOptions;
use crate::syntax::ast::{Expr, ExprKind, Ident, Item, Script};

/// Settings that change what a script means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Capacity of a string without a length of its own, including the NUL.
    pub max_strlen: u32,
    /// Entries a map may hold.
    pub max_map_keys: u32,
    /// What `call` carries.
    pub call: CallOptions,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_strlen: 1024,
            max_map_keys: 4096,
            call: CallOptions::default(),
        }
    }
}

/// Largest `max_strlen`: a string must fit a scratch frame and a record.
pub const LONGEST_STRING: u32 = 16 * 1024;
/// Largest `max_call_bytes`: what the largest record of a call holds.
pub const MOST_CALL_BYTES: u64 = 64 * 1024;
/// Largest `max_map_keys`: memory for keys is bounded by it.
pub const MOST_KEYS: u64 = 16 * 1024 * 1024;

/// Keys of the config block that the language has and this version does not.
const NOT_BUILT: &[&str] = &[
    "cache_user_symbols",
    "cpp_demangle",
    "lazy_symbolication",
    "license",
    "log_size",
    "max_ast_nodes",
    "max_bpf_progs",
    "max_cat_bytes",
    "max_probes",
    "max_type_res_iterations",
    "missing_probes",
    "on_stack_limit",
    "perf_rb_pages",
    "print_maps_on_exit",
    "show_debug_info",
    "stack_mode",
    "str_trunc_trailer",
    "unstable_import",
    "use_blazesym",
];

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
    let (slot, most): (&mut u32, u64) = match name.text.as_str() {
        "max_strlen" => (&mut settings.max_strlen, LONGEST_STRING.into()),
        "max_map_keys" => (&mut settings.max_map_keys, MOST_KEYS),
        "max_call_bytes" => (&mut settings.call.max_bytes, MOST_CALL_BYTES),
        other => {
            notes.push(unknown(other, name.span));
            return;
        }
    };
    match value.kind {
        ExprKind::Int(v) if (1..=most).contains(&v) => *slot = v as u32,
        _ => {
            let message = format!("`{}` is a number from 1 to {most}", name.text);
            notes.push(Diagnostic::error(codes::BAD_SETTING, value.span, message));
        }
    }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    if NOT_BUILT.contains(&name) {
        let message = format!("the setting `{name}` is not built yet");
        return Diagnostic::error(codes::ITEM_NOT_BUILT, span, message);
    }
    let message = format!("no such setting: `{name}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_SETTING, span, message);
    let known = NOT_BUILT
        .iter()
        .copied()
        .chain(["max_call_bytes", "max_map_keys", "max_strlen"]);
    diagnostic.help.extend(did_you_mean(name, known));
    diagnostic
}
