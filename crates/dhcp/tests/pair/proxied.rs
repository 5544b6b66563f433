//! Programs of machines beside two servers, in the arrangements that were measured with real firmware.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ironhand_dhcp::{
    Answer, Architecture, Boot, BootClientConfig, BootClientEvent, BootStyle, Choice, Client, ClientKind,
    ForeignServer, Mode, Obstacle, OptionSet, Options, Personality, Policy, ServerConfig, Subnet, SubnetId,
    Terms, code,
};

use crate::link::{Link, Weather, mac};

const MAIN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PROXY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const URL: &str = "http://10.0.0.2:8480/boot/x.efi";

/// One of the two servers: the other's boot file, and what it says beyond it.
#[derive(Clone)]
struct Records {
    file: Option<&'static str>,
    style: BootStyle,
    options: Arc<Options>,
}

impl Policy for Records {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let file = match client.kind {
            ClientKind::HttpFirmware => self.file.map(|_| URL),
            ClientKind::Ipxe(_) => self.file.map(|_| "script.ipxe"),
            ClientKind::PxeFirmware => self.file,
            ClientKind::Other => None,
        };
        let boot = file.map(|file| Boot {
            next_server: PROXY,
            file: Arc::from(file),
            server_name: None,
            style: self.style,
        });
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: Choice::Pool,
            lease: Duration::from_secs(3600),
            options: self.options.clone(),
            always: [code::VENDOR_CLASS, code::ETHERBOOT].into_iter().collect::<OptionSet>(),
            boot,
        })
    }
}

fn link() -> Link<Records> {
    let mut link = Link::new(3, Weather::default());
    let subnet = |mode| Subnet {
        id: SubnetId(1),
        network: MAIN,
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 0, 10)..=Ipv4Addr::new(10, 0, 0, 99)],
        excluded: Vec::new(),
        mode,
        authoritative: true,
        probe: false,
    };
    let plain = Records { file: None, style: BootStyle::ByClient, options: Arc::new(Options::new()) };
    let ours = Records { file: Some("loader"), ..plain.clone() };
    link.add_server(MAIN, vec![subnet(Mode::Full)], ServerConfig::default(), plain);
    link.add_server(PROXY, vec![subnet(Mode::Proxy)], ServerConfig::default(), ours);
    link
}

#[track_caller]
fn check(personality: Personality, file: &[u8], boot_service: u64) {
    let mut link = link();
    let config =
        BootClientConfig { collect: Duration::from_secs(1), ..BootClientConfig::new(mac(1), personality) };
    let at = link.add_client(config);
    link.start(at);
    link.run_until(link.now + Duration::from_secs(20));
    let binding = link.clients[at].binding().expect("it has an address");
    assert_eq!(binding.server, MAIN);
    assert_eq!(binding.boot_file(), Some(file));
    assert_eq!(binding.next_server(), PROXY);
    assert_eq!(link.hosts[1].server.counters().boot_service, boot_service);
    assert_eq!(link.hosts[1].server.counters().naks, 0);
}

#[test]
fn a_bios_takes_the_file_of_our_offer() {
    check(Personality::Pxe(Architecture::X86Bios), b"loader", 0);
}

#[test]
fn uefi_asks_at_port_4011() {
    check(Personality::Pxe(Architecture::X64Uefi), b"loader", 1);
    check(Personality::Pxe(Architecture::Arm64Uefi), b"loader", 1);
}

#[test]
fn http_boot_takes_the_url_of_our_offer() {
    check(Personality::Http(Architecture::X64UefiHttp), URL.as_bytes(), 0);
}

#[test]
fn ipxe_takes_the_script_of_our_offer() {
    check(Personality::Ipxe(Architecture::X64Uefi), b"script.ipxe", 0);
}

#[test]
fn a_system_takes_nothing_from_a_proxy() {
    let mut link = link();
    let at = link.add_client(BootClientConfig::new(mac(1), Personality::System));
    link.start(at);
    link.run_until(link.now + Duration::from_secs(20));
    assert_eq!(link.clients[at].binding().and_then(|binding| binding.boot_file()), None);
    assert_eq!(link.hosts[1].server.counters().boot_answers, 0);
}

#[test]
fn p6_d10_a_search_tells_which_servers_are_there_and_what_is_in_the_way() {
    let mut link = link();
    let mut options = Options::new();
    options.set_text(code::VENDOR_CLASS, "PXEClient").set(code::ETHERBOOT, &[0xb0, 1, 1]);
    *link.hosts[0].server.policy_mut() =
        Records { file: Some("foreign.bin"), style: BootStyle::File, options: Arc::new(options) };
    let personality = Personality::Ipxe(Architecture::X86Bios);
    let config =
        BootClientConfig { listen_only: true, tries: 2, ..BootClientConfig::new(mac(1), personality) };
    let at = link.add_client(config);
    link.start(at);
    link.run_until(link.now + Duration::from_secs(60));
    let mut found: Vec<ForeignServer> = link
        .told
        .iter()
        .filter_map(|(_, event)| match event {
            BootClientEvent::Offered(offer) => Some(ForeignServer::read(offer)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|server| server.server);
    found.dedup_by_key(|server| server.server);
    assert_eq!(found.iter().map(|server| server.server).collect::<Vec<_>>(), [MAIN, PROXY]);
    let obstacles = [Obstacle::BootFile("script.ipxe".to_owned()), Obstacle::PxeClient, Obstacle::NoProxy];
    assert_eq!(found[0].obstacles, obstacles);
    assert!(obstacles.iter().all(|obstacle| obstacle.remedies().iter().all(|(_, line)| !line.is_empty())));
    assert!(matches!(link.told.last(), Some((_, BootClientEvent::GaveUp))));
}
