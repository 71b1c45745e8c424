//! Verification of generated code, independent of how it was made.
//!
//! In: linear form with its allocation; or finished programs. Out: the first thing that is wrong. The kernel's verifier
//! would accept code that computes with the wrong register; this does not. Never repairs.
//!
//! Rules of an allocation:
//! 1. Each virtual register is read where, on every path, its own value was written last.
//! 2. Nothing that lives in r2 to r5 is read after a call.
//! 3. r0 and r1 are nobody's home; spill slots lie below the stack's places and inside the limit.
//! 4. Pointers are never kept in the scratch frame; what must be held is in a register.
//!
//! Rules of a program:
//! 1. It belongs to the plan's program of the same place and name.
//! 2. Every word decodes, jumps stay inside and never hit the second half of a constant; no path runs off the end.
//! 3. Registers and stack are written before they are read, on every path; r1 to r5 are lost by calls; r10 is not written.
//! 4. Accesses through r10 lie within the stack limit.
//! 5. Each call of a function and each map has its hole, and each hole its call or map.
//! 6. A scratch frame is given back on every path that took one, and used by nobody else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::frame::STACK_LIMIT;
use super::lir::{BlockId, Class, Inst, Lir, VReg};
use super::regalloc::{Allocation, Loc};
use crate::bpf::{Alu, Atomic, Cond, Function, Generated, Op, Reg, Size, Src, Target};
use crate::plan::Plan;

/// Checks an allocation against the linear form.
///
/// # Errors
/// The rule's violation, with the register and block.
pub fn allocation(lir: &Lir, allocation: &Allocation) -> Result<(), String> {
    for (v, loc) in allocation.locs.iter().enumerate() {
        home(lir, allocation, VReg(v as u32), *loc)?;
    }
    let mut states: HashMap<BlockId, Homes> = HashMap::from([(BlockId(0), Homes::new())]);
    let mut work = vec![BlockId(0)];
    while let Some(id) = work.pop() {
        let out = block(lir, allocation, id, states[&id].clone())?;
        for to in lir.block(id).term.targets() {
            let merged = match states.get(&to) {
                Some(old) => common(old, &out),
                None => out.clone(),
            };
            if states.get(&to) != Some(&merged) {
                states.insert(to, merged);
                work.push(to);
            }
        }
    }
    Ok(())
}

/// What each location holds: the registers whose value is there.
type Homes = BTreeMap<Place, BTreeSet<VReg>>;

/// A location as a key; frame slots by offset, since all frames of a firing share their layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Reg(u8),
    Stack(i16),
    Frame(i16),
}

fn place(loc: Loc) -> Option<Place> {
    Some(match loc {
        Loc::Reg(r) => Place::Reg(r),
        Loc::Stack(off) => Place::Stack(off),
        Loc::Frame { off, .. } => Place::Frame(off),
        Loc::None => return None,
    })
}

fn home(lir: &Lir, allocation: &Allocation, v: VReg, loc: Loc) -> Result<(), String> {
    let class = lir.vregs[v.0 as usize].class;
    let fine = match loc {
        Loc::Reg(r) => (2..=9).contains(&r),
        Loc::Stack(off) => {
            let off = -i64::from(off);
            let (places, all) = (lir.stack_bytes.into(), lir.stack_limit.into());
            class != Class::Held && off % 8 == 0 && off > places && off <= all
        }
        Loc::Frame { off, .. } => {
            let off = i64::from(off);
            let (places, all) = (lir.frame_bytes.into(), allocation.frame_bytes.into());
            class == Class::Scalar && off % 8 == 0 && off >= places && off + 8 <= all
        }
        Loc::None => true,
    };
    if fine {
        return Ok(());
    }
    Err(format!("{v} ({class:?}) may not live in {loc:?}"))
}

fn common(a: &Homes, b: &Homes) -> Homes {
    let both = |(place, left): (&Place, &BTreeSet<VReg>)| {
        let right = b.get(place)?;
        let set: BTreeSet<VReg> = left.intersection(right).copied().collect();
        (!set.is_empty()).then_some((*place, set))
    };
    a.iter().filter_map(both).collect()
}

fn block(
    lir: &Lir,
    allocation: &Allocation,
    id: BlockId,
    mut homes: Homes,
) -> Result<Homes, String> {
    let block = lir.block(id);
    for (inst, _) in &block.insts {
        inst_reads(allocation, &homes, id, inst)?;
        if inst.clobbers() {
            homes.retain(|place, _| !matches!(place, Place::Reg(0..=5)));
        }
        if let Some(d) = inst.def()
            && let Some(place) = place(allocation.locs[d.0 as usize])
        {
            homes.insert(place, BTreeSet::from([d]));
        }
    }
    let mut wrong = None;
    block.term.uses(&mut |v| {
        wrong = wrong.take().or(read(allocation, &homes, v).err());
    });
    match wrong {
        Some(what) => Err(format!("{what} at the end of {id}")),
        None => Ok(homes),
    }
}

fn inst_reads(
    allocation: &Allocation,
    homes: &Homes,
    id: BlockId,
    inst: &Inst,
) -> Result<(), String> {
    let mut wrong = None;
    inst.uses(&mut |v| {
        wrong = wrong.take().or(read(allocation, homes, v).err());
    });
    // A result in the scratch frame is stored through the frame's pointer.
    if let Some(d) = inst.def()
        && let Loc::Frame { base, .. } = allocation.locs[d.0 as usize]
    {
        wrong = wrong.or(read(allocation, homes, base).err());
    }
    match wrong {
        Some(what) => Err(format!("{what} in `{inst}` of {id}")),
        None => Ok(()),
    }
}

fn read(allocation: &Allocation, homes: &Homes, v: VReg) -> Result<(), String> {
    let loc = allocation.locs[v.0 as usize];
    if let Loc::Frame { base, .. } = loc {
        read(allocation, homes, base)?;
    }
    let there = place(loc).and_then(|p| homes.get(&p));
    if there.is_some_and(|set| set.contains(&v)) {
        return Ok(());
    }
    Err(format!("{v} is read from {loc:?}, which holds {there:?}"))
}

/// Checks finished programs.
///
/// # Errors
/// The rule's violation, with program and instruction.
pub fn check(plan: &Plan, generated: &Generated) -> Result<(), String> {
    if plan.programs.len() != generated.functions.len() {
        return Err("not one function for each program".to_owned());
    }
    for (program, function) in plan.programs.iter().zip(&generated.functions) {
        if program.name != function.name {
            let (a, b) = (&program.name, &function.name);
            return Err(format!("program {a} has the code of {b}"));
        }
        self::function(function, State::start()).map_err(|what| in_function(function, what))?;
        for callback in &function.callbacks {
            self::function(callback, State::called())
                .map_err(|what| in_function(callback, what))?;
        }
    }
    Ok(())
}

fn in_function(function: &Function, what: String) -> String {
    format!("{}: {what}", function.name)
}

/// What a register or a word of stack may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    /// Nothing that may be read.
    Unset,
    /// Something.
    Any,
    /// An address on the stack.
    Stack(i32),
    /// What `rt_frame_get` returned, untested.
    FrameOrNull,
}

/// Whether a scratch frame is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    No,
    /// Asked for; the answer is not tested yet.
    Asked,
    Yes,
}

const WORDS: usize = STACK_LIMIT as usize / 8;

#[derive(Clone, PartialEq)]
struct State {
    regs: [Value; 11],
    /// Word `i` is at `-8 * (i + 1)`.
    stack: [Value; WORDS],
    held: Held,
}

impl State {
    fn start() -> State {
        let mut regs = [Value::Unset; 11];
        regs[1] = Value::Any;
        regs[10] = Value::Stack(0);
        State {
            regs,
            stack: [Value::Unset; WORDS],
            held: Held::No,
        }
    }

    /// At the front of a callback: its arguments are there. The scratch frame is its caller's business.
    fn called() -> State {
        let mut state = State::start();
        state.regs[1..=5].fill(Value::Any);
        state
    }

    fn merge(&self, other: &State) -> Result<State, String> {
        if self.held != other.held {
            return Err("the scratch frame is held on one way here and not on the other".into());
        }
        let join = |a: Value, b: Value| match (a, b) {
            (a, b) if a == b => a,
            (Value::Unset, _) | (_, Value::Unset) => Value::Unset,
            _ => Value::Any,
        };
        let mut out = self.clone();
        for (a, b) in out.regs.iter_mut().zip(other.regs) {
            *a = join(*a, b);
        }
        for (a, b) in out.stack.iter_mut().zip(other.stack) {
            *a = join(*a, b);
        }
        Ok(out)
    }

    fn get(&self, r: Reg) -> Result<Value, String> {
        match self.regs[r.0 as usize] {
            Value::Unset => Err(format!("r{} is read before it is written", r.0)),
            value => Ok(value),
        }
    }

    fn put(&mut self, r: Reg, value: Value) -> Result<(), String> {
        if r == Reg::FP {
            return Err("r10 is written".to_owned());
        }
        self.regs[r.0 as usize] = value;
        Ok(())
    }

    fn source(&self, src: Src) -> Result<Value, String> {
        match src {
            Src::Reg(r) => self.get(r),
            Src::Imm(_) => Ok(Value::Any),
        }
    }
}

/// The stack word of an access, when it is one of the stack.
fn stack_word(base: Value, off: i16, size: Size) -> Result<Option<usize>, String> {
    let Value::Stack(at) = base else {
        return Ok(None);
    };
    let (from, bytes) = (at + i32::from(off), i32::from(size.bytes()));
    if from < -(STACK_LIMIT as i32) || from + bytes > 0 || from.rem_euclid(bytes) != 0 {
        return Err(format!("an access of {bytes} bytes at r10{from:+}"));
    }
    Ok(Some((-from - 1) as usize / 8))
}

fn function(function: &Function, start: State) -> Result<(), String> {
    let ops = decode(function)?;
    holes(function, &ops)?;
    let mut states: HashMap<usize, State> = HashMap::from([(0, start)]);
    let mut work = vec![0];
    while let Some(at) = work.pop() {
        let mut state = states[&at].clone();
        let next = step(function, &ops, at, &mut state).map_err(|what| place_of(at, &what))?;
        for (to, state) in next {
            if !matches!(ops.get(to), Some(op) if !matches!(op, Op::High(_))) {
                return Err(place_of(
                    at,
                    &format!("goes to {to}, which is no instruction"),
                ));
            }
            let merged = match states.get(&to) {
                Some(old) => old.merge(&state).map_err(|what| place_of(to, &what))?,
                None => state,
            };
            if states.get(&to) != Some(&merged) {
                states.insert(to, merged);
                work.push(to);
            }
        }
    }
    Ok(())
}

fn place_of(at: usize, what: &str) -> String {
    format!("instruction {at}: {what}")
}

fn decode(function: &Function) -> Result<Vec<Op>, String> {
    let decode = |(at, insn): (usize, &crate::bpf::Insn)| {
        Op::decode(*insn).ok_or_else(|| place_of(at, "no instruction of ours"))
    };
    function.insns.iter().enumerate().map(decode).collect()
}

fn holes(function: &Function, ops: &[Op]) -> Result<(), String> {
    let mut holes = BTreeMap::new();
    for reloc in &function.relocs {
        holes.insert(reloc.at as usize, &reloc.target);
    }
    for (at, op) in ops.iter().enumerate() {
        let fine = match (op, holes.remove(&at)) {
            (Op::Map(..), Some(Target::Map(_))) => true,
            (Op::Function(_), Some(Target::Runtime(_))) => true,
            (Op::FunctionAddress(..), Some(Target::Callback(_))) => true,
            (Op::Map(..) | Op::Function(_) | Op::FunctionAddress(..), _) => false,
            (_, hole) => hole.is_none(),
        };
        if !fine {
            return Err(place_of(at, "hole and instruction do not match"));
        }
    }
    match holes.first_key_value() {
        Some((at, _)) => Err(place_of(*at, "a hole behind the end")),
        None => Ok(()),
    }
}

/// One instruction: where it may go, and with what. A flat match.
fn step(
    function: &Function,
    ops: &[Op],
    at: usize,
    state: &mut State,
) -> Result<Vec<(usize, State)>, String> {
    let jump = |off: i16| (at as i64 + 1 + i64::from(off)).max(-1) as usize;
    match ops[at] {
        Op::Alu64(op, dst, src) => arithmetic(state, op, dst, src)?,
        Op::Swap(dst) => {
            state.get(dst)?;
            state.put(dst, Value::Any)?;
        }
        Op::Alu32(op, dst, src) => {
            state.source(src)?;
            if op != Alu::Mov {
                state.get(dst)?;
            }
            state.put(dst, Value::Any)?;
        }
        Op::Load(size, dst, base, off) => {
            let value = match stack_word(state.get(base)?, off, size)? {
                Some(word) if state.stack[word] == Value::Unset => {
                    return Err(format!("stack word {word} is read before it is written"));
                }
                Some(word) if size == Size::DW => state.stack[word],
                _ => Value::Any,
            };
            state.put(dst, value)?;
        }
        Op::Store(size, base, off, src) => {
            let value = state.source(src)?;
            if let Some(word) = stack_word(state.get(base)?, off, size)? {
                let whole = size == Size::DW;
                state.stack[word] = if whole { value } else { Value::Any };
            }
        }
        Op::Atomic(op, base, off, src) => {
            state.get(src)?;
            stack_word(state.get(base)?, off, Size::DW)?;
            match op {
                Atomic::Add => {}
                Atomic::FetchAdd => state.put(src, Value::Any)?,
                Atomic::CompareExchange => {
                    state.get(Reg::R0)?;
                    state.put(Reg::R0, Value::Any)?;
                }
            }
        }
        Op::Imm64(dst, _) | Op::Map(dst, _) | Op::FunctionAddress(dst, _) => {
            state.put(dst, Value::Any)?;
            return match ops.get(at + 1) {
                Some(Op::High(_)) => Ok(vec![(at + 2, state.clone())]),
                _ => Err("half of a 64-bit constant".to_owned()),
            };
        }
        Op::High(_) => return Err("reached the second half of a constant".to_owned()),
        Op::Jump(off) => return Ok(vec![(jump(off), state.clone())]),
        Op::Branch(cond, dst, src, off) => {
            let value = state.get(dst)?;
            state.source(src)?;
            let (taken, fallen) = branch(state, cond, value, src);
            return Ok(vec![(jump(off), taken), (at + 1, fallen)]);
        }
        Op::Helper(_) => call(state, None)?,
        Op::Function(_) => call(state, callee(function, at))?,
        Op::Exit => {
            state.get(Reg::R0)?;
            return match state.held {
                Held::No => Ok(Vec::new()),
                _ => Err("ends with the scratch frame held".to_owned()),
            };
        }
    }
    Ok(vec![(at + 1, state.clone())])
}

fn callee(function: &Function, at: usize) -> Option<&'static str> {
    let hole = function.relocs.iter().find(|r| r.at as usize == at)?;
    match hole.target {
        Target::Runtime(name) => Some(name),
        Target::Map(_) | Target::Callback(_) => None,
    }
}

fn arithmetic(state: &mut State, op: Alu, dst: Reg, src: Src) -> Result<(), String> {
    let value = match (op, src) {
        (Alu::Mov, src) => state.source(src)?,
        (Alu::Neg, _) => {
            state.get(dst)?;
            Value::Any
        }
        (op, src) => {
            state.source(src)?;
            match (op, state.get(dst)?, src) {
                (Alu::Add, Value::Stack(at), Src::Imm(by)) => Value::Stack(at + by),
                _ => Value::Any,
            }
        }
    };
    state.put(dst, value)
}

/// The test of `rt_frame_get`'s answer decides whether a frame is held.
fn branch(state: &State, cond: Cond, value: Value, src: Src) -> (State, State) {
    let (mut taken, mut fallen) = (state.clone(), state.clone());
    if value == Value::FrameOrNull && src == Src::Imm(0) {
        let (null, frame) = match cond {
            Cond::Eq => (&mut taken, &mut fallen),
            _ => (&mut fallen, &mut taken),
        };
        for (state, held) in [(null, Held::No), (frame, Held::Yes)] {
            state.held = held;
            let values = state.regs.iter_mut().chain(&mut state.stack);
            values
                .filter(|v| **v == Value::FrameOrNull)
                .for_each(|v| *v = Value::Any);
        }
    }
    (taken, fallen)
}

fn call(state: &mut State, runtime: Option<&'static str>) -> Result<(), String> {
    match (runtime, state.held) {
        (Some("rt_frame_get"), Held::No) => state.held = Held::Asked,
        (Some("rt_frame_put"), Held::Yes) => state.held = Held::No,
        (Some("rt_frame_get" | "rt_frame_put"), held) => {
            return Err(format!(
                "{} with the frame held: {held:?}",
                runtime.unwrap_or("")
            ));
        }
        _ => {}
    }
    // What a callee gets an address of, it may write: everything above it that nobody else has written.
    for r in 1..=5 {
        if let Value::Stack(from) = state.regs[r] {
            let words = (-from).max(0) as usize / 8;
            let unset = state.stack.iter_mut().take(words);
            unset
                .filter(|v| **v == Value::Unset)
                .for_each(|v| *v = Value::Any);
        }
        state.regs[r] = Value::Unset;
    }
    state.regs[0] = match runtime {
        Some("rt_frame_get") => Value::FrameOrNull,
        _ => Value::Any,
    };
    Ok(())
}
