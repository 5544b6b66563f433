//! Looking for DHCP servers that others run, before one of ours begins to serve beside them.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use ironhand_dhcp::{BROADCAST, HardwareAddress, Message, MessageType, Op, code};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{SockFilter, Socket};

use super::port::link_socket;
use super::{OpenError, frame};
use crate::interface::{Interface, interfaces};

/// When the question is asked again, from the beginning on; a server that probes the address first is late.
const ASKED_AT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

/// The most servers that are told.
const SERVERS: usize = 64;

/// The suboption of option 175 by which iPXE is told not to wait for proxies.
const NO_PROXY: u8 = 176;

/// A DHCP server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignServer {
    /// Its name for itself (option 54), or else the address that it sent from.
    pub server: Ipv4Addr,
    /// The Ethernet address that its answer came from: its own, or that of a relay.
    pub mac: [u8; 6],
    /// The address that it offered; none in answers of proxies, which give boot options alone.
    pub offered: Option<Ipv4Addr>,
    /// For how long.
    pub lease: Option<Duration>,
    /// The subnet mask (option 1), router (3) and name server (6) that it named first.
    pub mask: Option<Ipv4Addr>,
    /// See `mask`.
    pub router: Option<Ipv4Addr>,
    /// See `mask`.
    pub name_server: Option<Ipv4Addr>,
    /// The boot file that it gives to UEFI machines: option 67, or else the header's field `file`.
    pub boot_file: Option<String>,
    /// The server of that file (`siaddr`).
    pub next_server: Option<Ipv4Addr>,
    /// Option 60.
    pub vendor_class: Option<String>,
    /// Whether it tells iPXE to wait for no proxy (option 175, suboption 176).
    pub forbids_proxies: bool,
}

/// Something about a foreign server that stands in the way of serving boot options beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it does, and what follows.
    pub what: &'static str,
    /// What to do about it, by program.
    pub remedies: &'static [(&'static str, &'static str)],
}

const BOOT_FILE: Finding = Finding {
    what: "your DHCP server sends a boot file (option 67 or the field filename): iPXE will follow it, not us",
    remedies: &[
        ("ISC dhcpd", "remove `filename` and `next-server` from the subnet or group"),
        ("Kea", "remove `boot-file-name` and `next-server` from the subnet or client class"),
        ("dnsmasq", "remove `dhcp-boot=` and `pxe-service=`"),
        ("Windows", "remove options 66 and 67 from the scope and the server options"),
    ],
};

const PXE_CLIENT: Finding = Finding {
    what: "your DHCP server sends option 60 = PXEClient: UEFI machines will ask it on port 4011, not us",
    remedies: &[
        ("ISC dhcpd", "remove `option vendor-class-identifier \"PXEClient\"`"),
        ("Kea", "remove `vendor-class-identifier` from option-data"),
        ("dnsmasq", "remove `pxe-service=`, `pxe-prompt=` and `dhcp-option=60,...`"),
        ("Windows", "remove option 60 from the server options (netsh dhcp server delete optiondef 60)"),
    ],
};

const NO_PROXIES: Finding = Finding {
    what: "your DHCP server sends iPXE option 175.176: iPXE will ignore us",
    remedies: &[
        ("ISC dhcpd", "remove `option ipxe.no-pxedhcp 1`"),
        ("Kea", "remove the option `no-pxedhcp` of the space of option 175"),
        ("dnsmasq", "remove `dhcp-option=encap:175,176,...`"),
        ("Windows", "remove option 175 from the scope and the server options"),
    ],
};

impl ForeignServer {
    /// What stands in the way of serving boot options beside it; nothing for most servers, and for other proxies.
    pub fn findings(&self) -> Vec<Finding> {
        let is_pxe = self.vendor_class.as_deref().is_some_and(|class| class.starts_with("PXEClient"));
        [(self.boot_file.is_some(), BOOT_FILE), (is_pxe, PXE_CLIENT), (self.forbids_proxies, NO_PROXIES)]
            .into_iter()
            .filter_map(|(is_so, finding)| is_so.then_some(finding))
            .collect()
    }

    /// Whether it offers addresses, and not boot options alone.
    pub fn gives_addresses(&self) -> bool {
        self.offered.is_some()
    }

    /// What an offer to our question says.
    fn of(offer: &Message, frame: &frame::UdpFrame<'_>) -> Self {
        let options = &offer.options;
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
            (!text.is_empty()).then_some(text)
        };
        let some = |address: Ipv4Addr| (!address.is_unspecified()).then_some(address);
        let first = |code| options.get(code)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes));
        Self {
            server: options.address(code::SERVER_IDENTIFIER).unwrap_or(*frame.source.ip()),
            mac: frame.mac,
            offered: some(offer.yiaddr),
            lease: options.u32(code::LEASE_TIME).map(|seconds| Duration::from_secs(seconds.into())),
            mask: first(code::SUBNET_MASK),
            router: first(code::ROUTER),
            name_server: first(code::DOMAIN_NAME_SERVER),
            boot_file: options.get(code::BOOTFILE_NAME).and_then(text).or_else(|| text(offer.file_name())),
            next_server: some(offer.siaddr),
            vendor_class: options.get(code::VENDOR_CLASS).and_then(text),
            forbids_proxies: options.get(code::ETHERBOOT).is_some_and(forbids_proxies),
        }
    }
}

/// Whether suboption 176 is there and not 0.
fn forbids_proxies(mut suboptions: &[u8]) -> bool {
    while let [code, length, rest @ ..] = suboptions {
        let Some((value, behind)) = rest.split_at_checked(usize::from(*length)) else { return false };
        if *code == NO_PROXY {
            return value.iter().any(|byte| *byte != 0);
        }
        suboptions = behind;
    }
    false
}

/// Asks for an address in the name of a machine that does not exist, as UEFI firmware asks, and tells who answered within
/// `wait` (3 s find servers that probe before they offer). Nothing is taken: offers that nobody requests fall back.
///
/// It blocks for that time. Port 68 need not be free, so a DHCP client of this machine is not disturbed; answers that this
/// machine itself sends are not told.
///
/// # Errors
/// Where there is no such interface, it is no Ethernet, or the right to send frames is missing.
pub fn search(interface: &str, wait: Duration) -> Result<Vec<ForeignServer>, OpenError> {
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
    let socket = link_socket(interface, Some(frame::IPV4))?;
    socket.attach_filter(&to_clients()).map_err(failed)?;
    let question = question(random);
    let mut asked = Vec::new();
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    let nobody = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
    let mut bytes = Vec::new();
    question.encode(&mut bytes);
    frame::udp(*mac, [0xff; 6], nobody, everybody, &bytes, &mut asked);
    let begun = Instant::now();
    let mut servers: Vec<ForeignServer> = Vec::new();
    let mut times = ASKED_AT.iter().copied().peekable();
    while begun.elapsed() < wait {
        if times.next_if(|at| *at <= begun.elapsed()).is_some() {
            socket.send(&asked).map_err(failed)?;
        }
        let until = times.peek().map_or(wait, |at| wait.min(*at));
        let timeout = until.saturating_sub(begun.elapsed()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout)
            .map_err(|error| failed(error.into()))?;
        for server in answers(&socket, &question) {
            let is_known =
                servers.iter().any(|known| known.server == server.server && known.mac == server.mac);
            if server.mac != *mac && !is_known && servers.len() < SERVERS {
                servers.push(server);
            }
        }
    }
    Ok(servers)
}

/// The offers that have come in.
fn answers(socket: &Socket, question: &Message) -> Vec<ForeignServer> {
    let mut room = [0; 2048];
    let mut found = Vec::new();
    while let Ok(length) = (&*socket).read(&mut room) {
        let Some(frame) = frame::read_udp(&room[..length]) else { continue };
        let Ok(offer) = Message::decode(frame.payload) else { continue };
        let is_offer = offer.op == Op::Reply && offer.message_type() == Some(MessageType::Offer);
        let is_ours = offer.xid == question.xid && offer.chaddr.bytes() == question.chaddr.bytes();
        if frame.port == 68 && is_offer && is_ours {
            found.push(ForeignServer::of(&offer, &frame));
        }
    }
    found
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
    // Classic BPF: load half-word, load byte, load header length, jump, return.
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const LOAD_HALF_BEHIND_HEADER: u16 = 0x48;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
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

    fn answer(change: impl FnOnce(&mut Message)) -> ForeignServer {
        let mut offer = question([1, 2, 3, 4, 5, 6, 7, 8, 9]);
        offer.op = Op::Reply;
        offer.options.clear();
        change(&mut offer);
        let source = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 3), 67);
        ForeignServer::of(&offer, &frame::UdpFrame { mac: [2; 6], source, port: 68, payload: &[] })
    }

    #[test]
    fn what_an_offer_says_is_told() {
        let plain = answer(|offer| {
            offer.yiaddr = Ipv4Addr::new(192, 0, 2, 77);
            offer.options.set_u32(code::LEASE_TIME, 600);
            offer.options.set_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(192, 0, 2, 1)]);
            offer
                .options
                .set_addresses(code::ROUTER, &[Ipv4Addr::new(192, 0, 2, 254), Ipv4Addr::new(192, 0, 2, 253)]);
        });
        assert_eq!(plain.server, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(plain.offered, Some(Ipv4Addr::new(192, 0, 2, 77)));
        assert_eq!(plain.lease, Some(Duration::from_secs(600)));
        assert_eq!(plain.router, Some(Ipv4Addr::new(192, 0, 2, 254)));
        assert!(plain.gives_addresses());
        let bare = answer(|_| {});
        assert_eq!(bare.server, Ipv4Addr::new(192, 0, 2, 3));
        assert!(!bare.gives_addresses());
    }

    #[test]
    fn what_stands_in_the_way_is_found() {
        let check =
            |change: fn(&mut Message), expected: &[Finding]| assert_eq!(answer(change).findings(), expected);
        check(|_| {}, &[]);
        check(|offer| assert!(offer.set_file_name(b"pxelinux.0")), &[BOOT_FILE]);
        check(|offer| _ = offer.options.set_text(code::BOOTFILE_NAME, "ipxe.efi"), &[BOOT_FILE]);
        check(|offer| _ = offer.options.set_text(code::VENDOR_CLASS, "PXEClient"), &[PXE_CLIENT]);
        check(|offer| _ = offer.options.set_text(code::VENDOR_CLASS, "MSFT 5.0"), &[]);
        check(|offer| _ = offer.options.set(code::ETHERBOOT, &[8, 1, 1, 176, 1, 1]), &[NO_PROXIES]);
        check(|offer| _ = offer.options.set(code::ETHERBOOT, &[176, 1, 0]), &[]);
        check(|offer| _ = offer.options.set(code::ETHERBOOT, &[8, 9, 1]), &[]);
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
