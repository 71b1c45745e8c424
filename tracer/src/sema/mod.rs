//! sema: skeleton, to be replaced.
