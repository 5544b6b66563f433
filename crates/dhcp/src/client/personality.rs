//! What programs of machines send, as it was captured or read in their sources.

use crate::{Architecture, HardwareAddress, Message, code};

/// What firmware asks for: parameters of the network and of PXE (edk2 and Intel's PXE code ask for these and more).
const PXE_PARAMETERS: &[u8] = &[
    1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97,
    128, 129, 130, 131, 132, 133, 134, 135,
];
/// What edk2's HTTP boot asks for; the last byte was never set there (rule D14).
const HTTP_PARAMETERS: &[u8] = &[1, 3, 6, 15, 28, 43, 60, 66, 67, 0xaf];
/// What iPXE asks for.
const IPXE_PARAMETERS: &[u8] =
    &[1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203];
/// What the clients of Linux distributions ask for.
const SYSTEM_PARAMETERS: &[u8] = &[1, 3, 6, 12, 15, 26, 28, 42, 119, 121];

/// What iPXE of Debian 12 says it was built with: HTTP, iSCSI, TFTP, AoE, bzImage, menus and so on, and its version.
const IPXE_FEATURES: &[u8] = &[
    0xb1, 5, 1, 0x10, 0xec, 0x81, 0x39, 0x18, 1, 1, 0x22, 1, 1, 0x13, 1, 1, 0x19, 1, 1, 0x29, 1, 1, 0x10, 1,
    2, 0x21, 1, 1, 0x15, 1, 1, 0x11, 1, 1, 0x27, 1, 1, 0xeb, 3, 1, 0, 0,
];

/// Which program of a machine a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Personality {
    /// Firmware that boots by PXE: OVMF, or a BIOS with its option ROM.
    Pxe(Architecture),
    /// Firmware that boots by HTTP.
    Http(Architecture),
    /// iPXE, in place of the option ROM or loaded by firmware of this architecture.
    Ipxe(Architecture),
    /// The boot loader of a Raspberry Pi.
    RaspberryPi,
    /// An operating system.
    System,
}

impl Personality {
    fn architecture(self) -> Option<Architecture> {
        match self {
            Self::Pxe(architecture) | Self::Http(architecture) | Self::Ipxe(architecture) => {
                Some(architecture)
            }
            Self::RaspberryPi => Some(Architecture::X86Bios),
            Self::System => None,
        }
    }

    /// Says what it is.
    pub(super) fn introduce(self, message: &mut Message, uuid: Option<[u8; 16]>) {
        let hardware = message.chaddr;
        let options = &mut message.options;
        if let Some(identifier) = self.identifier(hardware) {
            options.set(code::CLIENT_IDENTIFIER, &identifier);
        }
        let parameters = match self {
            Self::Pxe(_) | Self::RaspberryPi => PXE_PARAMETERS,
            Self::Http(_) => HTTP_PARAMETERS,
            Self::Ipxe(_) => IPXE_PARAMETERS,
            Self::System => SYSTEM_PARAMETERS,
        };
        options.set(code::PARAMETER_REQUEST_LIST, parameters);
        options.set_u16(code::MAX_MESSAGE_SIZE, 1472);
        if let Some(architecture) = self.architecture() {
            let class = if matches!(self, Self::Http(_)) { "HTTPClient" } else { "PXEClient" };
            let number = architecture.number();
            options.set_text(code::VENDOR_CLASS, &format!("{class}:Arch:{number:05}:UNDI:003000"));
            options.set_u16(code::CLIENT_SYSTEM_ARCHITECTURE, number);
            options.set(code::CLIENT_NETWORK_INTERFACE, &[1, 3, 0]);
        }
        if let Some(uuid) = uuid {
            let value: Vec<u8> = [0].into_iter().chain(uuid).collect();
            options.set(code::CLIENT_MACHINE_IDENTIFIER, &value);
        }
        if matches!(self, Self::Ipxe(_)) {
            options.set(code::USER_CLASS, b"iPXE").set(code::ETHERBOOT, IPXE_FEATURES);
        }
    }

    /// The client identifier: none of firmware's, the hardware address of iPXE's, something else of the system's.
    pub(super) fn identifier(self, hardware: HardwareAddress) -> Option<Vec<u8>> {
        let with = |prefix: &[u8]| Some([prefix, hardware.bytes()].concat());
        match self {
            Self::Pxe(_) | Self::Http(_) | Self::RaspberryPi => None,
            Self::Ipxe(_) => with(&[1]),
            // As systemd and dhcpcd make it: an interface number and a DUID of the type of link-layer addresses.
            Self::System => with(&[0xff, 0, 0, 0, 1, 0, 3, 0, 1]),
        }
    }

    /// Whether its answers are to be broadcast, as OVMF has it.
    pub(super) fn wants_broadcast(self) -> bool {
        match self {
            Self::Pxe(architecture) | Self::Http(architecture) => !architecture.is_bios(),
            Self::Ipxe(_) | Self::RaspberryPi | Self::System => false,
        }
    }

    /// Whether it renews its lease: programs that only boot do not (rule D8).
    pub(super) fn renews(self) -> bool {
        self == Self::System
    }

    /// Whether it names the server in what it sends to port 4011: iPXE does, edk2 does not (rule P5).
    pub(super) fn names_server(self) -> bool {
        matches!(self, Self::Ipxe(_))
    }

    /// Whether an offer says something about booting that this program looks at.
    pub(super) fn accepts_boot(self, offer: &Message) -> bool {
        let class = offer.options.get(code::VENDOR_CLASS).unwrap_or_default();
        let file = !offer.file_name().is_empty() || offer.options.get(code::BOOTFILE_NAME).is_some();
        let addressed = !offer.yiaddr.is_unspecified();
        match self {
            Self::System => false,
            Self::Http(_) => class == b"HTTPClient" && file,
            Self::Pxe(_) | Self::Ipxe(_) | Self::RaspberryPi => class == b"PXEClient" || addressed && file,
        }
    }

    /// Whether it takes the file of a proxy's offer, and does not ask for it at port 4011 (section 3.3's measurements).
    pub(super) fn takes_offered_file(self, offer: &Message) -> bool {
        // Discovery control with bit 3.
        let no_discovery =
            offer.options.get(code::VENDOR_SPECIFIC).is_some_and(|value| value.starts_with(&[6, 1, 8]));
        matches!(self, Self::Http(_) | Self::Ipxe(_)) || no_discovery
    }
}
