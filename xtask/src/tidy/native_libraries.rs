//! The binary needs no cryptography library of the system and no second one beside `ring`.

use anyhow::Result;

use crate::tidy::{Finding, Rule};
use crate::{run, workspace};

const RULE: Rule = Rule {
    name: "native-libraries",
    why: "one binary that runs anywhere is built anywhere: no system OpenSSL, no CMake, no second TLS stack",
    remedy: "choose the dependency's rustls and ring features, and switch its default features off",
};

const FORBIDDEN: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];

/// Asks `cargo tree` for what the default features of the default members build into the product.
pub fn check() -> Result<Vec<Finding>> {
    let tree = run::read(workspace::cargo().args([
        "tree",
        "--locked",
        "--edges=normal,build",
        "--prefix=none",
        "--no-dedupe",
        "--format={p}",
    ]))?;
    Ok(forbidden(&tree))
}

fn forbidden(tree: &str) -> Vec<Finding> {
    let present = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    let mut findings = Vec::new();
    for name in FORBIDDEN.iter().filter(|name| present(name)) {
        findings.push(Finding {
            rule: &RULE,
            path: "Cargo.lock".to_owned(),
            line: None,
            what: format!("`{name}` is built in (see `cargo tree --invert {name}`)"),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn native_libraries_are_found() {
        let found =
            forbidden("ironhand v0.1.0 (/x)\nreqwest v0.13.0\nopenssl-sys v0.9.1\nopenssl-probe v0.1.5\n");
        let expected = "Cargo.lock `openssl-sys` is built in (see `cargo tree --invert openssl-sys`)";
        assert_eq!(shown(&found), [expected]);
    }
}
