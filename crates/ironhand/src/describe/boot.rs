//! `ironhand describe network`, `profile` and `deployment`: what machines boot, and how it went.

use ironhand_api::{
    BootRecord, Deployment, DeploymentPhase, DhcpMode, DhcpOption, DhcpOptionValue, Host, Ipv6Service,
    LoaderPreference, Machine, Manifest, MediaState, Metadata, Name, Network, OtherServer, Profile,
    ProfileBoot, ProfileSpec, ProxyStyle, ServiceState, UnknownMachine,
};
use ironhand_client::{BootFilter, Client};

use super::pair;
use crate::boot::timeline;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, line, now};

/// How many of a list are named.
const NAMED: usize = 10;

/// `ironhand describe network`.
pub(super) async fn network(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let network: Network = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Network(network));
    }
    let spec = &network.spec;
    about(&network.metadata, output);
    pair(output, "subnet", spec.subnet.to_string());
    let relays: Vec<String> = spec.relays.iter().map(ToString::to_string).collect();
    match &spec.interface {
        Some(interface) => pair(output, "interface", interface.as_str()),
        None if relays.is_empty() => {
            pair(output, "interface", "the one with an address in it, or its relays")
        }
        None => {}
    }
    if !relays.is_empty() {
        pair(output, "relays", relays.join(", "));
    }
    pair(output, "DHCP", dhcp(&network));
    served(client, name, output).await?;
    addresses(&network, output);
    pair(output, "unknown", unknown(&network));
    let methods: Vec<&str> = spec
        .methods
        .iter()
        .map(|method| match method {
            ironhand_api::BootMethod::Http => "HTTP",
            ironhand_api::BootMethod::Tftp => "TFTP",
        })
        .collect();
    pair(output, "boots by", methods.join(", then "));
    pair(output, "loader", loader(spec.loader));
    let hosts: Vec<Host> = client.list(&Default::default()).await?;
    let kept: Vec<String> =
        hosts.iter().flat_map(|host| [kept(host, &network), kept6(host, &network)]).flatten().collect();
    if !kept.is_empty() {
        pair(output, "kept", some_of(&kept));
    }
    let machines: Vec<Machine> = client.machines().await?;
    let free: Vec<String> = machines
        .iter()
        .filter(|machine| machine.network.as_ref() == Some(name))
        .map(|machine| machine.mac.to_string())
        .collect();
    if !free.is_empty() {
        pair(output, "free", some_of(&free));
    }
    let boots = client.boots(&BootFilter::default()).await?;
    let here = boots.iter().filter(|boot| boot.network.as_ref() == Some(name));
    let (open, over): (Vec<&BootRecord>, Vec<&BootRecord>) = here.partition(|boot| boot.state.is_open());
    pair(output, "boots", format!("{} under way, {} of late are over", open.len(), over.len()));
    Ok(())
}

/// `ironhand describe profile`.
pub(super) async fn profile(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let profile: Profile = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Profile(profile));
    }
    let spec = &profile.spec;
    about(&profile.metadata, output);
    if let Some(media) = &spec.media {
        pair(output, "media", medium(client, media).await?);
    }
    boots(spec, output);
    if let Some(preference) = spec.loader {
        pair(output, "loader", loader(preference));
    }
    if let Some(shim) = &spec.shim {
        pair(output, "shim", shim.as_str());
    }
    let architectures: Vec<&str> = spec.architectures.iter().map(|one| one.as_str()).collect();
    pair(
        output,
        "for",
        if architectures.is_empty() { "all machines".to_owned() } else { architectures.join(", ") },
    );
    for file in &spec.files {
        let media_type = file.media_type.as_ref().map(|kind| format!(", {kind}")).unwrap_or_default();
        pair(output, "file", format!("{}, {} lines{media_type}", file.name, file.content.lines().count()));
    }
    let deployments: Vec<Deployment> = client.list(&Default::default()).await?;
    let hosts: Vec<String> = deployments
        .iter()
        .filter(|deployment| deployment.spec.profile == *name)
        .map(|deployment| format!("{} ({})", deployment.spec.host, deployment.phase()))
        .collect();
    pair(output, "deployed", if hosts.is_empty() { "nowhere".to_owned() } else { some_of(&hosts) });
    let networks: Vec<Network> = client.list(&Default::default()).await?;
    for network in networks.iter().filter(|network| network.spec.discovery.as_ref() == Some(name)) {
        pair(output, "discovery", format!("unknown machines of Network {} boot it", network.metadata.name));
    }
    Ok(())
}

/// `ironhand describe deployment`.
pub(super) async fn deployment(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let deployment: Deployment = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Deployment(deployment));
    }
    about(&deployment.metadata, output);
    let hosts: Vec<Host> = client.list(&Default::default()).await?;
    let host = hosts.iter().find(|host| host.metadata.name == deployment.spec.host);
    pair(output, "host", host_field(&deployment.spec.host, host));
    let profiles: Vec<Profile> = client.list(&Default::default()).await?;
    let profile = &deployment.spec.profile;
    let missing = || Field::toned(format!("{profile}, which does not exist"), Tone::Bad);
    let there = profiles.iter().any(|one| one.metadata.name == *profile);
    pair(output, "profile", if there { profile.as_str().into() } else { missing() });
    pair(output, "boot", deployment.spec.boot.as_str());
    phase(&deployment, output);
    let boots = client.boots(&BootFilter::default()).await?;
    if let Some(boot) = boots.iter().find(|boot| boot.host.as_ref() == Some(&deployment.spec.host)) {
        line("");
        timeline(boot, output).iter().for_each(|text| line(text));
    }
    Ok(())
}

fn about(metadata: &Metadata, output: Output) {
    pair(output, "name", metadata.name.as_str());
    let labels: Vec<String> = metadata.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        pair(output, "labels", labels.join(" "));
    }
}

fn some_of(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named = all[..all.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// How DHCP is answered, in words.
fn dhcp(network: &Network) -> Field {
    let spec = &network.spec;
    let words = match spec.mode {
        DhcpMode::Full => "addresses, and what is booted",
        DhcpMode::Reservations => "reserved addresses alone, and what is booted",
        DhcpMode::Proxy => match spec.proxy {
            ProxyStyle::Port4011 => {
                "what is booted, beside the server that gives addresses; details on port 4011"
            }
            ProxyStyle::Option43 => {
                "what is booted, beside the server that gives addresses; details in option 43"
            }
        },
        DhcpMode::Off => "not answered",
    };
    let others = if spec.beside_others { ", although another server answers" } else { "" };
    let tone = if spec.mode == DhcpMode::Off { Tone::Dim } else { Tone::Plain };
    Field::toned(format!("{}: {words}{others}", spec.mode.as_str()), tone)
}

/// How a network is served over IPv6.
fn served_over_ipv6(ipv6: &Ipv6Service, output: Output) {
    let tone = match ipv6.state {
        ServiceState::Served => Tone::Good,
        ServiceState::Off => Tone::Dim,
        _ => Tone::Bad,
    };
    let at = ipv6.interface.as_ref().map(|interface| format!(" at {interface}")).unwrap_or_default();
    let has = match ipv6.leases {
        1 => "1 machine has an address".to_owned(),
        leases => format!("{leases} machines have an address"),
    };
    pair(output, "IPv6", format!("{}, mode {}", ipv6.subnet, ipv6.mode.as_str()));
    pair(output, "", Field::toned(format!("{}{at}; {has}", ipv6.state), tone));
    if let Some(reason) = &ipv6.reason {
        pair(output, "", Field::toned(reason.clone(), Tone::Warn));
    }
    beside(&ipv6.others, output);
    for router in &ipv6.routers {
        let is = if router.lifetime > 0 { "a default router" } else { "no default router" };
        let flags = match (router.managed, router.other) {
            (true, _) => "addresses by DHCPv6 (flag M)",
            (false, true) => "no addresses by DHCPv6, other options (flag O)",
            (false, false) => "nothing by DHCPv6",
        };
        pair(output, "router", format!("{}, {is}, tells of {flags}", router.router));
    }
}

/// Who else answers.
fn beside(others: &[OtherServer], output: Output) {
    for other in others {
        let offered = other.offered.map(|address| format!(", which offers {address}"));
        pair(output, "beside", format!("{}{}", other.server, offered.unwrap_or_default()));
        other.findings.iter().for_each(|finding| pair(output, "", Field::toned(finding.clone(), Tone::Warn)));
    }
}

/// Whether the server that is asked serves a network, and who else answers there.
async fn served(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let services = match client.network_services().await {
        Ok(services) => services,
        Err(error) => match error.problem().filter(|problem| problem.code == "dhcp.not_served") {
            Some(problem) => {
                pair(output, "", Field::toned(problem.detail.clone(), Tone::Warn));
                return Ok(());
            }
            None => return Err(error.into()),
        },
    };
    let Some(service) = services.iter().find(|service| service.network == *name) else { return Ok(()) };
    let tone = match service.state {
        ServiceState::Served => Tone::Good,
        ServiceState::Looking | ServiceState::Off => Tone::Dim,
        ServiceState::Foreign | ServiceState::Failed => Tone::Bad,
    };
    let at = if service.interfaces.is_empty() {
        String::new()
    } else {
        format!(" at {}", service.interfaces.join(", "))
    };
    let since = age(now(), service.since);
    pair(output, "", Field::toned(format!("{}{at} for {since}", service.state), tone));
    if let Some(reason) = &service.reason {
        pair(output, "", Field::toned(reason.clone(), Tone::Warn));
    }
    if let Some(pool) = service.pool {
        pair(output, "given", format!("{} of {} addresses", pool.used(), pool.size));
    }
    if let Some(ipv6) = &service.ipv6 {
        served_over_ipv6(ipv6, output);
    }
    beside(&service.others, output);
    Ok(())
}

/// What machines are told beside what they boot.
fn addresses(network: &Network, output: Output) {
    let spec = &network.spec;
    let list = |name: &str, words: Vec<String>| {
        if !words.is_empty() {
            pair(output, name, words.join(", "));
        }
    };
    list("pools", spec.pools.iter().map(ToString::to_string).collect());
    list("excluded", spec.exclude.iter().map(ToString::to_string).collect());
    list("gateway", spec.gateway.iter().map(ToString::to_string).collect());
    list("DNS", spec.dns.iter().map(ToString::to_string).collect());
    list("domain", spec.domain.iter().cloned().collect());
    list("NTP", spec.ntp.iter().map(ToString::to_string).collect());
    list("routes", spec.routes.iter().map(|route| format!("{} via {}", route.to, route.via)).collect());
    spec.options.iter().for_each(|option| pair(output, "option", option_words(option)));
    if matches!(spec.mode, DhcpMode::Full | DhcpMode::Reservations) {
        pair(output, "leases", format!("{} to loaders, {} to systems", spec.boot_lease, spec.lease));
    }
}

fn option_words(option: &DhcpOption) -> String {
    let value = match option.value() {
        Some(DhcpOptionValue::Text(text)) => format!("\"{text}\""),
        Some(DhcpOptionValue::Hex(digits)) => format!("hex {digits}"),
        Some(DhcpOptionValue::Addresses(addresses)) => {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        Some(DhcpOptionValue::Number(number)) => format!("{} in {} bytes", number.value, number.bytes),
        None => String::new(),
    };
    let class = option.vendor_class.as_ref().map(|class| format!(", for vendor class {class}"));
    format!("{} is {value}{}", option.code, class.unwrap_or_default())
}

/// What becomes of machines that no host describes.
fn unknown(network: &Network) -> String {
    let words = match network.spec.unknown {
        UnknownMachine::Menu => "register themselves and wait until somebody says what they are to be",
        UnknownMachine::PowerOff => "register themselves and are switched off",
        UnknownMachine::LocalDisk => "boot from their disk",
        UnknownMachine::Discovery => "register themselves and boot the Profile of discovery",
        UnknownMachine::Refuse => "get an address and nothing to boot",
        UnknownMachine::Ignore => "get no answer",
    };
    let discovery = network.spec.discovery.as_ref().map(|profile| format!(", {profile}"));
    format!("{}: they {words}{}", network.spec.unknown.as_str(), discovery.unwrap_or_default())
}

fn loader(preference: LoaderPreference) -> &'static str {
    match preference {
        LoaderPreference::Ipxe => "iPXE, or else GRUB",
        LoaderPreference::Grub => "GRUB, or else iPXE",
        LoaderPreference::Secure => "shim and the signed GRUB, for Secure Boot",
    }
}

/// The address that is kept for a host in a network.
fn kept(host: &Host, network: &Network) -> Option<String> {
    let address = host.spec.boot.as_ref()?.address?;
    network.spec.subnet.contains(address).then(|| format!("{address} for {}", host.metadata.name))
}

/// The same over IPv6.
fn kept6(host: &Host, network: &Network) -> Option<String> {
    let address = host.spec.boot.as_ref()?.address6?;
    let subnet = network.spec.ipv6.as_ref()?.subnet;
    subnet.contains(address).then(|| format!("{address} for {}", host.metadata.name))
}

/// A medium, and whether it can be served.
async fn medium(client: &Client, name: &Name) -> Result<Field, Failure> {
    let media = client.server_media().await?;
    let Some(found) = media.iter().find(|medium| medium.metadata.name == *name) else {
        let text = format!("{name}, which does not exist: ironhand media add {name} IMAGE");
        return Ok(Field::toned(text, Tone::Bad));
    };
    let title = found.status.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    Ok(match found.status.state {
        MediaState::Ready => format!("{name}{title}").into(),
        MediaState::Adding => Field::toned(format!("{name}, which is being added"), Tone::Warn),
        MediaState::Failed => {
            let why = found.status.detail.clone().unwrap_or_default();
            Field::toned(format!("{name}, which cannot be served: {why}"), Tone::Bad)
        }
    })
}

/// What a profile boots.
fn boots(spec: &ProfileSpec, output: Output) {
    match spec.boot() {
        Some(ProfileBoot::Kernel { kernel, initrds, command_line }) => {
            pair(output, "kernel", kernel);
            initrds.iter().for_each(|initrd| pair(output, "initrd", initrd.as_str()));
            if !command_line.is_empty() {
                pair(output, "command line", command_line);
            }
        }
        Some(ProfileBoot::Script(script)) => {
            for (at, text) in script.lines().enumerate() {
                pair(output, if at == 0 { "script" } else { "" }, Field::from(text).printable());
            }
        }
        Some(ProfileBoot::Chain(program)) => pair(output, "program", program),
        None => {}
    }
}

fn host_field(name: &Name, host: Option<&Host>) -> Field {
    let Some(host) = host else {
        return Field::toned(format!("{name}, which does not exist"), Tone::Bad);
    };
    let macs: Vec<String> = host.spec.macs.iter().map(ToString::to_string).collect();
    if macs.is_empty() {
        let text =
            format!("{name}, which has no `macs`: its machine is known by its UUID or serial number alone");
        return Field::toned(text, Tone::Warn);
    }
    format!("{name} ({})", macs.join(", ")).into()
}

/// How far a deployment came.
fn phase(deployment: &Deployment, output: Output) {
    let phase = deployment.phase();
    let next = match (phase, deployment.spec.boot) {
        (DeploymentPhase::Waiting, _) => "the next boot over the network is the profile's",
        (DeploymentPhase::Booting, _) => "it has its script, and has not fetched everything yet",
        (DeploymentPhase::Booted, ironhand_api::BootRepeat::Once) => "from now on it boots from its disk",
        (DeploymentPhase::Booted, ironhand_api::BootRepeat::Always) => "the next boot is the profile's again",
        (DeploymentPhase::Stopped, _) => "it waits until the Deployment is applied again or deleted",
    };
    let tone = match phase {
        DeploymentPhase::Waiting | DeploymentPhase::Booting => Tone::Plain,
        DeploymentPhase::Booted => Tone::Good,
        DeploymentPhase::Stopped => Tone::Bad,
    };
    let status = deployment.status.as_ref();
    let since = status.map(|status| format!(" for {}", age(now(), status.since))).unwrap_or_default();
    pair(output, "phase", Field::toned(format!("{phase}{since}: {next}"), tone));
    if let Some(tries) = status.map(|status| status.tries).filter(|tries| *tries > 0) {
        pair(output, "tries", format!("{tries} since something was booted last"));
    }
    if let Some(reason) = status.and_then(|status| status.reason.as_ref()) {
        pair(output, "stopped", Field::toned(reason.clone(), Tone::Bad));
    }
    if let Some(deadline) = deployment.spec.deadline {
        let comes = matches!(phase, DeploymentPhase::Waiting | DeploymentPhase::Booting);
        let is_past = status.is_some_and(|status| now().since(status.since) > deadline.duration());
        let field = match comes && is_past {
            true => {
                Field::toned(format!("{deadline} in one phase, which is over: the host is unwell"), Tone::Bad)
            }
            false => format!("{deadline} in one phase, until it is booted").into(),
        };
        pair(output, "deadline", field);
    }
    if let Some(request) = &deployment.spec.request {
        pair(output, "request", Field::from(request.as_str()).printable());
    }
}
