//! `cargo xtask tidy`: rules of this repository that no compiler checks. Each rule is one module with its own tests.

mod binary_files;
mod crate_map;
mod file_length;
mod licences;
mod machine_paths;
mod module_names;
mod native_libraries;
mod purity;
mod rust_code;
mod tree;
mod unfinished;

use std::fmt;

use anyhow::{Result, ensure};

use crate::tidy::tree::Tree;
use crate::workspace;

/// Why a rule exists and how one gets right with it.
struct Rule {
    name: &'static str,
    why: &'static str,
    remedy: &'static str,
}

/// One place that breaks a rule.
struct Finding {
    rule: &'static Rule,
    /// Relative to the root of the checkout.
    path: String,
    /// Counted from 1; `None` if the whole file is meant.
    line: Option<usize>,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        let Rule { name, why, remedy } = self.rule;
        write!(formatter, ": {} [{name}]\n    why: {why}\n    do:  {remedy}", self.what)
    }
}

/// Checks every rule on the files that git tracks, and prints each place that breaks one.
pub fn run() -> Result<()> {
    let tree = Tree::tracked(workspace::root())?;
    let metadata = workspace::metadata()?;
    let mut findings = Vec::new();
    findings.extend(crate_map::check(&tree, &metadata));
    findings.extend(purity::check(&tree, &metadata));
    findings.extend(file_length::check(&tree));
    findings.extend(module_names::check(&tree));
    findings.extend(unfinished::check(&tree));
    findings.extend(machine_paths::check(&tree));
    findings.extend(native_libraries::check()?);
    findings.extend(licences::check(&metadata));
    findings.extend(binary_files::check(&tree));
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} places break a rule", findings.len());
    println!("{} tracked files break no rule", tree.files.len());
    Ok(())
}
