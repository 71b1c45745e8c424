//! Issues calls and keeps what the process's memory was around them.
//!
//! In: calls with their objects. Out: the decoded line of each, with its variants. Never makes a call of its own between
//! the mark and the call that counts.

#![allow(
    unsafe_code,
    reason = "the calls under test are raw system calls on raw memory"
)]

use crate::compare::MARK;
use crate::said;
use std::arch::asm;
use std::process::ExitCode;
use tracer::decode::call::{Style, line};
use tracer::types::Abi;
use tracer::types::call::{ArgState, Call, CallBuilder, PartKind};

/// An argument.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// A number.
    N(u64),
    /// A descriptor: also tried with one that is not open.
    F(u64),
    /// An object's address: also tried null and where nothing is.
    P(u64),
    /// The address of a limit of time: never tried null, which would wait without end.
    T(u64),
}

pub use Arg::{F, N, P, T};

/// No memory is there.
const NOWHERE: u64 = 0x10;
/// No such descriptor is open.
const NOT_OPEN: u64 = 999;
/// Where objects lie: below 4 GiB, so that 32-bit calls reach them.
const POOL: u64 = 0x1000_0000;
const PAGE: u64 = 4096;
/// Pages of an object's slot; the last one is not mapped.
const SLOT: u64 = 5;
const SLOTS: u64 = 64;

/// An object in memory.
#[derive(Clone, Copy)]
struct Object {
    addr: u64,
    len: usize,
    /// It is a C string.
    is_text: bool,
}

/// Where calls are issued.
pub struct Bench {
    objects: Vec<Object>,
    style: Style,
    ours: Vec<u8>,
    said: String,
    issued: u64,
}

/// Issues all calls; writes our lines to a file.
pub fn issue_all(form: &str, out: &str) -> ExitCode {
    let style = Style {
        max_string: if form == "verbose" { 64 } else { 24 },
        verbose: form == "verbose",
        column: 1,
        ..Style::default()
    };
    let folder = tempfile::tempdir().expect("a folder for the files of the calls");
    std::env::set_current_dir(folder.path()).expect("its own folder");
    let mut bench = Bench::new(style);
    crate::calls::all(&mut bench);
    std::env::set_current_dir("/").expect("the root");
    let written = std::fs::write(out, &bench.ours);
    let said = std::fs::write(format!("{out}.said"), &bench.said);
    match written.and(said) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A native call; what the register holds then.
fn native(nr: i64, a: [u64; 6]) -> i64 {
    let ret: i64;
    // SAFETY: the instruction clobbers what is named; which memory the kernel touches is up to the calls' list, whose
    // pointers lead to the pool's objects or nowhere.
    unsafe {
        asm!("syscall", inlateout("rax") nr => ret, in("rdi") a[0], in("rsi") a[1], in("rdx") a[2],
             in("r10") a[3], in("r8") a[4], in("r9") a[5], out("rcx") _, out("r11") _);
    }
    ret
}

/// A call as a 32-bit program makes it.
fn compat(nr: i64, a: [u64; 6]) -> i64 {
    let ret: i64;
    // SAFETY: as for the native one. The sixth argument's register cannot be named, so it is put there by hand.
    unsafe {
        asm!("push rbp", "push rbx", "mov ebx, r12d", "mov ebp, r13d", "int 0x80", "pop rbx", "pop rbp",
             in("r12") a[0], in("r13") a[5], inlateout("rax") nr => ret, in("rcx") a[1], in("rdx") a[2],
             in("rsi") a[3], in("rdi") a[4], out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    i64::from(ret as i32)
}

fn number(abi: Abi, name: &str) -> i64 {
    let number = tracer::tables::syscalls::number(abi, name);
    i64::from(number.unwrap_or_else(|| panic!("there is a call {name}")))
}

/// Whether a call that can signal processes means this one alone.
fn is_harmless(abi: Abi, nr: i64, registers: [u64; 6]) -> bool {
    let own = u64::from(std::process::id());
    match tracer::tables::syscalls::name(abi, nr as u32) {
        Some("kill" | "tkill" | "tgkill" | "rt_sigqueueinfo" | "rt_tgsigqueueinfo") => {
            registers[0] == own
        }
        Some("reboot" | "kexec_load" | "kexec_file_load" | "settimeofday" | "sethostname") => false,
        _ => true,
    }
}

impl Bench {
    fn new(style: Style) -> Bench {
        let len = (SLOTS * SLOT * PAGE) as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fixed mapping that replaces none.
        let pool = unsafe { libc::mmap(POOL as *mut _, len, access, flags, -1, 0) };
        assert_eq!(pool as u64, POOL, "the pool's place is free");
        for slot in 0..SLOTS {
            let last = POOL + (slot * SLOT + SLOT - 1) * PAGE;
            // SAFETY: a page of the pool.
            let done = unsafe { libc::mprotect(last as *mut _, PAGE as usize, libc::PROT_NONE) };
            assert_eq!(done, 0, "the page behind an object goes away");
        }
        Bench {
            objects: Vec::new(),
            style,
            ours: Vec::new(),
            said: String::new(),
            issued: 0,
        }
    }

    /// Bytes, flush against a page that is not there.
    pub fn object(&mut self, bytes: &[u8]) -> u64 {
        let slot = self.objects.len() as u64;
        assert!(slot < SLOTS, "a slot for each object");
        let end = POOL + (slot * SLOT + SLOT - 1) * PAGE;
        let addr = end - bytes.len() as u64;
        assert!(addr >= POOL + slot * SLOT * PAGE, "the object fits");
        // SAFETY: the slot is mapped up to `end`, and nothing else is there.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), addr as *mut u8, bytes.len()) };
        self.objects.push(Object {
            addr,
            len: bytes.len(),
            is_text: false,
        });
        addr
    }

    /// A C string.
    pub fn string(&mut self, text: &str) -> u64 {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        let addr = self.object(&bytes);
        if let Some(object) = self.objects.last_mut() {
            object.is_text = true;
        }
        addr
    }

    /// Room for what a call writes.
    pub fn room(&mut self, len: usize) -> u64 {
        self.object(&vec![0; len])
    }

    /// 32-bit numbers in a row.
    pub fn words(&mut self, words: &[u32]) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.object(&bytes)
    }

    /// 64-bit numbers in a row.
    pub fn longs(&mut self, longs: &[u64]) -> u64 {
        let bytes: Vec<u8> = longs.iter().flat_map(|long| long.to_ne_bytes()).collect();
        self.object(&bytes)
    }

    /// What stands in an object now.
    pub fn read(&self, addr: u64, len: usize) -> Vec<u8> {
        // SAFETY: callers name objects of the pool.
        unsafe { std::slice::from_raw_parts(addr as *const u8, len) }.to_vec()
    }

    /// A call in its usual form, and with each descriptor and pointer spoilt. Its objects are gone then.
    pub fn call(&mut self, name: &str, args: &[Arg]) -> i64 {
        let nr = number(Abi::Native, name);
        let ret = self.issue(Abi::Native, nr, args);
        self.spoilt(Abi::Native, nr, args);
        self.objects.clear();
        ret
    }

    /// The same as a 32-bit program makes it.
    pub fn call32(&mut self, name: &str, args: &[Arg]) -> i64 {
        let nr = number(Abi::I386, name);
        let ret = self.issue(Abi::I386, nr, args);
        self.spoilt(Abi::I386, nr, args);
        self.objects.clear();
        ret
    }

    /// A call in one form only.
    pub fn once(&mut self, name: &str, args: &[Arg]) -> i64 {
        let nr = number(Abi::Native, name);
        let ret = self.issue(Abi::Native, nr, args);
        self.objects.clear();
        ret
    }

    /// The same, 32-bit.
    pub fn once32(&mut self, name: &str, args: &[Arg]) -> i64 {
        let nr = number(Abi::I386, name);
        let ret = self.issue(Abi::I386, nr, args);
        self.objects.clear();
        ret
    }

    fn spoilt(&mut self, abi: Abi, nr: i64, args: &[Arg]) {
        for at in 0..args.len() {
            let others: &[Arg] = match args[at] {
                N(_) => &[],
                F(_) => &[N(NOT_OPEN)],
                P(_) => &[N(0), N(NOWHERE)],
                T(_) => &[N(NOWHERE)],
            };
            for other in others {
                let mut args = args.to_vec();
                args[at] = *other;
                self.issue(abi, nr, &args);
            }
        }
    }

    /// Notes what was done: the call, its arguments (strings by their bytes), its result.
    fn say(&mut self, abi: Abi, nr: i64, registers: &[u64], ret: i64) {
        let name = tracer::tables::syscalls::name(abi, nr as u32).unwrap_or("?");
        let mut said = said::Said::new(name, ret);
        for &register in registers {
            let object = self.objects.iter().find(|o| o.addr == register);
            said.args.push(match object {
                Some(object) if object.is_text => {
                    let bytes = self.read(object.addr, object.len - 1);
                    said::Argument::Text(register, bytes)
                }
                Some(_) => said::Argument::Object(register),
                None => said::Argument::Number(register),
            });
        }
        self.said += &said.to_line();
    }

    fn issue(&mut self, abi: Abi, nr: i64, args: &[Arg]) -> i64 {
        let mut registers = [0; 6];
        for (register, arg) in registers.iter_mut().zip(args) {
            let (N(value) | F(value) | P(value) | T(value)) = *arg;
            *register = match abi {
                Abi::Native => value,
                Abi::I386 => value & 0xffff_ffff,
            };
        }
        let mut record = CallBuilder::new(abi, nr as u32, registers);
        for object in &self.objects {
            let before = self.read(object.addr, object.len);
            record = record.part(PartKind::EntryMemory, object.addr, &before);
        }
        record = record.part_as(PartKind::EntryMemory, ArgState::Fault, NOWHERE, 4000, &[]);
        assert!(is_harmless(abi, nr, registers), "call {nr} reaches others");
        self.issued += 1;
        native(MARK, [self.issued, 0, 0, 0, 0, 0]);
        let ret = match abi {
            Abi::Native => native(nr, registers),
            Abi::I386 => compat(nr, registers),
        };
        if !(-4095..0).contains(&ret) {
            for object in &self.objects {
                let after = self.read(object.addr, object.len);
                record = record.part(PartKind::ExitMemory, object.addr, &after);
            }
            record = record.part_as(PartKind::ExitMemory, ArgState::Fault, NOWHERE, 4000, &[]);
        }
        self.say(abi, nr, &registers[..args.len().min(6)], ret);
        let bytes = record.ret(ret).bytes();
        let call = Call::read(&bytes).expect("a record of a call");
        line(&call, &self.style, &mut self.ours);
        self.ours.push(b'\n');
        ret
    }
}
