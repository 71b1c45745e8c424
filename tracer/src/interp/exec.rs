//! Statements: what each does, in order, until the clause ends.
//!
//! In: a clause, an event, the machine. Out: an [`Outcome`]. Never runs a clause whose predicate is false.

use super::eval::{Firing, fit, zero};
use super::{Effect, Event, Machine, Outcome};
use crate::agg::Operand;
use crate::ir::{Clause, EmitArg, EmitId, Expr, LOOP_TESTS, MapId, SiteId, Stmt, StmtKind, VarId};
use crate::types::Value;

/// What runs after a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// The next one.
    Next,
    /// What follows the innermost loop.
    Break,
    /// The end of the innermost loop's iteration.
    Continue,
    /// Nothing more of the clause.
    End,
}

pub(super) fn fire(machine: &mut Machine<'_>, clause: &Clause, event: &dyn Event) -> Outcome {
    resume(machine, clause, [], event)
}

pub(super) fn resume(
    machine: &mut Machine<'_>,
    clause: &Clause,
    given: impl IntoIterator<Item = (VarId, Value)>,
    event: &dyn Event,
) -> Outcome {
    let mut vars: Vec<Value> = clause.vars.iter().map(|v| zero(&v.ty)).collect();
    for (var, value) in given {
        vars[var.0 as usize] = value;
    }
    let mut firing = Firing {
        machine,
        event,
        vars,
        loop_tests: 0,
    };
    let mut outcome = Outcome {
        ran: clause.predicate.as_ref().is_none_or(|p| firing.is_true(p)),
        ..Outcome::default()
    };
    if outcome.ran {
        firing.run(&clause.body, clause, &mut outcome.effects);
        outcome.printed = std::mem::take(&mut firing.machine.printed);
    }
    outcome
}

impl Firing<'_, '_, '_> {
    fn run(&mut self, stmts: &[Stmt], clause: &Clause, effects: &mut Vec<Effect>) -> Flow {
        for stmt in stmts {
            let flow = self.step(stmt, clause, effects);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    /// Tests, runs, tests again, until the condition does not hold, the body leaves or all tests of the firing are used up.
    fn repeat(
        &mut self,
        (cond, site): (&Expr, SiteId),
        (body, next): (&[Stmt], &[Stmt]),
        clause: &Clause,
        effects: &mut Vec<Effect>,
    ) -> Flow {
        loop {
            if self.loop_tests == LOOP_TESTS {
                self.machine.count(site);
                return Flow::End;
            }
            self.loop_tests += 1;
            if !self.is_true(cond) {
                return Flow::Next;
            }
            match self.run(body, clause, effects) {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Flow::Next,
                Flow::End => return Flow::End,
            }
            if self.run(next, clause, effects) == Flow::End {
                return Flow::End;
            }
        }
    }

    /// In the order of the keys. Each iteration has all tests of conditions for itself.
    fn for_each(
        &mut self,
        map: MapId,
        var: VarId,
        body: &[Stmt],
        clause: &Clause,
        effects: &mut Vec<Effect>,
    ) -> Flow {
        let keys: Vec<Vec<Value>> = self.machine.map(map).cells().keys().cloned().collect();
        let tests = self.loop_tests;
        let mut flow = Flow::Next;
        for key in keys {
            let Some(cell) = self.machine.map(map).cells().get(&key) else {
                continue;
            };
            self.vars[var.0 as usize] = Value::Tuple(vec![whole_key(key), cell.value()]);
            self.loop_tests = 0;
            match self.run(body, clause, effects) {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                Flow::End => {
                    flow = Flow::End;
                    break;
                }
            }
        }
        self.loop_tests = tests;
        flow
    }

    /// One statement. (The flat list of what they mean.)
    fn step(&mut self, stmt: &Stmt, clause: &Clause, effects: &mut Vec<Effect>) -> Flow {
        match &stmt.kind {
            StmtKind::SetVar(var, value) => {
                let value = self.eval(value);
                let at = var.0 as usize;
                self.vars[at] = fit(value, &clause.vars[at].ty);
            }
            StmtKind::SetMap { map, key, value } => {
                let key = self.eval_all(key);
                let value = self.eval(value);
                let done = self.machine.maps[map.0 as usize].set(key, value);
                self.machine.drop_if(done.is_err());
            }
            StmtKind::Aggregate { map, key, value } => {
                let key = self.eval_all(key);
                let operand = self.operand(value.as_ref());
                let times = self.machine.times;
                let done = self.machine.maps[map.0 as usize].aggregate(key, operand, times);
                self.machine.drop_if(done.is_err());
            }
            StmtKind::Delete { map, key } => {
                let key = self.eval_all(key);
                self.machine.maps[map.0 as usize].delete(&key);
            }
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => {
                let taken = if self.is_true(cond) { then } else { otherwise };
                return self.run(taken, clause, effects);
            }
            StmtKind::Loop {
                cond,
                body,
                next,
                site,
            } => return self.repeat((cond, *site), (body, next), clause, effects),
            StmtKind::ForEach { map, var, body } => {
                return self.for_each(*map, *var, body, clause, effects);
            }
            StmtKind::Break => return Flow::Break,
            StmtKind::Continue => return Flow::Continue,
            StmtKind::Emit { id, args } => {
                let args = self.emit_args(*id, args);
                effects.push(Effect::Emit { id: *id, args });
                self.machine.keep_printed(*id);
            }
            StmtKind::Clear(map) => {
                self.machine.maps[map.0 as usize].clear();
                effects.push(Effect::Clear(*map));
            }
            StmtKind::Zero(map) => {
                self.machine.maps[map.0 as usize].zero();
                effects.push(Effect::Zero(*map));
            }
            StmtKind::Exit(code) => {
                let code = self.word(code) as i64;
                effects.push(Effect::Exit(code));
                return Flow::End;
            }
            StmtKind::Signal(number) => {
                let number = self.word(number) as i64;
                effects.push(Effect::Signal(number));
            }
            StmtKind::Override(result) => {
                let result = self.word(result);
                effects.push(Effect::Override(result));
            }
            StmtKind::Return => return Flow::End,
            StmtKind::Expr(e) => {
                self.eval(e);
            }
            StmtKind::Count(site) => self.machine.count(*site),
        }
        Flow::Next
    }

    /// What an aggregation takes; a pair is a value and its moment.
    fn operand(&mut self, value: Option<&Expr>) -> Operand {
        let words: Vec<u64> = match value.map(|value| self.eval(value)) {
            Some(Value::Tuple(pair)) => pair.iter().map(Value::bits).collect(),
            Some(one) => vec![one.bits()],
            None => Vec::new(),
        };
        let word = |at: usize| words.get(at).copied().unwrap_or(0);
        Operand {
            x: word(0),
            time_ns: word(1),
        }
    }

    fn emit_args(&mut self, id: EmitId, args: &[EmitArg]) -> Vec<Value> {
        let program = self.machine.program;
        let types = &program.emits[id.0 as usize].args;
        args.iter()
            .zip(types)
            .map(|(arg, ty)| {
                if arg.present.as_ref().is_some_and(|p| !self.is_true(p)) {
                    return Value::Absent;
                }
                fit(self.eval(&arg.value), ty)
            })
            .collect()
    }
}

/// A key of one component is that component.
fn whole_key(mut parts: Vec<Value>) -> Value {
    match parts.len() {
        1 => parts.remove(0),
        _ => Value::Tuple(parts),
    }
}
