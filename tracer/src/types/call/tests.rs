//! Call records by hand: what the view answers.

use super::*;

const BUF: u64 = 0x7000;

fn builder() -> CallBuilder {
    CallBuilder::new(Abi::Native, 1, [3, BUF, 8, 0, 0, 0]).ret(8)
}

#[test]
fn a_record_is_read_as_it_was_built() {
    let bytes = CallBuilder::new(Abi::I386, 5, [1, 2, 3, 4, 5, 6])
        .ret(-2)
        .kind(CallKind::NoEntry)
        .times(0, 77)
        .comm(b"a name that is too long")
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    assert_eq!((call.abi, call.nr, call.ret), (Abi::I386, 5, -2));
    assert_eq!(call.args, [1, 2, 3, 4, 5, 6]);
    assert_eq!(call.kind, CallKind::NoEntry);
    assert_eq!(call.comm(), b"a name that is ");
    assert_eq!(call.duration_ns(), None);
    assert_eq!(call.parts().count(), 0);
}

#[test]
fn memory_is_found_at_its_time() {
    let bytes = builder()
        .part(PartKind::EntryMemory, BUF, b"before!!")
        .part(PartKind::ExitMemory, BUF, b"behind!!")
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    let read = |addr, len, when| {
        let memory = call.memory(addr, len, when);
        (memory.bytes, memory.state)
    };
    assert_eq!(read(BUF, 8, When::Exit), (&b"behind!!"[..], ArgState::Ok));
    assert_eq!(read(BUF, 8, When::Entry), (&b"before!!"[..], ArgState::Ok));
    assert_eq!(read(BUF + 2, 3, When::Entry), (&b"for"[..], ArgState::Ok));
    assert_eq!(
        read(BUF + 6, 8, When::Entry),
        (&b"!!"[..], ArgState::Truncated)
    );
    assert_eq!(read(BUF + 8, 1, When::Entry).1, ArgState::NotRead);
    assert_eq!(read(BUF - 1, 1, When::Entry).1, ArgState::NotRead);
    assert_eq!(read(0, 1, When::Entry).1, ArgState::Null);
}

#[test]
fn late_memory_stands_for_that_of_the_entry() {
    let bytes = builder()
        .part_as(PartKind::ExitMemory, ArgState::Late, BUF, 4, b"late")
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    let memory = call.memory(BUF, 4, When::Entry);
    assert_eq!((memory.bytes, memory.state), (&b"late"[..], ArgState::Late));
    assert_eq!(call.state(1), ArgState::Late);
    assert_eq!(call.state(0), ArgState::NotRead);
}

#[test]
fn what_faulted_is_told_from_what_nobody_read() {
    let bytes = builder()
        .part_as(PartKind::EntryMemory, ArgState::Fault, BUF, 4096, b"")
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    assert_eq!(call.memory(BUF, 4, When::Entry).state, ArgState::Fault);
    assert_eq!(call.memory(BUF + 99, 4, When::Entry).state, ArgState::Fault);
    assert_eq!(call.memory(BUF, 4, When::Exit).state, ArgState::NotRead);
}

#[test]
fn strings_end_at_their_nul() {
    let bytes = builder()
        .part(PartKind::EntryString, BUF, b"/etc\0")
        .part(PartKind::EntryString, BUF + 100, b"no end")
        .part(PartKind::EntryMemory, BUF + 200, b"in\0here\0")
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    let read = |addr| {
        let memory = call.string(addr, When::Entry);
        (memory.bytes, memory.state)
    };
    assert_eq!(read(BUF + 1), (&b"etc"[..], ArgState::Ok));
    assert_eq!(read(BUF + 100), (&b"no end"[..], ArgState::Truncated));
    assert_eq!(read(BUF + 203), (&b"here"[..], ArgState::Ok));
    assert_eq!(read(0).1, ArgState::Null);
    assert_eq!(read(1).1, ArgState::NotRead);
}

#[test]
fn descriptors_keep_all_they_know() {
    let descriptor = Descriptor {
        kind: DescriptorKind::Socket,
        deleted: true,
        cut: false,
        family: 2,
        sock_type: 1,
        protocol: 6,
        ino: 12,
        peer: 13,
        rdev: 14,
        mode: 15,
        local: &[2; 28],
        remote: &[],
        text: b"text",
    };
    let bytes = builder()
        .part(
            PartKind::ExitDescriptor,
            -100i32 as u32 as u64,
            &descriptor.bytes(),
        )
        .bytes();
    let call = Call::read(&bytes).expect("a record");
    assert_eq!(call.descriptor(-100, When::Exit), Some(descriptor));
    assert_eq!(call.descriptor(-100, When::Entry), None);
}

#[test]
fn no_cut_or_wrong_record_panics() {
    let whole = builder()
        .part(PartKind::EntryMemory, BUF, b"12345")
        .part(PartKind::EntryString, u64::MAX, b"x\0")
        .bytes();
    for len in 0..whole.len() {
        let Some(call) = Call::read(&whole[..len]) else {
            assert!(len < RECORD_SIZE);
            continue;
        };
        call.memory(BUF, usize::MAX, When::Entry);
        call.string(u64::MAX, When::Entry);
        assert!(call.parts().count() <= 2);
    }
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] = 0xff;
        if let Some(call) = Call::read(&wrong) {
            call.memory(BUF, 100, When::Exit);
            call.descriptor(3, When::Entry);
        }
    }
}
