//! The fuzzer of the code generator: random programs in the kernel and in the interpreter.
//!
//! In: options. Out: what was reached, or the smallest program that fails, and its seed; exit status 1 then. Needs the right
//! to load programs. `cargo xtask fuzz` builds and runs it, here and in guests.

use clap::Parser;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tracer::codegen::planted::Bug;
use tracer::fuzz::coverage::LEFT_OUT;
use tracer::fuzz::search::{Options, Report, search};

/// Random programs: generated, verified by the kernel, run, and held against the interpreter.
#[derive(Parser)]
struct Cli {
    /// The first program's seed; the next one's is one more.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// At most so many programs.
    #[arg(long, default_value_t = u64::MAX)]
    programs: u64,
    /// Fail when an operation was reached less often.
    #[arg(long, default_value_t = 100)]
    least: u64,
    /// Plant bugs in the generator, one after the other, and look for each.
    #[arg(long)]
    planted: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let options = Options {
        seed: cli.seed,
        time: Duration::from_secs(cli.seconds),
        cases: cli.programs,
        planted: None,
    };
    let good = match cli.planted {
        true => {
            Bug::ALL
                .iter()
                .filter(|bug| !finds(**bug, &options))
                .count()
                == 0
        }
        false => comes_through(&options, cli.least),
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Looks for a planted bug.
fn finds(bug: Bug, options: &Options) -> bool {
    let start = Instant::now();
    let report = search(&Options {
        planted: Some(bug),
        ..*options
    });
    let after = format!(
        "{} programs, {:.1} s",
        report.passed + 1,
        start.elapsed().as_secs_f64()
    );
    match report.failure {
        Some(failure) => {
            let what = failure.what.lines().next().unwrap_or_default().to_owned();
            println!("{bug:?}: found after {after}: {what}");
            true
        }
        None => {
            println!("{bug:?}: NOT found after {after}");
            false
        }
    }
}

fn comes_through(options: &Options, least: u64) -> bool {
    println!("seed {}", options.seed);
    let Report {
        passed,
        coverage,
        failure,
    } = search(options);
    if let Some(failure) = failure {
        println!(
            "seed {} fails: {}\n{}",
            failure.seed, failure.what, failure.program
        );
        return false;
    }
    println!(
        "{passed} programs: the same in the kernel and in the interpreter\n{}",
        coverage.text()
    );
    for (operation, reason) in LEFT_OUT {
        println!("not made: {operation} ({reason})");
    }
    let rare = coverage.below(least);
    for (operation, count) in &rare {
        println!("reached {count} times, which is less than {least}: {operation}");
    }
    rare.is_empty()
}
