//! Firings that are alike, done as one.
//!
//! In: a clause. Out: whether firing it so many times on events that give the same answers does so many times the same, and nothing
//! that another firing could see before the maps are read. Never looks at an event: which ones are alike is the caller's to know.

use crate::ir::{Clause, Expr, ExprKind, MapId, Program, Stmt, StmtKind};

/// Whether the clause does nothing but add to maps, and what it adds depends on its event alone. Then its firings on events that
/// answer alike may be done together, at the first of them ([`Machine::fire_times`](super::Machine::fire_times)): keys come
/// into maps in the same order, and sums do not know theirs.
pub fn adds_up(program: &Program, clause: &Clause) -> bool {
    clause.predicate.iter().all(is_of_event) && of_block(program, &clause.body)
}

fn of_block(program: &Program, stmts: &[Stmt]) -> bool {
    stmts.iter().all(|stmt| of_stmt(program, stmt))
}

fn of_stmt(program: &Program, stmt: &Stmt) -> bool {
    let stays = |map: &MapId| stays(program, *map);
    match &stmt.kind {
        StmtKind::Aggregate { map, .. } => stays(map) && stmt.exprs().into_iter().all(is_of_event),
        StmtKind::Expr(step) if matches!(step.kind, ExprKind::StepMap { .. }) => {
            let ExprKind::StepMap { map, key, .. } = &step.kind else {
                return false;
            };
            stays(map) && key.iter().all(is_of_event)
        }
        StmtKind::SetVar(..)
        | StmtKind::If { .. }
        | StmtKind::Loop { .. }
        | StmtKind::Break
        | StmtKind::Continue
        | StmtKind::Return
        | StmtKind::Expr(_)
        | StmtKind::Count(_) => {
            stmt.exprs().into_iter().all(is_of_event)
                && stmt.blocks().iter().all(|block| of_block(program, block))
        }
        StmtKind::SetMap { .. }
        | StmtKind::Delete { .. }
        | StmtKind::ForEach { .. }
        | StmtKind::Emit { .. }
        | StmtKind::Clear(_)
        | StmtKind::Zero(_)
        | StmtKind::Exit(_)
        | StmtKind::Signal(_)
        | StmtKind::Override(_) => false,
    }
}

/// A key that is there stays: the map does not forget the one that was written longest ago.
fn stays(program: &Program, map: MapId) -> bool {
    let room = program.maps[map.0 as usize].room;
    room.is_none_or(|room| !room.recent)
}

/// Neither reads a map nor changes one.
fn is_of_event(e: &Expr) -> bool {
    !e.any(&|e| {
        matches!(
            e.kind,
            ExprKind::MapGet { .. }
                | ExprKind::AggGet { .. }
                | ExprKind::HasKey { .. }
                | ExprKind::Find { .. }
                | ExprKind::StepMap { .. }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::{Machine, Recorded};
    use crate::ir::{Builtin, ClauseId, Room, arbitrary};
    use crate::types::Space;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// What of a block adds up.
    fn pruned(program: &Program, stmts: &[Stmt]) -> Vec<Stmt> {
        let pruned_in = |stmt: &Stmt| match &stmt.kind {
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => Stmt {
                kind: StmtKind::If {
                    cond: cond.clone(),
                    then: pruned(program, then),
                    otherwise: pruned(program, otherwise),
                },
                span: stmt.span,
            },
            _ => stmt.clone(),
        };
        let stmts = stmts.iter().map(pruned_in);
        stmts.filter(|stmt| of_stmt(program, stmt)).collect()
    }

    /// A program that adds up.
    fn program(tape: &[u32], entries: u32) -> Program {
        let mut program = arbitrary::program(tape, "sched_switch");
        let mut clause = program.clauses[0].clone();
        clause.predicate = clause.predicate.filter(is_of_event);
        clause.body = pruned(&program, &clause.body);
        program.clauses = vec![clause];
        for map in &mut program.maps {
            map.room = Some(Room {
                entries,
                recent: false,
            });
        }
        program
    }

    fn event(words: &[u64]) -> Recorded {
        let args = words.iter().zip(0..);
        let event = args.fold(Recorded::default(), |event, (word, n)| {
            event.with(Builtin::Arg(n), *word)
        });
        let bytes = [b'a'; 64];
        event
            .with(Builtin::Arg(arbitrary::BUFFER_ARG), 0x10_0000)
            .with(Builtin::Arg(arbitrary::FAULT_ARG), 8)
            .with_memory(Space::User, 0x10_0000, &bytes)
    }

    proptest! {
        // A failing case is small and printed; it is kept as a test of its own, not as a file of seeds.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Firings in any order, and those of each event together where its first one stood: the same maps and errors, also when
        /// there is no room for all keys.
        #[test]
        fn alike_firings_may_be_done_together(
            tape in vec(any::<u32>(), 0..400),
            events in vec(vec(any::<u64>().prop_map(arbitrary::word), 4), 1..5),
            order in vec(0usize..4, 1..20),
            entries in 1u32..4,
        ) {
            let program = program(&tape, entries);
            prop_assert!(adds_up(&program, &program.clauses[0]));
            let order: Vec<usize> = order.into_iter().map(|at| at % events.len()).collect();
            let events: Vec<Recorded> = events.iter().map(|words| event(words)).collect();
            let (mut single, mut together) = (Machine::new(&program), Machine::new(&program));
            for &at in &order {
                single.fire(ClauseId(0), &events[at]);
            }
            let mut firsts: Vec<usize> = Vec::new();
            order.iter().for_each(|at| if !firsts.contains(at) { firsts.push(*at) });
            for at in firsts {
                let times = order.iter().filter(|&&other| other == at).count() as u64;
                together.fire_times(ClauseId(0), &events[at], times);
            }
            for map in 0..program.maps.len() {
                let map = MapId(map as u32);
                prop_assert_eq!(single.map(map), together.map(map));
            }
            prop_assert_eq!(&single.sites, &together.sites);
            prop_assert_eq!(single.map_full(), together.map_full());
        }
    }
}
