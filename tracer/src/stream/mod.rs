//! stream: skeleton, to be replaced.
