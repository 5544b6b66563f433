//! Python packages, each in an environment of its own below `target/peers/`: the system stays as it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::peers::{self, apt};
use crate::run;

/// Programs of a Python package.
struct PythonPeer {
    /// The package and its version; what it needs comes with it.
    package: &'static str,
    /// The programs that tests run.
    programs: &'static [&'static str],
    /// What tests need it for.
    why: &'static str,
    /// Others that the tests' scripts need beside it, and their versions.
    beside: &'static [&'static str],
    /// Only its files are wanted: what it needs to run is left out, and the Python that it is for does not matter.
    alone: bool,
}

const PEERS: &[PythonPeer] = &[
    PythonPeer {
        package: "amt==0.8.0",
        programs: &["amtctrl"],
        why: "a client for Intel AMT, which judges our simulated engine",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "sushy-tools==2.2.0",
        programs: &["sushy-emulator"],
        why: "the Redfish service of OpenStack, which judges our Redfish client",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "redfish_protocol_validator==1.3.2",
        programs: &["rf_protocol_validator"],
        why: "DMTF's judge of how a Redfish service speaks, for our simulated ones",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "redfish_service_validator==3.1.8",
        programs: &["rf_service_validator"],
        why: "DMTF's judge of what a Redfish service shows, by the schemas, for our simulated ones",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "redfishtool==1.1.8",
        programs: &["redfishtool"],
        why: "a Redfish client for the command line, which judges our simulated services",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "redfish_utilities==3.5.2",
        programs: &[
            "rf_accounts.py",
            "rf_bios_settings.py",
            "rf_boot_override.py",
            "rf_firmware_inventory.py",
            "rf_power_reset.py",
            "rf_sel.py",
            "rf_sensor_list.py",
            "rf_virtual_media.py",
        ],
        why: "DMTF's Redfish clients and its Python library, which judge our simulated services",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "pikvm-lib==0.5.0",
        programs: &[],
        why: "a client of PiKVM units, which judges the simulated one",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "aiortc==1.14.0",
        programs: &[],
        why: "WebRTC with libav's H.264, a client of the simulated JetKVM and a unit for our client",
        beside: &["aiohttp==3.13.2"],
        alone: false,
    },
    PythonPeer {
        package: "nanokvm==1.4.1",
        programs: &[],
        why: "a client of NanoKVM units, which judges the simulated one",
        beside: &[],
        alone: false,
    },
    PythonPeer {
        package: "rapidocr-onnxruntime==1.4.4",
        programs: &[],
        why: "the networks of PP-OCR, which our recogniser runs",
        beside: &[],
        alone: true,
    },
];

/// Makes every package available. Quick when nothing is missing.
pub fn install(folder: &Path) -> Result<()> {
    for peer in PEERS {
        let place = folder.join("python").join(peer.package);
        // Its programs name their place, so that a folder that was moved since is made anew.
        let whole = place.display().to_string();
        let whole = [whole.as_str()].iter().chain(peer.beside).copied().collect::<Vec<_>>().join("\n");
        if fs::read_to_string(place.join("installed")).is_ok_and(|installed| installed == whole) {
            continue;
        }
        eprintln!("xtask: installing {} into {}: {}", peer.package, place.display(), peer.why);
        make_environment(&place)?;
        run::run(
            Command::new(place.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
                .args(if peer.alone { &["--no-deps", "--ignore-requires-python"][..] } else { &[] })
                .arg(peer.package)
                .args(peer.beside),
        )?;
        fs::create_dir_all(folder.join("bin"))?;
        for program in peer.programs {
            let link = folder.join("bin").join(program);
            // One of another version.
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link).with_context(|| format!("cannot remove {}", link.display()))?;
            }
            symlink(place.join("bin").join(program), &link)
                .with_context(|| format!("cannot make {}", link.display()))?;
        }
        // Last: its presence says that the rest is complete.
        fs::write(place.join("installed"), whole)?;
    }
    Ok(())
}

fn make_environment(place: &Path) -> Result<()> {
    let make = || {
        let python = peers::find("python3").context("no `python3` is found")?;
        run::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(place))
    };
    // Debian keeps what makes environments in a package of its own.
    make().or_else(|refusal| {
        eprintln!("xtask: {refusal:#}");
        apt::install(&["python3-venv"])?;
        make()
    })
}
