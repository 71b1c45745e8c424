//! `git bisect run tracer check …` over a repository made for it: 64 commits of a C program, of which one sign-extends the
//! flags that it passes to clone3. Others change timing, logging, paths, or fail for reasons of their own.
//!
//! In: the place. Out: the bisections that named another commit, and the steps that said what is not so. Each commit is
//! built once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::Place;

/// Commits, numbered from 0: the first is good, the last is bad.
const COMMITS: usize = 64;
/// The one that brings the mistake.
const CULPRIT: usize = 38;
/// How often the commit has to be named.
const ROUNDS: usize = 20;

/// The probe: the kernel refuses flags that it does not know.
const PROBE: &str =
    "syscall:clone3 /errno == EINVAL/ { bad(\"clone3 refused flags 0x%llx\", args.flags); }";
/// The same as an assertion.
const ASSERTION: &str = "errors(clone3, EINVAL) == 0";

/// By a probe and by an assertion: the commit is named each time.
pub fn names_the_commit(place: &Place) -> Result<()> {
    let repository = Repository::new(place, |_| true)?;
    for round in 0..ROUNDS {
        let check = match round % 2 {
            0 => vec!["-e", PROBE],
            _ => vec!["--assert", ASSERTION],
        };
        let ended = repository.bisect(&check)?;
        repository.says_the_truth(&ended)?;
        ended
            .names(CULPRIT)
            .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

/// Every fifth commit does not build: git skips it, and names the same commit.
pub fn skips_what_does_not_build(place: &Place) -> Result<()> {
    let repository = Repository::new(place, |commit| commit % 5 != 0)?;
    let mut skipped = 0;
    for round in 0..ROUNDS {
        let ended = repository.bisect(&["-e", PROBE])?;
        repository.says_the_truth(&ended)?;
        skipped += ended.skipped;
        ended
            .names(CULPRIT)
            .with_context(|| format!("round {round}"))?;
    }
    ensure!(skipped > 0, "no commit was skipped");
    Ok(())
}

/// A tracer whose buffers are far too small says that it cannot tell, and never a wrong word.
pub fn starved(place: &Place) -> Result<()> {
    let repository = Repository::new(place, |_| true)?;
    let flood = format!("syscall:* {{ printf(\"%s %d\\n\", name, retval); }} {PROBE}");
    let mut unsure = 0;
    for round in 0..3 {
        let ended = repository.bisect(&["--ring-size", "4096", "-e", &flood])?;
        repository.says_the_truth(&ended)?;
        unsure += ended
            .steps
            .iter()
            .filter(|step| step.verdict == "unsure")
            .count();
        let named = ended.named.as_ref().is_none_or(|commit| *commit == CULPRIT);
        ensure!(
            named,
            "round {round} names {:?}\n{}",
            ended.named,
            ended.said
        );
    }
    ensure!(unsure > 0, "no step was starved");
    Ok(())
}

/// A git repository, a place for built programs, and the step that git runs.
struct Repository {
    folder: tempfile::TempDir,
    tracer: PathBuf,
    /// Ids by number.
    commits: Vec<String>,
}

/// A bisection that has ended.
struct Bisected {
    /// The commit that it named.
    named: Option<usize>,
    steps: Vec<Step>,
    /// Commits that could not be built.
    skipped: usize,
    /// What git said.
    said: String,
}

/// What the tracer said of a commit.
struct Step {
    commit: usize,
    verdict: String,
}

impl Bisected {
    fn names(&self, commit: usize) -> Result<()> {
        match self.named == Some(commit) {
            true => Ok(()),
            false => bail!("named is {:?}, not {commit}\n{}", self.named, self.said),
        }
    }
}

/// Commits whose program ends with status 3 for a reason of its own.
fn fails_otherwise(commit: usize) -> bool {
    commit % 11 == 3
}

/// The program as it is in a commit.
fn source(commit: usize, builds: bool) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        r#"#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t start(void) {{
    struct clone_args args;
    memset(&args, 0, sizeof(args));
    {flags} flags = 0x80000000;
    args.flags = flags;
    args.exit_signal = SIGCHLD;
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    return pid < 0 ? fork() : (pid_t)pid;
}}

int main(void) {{
    struct timespec pause = {{0, {pause}}};
    char path[64];
    for (int i = 0; i < {calls}; i++) syscall(SYS_getppid);
    snprintf(path, sizeof(path), "/no/such/place-%d", {commit} / 3);
    int fd = open(path, O_RDONLY);
    if (fd >= 0) close(fd);
    nanosleep(&pause, 0);
    pid_t child = start();
    if (child == 0) _exit(0);
    waitpid(child, 0, 0);
    dprintf(2, "{log} %d\n", {commit});
    return {status};
}}
"#,
        flags = if commit < CULPRIT {
            "uint32_t"
        } else {
            "int32_t"
        },
        pause = 1000 * (1 + commit % 7),
        calls = 400 + 37 * (commit % 5),
        log = ["started", "ready", "step"][commit % 3],
        status = if fails_otherwise(commit) { 3 } else { 0 },
    );
    if !builds {
        text += "int broken = ;\n";
    }
    text
}

impl Repository {
    fn new(place: &Place, builds: impl Fn(usize) -> bool) -> Result<Repository> {
        let folder = tempfile::tempdir().context("make a directory")?;
        let repository = folder.path().join("repository");
        std::fs::create_dir(&repository)?;
        std::fs::create_dir(folder.path().join("built"))?;
        let mut made = Repository {
            folder,
            tracer: place.tracer.clone(),
            commits: Vec::new(),
        };
        made.git(&["init", "-q", "-b", "main"])?;
        made.import(&builds)?;
        let log = made.git(&["log", "--reverse", "--format=%H", "main"])?;
        made.commits = log.lines().map(str::to_owned).collect();
        ensure!(
            made.commits.len() == COMMITS,
            "git made {} commits",
            made.commits.len()
        );
        Ok(made)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Git, without the user's own settings.
    fn command(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.args(args)
            .current_dir(self.path().join("repository"))
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PROBE_TRACER", &self.tracer);
        git
    }

    fn git(&self, args: &[&str]) -> Result<String> {
        let ended = self.command(args).output().context("run git")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ensure!(
            ended.status.success(),
            "git {args:?}: {}",
            text(&ended.stderr)
        );
        Ok(text(&ended.stdout))
    }

    /// All commits in one stream (git-fast-import(1)).
    fn import(&self, builds: &dyn Fn(usize) -> bool) -> Result<()> {
        let mut stream = String::new();
        for commit in 0..COMMITS {
            let source = source(commit, builds(commit));
            let message = format!("commit {commit}\n");
            let time = 1_700_000_000 + 60 * commit;
            let _ = write!(
                stream,
                "commit refs/heads/main\ncommitter a <a@example.org> {time} +0000\ndata {}\n{message}M 100644 inline main.c\ndata {}\n{source}\n",
                message.len(),
                source.len(),
            );
        }
        let mut child = self
            .command(&["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .context("run git fast-import")?;
        let mut stdin = child.stdin.take().context("standard input is piped")?;
        stdin.write_all(stream.as_bytes())?;
        drop(stdin);
        ensure!(child.wait()?.success(), "git fast-import failed");
        Ok(())
    }

    /// One bisection from the first to the last commit.
    fn bisect(&self, check: &[&str]) -> Result<Bisected> {
        let log = self.path().join("log");
        let skipped = self.path().join("skipped");
        for file in [&log, &skipped] {
            let _ = std::fs::remove_file(file);
        }
        std::fs::write(self.path().join("step.sh"), STEP)?;
        let (last, first) = (&self.commits[COMMITS - 1], &self.commits[0]);
        self.git(&["bisect", "start", last, first])?;
        let step = self.path().join("step.sh").display().to_string();
        let folder = self.path().display().to_string();
        let mut args = vec!["bisect", "run", "sh", &step, &folder];
        args.extend(check);
        let ended = self.command(&args).output().context("run git bisect")?;
        let said = String::from_utf8_lossy(&ended.stdout).into_owned()
            + &String::from_utf8_lossy(&ended.stderr);
        let named = said
            .lines()
            .find_map(|line| line.strip_suffix(" is the first bad commit"))
            .and_then(|id| self.commits.iter().position(|commit| commit == id));
        self.git(&["bisect", "reset"])?;
        Ok(Bisected {
            named,
            steps: self.steps(&log)?,
            skipped: std::fs::read_to_string(&skipped)
                .unwrap_or_default()
                .lines()
                .count(),
            said,
        })
    }

    fn steps(&self, log: &Path) -> Result<Vec<Step>> {
        let text = std::fs::read_to_string(log).context("read the log of the checks")?;
        let step = |line: &str| {
            let object: Value = serde_json::from_str(line).context("a line of JSON")?;
            let label = object["label"].as_str().unwrap_or_default();
            let commit = self.commits.iter().position(|commit| commit == label);
            Ok(Step {
                commit: commit.with_context(|| format!("no commit {label}"))?,
                verdict: object["verdict"].as_str().unwrap_or_default().to_owned(),
            })
        };
        text.lines().map(step).collect()
    }

    /// No step said good of a commit with the mistake, or bad of one without.
    fn says_the_truth(&self, ended: &Bisected) -> Result<()> {
        let verdicts: BTreeSet<&str> = ["good", "bad", "unsure"].into();
        ensure!(
            !ended.steps.is_empty(),
            "no step was logged\n{}",
            ended.said
        );
        for Step { commit, verdict } in &ended.steps {
            let wrong = if *commit < CULPRIT { "bad" } else { "good" };
            ensure!(
                verdicts.contains(verdict.as_str()),
                "{verdict:?} is no verdict"
            );
            ensure!(
                verdict != wrong,
                "commit {commit} is {verdict}\n{}",
                ended.said
            );
        }
        Ok(())
    }
}

/// What git runs for each commit: build it unless that was done, then check.
const STEP: &str = r#"folder=$1; shift
commit=$(git rev-parse HEAD)
program=$folder/built/$commit
if ! test -x "$program" && ! cc -o "$program" main.c 2>/dev/null; then
    echo "$commit" >>"$folder/skipped"
    exit 125
fi
exec "$PROBE_TRACER" check --log "$folder/log" --label "$commit" "$@" -- "$program"
"#;
