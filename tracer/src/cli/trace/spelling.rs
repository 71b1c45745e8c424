//! Spellings that strace and the rest of this program do not share.
//!
//! In: argv. Out: argv that clap reads in one way. `-f` follows forks, as in strace; elsewhere it is the form of the output. So
//! `-f json`, `-f jsonl` and `-f text` are the form here too, and nothing else is; a program of such a name is
//! traced with `-f -- json`. Never looks at what belongs to the traced command.

use crate::cli::typed::CommandLine;
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::ffi::OsString;

/// Words behind `-f` that are forms.
const FORMS: [&str; 3] = ["text", "json", "jsonl"];

/// Makes `--format=FORM` of `-f FORM` in the options of `tracer trace`; any other command line stays as it is.
pub fn rewrite(args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_none_or(|word| word != "trace") {
        return args;
    }
    let mut line = CommandLine::command();
    let Some(options) = line.find_subcommand_mut("trace") else {
        return args;
    };
    let mut out: Vec<OsString> = args[..2].to_vec();
    let mut rest = args[2..].iter().cloned().peekable();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy().into_owned();
        if text == "--" || !text.starts_with('-') || text == "-" {
            out.push(word);
            break;
        }
        let form = rest.peek().and_then(|next| form(next));
        match form {
            Some(form) if text == "-f" => {
                out.push(format!("--format={form}").into());
                rest.next();
            }
            _ => {
                out.push(word);
                if wants_next(options, &text) {
                    out.extend(rest.next());
                }
            }
        }
    }
    out.extend(rest);
    out
}

fn form(word: &OsString) -> Option<&'static str> {
    FORMS.into_iter().find(|form| word == form)
}

/// Whether the value of this option is the next word.
fn wants_next(options: &Command, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        let found = options
            .get_arguments()
            .find(|arg| arg.get_long() == Some(long));
        return found.is_some_and(takes_value);
    }
    // A bundle: the first letter that takes a value takes what is left of the word.
    let mut letters = word[1..].chars();
    while let Some(letter) = letters.next() {
        let found = options
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter));
        if found.is_some_and(takes_value) {
            return letters.next().is_none();
        }
    }
    false
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let words = line.split(' ').map(OsString::from).collect();
        let words: Vec<String> = rewrite(words)
            .into_iter()
            .map(|word| word.into_string().expect("ascii"))
            .collect();
        words.join(" ")
    }

    #[test]
    fn a_form_behind_f_is_the_form_and_anything_else_follows_forks() {
        for (typed, meant) in [
            ("tracer trace -f ls", "tracer trace -f ls"),
            ("tracer trace -f json ls", "tracer trace --format=json ls"),
            ("tracer trace -f -f jsonl", "tracer trace -f --format=jsonl"),
            ("tracer trace -f -- json", "tracer trace -f -- json"),
            ("tracer trace -e -f json", "tracer trace -e -f json"),
            ("tracer trace cat -f json", "tracer trace cat -f json"),
            (
                "tracer trace -p 1 -f json",
                "tracer trace -p 1 --format=json",
            ),
            (
                "tracer trace -fp 1 -f text",
                "tracer trace -fp 1 --format=text",
            ),
            (
                "tracer trace --uid 0 -f json x -f json",
                "tracer trace --uid 0 --format=json x -f json",
            ),
            ("tracer list -f json", "tracer list -f json"),
        ] {
            assert_eq!(rewritten(typed), meant);
        }
    }
}
