//! Arrows between our crates go one way, and ARCHITECTURE.md draws each of them.
//!
//! The drawing itself is what is checked against: a boundary moves only together with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::tidy::tree::Tree;
use crate::tidy::{Finding, Rule};

const EDGES: Rule = Rule {
    name: "crate-edges",
    why: "arrows between crates go one way, so that each can be understood, tested and replaced alone",
    remedy: "move the code to where its needs are allowed, or, if the boundary is wrong, change the drawing in ARCHITECTURE.md",
};

const MAP: Rule = Rule {
    name: "crate-map",
    why: "ARCHITECTURE.md is how a newcomer finds the crate that holds something",
    remedy: "add the crate to the table of ARCHITECTURE.md, and to the drawing of its dependencies below",
};

const PAGE: &str = "ARCHITECTURE.md";

/// Edges that only tests, examples and benchmarks have.
const TEST_EDGES: &[(&str, &str)] = &[
    ("crates/boot-port", "crates/media"),
    ("crates/server", "crates/client"),
    ("crates/server", "crates/sim"),
    ("crates/connectors", "crates/sim"),
];

/// Tests from outside, which may use every crate.
const FREE: &str = "tests/e2e";

/// When a dependency is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Product,
    Build,
    Test,
}

/// A dependency that one of our crates names.
pub struct Dependency {
    /// The folder of our crate, like `crates/api`.
    pub from: String,
    /// The package it depends on.
    pub name: String,
    /// The folder of that package if it is ours.
    pub to: Option<String>,
    pub kind: Kind,
}

/// Every dependency that a crate of the workspace names, from `cargo metadata`.
pub fn dependencies(metadata: &Value) -> Vec<Dependency> {
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for package in our_packages(metadata) {
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            found.push(Dependency {
                from: folder(package, root),
                name: dependency["name"].as_str().unwrap_or_default().to_owned(),
                to: dependency["path"].as_str().map(|path| relative(path, root)),
                kind: match dependency["kind"].as_str() {
                    Some("dev") => Kind::Test,
                    Some("build") => Kind::Build,
                    _ => Kind::Product,
                },
            });
        }
    }
    found
}

fn our_packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten().filter(|package| package["source"].is_null())
}

fn folder(package: &Value, root: &str) -> String {
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    relative(manifest.strip_suffix("/Cargo.toml").unwrap_or(manifest), root)
}

fn relative(path: &str, root: &str) -> String {
    path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned()
}

/// The line of a manifest that names the dependency `name`.
pub fn line_of(tree: &Tree, manifest: &str, name: &str) -> Option<usize> {
    let names_it = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    tree.text(manifest)?.lines().position(names_it).map(|at| at + 1)
}

pub fn check(tree: &Tree, metadata: &Value) -> Vec<Finding> {
    let page = tree.text(PAGE).unwrap_or_default();
    let drawn = drawn_edges(page);
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let mut findings = Vec::new();
    for package in our_packages(metadata) {
        let folder = folder(package, root);
        let short = folder.strip_prefix("crates/").unwrap_or(&folder);
        if !page.contains(&format!("`{short}`")) {
            findings.push(Finding {
                rule: &MAP,
                path: PAGE.to_owned(),
                line: None,
                what: format!("`{short}` is not named"),
            });
        }
    }
    for Dependency { from, name, to, kind } in dependencies(metadata) {
        let Some(to) = to else { continue };
        let allowed = from == FREE
            || drawn.get(&from).is_some_and(|targets| targets.contains(&to))
            || (kind == Kind::Test && TEST_EDGES.contains(&(from.as_str(), to.as_str())));
        if !allowed {
            let path = format!("{from}/Cargo.toml");
            findings.push(Finding {
                rule: &EDGES,
                line: line_of(tree, &path, &name),
                path,
                what: format!("{from} may not depend on {to}"),
            });
        }
    }
    findings
}

/// Reads the drawing: several `CRATE -> CRATE, CRATE` may stand in a row.
fn drawn_edges(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut is_code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            continue;
        }
        if !is_code {
            continue;
        }
        let spaced = line.replace(',', " , ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "->") {
            let (Some(from), Some(to)) = (at.checked_sub(1).and_then(|at| words.get(at)), words.get(at + 1))
            else {
                continue;
            };
            let targets = edges.entry(format!("crates/{from}")).or_default();
            targets.insert(format!("crates/{to}"));
            for further in words[at + 2..].chunks_exact(2).take_while(|pair| pair[0] == ",") {
                targets.insert(format!("crates/{}", further[1]));
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tidy::tree::shown;

    const DRAWING: &str = "`api`, `model`, `server`, `sim`\n\
        ```\n\
        api   sim     depend on no crate of ours\n\
        model  -> api         store -> model, api      client -> api\n\
        server -> model, api\n\
        ```\n\
        sim -> server is no drawing\n";

    fn metadata(from: &str, kind: Option<&str>, to: &str) -> Value {
        json!({
            "workspace_root": "/w",
            "packages": [{
                "source": null,
                "manifest_path": format!("/w/{from}/Cargo.toml"),
                "dependencies": [
                    { "name": "ironhand-it", "path": format!("/w/{to}"), "kind": kind },
                    { "name": "serde", "kind": null },
                ],
            }],
        })
    }

    #[test]
    fn an_edge_that_is_not_drawn_is_found() {
        for (from, kind, to, allowed) in [
            ("crates/model", None, "crates/api", true),
            ("crates/server", None, "crates/model", true),
            ("crates/server", None, "crates/api", true),
            ("crates/api", None, "crates/model", false),
            ("crates/server", None, "crates/sim", false),
            ("crates/server", Some("dev"), "crates/sim", true),
            ("crates/server", Some("build"), "crates/sim", false),
            ("crates/sim", None, "crates/server", false),
            ("tests/e2e", Some("dev"), "crates/sim", true),
        ] {
            let manifest = "[dependencies]\nironhand-it.workspace = true\n";
            let path = format!("{from}/Cargo.toml");
            let tree = Tree::of(&[(PAGE, &format!("{DRAWING}`tests/e2e`")), (&path, manifest)]);
            let expected = format!("{path}:2 {from} may not depend on {to}");
            let expected = if allowed { vec![] } else { vec![expected] };
            assert_eq!(shown(&check(&tree, &metadata(from, kind, to))), expected);
        }
    }

    #[test]
    fn a_crate_that_the_map_lacks_is_found() {
        let tree = Tree::of(&[(PAGE, DRAWING)]);
        let findings = check(
            &tree,
            &json!({
                "workspace_root": "/w",
                "packages": [
                    { "source": null, "manifest_path": "/w/crates/rfb/Cargo.toml", "dependencies": [] },
                    { "source": null, "manifest_path": "/w/crates/api/Cargo.toml", "dependencies": [] },
                ],
            }),
        );
        assert_eq!(shown(&findings), ["ARCHITECTURE.md `rfb` is not named"]);
    }
}
