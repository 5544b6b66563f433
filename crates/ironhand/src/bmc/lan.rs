//! `ironhand bmc lan`: the BMCs' own network settings.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use clap::{Args, Subcommand, ValueEnum};
use ironhand_ipmi::Error;
use ironhand_ipmi::channel::{
    self, AccessSetting, ChannelAccess, ChannelInfo, GetChannelAccess, GetChannelInfo, SuiteRecord,
};
use ironhand_ipmi::lan::{self, AddressSource, AlertsOff, ArpControl, LanChange, LanConfiguration};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::user::Limit;
use ironhand_ipmi_port::{Bmc, RunError};
use serde::Serialize;

use super::user::{LimitWord, Switch, limit_word};
use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc lan`.
#[derive(Args)]
pub struct Lan {
    /// The channel: 1 to 11 [default: the one that is used]
    #[arg(long, global = true, value_name = "NUMBER")]
    channel: Option<u8>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the settings
    Show,
    /// Change settings; those that move the BMC away are written last
    Set(Box<Set>),
    /// Show the channel, and who may use it
    Channel,
    /// List the cipher suites that the BMC says it has
    Ciphers,
    /// Switch alerts off: no alerting over the channel, no destinations
    AlertsOff,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Set {
    /// Where the IPv4 address is from
    #[arg(long, value_enum)]
    source: Option<SourceWord>,
    /// The IPv4 address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Ipv4Addr>,
    /// The subnet mask
    #[arg(long, value_name = "MASK")]
    mask: Option<Ipv4Addr>,
    /// The default gateway
    #[arg(long, value_name = "ADDRESS")]
    gateway: Option<Ipv4Addr>,
    /// The default gateway's hardware address
    #[arg(long, value_parser = mac, value_name = "MAC")]
    gateway_mac: Option<[u8; 6]>,
    /// The gateway in its stead
    #[arg(long, value_name = "ADDRESS")]
    backup_gateway: Option<Ipv4Addr>,
    /// The VLAN to be in, 1 to 4094, or off
    #[arg(long, value_parser = vlan, value_name = "ID")]
    vlan: Option<Vlan>,
    /// The priority in VLAN tags
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=7), value_name = "0..7")]
    vlan_priority: Option<u8>,
    /// The community of SNMP traps
    #[arg(long, value_parser = community)]
    community: Option<String>,
    /// Whether it answers ARP requests; asks for --gratuitous-arp as well
    #[arg(long, value_enum, requires = "gratuitous_arp")]
    arp: Option<Switch>,
    /// Whether it sends ARP replies unasked
    #[arg(long, value_enum, requires = "arp")]
    gratuitous_arp: Option<Switch>,
    /// The time between those, in half seconds
    #[arg(long, value_name = "0..255")]
    arp_interval: Option<u8>,
    /// The highest privilege level of a cipher suite, as in 17=administrator or 3=none; may be given more than once
    #[arg(long, value_parser = suite_limit, value_name = "SUITE=LIMIT")]
    suite: Vec<(u8, LimitWord)>,
    /// Which internet protocols are in use
    #[arg(long, value_enum)]
    ip: Option<IpWord>,
    /// A static IPv6 address with the length of its prefix, as in 2001:db8::7/64
    #[arg(long, value_parser = ipv6, value_name = "ADDRESS/LENGTH")]
    ipv6_address: Option<(Ipv6Addr, u8)>,
}

/// Where an address is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceWord {
    Static,
    Dhcp,
    Bios,
}

/// Which internet protocols are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IpWord {
    V4,
    V6,
    Both,
}

/// A VLAN, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vlan(Option<u16>);

fn vlan(text: &str) -> Result<Vlan, String> {
    match text {
        "off" => Ok(Vlan(None)),
        number => match number.parse() {
            Ok(id @ 1..=4094) => Ok(Vlan(Some(id))),
            _ => Err("a number from 1 to 4094, or off".to_owned()),
        },
    }
}

fn mac(text: &str) -> Result<[u8; 6], String> {
    let bytes: Option<Vec<u8>> = text
        .split([':', '-'])
        .map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2))
        .collect();
    bytes
        .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
        .ok_or_else(|| "six bytes like 02:00:5e:10:00:01".to_owned())
}

fn community(text: &str) -> Result<String, String> {
    if text.len() <= 18 { Ok(text.to_owned()) } else { Err("at most 18 bytes".to_owned()) }
}

fn suite_limit(text: &str) -> Result<(u8, LimitWord), String> {
    let (suite, limit) = text.split_once('=').ok_or("a suite and a limit, like 17=administrator")?;
    let suite = suite.parse().map_err(|_| format!("{suite} is no number of a suite"))?;
    Ok((suite, LimitWord::from_str(limit, false)?))
}

fn ipv6(text: &str) -> Result<(Ipv6Addr, u8), String> {
    let expected = || "an address with the length of its prefix, like 2001:db8::7/64".to_owned();
    let (address, length) = text.split_once('/').ok_or_else(expected)?;
    let length = length.parse().ok().filter(|length| *length <= 128).ok_or_else(expected)?;
    Ok((address.parse().map_err(|_| expected())?, length))
}

/// `ironhand bmc lan`.
pub async fn lan(fleet: &Fleet, asked: &Lan) -> Result<(), Failure> {
    let channel = asked.channel;
    match &asked.action {
        Action::Show => {
            fleet
                .each(async |bmc| {
                    let channel = number(bmc, channel).await?;
                    Ok(Settings::of(channel, &bmc.run(lan::read(channel)).await?))
                })
                .await
        }
        Action::Set(asked) => fleet.change(async |bmc| set(bmc, channel, asked).await).await,
        Action::Channel => {
            fleet
                .each(async |bmc| {
                    let channel = channel.unwrap_or(channel::THIS);
                    let info = bmc.run(Ask::new("read the channel", &GetChannelInfo(channel))).await?;
                    let access = |setting| {
                        Ask::new("read the channel's access", &GetChannelAccess { channel, setting })
                    };
                    let present = bmc.run(access(AccessSetting::Present)).await?;
                    let stored = bmc.run(access(AccessSetting::NonVolatile)).await?;
                    Ok(Channel::of(info, present, stored))
                })
                .await
        }
        Action::Ciphers => {
            fleet
                .each(async |bmc| {
                    let suites = bmc.run(channel::cipher_suites(channel.unwrap_or(channel::THIS))).await?;
                    Ok(Suites { suites: suites.iter().map(Suite::of).collect() })
                })
                .await
        }
        Action::AlertsOff => {
            fleet
                .change(async |bmc| {
                    let channel = number(bmc, channel).await?;
                    Ok(Quiet::of(&bmc.run(lan::alerts_off(channel)).await?))
                })
                .await
        }
    }
}

/// LAN settings know no "this channel": many BMCs want the number.
async fn number(bmc: &Bmc, channel: Option<u8>) -> Result<u8, Problem> {
    match channel {
        Some(channel) => Ok(channel),
        None => Ok(bmc.run(channel::current()).await?),
    }
}

/// The changes that were asked for; those of cipher suites need the BMC's list.
fn changes(asked: &Set) -> Vec<LanChange> {
    let source = asked.source.map(|word| match word {
        SourceWord::Static => AddressSource::Static,
        SourceWord::Dhcp => AddressSource::Dhcp,
        SourceWord::Bios => AddressSource::Bios,
    });
    let enables = asked.ip.map(|word| match word {
        IpWord::V4 => 0,
        IpWord::V6 => 1,
        IpWord::Both => 2,
    });
    let arp = asked.arp.zip(asked.gratuitous_arp).map(|(responses, gratuitous)| ArpControl {
        responses: responses.into(),
        gratuitous: gratuitous.into(),
    });
    let ipv6 = asked.ipv6_address.map(|(address, prefix_length)| LanChange::Ipv6Static {
        number: 0,
        enabled: true,
        address,
        prefix_length,
    });
    [
        source.map(LanChange::Source),
        asked.address.map(LanChange::Address),
        asked.mask.map(LanChange::Mask),
        asked.gateway.map(LanChange::Gateway),
        asked.gateway_mac.map(LanChange::GatewayMac),
        asked.backup_gateway.map(LanChange::BackupGateway),
        asked.vlan.map(|vlan| LanChange::Vlan(vlan.0)),
        asked.vlan_priority.map(LanChange::VlanPriority),
        asked.community.clone().map(LanChange::Community),
        arp.map(LanChange::Arp),
        asked.arp_interval.map(LanChange::ArpInterval),
        enables.map(LanChange::Ipv6Enables),
        ipv6,
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn set(bmc: &Bmc, channel: Option<u8>, asked: &Set) -> Result<Changed, Problem> {
    let channel = number(bmc, channel).await?;
    let (moving, mut staying): (Vec<_>, Vec<_>) = changes(asked).into_iter().partition(LanChange::moves_bmc);
    if !asked.suite.is_empty() {
        staying.push(suites(&bmc.run(lan::read(channel)).await?, &asked.suite)?);
    }
    let changed = staying.len() + moving.len();
    if !staying.is_empty() {
        bmc.run(lan::set(channel, staying)).await?;
    }
    if moving.is_empty() {
        return Ok(Changed { changed, moved: None });
    }
    match bmc.run(lan::move_to(channel, moving)).await {
        Ok(()) => Ok(Changed { changed, moved: Some("accepted") }),
        // It went away under the command, as was to be expected.
        Err(RunError::Client(Error::Timeout { .. } | Error::OutcomeUnknown)) => {
            Ok(Changed { changed, moved: Some("silent") })
        }
        Err(error) => Err(error.into()),
    }
}

/// The new limits of all suites: those that were asked for, and the others as they are.
fn suites(configuration: &LanConfiguration, wanted: &[(u8, LimitWord)]) -> Result<LanChange, Problem> {
    let unknown = |message: String| Problem::failed("lan.suites", "failed", message);
    let numbers = configuration.suites().ok_or_else(|| unknown("the BMC does not list its suites".into()))?;
    let mut limits = configuration
        .suite_privileges()
        .ok_or_else(|| unknown("the BMC does not tell its suites' privilege levels".into()))?;
    for (suite, limit) in wanted {
        let place = numbers.iter().position(|number| number == suite);
        let limit = match limit {
            // A suite without a level cannot be used; 0 says this here.
            LimitWord::None => Limit::Reserved(0),
            word => Limit::from(*word),
        };
        match place.and_then(|place| limits.get_mut(place)) {
            Some(place) => *place = limit,
            None => return Err(unknown(format!("the BMC has no suite {suite}"))),
        }
    }
    Ok(LanChange::SuitePrivileges(limits))
}

#[derive(Serialize)]
struct Changed {
    changed: usize,
    /// How the BMC went, where it was sent away.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<&'static str>,
}

impl Finding for Changed {
    fn outcome(&self) -> Cow<'static, str> {
        if self.moved.is_some() { "moved".into() } else { "changed".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let settings = if self.changed == 1 { "setting" } else { "settings" };
        let text = format!("{} {settings} written", self.changed);
        Shown::Line(match self.moved {
            None => format!("{text} and read back").into(),
            Some("silent") => Field::toned(
                format!("{text}; it no longer answers here: look for it at its new place"),
                Tone::Warn,
            ),
            Some(_) => format!("{text} and accepted").into(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    channel: u8,
    address: Option<Ipv4Addr>,
    source: Option<&'static str>,
    mask: Option<Ipv4Addr>,
    gateway: Option<Ipv4Addr>,
    gateway_mac: Option<String>,
    backup_gateway: Option<Ipv4Addr>,
    backup_gateway_mac: Option<String>,
    mac: Option<String>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<Option<u16>>,
    vlan_priority: Option<u8>,
    community: Option<String>,
    arp_responses: Option<bool>,
    gratuitous_arp: Option<bool>,
    arp_interval: Option<u8>,
    set_in_progress: Option<bool>,
    suites: Vec<SuiteLimit>,
    bad_password_threshold: Option<u8>,
    destinations: Vec<Destination>,
    ipv6: Vec<Ipv6>,
    ipv6_router: Option<Ipv6Addr>,
}

#[derive(Serialize)]
struct SuiteLimit {
    suite: u8,
    limit: Option<Cow<'static, str>>,
}

#[derive(Serialize)]
struct Destination {
    number: u8,
    address: Ipv4Addr,
    mac: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6 {
    address: Ipv6Addr,
    prefix_length: u8,
    is_static: bool,
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

impl Settings {
    fn of(channel: u8, read: &LanConfiguration) -> Self {
        let limits = read.suite_privileges().unwrap_or_default();
        let limit = |limit: &Limit| match limit {
            Limit::Reserved(0) => "unusable".into(),
            limit => limit_word(*limit),
        };
        Self {
            channel,
            address: read.address(),
            source: read.source().map(AddressSource::text),
            mask: read.mask(),
            gateway: read.gateway(),
            gateway_mac: read.gateway_mac().map(mac_text),
            backup_gateway: read.backup_gateway(),
            backup_gateway_mac: read.backup_gateway_mac().map(mac_text),
            mac: read.mac().map(mac_text),
            port: read.port(),
            vlan: read.vlan(),
            vlan_priority: read.vlan_priority(),
            community: read.community(),
            arp_responses: read.arp().map(|arp| arp.responses),
            gratuitous_arp: read.arp().map(|arp| arp.gratuitous),
            arp_interval: read.arp_interval(),
            set_in_progress: read.set_in_progress(),
            suites: read
                .suites()
                .unwrap_or_default()
                .iter()
                .enumerate()
                .map(|(index, suite)| SuiteLimit { suite: *suite, limit: limits.get(index).map(limit) })
                .collect(),
            bad_password_threshold: read.bad_password_threshold().map(|(threshold, _, _)| threshold),
            destinations: read
                .destinations()
                .iter()
                .filter(|destination| !destination.address.is_unspecified())
                .map(|destination| Destination {
                    number: destination.number,
                    address: destination.address,
                    mac: mac_text(destination.mac),
                })
                .collect(),
            ipv6: read
                .ipv6_addresses()
                .iter()
                .filter(|address| !address.address.is_unspecified())
                .map(|address| Ipv6 {
                    address: address.address,
                    prefix_length: address.prefix_length,
                    is_static: address.is_static,
                })
                .collect(),
            ipv6_router: read.ipv6_router().filter(|router| !router.is_unspecified()),
        }
    }
}

impl Finding for Settings {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        let mut pairs: Vec<(&'static str, Field)> = Vec::new();
        let mut add = |name: &'static str, value: Option<String>| {
            pairs.extend(value.map(|value| (name, Field::from(value))));
        };
        let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
        add("channel", Some(self.channel.to_string()));
        add("address", self.address.map(|address| address.to_string()));
        add("source", self.source.map(str::to_owned));
        add("mask", self.mask.map(|mask| mask.to_string()));
        add("mac", self.mac.clone());
        add("gateway", self.gateway.map(|gateway| gateway.to_string()));
        add("gateway mac", self.gateway_mac.clone());
        add("backup gateway", self.backup_gateway.map(|gateway| gateway.to_string()));
        add("port", self.port.map(|port| port.to_string()));
        add("vlan", self.vlan.map(|vlan| vlan.map_or("off".to_owned(), |id| id.to_string())));
        add("vlan priority", self.vlan_priority.map(|priority| priority.to_string()));
        add("community", self.community.clone());
        add("arp responses", self.arp_responses.map(on_off));
        add("gratuitous arp", self.gratuitous_arp.map(on_off));
        let suites = self.suites.iter().map(|row| match &row.limit {
            Some(limit) => format!("{}={limit}", row.suite),
            None => row.suite.to_string(),
        });
        add("suites", Some(suites.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty()));
        let threshold = self.bad_password_threshold.map(|threshold| match threshold {
            0 => "never".to_owned(),
            threshold => format!("after {threshold} wrong passwords"),
        });
        add("lockout", threshold);
        for destination in &self.destinations {
            add("alerts to", Some(format!("{} ({})", destination.address, destination.mac)));
        }
        for address in &self.ipv6 {
            let kind = if address.is_static { "static" } else { "learned" };
            add("ipv6", Some(format!("{}/{} ({kind})", address.address, address.prefix_length)));
        }
        add("ipv6 router", self.ipv6_router.map(|router| router.to_string()));
        if self.set_in_progress == Some(true) {
            pairs.push(("set in progress", Field::toned("yes: somebody is changing settings", Tone::Warn)));
        }
        Shown::Pairs(pairs)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    channel: u8,
    medium: &'static str,
    protocol: &'static str,
    active_sessions: u8,
    present: AccessRow,
    stored: AccessRow,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessRow {
    mode: &'static str,
    limit: Cow<'static, str>,
    alerting: bool,
    per_message_authentication: bool,
    user_level_authentication: bool,
}

impl AccessRow {
    fn of(access: ChannelAccess) -> Self {
        Self {
            mode: access.mode_text(),
            limit: limit_word(access.limit),
            alerting: !access.alerting_disabled,
            per_message_authentication: !access.per_message_authentication_disabled,
            user_level_authentication: !access.user_level_authentication_disabled,
        }
    }

    fn text(&self) -> String {
        let alerts = if self.alerting { "alerts on" } else { "alerts off" };
        format!("{}, up to {}, {alerts}", self.mode, self.limit)
    }
}

impl Channel {
    fn of(info: ChannelInfo, present: ChannelAccess, stored: ChannelAccess) -> Self {
        Self {
            channel: info.channel,
            medium: info.medium_text(),
            protocol: info.protocol_text(),
            active_sessions: info.active_sessions,
            present: AccessRow::of(present),
            stored: AccessRow::of(stored),
        }
    }
}

impl Finding for Channel {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Pairs(vec![
            ("channel", self.channel.to_string().into()),
            ("medium", self.medium.into()),
            ("protocol", self.protocol.into()),
            ("sessions", self.active_sessions.to_string().into()),
            ("access now", self.present.text().into()),
            ("access stored", self.stored.text().into()),
        ])
    }
}

#[derive(Serialize)]
struct Suites {
    suites: Vec<Suite>,
}

#[derive(Serialize)]
struct Suite {
    suite: u8,
    oem: Option<u32>,
    authentication: &'static str,
    integrity: &'static str,
    confidentiality: &'static str,
}

impl Suite {
    fn of(record: &SuiteRecord) -> Self {
        Self {
            suite: record.id,
            oem: record.oem,
            authentication: record.authentication_text(),
            integrity: record.integrity_text(),
            confidentiality: record.confidentiality_text(),
        }
    }
}

impl Finding for Suites {
    fn outcome(&self) -> Cow<'static, str> {
        "listed".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Table {
            head: &["suite", "authentication", "integrity", "confidentiality"],
            rows: self
                .suites
                .iter()
                .map(|row| {
                    let suite = match row.oem {
                        Some(oem) => format!("{} (manufacturer {oem})", row.suite),
                        None => row.suite.to_string(),
                    };
                    vec![
                        suite.into(),
                        row.authentication.into(),
                        row.integrity.into(),
                        row.confidentiality.into(),
                    ]
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quiet {
    channel_disabled: bool,
    destinations_cleared: u8,
    destinations_refused: Vec<u8>,
}

impl Quiet {
    fn of(off: &AlertsOff) -> Self {
        Self {
            channel_disabled: off.channel_disabled.is_ok(),
            destinations_cleared: off.cleared,
            destinations_refused: off.refused.iter().map(|(number, _)| *number).collect(),
        }
    }
}

impl Finding for Quiet {
    fn outcome(&self) -> Cow<'static, str> {
        match self.channel_disabled && self.destinations_refused.is_empty() {
            true => "alerts off".into(),
            false => "alerts off in part".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        let channel =
            if self.channel_disabled { "alerting off" } else { "the BMC keeps alerting on the channel" };
        let refused = match self.destinations_refused.len() {
            0 => String::new(),
            count => format!(", {count} refused"),
        };
        let tone = if self.outcome() == "alerts off" { Tone::Good } else { Tone::Warn };
        let text = format!("{channel}; {} destinations cleared{refused}", self.destinations_cleared);
        Shown::Line(Field::toned(text, tone))
    }
}
