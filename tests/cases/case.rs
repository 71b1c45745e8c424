//! Kernel cases as files: `NAME.case`, one case each. The format is described in `docs/testing.md`.
//!
//! In: text. Out: [`Case`], or what is wrong with the file. Never runs anything.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// One kernel case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// File name without its end.
    pub name: String,
    /// Features of the kernel.
    pub needs: Vec<String>,
    /// Arguments of the trigger; none: the tracer ends by itself.
    pub trigger: Vec<String>,
    /// Arguments of the tracer, in which `{pid}` and the like are still to be replaced.
    pub tracer: Vec<String>,
    /// A restriction of the tracer, see the trigger's `as`.
    pub under: Option<String>,
    /// Exit status of the tracer.
    pub status: i32,
    /// Lines of standard output.
    pub out: Vec<String>,
    /// Lines of standard error; none given: there must be none.
    pub err: Vec<String>,
}

/// Reads all cases of a directory, by name.
pub fn read_all(dir: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "case") {
            continue;
        }
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        cases.push(read(&name, &text).with_context(|| format!("in {}", path.display()))?);
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// Reads one case.
pub fn read(name: &str, text: &str) -> Result<Case> {
    let mut case = Case {
        name: name.to_owned(),
        ..Case::default()
    };
    let mut section = None;
    for (index, line) in text.lines().enumerate() {
        let result = read_line(&mut case, &mut section, line);
        result.with_context(|| format!("line {}: {line}", index + 1))?;
    }
    ensure!(!case.tracer.is_empty(), "no `tracer:` line");
    ensure!(
        text.starts_with("# "),
        "the first line does not say what the case shows"
    );
    Ok(case)
}

/// Where `| ` lines go.
#[derive(Clone, Copy)]
enum Section {
    Out,
    Err,
}

fn read_line(case: &mut Case, section: &mut Option<Section>, line: &str) -> Result<()> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    if let Some(content) = line.strip_prefix('|') {
        let content = content.strip_prefix(' ').unwrap_or(content).to_owned();
        match section {
            Some(Section::Out) => case.out.push(content),
            Some(Section::Err) => case.err.push(content),
            None => bail!("a `|` line belongs to `out:` or `err:`"),
        }
        return Ok(());
    }
    let (key, value) = line
        .split_once(':')
        .context("neither `key: value` nor `| text`")?;
    *section = None;
    let value = value.trim();
    match key {
        "needs" => case.needs = value.split_whitespace().map(str::to_owned).collect(),
        "trigger" => case.trigger = words(value)?,
        "tracer" => case.tracer = words(value)?,
        "under" => case.under = Some(value.to_owned()),
        "status" => case.status = value.parse().context("a status is a number")?,
        "out" => *section = Some(Section::Out),
        "err" => *section = Some(Section::Err),
        _ => bail!("no key `{key}`"),
    }
    Ok(())
}

/// Splits as a shell does, with single quotes only.
pub fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().context("a quote is not closed")? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read() {
        let text = "# Shows it.\nneeds: kprobe btf\ntrigger: open /x 3\n\
            tracer: -e 'BEGIN { exit(); }' {pid}\nstatus: 4\nout:\n| a  b\n|\nerr:\n| c\n";
        let case = read("x", text).expect("a case");
        assert_eq!(case.needs, ["kprobe", "btf"]);
        assert_eq!(case.trigger, ["open", "/x", "3"]);
        assert_eq!(case.tracer, ["-e", "BEGIN { exit(); }", "{pid}"]);
        assert_eq!(case.status, 4);
        assert_eq!(case.out, ["a  b", ""]);
        assert_eq!(case.err, ["c"]);
    }

    #[test]
    fn a_wrong_file_says_where() {
        for (text, part) in [
            ("# x\ntracer: -e 'a\n", "line 2"),
            ("# x\nwhat: 1\ntracer: a\n", "line 2"),
            ("# x\n| lost\n", "line 2"),
            ("# x\n", "no `tracer:` line"),
            ("tracer: x\n", "does not say"),
        ] {
            let error = format!("{:#}", read("x", text).expect_err(text));
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
