//! Reading the spec of a `Network`.

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::profile::LOADERS;
use super::tree::{Node, Place};
use crate::{
    BootMethod, DhcpMode, DhcpNumber, DhcpOption, Ipv4Range, Ipv4Route, Ipv4Subnet, Ipv6Mode, Ipv6Subnet,
    NetworkIpv6, NetworkSpec, ProxyStyle, Span, UnknownMachine,
};

pub(super) const NETWORK: Shape = Shape {
    what: "the spec of a Network",
    fields: &[
        "subnet",
        "interface",
        "relays",
        "mode",
        "pools",
        "exclude",
        "gateway",
        "dns",
        "domain",
        "ntp",
        "bootLease",
        "lease",
        "routes",
        "options",
        "authoritative",
        "besideOthers",
        "probe",
        "unknown",
        "discovery",
        "methods",
        "loader",
        "proxy",
        "ipv6",
    ],
    planned: &[],
};

pub(super) const IPV6: Shape =
    Shape { what: "`ipv6`", fields: &["subnet", "mode", "advertise", "router", "dns"], planned: &[] };

pub(super) const ROUTE: Shape = Shape { what: "a route", fields: &["to", "via"], planned: &[] };

pub(super) const OPTION: Shape = Shape {
    what: "an option",
    fields: &["code", "vendorClass", "text", "hex", "addresses", "number"],
    planned: &[],
};

pub(super) const NUMBER: Shape = Shape { what: "`number`", fields: &["value", "bytes"], planned: &[] };

const MODES: &[(&str, DhcpMode)] = &[
    ("full", DhcpMode::Full),
    ("reservations", DhcpMode::Reservations),
    ("proxy", DhcpMode::Proxy),
    ("off", DhcpMode::Off),
];

const IPV6_MODES: &[(&str, Ipv6Mode)] =
    &[("full", Ipv6Mode::Full), ("hosts", Ipv6Mode::Hosts), ("off", Ipv6Mode::Off)];

const UNKNOWN: &[(&str, UnknownMachine)] = &[
    ("menu", UnknownMachine::Menu),
    ("powerOff", UnknownMachine::PowerOff),
    ("localDisk", UnknownMachine::LocalDisk),
    ("discovery", UnknownMachine::Discovery),
    ("refuse", UnknownMachine::Refuse),
    ("ignore", UnknownMachine::Ignore),
];

const METHODS: &[(&str, BootMethod)] = &[("http", BootMethod::Http), ("tftp", BootMethod::Tftp)];

const PROXY: &[(&str, ProxyStyle)] =
    &[("port4011", ProxyStyle::Port4011), ("option43", ProxyStyle::Option43)];

/// Pools and exclusions of one network.
const MOST_RANGES: usize = 256;

/// Name servers, time servers: what fits an option of 255 bytes.
const MOST_SERVERS: usize = 63;

/// Routes, options and relays of one network.
const MOST_OPTIONS: usize = 128;

/// The longest value of an option that was not split (RFC 2132, section 2), in bytes.
const LONGEST_OPTION: usize = 255;

/// The longest name of an interface (Linux, `IFNAMSIZ`), in bytes.
const LONGEST_INTERFACE: usize = 15;

/// For how long addresses may be given to loaders.
const BOOT_LEASE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(24 * 3600)];

/// For how long addresses may be given to operating systems.
const LEASE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(366 * 24 * 3600)];

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<NetworkSpec> {
    let fields = Fields::of(node, &NETWORK, faults)?;
    let subnet = fields.require("subnet", faults).and_then(|node| parsed(node, "subnet", faults));
    let mut spec =
        NetworkSpec::of(subnet.unwrap_or_else(|| Ipv4Subnet::containing(Ipv4Addr::UNSPECIFIED, 0)));
    // Each part is read even where another has faults, so that all of them are told at once.
    let ipv6 = fields.optional("ipv6", faults, ipv6);
    let parts = [
        addressing(&fields, &mut spec, subnet, faults),
        options(&fields, &mut spec, subnet, faults),
        booting(&fields, &mut spec, faults),
        ipv6.map(|ipv6| spec.ipv6 = ipv6.map(Box::new)),
    ];
    (subnet.is_some() && parts.iter().all(Option::is_some)).then_some(spec)
}

/// Where the network is, and which addresses are given there.
fn addressing(
    fields: &Fields<'_>,
    spec: &mut NetworkSpec,
    subnet: Option<Ipv4Subnet>,
    faults: &mut Faults,
) -> Option<()> {
    let interface = fields.optional("interface", faults, interface);
    let relays = fields.optional("relays", faults, |node, faults| {
        node.some_list("relays", MOST_OPTIONS, faults, |item, faults| parsed(item, "relays", faults))
    });
    let mode = fields.optional("mode", faults, |node, faults| {
        node.word("mode", "a way to answer DHCP", MODES, &[], faults)
    });
    let pools = ranges(fields, "pools", faults);
    let exclude = ranges(fields, "exclude", faults);
    let gateway = fields.optional("gateway", faults, |node, faults| {
        let gateway: Ipv4Addr = parsed(node, "gateway", faults)?;
        if subnet.is_some_and(|subnet| !subnet.may_be_of_machine(gateway)) {
            outside(node.place, format!("the gateway {gateway}"), subnet, faults);
            return None;
        }
        Some(gateway)
    });
    let boot_lease =
        fields.optional("bootLease", faults, |node, faults| lease(node, "bootLease", BOOT_LEASE, faults));
    let lease = fields.optional("lease", faults, |node, faults| lease(node, "lease", LEASE, faults));
    let mode_node = fields.get("mode");
    let (pools, exclude) = (pools?, exclude?);
    let fits = pools_fit(&pools, subnet, faults);
    spec.mode = mode?.unwrap_or_default();
    spec.interface = interface?;
    spec.relays = relays?.unwrap_or_default();
    spec.gateway = gateway?;
    spec.boot_lease = boot_lease?.unwrap_or(spec.boot_lease);
    spec.lease = lease?.unwrap_or(spec.lease);
    fits?;
    if !pools.is_empty() && spec.mode != DhcpMode::Full {
        let message =
            format!("`pools` are given away in mode full alone, not in mode {}", spec.mode.as_str());
        let place = mode_node.map_or(pools[0].0, |node| node.place);
        faults.add(place, message, Some("say `mode: full`, or leave `pools` out".to_owned()));
        return None;
    }
    spec.pools = pools.into_iter().map(|(_, range)| range).collect();
    spec.exclude = exclude.into_iter().map(|(_, range)| range).collect();
    Some(())
}

/// What machines are told by IPv6.
fn ipv6(node: &Node, faults: &mut Faults) -> Option<NetworkIpv6> {
    let fields = Fields::of(node, &IPV6, faults)?;
    let subnet = fields.require("subnet", faults).and_then(|node| parsed(node, "subnet", faults));
    let mode = fields.optional("mode", faults, |node, faults| {
        node.word("mode", "a way to answer DHCPv6", IPV6_MODES, &[], faults)
    });
    let advertise = fields.optional("advertise", faults, |node, faults| node.boolean("advertise", faults));
    let router = fields.optional("router", faults, |node, faults| node.boolean("router", faults));
    let dns = fields.optional("dns", faults, |node, faults| {
        node.list("dns", MOST_SERVERS, faults, |item, faults| parsed(item, "dns", faults))
    });
    let (advertise, router) = (advertise?.unwrap_or(true), router?.unwrap_or_default());
    if router && !advertise {
        let message =
            "`router: true` is told by advertisements, and `advertise: false` forbids them".to_owned();
        fields.fault(message, None, faults);
        return None;
    }
    Some(NetworkIpv6 {
        subnet: subnet?,
        mode: mode?.unwrap_or_default(),
        advertise,
        router,
        dns: dns?.unwrap_or_default(),
    })
}

/// Pools lie in the subnet, and no two have an address in common.
fn pools_fit(pools: &[(Place, Ipv4Range)], subnet: Option<Ipv4Subnet>, faults: &mut Faults) -> Option<()> {
    let mut fits = Some(());
    for (at, (place, pool)) in pools.iter().enumerate() {
        let ends = [pool.first(), pool.last()];
        if subnet.is_some_and(|subnet| !ends.into_iter().all(|end| subnet.may_be_of_machine(end))) {
            outside(*place, format!("the pool {pool}"), subnet, faults);
            fits = None;
        }
        if let Some((_, other)) = pools.iter().take(at).find(|(_, other)| other.overlaps(*pool)) {
            let message = format!("the pool {pool} has addresses in common with the pool {other}");
            faults.add(*place, message, None);
            fits = None;
        }
    }
    fits
}

fn outside(place: Place, what: String, subnet: Option<Ipv4Subnet>, faults: &mut Faults) {
    let Some(subnet) = subnet else { return };
    let message = format!("{what} lies outside the subnet {subnet}");
    let (first, last) = (subnet.network(), subnet.broadcast());
    let hint = format!("machines may have addresses between {first} and {last}, without these two");
    faults.add(place, message, Some(hint));
}

fn ranges(fields: &Fields<'_>, name: &'static str, faults: &mut Faults) -> Option<Vec<(Place, Ipv4Range)>> {
    let ranges = fields.optional(name, faults, |node, faults| {
        node.list(name, MOST_RANGES, faults, |item, faults| Some((item.place, parsed(item, name, faults)?)))
    });
    Some(ranges?.unwrap_or_default())
}

/// What else machines are told.
fn options(
    fields: &Fields<'_>,
    spec: &mut NetworkSpec,
    subnet: Option<Ipv4Subnet>,
    faults: &mut Faults,
) -> Option<()> {
    let dns = servers(fields, "dns", faults);
    let ntp = servers(fields, "ntp", faults);
    let domain = fields.optional("domain", faults, domain);
    let routes = fields.optional("routes", faults, |node, faults| {
        node.list("routes", MOST_OPTIONS, faults, |item, faults| route(item, subnet, faults))
    });
    let options =
        fields.optional("options", faults, |node, faults| node.list("options", MOST_OPTIONS, faults, option));
    let authoritative =
        fields.optional("authoritative", faults, |node, faults| node.boolean("authoritative", faults));
    let beside_others =
        fields.optional("besideOthers", faults, |node, faults| node.boolean("besideOthers", faults));
    let probe = fields.optional("probe", faults, |node, faults| node.boolean("probe", faults));
    spec.dns = dns?;
    spec.ntp = ntp?;
    spec.domain = domain?;
    spec.routes = routes?.unwrap_or_default();
    spec.options = options?.unwrap_or_default();
    spec.authoritative = authoritative?.unwrap_or_default();
    spec.beside_others = beside_others?.unwrap_or_default();
    spec.probe = probe?.unwrap_or(true);
    Some(())
}

fn servers(fields: &Fields<'_>, name: &'static str, faults: &mut Faults) -> Option<Vec<Ipv4Addr>> {
    let servers = fields.optional(name, faults, |node, faults| {
        node.list(name, MOST_SERVERS, faults, |item, faults| parsed(item, name, faults))
    });
    Some(servers?.unwrap_or_default())
}

/// What machines boot.
fn booting(fields: &Fields<'_>, spec: &mut NetworkSpec, faults: &mut Faults) -> Option<()> {
    let unknown = fields.optional("unknown", faults, |node, faults| {
        node.word("unknown", "what can become of an unknown machine", UNKNOWN, &[], faults)
    });
    let discovery = fields.optional("discovery", faults, |node, faults| node.name("discovery", faults));
    let methods = fields.optional("methods", faults, |node, faults| {
        let methods = node.some_list("methods", METHODS.len(), faults, |item, faults| {
            item.word("methods", "a protocol that machines are booted by", METHODS, &[], faults)
        })?;
        let twice = methods.iter().enumerate().find(|(at, method)| methods[..*at].contains(method));
        if twice.is_some() {
            node.fault("`methods` names a protocol twice".to_owned(), faults);
            return None;
        }
        Some(methods)
    });
    let loader = fields
        .optional("loader", faults, |node, faults| node.word("loader", "a loader", LOADERS, &[], faults));
    let proxy = fields.optional("proxy", faults, |node, faults| {
        node.word("proxy", "a way to make offers beside another server", PROXY, &[], faults)
    });
    spec.unknown = unknown?.unwrap_or_default();
    spec.discovery = discovery?;
    spec.methods = methods?.unwrap_or_else(NetworkSpec::usual_methods);
    spec.loader = loader?.unwrap_or_default();
    spec.proxy = proxy?.unwrap_or_default();
    let wants = spec.unknown == UnknownMachine::Discovery;
    if wants && spec.discovery.is_none() && !fields.has_strangers() {
        let hint = "name the Profile that unknown machines boot".to_owned();
        fields.fault("`unknown: discovery` needs `discovery`".to_owned(), Some(hint), faults);
        return None;
    }
    Some(())
}

fn interface(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("interface", faults)?;
    let sound = text.len() <= LONGEST_INTERFACE
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
        && !matches!(text, "." | "..");
    if !sound {
        node.fault(format!("`{text}` is not the name of an interface"), faults);
        return None;
    }
    Some(text.to_owned())
}

fn lease(
    node: &Node,
    field: &'static str,
    [least, most]: [Duration; 2],
    faults: &mut Faults,
) -> Option<Span> {
    let span = node.span(field, faults)?;
    if span.duration() < least || span.duration() > most {
        let (least, most) = (Span::from(least), Span::from(most));
        node.fault(format!("`{field}` must be between {least} and {most}"), faults);
        return None;
    }
    Some(span)
}

fn domain(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("domain", faults)?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if text.len() > 253 || !text.split('.').all(label) {
        node.fault(format!("`{text}` is not the name of a domain"), faults);
        return None;
    }
    Some(text.to_owned())
}

fn route(node: &Node, subnet: Option<Ipv4Subnet>, faults: &mut Faults) -> Option<Ipv4Route> {
    let fields = Fields::of(node, &ROUTE, faults)?;
    let to = fields.require("to", faults).and_then(|node| parsed(node, "to", faults));
    let via = fields.require("via", faults).and_then(|node| {
        let via: Ipv4Addr = parsed(node, "via", faults)?;
        // 0.0.0.0 says that the machines of the subnet are reached without a router (RFC 3442).
        if !via.is_unspecified() && subnet.is_some_and(|subnet| !subnet.may_be_of_machine(via)) {
            outside(node.place, format!("the router {via}"), subnet, faults);
            return None;
        }
        Some(via)
    });
    Some(Ipv4Route { to: to?, via: via? })
}

fn option(node: &Node, faults: &mut Faults) -> Option<DhcpOption> {
    let fields = Fields::of(node, &OPTION, faults)?;
    let code = fields.require("code", faults).and_then(|node| {
        let code: u8 = node.whole("code", 1..=254, faults)?;
        if DhcpOption::MADE_BY_SERVER.contains(&code) {
            node.fault(format!("option {code} is made by the server for each machine"), faults);
            return None;
        }
        Some(code)
    });
    let vendor_class = fields.optional("vendorClass", faults, |node, faults| {
        Some(node.some_text("vendorClass", faults)?.to_owned())
    });
    let text = fields.optional("text", faults, |node, faults| {
        let text = node.some_text("text", faults)?;
        if text.len() > LONGEST_OPTION {
            node.fault(format!("`text` may have {LONGEST_OPTION} bytes, and has {}", text.len()), faults);
            return None;
        }
        Some(text.to_owned())
    });
    let hex = fields.optional("hex", faults, hexadecimal);
    let addresses = fields.optional("addresses", faults, |node, faults| {
        node.some_list("addresses", MOST_SERVERS, faults, |item, faults| parsed(item, "addresses", faults))
    });
    let number = fields.optional("number", faults, number);
    let (text, hex, addresses, number) = (text?, hex?, addresses?.unwrap_or_default(), number?);
    let given = [text.is_some(), hex.is_some(), !addresses.is_empty(), number.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        if !fields.has_strangers() {
            let message = "an option has exactly one of `text`, `hex`, `addresses` and `number`".to_owned();
            fields.fault(message, None, faults);
        }
        return None;
    }
    Some(DhcpOption { code: code?, vendor_class: vendor_class?, text, hex, addresses, number })
}

fn hexadecimal(node: &Node, faults: &mut Faults) -> Option<String> {
    // Digits alone read as a number, and mean the same as in quotes.
    let text = node.plain("hex", faults)?;
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let sound = !digits.is_empty()
        && digits.len().is_multiple_of(2)
        && digits.len() <= 2 * LONGEST_OPTION
        && digits.chars().all(|c| c.is_ascii_hexdigit());
    if !sound {
        let hint = "write pairs of hexadecimal digits, like `01 04 0a 00 07 01`".to_owned();
        faults.add(node.place, "`hex` must be 1 to 255 bytes in hexadecimal digits", Some(hint));
        return None;
    }
    Some(digits.to_lowercase())
}

fn number(node: &Node, faults: &mut Faults) -> Option<DhcpNumber> {
    let fields = Fields::of(node, &NUMBER, faults)?;
    let bytes = fields.require("bytes", faults).and_then(|node| node.whole::<u8>("bytes", 1..=4, faults));
    let value = fields
        .require("value", faults)
        .and_then(|node| node.whole::<u32>("value", 0..=i64::from(u32::MAX), faults));
    let (value, bytes) = (value?, bytes?);
    let fits = u64::from(value) >> (8 * u32::from(bytes)) == 0;
    if bytes == 3 || !fits {
        fields.fault("`number` does not fit into 1, 2 or 4 bytes as `bytes` says".to_owned(), None, faults);
        return None;
    }
    Some(DhcpNumber { value, bytes })
}

/// A text as `T` reads it.
pub(super) fn parsed<T>(node: &Node, field: &'static str, faults: &mut Faults) -> Option<T>
where
    T: FromStr + Readable,
    T::Err: Display,
{
    let text = node.some_text(field, faults)?;
    text.parse()
        .map_err(|error: T::Err| {
            let message = match T::WHAT {
                "" => error.to_string(),
                what => format!("`{text}` in `{field}` is not {what}"),
            };
            faults.add(node.place, message, None);
        })
        .ok()
}

/// What reads itself from a text.
pub(super) trait Readable {
    /// What it is, where its own error does not say.
    const WHAT: &'static str = "";
}

impl Readable for Ipv4Addr {
    const WHAT: &'static str = "an IPv4 address";
}
impl Readable for Ipv6Addr {
    const WHAT: &'static str = "an IPv6 address";
}
impl Readable for Ipv4Subnet {}
impl Readable for Ipv6Subnet {}
impl Readable for Ipv4Range {}
impl Readable for crate::MacAddress {}
impl Readable for crate::MachineUuid {}

#[cfg(test)]
mod tests;
