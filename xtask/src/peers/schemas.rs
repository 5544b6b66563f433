//! The schemas of Redfish (CSDL), which DMTF's service validator wants. It would fetch them from DMTF's site; a crate
//! carries them too, and comes from where all crates come from. Nothing of it is compiled.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::{run, workspace};

/// The crate and its version.
const CRATE: (&str, &str) = ("nv-redfish-schema", "0.22.1");

/// Where in the crate the schemas lie.
const SCHEMAS: &str = "redfish-csdl/csdl";

/// One without which the others are of no use.
const PROOF: &str = "ServiceRoot_v1.xml";

/// Puts the schemas into `redfish-csdl` below `folder`. Quick when they are there.
pub fn install(folder: &Path) -> Result<()> {
    let (name, version) = CRATE;
    let place = folder.join("redfish-csdl");
    let stamp = place.join("version");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == version) {
        return Ok(());
    }
    eprintln!(
        "xtask: fetching the schemas of Redfish (crate {name} {version}), by which our services are judged"
    );
    let project = folder.join("redfish-csdl.crate");
    make_project(&project)?;
    run::run(
        workspace::cargo()
            .args(["vendor", "--quiet", "--manifest-path"])
            .arg(project.join("Cargo.toml"))
            .arg(project.join("vendor"))
            // The configuration that would make a build use what was fetched.
            .stdout(Stdio::null()),
    )?;
    let schemas = project.join("vendor").join(name).join(SCHEMAS);
    ensure!(schemas.join(PROOF).is_file(), "crate {name} {version} has no {SCHEMAS}/{PROOF}");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::rename(&schemas, &place).with_context(|| format!("cannot make {}", place.display()))?;
    fs::remove_dir_all(&project).with_context(|| format!("cannot remove {}", project.display()))?;
    // Last: its presence says that the rest is complete.
    fs::write(stamp, version)?;
    Ok(())
}

/// A project of its own that needs nothing but the crate.
fn make_project(project: &Path) -> Result<()> {
    let (name, version) = CRATE;
    let manifest = format!(
        "[package]\nname = \"schemas\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{name} = \"={version}\"\n\n[workspace]\n"
    );
    let source = project.join("src");
    fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
    fs::write(project.join("Cargo.toml"), manifest)?;
    fs::write(source.join("lib.rs"), "")?;
    Ok(())
}
