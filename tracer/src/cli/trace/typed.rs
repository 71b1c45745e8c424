//! `tracer trace` as it is typed. Options that strace has too mean the same here.
//!
//! In: argv. Out: [`TraceArgs`], not yet understood. Options of strace that have no place here are read, and hidden: they are
//! answered with a sentence ([`Elsewhere`]).

use crate::cli::shared::{Buffers, Ready, TimeLimit, Watchers};
use crate::cli::typed::Format;
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// `tracer trace`.
#[derive(Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// A command and its arguments: it is traced from its first call on, and lines go to standard error
    #[arg(trailing_var_arg = true, value_name = "COMMAND [ARGUMENT…]")]
    pub command: Vec<String>,

    /// Only this process with all its threads; may be repeated, or a list with commas
    #[arg(
        short,
        long,
        value_name = "PID",
        value_delimiter = ',',
        help_heading = "Whose calls"
    )]
    pub pid: Vec<u32>,
    /// The descendants of the processes or of the command too (-f json: see --format)
    #[arg(short, long, action = ArgAction::Count, help_heading = "Whose calls")]
    pub follow_forks: u8,
    /// Only threads of this name; * and ? match; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Whose calls")]
    pub comm: Vec<String>,
    /// Only this user, by name or number; may be repeated
    #[arg(long, value_name = "USER", help_heading = "Whose calls")]
    pub uid: Vec<String>,
    /// Only this control group (version 2) and those below it; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Whose calls")]
    pub cgroup: Vec<String>,
    /// The whole system, although a command is given
    #[arg(long, help_heading = "Whose calls")]
    pub system: bool,
    /// What else is traced.
    #[command(flatten, next_help_heading = "Whose calls")]
    pub watchers: Watchers,

    /// Which calls: names, %classes and /expressions with commas, !SET for all others; or trace=SET, status=SET, signal=SET,
    /// decode-fds=SET, quiet=SET, abbrev=SET
    #[arg(
        short = 'e',
        value_name = "EXPRESSION",
        allow_hyphen_values = true,
        help_heading = "Which calls"
    )]
    pub expressions: Vec<String>,
    /// The same as -e trace=SET
    #[arg(long, value_name = "SET", help_heading = "Which calls")]
    pub trace: Vec<String>,
    /// The same as -e status=SET
    #[arg(long, value_name = "SET", help_heading = "Which calls")]
    pub status: Vec<String>,
    /// The same as -e signal=SET
    #[arg(long, value_name = "SET", help_heading = "Which calls")]
    pub signal: Vec<String>,
    /// Only calls that name this path, as an argument or by a descriptor; may be repeated
    #[arg(
        short = 'P',
        long = "trace-path",
        value_name = "PATH",
        help_heading = "Which calls"
    )]
    pub paths: Vec<String>,
    /// Only calls with this descriptor; may be repeated
    #[arg(
        long,
        visible_alias = "trace-fds",
        value_name = "N",
        value_delimiter = ',',
        help_heading = "Which calls"
    )]
    pub fd: Vec<u32>,
    /// Only calls that failed
    #[arg(
        short = 'Z',
        long = "errors",
        visible_alias = "failed-only",
        help_heading = "Which calls"
    )]
    pub failed: bool,
    /// Only calls that succeeded
    #[arg(
        short = 'z',
        long = "successful-only",
        conflicts_with = "failed",
        help_heading = "Which calls"
    )]
    pub successful: bool,

    /// A table at the end instead of lines: calls, errors and times on the wall clock
    #[arg(short = 'c', long = "summary-only", help_heading = "Summary")]
    pub summary_only: bool,
    /// A table at the end, after the lines
    #[arg(
        short = 'C',
        long,
        conflicts_with = "summary_only",
        help_heading = "Summary"
    )]
    pub summary: bool,
    /// Order of the table
    #[arg(short = 'S', long = "summary-sort-by", value_name = "ORDER", value_parser = super::meant::order, help_heading = "Summary")]
    pub order: Option<crate::trace::summary::Order>,
    /// Times on the wall clock: they always are
    #[arg(short = 'w', long = "summary-wall-clock", help_heading = "Summary")]
    pub wall_clock: bool,

    /// Time of day before each line; -tt with microseconds, -ttt seconds since 1970
    #[arg(short, long = "absolute-timestamps", action = ArgAction::Count, help_heading = "Lines")]
    pub time: u8,
    /// Time since the line before
    #[arg(short, long = "relative-timestamps", help_heading = "Lines")]
    pub relative: bool,
    /// Time that the call took, behind it
    #[arg(short = 'T', long = "syscall-times", help_heading = "Lines")]
    pub took: bool,
    /// Number of the call before it
    #[arg(short, long = "syscall-number", help_heading = "Lines")]
    pub number: bool,
    /// The program's stack under each line
    #[arg(short = 'k', long = "stack-traces", help_heading = "Lines")]
    pub stacks: bool,
    /// The kernel's stack under each line
    #[arg(long, conflicts_with = "stacks", help_heading = "Lines")]
    pub kernel_stacks: bool,
    /// Descriptors with their paths; -yy with all that is known of sockets and the like
    #[arg(short = 'y', long = "decode-fds", action = ArgAction::Count, help_heading = "Lines")]
    pub descriptors: u8,
    /// Bytes shown of each string and buffer (paths are whole)
    #[arg(
        short = 's',
        long = "string-limit",
        value_name = "N",
        default_value_t = 32,
        help_heading = "Lines"
    )]
    pub string_limit: u32,
    /// Strings with bytes that are no text in hex; -xx: all strings
    #[arg(short = 'x', long = "strings-in-hex", action = ArgAction::Count, help_heading = "Lines")]
    pub hex: u8,
    /// Structs and lists whole
    #[arg(short = 'v', long = "no-abbrev", help_heading = "Lines")]
    pub whole: bool,
    /// Column of the results
    #[arg(
        short = 'a',
        long,
        value_name = "N",
        default_value_t = 40,
        help_heading = "Lines"
    )]
    pub columns: usize,
    /// No lines about the ends of processes; -qq: none about signals either
    #[arg(short, long, action = ArgAction::Count, help_heading = "Lines")]
    pub quiet: u8,

    /// Write to this file
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Form: text, or json (jsonl): an object a line; -f json and -f jsonl mean this too
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        help_heading = "Output"
    )]
    pub format: Format,
    /// Tell more on standard error: steps, their times, the accounts of all buffers
    #[arg(long, help_heading = "Output")]
    pub verbose: bool,
    /// Whom to tell that it has begun.
    #[command(flatten, next_help_heading = "Output")]
    pub ready: Ready,
    /// Show the script that these options make, and what of it runs where; trace nothing
    #[arg(long, help_heading = "Output")]
    pub explain: bool,

    /// How long.
    #[command(flatten, next_help_heading = "End and limits")]
    pub limit: TimeLimit,
    /// End with the command's own status
    #[arg(long, help_heading = "End and limits")]
    pub pass_status: bool,
    /// End with status 3 when anything was lost
    #[arg(long, help_heading = "End and limits")]
    pub strict: bool,
    /// Let the command stand still while its records wait to be read, so that none is lost: by freezing its control
    /// group (version 2)
    #[arg(long, requires = "command", help_heading = "End and limits")]
    pub backpressure: bool,
    /// How much memory.
    #[command(flatten, next_help_heading = "End and limits")]
    pub buffers: Buffers,

    /// What strace has and this has not.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

const EXAMPLES: &str = "\
Examples:
  tracer trace ls -l                       as strace ls -l
  tracer trace -f -e %file -- make         paths that a build and its children use
  tracer trace -p 1234 -T -y               a process that runs, not stopped for a moment
  tracer trace --errors --comm 'nginx*'    what fails, in the whole system
  tracer trace -c --for 10s                where the whole system spends its calls";

/// Options of strace that are answered with a sentence.
#[derive(Args, Debug, Clone)]
pub struct Elsewhere {
    #[arg(short = 'A', long = "output-append-mode", hide = true)]
    append: bool,
    #[arg(short = 'b', long = "detach-on", value_name = "CALL", hide = true)]
    detach_on: Option<String>,
    #[arg(short = 'd', long = "debug", hide = true)]
    debug: bool,
    #[arg(short = 'D', long = "daemonize", action = ArgAction::Count, hide = true)]
    daemonize: u8,
    #[arg(short = 'E', long = "env", value_name = "VAR=VAL", hide = true)]
    env: Vec<String>,
    #[arg(short = 'i', long = "instruction-pointer", hide = true)]
    instruction_pointer: bool,
    #[arg(short = 'I', long = "interruptible", value_name = "N", hide = true)]
    interruptible: Option<String>,
    #[arg(short = 'N', long = "arg-names", hide = true)]
    argument_names: bool,
    #[arg(
        short = 'O',
        long = "summary-syscall-overhead",
        value_name = "TIME",
        hide = true
    )]
    overhead: Option<String>,
    #[arg(short = 'u', long = "user", value_name = "USER", hide = true)]
    user: Option<String>,
    #[arg(
        short = 'U',
        long = "summary-columns",
        value_name = "COLUMNS",
        hide = true
    )]
    columns_of_summary: Option<String>,
    #[arg(
        short = 'X',
        long = "const-print-style",
        value_name = "STYLE",
        hide = true
    )]
    constants: Option<String>,
    #[arg(short = 'Y', long = "decode-pids", num_args = 0..=1, require_equals = true, hide = true)]
    pids: Option<Option<String>>,
    #[arg(long = "seccomp-bpf", hide = true)]
    seccomp: bool,
    #[arg(long = "secontext", num_args = 0..=1, require_equals = true, hide = true)]
    secontext: Option<Option<String>>,
    #[arg(long = "kill-on-exit", hide = true)]
    kill_on_exit: bool,
    #[arg(long = "output-separately", hide = true)]
    separately: bool,
    #[arg(
        long = "inject",
        visible_alias = "fault",
        value_name = "SET",
        hide = true
    )]
    inject: Option<String>,
}

impl Elsewhere {
    /// What to say about the first that was typed.
    pub fn sentence(&self) -> Option<&'static str> {
        let all = [
            (
                self.append,
                "-A: append with the shell: 2>> FILE for a command, >> FILE else",
            ),
            (
                self.detach_on.is_some(),
                "-b: nobody is attached to, so there is nothing to detach from; --for ends after a time",
            ),
            (self.debug, "-d: use --verbose, or --explain"),
            (
                self.daemonize > 0,
                "-D: the tracer is never the parent that a program notices: nothing to hide",
            ),
            (
                !self.env.is_empty(),
                "-E: set variables with env: tracer trace env VAR=VAL COMMAND",
            ),
            (
                self.instruction_pointer,
                "-i: use -k, which shows where each call comes from",
            ),
            (
                self.interruptible.is_some(),
                "-I: Ctrl-C ends the trace and prints what is left; twice ends it at once",
            ),
            (
                self.argument_names,
                "-N: --format json has the names of arguments",
            ),
            (
                self.overhead.is_some(),
                "-O: times are the kernel's own; there is no overhead of stopping to take off",
            ),
            (
                self.user.is_some(),
                "-u: change the user with runuser: tracer trace runuser -u USER COMMAND",
            ),
            (
                self.columns_of_summary.is_some(),
                "-U: --format json has all columns for programs that pick some",
            ),
            (
                self.constants.is_some(),
                "-X: --format json has the number of each constant beside its name",
            ),
            (
                self.pids.is_some(),
                "-Y: lines of the whole system name their threads; --format json always does",
            ),
            (
                self.seccomp,
                "--seccomp-bpf: calls are picked in the kernel anyway",
            ),
            (
                self.secontext.is_some(),
                "--secontext: security contexts are not read",
            ),
            (
                self.kill_on_exit,
                "--kill-on-exit: the traced programs do not depend on the tracer",
            ),
            (
                self.separately,
                "--output-separately: take --format json and split it by its pid or tid",
            ),
            (
                self.inject.is_some(),
                "--inject: the tracer only watches; use strace to change what a call does",
            ),
        ];
        all.into_iter()
            .find(|(typed, _)| *typed)
            .map(|(_, sentence)| sentence)
    }
}
