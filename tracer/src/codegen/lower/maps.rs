//! The script's maps: keys, reading, writing, stepping, deleting, clearing.
//!
//! In: map and key expressions. Out: helper calls. A missing key reads as 0 or empty; an update that does
//! not fit is counted.

use tracer_ebpf::{Generation, extreme, loss, map};

use super::Lower;
use super::builder::{arg, imm, runtime};
use super::program::state_field;
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, BlockId, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::{EmitKind, Expr, MapId, MapValue};
use crate::plan::SessionMap;
use crate::types::AggKind;

impl<'a> Lower<'a> {
    /// How a map is kept.
    pub fn session_map(&self, map: MapId) -> &'a SessionMap {
        let found = self.plan.session_maps.iter().find(|m| m.map == map);
        found.unwrap_or_else(|| unreachable!("map {} is not in the plan", map.0))
    }

    /// The key in memory: the components in order, or an array's index 0.
    pub fn key(&mut self, map: MapId, key: &[Expr]) -> Place {
        let size = self.session_map(map).key_size;
        if size == 0 {
            let place = self.temporary(8);
            self.b.store_word(place, 0);
            return place;
        }
        let place = self.temporary(size);
        let mut at = place;
        for part in key {
            self.store_into(part, at);
            at = at.plus(part.ty.size());
        }
        place
    }

    /// The kernel's map. One that is cleared has generations: `missing` when the current one is not there.
    pub fn kernel_map(&mut self, map: MapId, missing: BlockId) -> Arg {
        let kept = self.session_map(map);
        if !kept.cleared {
            return Arg::Map(kept.spec.clone());
        }
        let args = vec![Arg::Map(kept.spec.clone()), imm(map.0)];
        let inner = self.b.call_pointer(runtime("rt_inner"), args);
        self.b.branch_away(Cond::Eq, inner, Opnd::Imm(0), missing);
        arg(inner)
    }

    /// A pointer to the key's value; goes to `missing` when there is none.
    pub fn lookup(&mut self, map: Arg, key: Place, missing: BlockId) -> VReg {
        let helper = Callee::Helper(helpers::MAP_LOOKUP_ELEM);
        let value = self.b.call_pointer(helper, vec![map, Arg::Addr(key)]);
        self.b.branch_away(Cond::Eq, value, Opnd::Imm(0), missing);
        value
    }

    /// Entry `index` of one of the runtime's arrays, or null.
    pub fn array_entry(&mut self, name: &str, index: u32) -> VReg {
        let key = self.memory.take_stack(8);
        self.b.store_word(key, u64::from(index));
        let helper = Callee::Helper(helpers::MAP_LOOKUP_ELEM);
        let args = vec![Arg::Map(name.to_owned()), Arg::Addr(key)];
        self.b.call_pointer(helper, args)
    }

    /// A scalar value.
    pub fn map_get(&mut self, map: MapId, key: &[Expr]) -> Opnd {
        let key = self.key(map, key);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        let value = self.lookup(kernel_map, key, next);
        self.b
            .push(Inst::Load(Size::DW, out, state_field(value, 0)));
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }

    /// An aggregation's value, merged by the runtime from all CPUs; 0 when the key is missing.
    pub fn agg_get(&mut self, map: MapId, key: &[Expr]) -> Opnd {
        let key = self.key(map, key);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        let value = self.merged(map, kernel_map, key);
        self.b.push(Inst::Copy(out, value));
        self.b.jump(next);
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    /// What all CPUs hold of a key.
    pub fn merged(&mut self, map: MapId, kernel_map: Arg, key: Place) -> Opnd {
        let MapValue::Agg(kind) = self.ir.maps[map.0 as usize].value else {
            unreachable!("map {} holds no aggregation", map.0);
        };
        let mut ask = |name, how| {
            let cpus = imm(self.plan.possible_cpus);
            let args = vec![kernel_map.clone(), Arg::Addr(key), cpus, imm(how)];
            Opnd::Reg(self.b.call_number(runtime(name), args))
        };
        let how = |signed, least| match (signed, least) {
            (true, true) => extreme::SIGNED | extreme::LEAST,
            (true, false) => extreme::SIGNED,
            (false, true) => extreme::LEAST,
            (false, false) => 0,
        } as u32;
        match kind {
            AggKind::Count | AggKind::Sum { .. } => ask("rt_total", 0),
            AggKind::Min { signed } => ask("rt_extreme", how(signed, true)),
            AggKind::Max { signed } => ask("rt_extreme", how(signed, false)),
            AggKind::Avg { signed } | AggKind::Stats { signed } => {
                let count = ask("rt_total", 0);
                let sum = ask("rt_total", 1);
                self.divide(Alu::Div, sum, count, signed, None)
            }
            AggKind::Stddev { .. } | AggKind::Hist(_) | AggKind::Series(_) => {
                unreachable!("{kind:?} has no single value")
            }
        }
    }

    /// Whether there is an entry, for any CPU.
    pub fn has_key(&mut self, map: MapId, key: &[Expr]) -> Opnd {
        let key = self.key(map, key);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        self.lookup(kernel_map, key, next);
        self.b.push(Inst::Copy(out, Opnd::Imm(1)));
        self.b.jump(next);
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    /// A value of any size; empty when missing.
    pub fn map_get_into(&mut self, map: MapId, key: &[Expr], to: Place) {
        let size = self.session_map(map).value_size;
        let key = self.key(map, key);
        let (missing, next) = (self.b.block(), self.b.block());
        let kernel_map = self.kernel_map(map, missing);
        let value = self.lookup(kernel_map, key, missing);
        self.copy(to, state_field(value, 0), size);
        self.b.jump(next);
        self.b.switch(missing);
        self.zero(to, size);
        self.b.jump(next);
        self.b.switch(next);
    }

    /// `@x[k] = v`.
    pub fn set_map(&mut self, map: MapId, key: &[Expr], value: &Expr) {
        let key = self.key(map, key);
        let value = self.fresh(value);
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        let failed = self.update(kernel_map, key, value, helpers::BPF_ANY);
        self.b.rarely(Cond::Ne, failed, Opnd::Imm(0), |b| {
            Self::count_loss(b, loss::MAP_FULL);
        });
        self.b.jump(next);
        self.b.switch(next);
    }

    fn update(&mut self, map: Arg, key: Place, value: Place, flags: i32) -> VReg {
        let helper = Callee::Helper(helpers::MAP_UPDATE_ELEM);
        let flags = Arg::Value(Opnd::Imm(flags));
        let args = vec![map, Arg::Addr(key), Arg::Addr(value), flags];
        self.b.call_number(helper, args)
    }

    /// `@x[k] += delta`, exact whoever else does the same: an entry is made with 0 when there is none, and all add
    /// to it atomically. A step that is dropped yields what reading the key yields: 0.
    pub fn step_map(&mut self, map: MapId, key: &[Expr], delta: i64, postfix: bool) -> Opnd {
        let key = self.key(map, key);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let full = self.b.cold_block();
        let kernel_map = self.kernel_map(map, next);
        let value = self.find_or_make(kernel_map, key, full);
        let delta = self.b.num(delta as u64);
        let at = state_field(value, 0);
        self.b.push(Inst::FetchAdd(Some(out), at, delta));
        if !postfix {
            self.b.push(Inst::Alu(Alu::Add, out, out, delta));
        }
        self.b.jump(next);
        self.b.switch(full);
        Self::count_loss(&mut self.b, loss::MAP_FULL);
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }

    /// The value of a plain 8-byte map, made with 0 when missing; `full` when it cannot be.
    fn find_or_make(&mut self, map: Arg, key: Place, full: BlockId) -> VReg {
        let value = self.b.vreg(Class::Pointer);
        let lookup = |map: Arg| Inst::Call {
            callee: Callee::Helper(helpers::MAP_LOOKUP_ELEM),
            args: vec![map, Arg::Addr(key)],
            dst: Some(value),
        };
        let (make, found) = (self.b.block(), self.b.block());
        self.b.push(lookup(map.clone()));
        self.b.branch(Cond::Eq, value, Opnd::Imm(0), make, found);
        self.b.switch(make);
        let mark = self.memory.mark();
        let zero = self.memory.take_stack(8);
        self.b.store_word(zero, 0);
        // Another CPU may make it at the same time: that one is as good.
        self.update(map.clone(), key, zero, helpers::BPF_NOEXIST);
        self.memory.reset(mark);
        self.b.push(lookup(map));
        self.b.branch(Cond::Eq, value, Opnd::Imm(0), full, found);
        self.b.switch(found);
        value
    }

    /// `delete(@x[k])`. An array's only entry cannot be deleted: it is cleared.
    pub fn delete(&mut self, map: MapId, key: &[Expr]) {
        let kept = self.session_map(map);
        let key = self.key(map, key);
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        if kept.key_size == 0 {
            let value = self.lookup(kernel_map, key, next);
            self.zero(state_field(value, 0), kept.value_size);
        } else {
            let helper = Callee::Helper(helpers::MAP_DELETE_ELEM);
            self.b.call(helper, vec![kernel_map, Arg::Addr(key)]);
        }
        self.b.jump(next);
        self.b.switch(next);
    }

    /// `clear(@x)`, `zero(@x)`: the switch, then the record that says which generation ended. Without a spare map there
    /// is no switch, and nothing to tell but the loss that the runtime counted.
    pub fn clear(&mut self, map: MapId, is_meant: &dyn Fn(&EmitKind) -> bool) {
        let next = self.b.block();
        let switched = self.b.call_number(runtime("rt_clear"), vec![imm(map.0)]);
        self.b.branch_away(Cond::Eq, switched, Opnd::Imm(0), next);
        if let Some(id) = self.find_emit(is_meant) {
            self.emit(id, &[]);
        }
        self.b.jump(next);
        self.b.switch(next);
    }

    /// The map's generation word; 0 for one that is never cleared.
    pub fn generation(&mut self, map: MapId) -> Opnd {
        if !self.session_map(map).cleared {
            return Opnd::Imm(0);
        }
        let mark = self.memory.mark();
        let entry = self.array_entry(map::GENERATION, map.0);
        self.memory.reset(mark);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        self.b.branch_away(Cond::Eq, entry, Opnd::Imm(0), next);
        let offset = std::mem::offset_of!(Generation, current);
        self.b
            .push(Inst::Load(Size::DW, out, state_field(entry, offset)));
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }
}
