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
        "Behind =~ and !~ stands a string with a glob, or a regular expression between slashes on one line. It sees bytes: \\d \\w \\s \\b and (?i) mean ASCII, a match of a part is enough, and there are no back references and no looking around.";
    BAD_DIRECTIVE = 127, "malformed preprocessor line",
        "Lines that begin with # are #include <header>, #define NAME value, #ifdef, #ifndef, #if, #elif, #else and #endif.";
    BAD_MACRO_PARAMETER = 128, "malformed parameter of a macro",
        "A macro takes variables ($x), whole maps (@x) and values (a bare name): macro add($sum, @count, value) { … }.";
    SCRIPT_TOO_LARGE = 129, "script too large",
        "A script has at most 4,096 clauses and as many names of variables, and of maps. Use keys of one map instead of many maps, or make several scripts.";
    // E02xx: names and types.
    NO_SUCH_NAME = 201, "no such built-in or constant",
        "A bare name is a built-in variable or a constant of the kernel's user interface (ENOENT, O_CREAT, SIGKILL). Variables are written $x, maps @x.";
    NO_SUCH_VARIABLE = 202, "variable without a value",
        "A $variable is assigned before it is read, in the same block or in one around it. let $x; declares one for an outer block.";
    NO_SUCH_MAP = 203, "map that is never assigned",
        "A @map is read, printed or cleared, but no clause assigns to it.";
    NO_SUCH_MEMBER = 204, "no such member",
        "The struct, union or tuple has no member of that name.";
    NO_MEMBERS = 205, "value without members",
        "Members are picked from structs and from pointers to structs. A number is cast to a pointer first: ((struct task_struct *)x)->pid.";
    NO_ELEMENTS = 206, "value without elements",
        "Elements are picked from arrays and from pointers whose target is known.";
    OUT_OF_BOUNDS = 207, "constant out of bounds",
        "The number is outside of what the array has or the function takes.";
    NOT_A_POINTER = 208, "not a pointer",
        "Only a pointer to something known can be followed. Cast a number first: *(int32 *)x.";
    NOT_A_VALUE = 209, "memory where a value is expected",
        "Structs, arrays and `args` are not values by themselves: a member or an element is.";
    NOT_CONSTANT = 210, "constant expected",
        "The number must be known before the run.";
    BAD_OPERAND = 211, "operand of the wrong kind",
        "Arithmetic works on numbers, pointers and bool, not on strings, tuples and stacks.";
    CANNOT_COMPARE = 212, "values that cannot be compared",
        "Numbers compare with numbers, strings with strings, tuples of the same shape with == and !=. Error numbers compare with constants without quotes.";
    BAD_CONDITION = 213, "condition that is no number",
        "A condition is true when it is not 0. A string is compared: comm == \"bash\".";
    TYPES_DIFFER = 214, "two types where one is needed",
        "Both sides of `:` must be of one kind: two numbers or two strings.";
    VARIABLE_TYPE = 215, "variable assigned with another type",
        "A variable keeps the type of its first assignment. Numbers and strings are widened, but not mixed.";
    MAP_TYPE = 216, "map assigned with another type",
        "A map keeps the type of its first assignment. Numbers and strings are widened, but not mixed.";
    KEY_COUNT = 217, "map used with another number of keys",
        "All uses of a map have the same number of keys; @x and @x[k] are different kinds of map.";
    KEY_TYPE = 218, "map used with another type of key",
        "All uses of a map have keys of the same kinds, in the same order.";
    CANNOT_CAST = 219, "cast that is not possible",
        "Numbers and pointers are cast to numbers and pointers. Text is read with str(x).";
    NO_SUCH_TYPE = 220, "no such type",
        "Known are the basic C types and what the kernel's BTF describes.";
    NO_BTF = 221, "kernel types are not known",
        "Members of kernel structs and typed arguments need BTF, which kernels have that are built with CONFIG_DEBUG_INFO_BTF.";
    PARAMETER_NOT_NUMBER = 222, "positional parameter that is not a number",
        "$1 stands for a number. Text is written as str($1).";
    SIGNS_DIFFER = 223, "negative constant beside an unsigned value",
        "When one side of a comparison is unsigned, both are compared as unsigned, and a negative constant is a huge number.";
    NATIVE_LAYOUT = 224, "struct of 32-bit programs",
        "The kernel describes structs as 64-bit programs lay them out. A struct with pointers or `long` lies otherwise in 32-bit programs, so their calls are left out of the clause.";
    BAD_DECLARATION = 225, "C declaration that cannot be used",
        "In front of a script stand constants (#define), structs, unions, enums and typedefs of C, with layouts by C's rules. The message says what is wrong.";
    MACRO_ARGUMENT = 226, "argument that a macro cannot take",
        "A macro's parameter $x takes a variable, @x takes a whole map, a bare name takes any value. Each call gives one argument for each parameter.";
    MACRO_HYGIENE = 227, "map that was not given to the macro",
        "A macro's body sees the maps and variables that it was called with, and its own variables, no others. Add a parameter: macro add(@m) { … }.";
    MACRO_ENDLESS = 228, "macro that grows without end",
        "A macro calls itself, or its calls grow beyond any use.";
    MACRO_TWICE = 229, "macro defined twice",
        "Each macro has one definition.";
    NO_SUCH_OPTION = 230, "option that the script does not have",
        "Options behind `--` are those that the script asks for with getopt(); `-- --help` lists them.";
    FIELD_TWICE = 231, "record with two fields of one name",
        "Each field of a record `(a = 1, b = 2)` has a name of its own.";
    NOT_IN_A_LOOP = 240, "jump of a loop outside of any loop",
        "`break` ends the loop around it, `continue` its iteration. `return` leaves the clause.";
    NO_PAIRS = 241, "loop over something without keys",
        "for ($kv : @map) goes over the keys of a map, with the key as $kv.0 and the value as $kv.1.";
    NO_ADDRESS = 242, "address of something that is not in memory",
        "& gives the address of what a pointer leads to: &curtask->comm. Variables, maps and results of calls are values.";
    // E03xx: probes.
    NO_SUCH_PROVIDER = 301, "no such kind of probe",
        "The word before the first colon names the kind of probe: syscall, tracepoint, kprobe, ….";
    MALFORMED_PROBE = 302, "probe not written as its kind wants",
        "Each kind of probe has its own parts between colons.";
    NO_SUCH_SYSCALL = 303, "no such system call",
        "No table has a call or class of that name. `tracer list 'syscall:*open*'` shows names.";
    NO_SUCH_TRACEPOINT = 304, "no such tracepoint",
        "This kernel lists no tracepoint of that name. `tracer list 'tracepoint:*exec*'` shows names.";
    NO_SUCH_FUNCTION = 305, "no such kernel function",
        "This kernel has no traceable function of that name: it may be inlined, or named otherwise in this version.";
    NO_MATCH = 306, "pattern that matches nothing",
        "No probe of this kind has a name that matches.";
    PROBE_NOT_HERE = 307, "probe that this machine cannot serve",
        "The kernel lacks something, or this user may not read it. The message says what, and which probes would do. `tracer doctor` shows everything.";
    NEVER_RETURNS = 308, "call that never returns",
        "exit and exit_group have no return: they fire at entry only, without result and duration.";
    NO_ARGS_HERE = 309, "probe without arguments",
        "At the return the argument registers may hold other values. `syscall:NAME` and `fexit` keep the arguments.";
    NO_RESULT_HERE = 310, "probe without result",
        "At the entry there is no result yet, and some functions return nothing.";
    NO_SUCH_ARGUMENT = 311, "no such argument",
        "One of the clause's probes has no argument of that name. `tracer list -v PROBE` shows the arguments.";
    NOT_IN_THIS_PROBE = 312, "built-in that this probe does not have",
        "Some built-ins belong to some kinds of probes: errno and duration to syscall, retval to probes at a return.";
    NO_CLAUSE = 313, "script without a probe",
        "A script has at least one probe with an action: BEGIN { … }.";
    NO_SUCH_FILE = 314, "no such program or library",
        "The file is looked for as it is written; a name without `/` among the programs of PATH and where the dynamic linker looks for libraries.";
    NO_SUCH_SYMBOL = 315, "no such function in a program or library",
        "The symbol tables of the file have no function of that name: it may be inlined or stripped. `tracer list 'uprobe:PATH:*'` shows names.";
    NO_SUCH_USDT = 316, "no such tracepoint in a program or library",
        "The file has no note of such a tracepoint. `tracer list 'usdt:PATH:*'` shows those that it has.";
    // E04xx: functions and maps.
    NO_SUCH_FUNCTION_CALL = 401, "no such function",
        "No built-in function has that name.";
    ARGUMENT_COUNT = 402, "wrong number of arguments",
        "The message shows how the function is called.";
    ARGUMENT_TYPE = 403, "argument of the wrong kind",
        "The function wants something else at this place.";
    CALL_HAS_NO_VALUE = 404, "function without a value",
        "Functions that do something stand alone, as statements.";
    AGGREGATION_NOT_ASSIGNED = 405, "aggregation that is not assigned to a map",
        "count(), sum() and the like are assigned to a map: @x = count().";
    AGGREGATION_MIXED = 406, "map with two kinds of content",
        "A map holds values, or one aggregation with the same bounds everywhere.";
    AGGREGATION_AS_VALUE = 407, "aggregation used as a value",
        "count, sum, min, max and avg are read like any value, merged from all CPUs. A histogram and stats() are many numbers: they can only be printed.";
    BAD_FORMAT = 408, "malformed format",
        "A conversion is % and flags, width, precision, and one of d i u o x X c p s r.";
    FORMAT_COUNT = 409, "format and values do not match in number",
        "Each conversion of the format takes one value.";
    FORMAT_TYPE = 410, "format and value do not match in kind",
        "%s takes text, %d %u %x %o %c %p take numbers.";
    BAD_BOUNDS = 411, "impossible bounds of a histogram",
        "lhist(x, min, max, step) wants max above min, a step above 0 and at most 1000 buckets.";
    NO_SUCH_SETTING = 412, "no such setting",
        "The config block knows max_strlen and max_map_keys.";
    BAD_SETTING = 413, "value that a setting cannot have",
        "The message says which values are possible.";
    BAD_MAP_DECLARATION = 414, "declaration that does not fit the map",
        "let @m = hash(n), lruhash(n), percpuhash(n), percpulruhash(n) or percpuarray(1) says how many keys a map holds; with lru, a key that was not used lately gives way to a new one. percpu is for aggregations.";
    NO_SUCH_KERNEL_SYMBOL = 415, "no such symbol of the kernel",
        "The name is not in /proc/kallsyms, or addresses are hidden from this user. `tracer doctor` says whether they are.";
    NEEDS_UNSAFE = 416, "function that is not allowed without --unsafe",
        "system() and signal() change the system that is watched. `--unsafe` on the command line allows them.";
    EXIT_IN_CHECK = 417, "exit() in a program that gives a verdict",
        "The exit status of `tracer check` is its verdict: 0 good, 1 bad, 125 could not tell. Say bad(), good() or unsure() instead of exit().";
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
    TOO_MANY_MAPS = 508, "too many maps in one program",
        "The kernel lets a program refer to 64 maps, some of which the runtime needs. All clauses on system calls share a program. Use one map with one more key, @n[\"opens\"], instead of several, or make two scripts.";
    MAP_IN_USER_SPACE = 509, "map that is kept in user space read in a predicate",
        "A map that is written with a value that only user space can compute (the text of a name, a symbol, a time) is kept there. A predicate is decided in the kernel, before anything is sent. Test the map with if inside the braces: each firing then sends a record.";
    EVENT_IS_OVER = 510, "something of the event is wanted when it is over",
        "What only user space can tell (the text of a name, a symbol, a time) is known after the event. Memory cannot be read then at an address that depends on it, and no signal be sent. Read memory first, into a variable, at an address that the kernel knows.";
    PATTERN_TOO_LARGE = 511, "pattern with too many states",
        "A pattern becomes an automaton, a table of half a kilobyte a state: at most 1024 states a pattern, and 8192 states and 256 patterns a script. Counted repetitions of alternatives make the most states. Match smaller parts and join them with && and ||.";
    LOOPS_TOO_DEEP = 520, "loops over maps stand too deep in each other",
        "Each loop over a map is a function that the kernel calls, and its stack has room for three such functions. All other loops in one of their bodies, or in the clause, count as one more. Gather what the inner loop finds in a variable or map first.";
    NOT_RECORDED = 521, "something that recordings do not hold",
        "A query over recordings can ask for system calls with their arguments, results, times, CPU, thread, user, group and control group, as far as they were selected when they were recorded. Anything else of a process or of the kernel is gone: ask it live.";
    NOT_SQL = 522, "something that SQL does not say",
        "--sql turns aggregations of recorded calls by keys, under conditions on columns of the export, into one SQL statement a map. Without --sql the query itself runs over recordings.";
    SCRATCH_FULL = 530, "values of a clause too large together",
        "Strings, tuples and other values over eight bytes lie in a scratch frame of 32,000 bytes while a clause runs, variables for all of it, other values for a statement. Cut strings, str(x, 64), or use fewer variables for them.";
    PROGRAM_TOO_LONG = 531, "program too long for the kernel",
        "The kernel takes a million instructions a program, all clauses on one probe together, and follows about eight thousand conditions in a row. Put what is repeated in a loop, whose body counts once, or make two scripts.";
    // E09xx: known to the language, not built yet.
    GRAMMAR_NOT_BUILT = 901, "part of the language that is not built yet",
        "The construct is known (functions, imports), but this version cannot run it.";
    PROBE_NOT_BUILT = 903, "probe that is not built yet",
        "This kind of probe is known, but this version cannot attach it. What an argument of a function points to is watched in \
         two runs: `uprobe:PATH:FUNCTION { printf(\"0x%lx\\n\", arg0); }` prints the address, and `watchpoint:0xADDRESS:8:w` with \
         `-p` watches it.";
    EXPRESSION_NOT_BUILT = 905, "expression that is not built yet",
        "The operator or expression is known, but this version cannot compute it.";
    FUNCTION_NOT_BUILT = 907, "function that is not built yet",
        "The function is known, but this version cannot run it.";
    TYPE_NOT_BUILT = 908, "type that is not built yet",
        "A member or argument of this type (floating point, a struct by value) cannot be read.";
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
