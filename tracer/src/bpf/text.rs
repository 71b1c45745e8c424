//! Generated instructions as text, for `--dump=bpf` and for goldens.
//!
//! In: a [`Function`]. Out: one line an instruction: index, operation in the kernel's verifier notation,
//! and what a hole refers to. Never decides anything.

use std::fmt::Write;

use super::{Alu, Atomic, Cond, Function, Op, Reg, Size, Src, Target, helpers};

/// The whole function.
pub fn write(function: &Function) -> String {
    let mut out = format!("{} ({}):\n", function.name, function.section);
    let mut lines = function.lines.iter().peekable();
    for (index, insn) in function.insns.iter().enumerate() {
        while let Some((at, source)) = lines.next_if(|(at, _)| *at as usize <= index) {
            if *at as usize == index {
                line(&mut out, format_args!("      ; source byte {source}"));
            }
        }
        let text = match Op::decode(*insn) {
            Some(Op::High(_)) => continue,
            Some(op @ Op::Imm64(..)) => imm64(op, function.insns.get(index + 1)),
            Some(op) => one(op, index, target(function, index)),
            None => format!("?? {:#04x}", insn.code),
        };
        line(&mut out, format_args!("{index:5} {text}"));
    }
    out.extend(function.callbacks.iter().map(write));
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String cannot fail");
}

fn target(function: &Function, index: usize) -> Option<&Target> {
    let found = function.relocs.iter().find(|r| r.at as usize == index)?;
    Some(&found.target)
}

fn imm64(op: Op, high: Option<&super::Insn>) -> String {
    let (Op::Imm64(dst, low), Some(high)) = (op, high) else {
        return "?? half of a 64-bit constant".to_owned();
    };
    let value = u64::from(low as u32) | u64::from(high.imm as u32) << 32;
    format!("{} = {value:#x} ll", reg(dst))
}

fn one(op: Op, index: usize, target: Option<&Target>) -> String {
    let goto = |off: i16| index as i64 + 1 + i64::from(off);
    match op {
        Op::Alu64(op, dst, src) => alu("r", op, dst, src),
        Op::Alu32(op, dst, src) => alu("w", op, dst, src),
        Op::Swap(dst) => format!("{0} = be64 {0}", reg(dst)),
        Op::Load(size, dst, base, off) => format!("{} = {}", reg(dst), at(size, base, off)),
        Op::Store(size, base, off, value) => {
            format!("{} = {}", at(size, base, off), src("r", value))
        }
        Op::Atomic(Atomic::Add, base, off, value) => {
            format!("lock {} += {}", at(Size::DW, base, off), reg(value))
        }
        Op::Atomic(Atomic::FetchAdd, base, off, value) => format!(
            "{} = fetch_add({}, {0})",
            reg(value),
            at(Size::DW, base, off)
        ),
        Op::Atomic(Atomic::CompareExchange, base, off, value) => {
            format!(
                "r0 = cmpxchg({}, r0, {})",
                at(Size::DW, base, off),
                reg(value)
            )
        }
        Op::Map(dst, fd) => match target {
            Some(Target::Map(name)) => format!("{} = map {name}", reg(dst)),
            _ => format!("{} = map fd {fd}", reg(dst)),
        },
        Op::FunctionAddress(dst, to) => match target {
            Some(Target::Callback(name)) => format!("{} = function {name}", reg(dst)),
            _ => format!("{} = function pc{to:+}", reg(dst)),
        },
        Op::Imm64(..) | Op::High(_) => String::new(),
        Op::Jump(off) => format!("goto {}", goto(off)),
        Op::Branch(cond, dst, value, off) => format!(
            "if {} {} {} goto {}",
            reg(dst),
            condition(cond),
            src("r", value),
            goto(off)
        ),
        Op::Helper(id) => match helpers::name(id) {
            Some(name) => format!("call {name}"),
            None => format!("call helper {id}"),
        },
        Op::Function(to) => match target {
            Some(Target::Runtime(name)) => format!("call {name}"),
            _ => format!("call pc{to:+}"),
        },
        Op::Exit => "exit".to_owned(),
    }
}

fn alu(prefix: &str, op: Alu, dst: Reg, value: Src) -> String {
    let sign = match op {
        Alu::Add => "+=",
        Alu::Sub => "-=",
        Alu::Mul => "*=",
        Alu::Div => "/=",
        Alu::Or => "|=",
        Alu::And => "&=",
        Alu::Lsh => "<<=",
        Alu::Rsh => ">>=",
        Alu::Mod => "%=",
        Alu::Xor => "^=",
        Alu::Mov => "=",
        Alu::Arsh => "s>>=",
        Alu::Neg => return format!("{prefix}{0} = -{prefix}{0}", dst.0),
    };
    format!("{prefix}{} {sign} {}", dst.0, src(prefix, value))
}

fn condition(cond: Cond) -> &'static str {
    match cond {
        Cond::Eq => "==",
        Cond::Ne => "!=",
        Cond::Set => "&",
        Cond::Gt => ">",
        Cond::Ge => ">=",
        Cond::Lt => "<",
        Cond::Le => "<=",
        Cond::Sgt => "s>",
        Cond::Sge => "s>=",
        Cond::Slt => "s<",
        Cond::Sle => "s<=",
    }
}

fn reg(reg: Reg) -> String {
    format!("r{}", reg.0)
}

fn src(prefix: &str, value: Src) -> String {
    match value {
        Src::Reg(reg) => format!("{prefix}{}", reg.0),
        Src::Imm(imm) => imm.to_string(),
    }
}

fn at(size: Size, base: Reg, off: i16) -> String {
    format!("*(u{} *)(r{} {off:+})", size.bytes() * 8, base.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::Reloc;

    #[test]
    fn a_function_reads_like_the_verifiers_log() {
        let ops = [
            Op::Map(Reg(1), 0),
            Op::High(0),
            Op::Imm64(Reg(2), -1),
            Op::High(1),
            Op::Branch(Cond::Sgt, Reg(2), Src::Imm(3), 1),
            Op::Function(-1),
            Op::Store(Size::W, Reg::FP, -8, Src::Imm(5)),
            Op::Exit,
        ];
        let function = Function {
            name: "f".into(),
            section: "raw_tp/f".into(),
            insns: ops.map(Op::encode).to_vec(),
            relocs: vec![
                Reloc {
                    at: 0,
                    target: Target::Map("M".into()),
                },
                Reloc {
                    at: 5,
                    target: Target::Runtime("rt_gate"),
                },
            ],
            lines: vec![(0, 7), (5, 9)],
            callbacks: Vec::new(),
        };
        let expected = "f (raw_tp/f):\n      ; source byte 7\n    0 r1 = map M\n    2 r2 = 0x1ffffffff ll\n    \
                        4 if r2 s> 3 goto 6\n      ; source byte 9\n    5 call rt_gate\n    \
                        6 *(u32 *)(r10 -8) = 5\n    7 exit\n";
        assert_eq!(write(&function), expected);
    }
}
