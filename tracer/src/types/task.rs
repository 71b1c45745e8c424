//! Where the kernel keeps what is asked of a task.
//!
//! In: the kernel's types. Out: offsets in `task_struct`. Never reads a task.

use super::btf::{Btf, quick};

/// Where a task keeps what is asked of it most, in bytes from the front of `task_struct`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskOffsets {
    /// `real_parent`.
    pub real_parent: u32,
    /// `tgid`: the process id, as the first pid namespace numbers it.
    pub tgid: u32,
    /// `pid`: the thread id, the same way.
    pub pid: u32,
    /// `comm`: the name, 16 bytes.
    pub comm: u32,
}

impl TaskOffsets {
    /// Looks them up; `None` when the types lack one.
    pub fn of(btf: &Btf) -> Option<TaskOffsets> {
        let task = btf.struct_named("task_struct")?;
        let offset = |name| btf.find_member(task, name).map(|member| member.offset());
        Some(TaskOffsets {
            real_parent: offset("real_parent")?,
            tgid: offset("tgid")?,
            pid: offset("pid")?,
            comm: offset("comm")?,
        })
    }

    /// The same from the bytes of a BTF of which nothing else is asked; `None` also where only [`TaskOffsets::of`] finds them.
    pub fn in_bytes(bytes: &[u8]) -> Option<TaskOffsets> {
        let members = ["real_parent", "tgid", "pid", "comm"];
        let [real_parent, tgid, pid, comm] = quick::member_offsets(bytes, "task_struct", members)?;
        Some(TaskOffsets {
            real_parent,
            tgid,
            pid,
            comm,
        })
    }
}
