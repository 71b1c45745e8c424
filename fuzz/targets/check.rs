//! Any text as a script: checked without a panic; what has no error keeps the IR's rules.
#![no_main]

#[path = "../../tests/lang/facts.rs"]
mod facts;

use libfuzzer_sys::fuzz_target;
use tracer::diag::Severity;
use tracer::{ir, sema, syntax};

fuzz_target!(|bytes: &[u8]| {
    let text = syntax::text_of(bytes);
    let (script, mut found) = syntax::parse(&text, &["7".to_owned()]);
    let kernel = facts::kernel(&[]);
    let (program, more) = sema::check(&script, &kernel);
    found.extend(more);
    tracer::diag::render::text("fuzz.bt", &text, &found, tracer::diag::render::Colour::Never);
    if found.iter().all(|d| d.severity != Severity::Error) {
        ir::verify::verify(&program).unwrap_or_else(|broken| panic!("{broken:#?}"));
        let read = ir::text::read(&ir::text::write(&program)).expect("what was written is read");
        assert_eq!(ir::text::write(&read), ir::text::write(&program));
    }
});
