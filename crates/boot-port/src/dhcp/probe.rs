//! Finding out whether anybody uses an address: by ARP on the link, by ICMP echo behind a relay.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ironhand_dhcp::InterfaceId;
use socket2::{Domain, Protocol, Socket, Type};

use super::frame;
use super::port::Port;
use crate::link::{all, link_socket};

/// The identifier of our echo requests; the address tells which one was answered.
const IDENTIFIER: u16 = 0x4948;

/// Who answers for an address whose hardware address cannot be known.
const UNKNOWN: [u8; 6] = [0; 6];

/// Probes that are under way, and their sockets, which exist only meanwhile.
#[derive(Debug)]
pub(super) struct Probes {
    wait: Duration,
    waiting: VecDeque<Waiting>,
    sockets: Vec<(Way, Socket)>,
}

#[derive(Debug)]
struct Waiting {
    address: Ipv4Addr,
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Arp(InterfaceId),
    Echo,
}

impl Probes {
    pub fn new(wait: Duration) -> Self {
        Self { wait, waiting: VecDeque::new(), sockets: Vec::new() }
    }

    /// Begins to ask for an address. What cannot be asked is waited for all the same, and taken as free.
    pub fn start(&mut self, now: Instant, address: Ipv4Addr, port: Option<&Port>, is_relayed: bool) {
        if let Err(error) = self.ask(address, port, is_relayed) {
            tracing::warn!(%error, %address, "an address is offered without a probe");
        }
        self.waiting.push_back(Waiting { address, until: now + self.wait });
    }

    fn ask(&mut self, address: Ipv4Addr, port: Option<&Port>, is_relayed: bool) -> io::Result<()> {
        match port.and_then(|port| Some((port, port.mac?))).filter(|_| !is_relayed) {
            Some((port, mac)) => {
                let open = || link_socket(&port.name, Some(frame::ARP), all()).map_err(io::Error::other);
                let socket = self.socket(Way::Arp(port.id), open)?;
                socket.send(&frame::arp_probe(mac, address)).map(drop)
            }
            None => {
                let open = || {
                    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
                    socket.set_nonblocking(true).map(|()| socket)
                };
                let socket = self.socket(Way::Echo, open)?;
                let to = SocketAddrV4::new(address, 0).into();
                socket.send_to(&frame::echo_request(IDENTIFIER), &to).map(drop)
            }
        }
    }

    fn socket(&mut self, way: Way, open: impl FnOnce() -> io::Result<Socket>) -> io::Result<&Socket> {
        let at = match self.sockets.iter().position(|(known, _)| *known == way) {
            Some(at) => at,
            None => {
                self.sockets.push((way, open()?));
                self.sockets.len() - 1
            }
        };
        Ok(&self.sockets[at].1)
    }

    pub fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(|(_, socket)| socket.as_fd())
    }

    /// When the next one ends.
    pub fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|first| first.until)
    }

    /// Those that ended: addresses, and who uses them.
    pub fn ended(&mut self, now: Instant) -> Vec<(Ipv4Addr, Option<[u8; 6]>)> {
        let mut ended = Vec::new();
        if self.waiting.is_empty() {
            return ended;
        }
        let mut room = [0; 2048];
        for (way, socket) in &mut self.sockets {
            while let Ok(length) = (&*socket).read(&mut room) {
                let answer = match way {
                    Way::Arp(_) => frame::arp_sender(&room[..length]),
                    Way::Echo => {
                        frame::echo_reply(&room[..length], IDENTIFIER).map(|address| (address, UNKNOWN))
                    }
                };
                let Some((address, by)) = answer else { continue };
                let before = self.waiting.len();
                self.waiting.retain(|waiting| waiting.address != address);
                if self.waiting.len() < before {
                    ended.push((address, Some(by)));
                }
            }
        }
        while let Some(first) = self.waiting.pop_front_if(|first| first.until <= now) {
            ended.push((first.address, None));
        }
        if self.waiting.is_empty() {
            self.sockets.clear();
        }
        ended
    }
}
