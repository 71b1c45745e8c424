//! Which ancestors of this process carry what it prints to the terminal.
//!
//! In: `/proc`. Out: a number of ancestors. Each line that a tracer prints makes its shell's terminal program (sshd,
//! tmux, sudo's relay) read and write: traced too, that would never end.

use std::fs;

/// What `/proc/PID/stat` tells here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stat {
    parent: u32,
    /// Device number of the controlling terminal; 0: none.
    terminal: i64,
}

/// Ancestors, counted from the parent upwards, to the first that has no terminal itself: that one holds the other
/// end of it. The init process is never among them.
pub fn ancestors_up_to_terminal() -> usize {
    count(&|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
}

fn count(stat: &dyn Fn(u32) -> Option<Stat>) -> usize {
    let mut ancestors = 0;
    let mut below = stat(std::process::id());
    while let Some(process) = below {
        if process.terminal == 0 || process.parent <= 1 {
            break;
        }
        ancestors += 1;
        below = stat(process.parent);
    }
    ancestors
}

/// Fields 4 and 7, counted behind the last parenthesis: the name may hold anything (proc_pid_stat(5)).
fn parse(stat: &str) -> Option<Stat> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let terminal = fields.nth(2)?.parse().ok()?;
    Some(Stat { parent, terminal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = parse("12 (a) b) c) S 7 12 12 34816 12 4194304 0");
        let expected = Stat {
            parent: 7,
            terminal: 34816,
        };
        assert_eq!(stat, Some(expected));
    }

    /// From this process upwards: (parent, terminal) by pid; own pid stands for 0.
    fn chain(links: &'static [(u32, u32, i64)]) -> usize {
        count(&|pid| {
            let pid = if pid == std::process::id() { 0 } else { pid };
            links
                .iter()
                .find(|(of, ..)| *of == pid)
                .map(|&(_, parent, terminal)| Stat { parent, terminal })
        })
    }

    #[test]
    fn the_chain_ends_at_whoever_has_no_terminal() {
        // tracer, shell, sshd, sshd's listener
        assert_eq!(
            chain(&[(0, 50, 7), (50, 40, 7), (40, 30, 0), (30, 1, 0)]),
            2
        );
        // tracer, sudo's monitor and relay on two terminals, shell, tmux
        let sudo = &[
            (0, 60, 8),
            (60, 55, 8),
            (55, 50, 7),
            (50, 40, 7),
            (40, 1, 0),
        ];
        assert_eq!(chain(sudo), 4);
        // a shell that init started; no terminal at all
        assert_eq!(chain(&[(0, 50, 7), (50, 1, 7)]), 1);
        assert_eq!(chain(&[(0, 50, 0)]), 0);
    }
}
