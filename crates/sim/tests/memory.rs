//! What simulated BMCs cost. Alone in its process, as it looks at the memory of all of it.

use std::net::UdpSocket;
use std::time::Duration;

use ironhand_sim::bmc_fleet::MAX_BMCS;
use ironhand_sim::{BmcFleet, BmcFleetConfig, BmcFleetError};

/// Bytes of a BMC that nothing was sent to yet.
const UNTOUCHED: usize = 64;

/// Bytes of a BMC that was asked something, and has no session.
const ASKED: usize = 4096;

/// Longer than any answer takes; only a test that fails waits so long.
const DEADLINE: Duration = Duration::from_secs(10);

/// Get Channel Authentication Capabilities for an administrator (IPMI 2.0 section 22.13), outside of a session.
const QUESTION: [u8; 23] = [
    0x06, 0x00, 0xFF, 0x07, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xC8, 0x81, 0x00, 0x38, 0x8E, 0x04,
    0xB5,
];

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells what a process uses");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("there is a line for it");
    let kibibytes: usize =
        line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    kibibytes * 1024
}

/// A fleet of as many as there can be, on a port that was free a moment ago.
fn largest_fleet() -> BmcFleet {
    loop {
        let port =
            UdpSocket::bind("0.0.0.0:0").expect("a free port").local_addr().expect("an address").port();
        let bind = "127.80.0.1".parse().expect("an address");
        match BmcFleet::start(BmcFleetConfig { bind, port, ..BmcFleetConfig::new(MAX_BMCS) }) {
            Err(BmcFleetError::Bind { .. }) => {}
            started => return started.expect("a fleet"),
        }
    }
}

#[test]
fn a_bmc_costs_little() {
    // What threads, sockets and the allocator take once is not counted to the BMCs.
    drop(largest_fleet());
    let before = resident();
    let fleet = largest_fleet();
    let untouched = resident().saturating_sub(before) / MAX_BMCS;
    assert!(untouched <= UNTOUCHED, "{untouched} bytes for each BMC that nothing was sent to");

    let console = UdpSocket::bind("127.0.0.1:0").unwrap();
    console.set_read_timeout(Some(DEADLINE)).unwrap();
    let asked: Vec<_> = fleet.addresses().take(20_000).collect();
    let before = resident();
    for some in asked.chunks(100) {
        for address in some {
            console.send_to(&QUESTION, address).unwrap();
        }
        for _ in some {
            let (length, _) = console.recv_from(&mut [0; 64]).unwrap();
            assert_eq!(length, 30, "an answer of the kind that was asked for");
        }
    }
    let each = resident().saturating_sub(before) / asked.len();
    assert!(each <= ASKED, "{each} bytes for each BMC that was asked");
    assert_eq!(fleet.statistics().commands, asked.len() as u64);
}
