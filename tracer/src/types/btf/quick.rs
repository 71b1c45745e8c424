//! A few members of one struct, or a name, found without reading all types.
//!
//! In: the bytes of BTF. Out: offsets, or whether the name is there. A run that asks nothing else of the kernel's types starts in a third of the time that
//! reading and checking all of them takes. Gives up on everything but plain members of the struct itself: then
//! [`Btf`](super::Btf) is to be asked.

use memchr::memmem;

use super::parse::raw::{self, Head, u32_at};
use super::parse::sections;

/// Byte offsets of members of `struct NAME`, in the order asked for; `None` when one of them is not found, is a bitfield or in a
/// struct within the struct, and when the bytes are no BTF.
pub fn member_offsets<const N: usize>(
    bytes: &[u8],
    structure: &str,
    members: [&str; N],
) -> Option<[u32; N]> {
    let (types, strings) = sections(bytes).ok()?;
    let is_called = |name: u32, wanted: &str| {
        let rest = bytes[strings.clone()].get(name as usize..);
        let rest = rest.and_then(|rest| rest.strip_prefix(wanted.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    };
    let bytes = &bytes[..types.end];
    let mut at = types.start;
    loop {
        let head = Head::read(bytes, at)?;
        if head.kind() == raw::STRUCT && is_called(head.name, structure) {
            return all(&head, bytes, members, &is_called);
        }
        at = head.end.checked_add(head.tail()?)?;
    }
}

/// The number of the typedef of that name; `None` when there is none, and when the bytes are no BTF.
pub fn typedef(bytes: &[u8], name: &str) -> Option<u32> {
    let (types, strings) = sections(bytes).ok()?;
    let whole = format!("\0{name}\0");
    // A name stands there once.
    let name = memmem::find(&bytes[strings], whole.as_bytes())? as u32 + 1;
    let bytes = &bytes[..types.end];
    let mut at = types.start;
    for number in 1.. {
        let head = Head::read(bytes, at)?;
        if head.kind() == raw::TYPEDEF && head.name == name {
            return Some(number);
        }
        at = head.end.checked_add(head.tail()?)?;
    }
    None
}

/// Whether any type or member has that name; `None` when the bytes are no BTF.
pub fn has_name(bytes: &[u8], name: &str) -> Option<bool> {
    let (_, strings) = sections(bytes).ok()?;
    // The section begins with an empty string, and each ends with a zero.
    let whole = format!("\0{name}\0");
    Some(memmem::find(&bytes[strings], whole.as_bytes()).is_some())
}

fn all<const N: usize>(
    head: &Head,
    bytes: &[u8],
    members: [&str; N],
    is_called: &dyn Fn(u32, &str) -> bool,
) -> Option<[u32; N]> {
    let mut found = [0; N];
    for (offset, wanted) in found.iter_mut().zip(members) {
        let mut entries = (0..head.vlen() as usize).map(|i| head.end + 12 * i);
        let entry = entries.find(|&at| u32_at(bytes, at).is_some_and(|n| is_called(n, wanted)))?;
        let bits = u32_at(bytes, entry + 8)?;
        // With the flag the upper byte is a bitfield's width.
        if bits % 8 != 0 || head.flag() && bits >> 24 != 0 {
            return None;
        }
        *offset = bits / 8;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::{Btf, Builder};
    use super::*;

    fn bytes() -> Vec<u8> {
        let mut b = Builder::new();
        let int = b.int("int", 4, true);
        b.structure("task", 8, &[("pid", int, 0, 0)]);
        b.structure(
            "task_struct",
            16,
            &[
                ("pid", int, 32, 0),
                ("tgid", int, 64, 0),
                ("bits", int, 96, 3),
            ],
        );
        b.bytes()
    }

    #[test]
    fn members_are_found() {
        let bytes = bytes();
        let found = |members| member_offsets(&bytes, "task_struct", members);
        assert_eq!(found(["tgid", "pid"]), Some([8, 4]));
        assert_eq!(found(["tgid", "comm"]), None);
        assert_eq!(found(["tgid", "bits"]), None);
        assert_eq!(member_offsets(&bytes, "task", ["pid"]), Some([0]));
        assert_eq!(member_offsets(&bytes, "tas", ["pid"]), None);
    }

    #[test]
    fn typedefs_have_numbers() {
        let mut b = Builder::new();
        let int = b.int("int", 4, true);
        b.structure("btf_trace_b", 4, &[("x", int, 0, 0)]);
        let first = b.typedef("btf_trace_a", int);
        let bytes = b.bytes();
        assert_eq!(typedef(&bytes, "btf_trace_a"), Some(first.0));
        assert_eq!(typedef(&bytes, "btf_trace_b"), None);
        assert_eq!(typedef(&bytes, "btf_trace"), None);
        assert_eq!(typedef(&[], "a"), None);
    }

    #[test]
    fn names_are_whole() {
        let bytes = bytes();
        let has = |name| has_name(&bytes, name);
        assert_eq!(has("task_struct"), Some(true));
        assert_eq!(has("task_str"), Some(false));
        assert_eq!(has("struct"), Some(false));
        assert_eq!(has_name(&[], "task"), None);
    }

    #[test]
    fn what_is_no_btf_has_none() {
        let bytes = bytes();
        for end in 0..bytes.len() {
            // Never beyond the end, whatever is missing.
            let _ = member_offsets(&bytes[..end], "task_struct", ["pid"]);
        }
        assert_eq!(member_offsets(&[], "task_struct", ["pid"]), None);
    }

    #[test]
    fn the_running_kernel_agrees_with_itself() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            eprintln!("not run: this kernel shows no types");
            return;
        };
        let quick = member_offsets(&bytes, "task_struct", ["tgid", "pid", "comm"]);
        let btf = Btf::parse(bytes).expect("the kernel's types are well formed");
        let task = btf
            .struct_named("task_struct")
            .expect("every kernel has it");
        let slow = |name| btf.find_member(task, name).map(|member| member.offset());
        let slow = ["tgid", "pid", "comm"].map(|name| slow(name).expect("every kernel has it"));
        assert!(
            quick.is_none_or(|quick| quick == slow),
            "{quick:?} {slow:?}"
        );
    }
}
