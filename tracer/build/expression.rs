//! Types as tables write them: `u32(open_flags)`, `out(bytes[ret<size])`, `in(sized(clone_args,size))`.
//!
//! In: a word of a line. Out: its tree. Never knows what the words mean.

use crate::lines::wrong;

/// `head(arguments)[length]`
#[derive(Clone, Debug)]
pub struct Type {
    /// `u32`, `in`, a struct's name, …
    pub head: String,
    /// What stands in parentheses, at commas.
    pub arguments: Vec<Type>,
    /// What stands in brackets.
    pub length: Option<String>,
}

/// Reads all of `text`.
pub fn parse(at: &str, text: &str) -> Type {
    let (found, rest) =
        type_at(text).unwrap_or_else(|| wrong(at, format!("want TYPE(..)[LENGTH], found {text}")));
    if !rest.is_empty() {
        wrong(at, format!("{text}: what is {rest}?"));
    }
    found
}

fn type_at(text: &str) -> Option<(Type, &str)> {
    let end = text.find(['(', ')', '[', ',']).unwrap_or(text.len());
    let (head, mut rest) = text.split_at(end);
    let mut found = Type {
        head: head.to_string(),
        arguments: Vec::new(),
        length: None,
    };
    if head.is_empty() {
        return None;
    }
    if let Some(mut inside) = rest.strip_prefix('(') {
        loop {
            let (argument, behind) = type_at(inside)?;
            found.arguments.push(argument);
            match behind.strip_prefix(',') {
                Some(next) => inside = next,
                None => break rest = behind.strip_prefix(')')?,
            }
        }
    }
    if let Some(inside) = rest.strip_prefix('[') {
        let (length, behind) = inside.split_once(']')?;
        found.length = Some(length.to_string());
        rest = behind;
    }
    Some((found, rest))
}
