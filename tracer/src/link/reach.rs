//! Which functions and maps the programs need.
//!
//! In: programs, the functions that they may refer to, the plan's maps. Out: [`Needed`], in an order that depends on the input alone.

use super::{Error, Hole, Piece, TREE_PROGRAMS, Target, WHOAMI};
use crate::plan::MapSpec;
use std::collections::HashSet;
use tracer_ebpf::map::{CONTROL, TREE};

/// What goes into the image.
pub(super) struct Needed<'a> {
    /// The programs, then the functions that they reach.
    pub pieces: Vec<Piece>,
    /// Maps that a piece refers to, in the plan's order.
    pub maps: Vec<&'a MapSpec>,
}

/// Names of functions that do without their maps: see `docs/design/runtime-abi.md`.
const OPTIONAL: &str = "opt_";
/// `r0 = 0; exit`.
const RETURN_ZERO: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// Finds everything that `programs` need.
pub(super) fn reach<'a>(
    programs: Vec<Piece>,
    library: &[Piece],
    maps: &'a [MapSpec],
) -> Result<Needed<'a>, Error> {
    let mut search = Search {
        pieces: Vec::new(),
        known: HashSet::new(),
        library,
        maps,
    };
    for program in programs {
        search.add(program)?;
    }
    search.follow(0)?;
    // Exclusion needs the caller's identity, and lies in CONTROL; the tree grows by programs of its own.
    search.add_owned(TREE, TREE_PROGRAMS.map(|(name, _)| name).as_slice())?;
    search.add_owned(CONTROL, &[WHOAMI])?;
    let used: HashSet<String> = search
        .holes()
        .filter_map(|hole| match &hole.target {
            Target::Map(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    Ok(Needed {
        pieces: search.pieces,
        maps: maps.iter().filter(|map| used.contains(&map.name)).collect(),
    })
}

struct Search<'a> {
    pieces: Vec<Piece>,
    known: HashSet<String>,
    /// Functions that can be called, and the runtime's own program.
    library: &'a [Piece],
    maps: &'a [MapSpec],
}

impl Search<'_> {
    /// Takes programs of the runtime, when something refers to the map that they are for.
    fn add_owned(&mut self, map: &str, programs: &[&str]) -> Result<(), Error> {
        let map = Target::Map(map.to_owned());
        if !self.holes().any(|hole| hole.target == map) {
            return Ok(());
        }
        let from = self.pieces.len();
        for name in programs {
            let found = self.library.iter().find(|piece| piece.name == *name);
            self.add(found.cloned().ok_or_else(|| Error::UnknownFunction {
                user: "the loader".to_owned(),
                name: (*name).to_owned(),
            })?)?;
        }
        self.follow(from)
    }

    /// Follows the calls of all pieces from `at` on, and of those found on the way.
    fn follow(&mut self, mut at: usize) -> Result<(), Error> {
        while at < self.pieces.len() {
            let user = self.pieces[at].name.clone();
            let callees: Vec<String> = self.pieces[at]
                .holes
                .iter()
                .filter_map(|hole| match &hole.target {
                    Target::Function(name) | Target::Address(name) => Some(name.clone()),
                    _ => None,
                })
                .collect();
            for name in callees {
                if self.known.contains(&name) {
                    continue;
                }
                let callee = self
                    .library
                    .iter()
                    .find(|piece| piece.name == name && piece.section.is_none());
                let Some(callee) = callee else {
                    return Err(Error::UnknownFunction { user, name });
                };
                self.add(callee.clone())?;
            }
            at += 1;
        }
        Ok(())
    }

    /// Takes a piece, as a stub when it is optional and a map of it is not in the plan.
    fn add(&mut self, mut piece: Piece) -> Result<(), Error> {
        if !self.known.insert(piece.name.clone()) {
            return Err(Error::Duplicate(piece.name));
        }
        for hole in &piece.holes {
            let len = piece.code.len() as u64;
            if hole.at + 8 > len {
                let at = (hole.at / 8) as u32;
                return Err(Error::Outside {
                    user: piece.name,
                    at,
                });
            }
        }
        let missing = piece.holes.iter().find_map(|hole| match &hole.target {
            Target::Map(name) if self.maps.iter().all(|map| map.name != *name) => {
                Some(name.clone())
            }
            _ => None,
        });
        match missing {
            Some(_) if piece.name.starts_with(OPTIONAL) => {
                piece.code = RETURN_ZERO.to_vec();
                piece.holes.clear();
            }
            Some(name) => {
                let user = piece.name;
                return Err(Error::UnknownMap { user, name });
            }
            None => {}
        }
        self.pieces.push(piece);
        Ok(())
    }

    fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().flat_map(|piece| &piece.holes)
    }
}
