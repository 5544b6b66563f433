//! Every dependency may be linked into a binary under Apache-2.0 without asking more of its users.

use serde_json::Value;

use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "licences",
    why: "whoever gets the binary must owe nothing beyond keeping the licence texts",
    remedy: "use another crate; if the licence is permissive, add its SPDX name to xtask/src/tidy/licences.rs",
};

/// SPDX names. Permissive licences only: MPL-2.0 and its like ask for the sources of changed files, so they are out.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
    "blessing",
];

pub fn check(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let licence = package["license"].as_str();
        if licence.is_some_and(is_allowed) {
            continue;
        }
        let name = package["name"].as_str().unwrap_or("?");
        let version = package["version"].as_str().unwrap_or("?");
        let licence = licence.unwrap_or("no SPDX licence");
        findings.push(Finding {
            rule: &RULE,
            path: "Cargo.lock".to_owned(),
            line: None,
            what: format!("{name} {version} is under {licence}"),
        });
    }
    findings
}

/// Whether an SPDX expression leaves a choice that is [`ALLOWED`]. The old `MIT/Apache-2.0` means `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words };
    parser.either() && parser.words.is_empty()
}

/// Reads from the front of `words`; `AND` binds closer than `OR`.
struct Parser<'a> {
    words: &'a [&'a str],
}

impl Parser<'_> {
    fn either(&mut self) -> bool {
        let mut allowed = self.both();
        while self.take("OR") {
            allowed |= self.both();
        }
        allowed
    }

    fn both(&mut self) -> bool {
        let mut allowed = self.one();
        while self.take("AND") {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let allowed = self.either();
            return self.take(")") && allowed;
        }
        let Some((licence, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        // An exception only permits more.
        if self.take("WITH") {
            self.words = self.words.get(1..).unwrap_or_default();
        }
        ALLOWED.contains(licence)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn expressions_are_read_as_spdx_says() {
        for (expression, allowed) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("LGPL-2.1-or-later OR MPL-2.0", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("GPL-2.0-only OR MIT AND MPL-2.0", false),
            ("(MIT", false),
            ("MIT Apache-2.0", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression), allowed, "{expression}");
        }
    }

    #[test]
    fn other_licences_and_none_are_found() {
        let findings = check(&json!({ "packages": [
            { "name": "a", "version": "1.0.0", "license": "AGPL-3.0-only" },
            { "name": "b", "version": "2.0.0", "license": null },
            { "name": "c", "version": "3.0.0", "license": "ISC" },
        ]}));
        assert_eq!(
            shown(&findings),
            ["Cargo.lock a 1.0.0 is under AGPL-3.0-only", "Cargo.lock b 2.0.0 is under no SPDX licence"]
        );
    }
}
