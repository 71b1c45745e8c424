//! decode: skeleton, to be replaced.
