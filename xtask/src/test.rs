//! `cargo xtask test`: every check and test, one after the other, with one summary.
//!
//! In: a filter. Out: progress and the runners' own lines on standard output; at the end what could not run where,
//! what failed, and the counts alone on the last line. Never stops at the first failure: a run is worth all it can say.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::product::{self, Build, Products};
use crate::results::{Outcomes, Summary};
use crate::vm::kernel::{KERNELS, Kernel};
use crate::{bench, ebpf, licences, need, project, vm};

/// Runs everything, or only the tests whose names contain `filter`.
pub fn test(filter: Option<&str>, guests: bool) -> Result<ExitCode> {
    need::tracefs()?;
    need::reference()?;
    if guests {
        need::guests()?;
    }
    let mut summary = Summary::default();
    if filter.is_none() {
        summary.add(checks());
    }
    summary.add(unit_tests(filter)?);
    step("binaries for the kernel cases");
    match product::all(Build::for_filter(filter)) {
        Ok(products) => {
            step("kernel cases on this machine's kernel");
            summary.add(cases_here(&products, filter)?);
            if filter.is_none() {
                step("benchmarks, short: costs that have more than doubled over the floor");
                summary.add(costs(&products));
            }
            if guests {
                in_guests(&mut summary, &all_kernels(), &products, filter);
                if filter.is_none_or(|filter| vm::verdict::NAME.contains(filter)) {
                    summary.add(verdicts_of_kernels(&products));
                }
                // A test that ran nowhere has not passed.
                summary.require_each_served();
            }
        }
        Err(error) => summary.add(failure("release binaries", &error)),
    }
    Ok(close(&summary))
}

/// Runs the kernel cases in the named guests, or in all; with `command`, that instead of the cases.
pub fn guests_only(
    filter: Option<&str>,
    versions: &[String],
    command: Option<&str>,
) -> Result<ExitCode> {
    need::guests()?;
    let kernels: Vec<_> = match versions {
        [] => all_kernels(),
        _ => versions
            .iter()
            .map(|version| named(version))
            .collect::<Result<_>>()?,
    };
    let products = product::all(Build::for_filter(filter.or(command)))?;
    if let Some(command) = command {
        kernels
            .iter()
            .try_for_each(|kernel| vm::run_command(kernel, &products, command))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut summary = Summary::default();
    in_guests(&mut summary, &kernels, &products, filter);
    Ok(close(&summary))
}

/// Runs a command under strace and the tracer; the comparison is a part of the kernel cases.
pub fn diff_strace(command: &[String]) -> Result<ExitCode> {
    let products = product::all(Build::Quick)?;
    let mut cases = cases(&products);
    let status = cases.arg("diff-strace").args(command).status();
    let status = status.context("start the comparison")?;
    Ok(match status.code() {
        Some(code) => ExitCode::from(code as u8),
        None => ExitCode::FAILURE,
    })
}

/// The runner of the kernel cases, told where everything is.
fn cases(products: &Products) -> Command {
    let mut cases = Command::new(&products.cases);
    // Cargo's own: with it, each program that a case starts looks for its libraries in vain first, and that is traced.
    cases.env_remove("LD_LIBRARY_PATH");
    cases
        .env("TRACER", &products.tracer)
        .env("TRIGGER", &products.trigger);
    cases.env("CASES", project::root().join("tests/kernel"));
    cases.env("SCRIPTS", project::root().join("scripts"));
    cases.env("FUZZER", &products.fuzzer);
    cases.env("ONELINERS", project::root().join("tests/oneliners"));
    cases.env("TOOLS", need::TOOLS);
    cases.env("TOOLS_TABLE", project::root().join("tests/tools.txt"));
    cases.env("PAGE", project::root().join("docs/language.md"));
    cases
}

fn all_kernels() -> Vec<&'static Kernel> {
    KERNELS.iter().collect()
}

fn named(version: &str) -> Result<&'static Kernel> {
    let known: Vec<_> = KERNELS.iter().map(|kernel| kernel.version).collect();
    let found = KERNELS.iter().find(|kernel| kernel.version == version);
    found.with_context(|| {
        format!(
            "no guest kernel {version}; there are {}",
            known.join(" and ")
        )
    })
}

fn close(summary: &Summary) -> ExitCode {
    println!("\n{}", summary.text());
    match summary.good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What is not a test but must hold: form, lints, licences, the committed object.
fn checks() -> Outcomes {
    let mut outcomes = Outcomes::new("checks");
    let mut check = |name: &str, result: Result<()>| match result {
        Ok(()) => outcomes.pass(name),
        Err(error) => {
            println!("{error:#}");
            outcomes.fail(name, &format!("{error:#}"));
        }
    };
    step("formatting");
    check(
        "formatting",
        need::succeed(&mut project::cargo(&["fmt", "--all", "--check"])),
    );
    step("lints");
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    check("lints", need::succeed(&mut project::cargo(&clippy)));
    step("licences");
    check("licences", all_licences());
    step("the committed runtime object");
    check("runtime object", ebpf::build(true));
    outcomes
}

fn all_licences() -> Result<()> {
    let problems = licences::problems()?;
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(())
}

fn unit_tests(filter: Option<&str>) -> Result<Outcomes> {
    step("unit and language tests");
    let mut cargo = project::cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    if let Some(filter) = filter {
        cargo.args(["--", filter]);
    }
    runner(&mut cargo, "this machine", "cargo test")
}

fn cases_here(products: &Products, filter: Option<&str>) -> Result<Outcomes> {
    let mut cases = cases(products);
    cases
        .args(["--color=never", "--test-threads=1"])
        .args(filter);
    match need::python() {
        Ok(python) => drop(cases.env("PYTHON", python)),
        // The case that needs it is then told as not run.
        Err(error) => println!("{error:#}"),
    }
    runner(&mut cases, "this kernel", "kernel cases")
}

/// Runs the short form of the benchmarks: a test for each cost that has a floor.
fn costs(products: &Products) -> Outcomes {
    let figures = match bench::short(products) {
        Ok(figures) => figures,
        Err(error) => return failure("benchmarks", &error),
    };
    let mut outcomes = Outcomes::new("benchmarks");
    for figure in figures {
        let name = format!("bench::{}", figure.what);
        match figure.is_ruined() {
            false => outcomes.pass(&name),
            true => outcomes.fail(&name, &figure.ruin()),
        }
    }
    outcomes
}

/// Fetches the kernels one after the other, then runs the guests side by side.
fn in_guests(
    summary: &mut Summary,
    kernels: &[&'static Kernel],
    products: &Products,
    filter: Option<&str>,
) {
    for kernel in kernels {
        step(&format!(
            "kernel cases in a guest with kernel {}",
            kernel.version
        ));
        if let Err(error) = kernel.fetch() {
            summary.add(failure(&format!("guest kernel {}", kernel.version), &error));
            return;
        }
    }
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for &kernel in kernels {
            let guest = scope.spawn(move || vm::run_cases(kernel, products, filter));
            running.push((kernel, guest));
        }
        for (kernel, guest) in running {
            let result = guest.join().expect("a guest's thread does not panic");
            let name = format!("guest {}", kernel.version);
            summary.add(result.unwrap_or_else(|error| failure(&name, &error)));
        }
    });
}

/// The script that asks kernels for verdicts.
fn verdicts_of_kernels(products: &Products) -> Outcomes {
    step("verdicts of the guests' kernels");
    let mut outcomes = Outcomes::new("guests");
    match vm::verdict::kernels_differ(&products.tracer) {
        Ok(()) => outcomes.pass(vm::verdict::NAME),
        Err(error) => outcomes.fail(vm::verdict::NAME, &format!("{error:#}")),
    }
    outcomes
}

fn failure(name: &str, error: &anyhow::Error) -> Outcomes {
    let mut outcomes = Outcomes::new("preparation");
    outcomes.fail(name, &format!("{error:#}"));
    outcomes
}

/// Runs a test runner, passes its lines on and keeps their outcomes.
fn runner(command: &mut Command, place: &str, name: &str) -> Result<Outcomes> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {name}"))?;
    let stdout = child.stdout.take().expect("standard output is piped");
    let mut outcomes = Outcomes::new(place);
    for line in BufReader::new(stdout).lines() {
        let line = line.with_context(|| format!("read the output of {name}"))?;
        println!("{line}");
        outcomes.line(&line);
    }
    let status = child.wait().with_context(|| format!("wait for {name}"))?;
    let code = status
        .code()
        .map_or_else(|| status.to_string(), |code| code.to_string());
    if let Err(reason) = outcomes.complete(&code) {
        outcomes.fail(name, &reason);
    }
    Ok(outcomes)
}

/// Says what is going on, so that a step that is stuck can be seen.
fn step(name: &str) {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs();
    println!("==> [{seconds:>4} s] {name}");
}
