//! Any text as a script: planned, generated and checked by the checker of generated code, without a panic.
#![no_main]

#[path = "../../tests/lang/facts.rs"]
mod facts;

use libfuzzer_sys::fuzz_target;
use tracer::diag::Severity;
use tracer::{codegen, plan, sema, syntax};

fuzz_target!(|bytes: &[u8]| {
    let text = syntax::text_of(bytes);
    let (script, mut found) = syntax::parse(&text, &["7".to_owned()]);
    let kernel = facts::kernel(&[]);
    let (program, more) = sema::check(&script, &kernel);
    found.extend(more);
    if found.iter().any(|d| d.severity == Severity::Error) {
        return;
    }
    let Ok(plan) = plan::plan(program, &kernel, &plan::Options::default()) else {
        return;
    };
    plan::explain::text(&plan);
    match codegen::generate(&plan) {
        Ok(generated) => codegen::checker::check(&plan, &generated)
            .unwrap_or_else(|broken| panic!("{broken}")),
        Err(wrong @ codegen::Error::Wrong(..)) => panic!("{wrong}"),
        Err(_) => {}
    }
});
