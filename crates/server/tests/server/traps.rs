//! A trap of a BMC has its host read at once.

use std::time::Duration;

use ironhand_api::Host;
use ironhand_client::{Client, Endpoint};
use ironhand_server::{Server, Settings, TrapCounts};
use ironhand_sim::{Fleet, FleetConfig};
use tokio::net::UdpSocket;

use crate::harness::{self, credential, eventually, host, name};

/// A Platform Event Trap, as net-snmp's `snmptrap` sends it.
const PET: &[u8] = b"\x30\x44\x02\x01\x00\x04\x06public\xa4\x37\x06\x09\x2b\x06\x01\x04\x01\x98\x6f\x01\x01\
    \x40\x04\x0a\x00\x07\x0c\x02\x01\x06\x02\x03\x08\x6f\x01\x43\x02\x04\xd2\x30\x18\x30\x16\
    \x06\x0a\x2b\x06\x01\x04\x01\x98\x6f\x01\x01\x01\x04\x08\x00\x11\x22\x33\x44\x55\x66\x77";

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_has_its_host_read_now_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(FleetConfig { pace: 20.0, ..FleetConfig::new(1) }).await.unwrap();
    // No turn comes by itself while the test runs.
    let hour = Duration::from_secs(3600);
    let settings = Settings { power_interval: hour, power_interval_fast: hour, ..harness::settings() };
    let mut config = harness::config(directory.path(), settings);
    config.traps = Some("127.0.0.1:0".parse().unwrap());
    let server = Server::start(config).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let sim = fleet.hosts()[0].clone();
    client.apply(&host(&sim, &["fleet"])).await.unwrap();
    let read_at = async || {
        let status = client.get::<Host>(&name(&sim.name)).await.unwrap().status;
        status.and_then(|status| status.power).map(|power| power.observed_at)
    };
    let until = async |wanted: &dyn Fn(Option<ironhand_api::Timestamp>, TrapCounts) -> bool| {
        let look = async || (read_at().await, server.traps().unwrap().1);
        eventually("the reading", look, |(at, counts)| wanted(*at, *counts)).await.0
    };
    let before = until(&|at, _| at.is_some()).await;

    let (address, _) = server.traps().unwrap();
    let bmc = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    bmc.send_to(b"GET / HTTP/1.1\r\n\r\n", address).await.unwrap();
    bmc.send_to(&PET[..40], address).await.unwrap();
    bmc.send_to(&[], address).await.unwrap();
    stranger.send_to(PET, address).await.unwrap();
    until(&|_, counts| (counts.malformed, counts.strange) == (3, 1)).await;
    assert_eq!(read_at().await, before, "neither noise nor a stranger's trap is heeded");

    bmc.send_to(PET, address).await.unwrap();
    bmc.send_to(PET, address).await.unwrap();
    let wanted = TrapCounts { heeded: 1, needless: 1, strange: 1, malformed: 3 };
    until(&|at, counts| at > before && counts == wanted).await;
    server.shutdown().await;
    fleet.shutdown().await;
}
