//! What another server's offers mean for machines that are to boot from here (rules D10 and P6).

use std::fmt;
use std::net::Ipv4Addr;

use crate::asking::encapsulated;
use crate::{Message, code};

/// Something about another server that keeps machines from booting from here as a proxy's clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It names a boot file, which iPXE follows in place of ours.
    BootFile(String),
    /// It says that it boots machines itself, so that UEFI firmware asks it at port 4011.
    PxeClient,
    /// It tells iPXE to wait for no proxy.
    NoProxy,
}

/// A server that answered, as far as boot clients are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignServer {
    /// Its address (option 54), or else the one it boots from.
    pub server: Ipv4Addr,
    /// The address that it offered; unspecified for a proxy.
    pub offered: Ipv4Addr,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
}

impl ForeignServer {
    /// Reads an offer of another server.
    pub fn read(offer: &Message) -> Self {
        let options = &offer.options;
        let header = Some(offer.file_name()).filter(|file| !file.is_empty());
        let file = options.text(code::BOOTFILE_NAME).filter(|file| !file.is_empty()).or(header);
        let file = file.map(|file| Obstacle::BootFile(String::from_utf8_lossy(file).into_owned()));
        let class = options.text(code::VENDOR_CLASS);
        let pxe = class.is_some_and(|class| class.starts_with(b"PXEClient")).then_some(Obstacle::PxeClient);
        let no_proxy = options.get(code::ETHERBOOT).is_some_and(|value| {
            encapsulated(value)
                .any(|(code, value)| code == 0xb0 && value.first().is_some_and(|&flag| flag != 0))
        });
        let no_proxy = no_proxy.then_some(Obstacle::NoProxy);
        Self {
            server: options.address(code::SERVER_IDENTIFIER).unwrap_or(offer.siaddr),
            offered: offer.yiaddr,
            obstacles: file.into_iter().chain(pxe).chain(no_proxy).collect(),
        }
    }
}

impl Obstacle {
    /// What is to be changed, for each of the servers that people use.
    pub fn remedies(&self) -> [(&'static str, &'static str); 4] {
        match self {
            Self::BootFile(_) => [
                ("ISC dhcpd", "remove `filename` and `next-server` from the subnet, group and class"),
                (
                    "Kea",
                    "remove `boot-file-name`, `next-server` and option 67 from the subnet and its classes",
                ),
                ("dnsmasq", "remove `dhcp-boot` and `dhcp-option=67`"),
                ("Windows", "remove options 66 and 67 from the scope, its policies and the server"),
            ],
            Self::PxeClient => [
                ("ISC dhcpd", "remove `option vendor-class-identifier \"PXEClient\"`"),
                ("Kea", "remove option 60 (`vendor-class-identifier`) from `option-data`"),
                ("dnsmasq", "remove `pxe-service`, `pxe-prompt` and `dhcp-option=60`"),
                ("Windows", "run `netsh dhcp server delete optiondef 60`, and move WDS off this server"),
            ],
            Self::NoProxy => [
                ("ISC dhcpd", "remove `option ipxe.no-pxedhcp` (encapsulated option 175.176)"),
                ("Kea", "remove sub-option 176 of option 175 from `option-data`"),
                ("dnsmasq", "remove `dhcp-option=encap:175,176`"),
                ("Windows", "remove option 175 from the scope and the server"),
            ],
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BootFile(file) => {
                write!(f, "your DHCP server names the boot file `{file}` (filename, option 67): iPXE will follow it, not us")
            }
            Self::PxeClient => f.write_str(
                "your DHCP server sends option 60 = PXEClient: UEFI machines will ask it, not us, on port 4011",
            ),
            Self::NoProxy => {
                f.write_str("your DHCP server sends iPXE's option 175.176 (no-pxedhcp): iPXE will not wait for us")
            }
        }
    }
}
