//! The steps of whole calls, and where the kernel keeps what paths are made of.
//!
//! In: the plan's steps. Out: the maps `CALL_STEPS`, `CALL_OPS` and `CALL_OFFSETS`, before any program runs.

use super::Error;
use super::maps::Maps;
use super::syscalls::row;
use crate::plan::Plan;
use tracer_ebpf::{CallOp, CallOperand, CallPlace, CallSteps, KernelOffsets, map};

/// Fills the tables, when a program reads them.
pub(super) fn fill(maps: &Maps, plan: &Plan) -> Result<(), Error> {
    if let Some(offsets) = plan.offsets.filter(|_| maps.has(map::CALL_OFFSETS)) {
        maps.write(map::CALL_OFFSETS, 0, &offset_bytes(&offsets))?;
    }
    let call = plan.syscalls.as_ref().and_then(|s| s.call.as_ref());
    let Some(call) = call.filter(|_| maps.has(map::CALL_OPS)) else {
        return Ok(());
    };
    let steps = &call.steps;
    let key = |index: usize| (index as u32).to_ne_bytes();
    let keys: Vec<u8> = (0..steps.ops.len()).flat_map(key).collect();
    let mut ops = Vec::with_capacity(steps.ops.len() * size_of::<CallOp>());
    steps.ops.iter().for_each(|op| write_op(op, &mut ops));
    if !keys.is_empty() {
        maps.write_many(map::CALL_OPS, &keys, &ops)?;
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (abi, number, of_call) in &steps.calls {
        keys.extend(key(row(*abi, *number)));
        write_steps(of_call, &mut values);
    }
    match keys.is_empty() {
        true => Ok(()),
        false => maps.write_many(map::CALL_STEPS, &keys, &values),
    }
}

fn write_op(op: &CallOp, out: &mut Vec<u8>) {
    out.extend([op.kind, op.arg, op.flags, op.bound]);
    out.extend(op.skip.to_ne_bytes());
    write_place(&op.place, out);
    write_operand(&op.size, out);
    write_operand(&op.budget, out);
    for word in [op.times, op.max, op.pad] {
        out.extend(word.to_ne_bytes());
    }
    out.extend(op.value.to_ne_bytes());
    out.extend(op.mask.to_ne_bytes());
}

fn offset_bytes(o: &KernelOffsets) -> Vec<u8> {
    let words = [
        o.task_files,
        o.task_fs,
        o.files_fdt,
        o.fdtable_max_fds,
        o.fdtable_fd,
        o.fs_root,
        o.fs_pwd,
        o.path_mnt,
        o.path_dentry,
        o.file_path,
        o.file_inode,
        o.file_private,
        o.inode_mode,
        o.inode_ino,
        o.inode_rdev,
        o.inode_sb,
        o.sb_magic,
        o.dentry_parent,
        o.dentry_name,
        o.dentry_len,
        o.dentry_hashed,
        o.vfsmount_root,
        o.mount_mnt,
        o.mount_parent,
        o.mount_point,
        o.socket_sk,
        o.socket_type,
        o.socket_inode,
        o.sock_family,
        o.sock_daddr,
        o.sock_rcv_saddr,
        o.sock_dport,
        o.sock_num,
        o.sock_v6_daddr,
        o.sock_v6_rcv_saddr,
        o.sock_protocol,
        o.sock_socket,
        o.unix_addr,
        o.unix_peer,
        o.unix_address_len,
        o.unix_address_name,
        o.dentry_inode,
    ];
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn write_operand(operand: &CallOperand, out: &mut Vec<u8>) {
    out.extend([operand.from, operand.width]);
    out.extend(operand.pad.to_ne_bytes());
    write_place(&operand.place, out);
}

fn write_place(place: &CallPlace, out: &mut Vec<u8>) {
    out.extend([place.arg, place.through]);
    out.extend(place.pad.to_ne_bytes());
    out.extend(place.first.to_ne_bytes());
    out.extend(place.then.to_ne_bytes());
}

fn write_steps(steps: &CallSteps, out: &mut Vec<u8>) {
    for word in [
        steps.in_first,
        steps.in_count,
        steps.out_first,
        steps.out_count,
    ] {
        out.extend(word.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_has_the_size_of_its_struct() {
        let (mut op, mut steps) = (Vec::new(), Vec::new());
        write_op(&CallOp::default(), &mut op);
        write_steps(&CallSteps::default(), &mut steps);
        assert_eq!(op.len(), size_of::<CallOp>());
        assert_eq!(steps.len(), size_of::<CallSteps>());
        let offsets = offset_bytes(&KernelOffsets::default());
        assert_eq!(offsets.len(), size_of::<KernelOffsets>());
    }
}
