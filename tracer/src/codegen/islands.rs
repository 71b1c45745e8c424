//! Jumps that reach farther than an instruction can say: 16 bits of words, on kernels before 6.6.
//!
//! In: instructions, their jumps, and where blocks begin. Out: the same with islands between blocks: rows of jumps, each of
//! which leads on to a place that others jump to, if need be through the next island. A long jump becomes hops. Never
//! changes what is executed but for that.

use std::collections::{BTreeMap, HashMap};

use crate::bpf::Op;

/// Words that a jump can go.
pub const REACH: usize = 32_767;

/// Instructions with every jump filled in.
pub struct Laid {
    /// Islands included.
    pub ops: Vec<Op>,
    /// Where each instruction went.
    pub moved: Vec<usize>,
}

/// Where a jump goes first.
#[derive(Clone, Copy)]
enum Hop {
    Target,
    Island(usize),
}

/// A row of jumps in front of an instruction.
struct Island {
    /// That instruction.
    at: usize,
    /// By target: where the jump leads on.
    jumps: BTreeMap<usize, Hop>,
}

/// Fills the jumps in (`(from, to)`, both instructions), which reach `reach` words. `blocks` are the instructions, ascending, in
/// front of which islands may stand. `None` when some block is longer than a jump.
pub fn lay_out(
    ops: &[Op],
    jumps: &[(usize, usize)],
    blocks: &[usize],
    reach: usize,
) -> Option<Laid> {
    // Islands make ways longer: hops are planned shorter than they may be, and shorter still when that was not enough.
    let slack = [0, reach / 8, reach / 4, reach / 2];
    slack
        .into_iter()
        .find_map(|slack| Plan::new(jumps, blocks, reach - slack)?.build(ops, jumps, reach))
}

struct Plan {
    islands: Vec<Island>,
    /// By jumping instruction.
    first: HashMap<usize, Hop>,
    near: usize,
}

impl Plan {
    fn new(jumps: &[(usize, usize)], blocks: &[usize], near: usize) -> Option<Plan> {
        let mut plan = Plan {
            islands: Vec::new(),
            first: HashMap::new(),
            near,
        };
        let is_far = |&(from, to): &(usize, usize)| from.abs_diff(to) >= near;
        if jumps.iter().any(is_far) {
            plan.islands = islands(blocks, near / 2);
        }
        for &(from, to) in jumps {
            let mut hop = plan.hop(from, to)?;
            plan.first.insert(from, hop);
            while let Hop::Island(island) = hop {
                if plan.islands[island].jumps.contains_key(&to) {
                    break;
                }
                hop = plan.hop(plan.islands[island].at, to)?;
                plan.islands[island].jumps.insert(to, hop);
            }
        }
        Some(plan)
    }

    /// The target, or the island in reach that is nearest to it.
    fn hop(&self, from: usize, to: usize) -> Option<Hop> {
        let distance = from.abs_diff(to);
        if distance < self.near {
            return Some(Hop::Target);
        }
        let in_reach = |island: &&(usize, &Island)| from.abs_diff(island.1.at) < self.near;
        let islands = self.islands.iter().enumerate();
        let best = islands
            .filter(|island| in_reach(&island))
            .min_by_key(|(_, island)| island.at.abs_diff(to))?;
        (best.1.at.abs_diff(to) < distance).then_some(Hop::Island(best.0))
    }

    fn build(&self, ops: &[Op], jumps: &[(usize, usize)], reach: usize) -> Option<Laid> {
        let mut laid = Laid {
            ops: Vec::with_capacity(ops.len()),
            moved: Vec::with_capacity(ops.len()),
        };
        // By island and target: the island's jump.
        let mut rows: HashMap<(usize, usize), usize> = HashMap::new();
        let used = self.islands.iter().enumerate();
        let mut used = used.filter(|(_, i)| !i.jumps.is_empty()).peekable();
        for (at, op) in ops.iter().enumerate() {
            if let Some((number, island)) = used.next_if(|(_, island)| island.at == at) {
                // Whoever comes here from above goes on behind the row. The kernel refuses a jump that nobody reaches.
                if !matches!(laid.ops.last(), Some(Op::Jump(_) | Op::Exit)) {
                    laid.ops
                        .push(Op::Jump(i16::try_from(island.jumps.len()).ok()?));
                }
                for to in island.jumps.keys() {
                    rows.insert((number, *to), laid.ops.len());
                    laid.ops.push(Op::Jump(0));
                }
            }
            laid.moved.push(laid.ops.len());
            laid.ops.push(*op);
        }
        for (from, to) in jumps {
            let hop = self.first[from];
            laid.fill(laid.moved[*from], hop, *to, &rows, reach)?;
        }
        for (&(island, to), &at) in &rows {
            let hop = self.islands[island].jumps[&to];
            laid.fill(at, hop, to, &rows, reach)?;
        }
        Some(laid)
    }
}

/// In front of blocks, so that no two that follow each other are farther apart than need be.
fn islands(blocks: &[usize], spacing: usize) -> Vec<Island> {
    let mut out: Vec<Island> = Vec::new();
    for &at in blocks {
        let last = out.last().map_or(0, |island| island.at);
        if at - last >= spacing.max(1) {
            out.push(Island {
                at,
                jumps: BTreeMap::new(),
            });
        }
    }
    out
}

impl Laid {
    fn fill(
        &mut self,
        at: usize,
        hop: Hop,
        to: usize,
        rows: &HashMap<(usize, usize), usize>,
        reach: usize,
    ) -> Option<()> {
        let to = match hop {
            Hop::Target => self.moved[to],
            Hop::Island(island) => rows[&(island, to)],
        };
        let distance = to as i64 - at as i64 - 1;
        if distance.unsigned_abs() > reach as u64 {
            return None;
        }
        match &mut self.ops[at] {
            Op::Jump(off) | Op::Branch(_, _, _, off) => *off = i16::try_from(distance).ok()?,
            op => unreachable!("{op:?} was recorded as a jump"),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where control gets from an instruction, over any number of jumps.
    fn end(ops: &[Op], mut at: usize) -> usize {
        while let Op::Jump(off) = ops[at] {
            at = (at as i64 + 1 + i64::from(off)) as usize;
        }
        at
    }

    /// Blocks of four instructions, the last of which jumps; every jump arrives, whatever the reach.
    #[test]
    fn every_jump_arrives() {
        let count = 400;
        let mut ops = vec![Op::Exit; count];
        let jumps: Vec<(usize, usize)> = (0..count / 4)
            .map(|n| (n * 4 + 3, (n % 5) * count / 5))
            .collect();
        for (from, _) in &jumps {
            ops[*from] = Op::Jump(0);
        }
        let blocks: Vec<usize> = (0..count).step_by(4).collect();
        for reach in [80, 150, 300, 1000] {
            let laid = lay_out(&ops, &jumps, &blocks, reach).expect("it reaches");
            assert_eq!(laid.ops.len() == count, reach == 1000, "islands at {reach}");
            for (from, to) in &jumps {
                assert_eq!(end(&laid.ops, laid.moved[*from]), laid.moved[*to]);
            }
            for op in &laid.ops {
                assert!(!matches!(op, Op::Jump(off) if usize::from(off.unsigned_abs()) > reach));
            }
        }
    }

    #[test]
    fn a_block_longer_than_a_jump_cannot_be_jumped_over() {
        let mut ops = vec![Op::Exit; 100];
        ops[0] = Op::Jump(0);
        assert!(lay_out(&ops, &[(0, 99)], &[0, 99], 50).is_none());
    }
}
