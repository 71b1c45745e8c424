//! Cases that are more than input beside output: accounts of losses, ways to end, company, programs at their limits.
//!
//! In: the place. Out: what did not hold. Never asserts a duration, but where the promise is one.

mod accounts;
mod bisect;
mod company;
mod ending;
mod exported;
mod large;
mod pressure;
mod profiles;
mod random;
mod recordings;
mod trace;
mod verdicts;
mod whole_calls;

use anyhow::Result;

use crate::Place;

/// A case: name, needed features, what it does.
type Behaviour = (&'static str, &'static str, fn(&Place) -> Result<()>);

/// All of them.
pub const ALL: &[Behaviour] = &[
    ("stopped-reader-accounts", "root", accounts::stopped_reader),
    ("full-ring-is-told", "root", accounts::full_ring_is_told),
    ("full-map-is-told", "root", accounts::full_map_is_told),
    ("each-event-in-one-interval", "root", accounts::intervals),
    (
        "each-event-in-one-interval-by-key",
        "root",
        accounts::intervals_by_key,
    ),
    (
        "backpressure-loses-nothing",
        "root cgroup2",
        pressure::loses_nothing,
    ),
    (
        "backpressure-ends-with-the-tracer",
        "root cgroup2",
        pressure::killed,
    ),
    ("interrupt-ends-at-once", "root", ending::interrupt),
    ("terminate-prints-maps", "root", ending::terminate),
    ("closed-pipe-ends-quietly", "root", ending::closed_pipe),
    (
        "blocked-output-ends-by-force",
        "root",
        ending::blocked_output,
    ),
    ("killed-leaves-nothing", "root", ending::killed),
    ("pipe-flows-while-running", "root", ending::pipe_flows),
    ("output-file", "root", ending::output_file),
    ("stage-to-file", "", ending::stage_to_file),
    ("recorded-counts", "root btf", recordings::counts),
    ("recorded-arguments", "root btf", recordings::arguments),
    ("recorded-phases", "root btf", recordings::phases),
    ("recorded-statements", "root btf", recordings::statements),
    ("recorded-enough", "", recordings::enough),
    ("recorded-every-call", "root btf", recordings::every_call),
    ("recorded-until-killed", "root btf", recordings::killed),
    ("recorded-exported", "root btf python", exported::export),
    ("recorded-not", "", recordings::bad_files),
    ("killed-spares-the-command", "root", ending::killed_command),
    ("large-programs", "root unemulated", large::programs),
    ("random-programs", "root", random::programs),
    ("two-tracers", "root", company::two_tracers),
    ("beside-strace", "root strace", company::beside_strace),
    (
        "beside-bpftrace",
        "root tracefs bpftrace",
        company::beside_bpftrace,
    ),
    (
        "cpu-goes-offline",
        "root spare-cpu",
        company::cpu_goes_offline,
    ),
    (
        "whole-calls-of-16-processes",
        "root full-speed",
        whole_calls::sixteen_processes,
    ),
    (
        "whole-calls-10-million",
        "root full-speed",
        whole_calls::ten_million,
    ),
    (
        "lifecycle-has-its-room",
        "root",
        whole_calls::lifecycle_has_its_room,
    ),
    ("order-of-threads", "root", whole_calls::order_of_threads),
    ("own-calls-are-not-traced", "root", company::own_calls),
    ("check-troubles", "root btf", verdicts::troubles),
    ("check-closed-outputs", "root btf", verdicts::closed_outputs),
    ("check-signals", "root btf", verdicts::signals),
    (
        "check-starved-process",
        "root btf",
        verdicts::starved_process,
    ),
    (
        "bisect-names-the-commit",
        "root btf git cc",
        bisect::names_the_commit,
    ),
    (
        "bisect-skips-what-does-not-build",
        "root btf git cc",
        bisect::skips_what_does_not_build,
    ),
    ("bisect-starved", "root btf git cc", bisect::starved),
    (
        "profiles-of-equal-runs-do-not-differ",
        "root btf unemulated",
        profiles::equal_runs,
    ),
    (
        "profiles-name-planted-changes",
        "root btf unemulated",
        profiles::planted_changes,
    ),
    ("profile-diff-status", "root btf", profiles::statuses),
    (
        "recorded-runs-are-compared",
        "root btf unemulated",
        profiles::of_recordings,
    ),
    (
        "trace-losses-are-lines",
        "root btf",
        trace::losses_are_lines,
    ),
    (
        "trace-losses-are-objects",
        "root btf",
        trace::losses_are_objects,
    ),
    ("trace-waiting-call", "root btf", trace::waiting_call),
    ("trace-two-at-once", "root btf", trace::two_at_once),
    ("trace-closed-pipe", "root btf", trace::closed_pipe),
];

/// Arguments as the tracer takes them.
fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
