//! Machines that need something else than the rest, told by what they say of themselves.
//!
//! A row for each, in the words of the notes on odd clients (O1 to O11). Those that concern what is served and not what is
//! offered (O8: Windows asks for paths in any case and with backslashes; O9: `mboot` asks for `boot.cfg` beside itself) are
//! held by the rules for paths; O3 (Ampere eMAG takes no file from an answer with option 60) by sending option 60 to nobody who
//! boots by PXE from a full answer; O10 is [`Intent::Wait`](super::Intent::Wait); O11 is why no client is told by option 61.

use ironhand_api::BootArchitecture;

use super::client::{Client, Stage};

/// A machine that needs something else than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quirk {
    /// A Raspberry Pi that boots by its own firmware, which says that it is a BIOS: a loader for a PC would strand it (O1).
    RaspberryPi,
    /// U-Boot, which asks for the files of PXELINUX (O4).
    UBoot,
    /// InfiniBand, whose hardware address does not fit, so that answers are broadcast (O5).
    Infiniband,
    /// A switch's installer, which takes a URL (O7).
    Onie,
}

/// The first half of the hardware addresses of Raspberry Pis.
const RASPBERRY_PI: [[u8; 3]; 6] = [
    [0xb8, 0x27, 0xeb],
    [0xdc, 0xa6, 0x32],
    [0xe4, 0x5f, 0x01],
    [0x28, 0xcd, 0xc1],
    [0xd8, 0x3a, 0xdd],
    [0x2c, 0xcf, 0x67],
];

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RaspberryPi, Self::UBoot, Self::Infiniband, Self::Onie];

    /// What it means, for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::RaspberryPi => "a Raspberry Pi, which boots by its own firmware",
            Self::UBoot => "run by U-Boot, which asks for pxelinux.cfg by itself",
            Self::Infiniband => "an InfiniBand interface, which is answered by broadcast",
            Self::Onie => "a switch with ONIE, which takes the URL of an installer",
        }
    }

    /// The quirks of a machine.
    pub fn of(client: &Client) -> Vec<Self> {
        Self::ALL.into_iter().filter(|quirk| quirk.is_of(client)).collect()
    }

    fn is_of(self, client: &Client) -> bool {
        let begins = |oui: [u8; 3]| client.mac().is_some_and(|mac| mac.0[..3] == oui);
        let firmware = client.firmware();
        match self {
            // Its firmware says BIOS (0), or 41; with UEFI it is like any other machine.
            Self::RaspberryPi => {
                client.stage == Stage::Pxe
                    && (firmware == Some(BootArchitecture::RaspberryPi)
                        || (firmware == Some(BootArchitecture::Bios)
                            && RASPBERRY_PI.iter().any(|oui| begins(*oui))))
            }
            Self::UBoot => client.architecture.is_some_and(super::Architecture::is_u_boot),
            Self::Infiniband => client.infiniband,
            Self::Onie => client.onie,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Architecture;
    use super::*;

    #[test]
    fn odd_machines_are_told_by_what_they_say() {
        let check = |mac: &str, architecture: u16, stage: Stage, wanted: &[Quirk]| {
            let client = Client {
                macs: vec![mac.parse().unwrap()],
                architecture: Some(Architecture(architecture)),
                stage,
                ..Client::default()
            };
            assert_eq!(Quirk::of(&client), wanted, "{mac} {architecture}");
        };
        check("b8:27:eb:00:00:01", 0, Stage::Pxe, &[Quirk::RaspberryPi]);
        check("52:54:00:00:00:01", 41, Stage::Pxe, &[Quirk::RaspberryPi]);
        check("dc:a6:32:00:00:01", 11, Stage::Pxe, &[]);
        check("b8:27:eb:00:00:01", 0, Stage::Os, &[]);
        check("52:54:00:00:00:01", 22, Stage::Pxe, &[Quirk::UBoot]);
        check("52:54:00:00:00:01", 7, Stage::Pxe, &[]);
        let client = Client { infiniband: true, onie: true, ..Client::default() };
        assert_eq!(Quirk::of(&client), [Quirk::Infiniband, Quirk::Onie]);
    }
}
