//! Verdicts: what a run has shown about the mistake that somebody looks for, and whether it could show that at all.
//!
//! In: what a script said, what was lost, how the command ended. Out: [`Judgement`]: good, bad, or unsure, with the reason.
//! Pure. Never says good or bad when something that was not seen could have changed the answer.

pub mod assertion;
pub mod statements;
#[cfg(test)]
mod tests;

pub use crate::ir::Verdict;

use statements::Statement;

/// What is known of one run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    /// What the script said, in the order of its statements.
    pub said: Vec<Said>,
    /// What the script can say.
    pub can: Can,
    /// How the command ended that was run.
    pub command: Command,
    /// What went unseen: losses, values that could not be read, probes that were not attached. Sentences.
    pub unseen: Vec<String>,
    /// A failing command is no reason to doubt a good run.
    pub any_status: bool,
    /// The mistake is that the command fails: without it a run is good, whatever the script can say.
    pub by_status: bool,
    /// Another program says which failure is meant.
    pub has_symptom: bool,
}

/// What a statement of the script said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason; may be empty.
    pub reason: String,
    /// It stands although something went unseen: see [`Statement::direct`].
    pub direct: bool,
    /// It is of the program that says which failure is meant.
    pub symptom: bool,
}

/// What a script can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Can {
    /// `good()` stands in it.
    pub good: bool,
    /// `bad()` stands in it.
    pub bad: bool,
}

impl Can {
    /// By its statements.
    pub fn of(statements: &[Statement]) -> Can {
        let says = |verdict| statements.iter().any(|s| s.verdict == verdict);
        Can {
            good: says(Verdict::Good),
            bad: says(Verdict::Bad),
        }
    }
}

/// How the command of a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Command {
    /// There was none.
    #[default]
    None,
    /// With status 0.
    Succeeded,
    /// With another status, or by a signal: how, in words.
    Failed(String),
    /// It had not ended when the time was over.
    Unfinished,
}

/// A verdict and its reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// A sentence without full stop.
    pub reason: String,
}

impl Judgement {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Judgement {
        let reason = reason.into();
        Judgement { verdict, reason }
    }
}

/// What one run has shown.
pub fn judge(run: &Evidence) -> Judgement {
    if let Some(said) = run.main(Verdict::Unsure).next() {
        return Judgement::new(Verdict::Unsure, said.or("the program said unsure()"));
    }
    if let Some(judgement) = accused(run) {
        return judgement;
    }
    if let Some(first) = run.unseen.first() {
        let more = match run.unseen.len() - 1 {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        return Judgement::new(Verdict::Unsure, format!("{first}{more}"));
    }
    let unsure = |reason: &str| Judgement::new(Verdict::Unsure, reason);
    match &run.command {
        Command::Unfinished => return unsure("the command had not ended when the time was over"),
        Command::Failed(how) if !run.any_status => {
            return unsure(&format!("the command failed in another way: {how}"));
        }
        _ => {}
    }
    match run.main(Verdict::Good).next() {
        Some(said) => Judgement::new(Verdict::Good, said.or("the program said good()")),
        None if run.can.good => unsure("the program said neither good() nor bad()"),
        None if run.by_status => Judgement::new(Verdict::Good, "the command succeeded"),
        None => Judgement::new(Verdict::Good, "the program never said bad()"),
    }
}

/// The judgement when there is reason to say bad.
fn accused(run: &Evidence) -> Option<Judgement> {
    let failed = match &run.command {
        Command::Failed(how) if run.by_status => Some(how),
        _ => None,
    };
    let direct = run.main(Verdict::Bad).find(|said| said.direct);
    let any = direct.or_else(|| run.main(Verdict::Bad).next());
    let reason = match (any, failed) {
        (Some(said), _) => said.or("the program said bad()"),
        (None, Some(how)) => format!("the command failed: {how}"),
        (None, None) => return None,
    };
    let unsure = |why: &str| Some(Judgement::new(Verdict::Unsure, format!("{why} ({reason})")));
    let symptom = match run.has_symptom {
        true => {
            let mut seen = run
                .said
                .iter()
                .filter(|s| s.symptom && s.verdict == Verdict::Bad);
            let direct = seen.clone().find(|said| said.direct);
            match direct.or_else(|| seen.next()) {
                None => return unsure("the symptom was not seen: another failure"),
                found => found,
            }
        }
        false => None,
    };
    // A failing command is a fact; what was said through maps or at the end is only as whole as what was seen.
    let stands = (failed.is_some() || direct.is_some()) && symptom.is_none_or(|s| s.direct);
    match run.unseen.first() {
        Some(unseen) if !stands => unsure(&format!("{unseen}, which could have led to bad()")),
        _ => Some(Judgement::new(
            Verdict::Bad,
            match symptom.map(|said| said.reason.as_str()) {
                None | Some("") => reason,
                Some(symptom) => format!("{reason}; {symptom}"),
            },
        )),
    }
}

/// What several runs have shown: one bad run is enough to say bad, and good takes all of them.
pub fn over_runs(runs: &[Judgement]) -> Judgement {
    let first = |verdict| runs.iter().position(|run| run.verdict == verdict);
    let found = first(Verdict::Bad).or_else(|| first(Verdict::Unsure));
    match (found, runs) {
        (_, []) => Judgement::new(Verdict::Unsure, "nothing was run"),
        (_, [only]) => only.clone(),
        (Some(at), _) => {
            let reason = format!("{} (run {})", runs[at].reason, at + 1);
            Judgement::new(runs[at].verdict, reason)
        }
        (None, [first, ..]) => {
            let reason = format!("{} (in all {} runs)", first.reason, runs.len());
            Judgement::new(Verdict::Good, reason)
        }
    }
}

impl Evidence {
    /// What the program itself said of that kind.
    fn main(&self, verdict: Verdict) -> impl Iterator<Item = &Said> {
        let is_meant = move |said: &&Said| said.verdict == verdict && !said.symptom;
        self.said.iter().filter(is_meant)
    }
}

impl Said {
    fn or(&self, otherwise: &str) -> String {
        match self.reason.as_str() {
            "" => otherwise.to_owned(),
            reason => reason.to_owned(),
        }
    }
}
