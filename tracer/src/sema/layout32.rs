//! Whether a struct lies in the memory of 32-bit programs as it does in the kernel's own.
//!
//! In: BTF, which describes the native layout. Out: yes or no. i386 has pointers and `long` of 4 bytes and aligns 8-byte
//! integers to 4 (System V ABI, Intel386 supplement); a struct is the same when all that moves nothing.

use crate::types::btf::{Btf, Kind, TypeId};

/// Structs within each other; deeper ones count as different.
const MAX_DEPTH: u32 = 8;

/// Whether members of the struct are at the same offsets for a 32-bit program. Its size does not matter.
pub fn is_same(btf: &Btf, id: TypeId) -> bool {
    let id = btf.strip(id);
    match btf.kind(id) {
        Kind::Struct => end_of_members(btf, id, MAX_DEPTH).is_some(),
        _ => layout(btf, id, MAX_DEPTH).is_some(),
    }
}

/// Size and alignment on i386; `None` when size or an offset within differs from the native one.
fn layout(btf: &Btf, id: TypeId, depth: u32) -> Option<(u32, u32)> {
    let depth = depth.checked_sub(1)?;
    let id = btf.strip(id);
    let native = btf.size_of(id)?;
    match btf.kind(id) {
        Kind::Int(_) if is_long(btf.name(id)) => None,
        Kind::Int(_) | Kind::Enum { .. } => Some((native, native.min(4))),
        Kind::Array { elem, .. } => Some((native, layout(btf, elem, depth)?.1)),
        Kind::Union => union(btf, id, native, depth),
        Kind::Struct => structure(btf, id, native, depth),
        _ => None,
    }
}

fn union(btf: &Btf, id: TypeId, native: u32, depth: u32) -> Option<(u32, u32)> {
    let mut align = 1;
    for member in btf.members(id) {
        align = align.max(layout(btf, member.ty, depth)?.1);
    }
    Some((native, align))
}

fn structure(btf: &Btf, id: TypeId, native: u32, depth: u32) -> Option<(u32, u32)> {
    let (end, align) = end_of_members(btf, id, depth)?;
    (end.next_multiple_of(align) == native).then_some((native, align))
}

/// Where the last member ends, and the alignment; `None` when an offset differs.
fn end_of_members(btf: &Btf, id: TypeId, depth: u32) -> Option<(u32, u32)> {
    let (mut at, mut align) = (0u32, 1);
    for member in btf.members(id) {
        let (size, member_align) = layout(btf, member.ty, depth)?;
        let offset = at.next_multiple_of(member_align);
        // Bit fields of int lie alike in both ABIs, as long as they begin alike.
        if member.bitfield == 0 && member.offset() != offset {
            return None;
        }
        at = member.offset() + size;
        align = align.max(member_align);
    }
    Some((at, align))
}

/// `long` in the spellings of gcc and clang; `long long` has 8 bytes everywhere.
fn is_long(name: &str) -> bool {
    name.contains("long") && !name.contains("long long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::btf::Builder;

    #[test]
    fn a_struct_differs_by_pointers_longs_and_alignment() {
        let mut b = Builder::new();
        let u16_ = b.int("unsigned short", 2, false);
        let u32_ = b.int("unsigned int", 4, false);
        let u64_ = b.int("long long unsigned int", 8, false);
        let long = b.int("long int", 8, true);
        let pointer = b.pointer(u32_);
        let plain = b.structure("plain", 8, &[("a", u16_, 0, 0), ("b", u32_, 32, 0)]);
        let packed = b.structure("words", 16, &[("a", u64_, 0, 0), ("b", u64_, 64, 0)]);
        let moved = b.structure("moved", 16, &[("a", u32_, 0, 0), ("b", u64_, 64, 0)]);
        let longs = b.structure("longs", 8, &[("a", long, 0, 0)]);
        let points = b.structure("points", 8, &[("a", pointer, 0, 0)]);
        let btf = b.build().expect("well-formed BTF");
        assert!(is_same(&btf, plain));
        assert!(is_same(&btf, packed));
        assert!(!is_same(&btf, moved));
        assert!(!is_same(&btf, longs));
        assert!(!is_same(&btf, points));
    }
}
