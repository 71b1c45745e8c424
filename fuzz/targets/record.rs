//! Any bytes as a record of a script's actions: read to values or refused, without a panic.
#![no_main]

#[path = "../../tests/lang/facts.rs"]
mod facts;

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use tracer::plan::{self, Plan};
use tracer::{sema, stream, syntax};

/// Actions with every kind of argument, present and absent.
const SCRIPT: &str = r#"
syscall:openat {
    printf("%d %s %s %d\n", pid, comm, args.filename, duration);
    print((pid, comm, 1));
    print(kstack);
    print(errno);
    time("%H\n");
    @x[comm] = count();
    print(@x, 3);
    clear(@x);
    exit(3);
}
"#;

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let kernel = facts::kernel(&[]);
        let (script, _) = syntax::parse(SCRIPT, &[]);
        let (program, found) = sema::check(&script, &kernel);
        assert_eq!(found, []);
        plan::plan(program, &kernel, &plan::Options::default()).expect("it can be planned")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, payload)) = bytes.split_first() else {
        return;
    };
    let layouts = &plan().records;
    let layout = &layouts[usize::from(*first) % layouts.len()];
    let mut values = Vec::new();
    let _ = stream::decode::args(layout, payload, &mut values);
    if payload.len() >= 8 {
        stream::decode::generation(payload);
    }
});
