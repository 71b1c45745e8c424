//! cli: skeleton, to be replaced.
