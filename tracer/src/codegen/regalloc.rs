//! Register allocation: a machine register, a stack slot or a place in the scratch frame for each virtual register.
//!
//! In: a [`Lir`]. Out: [`Allocation`]. A virtual register lives in one location for its whole life, and two
//! may share one when their live ranges never meet. Those that are used most for their length choose
//! first; what finds no register is spilled. Never rewrites instructions: `emit` does that.
//!
//! r0 and r1 are never given away: `emit` needs them to bring spilled operands in and results out. r2 to r5
//! are lost by calls, r6 to r9 are kept.

use super::Error;
use super::frame::STACK_LIMIT;
use super::lir::{BlockId, Class, Lir, VReg};
use super::liveness::{self, Range, Ranges};

/// Where a virtual register lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Loc {
    /// A machine register.
    Reg(u8),
    /// 8 bytes of stack, from the frame pointer.
    Stack(i16),
    /// 8 bytes of the scratch frame that `base` points to.
    Frame {
        /// The frame's pointer.
        base: VReg,
        /// Bytes into it.
        off: i16,
    },
    /// Nowhere: never used.
    None,
}

/// The result.
#[derive(Clone, PartialEq, Debug)]
pub struct Allocation {
    /// Blocks in the order they are emitted.
    pub layout: Vec<BlockId>,
    /// By virtual register.
    pub locs: Vec<Loc>,
    /// Bytes of stack, spills included.
    pub stack_bytes: u32,
    /// Bytes of scratch frame, spills included.
    pub frame_bytes: u32,
}

/// What there is to give away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resources {
    /// Registers that calls lose.
    pub caller_saved: &'static [u8],
    /// Registers that calls keep.
    pub callee_saved: &'static [u8],
    /// Bytes of stack, those of places included.
    pub stack_bytes: u32,
    /// Words that a jump may go.
    pub reach: usize,
    /// Instructions of a program that is not divided.
    pub whole: usize,
    /// Weight of a piece of one that is.
    pub piece: usize,
    /// A mistake to make.
    #[cfg(any(test, feature = "fuzz"))]
    pub planted: Option<super::planted::Bug>,
}

impl Resources {
    /// Everything that a generated program may use. Tests give less, to make spilling common.
    pub const ALL: Resources = Resources {
        caller_saved: &[2, 3, 4, 5],
        callee_saved: &[6, 7, 8, 9],
        stack_bytes: STACK_LIMIT,
        reach: super::islands::REACH,
        whole: 6000,
        piece: 2000,
        #[cfg(any(test, feature = "fuzz"))]
        planted: None,
    };
}

/// Allocates. `Error::Stack` when spills do not fit on the stack and may not go to a scratch frame.
pub fn allocate(lir: &Lir, resources: Resources) -> Result<Allocation, Error> {
    if lir.stack_bytes > lir.stack_limit {
        return Err(Error::Stack(lir.name.clone()));
    }
    let layout = lir.layout();
    let ranges = liveness::ranges(lir, &layout);
    #[cfg(any(test, feature = "fuzz"))]
    let ranges = super::planted::in_ranges(resources.planted, ranges);
    let mut order: Vec<VReg> = (0..lir.vregs.len() as u32)
        .map(VReg)
        .filter(|v| !ranges.live[v.0 as usize].is_empty())
        .collect();
    order.sort_by_key(|&v| (std::cmp::Reverse(priority(lir, &ranges, v)), v));
    let mut state = State {
        lir,
        resources,
        ranges: &ranges,
        registers: vec![Vec::new(); 10],
        stack: Vec::new(),
        frame: Vec::new(),
        locs: vec![Loc::None; lir.vregs.len()],
    };
    let mut spilled = Vec::new();
    for v in order {
        if !state.take_register(v) {
            spilled.push(v);
        }
    }
    // Pointers first: only the stack keeps their type.
    spilled.sort_by_key(|v| lir.vregs[v.0 as usize].class != Class::Pointer);
    for v in spilled {
        state.spill(v)?;
    }
    let allocation = Allocation {
        layout,
        locs: state.locs,
        stack_bytes: lir.stack_bytes + state.stack.len() as u32 * 8,
        frame_bytes: lir.frame_bytes + state.frame.len() as u32 * 8,
    };
    #[cfg(any(test, feature = "fuzz"))]
    let allocation = super::planted::in_allocation(resources.planted, allocation);
    Ok(allocation)
}

/// Uses for each point of life, in thousandths; what must have a register comes before all others.
fn priority(lir: &Lir, ranges: &Ranges, v: VReg) -> u32 {
    if lir.vregs[v.0 as usize].class == Class::Held {
        return u32::MAX;
    }
    let length: u32 = ranges.live[v.0 as usize].iter().map(|(a, b)| b - a).sum();
    ranges.weight[v.0 as usize].saturating_mul(1000) / length.max(1)
}

struct State<'a> {
    lir: &'a Lir,
    resources: Resources,
    ranges: &'a Ranges,
    /// Ranges that are taken, by machine register.
    registers: Vec<Vec<Range>>,
    /// By stack slot.
    stack: Vec<Vec<Range>>,
    /// By frame slot, with the frame's pointer.
    frame: Vec<(VReg, Vec<Range>)>,
    locs: Vec<Loc>,
}

impl State<'_> {
    fn live(&self, v: VReg) -> &[Range] {
        &self.ranges.live[v.0 as usize]
    }

    fn take_register(&mut self, v: VReg) -> bool {
        let crosses = liveness::crosses(self.live(v), &self.ranges.calls);
        let Resources {
            caller_saved,
            callee_saved,
            ..
        } = self.resources;
        let candidates = caller_saved.iter().filter(|_| !crosses);
        let found = candidates
            .chain(callee_saved)
            .copied()
            .find(|&r| !liveness::overlap(&self.registers[r as usize], self.live(v)));
        let Some(register) = found else { return false };
        let live = &self.ranges.live[v.0 as usize];
        occupy(&mut self.registers[register as usize], live);
        self.locs[v.0 as usize] = Loc::Reg(register);
        true
    }

    fn spill(&mut self, v: VReg) -> Result<(), Error> {
        let info = self.lir.vregs[v.0 as usize];
        assert!(
            info.class != Class::Held,
            "{v} of {} must stay in a register, but none is free: lowering holds too many at once",
            self.lir.name
        );
        let live = self.ranges.live[v.0 as usize].clone();
        let free = |slot: &Vec<Range>| !liveness::overlap(slot, &live);
        let limit = self.resources.stack_bytes.min(self.lir.stack_limit);
        let left = limit.saturating_sub(self.lir.stack_bytes);
        let slots = left as usize / 8;
        if let Some(slot) = slot(&mut self.stack, slots, Vec::new, |s| free(s)) {
            occupy(&mut self.stack[slot], &live);
            let off = self.lir.stack_bytes + (slot as u32 + 1) * 8;
            self.locs[v.0 as usize] = Loc::Stack(-(off as i16));
            return Ok(());
        }
        let (Class::Scalar, Some(base)) = (info.class, info.frame) else {
            return Err(Error::Stack(self.lir.name.clone()));
        };
        let make = || (base, Vec::new());
        let slot = slot(&mut self.frame, usize::MAX, make, |(b, s)| {
            *b == base && free(s)
        })
        .expect("there is no limit");
        occupy(&mut self.frame[slot].1, &live);
        let off = self.lir.frame_bytes + slot as u32 * 8;
        let off = i16::try_from(off).map_err(|_| Error::Frame(self.lir.name.clone(), off))?;
        self.locs[v.0 as usize] = Loc::Frame { base, off };
        Ok(())
    }
}

/// The first slot that fits, or a new one while there are fewer than `limit`.
fn slot<T>(
    slots: &mut Vec<T>,
    limit: usize,
    make: impl Fn() -> T,
    fits: impl Fn(&T) -> bool,
) -> Option<usize> {
    let found = slots.iter().position(fits);
    if found.is_none() && slots.len() < limit {
        slots.push(make());
        return Some(slots.len() - 1);
    }
    found
}

/// Adds ranges that do not overlap the ones that are there; the list stays sorted.
fn occupy(taken: &mut Vec<Range>, live: &[Range]) {
    for range in live {
        let at = taken.partition_point(|t| t < range);
        taken.insert(at, *range);
    }
}
