//! `cargo xtask bench startup`.
pub fn startup(runs: usize, json: bool) -> anyhow::Result<()> {
    anyhow::bail!("not yet {runs} {json}")
}
