//! Strangers' programs that tests talk to: which, from which Debian package, why, and how they get here.
//!
//! Programs that any machine may have are installed with apt. QEMU is, too, unless that would remove or change packages
//! of this machine; then it is unpacked below `target/peers/` and the system stays as it is.
//! Python packages and the schemas of Redfish always lie there.

pub mod apt;
mod python;
mod qemu;
mod schemas;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A program that tests run.
struct Peer {
    program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    /// What tests need it for.
    why: &'static str,
}

const PEERS: &[Peer] = &[
    Peer { program: "amtterm", package: "amtterm", why: "a serial console on our simulated Intel AMT" },
    Peer {
        program: "bmc-info",
        package: "freeipmi-tools",
        why: "opens every kind of session on our BMC side",
    },
    Peer { program: "conmand", package: "conman", why: "keeps a log of a console, which we follow" },
    Peer {
        program: "conserver",
        package: "conserver-server",
        why: "keeps a log of a console, which we follow",
    },
    Peer { program: "cpio", package: "cpio", why: "lists the guest's initramfs that xtask writes" },
    Peer {
        program: "fakebmc",
        package: "python3-pyghmi",
        why: "the BMC of OpenStack's IPMI library, which judges our IPMI client",
    },
    Peer {
        program: "gammu",
        package: "gammu",
        why: "sends and reads short messages through our simulated modem",
    },
    Peer { program: "ipmi_sim", package: "openipmi", why: "a BMC that judges our IPMI client" },
    Peer { program: "ipmi-fru", package: "freeipmi-tools", why: "reads the inventory of our BMC side" },
    Peer { program: "ipmi-sel", package: "freeipmi-tools", why: "reads the event log of our BMC side" },
    Peer { program: "ipmi-sensors", package: "freeipmi-tools", why: "reads the sensors of our BMC side" },
    Peer { program: "ipmiconsole", package: "freeipmi-tools", why: "a serial console on our BMC side" },
    Peer { program: "ipmipower", package: "freeipmi-tools", why: "an IPMI client that judges our BMC side" },
    Peer {
        program: "libvirtd",
        package: "libvirt-daemon",
        why: "runs a machine that our client for libvirt switches",
    },
    Peer {
        program: "powermand",
        package: "powerman",
        why: "reads the power of fleets, as `bench ipmi` measures beside ours",
    },
    Peer {
        program: "gvnccapture",
        package: "gvncviewer",
        why: "a viewer that judges the screens that our simulator shows",
    },
    Peer {
        program: "ipmitool",
        package: "ipmitool",
        why: "an IPMI client that judges our BMC side over cipher suites 3 and 17",
    },
    Peer { program: "snmpd", package: "snmpd", why: "an SNMP agent that judges our client for power strips" },
    Peer {
        program: "snmpset",
        package: "snmp",
        why: "reads and switches the outlets of our simulated power strip",
    },
    Peer { program: "asciinema", package: "asciinema", why: "plays recordings, and judges ours" },
    Peer { program: "ser2net", package: "ser2net", why: "a terminal server that judges our telnet" },
    Peer { program: "git", package: "git", why: "makes the repositories that the server follows" },
    Peer {
        program: "gpg",
        package: "gnupg",
        why: "signs commits, and judges their signatures for the server",
    },
    Peer { program: "curl", package: "curl", why: "knocks at webhooks as forges do" },
    Peer {
        program: "sshd",
        package: "openssh-server",
        why: "a jump host, a machine that runs commands, and one with a menu before its console, for our SSH client",
    },
    Peer {
        program: "microsocks",
        package: "microsocks",
        why: "a SOCKS proxy that judges our connections through one",
    },
    Peer {
        program: "nginx",
        package: "nginx-light",
        why: "the controllers whose readings over TLS `bench redfish` measures",
    },
    Peer { program: "virsh", package: "libvirt-clients", why: "judges what libvirt did for us" },
    Peer {
        program: "tesseract",
        package: "tesseract-ocr",
        why: "reads pictures of consoles, as `bench reader` measures beside ours",
    },
    Peer { program: "tmux", package: "tmux", why: "a terminal that judges ours" },
    Peer { program: "tshark", package: "tshark", why: "reads the packets that wake machines" },
    Peer {
        program: "sixel2png",
        package: "libsixel-bin",
        why: "reads the pictures that we draw in terminals",
    },
    Peer {
        program: "xkbcli",
        package: "libxkbcommon-tools",
        why: "judges what our layouts of keyboards have on their keys",
    },
    Peer {
        program: "Xvnc",
        package: "tigervnc-standalone-server",
        why: "a screen that judges our RFB client",
    },
    Peer {
        program: "tigervncpasswd",
        package: "tigervnc-tools",
        why: "writes the password that Xvnc asks for",
    },
    Peer {
        program: "x11vnc",
        package: "x11vnc",
        why: "shows one picture in every encoding of RFB, and over TLS",
    },
    Peer {
        program: "websockify",
        package: "websockify",
        why: "carries RFB through WebSockets to our client",
    },
    Peer { program: "openssl", package: "openssl", why: "makes the certificates that screens show" },
];

/// Where QEMU may come from when this machine has none.
#[derive(Clone, Copy, PartialEq)]
pub enum QemuPlace {
    /// Installed with apt if that removes nothing, else unpacked.
    AptFirst,
    /// Unpacked below `target/peers/`.
    Beside,
}

/// `cargo xtask peers [--beside]`: installs what tests need and says where it is.
pub fn run(arguments: &[String]) -> Result<()> {
    let place = match arguments {
        [] => QemuPlace::AptFirst,
        [flag] if flag == "--beside" => QemuPlace::Beside,
        _ => bail!("`peers` takes `--beside` or nothing, got `{}`", arguments.join(" ")),
    };
    let peers = workspace::target()?.join("peers");
    install(&peers, place)?;
    crate::guest::prepare(&peers)?;
    println!("IRONHAND_PEERS={}", peers.display());
    println!("PATH={}", search_path(&peers)?.display());
    Ok(())
}

/// Makes every peer available; `folder` is `target/peers`. Quick when nothing is missing.
pub fn install(folder: &Path, place: QemuPlace) -> Result<()> {
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| find(peer.program).is_none()).collect();
    if !missing.is_empty() {
        eprintln!("xtask: tests need programs that this machine has not:");
        for peer in &missing {
            eprintln!("  {:12} package {:28} {}", peer.program, peer.package, peer.why);
        }
        let packages: Vec<&str> = missing.iter().map(|peer| peer.package).collect();
        apt::install(&packages)?;
        for peer in &missing {
            find(peer.program).with_context(|| {
                format!("package {} is installed, but no `{}` is found", peer.package, peer.program)
            })?;
        }
    }
    python::install(folder)?;
    schemas::install(folder)?;
    qemu::install(folder, place)
}

/// `PATH` for tests: peers unpacked in `folder` first, and the places of system programs, which a user's may lack.
pub fn search_path(folder: &Path) -> Result<OsString> {
    let mut places = vec![folder.join("bin")];
    places.extend(system_places());
    std::env::join_paths(places).context("the path of the target folder holds a colon")
}

/// The path of a program of this machine.
pub fn find(program: &str) -> Option<PathBuf> {
    system_places().map(|place| place.join(program)).find(|path| path.is_file())
}

fn system_places() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for place in ["/usr/sbin", "/sbin"] {
        if !places.iter().any(|known| known == Path::new(place)) {
            places.push(place.into());
        }
    }
    places.into_iter()
}
