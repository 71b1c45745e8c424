//! The report of a check: one line for people, one object for programs.
//!
//! In: judgements. Out: text. Never decides.

use super::status;
use crate::verdict::Judgement;
use serde_json::{Value, json};

/// Layout of the object; grows when members change their meaning.
const VERSION: u32 = 1;

/// What a check has come to.
pub struct Report {
    /// In all.
    pub judgement: Judgement,
    /// Of each run, in order.
    pub runs: Vec<Run>,
    /// What the user calls it.
    pub label: Option<String>,
    /// What is behind the verdict, when it is a comparison: an object of its own.
    pub details: Option<Value>,
}

/// One run.
pub struct Run {
    /// What it has shown.
    pub judgement: Judgement,
    /// How the command ended, in words.
    pub command: Option<String>,
    /// What went unseen: sentences.
    pub unseen: Vec<String>,
}

impl Report {
    /// `bad: count(syscall:fsync) <= 1 does not hold: …`
    pub fn text(&self) -> String {
        let label = self.label.as_ref();
        let label = label.map_or(String::new(), |label| format!("{label}: "));
        let Judgement { verdict, reason } = &self.judgement;
        format!("{label}{}: {}\n", verdict.name(), one_line(reason))
    }

    /// The same with all that led to it.
    pub fn json(&self) -> String {
        let runs = self.runs.iter().map(|run| {
            json!({
                "verdict": run.judgement.verdict.name(),
                "reason": run.judgement.reason,
                "command": run.command,
                "unseen": run.unseen,
            })
        });
        let mut object = json!({
            "type": "check",
            "version": VERSION,
            "label": self.label,
            "verdict": self.judgement.verdict.name(),
            "status": status::of(self.judgement.verdict),
            "reason": self.judgement.reason,
            "runs": runs.collect::<Vec<_>>(),
        });
        if let Some(details) = &self.details {
            object["details"] = details.clone();
        }
        format!("{object}\n")
    }
}

/// A reason may hold what programs call their files.
fn one_line(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' => "\\n".to_owned(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(visible).collect()
}
