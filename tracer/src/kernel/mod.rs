//! kernel: skeleton, to be replaced.
