//! agg: skeleton, to be replaced.
