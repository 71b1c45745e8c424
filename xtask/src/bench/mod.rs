//! `cargo xtask bench`: what the tracer costs, beside what people would pick instead and beside the floor, in one run.
//!
//! In: which figures, how many rounds, further peers. Out: a table or JSON of medians; with `--check` a failure when a goal is
//! missed. Subjects take turns within each round, so that a noisy machine is noisy for all of them. The **floor** is an empty
//! program on exactly the hooks that a query needs. Never judges by an absolute time where a ratio can be had.
//!
//! A new figure is a file with a `pub const BENCH: Bench` and a line in [`BENCHES`].

mod cost;
mod delivery;
mod evidence;
mod figure;
mod growth;
mod machine;
mod memory;
mod recording;
mod starting;
mod stopping;
mod subject;
mod whole_calls;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use crate::product::Products;
use crate::{need, product};
pub use figure::Figure;
use machine::Machine;
use subject::Peers;

/// Rounds of the short form, which looks for ruin and nothing finer.
const SHORT_ROUNDS: usize = 3;

/// One group of figures.
pub struct Bench {
    /// What it is called on the command line.
    name: &'static str,
    /// One line for `--list`.
    about: &'static str,
    run: fn(&Setting) -> Result<Vec<Figure>>,
}

const BENCHES: &[&Bench] = &[
    &starting::BENCH,
    &stopping::BENCH,
    &cost::BENCH,
    &delivery::BENCH,
    &whole_calls::BENCH,
    &recording::BENCH,
    &evidence::BENCH,
    &growth::BENCH,
];

/// What all benchmarks of a run share.
pub struct Setting {
    tracer: PathBuf,
    workload: PathBuf,
    peers: Peers,
    rounds: usize,
    /// Whether this is the short form.
    short: bool,
    /// Where drawings go.
    plots: Option<PathBuf>,
}

impl Setting {
    /// A count of calls, less in the short form.
    fn count(&self, whole: u64) -> u64 {
        if self.short { whole / 4 } else { whole }
    }
}

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub struct Options {
    /// Only these figures; all when none is named (see `--list`).
    names: Vec<String>,
    /// Rounds to take the median of.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Fail when a goal is missed.
    #[arg(long)]
    check: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Another bpftrace, strace or perf to measure beside, e.g. `bpftrace=/opt/bpftrace`; may be given several times.
    #[arg(long, value_name = "NAME=PATH")]
    peer: Vec<String>,
    /// Measure this tracer instead of building one, e.g. that of an older commit.
    #[arg(long, value_name = "PATH")]
    tracer: Option<PathBuf>,
    /// Draw how cost grows, as SVG files in this directory.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Only say what there is to measure.
    #[arg(long)]
    list: bool,
}

/// Measures.
pub fn bench(options: &Options) -> Result<ExitCode> {
    if options.list {
        for bench in BENCHES {
            println!("{:<14} {}", bench.name, bench.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(options.rounds > 0, "at least one round");
    let chosen = choose(options)?;
    let setting = setting(options)?;
    let machine = Machine::of(&setting);
    let mut figures = Vec::new();
    for bench in chosen {
        eprintln!("==> {}: {}", bench.name, bench.about);
        let of_this = (bench.run)(&setting).with_context(|| format!("bench {}", bench.name))?;
        if !options.json {
            println!("\n{}", figure::table(&of_this));
        }
        figures.extend(of_this);
    }
    if options.json {
        let figures: Vec<_> = figures.iter().map(Figure::json).collect();
        println!(
            "{:#}",
            json!({ "machine": machine.json(), "figures": figures })
        );
    } else {
        println!("\n{machine}");
    }
    Ok(verdict(options, &figures))
}

/// The costs that have a floor, in few rounds and without peers: they show ruin, and nothing finer.
pub fn short(products: &Products) -> Result<Vec<Figure>> {
    let setting = Setting {
        tracer: products.tracer.clone(),
        workload: products.workload.clone(),
        peers: Peers::none(),
        rounds: SHORT_ROUNDS,
        short: true,
        plots: None,
    };
    let figures = (cost::BENCH.run)(&setting)?;
    println!("{}", figure::table(&figures));
    Ok(figures)
}

/// With `--check`, whether all goals are met.
fn verdict(options: &Options, figures: &[Figure]) -> ExitCode {
    let missed = |figure: &&Figure| figure.meets_goal() == Some(false);
    let missed: Vec<_> = figures.iter().filter(missed).collect();
    for figure in &missed {
        eprintln!("missed: {}", figure.judged());
    }
    match missed.is_empty() || !options.check {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn choose(options: &Options) -> Result<Vec<&'static Bench>> {
    if let Some(name) = options
        .names
        .iter()
        .find(|name| BENCHES.iter().all(|b| b.name != **name))
    {
        let names: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!(
            "nothing to measure is called {name}: there are {}",
            names.join(", ")
        );
    }
    let wanted = |bench: &&Bench| {
        options.names.is_empty() || options.names.iter().any(|name| name == bench.name)
    };
    Ok(BENCHES.iter().copied().filter(wanted).collect())
}

fn setting(options: &Options) -> Result<Setting> {
    need::tracefs()?;
    need::peers()?;
    let (tracer, workload) = product::for_bench(options.tracer.as_deref())?;
    Ok(Setting {
        tracer,
        workload,
        peers: Peers::find(&options.peer)?,
        rounds: options.rounds,
        short: false,
        plots: options.plots.clone(),
    })
}
