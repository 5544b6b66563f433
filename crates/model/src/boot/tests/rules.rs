//! The rules by which machines are answered, a table for each.

use ironhand_api::{HostBoot, LocalBoot, MachineUuid};

use super::*;

/// What a client is answered, in a word.
fn answered(view: &View, client: &Client) -> String {
    match decide(view, client).answer {
        Answer::Silent => "silent".to_owned(),
        Answer::Address => "address".to_owned(),
        Answer::Loader(offer) => format!("{:?} {}", offer.style, offer.file),
        Answer::Script(offer) => format!("{:?} {}", offer.style, offer.url),
    }
}

#[test]
fn machines_are_known_by_any_address_then_uuid_then_serial() {
    let uuid: MachineUuid = "4c4c4544-0044-4a10-8058-b4c04f4c4d32".parse().unwrap();
    let boot = HostBoot { uuid: Some(uuid), serial: Some("ABC123".to_owned()), ..HostBoot::default() };
    let mut records = records(network("mode: full"), profile(KERNEL));
    records.hosts = vec![Arc::new(host(boot))];
    let view = View::new(records);
    let check = |macs: &[&str], uuid: Option<MachineUuid>, serial: Option<&str>, wanted: &str| {
        let client = Client {
            macs: macs.iter().map(|mac| mac.parse().unwrap()).collect(),
            uuid,
            serial: serial.map(str::to_owned),
            ..Client::default()
        };
        let found = match view.recognise(&client).map(|(_, by)| by) {
            Some(KnownBy::Mac(_)) => "mac",
            Some(KnownBy::Uuid(_)) => "uuid",
            Some(KnownBy::Serial) => "serial",
            None => "none",
        };
        assert_eq!(found, wanted);
    };
    let other = "52:54:00:99:99:99";
    check(&[MAC], None, None, "mac");
    check(&[other, "52:54:00:12:34:57"], None, None, "mac");
    check(&[other], Some(uuid), None, "uuid");
    check(&[other], Some(uuid.swapped()), None, "uuid");
    check(&[other], Some(MachineUuid([0; 16])), Some(" abc123 "), "serial");
    check(&[other], Some(MachineUuid([0xff; 16])), None, "none");
    check(&[], None, Some("other"), "none");
}

#[test]
fn each_client_is_offered_what_it_takes_in_the_way_that_it_takes_it() {
    let check = |spec: &str, stage: Stage, architecture: u16, wanted: &str| {
        let view = View::new(records(network(spec), profile(KERNEL)));
        let client = Client { stage, ..firmware(MAC, architecture) };
        assert_eq!(answered(&view, &client), wanted, "{spec} {stage:?} {architecture}");
    };
    // P13: a full answer has no option 60; H1: HTTP boot is answered by a URL with an address; P10: iPXE gets the script.
    check("mode: full", Stage::Pxe, 7, "Full ipxe/x64/snponly.efi");
    check("mode: full", Stage::Pxe, 9, "Full ipxe/x64/snponly.efi");
    check("mode: full", Stage::Pxe, 0, "Full ipxe/bios/undionly.kpxe");
    check("mode: full", Stage::Pxe, 11, "Full ipxe/arm64/snponly.efi");
    check("mode: full", Stage::HttpBoot, 16, "HttpClient http://10.0.7.1:8480/boot/ipxe/x64/snponly.efi");
    check("mode: full", Stage::Ipxe, 7, "Full http://10.0.7.1:8480/boot/boot.ipxe");
    check("mode: full, methods: [tftp]", Stage::Ipxe, 7, "Full tftp://10.0.7.1/boot.ipxe");
    check("mode: full, loader: secure", Stage::Pxe, 7, "Full secure/x64/shimx64.efi");
    check("mode: full, loader: grub", Stage::Pxe, 11, "Full grub/arm64/grubaa64.efi");
    // P2, P3, P12: beside another server.
    check("mode: proxy", Stage::Pxe, 0, "Option43 ipxe/bios/undionly.kpxe");
    check("mode: proxy", Stage::Pxe, 7, "Port4011 ipxe/x64/snponly.efi");
    check("mode: proxy, proxy: option43", Stage::Pxe, 7, "Option43 ipxe/x64/snponly.efi");
    check("mode: proxy", Stage::HttpBoot, 16, "HttpClient http://10.0.7.1:8480/boot/ipxe/x64/snponly.efi");
    check("mode: proxy", Stage::Ipxe, 7, "Option43 http://10.0.7.1:8480/boot/boot.ipxe");
    // P1, P15: who does not boot is nothing to a proxy.
    check("mode: proxy", Stage::Os, 7, "silent");
    check("mode: off", Stage::Pxe, 7, "silent");
    check("mode: full", Stage::Os, 7, "address");
    check("mode: reservations", Stage::Pxe, 7, "Full ipxe/x64/snponly.efi");
    check("mode: full", Stage::Pxe, 2, "address");
    check("mode: full, methods: [http]", Stage::Pxe, 7, "address");
    check("mode: full, methods: [tftp]", Stage::HttpBoot, 16, "address");
    check("mode: full", Stage::Pxe, 41, "RaspberryPi raspberrypi/start4.elf");
    check("mode: proxy", Stage::Pxe, 41, "RaspberryPi raspberrypi/start4.elf");
    check("mode: full, methods: [http]", Stage::Pxe, 41, "address");
}

#[test]
fn unknown_machines_are_treated_as_the_network_says() {
    let check = |unknown: &str, stage: Stage, intent: &str, wanted: &str| {
        let mut records = records(network(&format!("mode: full, unknown: {unknown}")), profile(KERNEL));
        records.hosts.clear();
        let view = View::new(records);
        let client = Client { stage, ..firmware("52:54:00:99:99:99", 7) };
        assert_eq!(decide(&view, &client).intent.as_str(), intent, "{unknown}");
        assert_eq!(answered(&view, &client), wanted, "{unknown} {stage:?}");
    };
    let loader = "Full ipxe/x64/snponly.efi";
    check("menu", Stage::Pxe, "menu", loader);
    check("powerOff", Stage::Pxe, "powerOff", loader);
    check("localDisk", Stage::Pxe, "localDisk", loader);
    check("discovery, discovery: debian", Stage::Pxe, "boot", loader);
    check("discovery, discovery: other", Stage::Pxe, "hold", loader);
    check("refuse", Stage::Pxe, "refuse", "address");
    check("ignore", Stage::Pxe, "ignore", "silent");
    check("ignore", Stage::Os, "ignore", "silent");
    check("refuse", Stage::Os, "none", "address");
    check("menu", Stage::Os, "none", "address");
}

#[test]
fn ipxe_that_cannot_switch_a_machine_off_starts_a_grub_that_can() {
    let check = |architecture: u16, loaders: &[&str], wanted: Option<&str>| {
        let mut records = records(network("mode: full, unknown: powerOff"), profile(KERNEL));
        records.loaders = loaders.iter().map(|path| (*path).to_owned()).collect();
        let client = Client { stage: Stage::Ipxe, ..firmware("52:54:00:99:99:99", architecture) };
        let script = script(&View::new(records), &client, &Plain).unwrap().text;
        let mut chained = script.lines().filter_map(|line| line.strip_prefix("chain --autofree "));
        assert_eq!(chained.next(), wanted, "{architecture} {script}");
        assert!(script.contains("poweroff ||"), "{script}");
    };
    let (x64, arm64) = ("grub/x64/grubx64.efi", "grub/arm64/grubaa64.efi");
    check(7, &[x64, arm64], Some("http://10.0.7.1:8480/boot/grub/x64/grubx64.efi ||"));
    check(11, &[x64, arm64], Some("http://10.0.7.1:8480/boot/grub/arm64/grubaa64.efi ||"));
    check(11, &[x64], None);
    check(7, &["ipxe/x64/snponly.efi"], None);
    check(0, &[x64, "grub/bios/core.0"], None);
}

#[test]
fn a_deployment_boots_once_or_always_and_then_comes_the_disk() {
    let check = |repeat, phase, intent: &str, reason: &str| {
        let mut records = records(network("mode: full"), profile(KERNEL));
        records.deployments = vec![deployment(repeat, phase)];
        let decision = decide(&View::new(records), &firmware(MAC, 7));
        assert_eq!(decision.intent.as_str(), intent, "{repeat:?} {phase:?}");
        assert!(decision.reason.contains(reason), "{}", decision.reason);
    };
    let (once, always) = (BootRepeat::Once, BootRepeat::Always);
    check(once, DeploymentPhase::Waiting, "boot", "says that Host web-3 boots Profile debian");
    check(once, DeploymentPhase::Booting, "boot", "says that");
    check(once, DeploymentPhase::Booted, "localDisk", "was booted once");
    check(once, DeploymentPhase::Stopped, "hold", "was stopped");
    check(always, DeploymentPhase::Booted, "boot", "says that");
    check(always, DeploymentPhase::Stopped, "hold", "was stopped");
    let mut records = records(network("mode: full"), profile(KERNEL));
    records.deployments.clear();
    let decision = decide(&View::new(records), &firmware(MAC, 7));
    assert_eq!((decision.intent, decision.host), (Intent::LocalDisk, Some(name("web-3"))));
}

#[test]
fn what_cannot_be_booted_holds_the_machine_and_says_why() {
    let check = |spec: &str, change: fn(&mut Records), wanted: &str| {
        let mut records = records(network("mode: full"), profile(spec));
        change(&mut records);
        let decision = decide(&View::new(records), &firmware(MAC, 7));
        assert_eq!(decision.intent, Intent::Hold);
        assert!(decision.reason.contains(wanted), "{}", decision.reason);
    };
    check(KERNEL, |records| records.media.clear(), "the media debian-12, which is not there");
    check(KERNEL, |records| records.profiles.clear(), "there is no Profile debian");
    check(
        "chain: 'http://a/b.efi', architectures: [arm64, bios]",
        |_| {},
        "is for arm64, bios, and the machine is x64",
    );
}

#[test]
fn one_interface_of_a_machine_boots_and_the_others_wait() {
    let second = "52:54:00:12:34:57";
    let mut chosen = records(network("mode: full"), profile(KERNEL));
    chosen.hosts =
        vec![Arc::new(host(HostBoot { nic: Some(second.parse().unwrap()), ..HostBoot::default() }))];
    let view = View::new(chosen);
    assert_eq!(answered(&view, &firmware(MAC, 7)), "address");
    assert_eq!(answered(&view, &firmware(second, 7)), "Full ipxe/x64/snponly.efi");

    let view = View::new(records(network("mode: full"), profile(KERNEL)));
    let mut client = firmware(second, 7);
    client.session.script_to = Some(MAC.parse().unwrap());
    assert_eq!(decide(&view, &client).intent, Intent::Wait);
    client.macs = vec![MAC.parse().unwrap()];
    assert_eq!(decide(&view, &client).intent.as_str(), "boot");
}

#[test]
fn the_disk_is_booted_in_the_way_that_suits_the_firmware_and_the_host() {
    let check = |style: LocalBoot, architecture: u16, stage: Stage, wanted: &str| {
        let mut records = records(network("mode: full"), profile(KERNEL));
        records.hosts = vec![Arc::new(host(HostBoot { local_boot: style, ..HostBoot::default() }))];
        records.deployments.clear();
        let view = View::new(records);
        let client = Client { stage, ..firmware(MAC, architecture) };
        let script = script(&view, &client, &Plain).unwrap().text;
        assert!(script.contains(wanted), "{style:?} {architecture}:\n{script}");
    };
    check(LocalBoot::Usual, 0, Stage::Ipxe, "sanboot --no-describe --drive 0x80");
    check(LocalBoot::Usual, 7, Stage::Ipxe, "\nexit 1\n");
    check(LocalBoot::Drive, 7, Stage::Ipxe, "sanboot --no-describe");
    check(LocalBoot::Exit, 0, Stage::Ipxe, "\nexit 1\n");
    check(LocalBoot::Usual, 7, Stage::Grub, "\nexit 1\n");
    check(LocalBoot::Drive, 7, Stage::Grub, "/efi/boot/bootx64.efi");
    check(LocalBoot::Usual, 0, Stage::Pxelinux, "LOCALBOOT 0");
    let mut records = records(network("mode: full"), profile(KERNEL));
    records.hosts = vec![Arc::new(host(HostBoot { local_boot: LocalBoot::NoOffer, ..HostBoot::default() }))];
    records.deployments.clear();
    assert_eq!(answered(&View::new(records), &firmware(MAC, 7)), "address");
}

#[test]
fn the_media_brings_its_own_shim_and_grub_lies_beside_it() {
    let spec = format!("{KERNEL}, loader: secure, shim: EFI/boot/bootx64.efi");
    let view = View::new(records(network("mode: full"), profile(&spec)));
    assert_eq!(answered(&view, &firmware(MAC, 7)), "Full media/debian-12/EFI/boot/bootx64.efi");
    let beside = view.locate("media/debian-12/EFI/boot/grubx64.efi", None).unwrap();
    assert_eq!(
        beside.page,
        Page::Media { media: name("debian-12"), path: "EFI/boot/grubx64.efi".to_owned() }
    );
    // A BIOS knows no Secure Boot.
    assert_eq!(answered(&view, &firmware(MAC, 0)), "Full ipxe/bios/undionly.kpxe");
}

#[test]
fn the_script_that_asks_waits_for_no_router() {
    let view = View::new(records(network("mode: full"), profile(KERNEL)));
    let client = Client { stage: Stage::Ipxe, ..firmware(MAC, 7) };
    for by_itself in [true, false] {
        let text = view.text(&Page::Ask { by_itself }, &client, &Plain).unwrap().unwrap().text;
        assert!(text.starts_with("#!ipxe\n") && !text.contains("autoboot"), "{text}");
        assert_eq!(text.contains("ifconf -c dhcp"), by_itself);
        assert!(text.contains(
            "chain --replace --autofree http://10.0.7.1:8480/boot/boot.ipxe?mac=${netX/mac:hexhyp}"
        ));
        assert!(text.ends_with("exit 1\n"), "it always ends");
    }
}

#[test]
fn an_explanation_tells_the_whole_boot() {
    let mut parts = records(network("mode: full"), profile(KERNEL));
    parts.networks.push(network_named("other", "subnet: 10.0.8.0/24, mode: full"));
    let view = View::new(parts);
    let asked = Asked { host: Some(name("web-3")), ..Asked::default() };
    let told = explain(&view, &asked, &Plain).unwrap();
    assert_eq!((told.intent.as_str(), told.network), ("boot", name("rack7")));
    let lines: Vec<String> =
        told.steps.iter().map(|step| format!("{} {} {}", step.from, step.protocol, step.message)).collect();
    let wanted = [
        "firmware DHCP DISCOVER",
        "server DHCP OFFER",
        "firmware DHCP REQUEST",
        "server DHCP ACK",
        "firmware TFTP read ipxe/x64/snponly.efi",
        "iPXE TFTP read autoexec.ipxe",
        "iPXE DHCP DISCOVER",
        "server DHCP OFFER",
        "iPXE DHCP REQUEST",
        "server DHCP ACK",
        "iPXE HTTP GET boot.ipxe",
        "iPXE HTTP GET boot.ipxe?mac=52-54-00-12-34-56&...",
        "server HTTP script",
        "iPXE HTTP GET media/debian-12/install.amd/vmlinuz",
        "iPXE HTTP GET media/debian-12/install.amd/initrd.gz",
        "iPXE HTTP GET media/debian-12/more.gz",
        "kernel HTTP GET hosts/web-3/.../preseed.cfg",
    ];
    assert_eq!(lines, wanted);
    assert!(!told.script.unwrap().contains("s3cr3t"), "the token is for the machine alone");

    let check =
        |asked: Asked, wanted: &str| assert!(explain(&view, &asked, &Plain).unwrap_err().contains(wanted));
    check(Asked { host: Some(name("other")), ..Asked::default() }, "there is no Host other");
    check(Asked { client: firmware_without_network(), ..Asked::default() }, "name one of other, rack7");
    check(Asked::default(), "no hardware address is known");
}

#[test]
fn an_explanation_over_ipv6_is_in_its_words() {
    let check = |ipv6: &str, http: bool, known: bool, wanted: &[&str]| {
        let mut parts = records(network(&format!("mode: 'off', ipv6: {{ {ipv6} }}")), profile(KERNEL));
        let server = BootServer { address: "2001:db8:7::1".parse().unwrap(), http: Some(8480) };
        parts.servers6.insert(name("rack7"), server);
        let mac = if known { MAC } else { "52:54:00:99:99:99" };
        // Of a machine that nobody knows it is said where it asks.
        let network = (!known).then(|| name("rack7"));
        let client = Client { network, macs: vec![mac.parse().unwrap()], ipv6: true, ..Client::default() };
        let asked = Asked { client, http, ..Asked::default() };
        let told = explain(&View::new(parts), &asked, &Plain).unwrap();
        let said = |step: &ironhand_api::ExplainedStep| {
            format!("{} {} {} {}", step.from, step.protocol, step.message, step.detail)
        };
        let said: Vec<String> = told.steps.iter().take(wanted.len()).map(said).collect();
        assert_eq!(said, wanted, "{:#?}", told.steps);
    };
    let subnet = "subnet: '2001:db8:7::/64'";
    let begins = "server ICMPv6 router advertisement addresses are given by DHCPv6 (flag M)";
    check(
        subnet,
        false,
        true,
        &[
            begins,
            "firmware DHCPv6 SOLICIT from 52:54:00:12:34:56, option 16 PXEClient, option 61 7",
            "server DHCPv6 ADVERTISE an address of 2001:db8:7::/64, option 59 tftp://[2001:db8:7::1]/ipxe/x64/snponly.efi",
            "firmware DHCPv6 REQUEST ",
            "server DHCPv6 REPLY the same",
            "firmware TFTP read ipxe/x64/snponly.efi iPXE",
            "iPXE TFTP read autoexec.ipxe beside the loader",
            "iPXE DHCPv6 SOLICIT user class iPXE",
            "server DHCPv6 ADVERTISE an address of 2001:db8:7::/64, option 59 http://[2001:db8:7::1]:8480/boot/boot.ipxe",
            "iPXE DHCPv6 REQUEST ",
        ],
    );
    let by_http = [
        begins,
        "firmware DHCPv6 SOLICIT from 52:54:00:12:34:56, option 16 HTTPClient, option 61 16",
        "server DHCPv6 ADVERTISE an address of 2001:db8:7::/64, option 59 http://[2001:db8:7::1]:8480/boot/ipxe/x64/snponly.efi",
    ];
    check(subnet, true, true, &by_http);
    let refused = [
        "a router ICMPv6 router advertisement addresses are given by DHCPv6 (flag M)",
        "firmware DHCPv6 SOLICIT from 52:54:00:99:99:99, option 16 PXEClient, option 61 7",
        "server DHCPv6 no answer ",
    ];
    check(&format!("{subnet}, mode: hosts, advertise: false"), false, false, &refused);
    // Nobody is told to ask there.
    check(&format!("{subnet}, mode: 'off'"), false, false, &refused[1..]);
}

#[test]
fn the_address_kept_for_a_host_is_that_of_the_version_of_ip_that_it_asks_by() {
    let [at4, at6]: [std::net::IpAddr; 2] = ["10.0.7.21", "2001:db8:7::21"].map(|text| text.parse().unwrap());
    let boot = "address: 10.0.7.21, address6: '2001:db8:7::21'";
    let spec =
        format!("macs: ['{MAC}'], connectors: [{{ type: wol, address: 10.0.7.255 }}], boot: {{ {boot} }}");
    let Manifest::Host(host) = manifest("Host", "web", &spec) else { panic!() };
    let check = |ipv6: &str, asks6: bool, wanted: Option<std::net::IpAddr>, told: &str| {
        let mut parts = records(network(&format!("mode: full, ipv6: {{ {ipv6} }}")), profile(KERNEL));
        parts.hosts = vec![Arc::new(HostRecord::of(&host))];
        let server = BootServer { address: "2001:db8:7::1".parse().unwrap(), http: Some(8480) };
        parts.servers6.insert(name("rack7"), server);
        let view = View::new(parts);
        let client = Client { macs: vec![MAC.parse().unwrap()], ipv6: asks6, ..Client::default() };
        let at = Client { network: Some(name("rack7")), ..client.clone() };
        assert_eq!(decide(&view, &at).reserved, wanted, "{ipv6} {asks6}");
        let explained = explain(&view, &Asked { client, ..Asked::default() }, &Plain).unwrap();
        let offer =
            explained.steps.iter().find(|step| ["OFFER", "ADVERTISE"].contains(&step.message.as_str()));
        assert!(offer.is_some_and(|offer| offer.detail.contains(told)), "{offer:?}");
        assert!(
            [at4, at6].iter().all(|kept| view.holder(*kept).is_some_and(|held| held.name == name("web")))
        );
    };
    check("subnet: '2001:db8:7::/64'", true, Some(at6), "the address 2001:db8:7::21 that is kept for it");
    check("subnet: '2001:db8:7::/64'", false, Some(at4), "the address 10.0.7.21 that is kept for it");
    // Of another network it is not given here.
    check("subnet: '2001:db8:8::/64'", true, None, "an address of 2001:db8:8::/64");
}

#[test]
fn the_address_of_the_server_is_kept_for_nobody() {
    let check = |address: &str, asks6: bool, wanted: bool| {
        let address6 = if asks6 { format!("address6: '{address}'") } else { format!("address: {address}") };
        let spec = format!(
            "macs: ['{MAC}'], connectors: [{{ type: wol, address: 10.0.7.255 }}], boot: {{ {address6} }}"
        );
        let Manifest::Host(host) = manifest("Host", "web", &spec) else { panic!() };
        let mut parts = records(network("mode: full, ipv6: { subnet: '2001:db8:7::/64' }"), profile(KERNEL));
        parts.hosts = vec![Arc::new(HostRecord::of(&host))];
        let server = |address: &str| BootServer { address: address.parse().unwrap(), http: Some(8480) };
        parts.servers.insert(name("rack7"), server("10.0.7.1"));
        parts.servers6.insert(name("rack7"), server("2001:db8:7::1"));
        let client = Client {
            macs: vec![MAC.parse().unwrap()],
            ipv6: asks6,
            network: Some(name("rack7")),
            ..Client::default()
        };
        assert_eq!(decide(&View::new(parts), &client).reserved.is_some(), wanted, "{address}");
    };
    check("10.0.7.20", false, true);
    check("10.0.7.1", false, false);
    check("2001:db8:7::20", true, true);
    check("2001:db8:7::1", true, false);
}

fn network_named(called: &str, spec: &str) -> Network {
    let Manifest::Network(network) = manifest("Network", called, spec) else { panic!() };
    network
}

fn firmware_without_network() -> Client {
    Client { network: None, ..firmware("52:54:00:99:99:99", 7) }
}

#[test]
fn explanations_end_where_a_boot_would_end() {
    let check = |spec: &str, architecture, http: bool, last: &str| {
        let view = View::new(records(network(spec), profile(KERNEL)));
        let client = Client { macs: vec![MAC.parse().unwrap()], ..Client::default() };
        let told = explain(&view, &Asked { client, architecture, http, ..Asked::default() }, &Plain).unwrap();
        let step = told.steps.last().unwrap();
        let step = format!("{} {} {}", step.from, step.protocol, step.message);
        assert_eq!(step, last, "{spec}");
    };
    let file = "kernel HTTP GET hosts/web-3/.../preseed.cfg";
    check("mode: proxy", None, false, file);
    check("mode: proxy", None, true, file);
    check("mode: full, loader: secure", None, false, file);
    check("mode: full, methods: [http]", None, false, "server DHCP ACK");
    check("mode: proxy, methods: [http]", None, false, "server DHCP no answer");
    check("mode: full", Some(ironhand_api::BootArchitecture::Bios), false, file);
}
