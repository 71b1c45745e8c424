//! codegen: skeleton, to be replaced.
