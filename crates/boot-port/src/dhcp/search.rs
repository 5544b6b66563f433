//! Looking for DHCP servers that others run, before one of ours begins to serve beside them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use ironhand_dhcp::{BROADCAST, ForeignServer, HardwareAddress, Message, MessageType, Op, code};
use socket2::SockFilter;

use super::{OpenError, frame};
use crate::interface::{Interface, interfaces};
use crate::link::{
    JUMP_IF_EQUAL, LOAD_BYTE, LOAD_HALF, LOAD_HALF_BEHIND_HEADER, LOAD_HEADER_LENGTH, RETURN, converse,
    link_socket,
};

/// The most servers that are told.
const SERVERS: usize = 64;

/// A DHCP server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundServer {
    /// Who it is, what it offered, and what of it keeps machines from booting from here.
    pub offer: ForeignServer,
    /// The Ethernet address that its answer came from: its own, or that of a relay.
    pub mac: [u8; 6],
    /// For how long the address was offered.
    pub lease: Option<Duration>,
    /// The subnet mask (option 1).
    pub mask: Option<Ipv4Addr>,
    /// The first router (option 3).
    pub router: Option<Ipv4Addr>,
    /// The first name server (option 6).
    pub name_server: Option<Ipv4Addr>,
}

impl FoundServer {
    /// Whether it offers addresses, and not boot options alone.
    pub fn gives_addresses(&self) -> bool {
        !self.offer.offered.is_unspecified()
    }

    /// What an offer to our question says.
    fn of(message: &Message, frame: &frame::UdpFrame<'_>) -> Self {
        let mut offer = ForeignServer::read(message);
        if offer.server.is_unspecified() {
            offer.server = *frame.source.ip();
        }
        let first = |code| message.options.get(code)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes));
        Self {
            offer,
            mac: frame.mac,
            lease: message.options.u32(code::LEASE_TIME).map(|seconds| Duration::from_secs(seconds.into())),
            mask: first(code::SUBNET_MASK),
            router: first(code::ROUTER),
            name_server: first(code::DOMAIN_NAME_SERVER),
        }
    }
}

/// Asks for an address in the name of a machine that does not exist, as UEFI firmware asks, and tells who answered within
/// `wait` (3 s find servers that probe before they offer). Nothing is taken: offers that nobody requests fall back.
///
/// It blocks for that time. Port 68 need not be free, so a DHCP client of this machine is not disturbed; answers that this
/// machine itself sends are not told.
///
/// # Errors
/// Where there is no such interface, it is no Ethernet, or the right to send frames is missing.
pub fn search(interface: &str, wait: Duration) -> Result<Vec<FoundServer>, OpenError> {
    let known =
        interfaces().map_err(|error| OpenError::of("listing the interfaces of this machine", error))?;
    let Some(Interface { mac: Some(mac), .. }) = known.iter().find(|known| known.name == interface) else {
        let known = known.into_iter().filter(|known| known.mac.is_some()).map(|known| known.name).collect();
        return Err(OpenError::NoInterface { name: interface.to_owned(), known });
    };
    let failed =
        |error: std::io::Error| OpenError::of(format!("looking for DHCP servers on {interface}"), error);
    let mut random = [0; 9];
    getrandom::fill(&mut random).map_err(|error| failed(std::io::Error::other(error)))?;
    let socket = link_socket(interface, Some(frame::IPV4), to_clients())?;
    let question = question(random);
    let mut asked = Vec::new();
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    let nobody = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
    let mut bytes = Vec::new();
    question.encode(&mut bytes);
    frame::udp(*mac, [0xff; 6], nobody, everybody, &bytes, &mut asked);
    let mut servers: Vec<FoundServer> = Vec::new();
    let take = |bytes: &[u8]| {
        let Some(server) = answer(bytes, &question).filter(|server| server.mac != *mac) else { return };
        let is_known =
            servers.iter().any(|known| (known.offer.server, known.mac) == (server.offer.server, server.mac));
        if !is_known && servers.len() < SERVERS {
            servers.push(server);
        }
    };
    converse(&socket, wait, &[asked], take).map_err(failed)?;
    Ok(servers)
}

/// The offer that a frame holds.
fn answer(bytes: &[u8], question: &Message) -> Option<FoundServer> {
    let frame = frame::read_udp(bytes)?;
    let offer = Message::decode(frame.payload).ok()?;
    let is_offer = offer.op == Op::Reply && offer.message_type() == Some(MessageType::Offer);
    let is_ours = offer.xid == question.xid && offer.chaddr.bytes() == question.chaddr.bytes();
    (frame.port == 68 && is_offer && is_ours).then(|| FoundServer::of(&offer, &frame))
}

/// A DISCOVER as x86-64 UEFI firmware sends it, with options of iPXE asked for, by a machine of these random numbers.
fn question(random: [u8; 9]) -> Message {
    let [a, b, c, d, e, x, y, z, w] = random;
    let mut question = Message {
        op: Op::Request,
        xid: u32::from_be_bytes([x, y, z, w]),
        flags: BROADCAST,
        // "Locally administered", so that it is no card's.
        chaddr: HardwareAddress::ethernet([0x02, a, b, c, d, e]),
        ..Message::default()
    };
    let mut machine = [0; 17];
    machine[1..6].copy_from_slice(&[a, b, c, d, e]);
    question
        .options
        .set(code::MESSAGE_TYPE, &[MessageType::Discover as u8])
        .set(code::MAX_MESSAGE_SIZE, &1472_u16.to_be_bytes())
        .set(
            code::PARAMETER_REQUEST_LIST,
            &[
                code::SUBNET_MASK,
                code::ROUTER,
                code::DOMAIN_NAME_SERVER,
                code::VENDOR_SPECIFIC,
                code::LEASE_TIME,
                code::SERVER_IDENTIFIER,
                code::VENDOR_CLASS,
                code::TFTP_SERVER_NAME,
                code::BOOTFILE_NAME,
                code::CLIENT_MACHINE_IDENTIFIER,
                code::ETHERBOOT,
            ],
        )
        .set_text(code::VENDOR_CLASS, "PXEClient:Arch:00007:UNDI:003000")
        .set_u16(code::CLIENT_SYSTEM_ARCHITECTURE, 7)
        .set(code::CLIENT_NETWORK_INTERFACE, &[1, 3, 0])
        .set(code::CLIENT_MACHINE_IDENTIFIER, &machine);
    question
}

/// A filter that passes UDP over IPv4 to port 68: of a busy link nothing else wakes the search.
fn to_clients() -> [SockFilter; 9] {
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 6, frame::IPV4.into()),
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(JUMP_IF_EQUAL, 0, 4, 17),
        SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_BEHIND_HEADER, 0, 0, 16),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 68),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_offer_says_is_told() {
        let mut offer = question([1, 2, 3, 4, 5, 6, 7, 8, 9]);
        offer.op = Op::Reply;
        offer.options.clear();
        let source = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 3), 67);
        let frame = frame::UdpFrame { mac: [2; 6], source, port: 68, payload: &[] };
        let bare = FoundServer::of(&offer, &frame);
        assert_eq!((bare.offer.server, bare.gives_addresses()), (Ipv4Addr::new(192, 0, 2, 3), false));
        offer.yiaddr = Ipv4Addr::new(192, 0, 2, 77);
        offer.options.set_u32(code::LEASE_TIME, 600);
        offer.options.set_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(192, 0, 2, 1)]);
        let routers = [Ipv4Addr::new(192, 0, 2, 254), Ipv4Addr::new(192, 0, 2, 253)];
        offer.options.set_addresses(code::ROUTER, &routers);
        let found = FoundServer::of(&offer, &frame);
        assert_eq!((found.offer.server, found.gives_addresses()), (Ipv4Addr::new(192, 0, 2, 1), true));
        assert_eq!((found.lease, found.router), (Some(Duration::from_secs(600)), Some(routers[0])));
    }

    #[test]
    fn the_question_is_a_message_that_we_read() {
        let mut bytes = Vec::new();
        let question = question([7; 9]);
        question.encode(&mut bytes);
        let read = Message::decode(&bytes).unwrap();
        assert_eq!(read.message_type(), Some(MessageType::Discover));
        assert_eq!((read.xid, read.chaddr), (question.xid, question.chaddr));
    }
}
