//! The repository knows no one's machine and no one's package registry.

use crate::tidy::tree::{File, Tree};
use crate::tidy::{Finding, Rule};

const PATHS: Rule = Rule {
    name: "machine-paths",
    why: "the path exists on one machine only",
    remedy: "name it relative to the checkout, or take it from an argument or the environment",
};

const HOSTS: Rule = Rule {
    name: "registry-hosts",
    why: "where packages come from is each machine's own configuration; many reach only a mirror",
    remedy: "leave the address out: cargo, npm, apt and pip know theirs",
};

/// Folders of users and build machines. `*` stands for a name.
const MACHINE_FOLDERS: &[&[&str]] = &[&["home", "*"], &["Users", "*"], &["root"], &["work"]];

const REGISTRY_HOSTS: &[&str] = &[
    "deb.debian.org",
    "files.pythonhosted.org",
    "index.crates.io",
    "proxy.golang.org",
    "pypi.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "security.debian.org",
    "static.crates.io",
];

/// Holds what the rule forbids, as its own words and examples.
const OWN_FILE: &str = "xtask/src/tidy/machine_paths.rs";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != OWN_FILE) {
        // What a captured screen or packet shows is evidence and stays as it was.
        let is_capture = file.path.contains("testdata/") && !file.path.ends_with("ORIGIN.md");
        if !is_capture {
            findings.extend(check_lines(file));
        }
    }
    findings
}

fn check_lines(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.text().unwrap_or_default().lines().enumerate() {
        let path = machine_path(line).map(|path| (&PATHS, format!("`{path}`")));
        let host = REGISTRY_HOSTS
            .iter()
            .find(|host| line.contains(**host))
            .map(|host| (&HOSTS, format!("`{host}`")));
        findings.extend(path.into_iter().chain(host).map(|(rule, what)| Finding {
            rule,
            path: file.path.clone(),
            line: Some(at + 1),
            what,
        }));
    }
    findings
}

/// The first absolute path in `line` that leads into one of [`MACHINE_FOLDERS`].
fn machine_path(line: &str) -> Option<&str> {
    let is_inside =
        |character: char| character.is_alphanumeric() || matches!(character, '/' | '.' | '-' | '_' | '~');
    // A slash is the start of an absolute path if no part of a path or address comes before it.
    let starts = line.match_indices('/').filter(|(at, _)| {
        !line[..*at].ends_with(|before: char| is_inside(before) || matches!(before, '}' | ')' | '$'))
    });
    starts
        .map(|(at, _)| {
            let rest = &line[at..];
            &rest[..rest.find(|character| !is_inside(character)).unwrap_or(rest.len())]
        })
        .find(|path| {
            let parts: Vec<&str> = path[1..].split('/').collect();
            let leads_into = |folder: &&[&str]| {
                parts.len() > folder.len()
                    && folder.iter().zip(&parts).all(|(name, part)| *name == "*" || name == part)
            };
            MACHINE_FOLDERS.iter().any(leads_into)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    #[test]
    fn paths_of_one_machine_and_registries_are_found() {
        for (text, expected) in [
            ("see /home/anna/ironhand/README.md", &["a.md:1 `/home/anna/ironhand/README.md`"][..]),
            ("\n\"/root/.cargo\"", &["a.md:2 `/root/.cargo`"]),
            ("(/work/project/)", &["a.md:1 `/work/project/`"]),
            ("URIs: http://deb.debian.org/debian", &["a.md:1 `deb.debian.org`"]),
            ("\"resolved\": \"https://registry.npmjs.org/x\"", &["a.md:1 `registry.npmjs.org`"]),
            ("https://example.org/home/page/1", &[]),
            ("target/work/x, ./root/x, ${HERE}/work/x", &[]),
            ("root:x:0:0:root:/root:/bin/bash", &[]),
            ("/var/lib/ironhand /etc/ironhand", &[]),
            ("registry+https://github.com/rust-lang/crates.io-index", &[]),
        ] {
            assert_eq!(shown(&check(&Tree::of(&[("a.md", text)]))), expected, "{text}");
        }
    }

    #[test]
    fn captures_keep_what_they_show() {
        let tree = Tree::of(&[
            ("testdata/screens/installer.txt", "Get:1 http://deb.debian.org/debian"),
            ("testdata/screens/ORIGIN.md", "from /home/anna/screens"),
        ]);
        assert_eq!(shown(&check(&tree)), ["testdata/screens/ORIGIN.md:1 `/home/anna/screens`"]);
    }
}
