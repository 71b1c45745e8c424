//! Paths: from a `struct path` of the kernel to text.
//!
//! In: its address, and room to write in. Out: the path as the current process sees it. It is walked from its end, a directory a turn, and written
//! backwards; what is read is what the kernel holds at that moment, and a pointer that is gone gives a shorter path, never a fault.
//!
//! Facts: fs/d_path.c (`prepend_path`, `d_path`) of the kernel.

use crate::kernel::{ANON_INODES, PIPEFS, SOCKFS, read};
use crate::maps::kernel_offsets;
use crate::strings::zero;
use aya_ebpf::helpers::generated::{
    bpf_get_current_task, bpf_loop, bpf_probe_read_kernel, bpf_probe_read_kernel_str,
};
use core::ffi::c_void;
use core::ptr::read_volatile;
use tracer_ebpf::{KernelOffsets, PATH_SPARE};

/// The longest name in a directory (`NAME_MAX`).
const NAME: u64 = PATH_SPARE - 1;
/// What stands behind the path of a file that was deleted, and its bytes.
const DELETED: [u8; DELETED_BYTES] = *b" (deleted)";
const DELETED_BYTES: usize = 10;
/// How the kernel writes files without names.
const PIPE: [u8; 6] = *b"pipe:[";
const SOCKET: [u8; 8] = *b"socket:[";
const ANONYMOUS: [u8; 11] = *b"anon_inode:";
/// `EFAULT`.
const FAULT: i64 = -14;

/// Where a walk stands.
#[repr(C)]
pub struct Walk {
    /// The text: its last byte is the NUL at `cap - 1`; behind it a name's bytes are spare.
    room: *mut u8,
    /// Where the last byte is.
    last: u64,
    /// Where the text begins so far.
    first: u64,
    /// The entry that comes next: a `struct dentry`.
    dentry: u64,
    /// The `struct mount` that it is in.
    mount: u64,
    /// Where the process's root is: `dentry` and `vfsmount`.
    root: [u64; 2],
}

/// The text of the `struct path` at `path`, at most `cap - 1` bytes: a longer one lacks its front. Its length with NUL, or a
/// negative errno, with which `dst` is empty.
///
/// # Safety
/// `dst` has `cap` writable bytes, rounded up to a word, and `room` so many and `PATH_SPARE`. `cap` is at least 32.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_path(dst: *mut u8, cap: u64, room: *mut u8, path: u64) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { zero(dst, (cap + 7) & !7) };
    let Some(at) = kernel_offsets() else {
        return FAULT;
    };
    let dentry: u64 = read(path, at.path_dentry);
    let vfsmount: u64 = read(path, at.path_mnt);
    if dentry == 0 || vfsmount == 0 {
        return FAULT;
    }
    // SAFETY: the helper has no preconditions.
    let fs: u64 = read(unsafe { bpf_get_current_task() }, at.task_fs);
    let root = fs.wrapping_add(u64::from(at.fs_root));
    let last = cap - 1;
    let mut first = last;
    // SAFETY: `room` has `cap` bytes.
    unsafe { *room.add(last as usize) = 0 };
    let mut is_deleted = read::<u64>(dentry, at.dentry_hashed) == 0;
    if read::<u64>(dentry, at.dentry_parent) == dentry {
        // In no directory: the root of a file system, or a file that only ever had a descriptor.
        is_deleted = dentry != read(vfsmount, at.vfsmount_root);
        // SAFETY: the caller's promise.
        let begins = unsafe { bare(room, last, dentry, at) };
        if is_deleted && begins <= last {
            // SAFETY: as above; the text ends with NUL.
            return unsafe {
                let text = room.add(begins as usize);
                bpf_probe_read_kernel_str(dst.cast(), cap as u32, text.cast())
            };
        }
    }
    if is_deleted {
        first = last - DELETED_BYTES as u64;
        // SAFETY: as above; `cap` is larger.
        unsafe {
            let to = room.add(first as usize);
            to.cast::<[u8; DELETED_BYTES]>().write_unaligned(DELETED);
        }
    }
    let mut walk = Walk {
        room,
        last,
        first,
        dentry,
        mount: vfsmount.wrapping_sub(u64::from(at.mount_mnt)),
        root: [read(root, at.path_dentry), read(root, at.path_mnt)],
    };
    let end = first;
    let turn: unsafe extern "C" fn(u64, *mut Walk) -> u64 = rt_path_turn;
    // SAFETY: the helper calls back with what it is given; the text ends with NUL.
    unsafe {
        bpf_loop(cap as u32, turn as *mut c_void, (&raw mut walk).cast(), 0);
        let mut first = read_volatile(&raw const walk.first);
        if first > last {
            return FAULT;
        }
        if first == end && first > 0 {
            first -= 1;
            *room.add(first as usize) = b'/';
        }
        bpf_probe_read_kernel_str(dst.cast(), cap as u32, room.add(first as usize).cast())
    }
}

/// Writes what stands for a file without a name: `pipe:[NUMBER]`, `socket:[NUMBER]`, `anon_inode:KIND`. Where it begins; behind
/// `last` for any other file.
///
/// # Safety
/// As [`rt_path`]; `last` is at least 31.
#[inline(always)]
unsafe fn bare(room: *mut u8, last: u64, dentry: u64, at: &KernelOffsets) -> u64 {
    let inode: u64 = read(dentry, at.dentry_inode);
    let magic: u64 = read(read(inode, at.inode_sb), at.sb_magic);
    if magic == ANON_INODES {
        let len = u64::from(read::<u32>(dentry, at.dentry_len)) & NAME;
        if len > last - ANONYMOUS.len() as u64 {
            return u64::MAX;
        }
        let first = last - ANONYMOUS.len() as u64 - len;
        if first > last {
            return u64::MAX;
        }
        // SAFETY: `first` is in the text, and behind it there is room for a name; the helper takes any address.
        unsafe {
            let to = room.add(first as usize);
            to.cast::<[u8; ANONYMOUS.len()]>()
                .write_unaligned(ANONYMOUS);
            let name: u64 = read(dentry, at.dentry_name);
            bpf_probe_read_kernel(to.add(ANONYMOUS.len()).cast(), len as u32, name as *const _);
        }
        return first;
    }
    if magic != PIPEFS && magic != SOCKFS {
        return u64::MAX;
    }
    let mut number: u64 = read(inode, at.inode_ino);
    let mut first = last - 1;
    // SAFETY: a number has at most 20 digits, and the text room for 31 bytes.
    unsafe {
        *room.add(first as usize) = b']';
        for _ in 0..20 {
            first -= 1;
            *room.add(first as usize) = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        if magic == PIPEFS {
            first -= PIPE.len() as u64;
            let to = room.add(first as usize);
            to.cast::<[u8; PIPE.len()]>().write_unaligned(PIPE);
        } else {
            first -= SOCKET.len() as u64;
            let to = room.add(first as usize);
            to.cast::<[u8; SOCKET.len()]>().write_unaligned(SOCKET);
        }
    }
    first
}

/// Puts the next name in front of the text, or goes up from where its mount is; 1 when the front is reached.
///
/// # Safety
/// `walk` is what [`rt_path`] made.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_path_turn(_index: u64, walk: *mut Walk) -> u64 {
    let Some(at) = kernel_offsets() else { return 1 };
    // SAFETY: the caller's promise.
    let walk = unsafe { &mut *walk };
    let (dentry, mount) = (walk.dentry, walk.mount);
    let vfsmount = mount.wrapping_add(u64::from(at.mount_mnt));
    if dentry == 0 || dentry == walk.root[0] && vfsmount == walk.root[1] {
        return 1;
    }
    if dentry == read(vfsmount, at.vfsmount_root) {
        let parent: u64 = read(mount, at.mount_parent);
        if parent == mount || parent == 0 {
            return 1;
        }
        walk.dentry = read(mount, at.mount_point);
        walk.mount = parent;
        return 0;
    }
    let parent: u64 = read(dentry, at.dentry_parent);
    walk.dentry = parent;
    u64::from(
        prepend(
            walk,
            read(dentry, at.dentry_name),
            read(dentry, at.dentry_len),
        ) || parent == dentry,
    )
}

/// Puts `/NAME` in front of the text; of what does not fit the end. True when there is no room left.
#[inline(always)]
fn prepend(walk: &mut Walk, name: u64, len: u32) -> bool {
    let len = u64::from(len) & NAME;
    let before = walk.first;
    if before > walk.last {
        return true;
    }
    if before <= len {
        let kept = before & NAME;
        // SAFETY: there is room for a name, also where the text is shorter; the helper takes any address.
        unsafe {
            let from = name.wrapping_add(len - kept);
            bpf_probe_read_kernel(walk.room.cast(), kept as u32, from as *const _);
        }
        walk.first = 0;
        return true;
    }
    let first = before - len - 1;
    if first > walk.last {
        return true;
    }
    // SAFETY: `first` is in the text, and behind it there is room for a name; the helper takes any address.
    unsafe {
        let to = walk.room.add(first as usize);
        *to = b'/';
        bpf_probe_read_kernel(to.add(1).cast(), len as u32, name as *const _);
    }
    walk.first = first;
    false
}
