//! The run itself: from a request to its end.
//!
//! In: a [`Request`], the running kernel. Out: [`Ended`]. Two threads: this one starts programs, waits for signals, timers and
//! processes (tokio); the [`reader`](super::reader) prints. They share the programs and maps behind one lock, held for
//! microseconds, and for a grace period of the kernel when a map's generation is closed.

use super::backpressure::{Backpressure, Prepared, Relief};
use super::desk::{Desk, LastWords};
use super::family;
use super::log::{self, Diagnostics};
use super::maps::{Maps, lock};
use super::output::Output;
use super::pending::Pending;
use super::present::Presenter;
use super::reader::{Accounts, Order, Reader, Told};
use super::recording::Recording;
use super::signals::{Asked, Signals};
use super::target::Target;
use super::ticks::Ticks;
use super::voice::Voice;
use super::walks::Walks;
use super::{By, Ended, Error, Request, compile, report, request, terminal};
use crate::facts::Facts;
use crate::kernel::{self, privilege::Needs};
use crate::load::{self, Exclusion, Loaded};
use crate::plan::{Hook, Plan};
use crate::print::trace::Wall;
use crate::print::{self, Format, Loss, Printer, RuntimeError};
use crate::record::{Ending, How};
use crate::stream::account::Totals;
use crate::symbols::Follower;
use crate::sys::clock;
use crate::sys::fd::readable;
use crate::sys::memory;
use std::convert::Infallible;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

/// Status of a run that was ended by force: as a shell shows an interrupt.
const FORCED: u8 = 130;

/// Runs a request to its end.
///
/// # Errors
/// What kept it from beginning, or from going on.
pub fn run(request: Request, facts: &kernel::Live) -> Result<Ended, Error> {
    if request.record.is_some() {
        memory::keep_freed();
    }
    let voice = Voice::new(request.output.quiet, request.output.verbose);
    let options = compile::Options {
        only_tree: request.scope.only_tree,
        ..compile::Options::new(request.scope.pid, &request.limits)
    };
    let (mut plan, warnings) = compile::plan(&request.script, &options, facts)?;
    voice.diagnostics(&request.script, &warnings);
    facts.notices().iter().for_each(|notice| voice.note(notice));
    if let Some(unmet) = Needs::of(&plan).unmet(facts.held()) {
        return Err(Error::Privilege(unmet));
    }
    let out = Output::open(&request.output)?;
    if request.output.verbose {
        log::request(&mut plan);
    }
    voice.step("planned");
    let loaded = load(&plan, &request, &out, facts, &voice)?;
    voice.step("loaded");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let ended = runtime.block_on(async {
        let run = Run::new(request, plan, loaded, out, voice)?;
        run.live().await
    });
    // A reader that blocks on its output after a forced end is not waited for.
    runtime.shutdown_background();
    ended
}

/// Generates, links and loads.
fn load(
    plan: &Plan,
    request: &Request,
    out: &Output,
    facts: &kernel::Live,
    voice: &Voice,
) -> Result<Loaded, Error> {
    let generated = compile::generate(plan)?;
    let image = compile::link(plan, &generated)?;
    voice.step(&format!("linked: {} bytes", image.len()));
    let mut exclusion = Exclusion {
        itself: !request.scope.include_self,
        ..Exclusion::default()
    };
    if plan.streams && out.is_terminal() && exclusion.itself && !request.scope.include_terminal {
        exclusion.ancestors = terminal::ancestors_up_to_terminal();
    }
    let follow = plan.tree && request.scope.follow;
    if exclusion.ancestors > 0 || follow {
        exclusion.offsets = facts.task();
    }
    let options = load::Options {
        functions: &generated.functions,
        exclusion,
        pid: request.scope.pid,
        follow,
    };
    let loaded = Loaded::load(plan, &image, &options)?;
    let ancestors = loaded.excluded().len().saturating_sub(1);
    if ancestors > 0 {
        voice.note(&format!(
            "not tracing this process and {ancestors} of its ancestors, up to the terminal; --include-terminal does"
        ));
    }
    Ok(loaded)
}

/// How often it is looked whether a script's `exit` has closed tracing although its record was lost.
const LOOK: Duration = Duration::from_millis(500);

/// An interval program that may clear maps waits until so many spare ones are ready, and looks for them this often. Only
/// so is every event in exactly one interval when the reading thread gets little time.
const SPARES: u64 = 2;
const SPARES_LOOK: Duration = Duration::from_millis(1);
/// It waits no longer than this: the reading thread may be stuck at its output.
const SPARES_WAIT: Duration = Duration::from_secs(1);

/// What came of intervals that were due.
enum Ticked {
    /// They ran.
    Ran,
    /// They have to wait for spare maps.
    Held,
    /// The script called `exit`: none runs any more.
    Over,
}

/// An end that takes longer waits for whoever reads the output; then it is said how to go without.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why tracing ends.
enum Why {
    Signal,
    Time,
    Target,
    Exit(u8),
    Closed,
    Failed(Error),
}

impl Why {
    /// The same, for a recording.
    fn how(&self) -> How {
        match self {
            Why::Signal => How::Signal,
            Why::Time => How::Time,
            Why::Target | Why::Failed(_) => How::Target,
            Why::Exit(_) => How::Script,
            Why::Closed => How::Closed,
        }
    }
}

impl From<Told> for Why {
    fn from(told: Told) -> Why {
        match told {
            Told::Exit(code) => Why::Exit(code),
            Told::Closed => Why::Closed,
            Told::Failed(error) => Why::Failed(error),
        }
    }
}

/// A run that has been loaded.
struct Run {
    request: Request,
    plan: Arc<Plan>,
    loaded: Arc<Mutex<Loaded>>,
    voice: Voice,
    signals: Signals,
    /// Signals that the script waits for.
    asked: Asked,
    target: Target,
    /// How the command ended.
    command: Option<ExitStatus>,
    /// The script is the user's, not one that options made.
    written: bool,
    reader: Link,
    backpressure: Option<Backpressure>,
    diagnostics: Option<Diagnostics>,
}

/// This thread's end of the reader.
struct Link {
    orders: Sender<Order>,
    told: UnboundedReceiver<Told>,
    thread: JoinHandle<()>,
}

impl Run {
    /// Starts the reader, forks for a command. Inside a tokio runtime.
    fn new(
        mut request: Request,
        plan: Plan,
        mut loaded: Loaded,
        out: Output,
        voice: Voice,
    ) -> Result<Run, Error> {
        let signals = Signals::listen().map_err(Error::Runtime)?;
        let asked = Asked::listen(&plan).map_err(Error::Runtime)?;
        let target = Target::open(&request.scope)?;
        if let Some(pid) = target.child() {
            loaded.set_child(pid)?;
        }
        let stands_still = request.limits.backpressure;
        let prepared = stands_still.then(|| Prepared::new(&target)).transpose()?;
        let rings = loaded.take_rings();
        let diagnostics = Diagnostics::of(&mut loaded, voice);
        let (plan, loaded) = (Arc::new(plan), Arc::new(Mutex::new(loaded)));
        let follower = follower(&plan, voice);
        let recording = request.record.take();
        let asks = recording
            .as_ref()
            .is_none_or(|recording| recording.from > 0);
        let written = asks && request.output.trace.is_none();
        let writing = Writing {
            out,
            follower,
            recording,
        };
        let (reader, backpressure) =
            start_reader(&plan, &loaded, rings, writing, &request, prepared)?;
        Ok(Run {
            request,
            plan,
            loaded,
            voice,
            signals,
            asked,
            target,
            command: None,
            written,
            reader,
            backpressure,
            diagnostics,
        })
    }

    async fn live(mut self) -> Result<Ended, Error> {
        let missed = report::missed(&lock(&self.loaded).attach_all()?);
        missed.iter().for_each(|said| self.voice.warn(said));
        self.voice.step("attached");
        self.plant()?;
        if self.request.dry_run {
            self.target.stop();
            return Ok(Ended::default());
        }
        let why = match self.begin().await? {
            Some(why) => why,
            None => self.follow().await,
        };
        let (mut signals, voice) = (self.signals, self.voice);
        let end = End {
            script: self.request.script,
            tells_losses: self.request.output.tells_losses(),
            written: self.written,
            plan: self.plan,
            loaded: self.loaded,
            reader: self.reader,
            backpressure: self.backpressure,
            diagnostics: self.diagnostics,
            command: self.command,
            missed,
            voice,
        };
        self.target.stop();
        // The second signal ends at once; when it was something else that ended the run, none has come yet.
        let signalled = matches!(why, Why::Signal);
        let force = async {
            if !signalled {
                signals.next().await;
            }
            signals.next().await;
        };
        let hint = tell_how_to_force(voice, signalled);
        tokio::select! {
            biased;
            ended = end.end(why) => ended,
            never = hint => match never {},
            () = force => {
                voice.warn("ended at once; what was not printed yet is lost");
                Ok(Ended { code: FORCED, by: By::Signal, ..Ended::default() })
            }
        }
    }

    /// Says whom `tree` is true for.
    fn plant(&self) -> Result<(), Error> {
        if !self.plan.tree {
            return Ok(());
        }
        let scope = &self.request.scope;
        let processes = scope.pid.iter().chain(&scope.roots).copied();
        let roots: Vec<u32> = processes.chain(self.target.child()).collect();
        if roots.is_empty() {
            let sentence = "`tree` is true for no process: say which with -p or -c";
            self.voice.note(sentence);
        }
        let plant = |process| lock(&self.loaded).plant(process);
        Ok(family::plant(&roots, scope.follow, plant)?)
    }

    /// `BEGIN`, then everything opens at once. A reason when the run is already over.
    async fn begin(&mut self) -> Result<Option<Why>, Error> {
        if !self.request.output.quiet || self.request.output.format != Format::Text {
            let probes = self.plan.ir.clauses.iter().map(|c| c.probes.len()).sum();
            self.reader.order(Order::Attached(probes));
        }
        run_all(&self.plan, &self.loaded, &Hook::Begin)?;
        self.reader.drain().await;
        if let Ok(told) = self.reader.told.try_recv() {
            return Ok(Some(told.into()));
        }
        self.target.ready()?;
        lock(&self.loaded).open()?;
        self.reader
            .order(Order::Started(lock(&self.loaded).start_ns()));
        self.target.release()?;
        self.voice.step("tracing");
        if let Some(mut ready) = self.request.ready.take() {
            // Whoever wanted to know may be gone.
            let _ = ready.write_all(b"ready\n");
        }
        Ok(None)
    }

    /// Runs what is due until something ends the run.
    async fn follow(&mut self) -> Why {
        let start = Instant::now();
        let deadline = self.request.scope.duration.map(|after| start + after);
        let mut ticks = Ticks::new(intervals(&self.plan), start);
        let mut wake = ticks.next();
        let mut look = start + LOOK;
        let mut walks = match Walks::begin(&self.plan, &lock(&self.loaded)) {
            Ok(walks) => walks,
            Err(error) => return Why::Failed(error),
        };
        loop {
            tokio::select! {
                biased;
                () = self.signals.next() => return Why::Signal,
                told = self.reader.told.recv() => return told.map_or(Why::Closed, Why::from),
                ended = self.target.end() => {
                    if let Some(why) = self.target_ended(ended) {
                        return why;
                    }
                }
                () = until(deadline) => return Why::Time,
                walked = walks.end() => match walked {
                    Ok(true) => return Why::Target,
                    Ok(false) => {}
                    Err(error) => return Why::Failed(error),
                },
                program = self.asked.next() => {
                    ticks.ask(program, Instant::now());
                    wake = ticks.next();
                }
                () = until(wake) => match self.tick(&mut ticks) {
                    Ok(Ticked::Ran) => wake = ticks.next(),
                    Ok(Ticked::Held) => wake = Some(Instant::now() + SPARES_LOOK),
                    Ok(Ticked::Over) => return Why::Exit(0),
                    Err(error) => return Why::Failed(error.into()),
                },
                () = until(Some(look)) => {
                    look += LOOK;
                    self.diagnostics.iter_mut().for_each(Diagnostics::flush);
                    if matches!(lock(&self.loaded).is_open(), Ok(false)) {
                        return Why::Exit(0);
                    }
                }
            }
        }
    }

    /// Runs the programs that are due, unless they have to wait, or the script called `exit`, be it meanwhile or in
    /// one of them.
    fn tick(&self, ticks: &mut Ticks) -> Result<Ticked, load::Error> {
        let late = ticks.next().map_or(Duration::ZERO, |due| due.elapsed());
        let spares = lock(&self.loaded).spares()?;
        if late < SPARES_WAIT && spares.is_some_and(|spares| spares < SPARES) {
            return Ok(Ticked::Held);
        }
        for program in ticks.due(Instant::now()) {
            let mut loaded = lock(&self.loaded);
            if !loaded.is_open()? {
                return Ok(Ticked::Over);
            }
            loaded.test_run(program)?;
        }
        match lock(&self.loaded).is_open()? {
            true => Ok(Ticked::Ran),
            false => Ok(Ticked::Over),
        }
    }

    /// Keeps how a command ended, and says so when that was not well. A reason when nothing is left to wait for.
    fn target_ended(&mut self, ended: Result<Option<ExitStatus>, Error>) -> Option<Why> {
        let status = match ended {
            Err(error) => return Some(Why::Failed(error)),
            Ok(status) => status,
        };
        if let Some(status) = status {
            self.command = Some(status);
            if !status.success() {
                self.voice.note(&format!("the command ended with {status}"));
            }
        }
        if !self.request.scope.until_last {
            return Some(Why::Target);
        }
        let left = lock(&self.loaded).tree();
        match left.map(|left| Target::still_running(&left)) {
            Err(error) => Some(Why::Failed(error.into())),
            Ok(Target::None) => Some(Why::Target),
            Ok(target) => {
                self.target = target;
                None
            }
        }
    }
}

/// What the end needs.
struct End {
    script: super::Script,
    /// Losses belong into the output, and errors with them.
    tells_losses: bool,
    /// The script is the user's: places in it mean something to somebody.
    written: bool,
    plan: Arc<Plan>,
    loaded: Arc<Mutex<Loaded>>,
    reader: Link,
    backpressure: Option<Backpressure>,
    diagnostics: Option<Diagnostics>,
    command: Option<ExitStatus>,
    missed: Vec<String>,
    voice: Voice,
}

impl End {
    /// Closes, drains, runs `END`, prints the maps and what was lost. Only then the programs go.
    async fn end(mut self, why: Why) -> Result<Ended, Error> {
        let (code, by) = match why {
            Why::Failed(error) => return Err(error),
            Why::Exit(code) => (code, By::Script),
            Why::Signal => (0, By::Signal),
            Why::Time => (0, By::Time),
            Why::Target => (0, By::Target),
            Why::Closed => (0, By::Output),
        };
        let how = why.how();
        lock(&self.loaded).close()?;
        let ended_ns = clock::monotonic_ns();
        self.voice.step("closed");
        // Nothing is sent any more: whatever is left of the command runs on.
        drop(self.backpressure.take());
        self.reader.drain().await;
        let code = self.reader.gather()?.unwrap_or(code);
        run_all(&self.plan, &self.loaded, &Hook::End)?;
        let accounts = self.reader.drain().await;
        let (totals, errors, mut words) = self.last_words(&accounts)?;
        words.ending = Some(self.ending(how, ended_ns, &totals));
        if let Some(notice) = self.reader.last(words).await {
            self.voice.note(&notice);
        }
        self.reader.gather()?;
        self.diagnostics.iter_mut().for_each(Diagnostics::flush);
        for sentence in totals.sentences() {
            self.voice.warn(&sentence);
        }
        for line in report::accounts(&totals, accounts.late) {
            self.voice.step(&line);
        }
        self.reader.join();
        self.voice.step("ended");
        Ok(Ended {
            code,
            by,
            lossy: totals.any_lost(),
            losses: report::losses(&totals, &[]),
            errors,
            missed: self.missed,
            command: self.command,
        })
    }

    /// Losses and runtime errors: in the output for formats that machines read, else on standard error.
    fn last_words(
        &self,
        accounts: &Accounts,
    ) -> Result<(Totals, Vec<RuntimeError>, LastWords), Error> {
        let loaded = lock(&self.loaded);
        let mut totals = Totals::new(&loaded.stats()?, &accounts.rings);
        totals.lost_in_user_space = accounts.mishaps.map_full;
        let mut counts = loaded.sites()?;
        let in_user_space = accounts.mishaps.sites.iter();
        counts
            .iter_mut()
            .zip(in_user_space)
            .for_each(|(n, more)| *n += more);
        let errors = report::runtime_errors(&self.script, &self.plan.ir, &counts);
        if !self.tells_losses {
            for error in errors.iter().filter(|_| self.written) {
                let sentence = report::sentence(error);
                self.voice.place(&sentence, report::is_mistake(error));
            }
            return Ok((totals, errors, LastWords::default()));
        }
        let words = LastWords {
            losses: report::losses(&totals, &accounts.told),
            errors: errors.clone(),
            ending: None,
        };
        Ok((totals, errors, words))
    }

    /// The end, for a recording.
    fn ending(&self, how: How, time_ns: u64, totals: &Totals) -> (Vec<Loss>, Ending) {
        let losses = report::losses(totals, &[]);
        let ending = Ending {
            how,
            time_ns,
            lost: losses.iter().map(|loss| loss.count).sum(),
            command: self.command.map(ExitStatusExt::into_raw),
        };
        (losses, ending)
    }
}

impl Link {
    fn order(&self, order: Order) {
        // The thread ends only when it is told to, or by a panic, which ends the process.
        let _ = self.orders.send(order);
    }

    async fn drain(&self) -> Accounts {
        let (done, answer) = oneshot::channel();
        self.order(Order::Drain(done));
        answer.await.unwrap_or_default()
    }

    async fn last(&self, words: LastWords) -> Option<String> {
        let (done, answer) = oneshot::channel();
        self.order(Order::Last(words, done));
        // Without an answer the thread is gone, and with it the process.
        answer.await.ok().flatten()
    }

    /// What was told since anybody asked: the first exit code.
    fn gather(&mut self) -> Result<Option<u8>, Error> {
        let mut code = None;
        while let Ok(told) = self.told.try_recv() {
            match told {
                Told::Exit(asked) => code = code.or(Some(asked)),
                Told::Closed => {}
                Told::Failed(error) => return Err(error),
            }
        }
        Ok(code)
    }

    fn join(self) {
        self.order(Order::Quit);
        // A panic there has ended the process already.
        let _ = self.thread.join();
    }
}

/// Where the reader's records go.
struct Writing {
    out: Output,
    follower: Follower,
    recording: Option<Recording>,
}

/// Starts the reading thread, and a task for each ring that passes the kernel's wake-ups on.
fn start_reader(
    plan: &Arc<Plan>,
    loaded: &Arc<Mutex<Loaded>>,
    rings: load::Rings,
    writing: Writing,
    request: &Request,
    prepared: Option<Prepared>,
) -> Result<(Link, Option<Backpressure>), Error> {
    let (orders, received) = channel();
    let (tell, told) = unbounded_channel();
    let looking = Arc::new(AtomicBool::new(false));
    for pair in &rings {
        for ring in [&pair.main, &pair.control] {
            let fd = readable(ring.as_fd()).map_err(Error::Runtime)?;
            tokio::spawn(watch(fd, orders.clone(), Arc::clone(&looking)));
        }
    }
    let (backpressure, relief) = match prepared {
        Some(prepared) => {
            let main = rings.iter().map(|pair| pair.main.as_fd());
            let (watching, relief) = prepared.watch(main, orders.clone(), tell.clone())?;
            (Some(watching), relief)
        }
        None => (None, Relief::default()),
    };
    let Writing {
        out,
        follower,
        recording,
    } = writing;
    let (plan, loaded) = (Arc::clone(plan), Arc::clone(loaded));
    let printer = printer(&request.output, out.is_terminal());
    let script = request.script.clone();
    let collector = request.collector.clone();
    let tells_losses = request.output.tells_losses();
    let roots = request.scope.roots.clone();
    let pending = request.output.pending.clone();
    let pending = pending.map(|calls| (Pending::new(calls), roots));
    let work = move || {
        let ring_bytes = plan.rings.main_bytes;
        let maps = Maps::new(Arc::clone(&plan), loaded);
        let present = Presenter {
            printer,
            out,
            script,
            collector,
        };
        let desk = Desk::new(&plan, maps, present, tell, follower)
            .with_recording(recording)
            .telling_losses(tells_losses)
            .telling_pending(pending);
        Reader::new(rings, ring_bytes, desk, looking)
            .telling(relief)
            .run(&received);
    };
    let thread = std::thread::Builder::new()
        .name("reader".into())
        .spawn(work)
        .map_err(Error::Runtime)?;
    let link = Link {
        orders,
        told,
        thread,
    };
    Ok((link, backpressure))
}

/// Follows what processes map, when addresses of theirs are to be named.
fn follower(plan: &Plan, voice: Voice) -> Follower {
    if !Needs::of(plan).user_symbols {
        return Follower::default();
    }
    Follower::start().unwrap_or_else(|error| {
        voice.warn(&format!(
            "processes that end keep their addresses as numbers: what they map cannot be followed: {error}"
        ));
        Follower::default()
    })
}

/// The printer that the output is to have.
fn printer(wanted: &request::Output, terminal: bool) -> Box<dyn Printer> {
    let Some(style) = &wanted.trace else {
        return print::printer(wanted.format, terminal);
    };
    let wall = Wall {
        offset_ns: clock::wall_ns(0) as u64,
        local: |seconds| {
            clock::local_time("%H:%M:%S", seconds.saturating_mul(1_000_000_000)).unwrap_or_default()
        },
    };
    print::trace::printer(style.clone(), wall, wanted.format, terminal)
}

/// Passes the wake-ups of one ring on, at most one at a time for all rings.
async fn watch(ring: AsyncFd<OwnedFd>, orders: Sender<Order>, looking: Arc<AtomicBool>) {
    while let Ok(mut ready) = ring.readable().await {
        ready.clear_ready();
        if !looking.swap(true, Ordering::AcqRel) && orders.send(Order::Look).is_err() {
            return;
        }
    }
}

/// Runs all programs of a synthetic hook once, in the script's order.
fn run_all(plan: &Plan, loaded: &Mutex<Loaded>, hook: &Hook) -> Result<(), Error> {
    for (index, program) in plan.programs.iter().enumerate() {
        if program.hook == *hook {
            lock(loaded).test_run(index)?;
        }
    }
    Ok(())
}

fn intervals(plan: &Plan) -> impl Iterator<Item = (usize, Duration)> {
    let programs = plan.programs.iter().enumerate();
    programs.filter_map(|(index, program)| match program.hook {
        Hook::Interval { period_ns } => Some((index, Duration::from_nanos(period_ns))),
        _ => None,
    })
}

/// Says after a while that the end is not stuck for good. Never returns.
async fn tell_how_to_force(voice: Voice, signalled: bool) -> Infallible {
    tokio::time::sleep(PATIENCE).await;
    let signals = if signalled { "once more" } else { "twice" };
    voice.note(&format!(
        "the results wait until the output is read; Ctrl-C {signals} ends at once and drops them"
    ));
    std::future::pending().await
}

/// Returns at that time; never without one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
