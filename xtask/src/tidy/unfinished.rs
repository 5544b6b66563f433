//! Nothing is left for later in the code, and no test is switched off.

use crate::tidy::rust_code::{self, Kind};
use crate::tidy::tree::Tree;
use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "unfinished",
    why: "what is marked for later is forgotten, and a test that does not run proves nothing",
    remedy: "finish it, or take it out and file an issue",
};

/// Words that mark something as unfinished.
const MARKERS: &[&str] = &["TODO", "FIXME", "XXX"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let text = file.text().unwrap_or_default();
        let found = if file.is_any(&["rs"]) {
            in_rust(text)
        } else if file.is_any(&["css", "html", "js", "sh", "sql", "toml", "ts", "tsx", "yaml", "yml"]) {
            marked_lines(text, 1)
        } else {
            Vec::new()
        };
        findings.extend(found.into_iter().map(|(line, what)| Finding {
            rule: &RULE,
            path: file.path.clone(),
            line: Some(line),
            what,
        }));
    }
    findings
}

fn marked_lines(text: &str, first: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut words = line.split(|character: char| !character.is_alphanumeric());
        if let Some(word) = words.find(|word| MARKERS.contains(word)) {
            found.push((first + at, format!("`{word}`")));
        }
    }
    found
}

/// Markers in comments, macros that stand for missing code, and tests and examples that do not run.
fn in_rust(text: &str) -> Vec<(usize, String)> {
    let tokens = rust_code::tokens(text);
    let mut found = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Comment) {
        found.extend(marked_lines(token.text, token.line));
        if token.text.contains("```ignore") {
            found.push((token.line, "an example that is not compiled".to_owned()));
        }
    }
    for window in tokens.windows(3) {
        match [window[0].text, window[1].text, window[2].text] {
            [name @ ("todo" | "unimplemented"), "!", _] => found.push((window[0].line, format!("`{name}!`"))),
            ["#", "[", "ignore"] => found.push((window[0].line, "a test that does not run".to_owned())),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn what_is_left_for_later_is_found() {
        for (path, text, expected) in [
            ("a.rs", "// TODO: b", &["a.rs:1 `TODO`"][..]),
            ("a.rs", "/* b\n FIXME */", &["a.rs:2 `FIXME`"]),
            ("a.rs", "fn b() {\n todo!() }", &["a.rs:2 `todo!`"]),
            ("a.rs", "unimplemented!(\"c\")", &["a.rs:1 `unimplemented!`"]),
            ("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn b() {}", &["a.rs:2 a test that does not run"]),
            ("a.rs", "/// ```ignore\n/// b\n/// ```", &["a.rs:1 an example that is not compiled"]),
            ("a.tsx", "\n// TODO(b)", &["a.tsx:2 `TODO`"]),
            ("a.toml", "# FIXME", &["a.toml:1 `FIXME`"]),
            ("a.rs", "const A: &str = \"TODO\"; fn todo() {} // TODOS", &[]),
            ("a.md", "no TODO here", &[]),
        ] {
            assert_eq!(shown(&check(&Tree::of(&[(path, text)]))), expected, "{text}");
        }
    }
}
