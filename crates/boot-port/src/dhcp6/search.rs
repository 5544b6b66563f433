//! Looking for servers of DHCPv6 and routers that others run, before one of ours begins to serve beside them.

use std::net::Ipv6Addr;
use std::time::Duration;

use ironhand_dhcp::ra::Advertisement;
use ironhand_dhcp::v6::{ALL_AGENTS, ForeignServer, Inquiry, Message};
use socket2::SockFilter;

use super::frame::{self, ETHERNET_HEADER, IP_HEADER, IPV6, Packet};
use super::socket::{ALL_ROUTERS, SERVER_PORT};
use crate::dhcp::OpenError;
use crate::interface::interfaces;
use crate::link::{JUMP_IF_EQUAL, LOAD_BYTE, LOAD_HALF, RETURN, converse, link_socket};

/// The port of clients (RFC 8415, section 7.2).
const CLIENT_PORT: u16 = 546;
/// The types of ICMPv6 by which hosts ask for routers, and routers tell (RFC 4861, section 4).
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// The most servers and the most routers that are told.
const MOST: usize = 64;

/// Who is on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found6 {
    /// Servers of DHCPv6 that answered.
    pub servers: Vec<ForeignServer>,
    /// Routers that advertised, each with what it said last.
    pub routers: Vec<Advertisement>,
}

impl Found6 {
    fn take(&mut self, inquiry: &Inquiry, packet: &Packet<'_>) {
        if packet.protocol == frame::ICMP {
            let heard = Advertisement::decode(packet.source, packet.hop_limit, packet.payload);
            let Ok(heard) = heard else { return };
            let at = self.routers.iter().position(|known| known.router == heard.router);
            match at {
                Some(at) => self.routers[at] = heard,
                None if self.routers.len() < MOST => self.routers.push(heard),
                None => {}
            }
            return;
        }
        let words = frame::datagram(packet.payload).filter(|([_, to], _)| *to == CLIENT_PORT);
        let message = words.and_then(|(_, bytes)| Message::decode(bytes).ok());
        let Some(server) = message.and_then(|message| inquiry.answered(packet.source, &message)) else {
            return;
        };
        if !self.servers.iter_mut().any(|known| known.merge(&server)) && self.servers.len() < MOST {
            self.servers.push(server);
        }
    }
}

/// Asks for an address and for parameters in the name of a machine that does not exist, and for routers, and tells who
/// answered within `wait`. Nothing is taken: offers that nobody requests fall back.
///
/// It blocks for that time. Port 546 need not be free, so a DHCP client of this machine is not disturbed; answers that this
/// machine itself sends are not told. Where IPv6 is off at the interface nobody is found.
///
/// # Errors
/// Where there is no such interface, it is no Ethernet, or the right to send frames is missing.
pub fn search(interface: &str, wait: Duration) -> Result<Found6, OpenError> {
    let failed =
        |error: std::io::Error| OpenError::of(format!("looking for DHCPv6 servers on {interface}"), error);
    let known =
        interfaces().map_err(|error| OpenError::of("listing the interfaces of this machine", error))?;
    let found = known.iter().find(|known| known.name == interface);
    let Some((mac, found)) = found.and_then(|found| Some((found.mac?, found))) else {
        let known = known.into_iter().filter(|known| known.mac.is_some()).map(|known| known.name).collect();
        return Err(OpenError::NoInterface { name: interface.to_owned(), known });
    };
    let Some(address) = found.link_local() else { return Ok(Found6::default()) };
    let mut random = [0; 22];
    getrandom::fill(&mut random).map_err(|error| failed(std::io::Error::other(error)))?;
    let inquiry = Inquiry::of(random);
    let socket = link_socket(interface, Some(IPV6), answers())?;
    let mut questions = vec![solicitation(mac, address)];
    for message in inquiry.messages() {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        questions.push(frame::udp(mac, [address, ALL_AGENTS], [CLIENT_PORT, SERVER_PORT], &bytes));
    }
    let mut all = Found6::default();
    let take = |bytes: &[u8]| {
        if let Some(packet) = frame::read(bytes).filter(|packet| packet.mac != mac) {
            all.take(&inquiry, &packet);
        }
    };
    converse(&socket, wait, &questions, take).map_err(failed)?;
    Ok(all)
}

/// A router solicitation (RFC 4861, section 4.1), with the address of its sender on the link.
fn solicitation(mac: [u8; 6], address: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    message.extend_from_slice(&mac);
    frame::icmp(mac, [address, ALL_ROUTERS], message)
}

/// A filter that passes UDP to the port of clients, and router advertisements: of a busy link nothing else wakes the search.
const fn answers() -> [SockFilter; 8] {
    const BEHIND: u32 = (ETHERNET_HEADER + IP_HEADER) as u32;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, ETHERNET_HEADER as u32 + 6),
        SockFilter::new(JUMP_IF_EQUAL, 0, 2, frame::UDP as u32),
        SockFilter::new(LOAD_HALF, 0, 0, BEHIND + 2),
        SockFilter::new(JUMP_IF_EQUAL, 3, 2, CLIENT_PORT as u32),
        SockFilter::new(LOAD_BYTE, 0, 0, BEHIND),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, ADVERTISEMENT as u32),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}
