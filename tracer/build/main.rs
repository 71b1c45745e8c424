//! Turns the tables in `data/` into sorted static arrays, so that they can never be stale.
//!
//! In: `data/*.txt` (each file's head says its format) and the numbers of the `syscalls` crate. Out: `$OUT_DIR/*.rs`,
//! included by `src/tables/`. A malformed line, an unknown name or a call without a line stops the build with file and
//! line.

mod calls;
mod cases;
mod constants;
mod expression;
mod intern;
mod ioctls;
mod lines;
mod meaning;
mod numbers;
mod sets;
mod structs;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=data");
    pack_relocations();
    let constants = constants::Constants::read();
    let words = meaning::Words {
        sets: &sets::Sets::read(&constants),
        structs: &structs::Structs::read(),
        cases: &cases::Cases::read(&constants),
        interned: &intern::Interned::default(),
    };
    words.check_names();
    let calls = numbers::tables() + &calls::tables(&words);
    write("syscalls.rs", calls);
    write("structs.rs", words.structs.tables(&words));
    write("sets.rs", words.sets.tables());
    write("ioctls.rs", ioctls::tables(&constants, &words));
    write("errno.rs", constants::errno());
    // Last: the others add to them.
    write("shared.rs", words.interned.tables());
    write("constants.rs", constants.tables());
}

/// A static binary relocates itself: 38,000 addresses of tables, at 24 bytes each, or packed in bits. Only there: another loader may
/// be too old to know them.
fn pack_relocations() {
    let has = |variable: &str, what: &str| env::var(variable).is_ok_and(|list| list.contains(what));
    if has("CARGO_CFG_TARGET_FEATURE", "crt-static") && has("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn write(name: &str, text: String) {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let path = Path::new(&out).join(name);
    fs::write(&path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
}
