//! Commands of ioctl: `data/ioctls.txt`.
//!
//! In: lines, constants. Out: `IOCTLS`, `IOCTLS_I386`, `IOCTLS_ANY_SIZE`. Never knows how a number is made.

use crate::constants::Constants;
use crate::expression::parse;
use crate::lines::{lines, wrong};
use crate::meaning::{Scope, Words};
use std::collections::BTreeMap;

/// The arguments of `ioctl(2)`, which cases and lengths may name.
const ARGUMENTS: &[&str] = &["fd", "cmd", "arg"];

/// Where the number has the size of the caller's buffer (asm-generic/ioctl.h, `_IOC_SIZEMASK`).
const SIZE: u32 = 0x3fff << 16;

/// The tables, by number. `NAME [i386=NUMBER] [anysize] [TYPE]`.
pub fn tables(constants: &Constants, words: &Words) -> String {
    let (mut native, mut i386) = (BTreeMap::new(), BTreeMap::new());
    let mut any_size = BTreeMap::new();
    for line in lines("ioctls.txt") {
        let (at, mut rest) = (&line.at, line.text.split_whitespace().peekable());
        if line.text.starts_with('[') {
            continue;
        }
        let name = rest.next().expect("a line is not blank");
        let number = constants.value(at, name) as u32;
        let other = rest.next_if(|w| w.starts_with("i386="));
        let other = other.map_or(number, |w| constants.value(at, w) as u32);
        let any = rest.next_if_eq(&"anysize").is_some();
        if any && number & SIZE != 0 {
            wrong(at, format!("{name}: {number:#x} has a size"));
        }
        let what = rest.next().map(|text| {
            if text.contains("ioctl_arg") {
                wrong(
                    at,
                    format!("{name}: an argument cannot be what its command says"),
                );
            }
            let scope = Scope::Call(ARGUMENTS);
            words.meaning(at, &parse(at, text), scope).what
        });
        let place = constants.place(at, name);
        let tables = match any {
            true => vec![(&mut any_size, number)],
            // What i386 does not know has the number 0 there.
            false => vec![(&mut native, number), (&mut i386, other)],
        };
        for (table, number) in tables.into_iter().filter(|&(_, number)| number != 0) {
            let what = what.clone().unwrap_or_else(|| by_bits(number, words));
            let row = format!("Ioctl {{ number: {number:#x}, name: {place}, what: {what} }},\n");
            if table.insert(number, row).is_some() {
                wrong(at, format!("{name}: {number:#x} has a line above"));
            }
        }
    }
    let table = |name: &str, rows: BTreeMap<u32, String>| {
        let rows: String = rows.into_values().collect();
        format!("static {name}: &[Ioctl] = &[\n{rows}];\n")
    };
    let plain = table("IOCTLS", native) + &table("IOCTLS_I386", i386);
    plain + &table("IOCTLS_ANY_SIZE", any_size)
}

/// What the argument is as far as the number says: direction and size of what it points to.
fn by_bits(number: u32, words: &Words) -> String {
    let size = (number & SIZE) >> 16;
    let word = match number >> 30 {
        1 => "in",
        2 => "out",
        3 => "inout",
        _ => "hex",
    };
    let text = match size {
        0 => "hex".to_string(),
        _ if word == "hex" => "hex".to_string(),
        _ => format!("{word}(bytes[{size}])"),
    };
    let at = "data/ioctls.txt";
    words
        .meaning(at, &parse(at, &text), Scope::Call(ARGUMENTS))
        .what
}
