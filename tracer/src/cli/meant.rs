//! What a command line means: defaults filled in, words told apart, values understood.
//!
//! In: [`typed`]. Out: [`Request`] and its parts. Reads script files and standard input, opens nothing
//! else, starts nothing.

use super::failure::Failure;
use super::shared::Ready;
use super::typed;
use crate::sema::Settings;
use crate::session::{Buffering, Format, Limits, Output, Request, Scope, Script};
use crate::syntax;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::time::Duration;

/// The script and its parameters.
pub fn script(typed: &typed::ScriptArgs) -> Result<Script, Failure> {
    if let Some(text) = &typed.program {
        return Ok(Script {
            name: "-e".into(),
            text: text.clone(),
            params: typed.words.clone(),
        });
    }
    let Some((file, params)) = typed.words.split_first() else {
        return Err(Failure::Usage(
            "nothing to run: give a query with -e, or a script file; --help shows examples".into(),
        ));
    };
    let (name, read) = if file == "-" {
        let mut bytes = Vec::new();
        let end = std::io::stdin().read_to_end(&mut bytes);
        ("stdin".to_owned(), end.map(|_| bytes))
    } else {
        (file.clone(), std::fs::read(file))
    };
    let bytes = read.map_err(|error| {
        // A bare word may have been meant as a command.
        let hint = match error.kind() == ErrorKind::NotFound && !name.contains(['/', '.']) {
            true => "; --help lists the commands, -e takes a query",
            false => "",
        };
        Failure::Usage(format!("read script {name}: {error}{hint}"))
    })?;
    Ok(Script {
        name,
        text: syntax::text_of(&bytes),
        params: params.to_vec(),
    })
}

/// A run.
pub fn request(typed: &typed::RunArgs) -> Result<Request, Failure> {
    let command = match &typed.command {
        None => None,
        Some(text) => Some(words(text).map_err(Failure::Usage)?),
    };
    Ok(Request {
        script: script(&typed.script)?,
        scope: Scope {
            pid: typed.pid,
            follow: true,
            command,
            duration: typed.limit.duration,
            include_terminal: typed.watchers.include_terminal,
            include_self: typed.watchers.include_self,
            ..Scope::default()
        },
        output: output(typed),
        limits: Limits {
            strict: typed.strict,
            backpressure: typed.backpressure,
            ring_bytes: typed.buffers.ring_size,
            settings: settings(typed.allowed.r#unsafe)?,
        },
        ready: ready(&typed.ready)?,
        record: None,
        dry_run: typed.dry_run,
        collector: None,
    })
}

/// Where to say that everything is attached.
pub fn ready(typed: &Ready) -> Result<Option<File>, Failure> {
    let open = |number| {
        crate::sys::fd::inherited(number)
            .map_err(|error| Failure::Usage(format!("--ready-fd {number}: {error}")))
    };
    typed.ready_fd.map(open).transpose()
}

/// The form of the output.
pub fn format(typed: typed::Format) -> Format {
    match typed {
        typed::Format::Text => Format::Text,
        typed::Format::Json => Format::Json,
        typed::Format::Jsonl => Format::Jsonl,
    }
}

/// What holds where a script does not say otherwise: bpftrace's environment variables, and `--unsafe`.
pub fn settings(allow_unsafe: bool) -> Result<Settings, Failure> {
    let mut settings = Settings {
        allow_unsafe,
        ..Settings::default()
    };
    for (name, value) in std::env::vars_os() {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        settings
            .environment(&name, &value)
            .map_err(Failure::Usage)?;
    }
    Ok(settings)
}

/// Where results go, and how.
pub fn output(typed: &typed::RunArgs) -> Output {
    Output {
        file: typed.results.output.clone(),
        to_stderr: false,
        trace: None,
        pending: None,
        format: format(typed.results.format),
        buffering: typed.buffering.map(|mode| match mode {
            typed::Buffering::Line => Buffering::Line,
            typed::Buffering::Full => Buffering::Full,
            typed::Buffering::None => Buffering::None,
        }),
        quiet: typed.quiet,
        verbose: typed.verbose,
    }
}

/// A duration: a whole number and `us`, `ms`, `s`, `m` or `h`; seconds without a unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let whole = || "a whole number and a unit are expected, such as 10s".to_owned();
    let number: u64 = number.parse().map_err(|_| whole())?;
    let factor_us: u64 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "" | "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(format!("unknown unit {unit:?}: use us, ms, s, m or h")),
    };
    number
        .checked_mul(factor_us)
        .map(Duration::from_micros)
        .ok_or_else(|| "too long".to_owned())
}

/// Bytes: a whole number and `K` or `M`; made a power of two of at least a page.
pub fn size(text: &str) -> Result<u32, String> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        _ => (text, 0),
    };
    let number: u32 = number
        .parse()
        .map_err(|_| "a number of bytes is expected, such as 256K or 4M".to_owned())?;
    number
        .checked_mul(1 << shift)
        .filter(|&bytes| bytes <= 1 << 30)
        .map(|bytes| bytes.max(4096).next_power_of_two())
        .ok_or_else(|| "at most 1024M".to_owned())
}

/// A command line in words, quotes and backslashes as in a shell; nothing is expanded.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match chars.next() {
                // A line that goes on.
                Some('\n') => {}
                Some(escaped) => {
                    let word = word.get_or_insert_default();
                    if quote.is_some() && !is_special_between_double_quotes(escaped) {
                        word.push('\\');
                    }
                    word.push(escaped);
                }
                None => return Err("-c ends with a backslash".into()),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("-c has an open {quote}"));
    }
    words.extend(word);
    if words.is_empty() {
        return Err("-c names no command".into());
    }
    Ok(words)
}

/// Any other character keeps the backslash before it (POSIX, Shell Command Language, 2.2.3).
fn is_special_between_double_quotes(c: char) -> bool {
    matches!(c, '$' | '`' | '"' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("3"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in [
            "",
            "s",
            "10x",
            "-1s",
            "99999999999999999999s",
            "9999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_become_powers_of_two() {
        assert_eq!(size("64K"), Ok(65536));
        assert_eq!(size("3M"), Ok(4 << 20));
        assert_eq!(size("1"), Ok(4096));
        for wrong in ["", "K", "12G", "5000M", "x"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn commands_are_split_as_a_shell_does() {
        let split = |text| words(text).expect("a command");
        assert_eq!(split("ls -l /etc"), ["ls", "-l", "/etc"]);
        assert_eq!(
            split(r#"sh -c 'echo "a b"; exit 3' "" x\ y"#),
            ["sh", "-c", "echo \"a b\"; exit 3", "", "x y"]
        );
        assert_eq!(split("sh \\\n -c 'a\\\nb'"), ["sh", "-c", "a\\\nb"]);
        assert_eq!(
            split(r#"grep "a\.b \"\$x\" \\" 'c\d' e\.f"#),
            ["grep", r#"a\.b "$x" \"#, r"c\d", "e.f"]
        );
        for wrong in ["", "  ", "'open", "end\\"] {
            assert!(words(wrong).is_err(), "{wrong}");
        }
    }
}
