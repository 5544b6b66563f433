//! What a session that is kept costs in memory: the bound that [`ironhand_ipmi_port`] promises.
//!
//! The runtime has one thread, as the allocator counts for each thread apart.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use ironhand_ipmi::{Bmc, BmcConfig, BmcOutput, ClientConfig, PrivilegeLevel, Request, User};
use ironhand_ipmi_port::{IpmiPort, PortConfig};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// Sessions that are kept; each needs a file descriptor for its BMC.
const SESSIONS: i64 = 500;

/// The bound, in bytes a session.
const BOUND: i64 = 4096;

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

/// Opens a session on each of [`SESSIONS`] BMCs and lets the BMCs end; what is left is the port's.
async fn keep_sessions(port: &IpmiPort, kept: &mut Vec<ironhand_ipmi_port::Bmc>) {
    let mut served = tokio::task::JoinSet::new();
    for _ in 0..SESSIONS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let address: SocketAddr = socket.local_addr().expect("its address");
        served.spawn(serve(socket));
        let bmc =
            port.open(address, ClientConfig::new("admin", "secret".into())).await.expect("a free address");
        bmc.request(Request::GetChassisStatus).await.expect("an answer");
        kept.push(bmc);
    }
    served.shutdown().await;
}

#[test]
fn a_kept_session_takes_less_than_four_kilobytes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (port, _driver) = runtime
        .block_on(async { IpmiPort::start(PortConfig::default(), CancellationToken::new()) })
        .expect("sockets");
    let mut kept = Vec::with_capacity(SESSIONS as usize);
    let held = allocation_counter::measure(|| runtime.block_on(keep_sessions(&port, &mut kept)));
    let each = held.bytes_current / SESSIONS;
    println!("{each} bytes a session");
    assert!(each < BOUND, "{each} bytes a session");
    assert!(each > 256, "{each} bytes are too few to be true");
}
