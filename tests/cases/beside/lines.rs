//! Lines as both write them into a file: `PID call(…) = result`.
//!
//! In: a file's bytes. Out: for each thread its lines in order; what another thread's line cut in two is put together again.

use std::collections::BTreeMap;

use super::levels::is_missing;

/// The lines of each thread, without its number.
pub type Threads = BTreeMap<u32, Vec<String>>;

const UNFINISHED: &str = " <unfinished ...>";

/// Parts a file into threads. The first lines of the shell that waited are left out: one of the two sees its waiting from
/// the middle.
pub fn threads(file: &[u8]) -> Threads {
    let mut threads = Threads::new();
    let mut begun: BTreeMap<u32, String> = BTreeMap::new();
    for line in String::from_utf8_lossy(file).lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let Ok(tid) = pid.parse() else { continue };
        let rest = rest.trim_start();
        if let Some(first) = rest.strip_suffix(UNFINISHED) {
            begun.insert(tid, first.to_owned());
            continue;
        }
        let whole = match resumed(rest) {
            Some(last) => begun.remove(&tid).unwrap_or_default() + last,
            None => rest.to_owned(),
        };
        threads.entry(tid).or_default().push(whole);
    }
    for (tid, line) in begun {
        threads.entry(tid).or_default().push(line + UNFINISHED);
    }
    for lines in threads.values_mut() {
        without_waiting(lines);
        lines.retain(|line| !is_missing(name(line)));
    }
    threads
}

fn without_waiting(lines: &mut Vec<String>) {
    let is_exec = |line: &String| line.starts_with("execve(");
    let waited = lines.iter().take_while(|line| !is_exec(line));
    if waited.clone().any(|line| line.starts_with("read(0")) {
        let count = waited.count();
        lines.drain(..count);
    }
}

/// `<... read resumed>"x", 1) = 1`
fn resumed(line: &str) -> Option<&str> {
    let (_, last) = line.strip_prefix("<... ")?.split_once(" resumed>")?;
    Some(last)
}

/// The name of the call; of a signal or an end the mark that its line begins with.
pub fn name(line: &str) -> &str {
    match line.find(['(', ' ']) {
        Some(at) => &line[..at],
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_line_are_put_together() {
        let file = b"7 read(0, \"\\n\", 1) = 1\n7 execve(\"/bin/true\") = 0\n8 wait4(-1,  <unfinished ...>\n7 close(3) = 0\n\
            8 <... wait4 resumed>NULL) = 7\n7 pause( <unfinished ...>\n7 +++ killed by SIGKILL +++\n";
        let threads = threads(file);
        assert_eq!(
            threads[&7],
            [
                "execve(\"/bin/true\") = 0",
                "close(3) = 0",
                "+++ killed by SIGKILL +++",
                "pause( <unfinished ...>"
            ]
        );
        assert_eq!(threads[&8], ["wait4(-1, NULL) = 7"]);
        assert_eq!(name(&threads[&7][2]), "+++");
    }
}
