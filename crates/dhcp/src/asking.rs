//! What a client says of itself, read out of its message once.

use std::fmt;
use std::net::Ipv4Addr;

use crate::{
    Architecture, HardwareAddress, InterfaceId, MachineUuid, Message, MessageType, OptionSet, SubnetId, code,
};

/// Organisations under whose addresses Raspberry Pi machines boot (rule O1).
const RASPBERRY_PI: [[u8; 3]; 6] = [
    [0xb8, 0x27, 0xeb],
    [0xdc, 0xa6, 0x32],
    [0xe4, 0x5f, 0x01],
    [0x28, 0xcd, 0xc1],
    [0xd8, 0x3a, 0xdd],
    [0x2c, 0xcf, 0x67],
];

/// The enterprise number of the Open Compute Project, by which ONIE shows itself in option 125 (rule O7).
const ONIE_ENTERPRISE: [u8; 4] = 42623_u32.to_be_bytes();

/// A client that asks: everything that an answer may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// What it asks: DISCOVER, REQUEST or INFORM.
    pub message: MessageType,
    /// Its hardware address, by which it is known; empty where it gave none (RFC 4390).
    pub hardware: HardwareAddress,
    /// Its client identifier (option 61), which firmware, iPXE and the system of one machine have different.
    pub identifier: Option<&'a [u8]>,
    /// The UUID of its machine (option 97), if it means anything.
    pub uuid: Option<MachineUuid>,
    /// What it loads programs for (option 93): the first known of its list.
    pub architecture: Option<Architecture>,
    /// Its vendor class (option 60), like `PXEClient:Arch:00007:UNDI:003000`.
    pub vendor_class: Option<&'a [u8]>,
    /// Its user class (option 77) as it came; [`Client::user_classes`] reads both forms.
    pub user_class: Option<&'a [u8]>,
    /// Which program asks.
    pub kind: ClientKind,
    /// The name that it gives itself (option 12), as far as it is text.
    pub host_name: Option<&'a str>,
    /// The codes that it asks for, in its order (option 55).
    pub parameters: &'a [u8],
    /// The address that it asks for (option 50) or has (`ciaddr`).
    pub requested: Option<Ipv4Addr>,
    /// The relay that it came through.
    pub relay: Option<Relay<'a>>,
    /// The interface of ours that it came in by.
    pub interface: InterfaceId,
    /// The subnet that it is on, by relay or interface.
    pub subnet: SubnetId,
    /// Whether it asks at port 4011, and so wants nothing but boot parameters.
    pub boot_service: bool,
    /// The vendor information of option 125.
    pub vendor_information: Option<&'a [u8]>,
}

/// Which program of a machine asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// Firmware that boots by PXE: its vendor class begins with `PXEClient`.
    PxeFirmware,
    /// Firmware that boots by HTTP: its vendor class begins with `HTTPClient`.
    HttpFirmware,
    /// iPXE, whatever its vendor class says.
    Ipxe(IpxeFeatures),
    /// A system, an installer, a switch, or anything else.
    Other,
}

/// What an iPXE was built with (option 175).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpxeFeatures {
    flags: OptionSet,
    /// Its version (sub-option 0xeb): major, minor, patch.
    pub version: Option<[u8; 3]>,
}

impl IpxeFeatures {
    /// Reads the value of option 175.
    fn read(value: &[u8]) -> Self {
        let mut features = Self::default();
        for (code, value) in encapsulated(value) {
            match (code, value) {
                (0xeb, [major, minor, patch, ..]) => features.version = Some([*major, *minor, *patch]),
                (_, [0, ..] | []) => {}
                _ => {
                    features.flags.insert(code);
                }
            }
        }
        features
    }

    /// Whether it says that it has the feature with this code, as iPXE's headers number them: 0x13 is HTTP, 0x14 HTTPS.
    pub fn has(&self, code: u8) -> bool {
        self.flags.contains(code)
    }

    /// Whether it loads over HTTP.
    pub fn http(&self) -> bool {
        self.has(0x13)
    }

    /// Whether it loads over HTTPS.
    pub fn https(&self) -> bool {
        self.has(0x14)
    }

    /// Whether it was built for EFI.
    pub fn efi(&self) -> bool {
        self.has(0x24)
    }

    /// Whether it knows menus.
    pub fn menu(&self) -> bool {
        self.has(0x27)
    }
}

/// The relay that a message came through (RFC 3046).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay<'a> {
    /// Its address on the client's network (`giaddr`).
    pub giaddr: Ipv4Addr,
    /// The port that the client is behind (option 82, sub-option 1).
    pub circuit: Option<&'a [u8]>,
    /// Who is at the other end of that (sub-option 2).
    pub remote: Option<&'a [u8]>,
    /// The subnet to be served, where it is not that of `giaddr` (sub-option 5; RFC 3527).
    pub link_selection: Option<Ipv4Addr>,
    /// The address that is to be named as the server's (sub-option 11; RFC 5107).
    pub server_override: Option<Ipv4Addr>,
    /// Option 82 as it came, to be sent back.
    pub information: Option<&'a [u8]>,
}

impl<'a> Relay<'a> {
    /// Reads `giaddr` and option 82; `None` for what came directly.
    pub(crate) fn read(message: &'a Message) -> Option<Self> {
        let information = message.options.get(code::RELAY_AGENT_INFORMATION);
        if message.giaddr.is_unspecified() {
            return None;
        }
        let mut relay = Self {
            giaddr: message.giaddr,
            circuit: None,
            remote: None,
            link_selection: None,
            server_override: None,
            information,
        };
        for (code, value) in encapsulated(information.unwrap_or_default()) {
            let address = value.first_chunk().map(|octets: &[u8; 4]| Ipv4Addr::from(*octets));
            match code {
                1 => relay.circuit = Some(value),
                2 => relay.remote = Some(value),
                5 => relay.link_selection = address,
                11 => relay.server_override = address.filter(|address| !address.is_unspecified()),
                _ => {}
            }
        }
        Some(relay)
    }
}

impl<'a> Client<'a> {
    /// Reads what the sender of `message` says.
    pub(crate) fn read(
        message: &'a Message,
        kind: MessageType,
        interface: InterfaceId,
        relay: Option<Relay<'a>>,
        subnet: SubnetId,
        boot_service: bool,
    ) -> Self {
        let options = &message.options;
        let own = Some(message.ciaddr).filter(|address| !address.is_unspecified());
        Self {
            message: kind,
            hardware: message.chaddr,
            identifier: options.get(code::CLIENT_IDENTIFIER).filter(|value| !value.is_empty()),
            uuid: options.get(code::CLIENT_MACHINE_IDENTIFIER).and_then(MachineUuid::read),
            architecture: options.get(code::CLIENT_SYSTEM_ARCHITECTURE).and_then(Architecture::first_known),
            vendor_class: options.get(code::VENDOR_CLASS),
            user_class: options.get(code::USER_CLASS),
            kind: ClientKind::read(message),
            host_name: options
                .text(code::HOST_NAME)
                .and_then(|name| std::str::from_utf8(name).ok())
                .filter(|name| !name.is_empty() && !name.chars().any(char::is_control)),
            parameters: options.get(code::PARAMETER_REQUEST_LIST).unwrap_or_default(),
            requested: own.or_else(|| options.address(code::REQUESTED_ADDRESS)),
            relay,
            interface,
            subnet,
            boot_service,
            vendor_information: options.get(code::VENDOR_IDENTIFYING_SPECIFIC),
        }
    }

    /// Its user classes: the pieces of a list (RFC 3004), or the whole of what is no such list, as iPXE sends it.
    pub fn user_classes(&self) -> impl Iterator<Item = &'a [u8]> {
        UserClasses::of(self.user_class.unwrap_or_default())
    }

    /// Whether it is a Raspberry Pi's boot loader, which needs its own words in option 43 (rule O1).
    pub fn is_raspberry_pi(&self) -> bool {
        let ours = |mac: [u8; 6]| RASPBERRY_PI.iter().any(|prefix| mac.starts_with(prefix));
        match self.architecture {
            Some(Architecture::RaspberryPi) => true,
            Some(Architecture::X86Bios) => {
                self.kind == ClientKind::PxeFirmware && self.hardware.mac().is_some_and(ours)
            }
            _ => false,
        }
    }

    /// Whether it is ONIE, the installer of network switches (rule O7).
    pub fn is_onie(&self) -> bool {
        self.vendor_information.is_some_and(|value| value.starts_with(&ONIE_ENTERPRISE))
            || self.vendor_class.is_some_and(|class| class.starts_with(b"onie_vendor:"))
    }

    /// Whether it looks for something to boot, and so may be answered by a proxy (rule P1).
    pub fn boots(&self) -> bool {
        let by_class = |name: &[u8]| self.vendor_class.is_some_and(|class| class.starts_with(name));
        (by_class(b"PXEClient") || by_class(b"HTTPClient"))
            && (self.architecture.is_some() || self.is_raspberry_pi())
    }
}

/// The fields of an encapsulated option, up to one that claims more than there is.
pub(crate) fn encapsulated(value: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let (head, after) = rest.split_first_chunk::<2>()?;
        let (value, after) = after.split_at_checked(usize::from(head[1])).filter(|_| head[0] != code::END)?;
        rest = after;
        Some((head[0], value))
    })
}

impl ClientKind {
    /// Tells the program by the order of rule P10: user class, option 175, vendor class.
    fn read(message: &Message) -> Self {
        let options = &message.options;
        let features = options.get(code::ETHERBOOT);
        let user = options.get(code::USER_CLASS).unwrap_or_default();
        let is_ipxe = UserClasses::of(user).any(|class| matches!(class, b"iPXE" | b"gPXE"));
        if is_ipxe || features.is_some_and(|value| !value.is_empty()) {
            return Self::Ipxe(IpxeFeatures::read(features.unwrap_or_default()));
        }
        match options.get(code::VENDOR_CLASS) {
            Some(class) if class.starts_with(b"HTTPClient") => Self::HttpFirmware,
            Some(class) if class.starts_with(b"PXEClient") => Self::PxeFirmware,
            _ => Self::Other,
        }
    }
}

/// The pieces of option 77.
struct UserClasses<'a> {
    rest: &'a [u8],
    listed: bool,
}

impl<'a> UserClasses<'a> {
    fn of(value: &'a [u8]) -> Self {
        let mut rest = value;
        while let [length, after @ ..] = rest {
            match after.get(usize::from(*length)..) {
                Some(after) if *length > 0 => rest = after,
                _ => break,
            }
        }
        Self { rest: value, listed: rest.is_empty() }
    }
}

impl<'a> Iterator for UserClasses<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, after) = self.rest.split_first()?;
        let (class, rest) =
            if self.listed { after.split_at_checked(usize::from(*length))? } else { (self.rest, &[][..]) };
        self.rest = rest;
        Some(class)
    }
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PxeFirmware => "PXE firmware",
            Self::HttpFirmware => "HTTP boot firmware",
            Self::Ipxe(_) => "iPXE",
            Self::Other => "no boot program",
        })
    }
}
