//! `tracer doctor`: what this kernel and this user can do, and how to get the rest.
//!
//! In: [`kernel::Live`](crate::kernel::Live) and the kernel's settings. Out: a [`Report`] as tables for people or as one JSON object for programs,
//! and whether `syscall` probes would work. Never changes a setting (but asking for tracepoints can mount tracefs, which it says).

mod report;

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::kernel::Live;

pub use report::{Answer, Report, Row, Section};

/// Version of the JSON object; grows when a field is added, removed or changes its meaning.
const JSON_VERSION: u32 = 1;

/// Examines this machine and writes the report. Says whether `syscall` probes, the main thing, would work.
///
/// # Errors
/// When `out` cannot be written to.
pub fn run(as_json: bool, out: &mut dyn Write) -> io::Result<bool> {
    let report = Report::of(&Live::new());
    match as_json {
        true => writeln!(out, "{}", to_json(&report))?,
        false => write_text(&report, out)?,
    }
    out.flush()?;
    Ok(report.syscall_probes)
}

fn write_text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for section in &report.sections {
        writeln!(out, "{}", section.title)?;
        for line in table(&section.rows).lines() {
            writeln!(out, " {}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    for notice in &report.notices {
        writeln!(out, "Note: {notice}.")?;
    }
    match report.syscall_probes {
        true => writeln!(out, "syscall probes work here.")?,
        false => writeln!(out, "syscall probes do not work here.")?,
    }
    for advice in &report.advice {
        writeln!(out, "- {advice}")?;
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row([row.name.as_str(), row.answer.text(), row.detail.as_str()]);
    }
    table.to_string()
}

fn to_json(report: &Report) -> Value {
    let sections = report.sections.iter().map(|section| {
        let rows = section.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "answer": row.answer.text(),
                "detail": row.detail,
            })
        });
        (section.key.to_string(), Value::Array(rows.collect()))
    });
    let mut object = json!({
        "type": "doctor",
        "version": JSON_VERSION,
        "syscall_probes": report.syscall_probes,
    });
    if let Value::Object(fields) = &mut object {
        fields.extend(sections);
        fields.insert("notices".to_string(), json!(report.notices));
        fields.insert("advice".to_string(), json!(report.advice));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        let row = |name: &str, answer, detail: &str| Row {
            name: name.to_string(),
            answer,
            detail: detail.to_string(),
        };
        Report {
            syscall_probes: true,
            sections: vec![Section {
                key: "probes",
                title: "Probes",
                rows: vec![
                    row("syscall", Answer::Yes, ""),
                    row("kprobe", Answer::No, "no CONFIG_KPROBES"),
                    row("kptr_restrict", Answer::Value("1".to_string()), ""),
                ],
            }],
            notices: vec!["tracefs was mounted".to_string()],
            advice: vec!["use tracepoints".to_string()],
        }
    }

    #[test]
    fn people_get_tables_and_what_to_do() {
        let mut out = Vec::new();
        write_text(&sample(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Probes");
        assert!(lines[1].contains("syscall") && lines[1].contains("yes"));
        assert!(lines[2].contains("no CONFIG_KPROBES"));
        assert!(text.contains(
            "Note: tracefs was mounted.\nsyscall probes work here.\n- use tracepoints\n"
        ));
    }

    #[test]
    fn programs_get_the_same_as_one_object() {
        let value = to_json(&sample());
        assert_eq!(value["type"], "doctor");
        assert_eq!(value["syscall_probes"], true);
        assert_eq!(value["probes"][1]["answer"], "no");
        assert_eq!(value["probes"][2]["answer"], "1");
        assert_eq!(value["advice"][0], "use tracepoints");
        assert!(!value.to_string().contains('\n'));
    }

    #[test]
    fn this_machine_is_examined_without_failing() {
        let mut out = Vec::new();
        let works = run(true, &mut out).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["syscall_probes"], works);
        let names: Vec<&str> = value["probes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        assert_eq!(
            names,
            [
                "syscall",
                "tracepoint",
                "rawtracepoint",
                "profile, software",
                "hardware",
                "kprobe, kretprobe",
                "fentry, fexit",
                "uprobe, usdt",
                "iter",
            ]
        );
    }
}
