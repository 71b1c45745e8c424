//! link: skeleton, to be replaced.
