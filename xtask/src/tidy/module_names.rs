//! Modules are named for what they hold.

use crate::tidy::rust_code::{self, Kind};
use crate::tidy::tree::{File, Tree};
use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "module-names",
    why: "a name that fits everything attracts everything",
    remedy: "name it for its subject, in words of the specification or of DESIGN, or move its parts to where they are used",
};

const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "manager", "misc", "types", "util", "utilities", "utils"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_any(&["rs", "ts", "tsx"])) {
        let names = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        findings.extend(names.filter_map(|name| finding(file, None, name)));
        if file.is_any(&["rs"]) {
            findings.extend(inline_modules(file));
        }
    }
    findings
}

fn finding(file: &File, line: Option<usize>, name: &str) -> Option<Finding> {
    EMPTY_NAMES.contains(&name).then(|| Finding {
        rule: &RULE,
        path: file.path.clone(),
        line,
        what: format!("a module is named `{name}`"),
    })
}

fn inline_modules(file: &File) -> Vec<Finding> {
    let tokens = rust_code::tokens(file.text().unwrap_or_default());
    let names = tokens
        .windows(3)
        .filter(|tokens| tokens[0].text == "mod" && tokens[1].kind == Kind::Word && tokens[2].text == "{");
    names.filter_map(|tokens| finding(file, Some(tokens[1].line), tokens[1].text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn empty_names_are_found() {
        for (path, text, expected) in [
            ("a/utils.rs", "", &["a/utils.rs a module is named `utils`"][..]),
            ("a/common/mod.rs", "", &["a/common/mod.rs a module is named `common`"]),
            ("web/src/helpers.test.tsx", "", &["web/src/helpers.test.tsx a module is named `helpers`"]),
            ("a/lib.rs", "\nmod misc {}", &["a/lib.rs:2 a module is named `misc`"]),
            ("a/session.rs", "mod keys {}", &[]),
            ("docs/common.md", "", &[]),
        ] {
            assert_eq!(shown(&check(&Tree::of(&[(path, text)]))), expected);
        }
    }
}
