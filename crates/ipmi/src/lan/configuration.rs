//! What a BMC says of its network settings.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::command::AuthenticationTypes;
use crate::lan::Parameter;
use crate::user::Limit;

/// Where the BMC has its IPv4 address from (parameter 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressSource {
    /// It does not say.
    Unspecified,
    /// It was set.
    Static,
    /// DHCP.
    Dhcp,
    /// The BIOS or software on the machine loads it.
    Bios,
    /// In another way.
    Other,
    /// A reserved number.
    Reserved(u8),
}

impl AddressSource {
    /// The source in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Static => "static",
            Self::Dhcp => "dhcp",
            Self::Bios => "bios",
            Self::Other => "other",
            Self::Reserved(_) => "reserved",
        }
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Static => 1,
            Self::Dhcp => 2,
            Self::Bios => 3,
            Self::Other => 4,
            Self::Reserved(number) => number & 0xF,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number & 0xF {
            0 => Self::Unspecified,
            1 => Self::Static,
            2 => Self::Dhcp,
            3 => Self::Bios,
            4 => Self::Other,
            other => Self::Reserved(other),
        }
    }
}

/// What the BMC does so that others find its hardware address (parameter 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArpControl {
    /// It answers ARP requests.
    pub responses: bool,
    /// It sends ARP replies unasked, at an interval.
    pub gratuitous: bool,
}

/// Who is alerted, and how (parameters 18 and 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDestination {
    /// Its number; 0 is volatile.
    pub number: u8,
    /// Whether alerts must be acknowledged.
    pub acknowledge: bool,
    /// 0 a PET trap, 6 and 7 a manufacturer's own.
    pub kind: u8,
    /// Seconds between tries.
    pub timeout: u8,
    /// How often it is tried again: 0 to 7.
    pub retries: u8,
    /// The address.
    pub address: Ipv4Addr,
    /// The hardware address.
    pub mac: [u8; 6],
}

/// What a BMC can do with IPv6 (parameter 50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ipv6Support {
    /// Alerts can go to IPv6 addresses.
    pub alerts: bool,
    /// IPv4 and IPv6 at once.
    pub both: bool,
    /// IPv6 without IPv4.
    pub only: bool,
}

/// One of the BMC's IPv6 addresses (parameters 56 and 59).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ipv6Address {
    /// Its number among those of its kind.
    pub number: u8,
    /// It was set, rather than learned.
    pub is_static: bool,
    /// A static address is enabled, a learned one was made from a router's prefix rather than by DHCPv6.
    pub flag: bool,
    /// The address.
    pub address: Ipv6Addr,
    /// How many leading bits name the network.
    pub prefix_length: u8,
    /// 0 in use, 1 waits, 2 refused as somebody else has it, 3 lapsed.
    pub status: u8,
}

/// The network settings that a BMC has. Each is `None` where it lacks the parameter or tells nonsense.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LanConfiguration {
    /// By parameter and set selector.
    values: BTreeMap<(u8, u8), Vec<u8>>,
}

impl LanConfiguration {
    pub(super) fn insert(&mut self, parameter: Parameter, set: u8, data: Vec<u8>) {
        self.values.insert((parameter.0, set), data);
    }

    /// Every parameter that the BMC has, as bytes: its number, its set selector, its data.
    pub fn raw(&self) -> impl Iterator<Item = (u8, u8, &[u8])> {
        self.values.iter().map(|((parameter, set), data)| (*parameter, *set, data.as_slice()))
    }

    fn bytes<const N: usize>(&self, parameter: Parameter) -> Option<[u8; N]> {
        self.in_set(parameter, 0)
    }

    fn in_set<const N: usize>(&self, parameter: Parameter, set: u8) -> Option<[u8; N]> {
        self.values.get(&(parameter.0, set))?.first_chunk().copied()
    }

    fn byte(&self, parameter: Parameter) -> Option<u8> {
        self.bytes(parameter).map(|[byte]| byte)
    }

    fn ipv4(&self, parameter: Parameter) -> Option<Ipv4Addr> {
        self.bytes::<4>(parameter).map(Ipv4Addr::from)
    }

    /// Somebody is in the middle of changing the settings (parameter 0).
    pub fn set_in_progress(&self) -> Option<bool> {
        self.byte(Parameter::SET_IN_PROGRESS).map(|byte| byte & 3 != 0)
    }

    /// The authentication types of IPMI 1.5 that the BMC has (parameter 1).
    pub fn authentication_support(&self) -> Option<AuthenticationTypes> {
        self.byte(Parameter::AUTHENTICATION_SUPPORT).map(AuthenticationTypes::from_bits)
    }

    /// Those that are enabled for each privilege level: callback, user, operator, administrator, OEM (parameter 2).
    pub fn authentication_enables(&self) -> Option<[AuthenticationTypes; 5]> {
        let bytes: [u8; 5] = self.bytes(Parameter::AUTHENTICATION_ENABLES)?;
        Some(bytes.map(AuthenticationTypes::from_bits))
    }

    /// The IPv4 address (parameter 3).
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.ipv4(Parameter::ADDRESS)
    }

    /// Where the address is from (parameter 4).
    pub fn source(&self) -> Option<AddressSource> {
        self.byte(Parameter::ADDRESS_SOURCE).map(AddressSource::from_number)
    }

    /// The hardware address (parameter 5).
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.bytes(Parameter::MAC)
    }

    /// The subnet mask (parameter 6).
    pub fn mask(&self) -> Option<Ipv4Addr> {
        self.ipv4(Parameter::MASK)
    }

    /// Time to live of the packets that it sends (parameter 7).
    pub fn time_to_live(&self) -> Option<u8> {
        self.bytes::<3>(Parameter::IPV4_HEADER).map(|[time_to_live, ..]| time_to_live)
    }

    /// The UDP port of IPMI (parameter 8), 623 unless the BMC says otherwise.
    pub fn port(&self) -> Option<u16> {
        self.bytes(Parameter::PRIMARY_PORT).map(u16::from_le_bytes)
    }

    /// What it does so that others find it (parameter 10).
    pub fn arp(&self) -> Option<ArpControl> {
        self.byte(Parameter::ARP_CONTROL)
            .map(|byte| ArpControl { responses: byte & 2 != 0, gratuitous: byte & 1 != 0 })
    }

    /// The time between gratuitous ARPs, in half seconds (parameter 11).
    pub fn arp_interval(&self) -> Option<u8> {
        self.byte(Parameter::ARP_INTERVAL)
    }

    /// The default gateway (parameter 12).
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        self.ipv4(Parameter::GATEWAY)
    }

    /// The default gateway's hardware address (parameter 13).
    pub fn gateway_mac(&self) -> Option<[u8; 6]> {
        self.bytes(Parameter::GATEWAY_MAC)
    }

    /// The gateway in its stead (parameter 14).
    pub fn backup_gateway(&self) -> Option<Ipv4Addr> {
        self.ipv4(Parameter::BACKUP_GATEWAY)
    }

    /// Its hardware address (parameter 15).
    pub fn backup_gateway_mac(&self) -> Option<[u8; 6]> {
        self.bytes(Parameter::BACKUP_GATEWAY_MAC)
    }

    /// The community of SNMP traps (parameter 16).
    pub fn community(&self) -> Option<String> {
        let field = self.values.get(&(Parameter::COMMUNITY.0, 0))?;
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        Some(String::from_utf8_lossy(&field[..end]).into_owned())
    }

    /// How many non-volatile alert destinations there are (parameter 17): 0 to 15.
    pub fn destination_count(&self) -> Option<u8> {
        self.byte(Parameter::DESTINATION_COUNT).map(|byte| byte & 0xF)
    }

    /// The alert destinations that were read (parameters 18 and 19).
    pub fn destinations(&self) -> Vec<AlertDestination> {
        (0..=0xF)
            .filter_map(|number| {
                let [_, kind, timeout, retries] = self.in_set(Parameter::DESTINATION_TYPE, number)?;
                let [_, _, _, a0, a1, a2, a3, mac @ ..]: [u8; 13] =
                    self.in_set(Parameter::DESTINATION_ADDRESS, number)?;
                Some(AlertDestination {
                    number,
                    acknowledge: kind & 0x80 != 0,
                    kind: kind & 7,
                    timeout,
                    retries: retries & 7,
                    address: Ipv4Addr::new(a0, a1, a2, a3),
                    mac,
                })
            })
            .collect()
    }

    /// The VLAN that the BMC is in (parameter 20); the inner `None` stands for no VLAN.
    pub fn vlan(&self) -> Option<Option<u16>> {
        let vlan = self.bytes(Parameter::VLAN).map(u16::from_le_bytes)?;
        Some((vlan & 0x8000 != 0).then_some(vlan & 0xFFF))
    }

    /// The priority in VLAN tags: 0 to 7 (parameter 21).
    pub fn vlan_priority(&self) -> Option<u8> {
        self.byte(Parameter::VLAN_PRIORITY).map(|byte| byte & 7)
    }

    /// The cipher suites' numbers (parameter 23), as many as parameter 22 says there are.
    pub fn suites(&self) -> Option<Vec<u8>> {
        let [_, suites @ ..]: [u8; 17] = self.padded(Parameter::SUITES)?;
        let count = self.byte(Parameter::SUITE_COUNT).unwrap_or(0) & 0x1F;
        Some(suites.into_iter().take(usize::from(count)).collect())
    }

    /// The highest privilege level of each suite, in the order of [`LanConfiguration::suites`] (parameter 24). A suite with
    /// 0 cannot be used.
    pub fn suite_privileges(&self) -> Option<Vec<Limit>> {
        let [_, levels @ ..]: [u8; 9] = self.padded(Parameter::SUITE_PRIVILEGES)?;
        let limits = levels.into_iter().flat_map(|pair| [pair & 0xF, pair >> 4]).map(Limit::from_number);
        Some(limits.take(self.suites()?.len()).collect())
    }

    /// Data that may be shorter on some BMCs: what is missing counts as zero.
    fn padded<const N: usize>(&self, parameter: Parameter) -> Option<[u8; N]> {
        let mut padded = [0; N];
        for (place, byte) in padded.iter_mut().zip(self.values.get(&(parameter.0, 0))?) {
            *place = *byte;
        }
        Some(padded)
    }

    /// Failed logins in a row that lock a user out, 0 for never (parameter 26); the two times are in tens of seconds.
    pub fn bad_password_threshold(&self) -> Option<(u8, u16, u16)> {
        let [_, threshold, r0, r1, l0, l1] = self.bytes(Parameter::BAD_PASSWORD_THRESHOLD)?;
        Some((threshold, u16::from_le_bytes([r0, r1]), u16::from_le_bytes([l0, l1])))
    }

    /// What it can do with IPv6 (parameter 50).
    pub fn ipv6_support(&self) -> Option<Ipv6Support> {
        self.byte(Parameter::IPV6_SUPPORT).map(|byte| Ipv6Support {
            alerts: byte & 4 != 0,
            both: byte & 2 != 0,
            only: byte & 1 != 0,
        })
    }

    /// What is in use (parameter 51): 0 IPv4 alone, 1 IPv6 alone, 2 both.
    pub fn ipv6_enables(&self) -> Option<u8> {
        self.byte(Parameter::IPV6_ENABLES)
    }

    /// How many static and learned IPv6 addresses there can be (parameter 55).
    pub fn ipv6_places(&self) -> Option<(u8, u8)> {
        self.bytes::<3>(Parameter::IPV6_STATUS).map(|[statics, learned, _]| (statics, learned))
    }

    /// The IPv6 addresses that were read, also those that are not in use (parameters 56 and 59).
    pub fn ipv6_addresses(&self) -> Vec<Ipv6Address> {
        let kinds = [(Parameter::IPV6_STATIC_ADDRESS, true), (Parameter::IPV6_DYNAMIC_ADDRESS, false)];
        let places = kinds.into_iter().flat_map(|kind| (0..=u8::MAX).map(move |number| (kind, number)));
        places
            .filter_map(|((parameter, is_static), number)| {
                let bytes: [u8; 20] = self.in_set(parameter, number)?;
                let [_, flags, body @ ..] = bytes;
                let (address, rest) = body.split_first_chunk::<16>()?;
                Some(Ipv6Address {
                    number,
                    is_static,
                    flag: flags & 0x80 != 0 || !is_static && flags & 0xF == 0,
                    address: Ipv6Addr::from(*address),
                    prefix_length: rest[0],
                    status: rest[1],
                })
            })
            .collect()
    }

    /// The static IPv6 router (parameter 65).
    pub fn ipv6_router(&self) -> Option<Ipv6Addr> {
        self.bytes::<16>(Parameter::IPV6_ROUTER_1).map(Ipv6Addr::from)
    }
}
