//! The automaton of a pattern: a table that is walked byte by byte.
//!
//! In: a regular expression. Out: rows, one a state, that say which state follows on which byte. Byte 0 ends the text. Two
//! states are the same in every automaton and are never left: [`NO`] and [`YES`]. Never searches for where a match lies.

use super::PatternError;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};
use std::collections::HashMap;

/// The state that follows on each byte.
pub type Row = [u16; 256];

/// The text does not match, whatever follows.
const NO: u16 = 0;
/// The text matches, whatever follows.
const YES: u16 = 1;
/// The number of the automaton's first own state.
const FIRST: u16 = 2;

/// Bytes that making an automaton may take: what has few enough states stays below, and what has more ends soon. (A state has
/// a word for each class of bytes, of which there are 257 at most.)
const MAKING_BYTES: usize = 2 << 20;

/// See the module.
#[derive(Debug)]
pub struct Automaton {
    start: u16,
    /// Of state `FIRST` and on.
    rows: Vec<Row>,
}

impl Automaton {
    /// States of one automaton at most: the kernel's table of it then takes half a megabyte.
    pub const MOST_STATES: usize = 1024;

    /// The automaton of a regular expression over bytes.
    pub(super) fn new(regex: &str) -> Result<Automaton, PatternError> {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .match_kind(MatchKind::All)
            .accelerate(false)
            .dfa_size_limit(Some(MAKING_BYTES))
            .determinize_size_limit(Some(MAKING_BYTES));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(MAKING_BYTES)),
            )
            .build(regex)
            .map_err(|error| why(regex, &error))?;
        of_states(&dfa)
    }

    /// Whether a text matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for byte in text.iter().chain([&0]) {
            let Some(row) = state.checked_sub(FIRST) else {
                break;
            };
            state = self.rows[usize::from(row)][usize::from(*byte)];
        }
        state == YES
    }

    /// Number of its own states.
    pub fn states(&self) -> usize {
        self.rows.len()
    }

    /// The state to begin with and the rows of its own states, when these are numbered from `first` on, and [`NO`] and
    /// [`YES`] are `no` and `yes`.
    pub fn placed(&self, no: u16, yes: u16, first: u16) -> (u16, impl Iterator<Item = Row> + '_) {
        let moved = move |state: u16| match state {
            NO => no,
            YES => yes,
            own => own - FIRST + first,
        };
        let rows = self.rows.iter().map(move |row| row.map(moved));
        (moved(self.start), rows)
    }
}

/// What the parser says when a pattern is malformed, and otherwise that it is too large.
fn why(regex: &str, error: &dense::BuildError) -> PatternError {
    let parser = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(regex);
    match parser {
        Err(regex_syntax::Error::Parse(wrong)) => {
            PatternError::Malformed(wrong.kind().to_string(), Some(wrong.span().start.offset))
        }
        Err(regex_syntax::Error::Translate(wrong)) => {
            PatternError::Malformed(wrong.kind().to_string(), Some(wrong.span().start.offset))
        }
        Err(other) => PatternError::Malformed(other.to_string(), None),
        Ok(_) if error.is_size_limit_exceeded() => PatternError::TooLarge,
        Ok(_) => PatternError::Malformed(error.to_string(), None),
    }
}

/// The rows of all states that the start leads to.
fn of_states(dfa: &dense::DFA<Vec<u32>>) -> Result<Automaton, PatternError> {
    let start = dfa
        .start_state_forward(&Input::new(b""))
        .map_err(|error| PatternError::Malformed(error.to_string(), None))?;
    let mut found = Found {
        dfa,
        numbers: HashMap::new(),
        order: Vec::new(),
    };
    let start = found.number(start);
    let mut rows = Vec::new();
    while let Some(&state) = found.order.get(rows.len()) {
        if rows.len() == Automaton::MOST_STATES {
            return Err(PatternError::TooLarge);
        }
        let at_end = match dfa.is_match_state(dfa.next_eoi_state(state)) {
            true => YES,
            false => NO,
        };
        let mut row: Row = [at_end; 256];
        for byte in 1..=255 {
            row[usize::from(byte)] = found.number(dfa.next_state(state, byte));
        }
        rows.push(row);
    }
    Ok(Automaton { start, rows })
}

struct Found<'d> {
    dfa: &'d dense::DFA<Vec<u32>>,
    numbers: HashMap<StateID, u16>,
    /// States of rows, by number.
    order: Vec<StateID>,
}

impl Found<'_> {
    fn number(&mut self, state: StateID) -> u16 {
        if self.dfa.is_match_state(state) {
            return YES;
        }
        if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
            return NO;
        }
        *self.numbers.entry(state).or_insert_with(|| {
            self.order.push(state);
            // More than fit are never walked: the caller stops counting far below.
            FIRST.saturating_add(self.order.len() as u16 - 1)
        })
    }
}
