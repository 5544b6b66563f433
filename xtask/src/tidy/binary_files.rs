//! Binary files are small captures of the real world, each with its origin.

use crate::tidy::tree::{File, Tree};
use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "binary-files",
    why: "nobody can review a binary file, and git keeps it for ever",
    remedy: "generate it, or keep a small one below testdata/ or crates/console/fonts/ with an ORIGIN.md that says where it is from",
};

/// The only folders for binary files.
const PLACES: &[&str] = &["crates/console/fonts/", "testdata/"];

const MOST_BYTES_EACH: usize = 200 << 10;
const MOST_BYTES_TOGETHER: usize = 5 << 20;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let finding = |path: &str, what: String| Finding { rule: &RULE, path: path.to_owned(), line: None, what };
    let mut findings = Vec::new();
    let mut together = 0;
    for File { path, bytes } in tree.files.iter().filter(|file| file.text().is_none()) {
        together += bytes.len();
        if !PLACES.iter().any(|place| path.starts_with(place)) {
            findings.push(finding(path, "a binary file outside testdata/".to_owned()));
        } else if !has_origin(tree, path) {
            findings.push(finding(path, "no ORIGIN.md in its folder or one above".to_owned()));
        }
        if bytes.len() >= MOST_BYTES_EACH {
            findings.push(finding(
                path,
                format!("{} KiB, not under {}", bytes.len() >> 10, MOST_BYTES_EACH >> 10),
            ));
        }
    }
    if together >= MOST_BYTES_TOGETHER {
        let what =
            format!("binary files take {} KiB, not under {}", together >> 10, MOST_BYTES_TOGETHER >> 10);
        findings.push(finding("testdata/", what));
    }
    findings
}

fn has_origin(tree: &Tree, path: &str) -> bool {
    path.match_indices('/').any(|(at, _)| tree.text(&format!("{}/ORIGIN.md", &path[..at])).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn binary_files_have_a_place_an_origin_and_a_limit() {
        let binary = "\0".repeat(3);
        let large = "\0".repeat(200 << 10);
        let tree = Tree::of(&[
            ("docs/a.png", &binary),
            ("docs/b.svg", "<svg/>"),
            ("testdata/c.png", &binary),
            ("testdata/d/ORIGIN.md", "captured by hand"),
            ("testdata/d/e/f.png", &binary),
            ("testdata/d/large.png", &large),
        ]);
        assert_eq!(
            shown(&check(&tree)),
            [
                "docs/a.png a binary file outside testdata/",
                "testdata/c.png no ORIGIN.md in its folder or one above",
                "testdata/d/large.png 200 KiB, not under 200",
            ]
        );
    }

    #[test]
    fn all_binary_files_together_have_a_limit() {
        let each = "\0".repeat(190 << 10);
        let mut files = vec![("testdata/ORIGIN.md".to_owned(), "captured by hand")];
        files.extend((0..28).map(|number| (format!("testdata/{number}.png"), each.as_str())));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let findings = check(&Tree::of(&files));
        assert_eq!(shown(&findings), ["testdata/ binary files take 5320 KiB, not under 5120"]);
    }
}
