//! `cargo xtask bench`: measurements, one area each.
//!
//! An area is a program of the crate that it measures: its bench target `benches/AREA.rs` (without a harness), or its
//! example `examples/bench_AREA.rs`. So the list here is never longer than what can be measured.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{run, workspace};

#[derive(Debug, PartialEq)]
struct Area {
    name: String,
    package: String,
    /// What cargo is asked to do, without the package.
    command: [String; 3],
    /// The folder of its source, where each file may be a part that can be asked for by name.
    folder: PathBuf,
}

/// Measures the areas named by `arguments`; without any it lists those that exist. What comes behind the last area, from an
/// option, an existing path or the name of one of its parts on, goes to its program.
pub fn run(arguments: &[String]) -> Result<()> {
    let areas = areas(&workspace::metadata()?);
    if areas.is_empty() {
        bail!("no crate has a program that measures it yet (benches/AREA.rs or examples/bench_AREA.rs)");
    }
    if arguments.is_empty() {
        for area in &areas {
            println!("cargo xtask bench {:16} measures {}", area.name, area.package);
        }
        return Ok(());
    }
    let list = areas.iter().map(|area| area.name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen: Vec<&Area> =
        arguments.iter().map_while(|name| areas.iter().find(|area| area.name == *name)).collect();
    let rest = &arguments[chosen.len()..];
    if let Some(unknown) = rest.first()
        && chosen.last().is_none_or(|area| !area.takes(unknown))
    {
        bail!("nothing measures `{unknown}`; there are: {list}");
    }
    for (at, area) in chosen.iter().enumerate() {
        let mut cargo = workspace::cargo();
        cargo.args(&area.command).args(["--locked", "--package", &area.package]);
        if at + 1 == chosen.len() && !rest.is_empty() {
            cargo.arg("--").args(rest);
        }
        run::run(&mut cargo)?;
    }
    Ok(())
}

impl Area {
    /// Whether it can do something with its first argument.
    fn takes(&self, argument: &str) -> bool {
        argument.starts_with('-')
            || Path::new(argument).exists()
            || self.folder.ends_with(&self.name) && self.folder.join(argument).with_extension("rs").exists()
    }
}

/// The areas in the workspace's targets, sorted by name.
fn areas(metadata: &Value) -> Vec<Area> {
    let mut areas = Vec::new();
    let ours = |package: &&Value| package["source"].is_null();
    for package in metadata["packages"].as_array().into_iter().flatten().filter(ours) {
        for target in package["targets"].as_array().into_iter().flatten() {
            let name = target["name"].as_str().unwrap_or_default();
            let (area, command) = match (target["kind"][0].as_str(), name.strip_prefix("bench_")) {
                (Some("bench"), _) => (name, ["bench", "--bench", name]),
                (Some("example"), Some(area)) => (area, ["run", "--release", &format!("--example={name}")]),
                _ => continue,
            };
            areas.push(Area {
                name: area.to_owned(),
                package: package["name"].as_str().unwrap_or_default().to_owned(),
                command: command.map(str::to_owned),
                folder: Path::new(target["src_path"].as_str().unwrap_or_default())
                    .parent()
                    .unwrap_or(Path::new(""))
                    .to_owned(),
            });
        }
    }
    areas.sort_by(|one, other| one.name.cmp(&other.name));
    areas
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn areas_are_the_benches_and_examples_of_our_crates() {
        let found = areas(&json!({ "packages": [
            { "name": "ironhand-rfb", "source": null, "targets": [
                { "name": "decoding", "kind": ["bench"] },
                { "name": "ironhand_rfb", "kind": ["lib"] },
                { "name": "viewer", "kind": ["example"] },
            ]},
            { "name": "ironhand-console", "source": null, "targets": [
                { "name": "bench_reader", "kind": ["example"] },
            ]},
            { "name": "regex", "source": "registry", "targets": [{ "name": "search", "kind": ["bench"] }] },
        ]}));
        let lines: Vec<String> = found
            .iter()
            .map(|area| format!("{}: cargo {} -p {}", area.name, area.command.join(" "), area.package))
            .collect();
        assert_eq!(
            lines,
            [
                "decoding: cargo bench --bench decoding -p ironhand-rfb",
                "reader: cargo run --release --example=bench_reader -p ironhand-console",
            ]
        );
    }
}
