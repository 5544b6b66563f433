//! The tracked files of the checkout, read once.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;

/// A tracked file.
pub struct File {
    /// Relative to the root of the checkout, with `/`.
    pub path: String,
    pub bytes: Vec<u8>,
}

impl File {
    /// The content, unless it is binary.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }

    /// Whether the name ends in `.` and one of `extensions`.
    pub fn is_any(&self, extensions: &[&str]) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// All tracked files.
pub struct Tree {
    pub files: Vec<File>,
}

impl Tree {
    /// Reads what git tracks below `root`. Files that are deleted but not committed as such are left out.
    pub fn tracked(root: &Path) -> Result<Self> {
        let list = run::read(Command::new("git").current_dir(root).args(["ls-files", "-z"]))?;
        let mut files = Vec::new();
        for path in list.split_terminator('\0') {
            let place = root.join(path);
            if place.is_file() {
                let bytes = std::fs::read(&place).with_context(|| format!("cannot read {path}"))?;
                files.push(File { path: path.to_owned(), bytes });
            }
        }
        Ok(Self { files })
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text()
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), bytes: text.into() };
        Self { files: files.iter().map(file).collect() }
    }
}

/// The findings as `PATH:LINE what`, for tests of rules.
#[cfg(test)]
pub fn shown(findings: &[super::Finding]) -> Vec<String> {
    let line = |finding: &super::Finding| finding.line.map_or_else(String::new, |line| format!(":{line}"));
    findings.iter().map(|finding| format!("{}{} {}", finding.path, line(finding), finding.what)).collect()
}
