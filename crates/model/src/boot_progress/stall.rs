//! What silence in a boot means.

use std::time::Duration;

use ironhand_api::{BootRecord, BootStage, BootStall, Timestamp};

/// After an offer: firmware collects offers for some seconds and asks then; UEFI repeats itself after 4, 8, 16 and 32 s.
const AFTER_OFFER: Duration = Duration::from_secs(20);

/// After an address was given, before the first file is asked for.
const AFTER_ADDRESS: Duration = Duration::from_secs(20);

/// After a loader: it starts, sets the network up again, and iPXE may wait 16 s for an IPv6 router that is not there.
const AFTER_LOADER: Duration = Duration::from_secs(45);

/// After a script: a kernel may be hundreds of megabytes, and is told of when it has arrived.
const AFTER_SCRIPT: Duration = Duration::from_secs(300);

/// After anything else.
const AFTER_OTHER: Duration = Duration::from_secs(120);

/// How long a boot may be silent where it stands.
pub fn boot_patience(record: &BootRecord) -> Duration {
    match record.steps.last().map(|step| step.stage) {
        None | Some(BootStage::Discover | BootStage::Offer) => AFTER_OFFER,
        Some(BootStage::Request | BootStage::Acknowledge) => AFTER_ADDRESS,
        Some(BootStage::Loader | BootStage::File) => AFTER_LOADER,
        Some(BootStage::Script) => AFTER_SCRIPT,
        Some(_) => AFTER_OTHER,
    }
}

/// What a boot of which nothing was heard for too long hangs at, and what usually causes that; none where it may still be
/// silent.
pub fn boot_stall(record: &BootRecord, now: Timestamp) -> Option<BootStall> {
    let last = record.steps.last()?;
    if now.since(record.last) < boot_patience(record) {
        return None;
    }
    let uefi = record.architecture.as_deref().is_some_and(|words| words.contains("UEFI"));
    let (expected, causes) = match &last.failed {
        Some(reason) if !last.stage.is_dhcp() => broken(last.what.as_str(), reason),
        _ => silent(last.stage, uefi, record.address.is_some()),
    };
    Some(BootStall { after: last.stage, since: record.last, expected, causes: own(&causes) })
}

fn own(causes: &[&str]) -> Vec<String> {
    causes.iter().map(|&cause| cause.to_owned()).collect()
}

/// A transfer broke off, or was refused, and nothing came behind it.
fn broken(what: &str, reason: &str) -> (String, Vec<&'static str>) {
    let expected =
        format!("the machine should have asked for `{what}` again, or for something else ({reason})");
    let causes = vec![
        "the machine was reset or lost its link in the middle of the transfer",
        "large packets do not pass: a switch, tunnel or VLAN between has a smaller MTU than the two ends; try a small block size",
        "a firewall between lets the first packets of a transfer pass and not those from the port that TFTP answers from; use HTTP, or let UDP pass both ways",
        "where the file is refused or missing: `ironhand boot explain` tells what the machine is offered and why",
    ];
    (expected, causes)
}

/// Nothing came behind a step that went well.
fn silent(stage: BootStage, uefi: bool, has_address: bool) -> (String, Vec<&'static str>) {
    let (expected, causes): (&str, Vec<&'static str>) = match stage {
        BootStage::Discover => (
            "an offer should have been sent",
            vec![
                "all addresses of the pool are taken: `ironhand leases` shows by whom",
                "the network gives addresses to its reservations alone, and the machine has none",
            ],
        ),
        BootStage::Offer => (
            "the machine should have asked for what it was offered",
            vec![
                "it took the offer of another DHCP server: `ironhand config detect` looks for one",
                "the offer does not reach it: a relay that is missing or does not know this server, another VLAN, or a firewall on UDP port 68",
                "the switch port was not forwarding yet (spanning tree without edge port, LACP without fallback): the machine tries again",
                if uefi {
                    "beside another DHCP server, firmware asks at UDP port 4011 next, which a firewall may drop"
                } else {
                    "its boot ROM left the network and went on to the next boot device"
                },
            ],
        ),
        BootStage::Request => (
            "the address should have been given",
            vec![
                "the machine asked another server for its offer",
                "the lease could not be written to the disk: the log of the server tells why",
            ],
        ),
        BootStage::Acknowledge => (
            "the machine should have read the loader that it was offered",
            vec![
                "it follows the boot file of another DHCP server, which answered as well",
                "a firewall drops UDP port 69 or the port of the HTTP listener on this machine",
                if has_address {
                    "it cannot reach the address that files are offered at: compare the address of this machine with the router and the mask that were given"
                } else {
                    "it took the address of the other server and ignored our offer of a boot file: see docs/guides/network-boot.md on servers side by side"
                },
                "its boot order was left for the next device",
            ],
        ),
        BootStage::Loader => (
            "the loader should have asked for its script",
            if uefi {
                vec![
                    "Secure Boot refused the loader (the screen says Access Denied or Security Violation): choose shim and GRUB in the profile, or switch Secure Boot off",
                    "the loader has no driver for the network interface: choose another one for the host (snponly.efi in place of ipxe.efi, or the other way round)",
                    "the loader asks for an address once more and gets none: the switch port goes down when the driver changes (spanning tree)",
                    "iPXE waits for IPv6 routers, up to 16 s, and goes on after that",
                ]
            } else {
                vec![
                    "the loader has no driver for the network interface: choose undionly.kpxe in place of ipxe.pxe, or the other way round",
                    "the loader asks for an address once more and gets none: the switch port goes down when the driver changes (spanning tree)",
                    "iPXE waits for IPv6 routers, up to 16 s, and goes on after that",
                ]
            },
        ),
        BootStage::Script => (
            "the machine should have read the kernel that its script names",
            vec![
                "it still reads a large kernel over a slow link; what arrives is shown when it is whole",
                "it cannot reach the HTTP listener that the script names: a firewall, or an address of this machine on another network",
                "the kernel was refused by Secure Boot: it must be signed for the keys of the machine, and be started through shim",
                "it ran out of memory: kernel and initrd together must fit below 4 GB on BIOS machines",
            ],
        ),
        _ => (
            "the machine should have asked for something more",
            vec![
                "the system that was loaded has no driver or firmware for the network interface: its console tells",
                "the installer waits for an answer that its file does not give: `ironhand screen HOST` shows what it asks",
            ],
        ),
    };
    (expected.to_owned(), causes)
}
