//! Whole programs traced by strace and by the tracer in the same run: both must tell the same.
//!
//! In: a command. Out: what differs, by [`level`](levels::Level). The two traces are joined on thread and ordinal: calls of a
//! thread have the same order for everybody. A command runs twice: once with raw arguments on both sides, once with all that is
//! decoded. What may differ stands in `allowed.txt`, at most ten entries, each with its reason.
//! Never sends a signal to what is traced, and leaves nothing running.

mod levels;
mod lines;
mod raw;
mod run;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::Place;
use levels::Differences;
use run::Form;

/// A program that both trace: name, programs that it needs, command line in a shell. `{scripts}`, `{trigger}` and `{port}` are
/// replaced.
type Program = (&'static str, &'static [&'static str], &'static str);

/// All of them.
pub const ALL: &[Program] = &[
    ("ls", &["ls"], "exec ls -lR /etc"),
    ("git-clone", &["git"], "exec git clone -q repository clone"),
    (
        "python",
        &["/usr/bin/python3"],
        "exec /usr/bin/python3 -c 'import json,ssl,sqlite3'",
    ),
    ("gcc", &["gcc"], "exec gcc -O -c -o program.o program.c"),
    (
        "curl",
        &["curl"],
        "exec curl -s -o page http://127.0.0.1:{port}/",
    ),
    (
        "tar-gzip",
        &["tar", "gzip"],
        "tar -C {scripts} -cf - . | gzip > scripts.tar.gz",
    ),
    (
        "dd",
        &["dd"],
        "exec dd if=/dev/zero of=zeros bs=4096 count=500",
    ),
    ("threads", &[], "exec {trigger} threads 40"),
    ("forks", &[], "exec {trigger} fork-all"),
];

/// What the programs work on.
const PROGRAM: &str = "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n";

/// Programs of [`ALL`] that are not here; none: it can run.
pub fn missing(programs: &[&str]) -> Option<String> {
    let is_here = |program: &&&str| {
        let path = std::env::split_paths(run::PATH).map(|folder| folder.join(program));
        !{ path }.any(|path| path.exists())
    };
    let missing = programs.iter().find(is_here)?;
    Some(format!("needs {missing}: it is not installed"))
}

/// A case of the kernel tests: no difference.
pub fn check(place: &Place, command: &str) -> Result<()> {
    let folder = tempfile::tempdir().context("make a folder")?;
    prepare(folder.path())?;
    let port = serve()?;
    let command = command
        .replace("{port}", &port.to_string())
        .replace("{scripts}", &place.scripts.display().to_string())
        .replace("{trigger}", &place.trigger.display().to_string());
    let shell = ["sh".to_owned(), "-c".to_owned(), command];
    let differences = compare(place, folder.path(), &shell)?;
    ensure!(differences.is_empty(), "{}", differences.text());
    Ok(())
}

/// `cases diff-strace COMMAND…`: says what differs.
pub fn report(place: &Place, command: &[String]) -> Result<ExitCode> {
    let here = std::env::current_dir().context("find this directory")?;
    let differences = compare(place, &here, command)?;
    print!("{}", differences.text());
    Ok(match differences.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn compare(place: &Place, folder: &Path, command: &[String]) -> Result<Differences> {
    let (theirs, ours) = run::both(place, folder, command, Form::Raw)?;
    let mut differences = Differences::default();
    raw::compare(
        &lines::threads(&theirs),
        &raw::threads(&ours)?,
        &mut differences,
    );
    let (theirs, ours) = run::both(place, folder, command, Form::Decoded)?;
    let (theirs, ours) = (lines::threads(&theirs), lines::threads(&ours));
    levels::compare(&theirs, &ours, &mut differences)?;
    Ok(differences)
}

/// A repository and a program in C.
fn prepare(folder: &Path) -> Result<()> {
    std::fs::write(folder.join("program.c"), PROGRAM).context("write a program")?;
    if missing(&["git"]).is_some() {
        return Ok(());
    }
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        let status = command.args(args).current_dir(folder).status();
        let status = status.context("run git")?;
        ensure!(status.success(), "git {args:?}: {status}");
        Ok(())
    };
    git(&["init", "-q", "repository"])?;
    std::fs::write(folder.join("repository/program.c"), PROGRAM).context("write a program")?;
    git(&["-C", "repository", "add", "program.c"])?;
    git(&["-C", "repository", "commit", "-q", "-m", "A program"])
}

/// Answers requests on a port of this machine, until this program ends.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
    let port = listener.local_addr().context("find the port")?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that has gone is served no further.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
        }
    });
    Ok(port)
}
