//! `--dump=STAGE`: what a stage made of the script, as text; the object as bytes.
//!
//! In: a script and stages. Out: their values on standard output, in the order asked for. Nothing is loaded.

use super::failure::Failure;
use super::typed::Stage;
use crate::codegen::regalloc::Resources;
use crate::facts::Facts;
use crate::session::compile::{self, Options};
use crate::session::{Error, Script};
use crate::{bpf, codegen, ir, plan, syntax};
use std::io::{self, IsTerminal, Write};

/// Prints the stages' values.
pub fn stages(
    script: &Script,
    stages: &[Stage],
    options: Options,
    facts: &dyn Facts,
) -> Result<(), Failure> {
    for &stage in stages {
        let value = match stage {
            Stage::Tokens => syntax::tokens(&script.text).into_bytes(),
            Stage::Ast => {
                let (tree, found) = syntax::parse(&script.text, &script.params);
                compile::no_errors(found).map_err(|error| Failure::of(error, script))?;
                syntax::dump::text(&tree).into_bytes()
            }
            _ => later(script, stage, options, facts).map_err(|e| Failure::of(e, script))?,
        };
        if stage == Stage::Elf && io::stdout().is_terminal() {
            let sentence = "the object is not text: send it to a file or through a pipe";
            return Err(Failure::Usage(sentence.into()));
        }
        io::stdout().lock().write_all(&value)?;
    }
    Ok(())
}

/// The stages that ask for kernel facts.
fn later(
    script: &Script,
    stage: Stage,
    options: Options,
    facts: &dyn Facts,
) -> Result<Vec<u8>, Error> {
    if stage == Stage::Ir {
        let (program, _) = compile::check(script, options, facts)?;
        return Ok(ir::text::write(&program).into_bytes());
    }
    let (plan, _) = compile::plan(script, options, facts)?;
    if stage == Stage::Plan {
        return Ok(plan::explain::text(&plan).into_bytes());
    }
    if stage == Stage::Lir {
        return lir(&plan).map_err(compile::from_codegen);
    }
    let generated = compile::generate(&plan)?;
    if stage == Stage::Elf {
        return compile::link(&plan, &generated);
    }
    let functions = generated.functions.iter();
    Ok(functions
        .flat_map(|f| bpf::text::write(f).into_bytes())
        .collect())
}

fn lir(plan: &plan::Plan) -> Result<Vec<u8>, codegen::Error> {
    let mut text = String::new();
    for program in &plan.programs {
        let lowered = codegen::lowered(plan, program, Resources::ALL)?;
        text.push_str(&codegen::lir::text(&lowered.lir));
    }
    Ok(text.into_bytes())
}
