//! ICMP echo (RFC 792, RFC 4443 section 4), over one socket for each family of addresses.
//!
//! Linux lets processes without privileges have datagram sockets for it where their group is in the range
//! `net.ipv4.ping_group_range`; else a raw socket does, which takes `CAP_NET_RAW`. Where neither may be had, nothing is
//! said of any host.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironhand_api::Span;
use ironhand_dhcp::internet_sum;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::Found;
use super::tcp::unresolved;

/// Echoes that are sent within the time of one check: one packet may always be lost.
const TRIES: u32 = 3;

/// The type, the code, the checksum, an identifier and a sequence number.
const HEADER: usize = 8;

/// What an echo carries, by which its reply is known: who sent it, and which it was.
const PAYLOAD: usize = 16;

/// The address of a host by its name.
pub(super) async fn address(host: &str) -> Result<IpAddr, Found> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let mut found = lookup_host((host, 0)).await.map_err(|error| unresolved(host, &error))?;
    found.next().map(|address| address.ip()).ok_or_else(|| Found::Unknown(format!("`{host}` has no address")))
}

/// Sends echoes, and hands replies to whoever waits for them. Sockets are opened when they are first needed.
#[derive(Default)]
pub(super) struct Pinger {
    four: Mutex<Option<Opened>>,
    six: Mutex<Option<Opened>>,
}

struct Opened {
    line: Arc<Line>,
    /// Takes the replies.
    _receiver: AbortOnDropHandle<()>,
}

struct Line {
    socket: UdpSocket,
    family: Family,
    /// Whether what arrives may be for others, and begins with an IP header where it has four bytes to an address.
    is_raw: bool,
    /// Tells the echoes of this process from those of others.
    mark: u64,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, (IpAddr, oneshot::Sender<()>)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Four,
    Six,
}

impl Family {
    /// The types of a request and of a reply.
    const fn types(self) -> (u8, u8) {
        match self {
            Self::Four => (8, 0),
            Self::Six => (128, 129),
        }
    }
}

impl Pinger {
    /// Whether `address` answers within `limit`.
    pub(super) async fn ping(&self, address: IpAddr, limit: Duration) -> Found {
        match self.line(address) {
            Ok(line) => line.ping(address, limit).await,
            Err(error) => Found::Unknown(format!(
                "this machine does not let Ironhand ping ({error}); set net.ipv4.ping_group_range so that it holds \
                 its group, or give it CAP_NET_RAW"
            )),
        }
    }

    fn line(&self, address: IpAddr) -> Result<Arc<Line>, Error> {
        let (family, slot) = match address {
            IpAddr::V4(_) => (Family::Four, &self.four),
            IpAddr::V6(_) => (Family::Six, &self.six),
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*slot {
            return Ok(Arc::clone(&opened.line));
        }
        let line = Arc::new(Line::open(family)?);
        let receiver = AbortOnDropHandle::new(tokio::spawn(receive(Arc::clone(&line))));
        *slot = Some(Opened { line: Arc::clone(&line), _receiver: receiver });
        Ok(line)
    }
}

impl Line {
    fn open(family: Family) -> Result<Self, Error> {
        let (domain, protocol, any) = match family {
            Family::Four => (Domain::IPV4, Protocol::ICMPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Family::Six => (Domain::IPV6, Protocol::ICMPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let datagram = Socket::new(domain, Type::DGRAM, Some(protocol));
        let is_raw = datagram.is_err();
        let socket = datagram.or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))?;
        socket.bind(&SocketAddr::new(any, 0).into())?;
        socket.set_nonblocking(true)?;
        let mut mark = [0; 8];
        getrandom::fill(&mut mark).map_err(|_| Error::other("the operating system has no random numbers"))?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            family,
            is_raw,
            mark: u64::from_be_bytes(mark),
            next: AtomicU64::new(0),
            waiting: Mutex::default(),
        })
    }

    async fn ping(&self, address: IpAddr, limit: Duration) -> Found {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, replied) = oneshot::channel();
        self.expect(number, Some((address, tell)));
        let _forget = Forget { line: self, number };
        let request = self.request(number);
        let mut replied = replied;
        for _ in 0..TRIES {
            if let Err(error) = self.socket.send_to(&request, SocketAddr::new(address, 0)).await {
                return refused(&error);
            }
            if timeout(limit / TRIES, &mut replied).await.is_ok_and(|reply| reply.is_ok()) {
                return Found::Passing;
            }
        }
        Found::Failing(format!("no reply to {TRIES} echoes within {}", Span::from(limit)))
    }

    /// Says who waits for the reply to an echo, or that nobody does.
    fn expect(&self, number: u64, waiter: Option<(IpAddr, oneshot::Sender<()>)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiter {
            Some(waiter) => waiting.insert(number, waiter),
            None => waiting.remove(&number),
        };
    }

    fn request(&self, number: u64) -> [u8; HEADER + PAYLOAD] {
        let mut packet = [0; HEADER + PAYLOAD];
        packet[0] = self.family.types().0;
        // A datagram socket puts its own identifier there.
        packet[4..6].copy_from_slice(&self.mark.to_be_bytes()[..2]);
        packet[6..8].copy_from_slice(&number.to_be_bytes()[6..]);
        packet[8..16].copy_from_slice(&self.mark.to_be_bytes());
        packet[16..24].copy_from_slice(&number.to_be_bytes());
        if self.family == Family::Four {
            // Of IPv6 the system does it, since the addresses are part of the sum.
            let sum = !internet_sum(&packet, 0);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The number of the echo that a packet replies to, where it replies to one of ours.
    fn reply(&self, packet: &[u8]) -> Option<u64> {
        let packet = match (self.is_raw, self.family) {
            // The length of the header stands in words of four bytes (RFC 791 section 3.1).
            (true, Family::Four) => packet.get(usize::from(packet.first()? & 0x0f) * 4..)?,
            _ => packet,
        };
        let (header, payload) = packet.split_at_checked(HEADER)?;
        if header[0] != self.family.types().1 || header[1] != 0 {
            return None;
        }
        let payload: &[u8; PAYLOAD] = payload.get(..PAYLOAD)?.try_into().ok()?;
        let (mark, number) = payload.split_at(8);
        (mark == self.mark.to_be_bytes()).then_some(u64::from_be_bytes(number.try_into().ok()?))
    }
}

/// Nobody waits for the reply any more.
struct Forget<'l> {
    line: &'l Line,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.line.expect(self.number, None);
    }
}

async fn receive(line: Arc<Line>) {
    let mut buffer = [0; 1500];
    loop {
        // Errors are of single packets, like one that a firewall refused.
        let Ok((length, from)) = line.socket.recv_from(&mut buffer).await else { continue };
        let Some(number) = line.reply(&buffer[..length]) else { continue };
        let mut waiting = line.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Who replies in the name of another is not the host that was asked.
        if waiting.get(&number).is_some_and(|(address, _)| *address == from.ip())
            && let Some((_, tell)) = waiting.remove(&number)
        {
            // An error means that its time was over.
            let _ = tell.send(());
        }
    }
}

/// What it says that an echo could not be sent.
fn refused(error: &Error) -> Found {
    if error.kind() == ErrorKind::HostUnreachable {
        return Found::Failing("the host cannot be reached".to_owned());
    }
    Found::Unknown(format!("this machine cannot ask: {error}"))
}
