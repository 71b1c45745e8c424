//! session: skeleton, to be replaced.
