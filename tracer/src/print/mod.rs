//! print: skeleton, to be replaced.
