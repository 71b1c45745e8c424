//! Whole system calls to text as strace writes it, and to JSON.
//!
//! In: a call record's view ([`Call`]) and a [`Style`]. Out: a line or a JSON object's members, appended to a buffer.
//! Never reads anything but the record and the tables: the same record gives the same text on any machine.
//!
//! A walk over the signature ([`walk`]) tells a [`sink::Sink`] what it finds; [`text`] and [`json`] are the two sinks,
//! so that neither can know more than the other.

mod abbreviate;
mod descriptor;
mod dirents;
mod escape;
mod filter;
mod ioctl;
mod json;
mod masks;
mod memory;
mod message;
mod names;
mod number;
mod outcome;
mod process;
mod result;
mod signal_code;
mod sink;
mod sockaddr;
mod text;
mod unknown;
mod value;
mod walk;

pub use signal_code::signal_code;

use crate::tables::syscalls::{self, ArgPair, Signature};
use crate::tables::what::{Dir, On, Source, What};
use crate::types::call::{ArgState, Call, CallBuilder, CallKind, When};
use crate::types::{Abi, CallArg};
use sink::Sink;
use std::sync::Arc;
use walk::{Num, Scope, Walk};

/// What descriptors are shown as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Descriptors {
    /// Numbers.
    #[default]
    None,
    /// With paths (strace's `-y`).
    Paths,
    /// With the ends of sockets and the numbers of devices (`-yy`).
    Full,
}

/// Which strings are written as `\x41\x42`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hex {
    /// None.
    #[default]
    Never,
    /// Those that hold a byte which is neither printable nor white space (strace's `-x`).
    Unprintable,
    /// All (`-xx`).
    All,
}

/// A call as the running kernel describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelCall {
    /// Its name.
    pub name: String,
    /// Names and C types of its arguments.
    pub args: Vec<(String, String)>,
}

/// How calls are written.
#[derive(Clone, Debug)]
pub struct Style {
    /// Bytes of a string or buffer that are shown (`-s`); paths are shown whole.
    pub max_string: usize,
    /// Descriptors.
    pub descriptors: Descriptors,
    /// Strings in hex.
    pub hex: Hex,
    /// All members of structs, all elements, the environment of programs (`-v`).
    pub verbose: bool,
    /// The column of the `=`; 0: right behind the call (`-a`).
    pub column: usize,
    /// Calls of this machine that the tables do not know, by number, sorted.
    pub kernel_calls: Arc<[(u32, KernelCall)]>,
}

impl Default for Style {
    /// As strace without options.
    fn default() -> Style {
        Style {
            max_string: 32,
            descriptors: Descriptors::None,
            hex: Hex::Never,
            verbose: false,
            column: 40,
            kernel_calls: Arc::default(),
        }
    }
}

impl Style {
    fn kernel_call(&self, call: &Call<'_>) -> Option<&KernelCall> {
        // The running kernel describes its native calls only.
        let native = call.abi == Abi::Native;
        let find = || {
            self.kernel_calls
                .binary_search_by_key(&call.nr, |(nr, _)| *nr)
        };
        let at = native.then(find)?.ok()?;
        Some(&self.kernel_calls[at].1)
    }
}

/// Appends `openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3`, without a line end.
pub fn line(call: &Call<'_>, style: &Style, out: &mut Vec<u8>) {
    let start = out.len();
    let signature = signature(call);
    let mut walk = walk(call, style, signature, text::Text::new(out, style.hex));
    name(walk.sink.out, call, style);
    walk.sink.out.push(b'(');
    match call.continues.and_then(|nr| syscalls::name(call.abi, nr)) {
        Some(first) => resuming(walk.sink.out, first),
        None => walk.arguments(signature),
    }
    if call.kind == CallKind::Unfinished {
        walk.sink.out.extend_from_slice(b" <unfinished ...>");
    }
    walk.sink.out.push(b')');
    let used = walk.sink.out.len() - start;
    let spaces = style.column.saturating_sub(used).max(1);
    walk.sink.out.extend(std::iter::repeat_n(b' ', spaces));
    walk.sink.out.extend_from_slice(b"= ");
    walk.result_text(signature.map_or(What::Int, |known| known.result));
}

/// `<... resuming interrupted nanosleep ...>`
fn resuming(out: &mut Vec<u8>, first: &str) {
    out.extend_from_slice(b"<... resuming interrupted ");
    out.extend_from_slice(first.as_bytes());
    out.extend_from_slice(b" ...>");
}

/// Appends `wait4(-1, `: a call that has begun and not ended, up to the first argument that only its end tells.
pub fn begun(call: &Call<'_>, style: &Style, out: &mut Vec<u8>) {
    let signature = signature(call);
    let mut walk = walk(call, style, signature, text::Text::new(out, style.hex));
    walk.begun = true;
    name(walk.sink.out, call, style);
    walk.sink.out.push(b'(');
    walk.arguments(signature);
}

/// The name of a call: `openat`, `syscall_0x270f`.
pub fn call_name(call: &Call<'_>, style: &Style, out: &mut Vec<u8>) {
    name(out, call, style);
}

/// Appends the members of a JSON object that `docs/json-trace.md` describes, without its braces.
pub fn json(call: &Call<'_>, style: &Style, out: &mut Vec<u8>) {
    let signature = signature(call);
    let mut walk = walk(call, style, signature, json::Json { out });
    let sink = &mut walk.sink;
    sink.out.extend_from_slice(b"\"call\":\"");
    name(sink.out, call, style);
    sink.out.extend_from_slice(b"\",\"nr\":");
    sink.signed(i64::from(call.nr as i32));
    sink.out.extend_from_slice(match call.abi {
        Abi::Native => b",\"abi\":\"x86_64\",\"kind\":\"",
        Abi::I386 => b",\"abi\":\"i386\",\"kind\":\"",
    });
    sink.out.extend_from_slice(call.kind.name().as_bytes());
    if let Some(first) = call.continues.and_then(|nr| syscalls::name(call.abi, nr)) {
        sink.out.extend_from_slice(b"\",\"continues\":\"");
        sink.out.extend_from_slice(first.as_bytes());
    }
    sink.out.extend_from_slice(b"\",\"args\":{");
    walk.arguments(signature);
    walk.sink.out.push(b'}');
    walk.result_json(signature.map_or(What::Int, |known| known.result));
    walk.times();
}

/// Appends `{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL}`: what a signal says about itself (`struct siginfo`
/// of that ABI).
pub fn signal_info(abi: Abi, siginfo: &[u8], out: &mut Vec<u8>) {
    let record = CallBuilder::new(abi, 0, [0; 6]).bytes();
    let Some(call) = Call::read(&record) else {
        return;
    };
    let style = Style::default();
    let mut walk = walk(&call, &style, None, text::Text::new(out, Hex::Never));
    walk.signal_info(walk::Place {
        addr: 0,
        bytes: siginfo,
        state: crate::types::call::ArgState::Ok,
    });
}

/// Appends an argument as it stands in the whole call: `O_RDONLY|O_CLOEXEC`.
pub fn argument(of: CallArg, raw: u64, out: &mut Vec<u8>) {
    let mut args = [0; 6];
    let at = usize::from(of.arg);
    if let Some(register) = args.get_mut(at) {
        *register = raw;
    }
    let record = CallBuilder::new(of.abi, u32::from(of.number), args).bytes();
    let Some(call) = Call::read(&record) else {
        return;
    };
    let style = Style::default();
    let signature = signature(&call);
    let what = signature.and_then(|known| known.args.get(at));
    let mut walk = walk(&call, &style, signature, text::Text::new(out, style.hex));
    let number = walk.arg(of.arg);
    walk.value(what.map_or(What::Int, |arg| arg.what), number, Scope::NONE);
}

/// Appends `WIFEXITED(s) && …` in braces: a status as `wait4` gives it.
pub fn wait_status(status: u32, out: &mut Vec<u8>) {
    process::wait_text(out, status);
}

fn signature(call: &Call<'_>) -> Option<&'static Signature> {
    syscalls::signature(call.abi, syscalls::name(call.abi, call.nr)?)
}

fn walk<'c, 'a, S: Sink>(
    call: &'c Call<'a>,
    style: &'c Style,
    signature: Option<&'static Signature>,
    sink: S,
) -> Walk<'c, 'a, S> {
    Walk {
        call,
        style,
        name: signature.map_or("", |known| known.name),
        args: signature.map_or(&[], |known| known.args),
        begun: false,
        argument: "",
        sink,
    }
}

/// `openat`, `syscall_0x270f`.
fn name(out: &mut Vec<u8>, call: &Call<'_>, style: &Style) {
    if let Some(name) = syscalls::name(call.abi, call.nr) {
        return out.extend_from_slice(name.as_bytes());
    }
    if let Some(known) = style.kernel_call(call) {
        return out.extend_from_slice(known.name.as_bytes());
    }
    out.extend_from_slice(b"syscall_");
    number::hex_always(out, u64::from(call.nr));
}

/// Bytes of a page, in which `mmap2` counts.
const PAGE: u64 = 4096;

impl<S: Sink> Walk<'_, '_, S> {
    fn arguments(&mut self, signature: Option<&'static Signature>) {
        match (signature, self.style.kernel_call(self.call)) {
            (Some(known), _) if known.name == "clone" => self.clone_arguments(),
            (Some(known), _) => self.known_arguments(known),
            (None, Some(known)) => self.described_arguments(known),
            (None, None) => self.raw_arguments(),
        }
    }

    fn known_arguments(&mut self, signature: &'static Signature) {
        for (n, arg) in signature.args.iter().enumerate() {
            let n = n as u8;
            if signature.pairs.iter().any(|pair| pair.high == n) {
                continue;
            }
            self.argument = arg.name;
            if let Some(pair) = signature.pairs.iter().find(|pair| pair.low == n) {
                self.pair(pair, arg.what);
                continue;
            }
            // The upper half of a position counts on machines whose registers need two.
            let unused = arg.name == "pos_h" && self.call.abi == Abi::Native;
            let unused = unused || arg.name == "dev" && self.makes_no_device();
            let what = match self.is_of_unknown(arg.what) {
                true => What::Hex,
                false => self.of_command(arg.what),
            };
            if unused || self.resolve(what, Scope::NONE) == What::None {
                continue;
            }
            self.sink.argument(arg.name, false);
            if self.begun && !self.is_known_at_entry(what, n) {
                return;
            }
            let mut number = self.arg(n);
            if arg.name == "pgoff" && signature.name == "mmap2" {
                number = Num::new(number.raw * PAGE, 8, false);
            }
            self.value(what, number, Scope::NONE.at(When::Entry));
        }
    }

    /// Whether the value that decides what an argument means is one that nobody knows: of such a call all arguments are shown.
    fn is_of_unknown(&self, what: What) -> bool {
        let What::On(On {
            source: Source::Arg(n),
            mask,
            otherwise: What::None,
            ..
        }) = what
        else {
            return false;
        };
        let deciding = self.args.get(usize::from(*n)).map(|arg| arg.what);
        match deciding {
            Some(What::Enum(set)) => names::enum_name(set, self.arg(*n)).is_none(),
            Some(What::Flags(set)) if set.name == "futex_op" => {
                names::named(set.name, self.arg(*n).raw & mask).is_none()
            }
            _ => false,
        }
    }

    /// The argument of an ioctl whose command takes none is not shown.
    fn of_command(&self, what: What) -> What {
        match what {
            What::IoctlArg if !self.command_has_argument() => What::None,
            what => what,
        }
    }

    /// Whether an argument can be told before the call has ended: it is a number, or what it points to was read.
    fn is_known_at_entry(&self, what: What, n: u8) -> bool {
        let addr = self.arg(n).raw;
        match self.resolve(what, Scope::NONE) {
            _ if addr == 0 => true,
            What::Ptr(Dir::In, _) | What::Path | What::Str => {
                self.call.memory(addr, 1, When::Entry).state != ArgState::NotRead
            }
            What::Ptr(..) => false,
            _ => true,
        }
    }

    /// Whether a `mknod` makes something that has no device number.
    fn makes_no_device(&self) -> bool {
        const S_IFCHR: u64 = 0o020_000;
        const S_IFBLK: u64 = 0o060_000;
        let mode = self.args.iter().position(|arg| arg.name == "mode");
        let mode = mode.map_or(S_IFCHR, |at| self.arg(at as u8).raw);
        self.name.starts_with("mknod") && ![S_IFCHR, S_IFBLK].contains(&(mode & 0o170_000))
    }

    /// A number in two registers.
    fn pair(&mut self, pair: &'static ArgPair, what: What) {
        let half = |n| self.arg(n).raw & 0xffff_ffff;
        let raw = half(pair.high) << 32 | half(pair.low);
        self.sink.argument(pair.name, false);
        self.value(what, Num::new(raw, 8, pair.signed), Scope::NONE);
    }
}

impl Walk<'_, '_, json::Json<'_>> {
    /// Nanoseconds of the kernel's monotonic clock; null for an end that was not seen.
    fn times(&mut self) {
        let times = [
            ("entry_ns", self.call.entry_ns),
            ("exit_ns", self.call.exit_ns),
        ];
        for (name, ns) in times {
            self.sink.member(name);
            match ns {
                0 => self.sink.out.extend_from_slice(b"null"),
                _ => self.sink.unsigned(ns),
            }
        }
        self.sink.member("duration_ns");
        match self.call.duration_ns() {
            Some(ns) => self.sink.unsigned(ns),
            None => self.sink.out.extend_from_slice(b"null"),
        }
    }
}

#[cfg(test)]
mod tests;
