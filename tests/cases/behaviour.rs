//! Cases that are more than input beside output: signals, limits, losses, other users.
//!
//! In: the place. Out: what did not hold. Never asserts a duration, but where the promise is one.

use anyhow::Result;

use crate::Place;

/// A case: name, needed features, what it does.
type Behaviour = (&'static str, &'static str, fn(&Place) -> Result<()>);

/// All of them.
pub const ALL: &[Behaviour] = &[];
