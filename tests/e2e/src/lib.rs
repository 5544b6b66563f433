//! What the tests against foreign programs share: the product as a user starts it, and the peers that judge it.
//!
//! `cargo xtask test` and `cargo xtask e2e` install the peers, build the product and set the two environment
//! variables that are read here. A test whose peer is missing fails and says so; none passes by being skipped.

mod capture;
mod controller;
mod dhcp_client;
mod disk;
mod display;
mod dnsmasq;
mod guest;
mod ipmi_sim;
mod ironhand;
mod loopback_bmc;
mod machine;
pub mod medium;
mod network;
mod parrot;
mod peer;
mod private_file;
mod redfish_service;
mod relay;
mod served;
mod station;
mod terminal;
mod trunk;
mod wire;

pub use capture::{Capture, Frozen};
pub use controller::Controller;
pub use dhcp_client::DhcpClient;
pub use disk::{DISK_MARKER, write_disk};
pub use display::Display;
pub use guest::Guest;
pub use ipmi_sim::IpmiSim;
pub use ironhand::{Daemon, Ironhand, PASSWORD, ironhand, program};
pub use loopback_bmc::LoopbackBmc;
pub use machine::{Firmware, Hardware, Machine};
pub use network::{Network, Party};
pub use parrot::Parrot;
pub use peer::{Peer, accepts, free_udp_port, lines_of, peer, peer_file, run};
pub use private_file::private_file;
pub use redfish_service::{FLAVOURS, RedfishService, python_of, trusting};
pub use relay::Relay;
pub use served::Served;
pub use station::{Files, Offer, Station};
pub use terminal::Terminal;
pub use trunk::Trunk;

use std::time::{Duration, Instant};

/// Asks again and again until `probe` gives a value; fails with `what` and the last refusal when the time is over.
///
/// Between two tries the thread is parked for a moment: a foreign program gives no other sign that it is ready.
pub fn wait_until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match probe() {
            Ok(value) => return value,
            Err(refusal) if Instant::now() >= deadline => panic!("not within {limit:?}: {what}: {refusal}"),
            Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
}
