//! `--dump=STAGE`: what a stage made of the script, as text; the object as bytes.
//!
//! In: a script and stages. Out: their values, in the order asked for. Loads nothing, prints nothing.

use super::typed::Stage;
use crate::codegen::regalloc::Resources;
use crate::facts::Facts;
use crate::session::compile::{self, Options};
use crate::session::{Error, Script};
use crate::{bpf, codegen, ir, plan, syntax};

/// The stages' values, one after the other.
pub fn stages(
    script: &Script,
    stages: &[Stage],
    options: &Options,
    facts: &dyn Facts,
) -> Result<Vec<u8>, Error> {
    let mut values = Vec::new();
    for &stage in stages {
        values.extend(match stage {
            Stage::Tokens => syntax::tokens(&script.text).into_bytes(),
            Stage::Ast => {
                let (tree, found) = syntax::parse(&script.text, &script.parameters().0);
                compile::no_errors(found)?;
                syntax::dump::text(&tree).into_bytes()
            }
            _ => later(script, stage, options, facts)?,
        });
    }
    Ok(values)
}

/// The stages that ask for kernel facts.
fn later(
    script: &Script,
    stage: Stage,
    options: &Options,
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
        return lir(&plan).map_err(|error| compile::from_codegen(&plan, error));
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
        for callback in &lowered.callbacks {
            text.push_str(&codegen::lir::text(&callback.lir));
        }
    }
    Ok(text.into_bytes())
}
