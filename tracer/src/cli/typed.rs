//! The command line as it is typed: names, short forms, help. Help, completions and the manual page are made from it.
//!
//! In: argv. Out: [`CommandLine`], not yet understood ([`meant`](super::meant) does that). Never opens a
//! file, never decides.

use super::shared::{Allowed, Buffers, Ready, Results, TimeLimit, Watchers};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tracer -e 'syscall:openat { printf(\"%s %s = %d\\n\", comm, args.filename, retval); }'
  tracer -e 'syscall:* /retval < 0/ { @[comm, name, errno] = count(); }'
  tracer opens.bt
  tracer list 'syscall:*open*'
  tracer explain -e 'syscall:* { @[comm] = hist(duration); }'
  tracer trace -e %file ls -l
  tracer record -o build.rec -f make; tracer query build.rec -e 'syscall:* { @[name] = count(); }'
  git bisect run tracer check --assert 'count(syscall:fsync) <= 1' -- ./test

Exit status: 0 it ran; 2 usage or script error; 3 losses, with --strict; 4 this machine could
not do it; else what the script's exit(n) says.";

/// Watches the whole system: a query, answered from the kernel while it runs.
#[derive(Parser, Debug)]
#[command(
    name = "tracer",
    version,
    about,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    override_usage = "tracer [OPTIONS] -e PROGRAM [PARAMETER]...\n       tracer [OPTIONS] FILE [PARAMETER]...\n       tracer COMMAND",
    after_help = EXAMPLES,
    styles = Styles::plain().error(AnsiColor::Red.on_default().bold())
)]
pub struct CommandLine {
    /// What else it can do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Without a subcommand: run a query.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The command line of bpftrace, for when the program is called by that name: no subcommands.
#[derive(Parser, Debug)]
#[command(name = "bpftrace", version, about = "Runs bpftrace's command line")]
pub struct BpftraceLine {
    /// What to run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a query (the same as without a subcommand)
    Run(RunArgs),
    /// Show system calls as strace does: of the whole system, of processes, or of a command
    Trace(Box<super::trace::typed::TraceArgs>),
    /// Keep system calls in a file, for questions that are asked later
    Record(Box<super::record::RecordArgs>),
    /// Run a query over recordings
    Query(Box<super::query::QueryArgs>),
    /// Turn recordings into Parquet
    Export(super::export::ExportArgs),
    /// Tell whether a run has the mistake that is looked for: the verdict of a git bisect run
    Check(Box<super::check::typed::CheckArgs>),
    /// Keep what runs of a command did: calls, paths, programs, bytes, durations
    Profile(super::profile::ProfileArgs),
    /// Show what is new, gone or changed between the runs of two profiles
    Diff(super::diff::DiffArgs),
    /// List probes, with their arguments by -v
    List(ListArgs),
    /// Show what a query would run where, and why
    Explain(ExplainArgs),
    /// Format scripts: one statement a line, even spaces; comments stay
    Fmt(FmtArgs),
    /// Tell what this kernel and this user can do, and how to get the rest
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// `tracer list`.
#[derive(Args, Debug, Clone)]
pub struct ListArgs {
    /// Probes, with * and ?; all when left out
    pub pattern: Option<String>,
    /// Show arguments and their types too
    #[arg(short, long)]
    pub verbose: bool,
}

/// `tracer fmt`.
#[derive(Args, Debug, Clone)]
pub struct FmtArgs {
    /// Scripts to rewrite; standard input to standard output when left out
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
    /// Write nothing; name the files that would change, and end with status 2 if there are any
    #[arg(long)]
    pub check: bool,
}

/// `tracer doctor`.
#[derive(Args, Debug, Clone)]
pub struct DoctorArgs {
    /// Form of the report: text, or json (one object)
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Where a script comes from.
#[derive(Args, Debug, Clone)]
pub struct ScriptArgs {
    /// The query itself
    #[arg(short = 'e', value_name = "PROGRAM")]
    pub program: Option<String>,
    /// Script file (- for standard input), then the script's parameters $1, $2, …; with -e all are parameters
    #[arg(value_name = "FILE [PARAMETER…]", allow_negative_numbers = true)]
    pub words: Vec<String>,
}

/// `tracer explain`.
#[derive(Args, Debug, Clone)]
pub struct ExplainArgs {
    /// The script.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// Show it as for this process
    #[arg(short, long, value_name = "PID")]
    pub pid: Option<u32>,
}

/// `tracer run`, and `tracer` alone.
#[derive(Args, Debug, Clone)]
pub struct RunArgs {
    /// The script.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// List the probes that match FILE instead (all without one)
    #[arg(
        short,
        long,
        conflicts_with = "program",
        help_heading = "Instead of running"
    )]
    pub list: bool,
    /// Print what a stage made of the script, and end; several with commas
    #[arg(
        short = 'd',
        long,
        value_name = "STAGE",
        value_delimiter = ',',
        help_heading = "Instead of running"
    )]
    pub dump: Vec<Stage>,
    /// Load and attach everything, then end
    #[arg(long, help_heading = "Instead of running")]
    pub dry_run: bool,

    /// syscall probes fire for this process only; the run ends when it ends
    #[arg(
        short,
        long,
        value_name = "PID",
        conflicts_with = "command_text",
        help_heading = "Scope"
    )]
    pub pid: Option<u32>,
    /// Start this command once everything is attached; the run ends when it ends
    #[arg(
        short = 'c',
        id = "command_text",
        value_name = "COMMAND",
        help_heading = "Scope"
    )]
    pub command: Option<String>,
    /// How long.
    #[command(flatten, next_help_heading = "Scope")]
    pub limit: TimeLimit,
    /// What else is traced.
    #[command(flatten, next_help_heading = "Scope")]
    pub watchers: Watchers,

    /// Where results go.
    #[command(flatten, next_help_heading = "Output")]
    pub results: Results,
    /// When output is written: each line, when a buffer is full (or 20 ms passed), or at once.
    /// Lines to a terminal, full otherwise
    #[arg(short = 'B', value_name = "MODE", help_heading = "Output")]
    pub buffering: Option<Buffering>,
    /// Nothing on standard error but errors and losses
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Tell more: steps, their times, the accounts of all buffers
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// Whom to tell that it has begun.
    #[command(flatten, next_help_heading = "Output")]
    pub ready: Ready,

    /// End with status 3 when anything was lost
    #[arg(long, help_heading = "Limits")]
    pub strict: bool,
    /// Let the command stand still while its records wait to be read, so that none is lost: by freezing its control
    /// group (version 2)
    #[arg(long, requires = "command_text", help_heading = "Limits")]
    pub backpressure: bool,
    /// How much memory.
    #[command(flatten, next_help_heading = "Limits")]
    pub buffers: Buffers,
    /// What the script may do.
    #[command(flatten, next_help_heading = "Limits")]
    pub allowed: Allowed,
    /// Accepted for bpftrace's sake: failed reads are always counted and reported
    #[arg(short = 'k', action = clap::ArgAction::Count, hide = true)]
    pub helper_errors: u8,
    /// Accepted for bpftrace's sake: types come from the kernel, not from headers
    #[arg(short = 'I', value_name = "DIR", hide = true)]
    pub include_dirs: Vec<PathBuf>,
}

/// Forms of output.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// bpftrace's text
    Text,
    /// bpftrace's JSON objects, one a line
    Json,
    /// Objects with time, process, probe and fields, one a line
    Jsonl,
}

/// When output is written.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffering {
    /// After each line
    Line,
    /// When a buffer is full, or after 20 ms
    Full,
    /// At once
    None,
}

/// Stages whose value can be printed.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Tokens
    Tokens,
    /// Syntax tree
    #[value(alias = "parse")]
    Ast,
    /// Typed program
    Ir,
    /// Programs, attach points, maps and records
    Plan,
    /// Instructions before registers are chosen
    Lir,
    /// Generated BPF
    #[value(alias = "codegen")]
    Bpf,
    /// The linked object, as bytes
    Elf,
}
