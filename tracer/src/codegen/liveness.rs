//! Liveness: where each virtual register holds a value that is still needed.
//!
//! In: a [`Lir`]. Out: [`Ranges`]: for each register the program points where it is live, as sorted ranges
//! with holes. Never assigns anything.
//!
//! Points: instruction `i` of the layout reads its operands at point `2 * i` and writes its result at
//! `2 * i + 1`. A block's end counts as an instruction.

use super::lir::{BlockId, Lir, VReg};

/// Points `[from, to)`.
pub type Range = (u32, u32);

/// Where registers are live, and where calls are.
#[derive(Debug)]
pub struct Ranges {
    /// By register: sorted, disjoint, not adjacent.
    pub live: Vec<Vec<Range>>,
    /// By register: how often it is read or written, cold code aside.
    pub weight: Vec<u32>,
    /// Point of each instruction that loses r0 to r5, ascending: values live across it live at this point and the next.
    pub calls: Vec<u32>,
}

/// A set of registers.
#[derive(Clone, PartialEq)]
struct Set(Vec<u64>);

impl Set {
    fn new(len: usize) -> Set {
        Set(vec![0; len.div_ceil(64)])
    }

    fn insert(&mut self, v: VReg) {
        self.0[v.0 as usize / 64] |= 1 << (v.0 % 64);
    }

    fn remove(&mut self, v: VReg) {
        self.0[v.0 as usize / 64] &= !(1 << (v.0 % 64));
    }

    fn add_all(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    fn iter(&self) -> impl Iterator<Item = VReg> + '_ {
        let bits = |(i, word): (usize, &u64)| {
            let word = *word;
            (0..64)
                .filter(move |b| word >> b & 1 != 0)
                .map(move |b| VReg(i as u32 * 64 + b))
        };
        self.0.iter().enumerate().flat_map(bits)
    }
}

/// Computes the ranges for the layout order.
pub fn ranges(lir: &Lir, layout: &[BlockId]) -> Ranges {
    let live_in = live_in(lir, layout);
    let mut out = Ranges {
        live: vec![Vec::new(); lir.vregs.len()],
        weight: vec![0; lir.vregs.len()],
        calls: Vec::new(),
    };
    let mut first = 0;
    for &id in layout {
        block_ranges(lir, id, first, &live_in, &mut out);
        first += lir.block(id).insts.len() as u32 + 1;
    }
    out.live.iter_mut().for_each(normalize);
    out.calls.sort_unstable();
    out
}

/// Registers live at the start of each block (by block id): a fixed point, backwards.
fn live_in(lir: &Lir, layout: &[BlockId]) -> Vec<Set> {
    let mut sets = vec![Set::new(lir.vregs.len()); lir.blocks.len()];
    loop {
        let mut changed = false;
        for &id in layout.iter().rev() {
            let mut live = live_out(lir, id, &sets);
            let block = lir.block(id);
            block.term.uses(&mut |v| live.insert(v));
            for (inst, _) in block.insts.iter().rev() {
                if let Some(d) = inst.def() {
                    live.remove(d);
                }
                inst.uses(&mut |v| live.insert(v));
            }
            if live != sets[id.0 as usize] {
                sets[id.0 as usize] = live;
                changed = true;
            }
        }
        if !changed {
            return sets;
        }
    }
}

fn live_out(lir: &Lir, id: BlockId, live_in: &[Set]) -> Set {
    let mut live = Set::new(lir.vregs.len());
    for to in lir.block(id).term.targets() {
        live.add_all(&live_in[to.0 as usize]);
    }
    live
}

fn block_ranges(lir: &Lir, id: BlockId, first: u32, live_in: &[Set], out: &mut Ranges) {
    let block = lir.block(id);
    let weight = if block.cold { 0 } else { 1 };
    let start = first * 2;
    let end = (first + block.insts.len() as u32) * 2;
    // For each live register the point up to which it is needed.
    let mut until = vec![None; lir.vregs.len()];
    for v in live_out(lir, id, live_in).iter() {
        until[v.0 as usize] = Some(end + 2);
    }
    let read = |v: VReg, at: u32, until: &mut Vec<Option<u32>>, out: &mut Ranges| {
        out.weight[v.0 as usize] += weight;
        until[v.0 as usize].get_or_insert(at + 1);
    };
    block.term.uses(&mut |v| read(v, end, &mut until, out));
    for (index, (inst, _)) in block.insts.iter().enumerate().rev() {
        let at = start + index as u32 * 2;
        if let Some(d) = inst.def() {
            // A result that nobody reads still takes its register for a moment.
            let to = until[d.0 as usize].take().unwrap_or(at + 2);
            out.live[d.0 as usize].push((at + 1, to));
            out.weight[d.0 as usize] += weight;
        }
        if inst.clobbers() {
            out.calls.push(at);
        }
        inst.uses(&mut |v| read(v, at, &mut until, out));
    }
    for (v, to) in until.iter().enumerate() {
        if let Some(to) = to {
            out.live[v].push((start, *to));
        }
    }
}

/// Sorts and joins ranges that touch.
fn normalize(ranges: &mut Vec<Range>) {
    ranges.sort_unstable();
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for &(from, to) in ranges.iter() {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    *ranges = out;
}

/// Whether a few ranges share a point with any of a long sorted list of disjoint ones.
pub fn overlap(taken: &[Range], live: &[Range]) -> bool {
    live.iter().any(|&(from, to)| {
        let first = taken.partition_point(|t| t.1 <= from);
        taken.get(first).is_some_and(|t| t.0 < to)
    })
}

/// Whether a register is live across a call: before it is made and after it returned. Calls are sorted.
pub fn crosses(live: &[Range], calls: &[u32]) -> bool {
    live.iter().any(|&(from, to)| {
        let first = calls.partition_point(|&at| at < from);
        calls.get(first).is_some_and(|&at| at + 1 < to)
    })
}

#[cfg(test)]
mod tests {
    use super::super::lir::{Base, Block, Class, Inst, Opnd, Place, Term, VRegInfo};
    use super::*;
    use crate::bpf::{Alu, Cond, Size};

    fn block(insts: Vec<Inst>, term: Term) -> Block {
        Block {
            insts: insts.into_iter().map(|i| (i, 0)).collect(),
            term,
            cold: false,
        }
    }

    /// b0: v0 = 1; v1 = 2; if v0 == 0 goto b1 else b2. b1: v1 = v0 + 1; goto b2. b2: store v1.
    fn diamond() -> Lir {
        let (v0, v1) = (VReg(0), VReg(1));
        let branch = Term::Branch {
            cond: Cond::Eq,
            a: v0,
            b: Opnd::Imm(0),
            then: BlockId(1),
            otherwise: BlockId(2),
        };
        let at = Place {
            base: Base::Stack,
            off: -8,
        };
        Lir {
            name: "t".into(),
            blocks: vec![
                block(vec![Inst::Const(v0, 1), Inst::Const(v1, 2)], branch),
                block(
                    vec![Inst::Alu(Alu::Add, v1, v0, Opnd::Imm(1))],
                    Term::Jump(BlockId(2)),
                ),
                block(vec![Inst::Store(Size::DW, at, Opnd::Reg(v1))], Term::Exit),
            ],
            vregs: vec![
                VRegInfo {
                    class: Class::Scalar,
                    frame: None
                };
                2
            ],
            stack_bytes: 8,
            frame_bytes: 0,
            stack_limit: 256,
        }
    }

    #[test]
    fn ranges_have_holes_where_a_value_is_dead() {
        let lir = diamond();
        let got = ranges(&lir, &lir.layout());
        // Points: b0 is 0..6, b1 is 6..10, b2 is 10..14.
        assert_eq!(got.live[0], [(1, 7)], "read last by the addition in b1");
        // v1 is dead on the way into b1, where it is written anew; b0's end needs it for b2.
        assert_eq!(got.live[1], [(3, 6), (7, 11)]);
        assert_eq!(got.weight, [3, 3]);
    }

    #[test]
    fn crossing_means_live_before_and_after() {
        assert!(crosses(&[(1, 12)], &[4]));
        assert!(!crosses(&[(1, 5)], &[4]), "only an argument");
        assert!(!crosses(&[(5, 9)], &[4]), "only the result");
        assert!(!crosses(&[(0, 4), (8, 9)], &[4]));
    }

    #[test]
    fn touching_ranges_do_not_overlap() {
        assert!(!overlap(&[(0, 4), (9, 10)], &[(4, 9)]));
        assert!(overlap(&[(0, 4), (9, 10)], &[(4, 10)]));
    }
}
