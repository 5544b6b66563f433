//! What an idle session costs in bytes: a fleet keeps ten thousand of them.

use std::time::Instant;

use ironhand_ipmi::{
    Bmc, BmcConfig, BmcOutput, CipherSuite, Client, ClientConfig, Event, Output, Peer, PrivilegeLevel,
    Request, User,
};

/// For all that belongs to one BMC in this crate: machine, session, keys, queues.
const LIMIT: u64 = 4096;

fn counter() -> impl FnMut(&mut [u8]) + Send {
    let mut count = 0u8;
    move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_add(1);
            count
        });
    }
}

fn bmc() -> Bmc {
    let users = vec![User::new("operator", "exactly 20 letters!!".into(), PrivilegeLevel::Operator)];
    let config = BmcConfig { suites: CipherSuite::ALL.to_vec(), ..BmcConfig::new(users) };
    Bmc::new(config, Box::new(counter()))
}

fn client(suite: CipherSuite) -> Box<Client> {
    let config =
        ClientConfig { suites: vec![suite], ..ClientConfig::new("operator", "exactly 20 letters!!".into()) };
    Box::new(Client::new(config, Box::new(counter())))
}

/// Lets the two talk until all is said; returns how many requests were answered well.
fn talk(client: &mut Client, bmc: &mut Bmc, now: Instant) -> usize {
    let (console, port): (Peer, Peer) = (([192, 0, 2, 9], 40_000).into(), ([192, 0, 2, 1], 623).into());
    let mut answered = 0;
    while let Some(output) = client.next_output() {
        match output {
            Output::Send(bytes) => bmc.receive(now, console, &bytes),
            Output::Event(Event::Done { result, .. }) => answered += usize::from(result.is_ok()),
            Output::Event(_) => {}
        }
        while let Some(output) = bmc.next_output() {
            if let BmcOutput::Send { bytes, .. } = output {
                client.receive(now, port, &bytes);
            }
        }
    }
    answered
}

/// A client with an idle session, after `requests` at once.
fn warm_client(suite: CipherSuite, requests: usize) -> Box<Client> {
    let now = Instant::now();
    let (mut client, mut bmc) = (client(suite), bmc());
    for _ in 0..requests {
        client.submit(now, Request::GetChassisStatus);
    }
    assert_eq!(talk(&mut client, &mut bmc, now), requests);
    assert!(client.is_open());
    client
}

#[test]
fn an_idle_session_takes_less_than_four_kibibytes() {
    // What all BMCs of a process share is made with the first one, and is no session's cost.
    drop(bmc());
    for suite in CipherSuite::ALL {
        let mut kept = Vec::with_capacity(1);
        let one = allocation_counter::measure(|| kept.push(warm_client(suite, 1))).bytes_current;
        println!("{suite:?}: {one} bytes");
        assert!((1..LIMIT as i64).contains(&one), "{suite:?}: {one} bytes");
        kept.clear();
        let busy = allocation_counter::measure(|| kept.push(warm_client(suite, 16))).bytes_current;
        assert_eq!(busy, one, "{suite:?}: empty queues give their memory back");
    }
}

#[test]
fn a_warm_reading_takes_few_allocations() {
    let now = Instant::now();
    let (mut client, mut bmc) = (client(CipherSuite::Suite17), bmc());
    client.submit(now, Request::GetChassisStatus);
    talk(&mut client, &mut bmc, now);
    let mut asked = None;
    let asking = allocation_counter::measure(|| {
        client.submit(now, Request::GetChassisStatus);
        asked = client.next_output();
    });
    let Some(Output::Send(bytes)) = asked else { panic!("{asked:?} instead of a packet") };
    bmc.receive(now, ([192, 0, 2, 9], 40_000).into(), &bytes);
    let Some(BmcOutput::Send { bytes, .. }) = bmc.next_output() else { panic!("no reply") };
    let answering = allocation_counter::measure(|| client.receive(now, ([192, 0, 2, 1], 623).into(), &bytes));
    assert_eq!((asking.count_total, answering.count_total), (2, 1), "message and packet, reply");
}
