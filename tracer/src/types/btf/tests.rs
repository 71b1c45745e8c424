//! Tests of the BTF reader: handmade types, mutilated bytes, and this machine's kernel where it has BTF.

use super::*;
use crate::types::{Pointee, Space, Type};

/// A few types as the kernel has them, and a prototype that uses most of C's declarators.
fn sample() -> Builder {
    let mut b = Builder::new();
    let int = b.int("int", 4, true);
    let u64_ = b.int("long unsigned int", 8, false);
    let char_ = b.char("char");
    let bool_ = b.bool("_Bool");
    let comm = b.array(char_, 16);
    let pid_t = b.typedef("pid_t", int);
    let const_char = b.constant(char_);
    let text = b.pointer(const_char);
    let inner_union = b.union("", 8, &[("deep", u64_, 0, 0), ("text", text, 0, 0)]);
    let inner = b.structure("", 16, &[("before", int, 0, 0), ("", inner_union, 64, 0)]);
    // Points to itself: its own id is the next one but one.
    let own_pointer = b.pointer(TypeId(inner.0 + 2));
    let task = b.structure(
        "task",
        72,
        &[
            ("parent", own_pointer, 0, 0),
            ("pid", pid_t, 64, 0),
            ("flag_a", int, 96, 1),
            ("flag_b", int, 97, 3),
            ("comm", comm, 128, 0),
            ("", inner, 256, 0),
            ("on", bool_, 384, 0),
        ],
    );
    let handler = b.proto(int, &[("task", own_pointer), ("", text)]);
    let handler_pointer = b.pointer(handler);
    let rows = b.array(comm, 4);
    let rows_pointer = b.pointer(rows);
    let const_pointer = b.constant(handler_pointer);
    let void_pointer = b.pointer(TypeId::VOID);
    let proto = b.proto(
        void_pointer,
        &[
            ("handler", handler_pointer),
            ("rows", rows_pointer),
            ("fixed", const_pointer),
            ("task", own_pointer),
            ("", TypeId::VOID),
        ],
    );
    b.func("do_it", proto);
    b.enumeration("color", &[("RED", -1), ("GREEN", 5)]);
    b.enumeration64("big", &[("HUGE", 1 << 40), ("MINUS", -2)]);
    b.typedef("task", task);
    b
}

fn parsed() -> Btf {
    sample().build().expect("the sample is well formed")
}

#[test]
fn names_are_found_in_their_own_space() {
    let btf = parsed();
    let task = btf.struct_named("task").unwrap();
    assert_eq!(btf.kind(task), Kind::Struct);
    let alias = btf.plain_named("task").unwrap();
    assert_eq!(btf.kind(alias), Kind::Typedef(task));
    assert_eq!(btf.strip(alias), task);
    assert_eq!(btf.struct_named("tas"), None);
    assert_eq!(btf.struct_named("tasks"), None);
    assert_eq!(btf.struct_named(""), None);
    assert_eq!(btf.union_named("task"), None);
    assert!(btf.enum_named("color").is_some());
}

#[test]
fn the_index_answers_as_the_scan_does() {
    let btf = parsed();
    let names = ["task", "pid_t", "int", "do_it", "big", "nothing"];
    let ask = |name| {
        [
            btf.struct_named(name),
            btf.plain_named(name),
            btf.find(Namespace::Func, name),
            btf.enum_named(name),
        ]
    };
    let scanned: Vec<_> = {
        // The limit is passed within these; each answer is compared with one from the index below.
        names.iter().map(|n| ask(n)).collect()
    };
    assert!(btf.index.get().is_some());
    let indexed: Vec<_> = names.iter().map(|n| ask(n)).collect();
    assert_eq!(scanned, indexed);
    assert!(indexed[0][0].is_some() && indexed[3][2].is_some());
    assert_eq!(indexed[5], [None; 4]);
}

#[test]
fn members_are_found_through_anonymous_ones() {
    let btf = parsed();
    let task = btf.plain_named("task").unwrap();
    let at = |name| {
        let m = btf.find_member(task, name).unwrap();
        (m.bit_offset, m.bitfield, btf.c_type(m.ty))
    };
    assert_eq!(at("pid"), (64, 0, "pid_t".to_string()));
    assert_eq!(at("flag_b"), (97, 3, "int".to_string()));
    assert_eq!(at("before"), (256, 0, "int".to_string()));
    assert_eq!(at("text"), (320, 0, "const char *".to_string()));
    assert_eq!(btf.find_member(task, "missing"), None);
    assert_eq!(btf.find_member(task, ""), None);
    assert_eq!(
        btf.member_names(task),
        [
            "parent", "pid", "flag_a", "flag_b", "comm", "before", "deep", "text", "on"
        ]
    );
}

#[test]
fn old_bitfields_are_integers_of_fewer_bits() {
    let mut b = Builder::new();
    let int = b.int("unsigned int", 4, false);
    b.structure("s", 4, &[("x", int, 5, 0)]);
    let mut bytes = b.bytes();
    // The integer's encoding: 3 bits from bit 2; then the struct's flag is taken away.
    bytes[24 + 12..24 + 16].copy_from_slice(&((2_u32 << 16) | 3).to_ne_bytes());
    let info = 24 + 16 + 4;
    let word = u32::from_ne_bytes(bytes[info..info + 4].try_into().unwrap());
    bytes[info..info + 4].copy_from_slice(&(word & !(1 << 31)).to_ne_bytes());
    let btf = Btf::parse(bytes).unwrap();
    let x = btf
        .find_member(btf.struct_named("s").unwrap(), "x")
        .unwrap();
    assert_eq!((x.bit_offset, x.bitfield), (7, 3));
}

#[test]
fn sizes_go_through_typedefs_and_arrays() {
    let btf = parsed();
    let task = btf.struct_named("task").unwrap();
    let size = |name| btf.size_of(btf.find_member(task, name).unwrap().ty);
    assert_eq!(btf.size_of(task), Some(72));
    assert_eq!(size("pid"), Some(4));
    assert_eq!(size("comm"), Some(16));
    assert_eq!(size("parent"), Some(8));
    assert_eq!(btf.size_of(TypeId::VOID), None);
    assert_eq!(btf.size_of(TypeId(u32::MAX)), None);
}

#[test]
fn enumerators_are_sign_extended() {
    let btf = parsed();
    let got: Vec<_> = btf.enumerators(btf.enum_named("color").unwrap()).collect();
    assert_eq!(got, [("RED", -1), ("GREEN", 5)]);
    assert_eq!(btf.enumerator("HUGE"), Some(1 << 40));
    assert_eq!(btf.enumerator("MINUS"), Some(-2));
    assert_eq!(btf.enumerator("BLUE"), None);
}

#[test]
fn prototypes_and_declarations_read_as_c() {
    let btf = parsed();
    let proto = btf.func_named("do_it").unwrap();
    assert!(proto.variadic);
    let params: Vec<String> = proto
        .params
        .iter()
        .map(|p| btf.declare(p.ty, p.name))
        .collect();
    assert_eq!(
        params,
        [
            "int (*handler)(struct task *, const char *)",
            "char (*rows)[4][16]",
            "int (*const fixed)(struct task *, const char *)",
            "struct task *task",
        ]
    );
    assert_eq!(btf.c_type(proto.ret), "void *");
    let func = btf.find(Namespace::Func, "do_it").unwrap();
    let Kind::Func(of) = btf.kind(func) else {
        panic!("do_it is a function")
    };
    assert_eq!(
        btf.declare(of, "do_it"),
        "void *do_it(int (*)(struct task *, const char *), char (*)[4][16], \
         int (*const)(struct task *, const char *), struct task *, ...)"
    );
}

#[test]
fn language_types_are_what_a_script_sees() {
    let btf = parsed();
    let task = btf.struct_named("task").unwrap();
    let of = |name| btf.to_type(btf.find_member(task, name).unwrap().ty, Space::Kernel);
    let pointer = |to| {
        Some(Type::Ptr {
            to,
            space: Space::Kernel,
        })
    };
    let char_ = Type::Int {
        bits: 8,
        signed: true,
    };
    assert_eq!(of("pid"), Some(Type::I32));
    assert_eq!(of("deep"), Some(Type::U64));
    assert_eq!(of("on"), Some(Type::Bool));
    assert_eq!(
        of("comm"),
        Some(Type::Array {
            elem: Box::new(char_.clone()),
            len: 16
        })
    );
    assert_eq!(of("text"), pointer(Pointee::Type(Box::new(char_))));
    assert_eq!(
        of("parent"),
        pointer(Pointee::Type(Box::new(Type::Record(task))))
    );
    let proto = btf.func_named("do_it").unwrap();
    assert_eq!(
        btf.to_type(proto.ret, Space::Kernel),
        pointer(Pointee::Unknown)
    );
    assert!(btf.is_char(TypeId(3)) && !btf.is_char(TypeId(4)));
}

#[test]
fn the_first_wrong_thing_is_named() {
    let good = sample().bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        Btf::parse(bad).unwrap_err()
    };
    assert_eq!(with(0, b"\x7fE"), BtfError::Magic(0x457f));
    assert_eq!(with(0, &0x9feb_u16.to_ne_bytes()), BtfError::ByteOrder);
    assert_eq!(with(2, &[2]), BtfError::Version(2));
    assert_eq!(
        with(12, &u32::MAX.to_ne_bytes()),
        BtfError::Section("types")
    );
    assert_eq!(
        with(20, &u32::MAX.to_ne_bytes()),
        BtfError::Section("strings")
    );
    assert_eq!(with(good.len() - 1, b"x"), BtfError::Strings);
    assert_eq!(
        with(24, &u32::MAX.to_ne_bytes()),
        BtfError::Name {
            id: 1,
            offset: u32::MAX
        }
    );
    assert_eq!(with(31, &[31]), BtfError::Kind { id: 1, kind: 31 });
    assert_eq!(Btf::parse(Vec::new()).unwrap_err(), BtfError::Magic(0));
}

#[test]
fn references_must_exist_and_chains_must_end() {
    let mut b = Builder::new();
    b.pointer(TypeId(7));
    assert_eq!(b.build().unwrap_err(), BtfError::Reference { id: 1, to: 7 });

    let mut b = Builder::new();
    b.typedef("a", TypeId(2));
    b.constant(TypeId(1));
    assert_eq!(b.build().unwrap_err(), BtfError::Endless(1));

    let mut b = Builder::new();
    b.array(TypeId(1), 2);
    assert_eq!(b.build().unwrap_err(), BtfError::Endless(1));
}

#[test]
fn structs_that_hold_themselves_end_the_search() {
    let mut b = Builder::new();
    b.structure("s", 8, &[("", TypeId(1), 0, 0), ("", TypeId(1), 0, 0)]);
    // A pointer to itself, and a prototype that takes many of itself.
    b.pointer(TypeId(2));
    b.proto(TypeId(4), &[("a", TypeId(4)); 50]);
    b.pointer(TypeId(3));
    let btf = b.build().unwrap();
    assert_eq!(btf.find_member(TypeId(1), "x"), None);
    assert!(btf.c_type(TypeId(2)).starts_with("..."));
    assert!(btf.c_type(TypeId(3)).contains("..."));
    assert!(btf.to_type(TypeId(2), Space::Kernel).is_some());
}

/// Asks everything about every type.
fn exercise(btf: &Btf) {
    for id in btf.ids() {
        btf.kind(id);
        btf.size_of(id);
        btf.c_type(id);
        btf.to_type(id, Space::Kernel);
        btf.proto(id);
        btf.member_names(id);
        btf.find_member(id, "deep");
        btf.enumerators(id).count();
        let name = btf.name(id);
        btf.plain_named(name);
    }
}

#[test]
fn every_cut_is_an_error() {
    let good = sample().bytes();
    for len in 0..good.len() {
        assert!(Btf::parse(good[..len].to_vec()).is_err(), "cut at {len}");
    }
}

#[test]
fn changed_bytes_are_an_error_or_are_answered() {
    let good = sample().bytes();
    exercise(&Btf::parse(good.clone()).unwrap());
    let mut refused = 0;
    for at in 0..good.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            match Btf::parse(bad) {
                Ok(btf) => exercise(&btf),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > good.len() / 4);
}

/// The running kernel's BTF, when it has one.
fn vmlinux() -> Option<Btf> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").ok()?;
    Some(Btf::parse(bytes).expect("the running kernel's BTF is well formed"))
}

#[test]
fn the_running_kernel_is_read() {
    let Some(btf) = vmlinux() else { return };
    assert!(btf.len() > 10_000);
    let task = btf.struct_named("task_struct").unwrap();
    let comm = btf.find_member(task, "comm").unwrap();
    assert_eq!(btf.declare(comm.ty, "comm"), "char comm[16]");
    let parent = btf.find_member(task, "real_parent").unwrap();
    assert_eq!(btf.c_type(parent.ty), "struct task_struct *");
    assert_eq!(
        btf.to_type(parent.ty, Space::Kernel),
        Some(Type::Ptr {
            to: Pointee::Type(Box::new(Type::Record(task))),
            space: Space::Kernel
        })
    );
    let proto = btf.func_named("vfs_read").unwrap();
    let names: Vec<&str> = proto.params.iter().map(|p| p.name).collect();
    assert_eq!(names, ["file", "buf", "count", "pos"]);
    assert_eq!(btf.size_of(btf.plain_named("pid_t").unwrap()), Some(4));
}

#[test]
fn all_types_of_the_running_kernel_are_answered() {
    let Some(btf) = vmlinux() else { return };
    exercise(&btf);
}
