//! The table of diagnostic codes. E01xx: tokens and grammar. E02xx: names and types. E03xx: probes.
//! E04xx: functions and maps. E05xx: limits. E09xx: not built yet.
//!
//! In: nothing. Out: a constant for each code and, by [`all`], its title and manual paragraph. Never decides
//! when a code is used. A code never changes its meaning and is never used again.
//!
//! To add one: a line in the block below, in order, and a golden case that names it.

use std::fmt;

/// A stable code: the number after `E` (or `W` for a warning).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}", self.0)
    }
}

/// What the manual says about a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// A few words, without full stop.
    pub title: &'static str,
    /// When it appears and what to do, in a sentence or two.
    pub manual: &'static str,
}

/// Every code, in order.
pub fn all() -> &'static [Entry] {
    TABLE
}

/// The entry of a code; `None` when it is not registered.
pub fn entry(code: Code) -> Option<&'static Entry> {
    let at = TABLE.binary_search_by_key(&code, |e| e.code).ok()?;
    Some(&TABLE[at])
}

/// Declares a constant for each code and the table of all of them from the same line.
macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal, $manual:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code($number);)*
        const TABLE: &[Entry] = &[
            $(Entry { code: $name, title: $title, manual: $manual },)*
        ];
    };
}

codes! {
    // E01xx: tokens and grammar.
    BAD_CHARACTER = 101, "character that no script contains",
        "The character has no meaning outside of strings and comments. Often it came from a word processor: a typographic quote or dash.";
    UNTERMINATED_STRING = 102, "string without its closing quote",
        "A string ends on the line on which it begins. Write \\n for a line break and \\\" for a quote inside of it.";
    BAD_ESCAPE = 103, "unknown escape in a string",
        "Known are \\n \\t \\r \\a \\b \\f \\v \\0 \\\\ \\\" \\', \\xNN with two hexadecimal digits and \\NNN with up to three octal digits.";
    BAD_NUMBER = 104, "malformed number",
        "A number is decimal, 0x hexadecimal, 0b binary, 0 octal, 1e6, or a duration such as 10ms; `_` may separate digits.";
    NUMBER_TOO_LARGE = 105, "number does not fit 64 bits",
        "Numbers and durations (counted in nanoseconds) go up to 2^64 - 1.";
    UNTERMINATED_COMMENT = 106, "comment without its end",
        "A comment that begins with /* ends with */; comments do not nest.";
    BAD_CHAR_LITERAL = 107, "malformed character literal",
        "A character literal is one byte or one escape between single quotes: 'a', '\\n'. Text stands between double quotes.";
    UNEXPECTED = 110, "something else was expected here",
        "The grammar allows only what the message names at this place.";
    EXPECTED_EXPRESSION = 111, "a value is missing",
        "A number, a string, a variable, a map, a built-in or a call was expected.";
    MISSING_SEMICOLON = 112, "statement without `;`",
        "Statements are separated by `;`; only the last one before `}` may go without.";
    UNCLOSED = 113, "bracket that is never closed",
        "The script ended, or went on with something else, before the bracket's partner.";
    UNMATCHED_CLOSE = 114, "closing brace without an opening one",
        "There is one `}` too many, or a `{` is missing before it.";
    PREDICATE_NOT_CLOSED = 115, "predicate without its second slash",
        "A predicate stands between slashes, directly before the action: probe /condition/ { … }.";
    BAD_PROBE = 116, "malformed probe",
        "A probe is written as provider:name without spaces, e.g. tracepoint:sched:sched_switch; several are separated by commas.";
    MISSING_PARAMETER = 117, "positional parameter that was not given",
        "A probe uses $1 and the like, but the command line has fewer parameters behind the script.";
    NOT_ASSIGNABLE = 118, "left side cannot be assigned to",
        "Only $variables and @maps can be assigned to, incremented or decremented.";
    NESTED_TOO_DEEP = 119, "nested too deep",
        "Brackets, blocks and operators may be nested up to a fixed depth. Use variables for the parts of a long expression.";
    NO_PROBE = 120, "action without a probe",
        "Each action needs the probe at which it runs: BEGIN { … } for one at the start.";
    NO_ACTION = 121, "probe without an action",
        "A probe is followed by an action between braces: syscall:openat { … }.";
    BAD_TYPE = 122, "malformed type",
        "A type is a C type's name: uint64, struct task_struct *, char[16].";
    BAD_CONFIG = 123, "malformed configuration",
        "The block is written as config = { name = value; … }.";
    TOO_MANY_ERRORS = 124, "too many errors",
        "The rest of the script was not read. Correct the first errors and run again.";
    SINGLE_EQUALS = 125, "`=` where a comparison was meant",
        "A condition compares with `==`; `=` assigns.";
    BAD_REGEX = 126, "malformed regular expression",
        "Behind =~ and !~ stands a string with a glob, or a regular expression between slashes on one line.";
    // E05xx: limits.
    TOO_MANY_SYSCALL_CLAUSES = 501, "too many syscall clauses",
        "The shared syscall programs tell their clauses apart by the bits of one 64-bit word. Join clauses that do the same, or make two scripts.";
    KEY_TOO_LARGE = 502, "map key too large",
        "A key is built in scratch memory, which is limited. Cut its strings: str(x, 64) keeps 64 bytes instead of max_strlen.";
    VALUE_TOO_LARGE = 503, "map value too large",
        "The kernel keeps at most 32 KiB of an aggregation on each CPU, and a plain value is built in scratch memory. Use fewer buckets (a larger step) or shorter strings.";
    RECORD_TOO_LARGE = 504, "record too large",
        "What one statement sends must fit the scratch memory in which it is built. Cut its strings, str(x, 64), or print them in two statements.";
    STATE_TOO_LARGE = 505, "too much to keep from a call's entry to its exit",
        "The arguments that a call's exit wants are kept with each thread. Cut the strings, str(args.filename, 64), or use fewer of them.";
    TOO_MANY_ARGUMENTS = 506, "too many arguments",
        "A record says which of its arguments are absent in one 64-bit word. Print them in two statements.";
    NO_TASK_STORAGE = 507, "this kernel cannot keep a call's entry",
        "Durations and arguments are kept with the thread from entry to exit, which needs Linux 5.11. Probes at the entry alone (syscall:NAME:entry) work without.";
    NO_FUNCTION_TYPE = 508, "the kernel does not describe this function",
        "fexit finds the result behind the arguments, whose number comes from the kernel's type information (BTF). kretprobe needs none.";
    // E09xx: known to the language, not built yet.
    GRAMMAR_NOT_BUILT = 901, "part of the language that is not built yet",
        "The construct is known (functions, imports), but this version cannot run it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_explained() {
        for pair in all().windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} is out of order",
                pair[1].code
            );
        }
        for e in all() {
            assert!(
                !e.title.ends_with('.'),
                "{}: a title has no full stop",
                e.code
            );
            assert!(
                e.manual.ends_with('.'),
                "{}: the manual is a sentence",
                e.code
            );
            assert_eq!(entry(e.code), Some(e));
        }
    }
}
