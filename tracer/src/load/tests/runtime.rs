//! The runtime's functions one by one, called by programs that are run once with chosen arguments.

use super::*;
use crate::types::HistShape;
use std::ffi::CString;
use tracer_ebpf::{FRAMES_PER_CPU, RecordHeader, loss};

/// Bytes of a record's header: the payload begins behind it.
const HEADER: i32 = size_of::<RecordHeader>() as i32;
/// Payload bytes of the records here.
const PAYLOAD: i32 = 64;
/// The slot of the scratch frame.
const SLOT: i32 = -8;

/// A program with a frame in r6 and its arguments (context words) in reach through r7.
fn with_frame(code: &mut Code) {
    code.set(7, Src::Reg(Reg(1)));
    code.stack(1, SLOT).call("rt_frame_get").end_if_zero();
    code.set(6, Src::Reg(Reg::R0));
    // What nobody overwrites shows in the record.
    for word in (0..HEADER + PAYLOAD).step_by(8) {
        code.op(Op::Store(Size::DW, R6, word as i16, Src::Imm(-1)));
    }
}

/// `dst = r6 + at`.
fn frame(code: &mut Code, dst: u8, at: i32) {
    code.set(dst, Src::Reg(R6))
        .op(Op::Alu64(Alu::Add, Reg(dst), Src::Imm(at)));
}

/// `dst = context word n`.
fn argument(code: &mut Code, dst: u8, n: i16) {
    code.op(Op::Load(Size::DW, Reg(dst), R7, n * 8));
}

/// Puts r0 into the payload's last word, sends the record and gives the frame back.
fn send(code: &mut Code) {
    let last = (HEADER + PAYLOAD - 8) as i16;
    code.op(Op::Store(Size::DW, R6, last, Src::Reg(Reg::R0)));
    code.set(1, Src::Reg(R6))
        .set(2, Src::Imm(HEADER + PAYLOAD))
        .set(3, Src::Imm(0));
    code.call("rt_emit");
    code.op(Op::Load(Size::DW, Reg(1), Reg::FP, SLOT as i16))
        .call("rt_frame_put");
}

/// One program, run as often as asked.
struct Probe {
    loaded: Loaded,
    rings: Rings,
}

impl Probe {
    fn new(code: &mut Code) -> Probe {
        Probe::of(code.finish("probe", "raw_tp/run"))
    }

    fn of(function: Function) -> Probe {
        let plan = plan(vec![("probe", Hook::Begin)], false);
        let bytes = (HEADER + PAYLOAD) as u32;
        let mut loaded = load(&plan, vec![function], bytes, Exclusion::default());
        let rings = loaded.take_rings();
        Probe { loaded, rings }
    }

    /// What the program returned.
    fn run(&mut self, first: u64, second: u64) -> u32 {
        let mut args = [0; 12];
        (args[0], args[1]) = (first, second);
        control::run(&mut self.loaded.ebpf, "probe", args).expect("runs")
    }

    /// The payload of the record that the program sent, without the last word, and that word.
    fn record(&mut self, first: u64, second: u64) -> (Vec<u8>, i64) {
        self.run(first, second);
        let records: Vec<Vec<u8>> = self
            .rings
            .iter_mut()
            .filter_map(|pair| pair.main.next().map(|record| record.to_vec()))
            .collect();
        assert_eq!(records.len(), 1);
        let payload = &records[0][HEADER as usize..];
        let (front, last) = payload.split_at(PAYLOAD as usize - 8);
        let last = i64::from_ne_bytes(last.try_into().expect("8 bytes"));
        (front.to_vec(), last)
    }
}

/// The code of a program that returns what it has in r0.
fn returning(code: &mut Code) -> Function {
    let mut function = code.finish("probe", "raw_tp/run");
    // Instead of `r0 = 0`.
    let at = function.insns.len() - 2;
    function.insns[at] = Op::Alu64(Alu::Mov, Reg::R0, Src::Reg(Reg::R0)).encode();
    function
}

fn padded(text: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(len, 0);
    bytes
}

#[test]
fn log2_buckets_are_those_of_the_reference() {
    if !privileged("log2_buckets_are_those_of_the_reference") {
        return;
    }
    let interesting = (0..64).flat_map(|bit| {
        let x = 1_u64 << bit;
        [x.wrapping_sub(1), x, x.wrapping_add(1), x.wrapping_neg()]
    });
    let values: Vec<u64> = interesting.chain([0, u64::MAX]).collect();
    let shapes = (0..=5).flat_map(|bits| [(false, bits), (true, bits)]);
    for (signed, bits) in shapes {
        let mut code = Code::default();
        code.op(Op::Load(Size::DW, Reg(1), Reg(1), 0))
            .set(2, Src::Imm(signed.into()))
            .set(3, Src::Imm(bits.into()))
            .call("rt_hist_log2");
        let mut probe = Probe::of(returning(&mut code));
        for &x in &values {
            let reference = HistShape::Log2 { signed, bits }.bucket(x as i64);
            assert_eq!(probe.run(x, 0), reference, "{x:#x} {signed}");
        }
    }
}

#[test]
fn strings_are_cut_at_their_capacity_and_padded_with_zeroes() {
    if !privileged("strings_are_cut_at_their_capacity_and_padded_with_zeroes") {
        return;
    }
    let text = CString::new("hello world").expect("no NUL");
    let address = text.as_ptr() as u64;
    for (function, address) in [("rt_str_user", address), ("rt_str_user", 1)] {
        for cap in [5_usize, 8, 16, 20] {
            let mut code = Code::default();
            with_frame(&mut code);
            frame(&mut code, 1, HEADER);
            code.set(2, Src::Imm(cap as i32));
            argument(&mut code, 3, 0);
            code.call(function);
            send(&mut code);
            let (payload, length) = Probe::new(&mut code).record(address, 0);
            let whole = cap.next_multiple_of(8);
            if address == 1 {
                assert_eq!((&payload[..whole], length), (&*padded(b"", whole), -14));
            } else {
                let kept = &text.as_bytes()[..text.as_bytes().len().min(cap - 1)];
                assert_eq!(&payload[..whole], padded(kept, whole), "{cap}");
                assert_eq!(length, kept.len() as i64 + 1);
            }
            assert!(payload[whole..].iter().all(|&byte| byte == 0xff), "{cap}");
        }
    }
}

#[test]
fn appended_strings_leave_no_stale_byte_in_their_last_word() {
    if !privileged("appended_strings_leave_no_stale_byte_in_their_last_word") {
        return;
    }
    for text in [
        "",
        "a",
        "1234567",
        "12345678",
        "123456789",
        "0123456789abcdef",
    ] {
        let text = CString::new(text).expect("no NUL");
        let mut code = Code::default();
        with_frame(&mut code);
        frame(&mut code, 1, HEADER + 24);
        code.set(2, Src::Imm(20));
        argument(&mut code, 3, 0);
        code.call("rt_str_user");
        code.set(1, Src::Reg(R6))
            .set(2, Src::Imm(HEADER))
            .set(3, Src::Imm(HEADER + 24));
        frame(&mut code, 4, HEADER + 24);
        code.set(5, Src::Imm(20)).call("rt_append");
        send(&mut code);
        let (payload, length) = Probe::new(&mut code).record(text.as_ptr() as u64, 0);
        let kept = text.as_bytes();
        assert_eq!(length, kept.len() as i64);
        let whole = kept.len().next_multiple_of(8);
        assert_eq!(&payload[..whole], padded(kept, whole));
    }
}

#[test]
fn a_string_that_would_pass_the_record_is_not_appended() {
    if !privileged("a_string_that_would_pass_the_record_is_not_appended") {
        return;
    }
    let text = CString::new("text").expect("no NUL");
    let mut code = Code::default();
    with_frame(&mut code);
    frame(&mut code, 1, HEADER + 32);
    code.set(2, Src::Imm(16));
    argument(&mut code, 3, 0);
    code.call("rt_str_user");
    code.set(1, Src::Reg(R6))
        .set(2, Src::Imm(HEADER + 16))
        .set(3, Src::Imm(HEADER + 24));
    frame(&mut code, 4, HEADER + 32);
    code.set(5, Src::Imm(16)).call("rt_append");
    send(&mut code);
    let (payload, length) = Probe::new(&mut code).record(text.as_ptr() as u64, 0);
    assert_eq!((&payload[..32], length), (&[0xff; 32][..], 0));
}

#[test]
fn strings_are_ordered_by_their_bytes() {
    if !privileged("strings_are_ordered_by_their_bytes") {
        return;
    }
    let mut code = Code::default();
    with_frame(&mut code);
    for (at, n) in [(0, 0), (24, 1)] {
        frame(&mut code, 1, at);
        code.set(2, Src::Imm(20));
        argument(&mut code, 3, n);
        code.call("rt_str_user");
    }
    code.set(1, Src::Reg(R6));
    frame(&mut code, 2, 24);
    code.set(3, Src::Imm(20)).call("rt_str_cmp");
    code.set(8, Src::Reg(Reg::R0))
        .op(Op::Load(Size::DW, Reg(1), Reg::FP, SLOT as i16))
        .call("rt_frame_put")
        .set(0, Src::Reg(Reg(8)));
    let mut probe = Probe::of(returning(&mut code));
    let texts = [
        "",
        "a",
        "ab",
        "abcdefgh",
        "abcdefghi",
        "abcdefgz",
        "b",
        "\u{ff}",
    ];
    for a in texts {
        for b in texts {
            let [x, y] = [a, b].map(|text| CString::new(text).expect("no NUL"));
            let got = probe.run(x.as_ptr() as u64, y.as_ptr() as u64) as i32;
            assert_eq!(got, a.as_bytes().cmp(b.as_bytes()) as i32, "{a:?} {b:?}");
        }
    }
}

#[test]
fn a_kernel_stack_is_addresses_and_zeroes() {
    if !privileged("a_kernel_stack_is_addresses_and_zeroes") {
        return;
    }
    let mut code = Code::default();
    with_frame(&mut code);
    code.set(1, Src::Reg(R7));
    frame(&mut code, 2, HEADER);
    code.set(3, Src::Imm(PAYLOAD - 8));
    code.set(4, Src::Imm(0)).call("rt_kstack");
    send(&mut code);
    let (payload, bytes) = Probe::new(&mut code).record(0, 0);
    assert!(bytes > 0 && bytes % 8 == 0, "{bytes}");
    let (stack, rest) = payload.split_at(bytes as usize);
    assert!(stack.chunks(8).all(|address| address[7] == 0xff));
    assert!(rest.iter().all(|&byte| byte == 0));
}

#[test]
fn frames_run_out_are_counted_and_come_back() {
    if !privileged("frames_run_out_are_counted_and_come_back") {
        return;
    }
    let mut code = Code::default();
    for i in 1..=FRAMES_PER_CPU as i32 + 1 {
        let slot = -8 * i;
        code.op(Op::Store(Size::DW, Reg::FP, slot as i16, Src::Imm(-1)));
        code.stack(1, slot).call("rt_frame_get");
    }
    code.set(9, Src::Reg(Reg::R0));
    for i in 1..=FRAMES_PER_CPU as i32 {
        code.op(Op::Load(Size::DW, Reg(1), Reg::FP, (-8 * i) as i16))
            .call("rt_frame_put");
    }
    // 1 when the last one was refused.
    code.set(0, Src::Imm(1))
        .op(Op::Branch(Cond::Eq, Reg(9), Src::Imm(0), 1))
        .set(0, Src::Imm(0));
    let mut probe = Probe::of(returning(&mut code));
    for round in 1..=3 {
        assert_eq!(probe.run(0, 0), 1);
        let stats = probe.loaded.stats().expect("reads");
        let busy: u64 = stats
            .iter()
            .map(|cpu| cpu.lost[loss::SCRATCH_BUSY as usize])
            .sum();
        assert_eq!(busy, round);
    }
}

#[test]
fn runtime_errors_are_counted_by_site() {
    if !privileged("runtime_errors_are_counted_by_site") {
        return;
    }
    let mut code = Code::default();
    for site in [0, 2, 2, 99] {
        code.set(1, Src::Imm(site)).call("rt_site");
    }
    let mut probe = Probe::new(&mut code);
    probe.run(0, 0);
    assert_eq!(probe.loaded.sites().expect("reads"), [1, 0, 2]);
}

#[test]
fn tracing_is_closed_by_a_program_that_ends_the_run() {
    if !privileged("tracing_is_closed_by_a_program_that_ends_the_run") {
        return;
    }
    let mut code = Code::default();
    code.call("rt_gate").set(8, Src::Reg(Reg::R0));
    code.call("rt_exit").set(0, Src::Reg(Reg(8)));
    let mut probe = Probe::of(returning(&mut code));
    assert_eq!(probe.run(0, 0), 0, "closed at first");
    probe.loaded.open().expect("opens");
    assert_eq!(probe.run(0, 0), 1);
    assert_eq!(probe.run(0, 0), 0, "closed by rt_exit");
}

#[test]
fn a_full_map_is_counted_and_keeps_what_it_has() {
    if !privileged("a_full_map_is_counted_and_keeps_what_it_has") {
        return;
    }
    let mut code = Code::default();
    code.set(8, Src::Reg(Reg(1)));
    zeroes(&mut code);
    code.op(Op::Load(Size::DW, Reg(1), Reg(8), 0)).op(Op::Store(
        Size::DW,
        Reg::FP,
        KEY as i16,
        Src::Reg(Reg(1)),
    ));
    code.map(1, "AT_x").stack(2, KEY).set(3, Src::Reg(R7));
    code.call("rt_slot").end_if_zero();
    code.op(Op::Store(Size::DW, Reg::R0, 0, Src::Imm(1)));
    let mut probe = Probe::new(&mut code);
    // The map holds 1000 keys. One pass may find room that is still being freed, so attempts are compared, not a bound.
    for key in 0..1500 {
        probe.run(key, 0);
    }
    let kept = probe.loaded.read_map(MapId(0), 0).expect("reads").len() as u64;
    let stats = probe.loaded.stats().expect("reads");
    let full: u64 = stats
        .iter()
        .map(|cpu| cpu.lost[loss::MAP_FULL as usize])
        .sum();
    assert_eq!((kept, kept + full), (1000, 1500));
    assert!(
        probe
            .loaded
            .delete(MapId(0), 0, &3_u64.to_ne_bytes())
            .expect("deletes")
    );
    assert!(
        !probe
            .loaded
            .delete(MapId(0), 0, &3_u64.to_ne_bytes())
            .expect("deletes")
    );
}
