//! Any bytes as a script: parsed and formatted without a panic, in bounded time; formatting keeps the tree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::syntax;

fuzz_target!(|bytes: &[u8]| {
    let text = syntax::text_of(bytes);
    assert_eq!(syntax::bytes_of(&text), bytes);
    let params = ["7".to_owned(), "text".to_owned()];
    let (script, diagnostics) = syntax::parse(&text, &params);
    for d in &diagnostics {
        assert!(text.get(d.span.start as usize..d.span.end as usize).is_some());
    }
    let Ok(once) = syntax::format::format(&text) else {
        return;
    };
    let (again, _) = syntax::parse(&once, &params);
    assert_eq!(syntax::dump::text(&script), syntax::dump::text(&again), "{once}");
    assert_eq!(syntax::format::format(&once).as_ref(), Ok(&once));
});
