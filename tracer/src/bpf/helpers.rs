//! Numbers of the kernel helpers that generated code calls.
//!
//! In: nothing. Out: constants and names. Source: `enum bpf_func_id` in `include/uapi/linux/bpf.h`, whose
//! numbers are ABI and never change. Never says which kernel has a helper.

/// `void *bpf_map_lookup_elem(map, key)`.
pub const MAP_LOOKUP_ELEM: u32 = 1;
/// `long bpf_map_update_elem(map, key, value, flags)`.
pub const MAP_UPDATE_ELEM: u32 = 2;
/// `long bpf_map_delete_elem(map, key)`.
pub const MAP_DELETE_ELEM: u32 = 3;
/// `u64 bpf_ktime_get_ns()`: monotonic clock.
pub const KTIME_GET_NS: u32 = 5;
/// `u32 bpf_get_prandom_u32()`.
pub const GET_PRANDOM_U32: u32 = 7;
/// `u32 bpf_get_smp_processor_id()`.
pub const GET_SMP_PROCESSOR_ID: u32 = 8;
/// `u64 bpf_get_current_pid_tgid()`: tgid in the high half, tid in the low half.
pub const GET_CURRENT_PID_TGID: u32 = 14;
/// `u64 bpf_get_current_uid_gid()`: gid in the high half, uid in the low half.
pub const GET_CURRENT_UID_GID: u32 = 15;
/// `long bpf_get_current_comm(buf, size)`: pads with NUL.
pub const GET_CURRENT_COMM: u32 = 16;
/// `u64 bpf_get_current_task()`: the address as a plain number.
pub const GET_CURRENT_TASK: u32 = 35;
/// `struct task_struct *bpf_get_current_task_btf()`: as a pointer through which the kernel's types can be loaded.
pub const GET_CURRENT_TASK_BTF: u32 = 158;
/// `long bpf_task_pt_regs(task)`: its user registers, the same way.
pub const TASK_PT_REGS: u32 = 175;
/// `long bpf_get_numa_node_id()`.
pub const GET_NUMA_NODE_ID: u32 = 42;
/// `int bpf_override_return(regs, result)`: only in kprobes, with error injection.
pub const OVERRIDE_RETURN: u32 = 58;
/// `long bpf_send_signal(signal)`: to the current process.
pub const SEND_SIGNAL: u32 = 109;
/// `u64 bpf_jiffies64()`.
pub const JIFFIES64: u32 = 118;
/// `u64 bpf_get_current_cgroup_id()`.
pub const GET_CURRENT_CGROUP_ID: u32 = 80;
/// `long bpf_probe_read_user(dst, size, address)`: `dst` is zeroed when it fails.
pub const PROBE_READ_USER: u32 = 112;
/// `long bpf_probe_read_kernel(dst, size, address)`: `dst` is zeroed when it fails.
pub const PROBE_READ_KERNEL: u32 = 113;
/// `u64 bpf_get_attach_cookie(ctx)`: what was said when the program was attached there.
pub const GET_ATTACH_COOKIE: u32 = 174;
/// `long bpf_get_func_arg(ctx, n, value)`: argument of a traced function, as a plain number.
pub const GET_FUNC_ARG: u32 = 183;
/// `long bpf_get_func_ret(ctx, value)`: result of a traced function, as a plain number.
pub const GET_FUNC_RET: u32 = 184;

/// `long bpf_for_each_map_elem(map, callback, context, flags)`: calls `callback(map, key, value, context)` for each entry, until
/// it returns 1.
pub const FOR_EACH_MAP_ELEM: u32 = 164;
/// `long bpf_loop(times, callback, context, flags)`: calls `callback(index, context)` until it returns 1.
pub const LOOP: u32 = 181;

/// Update flag: create or replace.
pub const BPF_ANY: i32 = 0;
/// Update flag: only create.
pub const BPF_NOEXIST: i32 = 1;

/// The helper's name without `bpf_`, for texts.
pub fn name(helper: u32) -> Option<&'static str> {
    Some(match helper {
        MAP_LOOKUP_ELEM => "map_lookup_elem",
        MAP_UPDATE_ELEM => "map_update_elem",
        MAP_DELETE_ELEM => "map_delete_elem",
        KTIME_GET_NS => "ktime_get_ns",
        GET_PRANDOM_U32 => "get_prandom_u32",
        GET_SMP_PROCESSOR_ID => "get_smp_processor_id",
        GET_CURRENT_PID_TGID => "get_current_pid_tgid",
        GET_CURRENT_UID_GID => "get_current_uid_gid",
        GET_CURRENT_COMM => "get_current_comm",
        GET_CURRENT_TASK => "get_current_task",
        GET_CURRENT_TASK_BTF => "get_current_task_btf",
        TASK_PT_REGS => "task_pt_regs",
        GET_NUMA_NODE_ID => "get_numa_node_id",
        OVERRIDE_RETURN => "override_return",
        SEND_SIGNAL => "send_signal",
        JIFFIES64 => "jiffies64",
        GET_CURRENT_CGROUP_ID => "get_current_cgroup_id",
        PROBE_READ_USER => "probe_read_user",
        PROBE_READ_KERNEL => "probe_read_kernel",
        GET_ATTACH_COOKIE => "get_attach_cookie",
        GET_FUNC_ARG => "get_func_arg",
        GET_FUNC_RET => "get_func_ret",
        FOR_EACH_MAP_ELEM => "for_each_map_elem",
        LOOP => "loop",
        _ => return None,
    })
}
