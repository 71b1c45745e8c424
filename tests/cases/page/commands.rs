//! The commands of a page, run one after the other in a new directory, beside what the page says they print.
//!
//! In: the place, the page. Out: the command whose output is another. Lines of a `console` block that begin with `$ ` are
//! commands (`> ` goes on), the others what they print, as in a case; lines that begin with `# ` show what only a person can try.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Place;
use crate::expect;

/// Pages with commands, and the features that these need.
pub const PAGES: &[(&str, &str, &str)] = &[
    (
        "howto-bisect",
        "root btf git",
        include_str!("../../../docs/howto-bisect.md"),
    ),
    (
        "profile",
        "root btf",
        include_str!("../../../docs/profile.md"),
    ),
    (
        "recording",
        "root btf",
        include_str!("../../../docs/recording.md"),
    ),
    ("trace", "root btf", include_str!("../../../docs/trace.md")),
];

/// A command and what it prints.
struct Step {
    command: String,
    prints: Vec<String>,
}

/// Follows a page.
pub fn follow(place: &Place, page: &str) -> Result<()> {
    let folder = tempfile::tempdir().context("make a directory")?;
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin)?;
    std::os::unix::fs::symlink(&place.tracer, bin.join("tracer")).context("link the tracer")?;
    let steps = steps(page);
    ensure!(steps.len() > 5, "the page has {} commands", steps.len());
    // One shell for all, so that `cd` lasts; a line that no command prints stands behind each.
    const MARK: &str = "--- end of the command ---";
    let script: String = steps
        .iter()
        .map(|step| format!("{}\necho '{MARK}'\n", step.command))
        .collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", folder.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .context("run a shell")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let end = format!("{MARK}\n");
    let mut parts = text.split(&end);
    for step in &steps {
        let printed = parts.next().unwrap_or_default();
        expect::lines(&step.command, &step.prints, printed, &Vec::new())?;
    }
    Ok(())
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (
                line.strip_prefix("$ "),
                line.strip_prefix("> "),
                steps.last_mut(),
            ) {
                (Some(command), _, _) => steps.push(Step {
                    command: command.to_owned(),
                    prints: Vec::new(),
                }),
                (None, Some(more), Some(step)) => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ if line.starts_with("# ") => {}
                (None, None, Some(step)) => step.prints.push(line.to_owned()),
                _ => {}
            },
        }
    }
    steps
}
