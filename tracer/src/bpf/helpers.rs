//! Numbers of the kernel helpers that generated code calls (enum bpf_func_id in linux/bpf.h).
