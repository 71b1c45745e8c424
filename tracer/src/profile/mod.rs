//! Profiles: what runs of a command did, small enough to keep and stable enough to compare.
//!
//! In: counted calls, paths, programs, bytes and durations of a run: the maps of one script, asked of a live run or of a recording. Out: [`Profile`], its
//! JSON (`docs/profile.md`), the differences of two ([`diff`]) and what tells two apart ([`learn`]). Pure. What differs from
//! one run to the next for no reason (process ids, temporary names) is written the same way: [`canonical`].

pub mod canonical;
pub mod diff;
pub mod gather;
pub mod histogram;
pub mod learn;
pub mod metrics;
pub mod script;
#[cfg(test)]
mod tests;

use histogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the file says it is.
pub const FORMAT: &str = "tracer-profile";
/// Layout of the file; grows when members change their meaning.
pub const VERSION: u32 = 1;

/// Runs of one command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// What was run.
    #[serde(default)]
    pub command: Vec<String>,
    /// The kernel that it ran on: `uname -r`.
    #[serde(default)]
    pub kernel: String,
    /// It was made of recordings: their calls took longer than calls that are only counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recorded: bool,
    /// What alone was recorded, in words. Empty: all that a command and its descendants did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub selected: String,
    /// In order.
    pub runs: Vec<Run>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// One run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// How the command ended, in words. Empty: there was none.
    #[serde(default)]
    pub ended: String,
    /// What was not seen: sentences. Empty: everything was.
    #[serde(default)]
    pub unseen: Vec<String>,
    /// By the name of the program (of its thread, as the kernel keeps it).
    pub programs: BTreeMap<String, Program>,
}

/// What a program did.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Program {
    /// Finished calls by name and outcome: `ok`, or the error's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, BTreeMap<String, u64>>,
    /// How long calls took, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latency: BTreeMap<String, Histogram>,
    /// Paths by call, path and outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// What it executed: how it became this program.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub executed: BTreeMap<String, u64>,
    /// Bytes that calls have moved, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bytes: BTreeMap<String, u64>,
}

/// Why two sets cannot be compared, if they cannot: they do not hold the same selection of what happened.
pub fn unlike(a: &[Profile], b: &[Profile]) -> Option<String> {
    let first = a.first().or(b.first())?;
    let other = a.iter().chain(b).find(|p| p.selected != first.selected)?;
    let words = |profile: &Profile| match profile.selected.as_str() {
        "" => "all that a command and its descendants did".to_owned(),
        words => words.to_owned(),
    };
    Some(format!(
        "what is compared has to be of the same selection, and there is: {}; and: {}",
        words(first),
        words(other)
    ))
}

/// Why a text is no profile: a sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or not of this layout.
    #[error("it is no profile: {0}")]
    Malformed(String),
    /// Of a later version of the layout.
    #[error(
        "it has layout {found} of profiles, this tracer knows {VERSION} and older: use a newer one"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
}

impl Profile {
    /// Of runs of a command.
    pub fn new(command: Vec<String>, kernel: String, runs: Vec<Run>) -> Profile {
        Profile {
            format: FORMAT.to_owned(),
            version: VERSION,
            command,
            kernel,
            recorded: false,
            selected: String::new(),
            runs,
        }
    }

    /// As it is kept.
    pub fn json(&self) -> String {
        // Maps of strings and numbers have no value that JSON lacks.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    /// Reads what [`Profile::json`] wrote, by this version or an older one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &[u8]) -> Result<Profile, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let malformed = |error: serde_json::Error| Unreadable::Malformed(error.to_string());
        let head: Head = serde_json::from_slice(text).map_err(malformed)?;
        if head.format != FORMAT {
            let what = format!("its format is {:?}, not {FORMAT:?}", head.format);
            return Err(Unreadable::Malformed(what));
        }
        if head.version > VERSION {
            return Err(Unreadable::Newer {
                found: head.version,
            });
        }
        serde_json::from_slice(text).map_err(malformed)
    }
}
