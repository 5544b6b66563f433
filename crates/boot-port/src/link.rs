//! Whole Ethernet frames of one interface, past the addresses and ports of the system.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::dhcp::OpenError;

/// Classic BPF: load a word, half-word, byte or header length; jump; return.
pub(crate) const LOAD_WORD: u16 = 0x20;
pub(crate) const LOAD_HALF: u16 = 0x28;
pub(crate) const LOAD_BYTE: u16 = 0x30;
pub(crate) const LOAD_HEADER_LENGTH: u16 = 0xb1;
pub(crate) const LOAD_HALF_BEHIND_HEADER: u16 = 0x48;
pub(crate) const JUMP_IF_EQUAL: u16 = 0x15;
pub(crate) const RETURN: u16 = 0x06;

/// What Linux tells a filter of a frame beside its bytes (`SKF_AD_OFF`): for whom it is, and the interface that it came in by.
const ANCILLARY: u32 = 0xffff_f000;
const FOR_WHOM: u32 = ANCILLARY + 4;
const INTERFACE: u32 = ANCILLARY + 8;
/// For somebody else (`PACKET_OTHERHOST`).
const ANOTHER: u32 = 3;

/// A socket of whole frames on an interface. It receives those of the given EtherType that `wanted` passes, a filter that
/// begins at the first byte of the frame and returns; without EtherType, none.
///
/// Frames of VLANs (IEEE 802.1Q) are not those of their parent: on a trunk the kernel shows them there, too, with their tags
/// taken out and told nowhere, so that what is said in one network would be taken for an answer in another. They are left out,
/// whether the VLAN has an interface of its own on this machine or not; frames with a priority alone (VLAN 0) are not.
pub(crate) fn link_socket(
    interface: &str,
    kind: Option<u16>,
    wanted: impl IntoIterator<Item = SockFilter>,
) -> Result<Socket, OpenError> {
    let open = move || -> io::Result<Socket> {
        let protocol = kind.map(|kind| Protocol::from(i32::from(kind.to_be())));
        let socket = Socket::new(Domain::PACKET, Type::RAW, protocol)?;
        socket.set_nonblocking(true)?;
        let link = getifaddrs()?
            .filter(|part| part.interface_name == interface)
            .find_map(|part| part.address?.as_link_addr().copied())
            .ok_or(io::ErrorKind::NotFound)?;
        let filter: Vec<SockFilter> = of_interface(link.ifindex() as u32).into_iter().chain(wanted).collect();
        socket.attach_filter(&filter)?;
        nix::sys::socket::bind(socket.as_raw_fd(), &link)?;
        // Before it was bound it received from all interfaces.
        while (&socket).read(&mut [0; 16]).is_ok() {}
        Ok(socket)
    };
    open().map_err(|error| OpenError::of(format!("opening a packet socket on {interface}"), error))
}

/// The filter that passes everything.
pub(crate) const fn all() -> [SockFilter; 1] {
    [SockFilter::new(RETURN, 0, 0, u32::MAX)]
}

/// The beginning of a filter, which goes on for frames of an interface itself, and drops those of VLANs on it.
const fn of_interface(index: u32) -> [SockFilter; 6] {
    [
        // A frame of a VLAN with an interface of its own is that interface's by now.
        SockFilter::new(LOAD_WORD, 0, 0, INTERFACE),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, index),
        SockFilter::new(RETURN, 0, 0, 0),
        // One of another VLAN the kernel marks as for somebody else. Answers to us, or to all, never are.
        SockFilter::new(LOAD_WORD, 0, 0, FOR_WHOM),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, ANOTHER),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// When a question is asked again, from the beginning on; a server that probes an address before it offers it is late.
const ASKED_AT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

/// Sends frames a few times within `wait`, and takes what comes in meanwhile. It blocks for that time.
pub(crate) fn converse(
    socket: &Socket,
    wait: Duration,
    questions: &[Vec<u8>],
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    let begun = Instant::now();
    let mut times = ASKED_AT.iter().copied().peekable();
    let mut room = [0; 2048];
    while begun.elapsed() < wait {
        if times.next_if(|at| *at <= begun.elapsed()).is_some() {
            for question in questions {
                socket.send(question)?;
            }
        }
        let until = times.peek().map_or(wait, |at| wait.min(*at));
        let timeout = until.saturating_sub(begun.elapsed()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout)?;
        let mut socket = socket;
        while let Ok(length) = socket.read(&mut room) {
            take(&room[..length]);
        }
    }
    Ok(())
}
