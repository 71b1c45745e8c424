//! The licence check: every crate that the workspace uses must be under terms we may pass on, and come from
//! crates.io.
//!
//! In: `cargo metadata`. Out: one sentence for each crate that does not fit.
//! Never asks the network. (cargo-deny does this and more, but takes minutes to build where this takes none, and
//! its advisories need a data base that a build machine may not be able to fetch.)

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::project;

/// Terms that allow passing binaries on under MIT or Apache-2.0 with a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    // Rights are given up altogether.
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is wrong, one sentence each; empty when all is well.
pub fn problems() -> Result<Vec<String>> {
    let mut metadata = project::cargo(&["metadata", "--format-version", "1", "--locked"]);
    let output = metadata.output().context("run cargo metadata")?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        message.trim()
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    Ok(packages.iter().filter_map(problem).collect())
}

fn problem(package: &Value) -> Option<String> {
    let name = package["name"]
        .as_str()
        .unwrap_or("a package without a name");
    if let Some(source) = package["source"]
        .as_str()
        .filter(|&source| source != CRATES_IO)
    {
        return Some(format!("{name} comes from {source}, not from crates.io"));
    }
    let Some(licence) = package["license"].as_str() else {
        return Some(format!("{name} states no licence"));
    };
    match allowed(licence) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{name} is under {licence}, which is not in the list"
        )),
        Err(error) => Some(format!("{name}: {error}")),
    }
}

/// Whether an SPDX expression can be met by allowed licences alone.
fn allowed(licence: &str) -> Result<bool> {
    // Older crates write MIT/Apache-2.0, which the lax mode reads as OR.
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .with_context(|| format!("{licence} is not an SPDX expression"))?;
    let known = |item: &spdx::LicenseItem| item.id().is_some_and(|id| ALLOWED.contains(&id.name));
    Ok(expression.evaluate(|requirement| known(&requirement.license)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_are_understood() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-2.0-only OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(allowed(good).expect(good), "{good}");
        }
        for bad in ["GPL-2.0-only", "MIT AND LGPL-2.1-only", "MPL-2.0"] {
            assert!(!allowed(bad).expect(bad), "{bad}");
        }
        assert!(allowed("do as you like").is_err());
    }

    #[test]
    fn a_crate_must_say_where_it_is_from_and_under_what() {
        let of = |source: Value, license: Value| {
            problem(&json!({"name": "x", "source": source, "license": license}))
        };
        assert_eq!(of(json!(CRATES_IO), json!("MIT")), None);
        assert_eq!(of(Value::Null, json!("MIT")), None);
        let git = of(json!("git+https://example.org/x"), json!("MIT"));
        assert_eq!(
            git.as_deref(),
            Some("x comes from git+https://example.org/x, not from crates.io")
        );
        assert_eq!(
            of(json!(CRATES_IO), Value::Null).as_deref(),
            Some("x states no licence")
        );
        let gpl = of(json!(CRATES_IO), json!("GPL-3.0-only"));
        assert_eq!(
            gpl.as_deref(),
            Some("x is under GPL-3.0-only, which is not in the list")
        );
    }
}
