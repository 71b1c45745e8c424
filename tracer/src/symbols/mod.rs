//! symbols: skeleton, to be replaced.
