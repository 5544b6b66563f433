//! What a machine is to boot, and what the program of it that asks is answered.

use ironhand_api::{
    BootArchitecture, BootMethod, BootRepeat, Deployment, DeploymentPhase, DhcpMode, Ipv6Mode,
    LoaderPreference, LocalBoot, Name, Network, NicDriver, ProfileBoot, ProfileSpec, ProxyStyle,
    UnknownMachine,
};
use std::net::IpAddr;

use super::client::{Client, Stage};
use super::loader::{Loader, LoaderKind, choose};
use super::quirk::Quirk;
use super::view::{BootServer, HostRecord, KnownBy, View};

/// What a machine is to boot, whichever of its programs asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A profile.
    Boot {
        /// The profile.
        profile: Name,
        /// The deployment that says so; none where unknown machines boot it.
        deployment: Option<Name>,
    },
    /// Its own disk.
    LocalDisk,
    /// Nothing yet: it asks again and again.
    Menu,
    /// Nothing: it is switched off.
    PowerOff,
    /// Nothing until somebody has mended what the reason says: it asks again and again.
    Hold,
    /// Nothing by this interface, as another one of the machine is booting: it asks again, later.
    Wait,
    /// Nothing.
    Refuse,
    /// Nothing, and no answer.
    Ignore,
    /// Nothing is to be booted: it is an operating system that asks.
    None,
}

impl Intent {
    /// A word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Boot { .. } => "boot",
            Self::LocalDisk => "localDisk",
            Self::Menu => "menu",
            Self::PowerOff => "powerOff",
            Self::Hold => "hold",
            Self::Wait => "wait",
            Self::Refuse => "refuse",
            Self::Ignore => "ignore",
            Self::None => "none",
        }
    }

    /// Whether the machine is given a program that asks what is next.
    pub const fn wants_loader(&self) -> bool {
        !matches!(self, Self::Refuse | Self::Ignore | Self::None)
    }
}

/// What is decided of a request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the machine is to boot.
    pub intent: Intent,
    /// What it is answered.
    pub answer: Answer,
    /// The host that it is.
    pub host: Option<Name>,
    /// The address that is kept for it in this network.
    pub reserved: Option<IpAddr>,
    /// Why, in a sentence for people.
    pub reason: String,
    /// What the reason rests on, each in a sentence.
    pub evidence: Vec<String>,
    /// What is odd about it.
    pub quirks: Vec<Quirk>,
}

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Silent,
    /// An address and its options, and nothing to boot. Beside another server that is no answer.
    Address,
    /// A program that asks what is next.
    Loader(LoaderOffer),
    /// The script that asks what is next, for iPXE.
    Script(ScriptOffer),
}

/// A program, as DHCP offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderOffer {
    /// The program.
    pub loader: Loader,
    /// Where it is fetched (`siaddr`, option 66).
    pub server: IpAddr,
    /// What names it in the packet (`file`, option 67): a path for TFTP, a URL for HTTP boot.
    pub file: String,
    /// How it is offered.
    pub style: OfferStyle,
}

/// The script that asks what is next, as DHCP offers it to iPXE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptOffer {
    /// Where it is fetched by TFTP.
    pub server: IpAddr,
    /// Its URL.
    pub url: String,
    /// How it is offered.
    pub style: OfferStyle,
}

/// How a file is offered to whoever boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferStyle {
    /// With the address, in the header and in options 66 and 67 alike, without option 60 (D12, P13).
    Full,
    /// With the address or without, with option 60 `HTTPClient` and the URL in option 67 (H1, P12).
    HttpClient,
    /// Beside another server: an offer with option 60 and without a file, whose details are asked for on port 4011 (P3).
    Port4011,
    /// Beside another server: the file in the offer, with option 60, and option 43 that says to use it (P2).
    Option43,
    /// With the address or without, with the words in option 43 that a Raspberry Pi looks for (O1).
    RaspberryPi,
}

/// Decides what a request is answered.
pub fn decide(view: &View, client: &Client) -> Decision {
    let mut decision = intended(view, client);
    let network = client.network.as_ref().and_then(|name| view.network(name));
    let Some(network) = network else { return decision };
    let known = view.recognise(client);
    let host = known.map(|(host, _)| &**host);
    match answer(view, client, network, host, &decision) {
        Ok(answer) => decision.answer = answer,
        Err((answer, reason)) => {
            decision.answer = answer;
            decision.reason = reason;
        }
    }
    decision
}

/// Decides what a machine is to boot, whatever DHCP would answer: whoever reads a script has an address already, and may have
/// it from another server.
pub(super) fn intended(view: &View, client: &Client) -> Decision {
    let quirks = Quirk::of(client);
    let mut decision = Decision {
        intent: Intent::None,
        answer: Answer::Silent,
        host: None,
        reserved: None,
        reason: String::new(),
        evidence: Vec::new(),
        quirks,
    };
    let network = client.network.as_ref().and_then(|name| view.network(name));
    let Some(network) = network else {
        decision.intent = Intent::Ignore;
        decision.reason = "no Network describes where it asks".to_owned();
        return decision;
    };
    let known = view.recognise(client);
    decision.host = known.map(|(host, _)| host.name.clone());
    decision.reserved = view.reservation(client, network);
    decision.evidence.push(seen(client));
    decision.evidence.push(recognised(known, client));
    let host = known.map(|(host, _)| &**host);
    let decided = intent(view, client, network, host);
    decision.intent = decided.0;
    decision.reason = decided.1;
    decision.evidence.extend(decision.quirks.iter().map(|quirk| format!("it is {}", quirk.description())));
    decision
}

/// What the machine says of itself, in a sentence.
fn seen(client: &Client) -> String {
    let who = match client.stage {
        Stage::Pxe => "firmware asks by PXE",
        Stage::HttpBoot => "firmware asks for HTTP boot",
        Stage::Ipxe => "iPXE asks",
        Stage::Grub => "GRUB asks",
        Stage::Pxelinux => "PXELINUX asks",
        Stage::Os => "an operating system asks",
    };
    let architecture = match (client.architecture, client.firmware()) {
        (Some(number), Some(firmware)) => format!(" on {firmware} (architecture {})", number.0),
        (Some(number), None) => format!(" on architecture {}, for which no loader is known", number.0),
        (None, _) => String::new(),
    };
    let mac = client.mac().map(|mac| format!(" from {mac}")).unwrap_or_default();
    format!("{who}{architecture}{mac}")
}

fn recognised(known: Option<(&std::sync::Arc<HostRecord>, KnownBy)>, client: &Client) -> String {
    match known {
        Some((host, KnownBy::Mac(mac))) => {
            format!("{mac} is one of the hardware addresses of Host {}", host.name)
        }
        Some((host, KnownBy::Uuid(uuid))) => format!("{uuid} is the UUID of Host {}", host.name),
        Some((host, KnownBy::Serial)) => format!("it has the serial number of Host {}", host.name),
        None if client.uuid.is_some() && client.telling_uuid().is_none() => {
            "no Host has its hardware address, and its UUID is one that many boards have".to_owned()
        }
        None => "no Host has its hardware address, UUID or serial number".to_owned(),
    }
}

/// What the machine is to boot, and why.
fn intent(view: &View, client: &Client, network: &Network, host: Option<&HostRecord>) -> (Intent, String) {
    let unknown = network.spec.unknown;
    let name = &network.metadata.name;
    if network.spec.mode == DhcpMode::Off && !client.stage.boots() && !client.ipv6 {
        return (Intent::Ignore, format!("DHCP is off in Network {name}"));
    }
    let Some(host) = host else {
        if unknown == UnknownMachine::Ignore {
            return (Intent::Ignore, format!("Network {name} ignores unknown machines"));
        }
        if !client.stage.boots() {
            return (Intent::None, "it asks for an address alone".to_owned());
        }
        return unknown_machine(view, client, network);
    };
    if !client.stage.boots() {
        return (Intent::None, format!("the operating system of Host {} asks for an address", host.name));
    }
    let mac = client.mac();
    if let Some(nic) =
        host.boot.nic.filter(|nic| mac.is_some_and(|mac| mac != *nic && !client.macs.contains(nic)))
    {
        return (Intent::Refuse, format!("Host {} boots by its interface {nic} alone", host.name));
    }
    let Some(deployment) = view.deployment(&host.name) else {
        return (Intent::LocalDisk, format!("Host {} has no Deployment, and boots from its disk", host.name));
    };
    let rival = client.session.script_to.filter(|rival| !client.macs.contains(rival));
    if let Some(rival) = rival {
        return (Intent::Wait, format!("Host {} is booting by its interface {rival} already", host.name));
    }
    deployed(view, client, host, deployment)
}

/// What a machine is to boot that no host describes.
fn unknown_machine(view: &View, client: &Client, network: &Network) -> (Intent, String) {
    let name = &network.metadata.name;
    match network.spec.unknown {
        UnknownMachine::Menu => {
            (Intent::Menu, format!("Network {name} lets unknown machines wait until somebody describes them"))
        }
        UnknownMachine::PowerOff => {
            (Intent::PowerOff, format!("Network {name} switches unknown machines off once they are noted"))
        }
        UnknownMachine::LocalDisk => {
            (Intent::LocalDisk, format!("Network {name} lets unknown machines boot from their disk"))
        }
        UnknownMachine::Refuse => {
            (Intent::Refuse, format!("Network {name} gives unknown machines nothing to boot"))
        }
        UnknownMachine::Ignore => (Intent::Ignore, format!("Network {name} ignores unknown machines")),
        UnknownMachine::Discovery => {
            let Some(profile) = network.spec.discovery.clone() else {
                return (Intent::Menu, format!("Network {name} names no Profile for discovery"));
            };
            match bootable(view, client, &profile) {
                Ok(()) => {
                    let reason = format!("Network {name} lets unknown machines boot Profile {profile}");
                    (Intent::Boot { profile, deployment: None }, reason)
                }
                Err(reason) => (Intent::Hold, reason),
            }
        }
    }
}

/// What a host with a deployment is to boot.
fn deployed(view: &View, client: &Client, host: &HostRecord, deployment: &Deployment) -> (Intent, String) {
    let name = &deployment.metadata.name;
    let profile = deployment.spec.profile.clone();
    let (phase, repeat) = (deployment.phase(), deployment.spec.boot);
    match (phase, repeat) {
        (DeploymentPhase::Stopped, _) => {
            let reason = deployment.status.as_ref().and_then(|status| status.reason.clone());
            let reason = reason.unwrap_or_else(|| "it did not fetch what it boots".to_owned());
            return (Intent::Hold, format!("Deployment {name} was stopped: {reason}"));
        }
        (DeploymentPhase::Booted, BootRepeat::Once) => {
            let reason =
                format!("Deployment {name} was booted once, and Host {} boots from its disk now", host.name);
            return (Intent::LocalDisk, reason);
        }
        _ => {}
    }
    match bootable(view, client, &profile) {
        Ok(()) => {
            let reason = format!("Deployment {name} says that Host {} boots Profile {profile}", host.name);
            (Intent::Boot { profile, deployment: Some(name.clone()) }, reason)
        }
        Err(reason) => (Intent::Hold, reason),
    }
}

/// Whether a profile can be booted by a machine as things are.
fn bootable(view: &View, client: &Client, name: &Name) -> Result<(), String> {
    let profile = view.profile(name).ok_or_else(|| format!("there is no Profile {name}"))?;
    if let Some(firmware) = client.firmware().filter(|firmware| !profile.spec.suits(*firmware)) {
        let for_these: Vec<&str> = profile.spec.architectures.iter().map(|one| one.as_str()).collect();
        return Err(format!("Profile {name} is for {}, and the machine is {firmware}", for_these.join(", ")));
    }
    let media = profile.spec.media.as_ref();
    if let Some(media) = media.filter(|media| !view.media.contains(*media)) {
        return Err(format!(
            "Profile {name} boots from the media {media}, which is not there: ironhand media add"
        ));
    }
    match profile.spec.boot() {
        Some(_) => Ok(()),
        None => Err(format!("Profile {name} boots nothing")),
    }
}

type Answered = Result<Answer, (Answer, String)>;

/// What the program that asks is answered; with a reason of its own where that is not what was intended.
fn answer(
    view: &View,
    client: &Client,
    network: &Network,
    host: Option<&HostRecord>,
    decision: &Decision,
) -> Answered {
    let spec = &network.spec;
    let name = &network.metadata.name;
    let (mode, proxy) = (spec.mode, is_proxy(client, network));
    let silent = |reason: String| Err((Answer::Silent, reason));
    if decision.intent == Intent::Ignore {
        return Ok(Answer::Silent);
    }
    if client.ipv6 {
        if let Some(reason) = unserved_over_ipv6(network, host) {
            return silent(reason);
        }
    } else if mode == DhcpMode::Off {
        return silent(format!("DHCP is off in Network {name}"));
    }
    if !client.ipv6 && mode == DhcpMode::Reservations && decision.reserved.is_none() {
        return silent(format!("Network {name} gives reserved addresses alone, and none is kept for it"));
    }
    if proxy && !matches!(client.stage, Stage::Pxe | Stage::HttpBoot | Stage::Ipxe) {
        return silent(format!("in Network {name} another server gives addresses, and it does not boot"));
    }
    let nothing = if proxy { Answer::Silent } else { Answer::Address };
    if !decision.intent.wants_loader() {
        return Ok(nothing);
    }
    let local_boot = host.map(|host| host.boot.local_boot).unwrap_or_default();
    if decision.intent == Intent::LocalDisk && local_boot == LocalBoot::NoOffer && client.stage != Stage::Ipxe
    {
        return Ok(nothing);
    }
    let not_booted = |reason: String| Err((nothing.clone(), reason));
    let Some(server) = view.server(name, client) else {
        return not_booted(format!("this server has no address that machines in Network {name} reach"));
    };
    match client.stage {
        Stage::Ipxe => {
            let style = if proxy { OfferStyle::Option43 } else { OfferStyle::Full };
            Ok(Answer::Script(script_offer(network, server, style)))
        }
        Stage::Pxe if !spec.boots_by(BootMethod::Tftp) => {
            not_booted(format!("Network {name} boots machines by HTTP alone, and it asks by PXE"))
        }
        Stage::HttpBoot if !spec.boots_by(BootMethod::Http) || server.http.is_none() => {
            not_booted(format!("Network {name} boots machines by TFTP alone, and it asks for HTTP boot"))
        }
        Stage::Pxe | Stage::HttpBoot => match loader(view, client, network, host, &decision.intent) {
            Ok(loader) => Ok(Answer::Loader(loader_offer(client, network, server, loader))),
            Err(reason) => not_booted(reason),
        },
        Stage::Grub | Stage::Pxelinux | Stage::Os => Ok(nothing),
    }
}

/// Whether another server gives a client its address. Over IPv6 none does.
fn is_proxy(client: &Client, network: &Network) -> bool {
    network.spec.mode == DhcpMode::Proxy && !client.ipv6
}

/// Why a client is given nothing over IPv6; nothing where it is.
fn unserved_over_ipv6(network: &Network, host: Option<&HostRecord>) -> Option<String> {
    let name = &network.metadata.name;
    let Some(ipv6) = &network.spec.ipv6 else { return Some(format!("Network {name} has no `ipv6`")) };
    match ipv6.mode {
        Ipv6Mode::Full => None,
        Ipv6Mode::Hosts if host.is_some() => None,
        Ipv6Mode::Hosts => Some(format!(
            "Network {name} gives addresses of IPv6 to machines that a Host describes alone, and none does it"
        )),
        Ipv6Mode::Off => Some(format!("DHCPv6 is off in Network {name}")),
    }
}

/// The offer of the script to iPXE. A client that says it is iPXE gets the script and never the program again, or it would
/// load that for ever (P10).
fn script_offer(network: &Network, server: BootServer, style: OfferStyle) -> ScriptOffer {
    let http = scripts_by_http(network, server);
    ScriptOffer { server: server.address, url: format!("{}boot.ipxe", server.base(http)), style }
}

/// Whether scripts fetch by HTTP: where it is the first that the network names, or the only one there is.
pub(super) fn scripts_by_http(network: &Network, server: BootServer) -> bool {
    let first = network.spec.methods.first().copied().unwrap_or(BootMethod::Tftp);
    server.http.is_some() && first == BootMethod::Http
}

/// The loader that a machine is given, or why there is none.
pub(super) fn loader(
    view: &View,
    client: &Client,
    network: &Network,
    host: Option<&HostRecord>,
    intent: &Intent,
) -> Result<Loader, String> {
    let said = client.firmware().ok_or_else(|| match client.architecture {
        Some(number) => format!("no loader is known for architecture {}", number.0),
        None => "it does not say what firmware it has (option 93)".to_owned(),
    })?;
    let is_raspberry_pi = Quirk::of(client).contains(&Quirk::RaspberryPi);
    let firmware = if is_raspberry_pi { BootArchitecture::RaspberryPi } else { said };
    let profile = match intent {
        Intent::Boot { profile, .. } => view.profile(profile).map(|profile| &profile.spec),
        _ => None,
    };
    let preference = preference(network, host, profile);
    let driver = host.map(|host| host.boot.nic_driver).unwrap_or(NicDriver::Firmware);
    choose(view, preference, firmware, driver, profile)
}

/// Which loader is wanted: what the host says, else the profile, else the network.
pub(super) fn preference(
    network: &Network,
    host: Option<&HostRecord>,
    profile: Option<&ProfileSpec>,
) -> LoaderPreference {
    let of_host = host.and_then(|host| host.boot.loader);
    of_host.or_else(|| profile.and_then(|profile| profile.loader)).unwrap_or(network.spec.loader)
}

/// How a loader is offered.
fn loader_offer(client: &Client, network: &Network, server: BootServer, loader: Loader) -> LoaderOffer {
    let proxy = is_proxy(client, network);
    let style = match client.stage {
        _ if loader.kind == LoaderKind::RaspberryPi => OfferStyle::RaspberryPi,
        Stage::HttpBoot => OfferStyle::HttpClient,
        _ if !proxy => OfferStyle::Full,
        // A BIOS takes the file from the offer; UEFI asks for it on port 4011, and where that cannot be reached the older
        // style is left (P2, P3).
        _ if client.firmware() == Some(BootArchitecture::Bios) => OfferStyle::Option43,
        _ => match network.spec.proxy {
            ProxyStyle::Port4011 => OfferStyle::Port4011,
            ProxyStyle::Option43 => OfferStyle::Option43,
        },
    };
    let file = match style {
        OfferStyle::HttpClient => format!("{}{}", server.base(true), super::quote::url_path(&loader.path)),
        // DHCPv6 knows URLs alone (RFC 5970, section 3.1).
        _ if client.ipv6 => format!("{}{}", server.base(false), super::quote::url_path(&loader.path)),
        _ => loader.path.clone(),
    };
    LoaderOffer { loader, server: server.address, file, style }
}

/// How often a machine is given its script without fetching all that it boots, before it is stopped.
pub const MOST_TRIES: u32 = 5;

/// Whether what a profile boots is fetched from this server, so that it can be seen that it was fetched.
pub fn is_seen_booting(profile: &ProfileSpec) -> bool {
    match profile.boot() {
        Some(ProfileBoot::Kernel { kernel, initrds, .. }) => {
            let last = initrds.last().map_or(kernel, String::as_str);
            !ProfileSpec::is_url(last)
        }
        Some(ProfileBoot::Chain(program)) => !ProfileSpec::is_url(program),
        Some(ProfileBoot::Script(_)) | None => false,
    }
}
