//! A whole boot, played without a machine.

use ironhand_api::{BootArchitecture, BootExplanation, DhcpMode, ExplainedStep, Ipv6Mode, Name, Network};

use super::architecture::{Architecture, efi_suffix};
use super::client::{Client, Stage};
use super::context::{Templates, file_path};
use super::decide::{Answer, Decision, Intent, LoaderOffer, OfferStyle, decide};
use super::loader::LoaderKind;
use super::path::Page;
use super::script::ASK;
use super::view::{HostRecord, View};

/// The boot that is to be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The host, or else what is known of the machine.
    pub host: Option<Name>,
    /// The hardware address, UUID and serial number of the machine, which of a host are known; and whether it asks over IPv6.
    pub client: Client,
    /// The firmware; x64 where absent.
    pub architecture: Option<BootArchitecture>,
    /// Whether the firmware asks for HTTP boot.
    pub http: bool,
}

/// Plays the boot of a machine.
///
/// # Errors
///
/// What is missing for that, for whoever asked.
pub fn explain(view: &View, asked: &Asked, templates: &dyn Templates) -> Result<BootExplanation, String> {
    let mut client = asked.client.clone();
    let host = match &asked.host {
        Some(name) => Some(view.host(name).ok_or_else(|| format!("there is no Host {name}"))?.clone()),
        None => view.recognise(&client).map(|(host, _)| host.clone()),
    };
    if client.macs.is_empty() {
        client.macs.extend(host.as_ref().and_then(|host| host.boot.nic.or(host.macs.first().copied())));
    }
    let mac = client.mac().ok_or("no hardware address is known of it: name one, or describe it by `macs`")?;
    let network = network(view, &client, host.as_deref())?;
    client.network = Some(network.metadata.name.clone());
    let firmware = asked.architecture.unwrap_or(BootArchitecture::X64);
    let architecture = Architecture::of(firmware, asked.http);
    client.architecture = Some(architecture.ok_or_else(|| format!("{firmware} knows no HTTP boot"))?);
    client.stage = if asked.http { Stage::HttpBoot } else { Stage::Pxe };
    let decision = decide(view, &client);
    let mut play = Play { view, network, client, templates, steps: Vec::new(), script: None };
    play.firmware(&decision);
    Ok(BootExplanation {
        mac,
        host: decision.host,
        network: network.metadata.name.clone(),
        architecture: firmware.to_string(),
        intent: decision.intent.as_str().to_owned(),
        reason: decision.reason,
        evidence: decision.evidence,
        steps: play.steps,
        script: play.script,
    })
}

/// The network that a boot is played in: the one that was named, that of the host's address, or the only one.
fn network<'v>(view: &'v View, client: &Client, host: Option<&HostRecord>) -> Result<&'v Network, String> {
    if let Some(name) = &client.network {
        return view.network(name).ok_or_else(|| format!("there is no Network {name}"));
    }
    let of_host = host.and_then(|host| host_network(view, client.ipv6, host));
    let answers = |network: &&Network| match client.ipv6 {
        true => network.spec.ipv6.as_ref().is_some_and(|ipv6| ipv6.mode != Ipv6Mode::Off),
        false => network.spec.mode != DhcpMode::Off,
    };
    let mut answering = view.networks().filter(answers);
    let only = answering.next().filter(|_| answering.next().is_none());
    of_host.or(only).ok_or_else(|| {
        let names: Vec<&str> = view.networks().map(|network| network.metadata.name.as_str()).collect();
        match names.as_slice() {
            [] => "no Network is described".to_owned(),
            names => format!("which network does it boot in? name one of {}", names.join(", ")),
        }
    })
}

/// The network that the address kept for a host lies in: of IPv6 where that is asked, or else of IPv4, which has a side of IPv6
/// as well.
fn host_network<'v>(view: &'v View, ipv6: bool, host: &HostRecord) -> Option<&'v Network> {
    let by_address6 = || view.network_of6(host.boot.address6?);
    let by_address = || view.network_of(host.boot.address?);
    if ipv6 { by_address6().or_else(by_address) } else { by_address() }
}

/// The words of a version of DHCP.
struct Dhcp {
    protocol: &'static str,
    discover: &'static str,
    offer: &'static str,
    acknowledge: &'static str,
    /// The option with the class of the vendor, and the one with the architecture.
    class: u8,
    architecture: u8,
}

const DHCP4: Dhcp = Dhcp {
    protocol: "DHCP",
    discover: "DISCOVER",
    offer: "OFFER",
    acknowledge: "ACK",
    class: 60,
    architecture: 93,
};

/// RFC 8415, section 7.3, and RFC 5970, section 3.
const DHCP6: Dhcp = Dhcp {
    protocol: "DHCPv6",
    discover: "SOLICIT",
    offer: "ADVERTISE",
    acknowledge: "REPLY",
    class: 16,
    architecture: 61,
};

struct Play<'p> {
    view: &'p View,
    network: &'p Network,
    client: Client,
    templates: &'p dyn Templates,
    steps: Vec<ExplainedStep>,
    script: Option<String>,
}

impl Play<'_> {
    fn step(&mut self, from: &str, protocol: &str, message: String, detail: String, reason: &str) {
        let (from, protocol) = (from.to_owned(), protocol.to_owned());
        self.steps.push(ExplainedStep { from, protocol, message, detail, reason: reason.to_owned() });
    }

    fn proxy(&self) -> bool {
        self.network.spec.mode == DhcpMode::Proxy && !self.client.ipv6
    }

    fn dhcp(&self) -> &'static Dhcp {
        if self.client.ipv6 { &DHCP6 } else { &DHCP4 }
    }

    fn asks(&mut self, from: &str, said: String) {
        let Dhcp { protocol, discover, .. } = self.dhcp();
        self.step(from, protocol, (*discover).to_owned(), said, "");
    }

    fn offers(&mut self, given: String, reason: &str) {
        let Dhcp { protocol, offer, .. } = self.dhcp();
        self.step("server", protocol, (*offer).to_owned(), given, reason);
    }

    /// What tells machines to ask for addresses, which over IPv6 they do not by themselves.
    fn advertised(&mut self) {
        let Some(ipv6) = self.network.spec.ipv6.as_ref().filter(|_| self.client.ipv6) else { return };
        if ipv6.mode == Ipv6Mode::Off {
            return;
        }
        let from = if ipv6.advertise { "server" } else { "a router" };
        let said = "addresses are given by DHCPv6 (flag M)".to_owned();
        let reason = if ipv6.advertise { "" } else { "`advertise` is off: another one must say so" };
        self.step(from, "ICMPv6", "router advertisement".to_owned(), said, reason);
    }

    /// The address that the machine would be given, in words.
    fn address(&self, decision: &Decision) -> String {
        match decision.reserved {
            _ if self.proxy() => "no address".to_owned(),
            Some(address) => format!("the address {address} that is kept for it"),
            None if self.client.ipv6 => {
                let subnet = self.network.spec.ipv6.as_ref().map(|ipv6| ipv6.subnet.to_string());
                format!("an address of {}", subnet.unwrap_or_default())
            }
            None => "an address of the pool".to_owned(),
        }
    }

    /// What the firmware asks, and everything that follows.
    fn firmware(&mut self, decision: &Decision) {
        let number = self.client.architecture.map(|architecture| architecture.0).unwrap_or_default();
        let class = if self.client.stage == Stage::HttpBoot { "HTTPClient" } else { "PXEClient" };
        let mac = self.client.mac().map(|mac| mac.to_string()).unwrap_or_default();
        let Dhcp { protocol, class: class_option, architecture, .. } = self.dhcp();
        self.advertised();
        self.asks(
            "firmware",
            format!("from {mac}, option {class_option} {class}, option {architecture} {number}"),
        );
        match &decision.answer {
            Answer::Silent => {
                self.step("server", protocol, "no answer".to_owned(), String::new(), &decision.reason);
            }
            Answer::Address => {
                let given = format!("{} and nothing to boot", self.address(decision));
                self.offers(given, &decision.reason);
                self.granted("firmware");
            }
            Answer::Loader(offer) => {
                self.offered(decision, offer);
                self.load(offer);
                self.after(decision, offer.loader.kind);
            }
            // Firmware is never offered a script.
            Answer::Script(_) => {}
        }
    }

    fn granted(&mut self, from: &str) {
        let Dhcp { protocol, acknowledge, .. } = self.dhcp();
        self.step(from, protocol, "REQUEST".to_owned(), String::new(), "");
        let reason = "it leaves when the lease is on the disk";
        self.step("server", protocol, (*acknowledge).to_owned(), "the same".to_owned(), reason);
    }

    fn offered(&mut self, decision: &Decision, offer: &LoaderOffer) {
        let LoaderOffer { file, server, style, .. } = offer;
        let address = self.address(decision);
        match style {
            _ if self.client.ipv6 => {
                self.offers(format!("{address}, option 59 {file}"), &decision.reason);
                self.granted("firmware");
            }
            OfferStyle::Full => {
                let given = format!("{address}, file {file} from {server}, no option 60");
                self.offers(given, &decision.reason);
                self.granted("firmware");
            }
            OfferStyle::HttpClient => {
                let given = format!("{address}, option 60 HTTPClient, URL {file}");
                let reason = "HTTP boot takes a URL with an address in it, so that no name need be resolved";
                self.offers(given, reason);
                self.lease("firmware");
            }
            OfferStyle::Option43 => {
                let given =
                    format!("no address, option 60 PXEClient, option 43 06 01 08, file {file} from {server}");
                let reason = "beside another server: option 43 says to use the file of this packet";
                self.offers(given, reason);
                self.lease("firmware");
            }
            OfferStyle::RaspberryPi => {
                let given = format!("{address}, option 43 Raspberry Pi Boot, files from {server}");
                self.offers(given, &decision.reason);
                self.lease("firmware");
            }
            OfferStyle::Port4011 => {
                let given = "no address, option 60 PXEClient, no file".to_owned();
                let reason = "beside another server: UEFI asks for the file on port 4011, and older firmware loses it here";
                self.offers(given, reason);
                self.lease("firmware");
                self.step("firmware", "DHCP", "REQUEST to port 4011".to_owned(), String::new(), "");
                let given = format!("file {file} from {server}");
                self.step("server", "DHCP", "ACK".to_owned(), given, &decision.reason);
            }
        }
    }

    /// The address, from whichever server gives it.
    fn lease(&mut self, asked_by: &str) {
        if !self.proxy() {
            self.granted(asked_by);
            return;
        }
        self.step("another server", "DHCP", "OFFER, ACK".to_owned(), "an address".to_owned(), "");
    }

    fn load(&mut self, offer: &LoaderOffer) {
        let http = offer.style == OfferStyle::HttpClient;
        let (protocol, verb) = if http { ("HTTP", "GET") } else { ("TFTP", "read") };
        let message = format!("{verb} {}", offer.loader.path);
        self.step("firmware", protocol, message, format!("{}", offer.loader.kind), "");
    }

    /// What the loader does, and what is booted.
    fn after(&mut self, decision: &Decision, kind: LoaderKind) {
        // A loader is asked for what the machine is to boot by the same hardware addresses.
        let (from, protocol) = match kind {
            LoaderKind::Ipxe => {
                self.client.stage = Stage::Ipxe;
                self.ipxe();
                ("iPXE", self.protocol())
            }
            LoaderKind::Grub | LoaderKind::Shim => {
                self.client.stage = Stage::Grub;
                self.grub(kind);
                ("GRUB", "TFTP")
            }
            LoaderKind::Pxelinux => {
                self.client.stage = Stage::Pxelinux;
                let name = self.dashes();
                self.step("PXELINUX", "TFTP", format!("read pxelinux.cfg/01-{name}"), String::new(), "");
                ("PXELINUX", "TFTP")
            }
            LoaderKind::RaspberryPi => {
                let message = "read config.txt and the files that it names".to_owned();
                let next = "what they start asks anew: UEFI does, as arm64";
                self.step("firmware", "TFTP", message, "below its serial number".to_owned(), next);
                return;
            }
        };
        let rendered = self.view.text(&Page::Script, &self.client, self.templates);
        let Ok(Some(text)) = rendered else { return };
        let settled = text.decision.unwrap_or_else(|| decision.clone());
        let reason = text.fault.as_ref().unwrap_or(&settled.reason).clone();
        let does = match (&settled.intent, &text.fault) {
            (_, Some(_)) | (Intent::Hold, _) => "a script that waits until that is mended",
            (Intent::Boot { .. }, None) => "a script that boots it",
            (Intent::LocalDisk, None) => "a script that boots from the disk",
            (Intent::Menu, None) => "a script that waits and asks again",
            (Intent::PowerOff, None) => "a script that switches the machine off",
            (Intent::Wait, None) => "a script that waits for the other interface",
            (Intent::Refuse | Intent::Ignore | Intent::None, None) => "a script that boots nothing",
        };
        self.step("server", protocol, "script".to_owned(), does.to_owned(), &reason);
        // Whoever may read explanations need not be able to read what installers are told.
        let token = settled.host.as_ref().and_then(|host| self.view.deployment(host));
        let token = token.and_then(|deployment| self.view.tokens.get(&deployment.metadata.name));
        let hidden = token.filter(|token| !token.is_empty());
        self.script =
            Some(hidden.map_or(text.text.clone(), |token| text.text.replace(token.as_str(), "...")));
        if text.fault.is_none() {
            self.booted(&settled, from, protocol);
        }
    }

    fn protocol(&self) -> &'static str {
        let server = self.view.server(&self.network.metadata.name, &self.client);
        let http = server.is_some_and(|server| super::decide::scripts_by_http(self.network, server));
        if http { "HTTP" } else { "TFTP" }
    }

    fn dashes(&self) -> String {
        self.client.mac().map(|mac| mac.to_string().replace(':', "-")).unwrap_or_default()
    }

    fn ipxe(&mut self) {
        let own = "newer iPXE reads it before it has an address, and skips the next four lines";
        self.step("iPXE", "TFTP", "read autoexec.ipxe".to_owned(), "beside the loader".to_owned(), own);
        self.asks("iPXE", "user class iPXE".to_owned());
        let decision = decide(self.view, &self.client);
        match &decision.answer {
            Answer::Script(offer) => {
                let address = self.address(&decision);
                let reason = "who says that it is iPXE gets the script and not the loader again";
                let option = if self.client.ipv6 { "option 59" } else { "file" };
                self.offers(format!("{address}, {option} {}", offer.url), reason);
                self.lease("iPXE");
            }
            _ => {
                let protocol = self.dhcp().protocol;
                self.step("server", protocol, "no script".to_owned(), String::new(), &decision.reason);
            }
        }
        let protocol = self.protocol();
        let verb = if protocol == "HTTP" { "GET" } else { "read" };
        let asks = "the script that asks";
        self.step("iPXE", protocol, format!("{verb} {ASK}"), asks.to_owned(), "");
        let dashes = self.dashes();
        let reason = "UUID, serial number, maker and model come with it";
        self.step("iPXE", protocol, format!("{verb} {ASK}?mac={dashes}&..."), String::new(), reason);
    }

    fn grub(&mut self, kind: LoaderKind) {
        if kind == LoaderKind::Shim {
            let reason = "shim looks for GRUB beside itself, by the directory in the header of the ACK";
            let absent = "revocations and certificates first, which need not exist";
            let suffix = self.client.firmware().and_then(efi_suffix).unwrap_or_default();
            self.step("shim", "TFTP", format!("read grub{suffix}.efi"), absent.to_owned(), reason);
        }
        self.step(
            "GRUB",
            "TFTP",
            "read grub/grub.cfg".to_owned(),
            "the same for all machines".to_owned(),
            "",
        );
        let dashes = self.dashes();
        self.step("GRUB", "TFTP", format!("read grub/grub.cfg-01-{dashes}"), String::new(), "");
    }

    /// What a profile boots, and what the machine reads when it runs.
    fn booted(&mut self, decision: &Decision, from: &str, protocol: &str) {
        let Intent::Boot { profile, deployment } = &decision.intent else { return };
        let Some(spec) = self.view.profile(profile).map(|profile| profile.spec.clone()) else { return };
        let verb = if protocol == "HTTP" { "GET" } else { "read" };
        let media = spec.media.as_ref();
        let place = |path: &str| match media.filter(|_| !ironhand_api::ProfileSpec::is_url(path)) {
            Some(media) => format!("{verb} media/{media}/{path}"),
            None => format!("{verb} {path}"),
        };
        for (path, what) in [(&spec.kernel, "the kernel"), (&spec.chain, "the program")] {
            if let Some(path) = path {
                self.step(from, protocol, place(path), what.to_owned(), "");
            }
        }
        for initrd in &spec.initrds {
            self.step(from, protocol, place(initrd), "an initrd".to_owned(), "");
        }
        let host = decision.host.as_ref();
        let bound =
            host.filter(|_| deployment.is_some()).and_then(|host| self.view.deployment(host)).cloned();
        for file in &spec.files {
            let Some(path) = bound.as_ref().and_then(|bound| file_path(self.view, bound, &file.name)) else {
                continue;
            };
            let token = bound.as_ref().and_then(|bound| self.view.tokens.get(&bound.metadata.name));
            let path = token.map_or(path.clone(), |token| path.replace(token.as_str(), "..."));
            let page = Page::File {
                host: bound.as_ref().map_or(profile, |bound| &bound.spec.host).clone(),
                file: file.name.clone(),
            };
            let (detail, reason) = match self.view.text(&page, &self.client, self.templates) {
                Ok(Some(text)) => (format!("{} bytes", text.text.len()), String::new()),
                Ok(None) => ("not served".to_owned(), String::new()),
                Err(told) => ("its template fails".to_owned(), told),
            };
            self.step("kernel", "HTTP", format!("GET {path}"), detail, &reason);
        }
    }
}
