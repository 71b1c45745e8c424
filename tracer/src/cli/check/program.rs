//! The program of a check: what was given, and the symptom's, as one.
//!
//! In: the typed options. Out: a [`Script`], its statements, and which of them are the symptom's. Both run as one program: a map
//! that both name is one map.

use super::status::{Trouble, of_session};
use super::typed::CheckArgs;
use crate::cli::{meant, typed};
use crate::ir;
use crate::kernel::Live;
use crate::sema::Settings;
use crate::session::{Limits, Script, compile};
use crate::verdict::statements::{self, Statement};
use crate::verdict::{Can, assertion};

/// What is run, and how it is to be read.
pub struct Program {
    /// The text.
    pub script: Script,
    /// Its typed form.
    pub ir: ir::Program,
    /// Its statements that give a verdict.
    pub statements: Vec<Statement>,
    /// Where the symptom's program begins, if there is one.
    pub symptom: Option<usize>,
    /// The command's status is what is checked.
    pub by_status: bool,
}

/// What could not be made: the machine lacks something (a reason), or the check is broken.
pub enum Unfit {
    /// The run could not tell.
    Unsure(String),
    /// It is broken.
    Broken(Trouble),
}

impl From<Trouble> for Unfit {
    fn from(trouble: Trouble) -> Unfit {
        Unfit::Broken(trouble)
    }
}

impl Program {
    /// From the options.
    pub fn of(typed: &CheckArgs, facts: &Live) -> Result<Program, Unfit> {
        let (script, symptom) = script(typed)?;
        let options = compile::Options {
            only_tree: is_of_command(typed),
            ..compile::Options::new(typed.pid, &limits(typed)?)
        };
        let (ir, _) =
            compile::check(&script, &options, facts).map_err(|error| {
                match of_session(error, &script) {
                    Ok(reason) => Unfit::Unsure(reason),
                    Err(trouble) => Unfit::Broken(trouble),
                }
            })?;
        let program = Program {
            by_status: typed.program.is_none() && typed.words.is_empty() && typed.assert.is_empty(),
            statements: statements::of(&ir),
            script,
            ir,
            symptom,
        };
        program.can_judge()?;
        Ok(program)
    }

    /// Whether a statement is of the program that says which failure is meant.
    pub fn is_symptom(&self, statement: &Statement) -> bool {
        self.symptom
            .is_some_and(|at| statement.span.start as usize >= at)
    }

    /// What the program itself can say.
    pub fn can(&self) -> Can {
        let own = self.statements.iter().filter(|s| !self.is_symptom(s));
        Can::of(&own.cloned().collect::<Vec<_>>())
    }

    fn can_judge(&self) -> Result<(), Trouble> {
        let symptom = self.statements.iter().filter(|s| self.is_symptom(s));
        if self.symptom.is_some() && !Can::of(&symptom.cloned().collect::<Vec<_>>()).bad {
            let said = "the program of --same-symptom never says bad(): it says so when a failure is the one that is meant";
            return Err(Trouble::usage(said));
        }
        if !self.by_status && !self.can().bad {
            return Err(Trouble::usage(
                "the program never says bad(): there is nothing to check",
            ));
        }
        Ok(())
    }
}

/// Probes fire for the command and its descendants alone.
pub fn is_of_command(typed: &CheckArgs) -> bool {
    !typed.command.is_empty() && !typed.system
}

/// What the check may cost.
pub fn limits(typed: &CheckArgs) -> Result<Limits, Trouble> {
    let settings = Settings {
        verdict: true,
        ..meant::settings(typed.allowed.r#unsafe)?
    };
    Ok(Limits {
        strict: false,
        backpressure: false,
        ring_bytes: typed.buffers.ring_size,
        settings,
    })
}

fn script(typed: &CheckArgs) -> Result<(Script, Option<usize>), Trouble> {
    let mut script = if !typed.assert.is_empty() {
        Script {
            name: "--assert".into(),
            text: assertion::compile(&typed.assert).map_err(|m| Trouble::usage(m.to_string()))?,
            params: Vec::new(),
        }
    } else if typed.program.is_some() || !typed.words.is_empty() {
        meant::script(&typed::ScriptArgs {
            program: typed.program.clone(),
            words: typed.words.clone(),
        })?
    } else {
        Script {
            name: "--same-symptom".into(),
            ..Script::default()
        }
    };
    let Some(symptom) = &typed.same_symptom else {
        return match script.text.is_empty() {
            true => Err(Trouble::usage(
                "nothing to check: give a program with -e, a file, --assert, --against or --same-symptom",
            )),
            false => Ok((script, None)),
        };
    };
    if !script.text.is_empty() {
        script.text.push('\n');
    }
    let at = script.text.len();
    script.text += symptom;
    Ok((script, Some(at)))
}
