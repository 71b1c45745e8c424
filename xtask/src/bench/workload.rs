//! The workload: a process that makes known calls when it is told to.
//!
//! In: orders. Out: nanoseconds a call. It lives as long as this value does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

use super::Setting;

/// The process and its two pipes.
pub struct Workload {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Workload {
    /// Starts it.
    pub fn start(setting: &Setting) -> Result<Workload> {
        let mut command = Command::new(&setting.workload);
        let mut child = command
            .arg("loop")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the workload")?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("its answers")?);
        Ok(Workload {
            child,
            orders,
            answers,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has an order carried out; nanoseconds for each of `count`.
    pub fn order(&mut self, name: &str, count: u64) -> Result<f64> {
        self.sized(name, count, 0)
    }

    /// The same for an order that has a size: of a path, of a set of keys.
    pub fn sized(&mut self, name: &str, count: u64, size: usize) -> Result<f64> {
        self.give(name, count, size)?;
        self.answer(count)
    }

    /// Gives an order without waiting for it.
    pub fn give(&mut self, name: &str, count: u64, size: usize) -> Result<()> {
        let orders = self.orders.as_mut().context("the workload has ended")?;
        writeln!(orders, "{name} {count} {size}").context("order the workload")
    }

    /// Waits until it is carried out.
    pub fn answer(&mut self, count: u64) -> Result<f64> {
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .context("hear the workload")?;
        let nanoseconds: f64 = answer.trim().parse().context("the workload's answer")?;
        Ok(nanoseconds / count as f64)
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends with its orders; a failure was told where it happened.
        drop(self.child.wait());
    }
}
