//! A pool of a hundred, five hundred clients of all kinds, and records that change meanwhile: no address twice, the right
//! loader for each architecture, no option of one client in the answer of another, and nothing lost over a restart.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ironhand_dhcp::{
    Answer, Architecture, Boot, BootClientConfig, BootClientEvent, BootStyle, Choice, Client, ClientKind,
    Message, Mode, OptionSet, Options, Personality, Policy, ServerConfig, Subnet, SubnetId, Terms, code,
};

use crate::link::{Link, Weather, mac};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// What changes while machines boot.
#[derive(Default)]
struct State {
    version: u32,
    reserved: HashMap<[u8; 6], Ipv4Addr>,
}

#[derive(Clone, Default)]
struct Records(Arc<Mutex<State>>);

/// The loader for a client, with the version of the records.
fn loader(kind: ClientKind, architecture: Option<Architecture>, version: u32) -> Option<String> {
    Some(match (kind, architecture?) {
        (ClientKind::Ipxe(_), _) => format!("http://10.0.0.1/boot.ipxe?v={version}"),
        (ClientKind::HttpFirmware, architecture) => {
            format!("http://10.0.0.1/{}.efi?v={version}", architecture.number())
        }
        (_, architecture) => format!("loader-{}-{version}", architecture.number()),
    })
}

impl Policy for Records {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let state = self.0.lock().expect("nobody panics here");
        let mac = client.hardware.mac().unwrap_or_default();
        let mut options = Options::new();
        // What belongs to this client alone.
        options.set(code::DOMAIN_NAME, &mac);
        let boot = loader(client.kind, client.architecture, state.version).map(|file| Boot {
            next_server: SERVER,
            file: Arc::from(file),
            server_name: None,
            style: BootStyle::ByClient,
        });
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: state.reserved.get(&mac).map_or(Choice::Pool, |address| Choice::Reserved(*address)),
            lease: Duration::from_secs(300),
            options: Arc::new(options),
            always: [code::DOMAIN_NAME].into_iter().collect::<OptionSet>(),
            boot,
        })
    }
}

fn subnet(records: &Records) -> Subnet {
    Subnet {
        id: SubnetId(1),
        network: SERVER,
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 0, 100)..=Ipv4Addr::new(10, 0, 0, 199)],
        excluded: records.0.lock().expect("nobody panics here").reserved.values().copied().collect(),
        mode: Mode::Full,
        authoritative: true,
        probe: false,
    }
}

const KINDS: [Personality; 5] = [
    Personality::Pxe(Architecture::X86Bios),
    Personality::Pxe(Architecture::X64Uefi),
    Personality::Http(Architecture::X64UefiHttp),
    Personality::Ipxe(Architecture::X64Uefi),
    Personality::Pxe(Architecture::Arm64Uefi),
];

/// Holds an answer to what its own client is to have.
fn judge(at: usize, message: &Message, versions: u32) {
    assert_eq!(message.options.get(code::DOMAIN_NAME), Some(&mac(at)[..]), "an option of somebody else");
    let file = message.options.text(code::BOOTFILE_NAME).expect("everybody boots");
    let architecture = match KINDS[at % KINDS.len()] {
        Personality::Pxe(architecture)
        | Personality::Http(architecture)
        | Personality::Ipxe(architecture) => architecture,
        Personality::RaspberryPi | Personality::System => unreachable!("there are none"),
    };
    let kind = match KINDS[at % KINDS.len()] {
        Personality::Http(_) => ClientKind::HttpFirmware,
        Personality::Ipxe(_) => ClientKind::Ipxe(ironhand_dhcp::IpxeFeatures::default()),
        _ => ClientKind::PxeFirmware,
    };
    let fits = (0..=versions)
        .any(|version| loader(kind, Some(architecture), version).as_deref().map(str::as_bytes) == Some(file));
    assert!(fits, "{at}: {}", String::from_utf8_lossy(file));
}

#[test]
fn five_hundred_clients_of_all_kinds_share_a_hundred_addresses_while_records_change() {
    let records = Records::default();
    let mut link = Link::new(12, Weather { lost: 2, doubled: 2, late: 2 });
    link.add_server(SERVER, vec![subnet(&records)], ServerConfig::default(), records.clone());
    let mut versions = 0;
    for at in 0..500 {
        link.add_client(BootClientConfig::new(mac(at), KINDS[at % KINDS.len()]));
    }
    for round in 0..25_usize {
        for at in (0..500).filter(|at| at / 20 == round) {
            link.start(at);
        }
        link.run_until(link.now + Duration::from_secs(40));
        versions += 1;
        {
            let mut state = records.0.lock().expect("nobody panics here");
            state.version = versions;
            // A deployment, whose address is reserved: one of the pool, even of somebody's lease.
            let address = Ipv4Addr::new(10, 0, 0, 100 + round as u8);
            state.reserved.insert(mac(1000 + round), address);
        }
        link.hosts[0].server.set_subnets(vec![subnet(&records)]);
        if round % 6 == 5 {
            link.restart(0, vec![subnet(&records)], ServerConfig::default(), records.clone());
        }
        // Three quarters of the machines of the round leave in order, the others without a word.
        for at in (0..500).filter(|at| at / 20 == round && at % 4 != 0) {
            if let Some(address) = link.clients[at].binding().map(|binding| binding.address) {
                link.clients[at].release(link.now);
                link.drain_client(at);
                link.held.remove(&address);
            }
        }
    }
    link.run_until(link.now + Duration::from_secs(400));
    let mut served = [false; 500];
    for (at, event) in &link.told {
        match event {
            BootClientEvent::Bound(binding) => {
                served[*at] = true;
                judge(*at, &binding.ack, versions);
            }
            BootClientEvent::Offered(offer) => judge(*at, offer, versions),
            BootClientEvent::Malformed(error) => panic!("{error}"),
            _ => {}
        }
    }
    assert_eq!(served.iter().filter(|served| **served).count(), 500);
    // What was reserved meanwhile is its owner's as soon as the lease of before has ended.
    for round in 0..25 {
        let at = link.add_client(BootClientConfig::new(mac(1000 + round), KINDS[0]));
        link.start(at);
        link.run_until(link.now + Duration::from_secs(20));
        let address = link.clients[at].binding().map(|binding| binding.address);
        assert_eq!(address, Some(Ipv4Addr::new(10, 0, 0, 100 + round as u8)));
    }
}
