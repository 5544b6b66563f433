//! No source file grows past what one can hold in mind.

use crate::tidy::tree::Tree;
use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "file-length",
    why: "a longer file holds more than one subject, and nobody reads it whole",
    remedy: "split it by subject into modules, each with a name from the problem",
};

const MOST_LINES: usize = 800;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_any(&["rs", "ts", "tsx"])) {
        let lines = file.text().unwrap_or_default().lines().count();
        if lines > MOST_LINES {
            findings.push(Finding {
                rule: &RULE,
                path: file.path.clone(),
                line: None,
                what: format!("{lines} lines, more than {MOST_LINES}"),
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn source_above_the_limit_is_found() {
        let (long, fits) = ("\n".repeat(801), "\n".repeat(800));
        let tree = Tree::of(&[("a.rs", &long), ("b.rs", &fits), ("c.tsx", &long), ("d.md", &long)]);
        assert_eq!(shown(&check(&tree)), ["a.rs 801 lines, more than 800", "c.tsx 801 lines, more than 800"]);
    }
}
