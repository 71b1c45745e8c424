//! A query over recordings: the interpreter runs it, row by row.
//!
//! In: a [`Question`]. Out: what the live run would have shown, on its output. Files are read batch by batch, and of each batch only the
//! columns that the query mentions. Never touches the kernel.
//!
//! `BEGIN` runs before the first row. `interval` goes off when the rows' time has come that far. A call's `:entry` is fired right before
//! its end, with the entry's time. `END` follows the last row.

mod event;
mod groups;
mod names;
mod needs;
pub mod probes;
mod rows;
pub mod sql;
mod ticks;

#[cfg(test)]
mod tests;

use super::collect::Collector;
use super::compile::{self, Options};
use super::output::Output;
use super::present::{Presenter, Shown, Stop, maps_by_name};
use super::report;
use super::voice::Voice;
use super::{Error, Limits, Script, request, trailer};
use crate::agg::Table;
use crate::diag::Diagnostic;
use crate::facts::Facts;
use crate::interp::{Effect, Machine, MapState};
use crate::ir::{ClauseId, EmitId, MapId, Probe, Program, SiteId};
use crate::print::{self, Format, Loss, Origin};
use crate::record::{Columns, End, Ending, Header, Likeness, Merged};
use crate::syntax;
use crate::sys::memory;
use crate::types::Value;
use event::Moment;
use groups::Groups;
use names::Recalled;
use needs::Needs;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use ticks::Ticks;

/// What is asked, of which recordings.
#[derive(Debug, Default)]
pub struct Question {
    /// The query.
    pub script: Script,
    /// The recordings.
    pub files: Vec<PathBuf>,
    /// Where the answer goes.
    pub output: request::Output,
    /// What holds where the script does not say otherwise.
    pub limits: Limits,
    /// The last maps go here, for somebody who sums up whatever the recordings hold: a clause on calls that were not selected is no
    /// mistake, and what went unseen is in the answer instead of on standard error.
    pub collector: Option<Collector>,
}

/// How it went.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answered {
    /// The script's `exit(n)`, else 0.
    pub code: u8,
    /// Something was lost while it was recorded, or a recording is cut.
    pub lossy: bool,
    /// What the answer lacks: sentences.
    pub unseen: Vec<String>,
    /// How each file ended.
    pub ends: Vec<End>,
}

/// Answers it.
///
/// # Errors
/// When the script is wrong, asks for what the recordings do not hold, or a file cannot be read.
pub fn run(question: Question, facts: &dyn Facts) -> Result<Answered, Error> {
    memory::keep_freed();
    let voice = Voice::new(question.output.quiet, question.output.verbose);
    let options = Options::new(None, &question.limits);
    let (mut program, warnings) = check(&question.script, &options, facts)?;
    voice.diagnostics(&question.script, &warnings);
    let headers = headers(&question.files)?;
    if question.collector.is_some() {
        needs::leave_out_unrecorded(&mut program, &headers);
    }
    let needs = Needs::of(&program, &headers).map_err(Error::Script)?;
    for note in needs::notes(&program, &headers) {
        voice.note(&note);
    }
    let out = Output::open(&question.output)?;
    let printer = print::printer(question.output.format, out.is_terminal());
    let rows = Merged::open(&question.files, needs.columns)?;
    let replay = Replay {
        machine: Machine::new(&program),
        program: &program,
        names: Recalled::new(&program, &headers),
        present: Presenter {
            printer,
            out,
            script: question.script,
            collector: question.collector,
        },
        ticks: Ticks::of(&program),
        groups: needs
            .alike
            .map(|columns| Groups::new(Likeness::by(columns))),
        needs,
        headers: &headers,
        losses: BTreeMap::new(),
        beyond: 0.into(),
        now_ns: 0,
        exit: None,
    };
    replay.run(rows, voice, question.output.format)
}

/// The typed program of a query over recordings.
///
/// # Errors
/// As [`compile::check`]; and probes that no recording holds, whatever this machine has.
pub fn check(
    script: &Script,
    options: &Options,
    facts: &dyn Facts,
) -> Result<(Program, Vec<Diagnostic>), Error> {
    let (params, _) = script.parameters();
    let (tree, _) = syntax::parse(&script.text, &params);
    let unheld = probes::unheld(&tree);
    match unheld.is_empty() {
        true => compile::check(script, options, facts),
        false => Err(Error::Script(unheld)),
    }
}

/// What a query reads of recordings, as text: its columns, and what somebody should know who reads the answer.
///
/// # Errors
/// What recordings do not hold.
pub fn explain(program: &Program, headers: &[Header]) -> Result<String, Vec<Diagnostic>> {
    let needs = Needs::of(program, headers)?;
    let mut text = format!("columns: {}\n", needs.columns);
    for note in needs::notes(program, headers) {
        text += &format!("note: {note}\n");
    }
    Ok(text)
}

/// What the files say of themselves.
fn headers(files: &[PathBuf]) -> Result<Vec<Header>, Error> {
    let rows = Merged::open(files, Columns::LEAST)?;
    Ok(rows.headers().to_vec())
}

/// A query and where it stands.
struct Replay<'p> {
    program: &'p Program,
    machine: Machine<'p>,
    names: Recalled<'p>,
    present: Presenter,
    ticks: Ticks,
    needs: Needs,
    /// Rows that wait to be fired together; `None` when each is fired by itself.
    groups: Option<Groups>,
    headers: &'p [Header],
    /// Losses that the recordings tell of: by reason and CPU.
    losses: BTreeMap<(String, Option<u32>), u64>,
    /// Reads of memory that was not recorded.
    beyond: std::cell::Cell<u64>,
    /// Time of the last row, on the clock that all files share.
    now_ns: i64,
    exit: Option<u8>,
}

impl Replay<'_> {
    fn run(mut self, mut rows: Merged, voice: Voice, format: Format) -> Result<Answered, Error> {
        match self.all(&mut rows, format) {
            Ok(()) | Err(Stop::Closed) => {}
            Err(Stop::Error(error)) => return Err(error),
        }
        let ends = rows.ends();
        let mut unseen = self.losses();
        let cut = ends.iter().filter(|_| self.exit.is_none());
        unseen.extend(cut.filter_map(|(path, end)| how_it_ended(path, *end)));
        let lossy = !unseen.is_empty();
        if self.present.collector.is_none() {
            unseen.iter().for_each(|sentence| voice.warn(sentence));
            self.tell_errors(voice, format);
        }
        unseen.extend(self.full_maps());
        unseen.extend(self.beyond());
        Ok(Answered {
            code: self.exit.unwrap_or(0),
            lossy,
            unseen,
            ends: ends.into_iter().map(|(_, end)| end).collect(),
        })
    }

    /// From `BEGIN` to the maps.
    fn all(&mut self, rows: &mut Merged, format: Format) -> Result<(), Stop> {
        let quiet = format == Format::Text;
        if !quiet {
            let probes = self.program.clauses.iter().map(|c| c.probes.len()).sum();
            self.present
                .printer
                .attached(&mut self.present.out, probes)?;
        }
        self.synthetic(&Probe::Begin)?;
        while self.exit.is_none() {
            let shift = self.shift(rows);
            let Some((batch, range)) = rows.next_rows().map_err(Error::from)? else {
                break;
            };
            self.names.host.set(batch.host);
            let shift = shift[usize::from(batch.host)];
            self.rows(batch, range, shift)?;
        }
        self.synthetic(&Probe::End)?;
        self.last(format)
    }

    /// What is added to each file's clock to get the one that all share.
    fn shift(&self, rows: &Merged) -> Vec<i64> {
        (0..self.headers.len())
            .map(|host| rows.shared_ns(host, 0))
            .collect()
    }

    /// `BEGIN` or `END`.
    fn synthetic(&mut self, probe: &Probe) -> Result<(), Stop> {
        for at in 0..self.program.clauses.len() {
            if self.program.clauses[at].probes.contains(probe) {
                self.moment(ClauseId(at as u32))?;
            }
        }
        Ok(())
    }

    /// A clause that is about no event.
    fn moment(&mut self, clause: ClauseId) -> Result<(), Stop> {
        let time_ns = self.now_ns as u64;
        let event = Moment {
            time_ns,
            start_ns: self.names.start_ns(0),
            cpus: self.headers.first().map_or(0, |header| header.cpus),
            names: &self.names,
        };
        let outcome = self.machine.fire(clause, &event);
        let origin = Origin {
            time_ns,
            ..Origin::default()
        };
        let header = self.headers.first();
        let wall_ns = header.map_or(0, |header| header.wall_ns(time_ns));
        self.effects(outcome.effects, outcome.printed, origin, wall_ns)
    }

    /// Intervals up to now.
    fn tick(&mut self) -> Result<(), Stop> {
        if !self.ticks.is_due(self.now_ns) {
            return Ok(());
        }
        let now = self.now_ns;
        while let Some((clause, at)) = self.ticks.next(now) {
            self.now_ns = at;
            self.moment(clause)?;
            if self.exit.is_some() {
                break;
            }
        }
        self.now_ns = now;
        Ok(())
    }

    /// What a firing asks for, in order.
    fn effects(
        &mut self,
        effects: Vec<Effect>,
        printed: Vec<(MapId, MapState)>,
        origin: Origin,
        wall_ns: i64,
    ) -> Result<(), Stop> {
        let mut printed = VecDeque::from(printed);
        for effect in effects {
            match effect {
                Effect::Emit { id, args } => self.emit(id, args, &mut printed, origin, wall_ns)?,
                Effect::Exit(code) => self.exit = self.exit.or(Some(code as u8)),
                Effect::Clear(_) | Effect::Zero(_) | Effect::Signal(_) | Effect::Override(_) => {}
            }
        }
        Ok(())
    }

    fn emit(
        &mut self,
        id: EmitId,
        mut values: Vec<Value>,
        printed: &mut VecDeque<(MapId, MapState)>,
        origin: Origin,
        wall_ns: i64,
    ) -> Result<(), Stop> {
        let program = self.program;
        let emit = &program.emits[id.0 as usize];
        trailer::mark(program, &emit.args, &mut values);
        let shown = Shown {
            program,
            emit,
            origin: Origin {
                emit: id.0,
                ..origin
            },
            wall_ns,
            values: &values,
        };
        let machine = &self.machine;
        self.present.show(&shown, &self.names, |map| {
            let then = printed.pop_front_if(|(first, _)| *first == map);
            let state = then
                .as_ref()
                .map_or_else(|| machine.map(map), |(_, then)| then);
            Ok(table(program, map, state))
        })?;
        Ok(self.present.out.record_done()?)
    }

    /// The maps, and for programs what went wrong.
    fn last(&mut self, format: Format) -> Result<(), Stop> {
        let present = &mut self.present;
        present.end(self.program)?;
        let user = &self.program.user;
        let wanted = present.wants_last(self.program);
        for map in maps_by_name(self.program).into_iter().filter(|_| wanted) {
            let table = table(self.program, map, self.machine.map(map));
            present.last(table, user.sort, self.program, &self.names)?;
        }
        present.printer.done(&mut present.out)?;
        if format != Format::Text {
            for ((reason, cpu), count) in &self.losses {
                let loss = Loss {
                    count: *count,
                    reason: reason.clone(),
                    cpu: *cpu,
                    between_ns: None,
                };
                present.printer.lost(&mut present.out, &loss)?;
            }
            for error in self.errors() {
                self.present.printer.error(&mut self.present.out, &error)?;
            }
        }
        Ok(self.present.out.flush()?)
    }

    fn errors(&self) -> Vec<print::RuntimeError> {
        let sites = 0..self.program.sites.len() as u32;
        let counts: Vec<u64> = sites.map(|at| self.machine.errors_at(SiteId(at))).collect();
        report::runtime_errors(&self.present.script, self.program, &counts)
    }

    fn tell_errors(&self, voice: Voice, format: Format) {
        if format == Format::Text {
            for error in self.errors() {
                voice.place(&report::sentence(&error), report::is_mistake(&error));
            }
        }
        if let Some(sentence) = self.full_maps() {
            voice.warn(&sentence);
        }
        if let Some(sentence) = self.beyond() {
            voice.note(&sentence);
        }
    }

    fn full_maps(&self) -> Option<String> {
        let count = Some(self.machine.map_full()).filter(|&count| count > 0)?;
        Some(format!(
            "lost {count} updates: a map was full; give it more room with max_map_keys"
        ))
    }

    fn beyond(&self) -> Option<String> {
        let count = Some(self.beyond.get()).filter(|&count| count > 0)?;
        Some(format!(
            "{count} reads were of memory that the recording does not hold; record -s N keeps N bytes of each buffer"
        ))
    }

    /// Losses while it was recorded.
    fn losses(&self) -> Vec<String> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for ((reason, _), count) in &self.losses {
            *sums.entry(reason).or_default() += count;
        }
        let sentence = |(reason, count)| {
            format!("the recording lacks {count} events that were lost: {reason}")
        };
        sums.iter().map(sentence).collect()
    }
}

fn table(program: &Program, map: MapId, state: &MapState) -> Table {
    let declared = &program.maps[map.0 as usize];
    let mut table = Table::new(declared, state.cells().clone());
    trailer::mark_table(program, &mut table);
    table
}

/// What to say of a file's end; nothing when it is as it should be.
fn how_it_ended(path: &Path, end: End) -> Option<String> {
    let path = path.display();
    match end {
        End::Closed(Ending { .. }) => None,
        End::Cut => Some(format!(
            "{path}: was not closed: the recorder was killed, or the file is cut; all whole batches were read"
        )),
    }
}
