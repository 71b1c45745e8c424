//! load: skeleton, to be replaced.
