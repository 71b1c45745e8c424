//! Where the running kernel keeps what descriptors stand for.
//!
//! In: the kernel's types. Out: [`KernelOffsets`], or nothing when a member is not there. Never guesses.

use crate::types::btf::Btf;
use tracer_ebpf::KernelOffsets;

/// Looks them all up.
pub(in crate::plan) fn of(btf: &Btf) -> Option<KernelOffsets> {
    let at = |ty: &str, member: &str| {
        let members = btf.struct_named(ty)?;
        Some(btf.find_member(members, member)?.offset())
    };
    // `dentry.d_name` is a `struct qstr` whose length is in an unnamed struct in an unnamed union.
    let name = at("dentry", "d_name")?;
    let common = at("sock", "__sk_common")?;
    let in_sock = |member| Some(common + at("sock_common", member)?);
    let socket_in = at("socket_alloc", "socket")?;
    Some(KernelOffsets {
        task_files: at("task_struct", "files")?,
        task_fs: at("task_struct", "fs")?,
        files_fdt: at("files_struct", "fdt")?,
        fdtable_max_fds: at("fdtable", "max_fds")?,
        fdtable_fd: at("fdtable", "fd")?,
        fs_root: at("fs_struct", "root")?,
        fs_pwd: at("fs_struct", "pwd")?,
        path_mnt: at("path", "mnt")?,
        path_dentry: at("path", "dentry")?,
        file_path: at("file", "f_path")?,
        file_inode: at("file", "f_inode")?,
        file_private: at("file", "private_data")?,
        inode_mode: at("inode", "i_mode")?,
        inode_ino: at("inode", "i_ino")?,
        inode_rdev: at("inode", "i_rdev")?,
        inode_sb: at("inode", "i_sb")?,
        sb_magic: at("super_block", "s_magic")?,
        dentry_parent: at("dentry", "d_parent")?,
        dentry_name: name + at("qstr", "name")?,
        dentry_len: name + at("qstr", "len")?,
        dentry_hashed: at("dentry", "d_hash")? + at("hlist_bl_node", "pprev")?,
        vfsmount_root: at("vfsmount", "mnt_root")?,
        mount_mnt: at("mount", "mnt")?,
        mount_parent: at("mount", "mnt_parent")?,
        mount_point: at("mount", "mnt_mountpoint")?,
        socket_sk: at("socket", "sk")?,
        socket_type: at("socket", "type")?,
        socket_inode: at("socket_alloc", "vfs_inode")? - socket_in,
        sock_family: in_sock("skc_family")?,
        sock_daddr: in_sock("skc_daddr")?,
        sock_rcv_saddr: in_sock("skc_rcv_saddr")?,
        sock_dport: in_sock("skc_dport")?,
        sock_num: in_sock("skc_num")?,
        sock_v6_daddr: in_sock("skc_v6_daddr")?,
        sock_v6_rcv_saddr: in_sock("skc_v6_rcv_saddr")?,
        sock_protocol: at("sock", "sk_protocol")?,
        sock_socket: at("sock", "sk_socket")?,
        unix_addr: at("unix_sock", "addr")?,
        unix_peer: at("unix_sock", "peer")?,
        unix_address_len: at("unix_address", "len")?,
        unix_address_name: at("unix_address", "name")?,
        dentry_inode: at("dentry", "d_inode")?,
    })
}
