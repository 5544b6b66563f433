//! A day of a large site in a few seconds.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ironhand_dhcp::{
    Answer, Architecture, BootClientConfig, BootClientEvent, Choice, Client, ClientKind, Mode, OptionSet,
    Options, Personality, Policy, ServerConfig, Subnet, SubnetId, Terms,
};

use crate::link::{Link, Weather, mac};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const MACHINES: usize = 5_000;

/// Short leases for what boots, long ones for systems (rule D8).
#[derive(Clone)]
struct TwoTiers;

impl Policy for TwoTiers {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let minutes = if client.kind == ClientKind::Other { 120 } else { 5 };
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: Choice::Pool,
            lease: Duration::from_secs(minutes * 60),
            options: Arc::new(Options::new()),
            always: OptionSet::default(),
            boot: None,
        })
    }
}

#[test]
fn five_thousand_machines_for_twenty_four_hours() {
    let mut link = Link::new(8, Weather { lost: 1, doubled: 1, late: 1 });
    let subnet = Subnet {
        id: SubnetId(1),
        network: SERVER,
        prefix: 16,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 16, 0)..=Ipv4Addr::new(10, 0, 39, 255)],
        excluded: Vec::new(),
        mode: Mode::Full,
        authoritative: true,
        probe: true,
    };
    link.add_server(SERVER, vec![subnet.clone()], ServerConfig::default(), TwoTiers);
    for at in 0..MACHINES {
        let firmware = Personality::Pxe(Architecture::X64Uefi);
        link.add_client(BootClientConfig { tries: 8, ..BootClientConfig::new(mac(at), firmware) });
        link.start(at);
    }
    link.run_until(link.now + Duration::from_secs(30));
    // The systems that were booted take over, over a minute.
    for at in 0..MACHINES {
        link.clients[at].become_personality(Personality::System);
        link.start(at);
        if at % 100 == 0 {
            link.run_until(link.now + Duration::from_secs(1));
        }
    }
    for hour in 0..24 {
        link.run_until(link.began + Duration::from_secs(hour * 3600));
        // Each hour fifty machines begin anew with their firmware, or are switched off without a word.
        for _ in 0..50 {
            let at = link.dice.below(MACHINES as u64) as usize;
            link.start(at);
        }
        if hour == 12 {
            link.restart(0, vec![subnet.clone()], ServerConfig::default(), TwoTiers);
        }
    }
    link.run_until(link.began + Duration::from_secs(24 * 3600));
    let bound = link.clients.iter().filter(|client| client.binding().is_some()).count();
    assert_eq!(bound, MACHINES);
    let bad = |event: &BootClientEvent| {
        matches!(
            event,
            BootClientEvent::Refused { .. } | BootClientEvent::GaveUp | BootClientEvent::Malformed(_)
        )
    };
    let bad: Vec<_> = link.told.iter().filter(|(_, event)| bad(event)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    // The address of a machine is the same all day.
    assert_eq!(link.held.len(), MACHINES);
    assert_eq!(link.hosts[0].server.leases().count(), MACHINES);
}
