//! Generations of cleared maps: which inner map a print means, and which ones can be emptied and offered again.
//!
//! In: the generation words that records of `print`, `clear` and `zero` carry, in the stream's order. Out: slots to read and
//! to recycle. Never touches a map.
//!
//! The kernel writes the slot `current % GENERATIONS` and may move `current` up to a limit that user space sets.
//! The newest frozen generation is kept until the next switch: a print that was stamped after a clear on another CPU
//! still finds what it means. So two spare maps are ready at any time.

use crate::ir::MapId;
use tracer_ebpf::GENERATIONS;

/// What the records told so far, per map.
pub struct Generations {
    current: Vec<u64>,
}

/// What a `clear` or `zero` record means for user space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Switch {
    /// The slot that was frozen by it.
    pub frozen: u32,
    /// Generations to empty, oldest first: from (inclusive), to (exclusive). At most [`GENERATIONS`] of them.
    pub recycle: (u64, u64),
    /// The limit to set once they are empty.
    pub limit: u64,
}

/// The slot of a generation.
pub fn slot(generation: u64) -> u32 {
    (generation % u64::from(GENERATIONS)) as u32
}

impl Generations {
    /// For this many script maps, all in generation 0.
    pub fn new(maps: usize) -> Generations {
        Generations {
            current: vec![0; maps],
        }
    }

    /// The slot that a print of this generation reads; `None` when it was emptied already.
    pub fn print(&self, map: MapId, generation: u64) -> Option<u32> {
        let oldest = self.current[map.0 as usize].saturating_sub(1);
        (generation >= oldest).then(|| slot(generation))
    }

    /// The map has moved on to `generation`. `None` when it had not (no spare map was ready).
    pub fn switch(&mut self, map: MapId, generation: u64) -> Option<Switch> {
        let known = &mut self.current[map.0 as usize];
        if generation <= *known {
            return None;
        }
        let kept = generation - 1;
        let first = known.saturating_sub(1);
        *known = generation;
        Some(Switch {
            frozen: slot(kept),
            recycle: (first, kept),
            limit: kept + u64::from(GENERATIONS) - 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: MapId = MapId(0);

    #[test]
    fn each_clear_frees_the_generation_before_the_last() {
        let mut book = Generations::new(1);
        let first = book.switch(MAP, 1).expect("a new generation");
        assert_eq!((first.frozen, first.recycle, first.limit), (0, (0, 0), 3));
        let second = book.switch(MAP, 2).expect("a new generation");
        assert_eq!(
            (second.frozen, second.recycle, second.limit),
            (1, (0, 1), 4)
        );
        let fifth = book.switch(MAP, 5).expect("a new generation");
        assert_eq!((fifth.frozen, fifth.recycle, fifth.limit), (0, (1, 4), 7));
    }

    #[test]
    fn a_clear_that_found_no_spare_changes_nothing() {
        let mut book = Generations::new(1);
        assert!(book.switch(MAP, 0).is_none());
        book.switch(MAP, 1).expect("a new generation");
        assert!(book.switch(MAP, 1).is_none());
    }

    #[test]
    fn a_print_finds_the_newest_frozen_generation_and_none_older() {
        let mut book = Generations::new(1);
        book.switch(MAP, 6);
        assert_eq!(book.print(MAP, 6), Some(2));
        assert_eq!(book.print(MAP, 5), Some(1));
        assert_eq!(book.print(MAP, 4), None);
    }

    #[test]
    fn what_the_limit_allows_never_meets_a_slot_in_use() {
        let mut book = Generations::new(1);
        for generation in 1..50 {
            let switch = book.switch(MAP, generation).expect("a new generation");
            let offered: Vec<u32> = (generation + 1..=switch.limit).map(slot).collect();
            assert!(!offered.contains(&slot(generation)));
            assert!(!offered.contains(&switch.frozen));
        }
    }
}
