//! `cargo xtask e2e`: the tests of `tests/e2e` alone, with their output shown as it comes.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::test::Surroundings;
use crate::{run, workspace};

/// Runs the end-to-end tests named by `names` (`first-recovery` is `tests/e2e/tests/first_recovery.rs`), or all.
pub fn run(names: &[String]) -> Result<()> {
    let known = test_names(&workspace::root().join("tests/e2e/tests"))?;
    let chosen: Vec<String> = names.iter().map(|name| name.replace('-', "_")).collect();
    for name in &chosen {
        let list = known.join(", ").replace('_', "-");
        ensure!(known.contains(name), "there is no end-to-end test `{name}`; there are: {list}");
    }
    let surroundings = Surroundings::prepare(&["--bin", "ironhand"])?;
    let mut tests = workspace::cargo();
    tests.args(["test", "--locked", "--package", "e2e"]);
    for name in &chosen {
        tests.args(["--test", name]);
    }
    tests.args(["--", "--nocapture"]);
    surroundings.tell(&mut tests)?;
    run::run(&mut tests)
}

fn test_names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
