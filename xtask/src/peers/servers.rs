//! Strangers' DHCP and TFTP servers. Their packages start them when they are installed, on networks that are not ours to
//! serve, and some exclude each other; so they are unpacked below `target/peers/servers/`, one folder each. Where this
//! machine has one, it is used as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::peers::{self, apt};

/// A server, or a program that comes with one.
struct Server {
    program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    /// Where it lies in the package.
    path: &'static str,
    /// What tests need it for.
    why: &'static str,
}

const SERVERS: &[Server] = &[
    Server {
        program: "atftpd",
        package: "atftpd",
        path: "usr/sbin/atftpd",
        why: "a TFTP server with windows, which `bench boot tftp` measures beside ours",
    },
    Server {
        program: "dhcpd",
        package: "isc-dhcp-server",
        path: "usr/sbin/dhcpd",
        why: "a DHCP server, which `bench boot dhcp` measures beside ours",
    },
    Server {
        program: "dhcrelay",
        package: "isc-dhcp-relay",
        path: "usr/sbin/dhcrelay",
        why: "a relay between machines and our DHCP server",
    },
    Server {
        program: "in.tftpd",
        package: "tftpd-hpa",
        path: "usr/sbin/in.tftpd",
        why: "a TFTP server, which `bench boot tftp` measures beside ours",
    },
    Server {
        program: "kea-dhcp4",
        package: "kea-dhcp4-server",
        path: "usr/sbin/kea-dhcp4",
        why: "a DHCP server, which `bench boot dhcp` measures beside ours",
    },
    Server {
        program: "perfdhcp",
        package: "kea-admin",
        path: "usr/sbin/perfdhcp",
        why: "thousands of DHCP clients",
    },
    Server {
        program: "systemd-networkd",
        package: "systemd",
        path: "lib/systemd/systemd-networkd",
        why: "a DHCP client of many installed systems",
    },
];

/// Makes every server available. Quick when nothing is missing.
pub fn install(folder: &Path) -> Result<()> {
    for server in SERVERS {
        let Server { program, package, path, why } = server;
        let link = folder.join("bin").join(program);
        if peers::find(program).is_some() || link.is_file() {
            continue;
        }
        let here = Path::new("/").join(path);
        if here.is_file() {
            write_start(&link, &format!("exec {} \"$@\"\n", here.display()))?;
            continue;
        }
        ensure!(apt::is_here(), "this machine has no apt-get; install {program}: {why}");
        let place = folder.join("servers").join(package);
        eprintln!("xtask: unpacking {package} into {}: {why}", place.display());
        if place.exists() {
            fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
        }
        fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
        let plan = apt::plan(&[package], None)?;
        // What it would change is not installed, but unpacked with it.
        apt::unpack(&plan.installed, &place)?;
        ensure!(place.join(path).is_file(), "package {package} holds no {path}");
        // Last: its presence says that the rest is complete.
        write_start(&link, &start(package, path))?;
    }
    Ok(())
}

/// Starts an unpacked program with the libraries that were unpacked with it.
fn start(package: &str, path: &str) -> String {
    format!(
        "here=$(CDPATH= cd -- \"$(dirname -- \"$0\")/../servers/{package}\" && pwd) || exit 1\n\
         for place in \"$here\"/usr/lib/*-linux-gnu \"$here\"/lib/*-linux-gnu \"$here\"/lib/systemd; do\n    \
         if [ -d \"$place\" ]; then LD_LIBRARY_PATH=$place${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}; fi\n\
         done\n\
         export LD_LIBRARY_PATH\n\
         exec \"$here/{path}\" \"$@\"\n"
    )
}

fn write_start(link: &Path, commands: &str) -> Result<()> {
    let folder = link.parent().context("a program lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(link, format!("#!/bin/sh\n{commands}"))
        .with_context(|| format!("cannot write {}", link.display()))?;
    fs::set_permissions(link, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} a program", link.display()))
}
