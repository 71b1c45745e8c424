//! Build, run, test and measure the tracer: what would otherwise be shell scripts.
//!
//! In: the command line. Out: the exit status: 0 done, 1 a check or test failed, 2 usage, 4 this machine lacks
//! something that only its owner can give (the command to run is printed). `run` ends as the tracer does.
//! Never does anything that the tracer itself needs at run time: `cargo build` alone gives a whole tracer.

mod bench;
mod docs;
mod ebpf;
mod fuzz;
mod licences;
mod need;
mod product;
mod project;
mod results;
mod run;
mod test;
mod vm;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, run, test and measure the tracer.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the tracer and run it, with whatever it needs set up: `cargo xtask run -- -e 'syscall:openat { … }'`.
    Run {
        /// Arguments of the tracer.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run every check and test, here and in guests; with FILTER only the tests whose names contain it.
    Test {
        /// Part of a test's name.
        filter: Option<String>,
        /// Do not boot guests; what only a guest can test is then reported by name.
        #[arg(long)]
        no_guests: bool,
    },
    /// Run the kernel cases in guests: all of them, or those whose names contain FILTER.
    Vm {
        /// Part of a case's name.
        filter: Option<String>,
        /// Only this guest kernel, e.g. 6.1; may be given several times.
        #[arg(long)]
        kernel: Vec<String>,
        /// Run this shell command in the guest instead of the cases, e.g. "tracer doctor".
        #[arg(long, value_name = "COMMAND", conflicts_with = "filter")]
        run: Option<String>,
    },
    /// Run a command under strace and the tracer at once, and compare what they wrote; status 1 when it differs.
    DiffStrace {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
    /// Install and mount what the other commands need, and say why.
    Setup {
        /// Also what `build-ebpf` needs: a compiler for BPF and bpf-linker.
        #[arg(long)]
        ebpf: bool,
    },
    /// Build the committed kernel runtime object from `tracer-ebpf`.
    BuildEbpf {
        /// Change nothing: fail when the committed object does not belong to its sources.
        #[arg(long)]
        check: bool,
    },
    /// Write the pages that are made from the program's tables: docs/builtins.md and docs/diagnostics.md.
    Docs {
        /// Change nothing: fail when a page is not as the tables say.
        #[arg(long)]
        check: bool,
    },
    /// Run random programs in the kernel and in the interpreter, which must agree; or feed a stage with inputs that nobody
    /// would write (`--target`, with cargo-fuzz on a nightly compiler).
    Fuzz {
        /// A stage: parse, check, plan, record or recording.
        #[arg(long, value_name = "NAME", conflicts_with_all = ["seed", "planted", "kernel"])]
        target: Option<String>,
        /// For how long.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// The first random program's seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Plant bugs in the code generator, one after the other, and look for each.
        #[arg(long)]
        planted: bool,
        /// In this guest kernel instead of here, e.g. 6.1; may be given several times.
        #[arg(long)]
        kernel: Vec<String>,
    },
    /// Measure: start-up, memory, cost of queries, delivery, beside the floor and beside bpftrace, strace and perf.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { args } => run::run(&args),
        Command::Test { filter, no_guests } => test::test(filter.as_deref(), !no_guests),
        Command::Vm {
            filter,
            kernel,
            run,
        } => test::guests_only(filter.as_deref(), &kernel, run.as_deref()),
        Command::DiffStrace { command } => test::diff_strace(&command),
        Command::Setup { ebpf } => need::all(ebpf).map(|()| ExitCode::SUCCESS),
        Command::BuildEbpf { check } => build_ebpf(check),
        Command::Fuzz {
            target: Some(target),
            seconds,
            ..
        } => fuzz::target(&target, seconds).map(|()| ExitCode::SUCCESS),
        Command::Fuzz {
            target: None,
            seconds,
            seed,
            planted,
            kernel,
        } => {
            let mut options = vec![format!("--seconds={seconds}"), format!("--seed={seed}")];
            options.extend(planted.then(|| "--planted".to_owned()));
            fuzz::programs(&options, &kernel).map(|()| ExitCode::SUCCESS)
        }
        Command::Docs { check } => docs::make(check).map(|()| ExitCode::SUCCESS),
        Command::Bench(options) => bench::bench(&options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        match error.downcast_ref::<need::Missing>() {
            Some(_) => ExitCode::from(4),
            None => ExitCode::FAILURE,
        }
    })
}

fn build_ebpf(check: bool) -> anyhow::Result<ExitCode> {
    if !check {
        need::bpf_tools()?;
    }
    ebpf::build(check)?;
    Ok(ExitCode::SUCCESS)
}
