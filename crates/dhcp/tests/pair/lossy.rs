//! Links that lose, double and reorder.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ironhand_dhcp::{
    Answer, Architecture, BootClientConfig, Choice, Client, Mode, OptionSet, Options, Personality, Policy,
    ServerConfig, Subnet, SubnetId, Terms,
};
use proptest::prelude::*;

use crate::link::{Link, Weather, mac};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Everybody has an address of the pool, for so many seconds.
#[derive(Clone)]
struct Everybody(u64);

impl Policy for Everybody {
    fn answer(&self, client: &Client<'_>) -> Answer {
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: Choice::Pool,
            lease: Duration::from_secs(self.0),
            options: Arc::new(Options::new()),
            always: OptionSet::default(),
            boot: None,
        })
    }
}

fn subnet(addresses: u8) -> Subnet {
    Subnet {
        id: SubnetId(1),
        network: SERVER,
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 0, 10)..=Ipv4Addr::new(10, 0, 0, 9 + addresses)],
        excluded: Vec::new(),
        mode: Mode::Full,
        authoritative: true,
        probe: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// No address is two clients' at once, and everybody gets one in the end, whatever becomes of the datagrams and
    /// whenever the server dies.
    #[test]
    fn everybody_gets_an_address_of_their_own(
        seed in any::<u64>(),
        lost in 0_u64..15,
        doubled in 0_u64..30,
        late in 0_u64..30,
        clients in 1_usize..30,
        restarts in 0_usize..3,
    ) {
        let weather = Weather { lost, doubled, late };
        let mut link = Link::new(seed, weather);
        let config = ServerConfig::default();
        link.add_server(SERVER, vec![subnet(40)], config.clone(), Everybody(600));
        for at in 0..clients {
            let personality = match at % 3 {
                0 => Personality::System,
                1 => Personality::Pxe(Architecture::X86Bios),
                _ => Personality::Ipxe(Architecture::X64Uefi),
            };
            let client = BootClientConfig {
                first_wait: Duration::from_secs(1),
                tries: 20,
                ..BootClientConfig::new(mac(at), personality)
            };
            link.add_client(client);
            link.start(at);
        }
        for _ in 0..restarts {
            let pause = Duration::from_millis(link.dice.below(20_000));
            link.run_until(link.now + pause);
            link.restart(0, vec![subnet(40)], config.clone(), Everybody(600));
        }
        link.run_until(link.began + Duration::from_secs(550));
        let bound = link.clients.iter().filter(|client| client.binding().is_some()).count();
        prop_assert_eq!(bound, clients);
    }

    /// More clients than addresses, which come and go: nobody is given what is another's.
    #[test]
    fn a_small_pool_is_shared_by_many(seed in any::<u64>(), lost in 0_u64..20) {
        let mut link = Link::new(seed, Weather { lost, doubled: 10, late: 10 });
        link.add_server(SERVER, vec![subnet(8)], ServerConfig::default(), Everybody(120));
        for at in 0..24 {
            link.add_client(BootClientConfig::new(mac(at), Personality::System));
        }
        for _ in 0..200 {
            let at = link.dice.below(24) as usize;
            match link.dice.below(4) {
                0 if link.clients[at].binding().is_some() => {
                    let address = link.clients[at].binding().map(|binding| binding.address);
                    link.clients[at].release(link.now);
                    link.held.remove(&address.expect("it was bound"));
                }
                1 if link.clients[at].binding().is_some() => {
                    let address = link.clients[at].binding().map(|binding| binding.address);
                    link.clients[at].decline(link.now);
                    link.held.remove(&address.expect("it was bound"));
                }
                // A machine that is switched off tells nobody, and keeps what it was promised.
                _ if link.clients[at].is_idle() => link.start(at),
                _ => {}
            }
            link.drain_client(at);
            // Long enough that a RELEASE does not arrive behind what its client does next: nobody could tell those apart.
            let pause = Duration::from_millis(500 + link.dice.below(10_000));
            link.run_until(link.now + pause);
        }
        prop_assert!(link.told.len() > 20);
    }
}
