//! Networks that machines boot from: who answers DHCP there, with what.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::subnet::{Ipv4Range, Ipv4Subnet};
use crate::subnet6::Ipv6Subnet;
use crate::{LoaderPreference, Metadata, Name, Span};

/// A network that machines boot from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of it.
    pub spec: NetworkSpec,
}

/// What people say of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkSpec {
    /// Its addresses, like `10.0.7.0/24`. Those of two networks never overlap.
    pub subnet: Ipv4Subnet,
    /// The interface of the server that stands in it, like `eth1`; where absent the one that has an address in it, or else
    /// whichever its relays are reached by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The relay agents (RFC 2131, `giaddr`) whose requests belong to it beside those with an address in the subnet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<Ipv4Addr>,
    /// How DHCP is answered.
    #[serde(default)]
    pub mode: DhcpMode,
    /// Addresses that are given to whoever asks, like `10.0.7.100-10.0.7.199`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Ipv4Range>,
    /// Addresses within the pools that are never given: one, or from one to another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Ipv4Range>,
    /// The router (option 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// Name servers (option 6).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// The domain of the machines (option 15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Time servers (option 42).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ntp: Vec<Ipv4Addr>,
    /// For how long addresses are given to firmware and boot loaders, which do not renew: longer than the longest boot; from
    /// 1m to 24h.
    #[serde(default = "NetworkSpec::usual_boot_lease")]
    pub boot_lease: Span,
    /// For how long addresses are given to operating systems; from 1m to 366 days.
    #[serde(default = "NetworkSpec::usual_lease")]
    pub lease: Span,
    /// Routes beside the one to the gateway (option 121, RFC 3442).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Ipv4Route>,
    /// Further options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<DhcpOption>,
    /// Whether machines that ask for an address of another network are told that it is wrong (DHCPNAK): only where no other
    /// server answers.
    #[serde(default)]
    pub authoritative: bool,
    /// Whether addresses are given although another DHCP server answers on the network.
    #[serde(default)]
    pub beside_others: bool,
    /// Whether an address of a pool is asked for on the network before it is given away.
    #[serde(default = "NetworkSpec::yes")]
    pub probe: bool,
    /// What becomes of machines that boot and that no Host describes.
    #[serde(default)]
    pub unknown: UnknownMachine,
    /// The Profile that unknown machines boot where `unknown` is `discovery`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Name>,
    /// By which protocols machines are booted; the first is the one that scripts fetch with. Machines that ask by one that
    /// is not listed are not answered.
    #[serde(default = "NetworkSpec::usual_methods")]
    pub methods: Vec<BootMethod>,
    /// The loader that machines get where neither their Host nor their Profile says.
    #[serde(default)]
    pub loader: LoaderPreference,
    /// How offers beside another server are made, where `mode` is `proxy`.
    #[serde(default)]
    pub proxy: ProxyStyle,
    /// What machines are told by IPv6; where absent, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Box<NetworkIpv6>>,
}

impl NetworkSpec {
    pub(crate) const fn usual_boot_lease() -> Span {
        Span::from_secs(30 * 60)
    }

    pub(crate) const fn usual_lease() -> Span {
        Span::from_secs(24 * 3600)
    }

    pub(crate) const fn yes() -> bool {
        true
    }

    pub(crate) fn usual_methods() -> Vec<BootMethod> {
        vec![BootMethod::Http, BootMethod::Tftp]
    }

    /// A network with a subnet and everything else as it is where nobody says otherwise.
    pub fn of(subnet: Ipv4Subnet) -> Self {
        Self {
            subnet,
            interface: None,
            relays: Vec::new(),
            mode: DhcpMode::default(),
            pools: Vec::new(),
            exclude: Vec::new(),
            gateway: None,
            dns: Vec::new(),
            domain: None,
            ntp: Vec::new(),
            boot_lease: Self::usual_boot_lease(),
            lease: Self::usual_lease(),
            routes: Vec::new(),
            options: Vec::new(),
            authoritative: false,
            beside_others: false,
            probe: true,
            unknown: UnknownMachine::default(),
            discovery: None,
            methods: Self::usual_methods(),
            loader: LoaderPreference::default(),
            proxy: ProxyStyle::default(),
            ipv6: None,
        }
    }

    /// Whether machines are booted by a protocol.
    pub fn boots_by(&self, method: BootMethod) -> bool {
        self.methods.contains(&method)
    }

    /// The longest lease of one kind.
    pub fn lease_for(&self, boots: bool) -> Duration {
        if boots { self.boot_lease.duration() } else { self.lease.duration() }
    }

    /// Whether an address is one that a pool may give away.
    pub fn may_give(&self, address: Ipv4Addr) -> bool {
        self.pools.iter().any(|pool| pool.contains(address))
            && !self.exclude.iter().any(|excluded| excluded.contains(address))
            && self.gateway != Some(address)
    }

    /// The profiles that it names.
    pub fn profiles(&self) -> BTreeSet<Name> {
        self.discovery.iter().cloned().collect()
    }
}

/// How DHCP is answered on a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DhcpMode {
    /// Addresses from pools, and reserved ones, and what is booted.
    Full,
    /// Reserved addresses, and what is booted; machines without a reservation get no answer.
    Reservations,
    /// What is booted alone, beside another server that gives the addresses.
    Proxy,
    /// Not at all.
    #[default]
    Off,
}

impl DhcpMode {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Reservations => "reservations",
            Self::Proxy => "proxy",
            Self::Off => "off",
        }
    }
}

/// The IPv6 side of a network: router advertisements and DHCPv6. What machines boot, `unknown`, `methods`, `loader`, `bootLease`,
/// `lease` and `domain` are those of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkIpv6 {
    /// Its addresses, like `2001:db8:7::/64`.
    pub subnet: Ipv6Subnet,
    /// Who is given an address by DHCPv6.
    #[serde(default)]
    pub mode: Ipv6Mode,
    /// Whether the subnet is advertised (RFC 4861): that its machines reach each other directly, and ask for addresses by
    /// DHCPv6. Off where a router does so.
    #[serde(default = "NetworkSpec::yes")]
    pub advertise: bool,
    /// Whether machines send through this server what leaves the subnet. Only where it forwards packets.
    #[serde(default)]
    pub router: bool,
    /// Name servers (option 23).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv6Addr>,
}

/// Who is given an address by DHCPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ipv6Mode {
    /// Whoever asks.
    #[default]
    Full,
    /// Machines that a Host describes.
    Hosts,
    /// Nobody.
    Off,
}

impl Ipv6Mode {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Hosts => "hosts",
            Self::Off => "off",
        }
    }
}

/// What becomes of machines that boot and that no Host describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnknownMachine {
    /// They register themselves and wait in a loop until somebody says what they are to be.
    Menu,
    /// They register themselves and are switched off.
    PowerOff,
    /// They boot from their disk.
    LocalDisk,
    /// They register themselves and boot the Profile that `discovery` names.
    Discovery,
    /// They get an address as everybody, and nothing to boot.
    #[default]
    Refuse,
    /// They get no answer at all, and no address.
    Ignore,
}

impl UnknownMachine {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::PowerOff => "powerOff",
            Self::LocalDisk => "localDisk",
            Self::Discovery => "discovery",
            Self::Refuse => "refuse",
            Self::Ignore => "ignore",
        }
    }

    /// Whether machines that nobody described are kept as free Hosts.
    pub const fn registers(self) -> bool {
        matches!(self, Self::Menu | Self::PowerOff | Self::Discovery)
    }
}

/// A protocol that machines are booted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BootMethod {
    /// HTTP.
    Http,
    /// TFTP.
    Tftp,
}

/// How offers beside another DHCP server are made to UEFI machines that ask by PXE. Machines with a BIOS and those that ask by
/// HTTP are offered what they need in one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProxyStyle {
    /// An offer without a file, whose details the machine asks for on port 4011.
    #[default]
    Port4011,
    /// The file in the offer, with option 43: where port 4011 cannot be reached. Firmware of before 2017 loses it.
    Option43,
}

/// A route that machines are told of (RFC 3442).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ipv4Route {
    /// Where it leads, like `10.1.0.0/16`.
    pub to: Ipv4Subnet,
    /// The router.
    pub via: Ipv4Addr,
}

/// An option that machines are sent beside those that the server makes of the rest (RFC 2132). Exactly one of `text`, `hex`,
/// `addresses` and `number` is its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DhcpOption {
    /// Its number, from 1 to 254.
    pub code: u8,
    /// Only for machines whose vendor class (option 60) begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<String>,
    /// A text, which may hold templates like `{{ host.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// IPv4 addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Ipv4Addr>,
    /// A number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<DhcpNumber>,
}

/// A number as an option carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DhcpNumber {
    /// The number.
    pub value: u32,
    /// In how many bytes it is sent: 1, 2 or 4.
    pub bytes: u8,
}

/// The value of a [`DhcpOption`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpOptionValue<'o> {
    /// A text, whose templates are to be filled in.
    Text(&'o str),
    /// Bytes, in hexadecimal digits.
    Hex(&'o str),
    /// Addresses.
    Addresses(&'o [Ipv4Addr]),
    /// A number.
    Number(DhcpNumber),
}

impl DhcpOption {
    /// Its value; none where it has none, which manifests cannot say.
    pub fn value(&self) -> Option<DhcpOptionValue<'_>> {
        let Self { text, hex, addresses, number, .. } = self;
        let addresses = (!addresses.is_empty()).then_some(DhcpOptionValue::Addresses(addresses));
        text.as_deref()
            .map(DhcpOptionValue::Text)
            .or(hex.as_deref().map(DhcpOptionValue::Hex))
            .or(addresses)
            .or(number.map(DhcpOptionValue::Number))
    }

    /// The value as bytes; none of a text, which may hold templates, and of what is not hexadecimal.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        Some(match self.value()? {
            DhcpOptionValue::Text(_) => return None,
            DhcpOptionValue::Hex(digits) => hex::decode(digits).ok()?,
            DhcpOptionValue::Addresses(addresses) => addresses.iter().flat_map(Ipv4Addr::octets).collect(),
            DhcpOptionValue::Number(DhcpNumber { value, bytes }) => {
                let all = value.to_be_bytes();
                all[all.len() - usize::from(bytes.clamp(1, 4))..].to_vec()
            }
        })
    }

    /// Options that the server makes itself of what it knows: a fixed value would be a lie to somebody.
    pub const MADE_BY_SERVER: [u8; 17] = [1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 82, 93, 94, 97, 255];
}
