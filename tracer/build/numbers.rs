//! Numbers of system calls, from the `syscalls` crate.
//!
//! In: that crate. Out: tables by number and by name for each ABI. Never knows what a call takes.

/// Number and name.
pub type Numbers = Vec<(u32, &'static str)>;

/// The crate writes a call whose name is a Rust keyword as `r#break`.
fn plain(name: &'static str) -> &'static str {
    name.trim_start_matches("r#")
}

/// Each ABI has a `Sysno` of its own, which share no trait.
macro_rules! numbers {
    ($(#[$doc:meta])* $function:ident, $abi:ident) => {
        $(#[$doc])*
        pub fn $function() -> Numbers {
            use syscalls::$abi::Sysno;
            let all = (0..=Sysno::last().id() as usize).filter_map(Sysno::new);
            all.map(|s| (s.id() as u32, plain(s.name()))).collect()
        }
    };
}

numbers!(
    /// x86-64.
    native,
    x86_64
);
numbers!(
    /// i386.
    i386,
    x86
);
numbers!(
    /// aarch64.
    aarch64,
    aarch64
);

/// By number and by name, for each ABI.
pub fn tables() -> String {
    table("NATIVE", native()) + &table("I386", i386()) + &table("AARCH64", aarch64())
}

fn table(abi: &str, mut calls: Numbers) -> String {
    calls.sort_unstable();
    let row = |(nr, name): &(u32, &str)| format!("({nr}, {name:?}),\n");
    let by_number: String = calls.iter().map(row).collect();
    calls.sort_unstable_by_key(|&(_, name)| name);
    let row = |(nr, name): &(u32, &str)| format!("({name:?}, {nr}),\n");
    let by_name: String = calls.iter().map(row).collect();
    format!(
        "static {abi}_BY_NUMBER: &[(u32, &str)] = &[\n{by_number}];\n\
         static {abi}_BY_NAME: &[(&str, u32)] = &[\n{by_name}];\n"
    )
}
