//! What descriptors stand for, as it is when the call is made: paths of files, ends of sockets.
//!
//! In: a descriptor's number, offsets of the kernel's types. Out: a part whose bytes begin with `tracer_ebpf::CallDescriptor`. Everything is read
//! through the kernel's reading helper: a pointer that is gone by then gives nothing, never a fault. A path is walked from its end,
//! a directory a turn; it is written backwards behind the call, and copied when its front is reached.
//!
//! Facts: fs/d_path.c (`prepend_path`), include/linux/fdtable.h, fs/mount.h, include/net/sock.h, net/unix/af_unix.c of the kernel.

use super::area::{Call, at_most, compared};
use crate::kernel::{ANON_INODES, PIPEFS, read};
use crate::maps::kernel_offsets;
use crate::zero;
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_probe_read_kernel};
use core::ptr::{addr_of_mut, read_volatile};
use tracer_ebpf::{CallDescriptor, KernelOffsets, descriptor_kind, part_kind, part_state, turn};

/// `AT_FDCWD`.
const CWD: i32 = -100;
/// `S_IFMT` and the sorts of file that have no path, `include/uapi/linux/stat.h`.
const FORMAT: u32 = 0o170_000;
const PIPE: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;
/// `AF_UNIX`, `AF_INET`, `AF_INET6`.
const UNIX: u16 = 1;
const INET: u16 = 2;
const INET6: u16 = 10;
/// Bytes of a path that is being walked, and of one name in it (`NAME_MAX`).
const PATH: u64 = 4096;
const NAME: u64 = 255;
/// Bytes of `struct sockaddr_un` before its path.
const UNIX_PATH: u64 = 2;

/// Begins the part of a descriptor; its path, when it has one, is walked by the next turns.
///
/// # Safety
/// `call` was begun.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn opt_call_descriptor(call: *const Call, number: u64) -> u64 {
    // SAFETY: the caller's promise.
    let call = unsafe { copy(call) };
    let Some(at) = kernel_offsets() else { return 0 };
    let fd = number as i32;
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let fs: u64 = read(task, at.task_fs);
    let (path, file) = if fd == CWD {
        (fs.wrapping_add(u64::from(at.fs_pwd)), 0)
    } else {
        let file = file(task, fd, at);
        if file == 0 {
            return 0;
        }
        (file.wrapping_add(u64::from(at.file_path)), file)
    };
    if !call.open_as(
        number & 0xffff_ffff,
        u64::from(u32::MAX),
        part_kind::DESCRIPTOR_IN,
    ) {
        return 0;
    }
    let (to, size) = call.room(size_of::<CallDescriptor>() as u64);
    if size != size_of::<CallDescriptor>() as u64 {
        call.drop_part();
        return 0;
    }
    let head = to.cast::<CallDescriptor>();
    // SAFETY: there is room for it.
    unsafe { zero::words(head.cast::<[u64; size_of::<CallDescriptor>() / 8]>()) };
    call.filled(size);
    let dentry: u64 = read(path, at.path_dentry);
    // SAFETY: as above.
    let has_path = unsafe { file == 0 || describe(head, file, dentry, at) };
    if !has_path {
        // SAFETY: as above.
        unsafe { name(&call, head, file, dentry, at) };
        call.close(part_state::OK);
        return 0;
    }
    // SAFETY: the area is valid.
    unsafe {
        let area = call.area;
        let vfsmount: u64 = read(path, at.path_mnt);
        (*area).dentry = dentry;
        (*area).mount = vfsmount.wrapping_sub(u64::from(at.mount_mnt));
        let root = fs.wrapping_add(u64::from(at.fs_root));
        (*area).root = [read(root, at.path_dentry), read(root, at.path_mnt)];
        (*area).path_at = PATH;
        (*area).turn = turn::PATH;
        if read::<u64>(dentry, at.dentry_hashed) == 0
            && read::<u64>(dentry, at.dentry_parent) != dentry
        {
            (*head).flags = 1;
        }
    }
    0
}

/// The call, whose fields the verifier knows through the caller's stack.
///
/// # Safety
/// `call` was begun.
#[inline(always)]
unsafe fn copy(call: *const Call) -> Call {
    // SAFETY: the caller's promise.
    unsafe {
        Call {
            area: (*call).area,
            front: (*call).front,
            cap: (*call).cap,
        }
    }
}

/// The `struct file` of a descriptor; 0: it is not open.
#[inline(always)]
fn file(task: u64, fd: i32, at: &KernelOffsets) -> u64 {
    let files: u64 = read(task, at.task_files);
    let table: u64 = read(files, at.files_fdt);
    let most: u32 = read(table, at.fdtable_max_fds);
    if fd < 0 || fd as u32 >= most {
        return 0;
    }
    let open: u64 = read(table, at.fdtable_fd);
    read(open.wrapping_add(fd as u64 * 8), 0)
}

/// What the inode says; whether the file has a path.
///
/// # Safety
/// `head` is writable.
#[inline(always)]
unsafe fn describe(head: *mut CallDescriptor, file: u64, dentry: u64, at: &KernelOffsets) -> bool {
    let inode: u64 = read(file, at.file_inode);
    let mode = u32::from(read::<u16>(inode, at.inode_mode));
    let magic: u64 = read(read(inode, at.inode_sb), at.sb_magic);
    // SAFETY: the caller's promise.
    unsafe {
        (*head).mode = mode;
        (*head).ino = read(inode, at.inode_ino);
        (*head).rdev = read(inode, at.inode_rdev);
        if mode & FORMAT == PIPE && magic == PIPEFS {
            (*head).kind = descriptor_kind::PIPE;
            return false;
        }
        if mode & FORMAT == SOCKET {
            (*head).kind = descriptor_kind::SOCKET;
            socket(head, read(file, at.file_private), at);
            return false;
        }
        if magic == ANON_INODES {
            (*head).kind = descriptor_kind::ANONYMOUS;
            return false;
        }
    }
    dentry != 0
}

/// The ends of a socket.
///
/// # Safety
/// `head` is writable.
#[inline(always)]
unsafe fn socket(head: *mut CallDescriptor, socket: u64, at: &KernelOffsets) {
    let sk: u64 = read(socket, at.socket_sk);
    let family: u16 = read(sk, at.sock_family);
    // SAFETY: the caller's promise.
    unsafe {
        (*head).family = family;
        (*head).sock_type = read(socket, at.socket_type);
        (*head).protocol = read(sk, at.sock_protocol);
        // The own port is kept in the host's order, the other one in the network's.
        let (own, other) = (
            read::<u16>(sk, at.sock_num).to_be(),
            read::<u16>(sk, at.sock_dport),
        );
        if family == INET {
            address(addr_of_mut!((*head).local).cast(), family, own);
            address(addr_of_mut!((*head).remote).cast(), family, other);
            copy_bytes(
                addr_of_mut!((*head).local).cast(),
                4,
                sk,
                at.sock_rcv_saddr,
                4,
            );
            copy_bytes(addr_of_mut!((*head).remote).cast(), 4, sk, at.sock_daddr, 4);
        } else if family == INET6 {
            address(addr_of_mut!((*head).local).cast(), family, own);
            address(addr_of_mut!((*head).remote).cast(), family, other);
            copy_bytes(
                addr_of_mut!((*head).local).cast(),
                8,
                sk,
                at.sock_v6_rcv_saddr,
                16,
            );
            copy_bytes(
                addr_of_mut!((*head).remote).cast(),
                8,
                sk,
                at.sock_v6_daddr,
                16,
            );
        } else if family == UNIX {
            let peer: u64 = read(sk, at.unix_peer);
            let peer: u64 = read(peer, at.sock_socket);
            if peer != 0 {
                (*head).peer = read(peer.wrapping_add(u64::from(at.socket_inode)), at.inode_ino);
            }
        }
        if other == 0 {
            zero::bytes(&raw mut (*head).remote);
        }
    }
}

/// Family and port at the front of an address.
///
/// # Safety
/// `to` has 4 writable bytes.
#[inline(always)]
unsafe fn address(to: *mut u16, family: u16, port: u16) {
    // SAFETY: the caller's promise.
    unsafe {
        *to = family;
        *to.add(1) = port;
    }
}

/// # Safety
/// `to` has `skip + len` writable bytes.
#[inline(always)]
unsafe fn copy_bytes(to: *mut u8, skip: usize, base: u64, offset: u32, len: u32) {
    let from = base.wrapping_add(u64::from(offset));
    // SAFETY: the caller's promise; the helper takes any address.
    unsafe { bpf_probe_read_kernel(to.add(skip).cast(), len, from as *const _) };
}

/// The name of what has no path: of an anonymous inode, or a unix socket's own path.
///
/// # Safety
/// `head` is readable.
#[inline(always)]
unsafe fn name(
    call: &Call,
    head: *const CallDescriptor,
    file: u64,
    dentry: u64,
    at: &KernelOffsets,
) {
    // SAFETY: the caller's promise.
    let (kind, family) = unsafe { ((*head).kind, (*head).family) };
    if kind == descriptor_kind::ANONYMOUS {
        let len: u32 = read(dentry, at.dentry_len);
        append(call, read(dentry, at.dentry_name), u64::from(len));
    } else if kind == descriptor_kind::SOCKET && family == UNIX {
        let sk: u64 = read(read(file, at.file_private), at.socket_sk);
        let address: u64 = read(sk, at.unix_addr);
        let len: u32 = read(address, at.unix_address_len);
        if address != 0 && u64::from(len) > UNIX_PATH {
            let path = address.wrapping_add(u64::from(at.unix_address_name) + UNIX_PATH);
            append(call, path, u64::from(len) - UNIX_PATH);
        }
    }
}

/// Bytes of the kernel behind what is there.
#[inline(always)]
fn append(call: &Call, from: u64, len: u64) {
    let (to, size) = call.room(at_most(len, NAME));
    // SAFETY: `room` is writable; the helper takes any address.
    unsafe { bpf_probe_read_kernel(to.cast(), size as u32, from as *const _) };
    call.filled(size);
}

/// A turn of walking a path: the entry's name, or up from where its mount is.
///
/// # Safety
/// `call` was begun.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn opt_call_path(call: *const Call) -> u64 {
    // SAFETY: the caller's promise.
    let call = unsafe { copy(call) };
    let Some(at) = kernel_offsets() else {
        // SAFETY: the area is valid.
        unsafe { (*call.area).turn = turn::STEP };
        return 0;
    };
    // SAFETY: the area is valid.
    let area = unsafe { &mut *call.area };
    let (dentry, mount) = (area.dentry, area.mount);
    let vfsmount = mount.wrapping_add(u64::from(at.mount_mnt));
    if dentry == 0 || dentry == area.root[0] && vfsmount == area.root[1] {
        finish(&call, false);
        return 0;
    }
    if dentry == read(vfsmount, at.vfsmount_root) {
        let parent: u64 = read(mount, at.mount_parent);
        if parent == mount || parent == 0 {
            finish(&call, false);
            return 0;
        }
        area.dentry = read(mount, at.mount_point);
        area.mount = parent;
        return 0;
    }
    let parent: u64 = read(dentry, at.dentry_parent);
    if !prepend(&call, dentry, at) {
        finish(&call, true);
        return 0;
    }
    if parent == dentry {
        // In no directory: a file that only ever had a descriptor (memfd), deleted in that sense.
        deleted(&call);
        finish(&call, false);
        return 0;
    }
    area.dentry = parent;
    0
}

/// Puts `/NAME` in front of the path; false when there is no room.
#[inline(always)]
fn prepend(call: &Call, dentry: u64, at: &KernelOffsets) -> bool {
    let len = at_most(u64::from(read::<u32>(dentry, at.dentry_len)), NAME);
    // SAFETY: the area is valid.
    let before = unsafe { read_volatile(&raw const (*call.area).path_at) };
    if before > PATH || before < NAME + 1 {
        return false;
    }
    let first = at_most(before - len - 1, PATH);
    let name: u64 = read(dentry, at.dentry_name);
    // SAFETY: behind the call there are `PATH` and a page's bytes; the helper takes any address.
    unsafe {
        let to = call.base().add(call.cap as usize).add(first as usize);
        *to = b'/';
        bpf_probe_read_kernel(to.add(1).cast(), len as u32, name as *const _);
        (*call.area).path_at = first;
    }
    true
}

/// Marks the open part's file as deleted.
#[inline(always)]
fn deleted(call: &Call) {
    set_flags(call, 1);
}

#[inline(always)]
fn set_flags(call: &Call, flags: u8) {
    // SAFETY: the area is valid.
    let part = unsafe { read_volatile(&raw const (*call.area).part) };
    if part > call.cap {
        return;
    }
    let part = compared(part);
    // SAFETY: the part's place was compared with the size of the call.
    unsafe {
        let head = call.base().add(part as usize + 24).cast::<CallDescriptor>();
        (*head).flags |= flags;
    }
}

/// Copies the path to its part, which ends with it.
#[inline(always)]
fn finish(call: &Call, cut: bool) {
    // SAFETY: the area is valid.
    let first = unsafe { read_volatile(&raw const (*call.area).path_at) };
    if cut {
        set_flags(call, 2);
    }
    if first < PATH {
        let first = compared(first);
        let (to, size) = call.room(PATH - first);
        // SAFETY: `room` is writable; behind the call there are `PATH` bytes.
        unsafe {
            let from = call.base().add(call.cap as usize).add(first as usize);
            bpf_probe_read_kernel(to.cast(), size as u32, from.cast());
        }
        call.filled(size);
    } else {
        let (to, size) = call.room(1);
        if size == 1 {
            // SAFETY: `room` is writable.
            unsafe { *to = b'/' };
            call.filled(1);
        }
    }
    // SAFETY: the area is valid.
    unsafe { (*call.area).turn = turn::STEP };
    call.close(part_state::OK);
}
