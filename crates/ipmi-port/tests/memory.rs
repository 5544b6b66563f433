//! What a session that is kept costs in memory: the bound that [`ironhand_ipmi_port`] promises.
//!
//! Alone in its program, because the allocator counts for all of it.

use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use ironhand_ipmi::{Bmc, BmcConfig, BmcOutput, ClientConfig, PrivilegeLevel, Request, User};
use ironhand_ipmi_port::{IpmiPort, PortConfig};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Sessions that are kept; each needs a file descriptor for its BMC.
const SESSIONS: usize = 500;

/// The bound, in bytes a session.
const BOUND: usize = 4096;

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn entropy() -> Box<dyn ironhand_ipmi::Entropy> {
    Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).expect("randomness"))
}

/// Answers until it is aborted.
async fn serve(socket: UdpSocket) {
    let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)];
    let mut machine = Bmc::new(BmcConfig::new(users), entropy());
    let mut buffer = vec![0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        machine.receive(Instant::now(), from, &buffer[..length]);
        while let Some(output) = machine.next_output() {
            if let BmcOutput::Send { to, bytes } = output {
                socket.send_to(&bytes, to).await.expect("loopback takes datagrams");
            }
        }
    }
}

#[tokio::test]
async fn a_kept_session_takes_less_than_four_kilobytes() {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).expect("sockets");
    let mut kept = Vec::with_capacity(SESSIONS);
    let mut served = tokio::task::JoinSet::new();
    let before = in_use();
    for _ in 0..SESSIONS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let address: SocketAddr = socket.local_addr().expect("its address");
        served.spawn(serve(socket));
        let bmc =
            port.open(address, ClientConfig::new("admin", "secret".into())).await.expect("a free address");
        bmc.request(Request::GetChassisStatus).await.expect("an answer");
        kept.push(bmc);
    }
    // What is left when the BMCs are gone is ours.
    served.shutdown().await;
    let each = in_use().saturating_sub(before) / SESSIONS;
    println!("{each} bytes a session");
    assert!(each < BOUND, "{each} bytes a session");
    assert!(each > 256, "{each} bytes are too few to be true");
}
