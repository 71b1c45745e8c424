//! sys: skeleton, to be replaced.
