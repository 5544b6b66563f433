//! What is seen of network boots: each boot of a machine as a timeline, and leases of addresses.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{MacAddress, Name, Span, Timestamp};

/// One boot over the network, from the first packet to the system that it brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootRecord {
    /// Rises with each boot that this server saw since it was started.
    pub id: u64,
    /// The hardware address that boots.
    pub mac: MacAddress,
    /// The host; absent for machines that are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// The network on which it boots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Name>,
    /// The address that it was given, or asks from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What the firmware says it is, like `UEFI x64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// When the first packet came.
    pub began: Timestamp,
    /// When it was last heard of.
    pub last: Timestamp,
    /// Where it stands.
    pub state: BootState,
    /// Why it goes no further, and what usually causes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<BootStall>,
    /// Why it is over: why it is not served, or what the machine was told or has gone on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What happened, in order; the first and the last steps where there were very many.
    pub steps: Vec<BootStep>,
    /// Steps in the middle that are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Where a boot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootState {
    /// It goes on.
    Running,
    /// What was due next did not come.
    Stalled,
    /// Everything that was asked for was served, and the machine runs on its own.
    HandedOver,
    /// It was told to boot from its own disk, to wait, or to power off.
    Dismissed,
    /// It is not served here; [`BootRecord::ended`] says why.
    Refused,
}

impl BootState {
    /// Whether something more is expected.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Stalled)
    }
}

impl fmt::Display for BootState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::HandedOver => "handed over",
            Self::Dismissed => "dismissed",
            Self::Refused => "refused",
        })
    }
}

/// A stage of a boot, in the order in which machines pass them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootStage {
    /// The machine looked for a DHCP server (DHCPDISCOVER).
    Discover,
    /// It was offered an address, or what to boot (DHCPOFFER).
    Offer,
    /// It asked for what it was offered (DHCPREQUEST).
    Request,
    /// It was given it (DHCPACK).
    Acknowledge,
    /// It read a program that its firmware starts: iPXE, GRUB, shim.
    Loader,
    /// It read what to do next: an iPXE script, or the configuration of GRUB or PXELINUX.
    Script,
    /// It read a kernel.
    Kernel,
    /// It read an initial file system.
    Initrd,
    /// It read answers for an installer.
    Answer,
    /// It read another file.
    File,
}

impl BootStage {
    /// Every stage, in order.
    pub const ALL: [Self; 10] = [
        Self::Discover,
        Self::Offer,
        Self::Request,
        Self::Acknowledge,
        Self::Loader,
        Self::Script,
        Self::Kernel,
        Self::Initrd,
        Self::Answer,
        Self::File,
    ];

    /// The word that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Offer => "offer",
            Self::Request => "request",
            Self::Acknowledge => "ack",
            Self::Loader => "loader",
            Self::Script => "script",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::Answer => "answer file",
            Self::File => "file",
        }
    }

    /// Whether it is an exchange of DHCP.
    pub const fn is_dhcp(self) -> bool {
        matches!(self, Self::Discover | Self::Offer | Self::Request | Self::Acknowledge)
    }
}

impl fmt::Display for BootStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One step of a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootStep {
    /// The stage.
    pub stage: BootStage,
    /// When it ended.
    pub at: Timestamp,
    /// What it was: an address, a path, who asked.
    pub what: String,
    /// By what a file was read: `tftp` or `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Bytes that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How long the transfer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Span>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// How often the same happened again; 0 where it happened once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
}

impl BootStep {
    /// Bytes in a second; none for what is no transfer or took no time that could be measured.
    pub fn rate(&self) -> Option<u64> {
        let (bytes, took) = (self.bytes?, self.took?.duration());
        let micros = u64::try_from(took.as_micros()).ok().filter(|micros| *micros > 0)?;
        Some(bytes.saturating_mul(1_000_000) / micros)
    }
}

impl fmt::Display for BootStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stage)?;
        if !self.what.is_empty() {
            write!(f, " {}", self.what)?;
        }
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        if let Some(bytes) = self.bytes {
            write!(f, ", {}", Amount(bytes))?;
        }
        if let Some(took) = self.took.filter(|_| self.bytes.is_some()) {
            write!(f, " in {:.2} s", took.duration().as_secs_f64())?;
        }
        if let Some(rate) = self.rate().filter(|_| self.bytes.is_some_and(|bytes| bytes >= 1 << 20)) {
            write!(f, ", {}/s", Amount(rate))?;
        }
        if let Some(failed) = &self.failed {
            write!(f, ": {failed}")?;
        }
        match self.again {
            0 => Ok(()),
            1 => f.write_str(" (and once more)"),
            again => write!(f, " (and {again} times more)"),
        }
    }
}

/// A number of bytes as people read it.
struct Amount(u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut tenths = 0;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if rest < 1024 || unit == "GiB" {
                return if unit == "B" { write!(f, "{rest} B") } else { write!(f, "{rest}.{tenths} {unit}") };
            }
            tenths = rest % 1024 * 10 / 1024;
            rest /= 1024;
        }
        Ok(())
    }
}

/// Why a boot goes no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootStall {
    /// The last stage that was passed.
    pub after: BootStage,
    /// Since when nothing was heard.
    pub since: Timestamp,
    /// What should have come, in words.
    pub expected: String,
    /// What usually causes that, the likeliest first.
    pub causes: Vec<String>,
}

/// A lease of an address by DHCP, or by DHCPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DhcpLease {
    /// The address.
    pub address: IpAddr,
    /// The network that it is of.
    pub network: Name,
    /// Who has it, as hexadecimal digits in pairs; empty for clients of DHCPv6 that show none.
    pub hardware_address: String,
    /// The client identifier (option 61; of DHCPv6 option 1, the DUID), as hexadecimal digits in pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name that the client gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The host that the hardware address belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// Whether it is in force.
    pub state: LeaseState,
    /// When it was given or last renewed.
    pub began: Timestamp,
    /// Until when it holds.
    pub ends: Timestamp,
}

impl DhcpLease {
    /// Who has it: the hardware address, or else the client identifier.
    pub fn owner(&self) -> String {
        match (self.hardware_address.as_str(), &self.client_id) {
            ("", Some(identifier)) => format!("client {identifier}"),
            (address, _) => address.to_owned(),
        }
    }
}

/// What becomes of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeaseState {
    /// In force.
    Bound,
    /// Its time is over.
    Expired,
    /// The client, or a person, gave it back.
    Released,
    /// The client, or a probe, found the address in use by somebody else: it is not given for a while.
    Declined,
}

impl fmt::Display for LeaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bound => "bound",
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Declined => "declined",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn step(stage: BootStage, what: &str) -> BootStep {
        let at = Timestamp::from_millis(0);
        BootStep { stage, at, what: what.into(), by: None, bytes: None, took: None, failed: None, again: 0 }
    }

    #[test]
    fn steps_read_as_sentences() {
        let check = |step: BootStep, wanted: &str| assert_eq!(step.to_string(), wanted);
        check(step(BootStage::Offer, "10.0.0.20"), "offer 10.0.0.20");
        let read = |bytes, millis| BootStep {
            by: Some("http".into()),
            bytes: Some(bytes),
            took: Some(Duration::from_millis(millis).into()),
            ..step(BootStage::Kernel, "media/debian/linux")
        };
        check(read(8 << 20, 250), "kernel media/debian/linux by http, 8.0 MiB in 0.25 s, 32.0 MiB/s");
        check(read(700, 0), "kernel media/debian/linux by http, 700 B in 0.00 s");
        check(
            BootStep {
                failed: Some("there is no such file".into()),
                again: 2,
                ..step(BootStage::File, "a.lst")
            },
            "file a.lst: there is no such file (and 2 times more)",
        );
        check(
            BootStep { again: 1, ..step(BootStage::Offer, "10.0.0.20") },
            "offer 10.0.0.20 (and once more)",
        );
    }
}
