//! interp: skeleton, to be replaced.
