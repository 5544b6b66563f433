//! DHCP of a station: the server's machine behind the sockets of one interface, with leases in memory.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::{Arrival, Departure, Destination, Interface, InterfaceId, Output, Server, ServerConfig};
use socket2::{Domain, Socket, Type};

use super::OfferAt;
use crate::Party;
use crate::capture::frame_socket;

/// The one interface.
const INTERFACE: InterfaceId = InterfaceId(1);

/// How often the other port and the clock are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The server, stopped when dropped.
pub(super) struct Dhcp {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dhcp {
    /// Serves at this address of `eth0`.
    pub(super) fn start(party: &Party, address: Ipv4Addr, policy: OfferAt) -> Self {
        let hardware = party.hardware_address("eth0");
        let sockets = party.inside(|| Sockets {
            server: bound(67),
            boot_service: bound(4011),
            frames: frame_socket("eth0"),
            hardware: parse(&hardware),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&sockets, address, policy, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Dhcp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Sockets {
    server: UdpSocket,
    boot_service: UdpSocket,
    frames: Socket,
    hardware: [u8; 6],
}

fn bound(port: u16) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    socket.set_broadcast(true).expect("a socket that may broadcast");
    // What comes by another interface is not this server's.
    socket.bind_device(Some(b"eth0")).expect("a socket of one interface");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    socket.bind(&any.into()).unwrap_or_else(|error| panic!("port {port}: {error}"));
    socket.set_read_timeout(Some(LOOK)).expect("a timeout");
    socket.into()
}

fn parse(hardware: &str) -> [u8; 6] {
    let bytes: Vec<u8> =
        hardware.split(':').map(|byte| u8::from_str_radix(byte, 16).expect("two digits")).collect();
    bytes.try_into().expect("six bytes")
}

fn serve(sockets: &Sockets, address: Ipv4Addr, policy: OfferAt, stop: &AtomicBool) {
    let subnets = policy.offer.subnets.clone();
    let prefix = subnets.first().map_or(24, |subnet| subnet.prefix);
    let mut server = Server::new(Instant::now(), SystemTime::now(), ServerConfig::default(), policy);
    server.set_interfaces(vec![Interface { id: INTERFACE, address, prefix }]);
    server.set_subnets(subnets);
    let mut buffer = vec![0; 2048];
    while !stop.load(Ordering::Relaxed) {
        for (socket, port) in [(&sockets.server, 67), (&sockets.boot_service, 4011)] {
            let Ok((length, SocketAddr::V4(source))) = socket.recv_from(&mut buffer) else { continue };
            let arrival = Arrival { interface: INTERFACE, source, port, bytes: &buffer[..length] };
            server.receive(Instant::now(), arrival);
            while let Some(output) = server.next_output() {
                perform(sockets, &mut server, output);
            }
        }
        server.wake(Instant::now());
        while let Some(output) = server.next_output() {
            perform(sockets, &mut server, output);
        }
    }
}

fn perform(sockets: &Sockets, server: &mut Server<OfferAt>, output: Output) {
    let now = Instant::now();
    match output {
        Output::Send(departure) => sockets.send(&departure),
        Output::Store { ticket, .. } => server.stored(now, ticket, Ok(())),
        // Nobody else is in these networks.
        Output::Probe { address, .. } => server.probed(now, address, None),
        Output::Event(_) => {}
    }
}

impl Sockets {
    /// What cannot be sent is lost, as on any network; the client asks again.
    fn send(&self, departure: &Departure) {
        let socket = if departure.from.port() == 4011 { &self.boot_service } else { &self.server };
        let _ = match departure.to {
            Destination::Unicast(to) => socket.send_to(&departure.bytes, to),
            Destination::Broadcast => socket.send_to(&departure.bytes, (Ipv4Addr::BROADCAST, 68)),
            Destination::Hardware { mac, address } => {
                (&self.frames).write(&frame(self.hardware, mac, departure.from, address, &departure.bytes))
            }
        };
    }
}

/// An Ethernet frame with a UDP datagram in it (RFC 791, RFC 768); the checksum of UDP is left out, as IPv4 allows.
fn frame(
    from: [u8; 6],
    to: [u8; 6],
    source: SocketAddrV4,
    destination: SocketAddrV4,
    bytes: &[u8],
) -> Vec<u8> {
    let length =
        |header: usize| u16::try_from(header + bytes.len()).expect("a datagram is short").to_be_bytes();
    let mut ip = vec![0x45, 0];
    ip.extend(length(28));
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    ip.extend(source.ip().octets());
    ip.extend(destination.ip().octets());
    let mut sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).expect("it was folded");
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    [&to[..], &from, &[0x08, 0x00], &ip, &ports, &length(8), &[0, 0], bytes].concat()
}
