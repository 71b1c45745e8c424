//! One program in both worlds: the kernel, through `BPF_PROG_TEST_RUN`, and the interpreter. Both must leave the same maps,
//! count the same errors and send the same records.
//!
//! In: a program, events, what the generator may use. Out: what differs, or which stage refused, as a sentence. Needs the
//! right to load programs.

use crate::agg::Cell;
use crate::bpf::Generated;
use crate::codegen::regalloc::Resources;
use crate::codegen::{checker, generate_with};
use crate::facts::{Facts, Fixed};
use crate::interp::{Effect, Event, Machine, Recorded};
use crate::ir::{Builtin, ClauseId, EmitId, EmitKind, MapId, Program, SiteId, arbitrary};
use crate::kernel::Live;
use crate::load::{self, Loaded};
use crate::plan::{self, Options, Plan};
use crate::stream::{decode, merge};
use crate::sys::cpu::Affinity;
use crate::types::task::TaskOffsets;
use crate::types::{Space, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tracer_ebpf::{RecordHeader, loss};

/// Where the running kernel keeps what is asked of a task.
static TASK: LazyLock<Option<TaskOffsets>> = LazyLock::new(|| Live::new().task());

/// What was sent, in order of time.
pub type Records = Vec<(EmitId, Vec<Value>)>;

/// Runs a program on events in both worlds and compares everything that can be seen. The first event comes on one CPU, the
/// second on another, the third on the first again: what each CPU keeps has to be put together.
///
/// # Errors
/// What differs, or which stage refused.
pub fn same(program: Program, events: &[Vec<u64>], resources: Resources) -> Result<(), String> {
    same_plan(&planned(program)?, events, resources)
}

/// The same for a plan, which may keep its maps in another way than it would by itself.
///
/// # Errors
/// See [`same`].
pub fn same_plan(plan: &Plan, events: &[Vec<u64>], resources: Resources) -> Result<(), String> {
    let generated = generated(plan, resources)?;
    let mut loaded = loaded(plan, &generated)?;
    let mut machine = Machine::new(&plan.ir);
    let memory = Memory::new();
    let mut expected = Vec::new();
    let affinity = Affinity::own().map_err(|e| format!("the CPUs of this thread: {e}"))?;
    let cpus: Vec<usize> = affinity.cpus().into_iter().take(2).collect();
    for (words, cpu) in events.iter().zip(cpus.iter().cycle()) {
        let stay = affinity.stay_on(*cpu);
        stay.map_err(|e| format!("moving to CPU {cpu}: {e}"))?;
        loaded.open().map_err(|e| format!("opening: {e:?}"))?;
        let (context, event) = memory.event(words);
        let run = loaded.test_run_with(0, context);
        run.map_err(|e| format!("the test run: {e:?}"))?;
        let outcome = machine.fire(ClauseId(0), &event as &dyn Event);
        for effect in outcome.effects {
            expected.extend(record_of(plan, effect)?);
        }
    }
    let agreed = agree(&mut loaded, plan, &machine, &expected);
    agreed.map_err(|what| format!("{what}\n{}", listing(&generated)))
}

/// Plans a program for the running kernel: programs load its types where they do so in a run.
///
/// # Errors
/// What it does not fit.
pub fn planned(program: Program) -> Result<Plan, String> {
    let facts = Fixed {
        possible_cpus: aya::util::nr_cpus().map_err(|(_, e)| e.to_string())? as u32,
        task: *TASK,
        ..Fixed::default()
    };
    plan::plan(program, &facts, &Options::default()).map_err(|found| format!("planning: {found:?}"))
}

/// Generates, and checks what was generated.
///
/// # Errors
/// What the generator or its checker says.
pub fn generated(plan: &Plan, resources: Resources) -> Result<Generated, String> {
    let generated = generate_with(plan, resources).map_err(|e| format!("generating: {e}"))?;
    match checker::check(plan, &generated) {
        Ok(()) => Ok(generated),
        Err(what) => Err(format!("the checker: {what}\n{}", listing(&generated))),
    }
}

/// Links, and has the kernel verify.
///
/// # Errors
/// What the kernel says, with the code.
pub fn loaded(plan: &Plan, generated: &Generated) -> Result<Loaded, String> {
    let image = crate::link::link(plan, generated, crate::link::runtime())
        .map_err(|e| format!("linking: {e}"))?;
    let options = load::Options {
        functions: &generated.functions,
        ..load::Options::default()
    };
    Loaded::load(plan, &image, &options)
        .map_err(|e| format!("the kernel: {e:?}\n{}", listing(generated)))
}

fn listing(generated: &Generated) -> String {
    generated
        .functions
        .iter()
        .map(crate::bpf::text::write)
        .collect()
}

/// What an effect sends.
///
/// # Errors
/// An effect that programs here do not have.
pub fn record_of(plan: &Plan, effect: Effect) -> Result<Option<(EmitId, Vec<Value>)>, String> {
    match effect {
        Effect::Emit { id, args } => Ok(Some((id, args))),
        Effect::Exit(code) => {
            let at = plan.ir.emits.iter().position(|e| e.kind == EmitKind::Exit);
            let at = at.ok_or("exit without its record")?;
            Ok(Some((EmitId(at as u32), vec![Value::Int(code)])))
        }
        // Signals that nobody heeds.
        Effect::Signal(_) => Ok(None),
        other => Err(format!("{other:?} is not made by arbitrary programs")),
    }
}

/// Memory that programs read: what [`arbitrary`] expects behind its buffer argument.
pub struct Memory(pub Vec<u8>);

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl Memory {
    /// Texts, then a vector of pointers to them.
    pub fn new() -> Memory {
        let mut bytes = b"ab\0abc\0\xff\x80a longer text, cut in most places\0".to_vec();
        let size = arbitrary::BUFFER_BYTES as usize + arbitrary::STR_BYTES as usize;
        bytes.resize(size.max(arbitrary::VECTOR_AT as usize), 0);
        bytes.reserve_exact(arbitrary::VECTOR_BYTES as usize);
        let at = bytes.as_ptr() as u64;
        for pointer in [at, at + 3, at + 9, at + 2, 0] {
            bytes.extend(pointer.to_ne_bytes());
        }
        bytes.resize((arbitrary::VECTOR_AT + arbitrary::VECTOR_BYTES) as usize, 0);
        Memory(bytes)
    }

    /// The firing as the kernel sees it, and as the interpreter does.
    pub fn event(&self, words: &[u64]) -> ([u64; 12], Recorded) {
        let buffer = &self.0;
        let mut context = [0; 12];
        context[..words.len()].copy_from_slice(words);
        context[arbitrary::BUFFER_ARG as usize] = buffer.as_ptr() as u64;
        context[arbitrary::FAULT_ARG as usize] = 8;
        let mut event = Recorded {
            comm: comm(),
            kstack: vec![1],
            words: task(),
            ..Recorded::default()
        };
        for n in 0..arbitrary::ARGS {
            event = event.with(Builtin::Arg(n), context[n as usize]);
        }
        let address = buffer.as_ptr() as u64;
        (context, event.with_memory(Space::User, address, buffer))
    }
}

/// What the current task is to the kernel. Programs test what differs from one moment to the next against 0 only.
pub fn task() -> Vec<(Builtin, u64)> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    vec![
        (Builtin::Uid, field("Uid:")),
        (Builtin::Gid, field("Gid:")),
        (Builtin::Ncpus, aya::util::nr_cpus().unwrap_or(1) as u64),
        (Builtin::Func, u64::MAX),
    ]
}

/// The name of this thread, as the kernel keeps it.
fn comm() -> Vec<u8> {
    let mut name = std::fs::read("/proc/thread-self/comm").expect("a thread can read its name");
    name.pop();
    name
}

/// Compares what both worlds hold after the same events.
///
/// # Errors
/// What differs.
pub fn agree(
    loaded: &mut Loaded,
    plan: &Plan,
    machine: &Machine<'_>,
    expected: &Records,
) -> Result<(), String> {
    for at in 0..plan.ir.maps.len() as u32 {
        let kernel = kernel_map(loaded, &plan.ir, MapId(at))?;
        equal(
            &format!("map {at}"),
            &kernel,
            &interpreted_map(machine, MapId(at)),
        )?;
    }
    let sites = loaded.sites().map_err(|e| format!("the sites: {e:?}"))?;
    for at in 0..plan.ir.sites.len() {
        // A program that cannot fail has no counters at all.
        let counted = sites.get(at).copied().unwrap_or(0);
        equal(
            &format!("site {at}"),
            &counted,
            &machine.errors_at(SiteId(at as u32)),
        )?;
    }
    let stats = loaded.stats().map_err(|e| format!("the counters: {e:?}"))?;
    let full: u64 = stats.iter().map(|s| s.lost[loss::MAP_FULL as usize]).sum();
    equal("full maps", &full, &machine.map_full())?;
    equal("records", &records(loaded, plan)?, expected)
}

fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    kernel: &T,
    expected: &T,
) -> Result<(), String> {
    match kernel == expected {
        true => Ok(()),
        false => Err(format!(
            "{what}\n  kernel:      {kernel:?}\n  interpreter: {expected:?}"
        )),
    }
}

/// Keys and merged values of a script's map, as bytes. The entry of a map without key is always there in the kernel;
/// untouched it is all 0.
///
/// # Errors
/// When the map cannot be read.
pub fn kernel_map(
    loaded: &Loaded,
    program: &Program,
    map: MapId,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, String> {
    let value = &program.maps[map.0 as usize].value;
    let table = loaded
        .read_map(map, 0)
        .map_err(|e| format!("reading a map: {e:?}"))?;
    let mut out = BTreeMap::new();
    for (key, copies) in table.entries() {
        let mut cell: Option<Cell> = None;
        for bytes in copies {
            let copy = Cell::read(value, bytes).map_err(|e| format!("a value: {e:?}"))?;
            match &mut cell {
                Some(cell) => cell.merge(&copy),
                None => cell = Some(copy),
            }
        }
        let mut bytes = Vec::new();
        cell.ok_or("a value without a CPU")?
            .write(value, &mut bytes);
        if !key.is_empty() || bytes.iter().any(|b| *b != 0) {
            out.insert(key.to_vec(), bytes);
        }
    }
    Ok(out)
}

fn interpreted_map(machine: &Machine<'_>, map: MapId) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut out = machine.map(map).bytes();
    out.retain(|key, value| !key.is_empty() || value.iter().any(|b| *b != 0));
    out
}

/// All records so far, in order of time.
///
/// # Errors
/// A record that cannot be read.
pub fn records(loaded: &mut Loaded, plan: &Plan) -> Result<Records, String> {
    let mut found = Vec::new();
    for mut pair in loaded.take_rings() {
        for ring in [&mut pair.main, &mut pair.control] {
            while let Some(record) = ring.next() {
                let header = merge::header(&record).ok_or("a record without its header")?;
                let id = EmitId(header.emit);
                let layout = &plan.records[id.0 as usize];
                let mut args = Vec::new();
                let payload = &record[size_of::<RecordHeader>()..];
                decode::args(layout, payload, &mut args)
                    .map_err(|e| format!("a record that does not fit its layout: {e:?}"))?;
                found.push((header.time_ns, id, args));
            }
        }
    }
    found.sort_by_key(|(time, ..)| *time);
    Ok(found.into_iter().map(|(_, id, args)| (id, args)).collect())
}
