//! Whole Ethernet frames, for machines that the system cannot reach because they have no address yet.

use std::net::{Ipv4Addr, SocketAddrV4};

use ironhand_dhcp::internet_sum;

/// The EtherType of IPv4, and that of ARP (RFC 826).
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;

const UDP: u8 = 17;
const BROADCAST: [u8; 6] = [0xff; 6];
/// Bytes of the headers of Ethernet, IPv4 and UDP.
const ETHERNET_HEADER: usize = 14;
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;

/// Writes a frame with a UDP datagram in place of what `out` holds.
///
/// It is not cut into fragments: DHCP messages are under 1,500 bytes, as no client without an address takes more.
pub(super) fn udp(
    ours: [u8; 6],
    theirs: [u8; 6],
    from: SocketAddrV4,
    to: SocketAddrV4,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    out.clear();
    out.extend_from_slice(&theirs);
    out.extend_from_slice(&ours);
    out.extend_from_slice(&IPV4.to_be_bytes());
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    // Version 4 and five words of header; DSCP 0; "do not fragment", by which the identification has no meaning (RFC 6864).
    out.extend_from_slice(&[0x45, 0]);
    out.extend_from_slice(&length(IP_HEADER + UDP_HEADER + payload.len()));
    out.extend_from_slice(&[0, 0, 0x40, 0, 64, UDP, 0, 0]);
    out.extend_from_slice(&from.ip().octets());
    out.extend_from_slice(&to.ip().octets());
    let checksum = !internet_sum(&out[ETHERNET_HEADER..], 0);
    out[ETHERNET_HEADER + 10..ETHERNET_HEADER + 12].copy_from_slice(&checksum.to_be_bytes());
    let datagram = out.len();
    out.extend_from_slice(&from.port().to_be_bytes());
    out.extend_from_slice(&to.port().to_be_bytes());
    out.extend_from_slice(&length(UDP_HEADER + payload.len()));
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(payload);
    // The checksum covers the addresses, too (RFC 768); one that comes to 0 is sent as its other form.
    let addresses = internet_sum(&out[ETHERNET_HEADER + 12..datagram], 0);
    let pseudo = u32::from(addresses) + u32::from(UDP) + (UDP_HEADER + payload.len()) as u32;
    let checksum = match !internet_sum(&out[datagram..], pseudo) {
        0 => 0xffff,
        checksum => checksum,
    };
    out[datagram + 6..datagram + 8].copy_from_slice(&checksum.to_be_bytes());
}

/// A frame that asks who has `address`, in the name of no address, so that nobody learns anything by it (RFC 5227).
pub(super) fn arp_probe(ours: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    frame.extend(BROADCAST);
    frame.extend(ours);
    frame.extend(ARP.to_be_bytes());
    // Ethernet, IPv4, their lengths, and "request".
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(ours);
    frame.extend([0; 4]);
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

/// Who has which address, by a frame of ARP: a reply, or a request in the name of an address.
pub(super) fn arp_sender(frame: &[u8]) -> Option<(Ipv4Addr, [u8; 6])> {
    let packet = frame.get(ETHERNET_HEADER..ETHERNET_HEADER + 28)?;
    if packet[..6] != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(&packet[14..18]).ok()?);
    let mac = packet[8..14].try_into().ok()?;
    (!address.is_unspecified()).then_some((address, mac))
}

/// An ICMP echo request (RFC 792).
pub(super) fn echo_request(identifier: u16) -> [u8; 8] {
    let mut packet = [8, 0, 0, 0, 0, 0, 0, 1];
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    let checksum = !internet_sum(&packet, 0);
    packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Who answered an echo request with this identifier, by an IPv4 packet as a raw socket gives it.
pub(super) fn echo_reply(packet: &[u8], identifier: u16) -> Option<Ipv4Addr> {
    let header = usize::from(packet.first()? & 15) * 4;
    let source = <[u8; 4]>::try_from(packet.get(12..16)?).ok()?;
    let reply = packet.get(header..header + 8)?;
    (reply[0] == 0 && reply[4..6] == identifier.to_be_bytes()).then(|| source.into())
}

/// What a frame with a UDP datagram over IPv4 says.
pub(super) struct UdpFrame<'a> {
    /// Who sent it on this link.
    pub mac: [u8; 6],
    pub source: SocketAddrV4,
    pub port: u16,
    pub payload: &'a [u8],
}

/// Reads a frame that was not cut into fragments.
pub(super) fn read_udp(frame: &[u8]) -> Option<UdpFrame<'_>> {
    let (ethernet, packet) = frame.split_at_checked(ETHERNET_HEADER)?;
    let word = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let header = usize::from(packet.first()? & 15) * 4;
    let is_whole = word(packet, 6)? & 0x3fff == 0;
    if word(ethernet, 12)? != IPV4 || packet.get(9) != Some(&UDP) || header < IP_HEADER || !is_whole {
        return None;
    }
    let datagram = packet.get(header..)?;
    let length = usize::from(word(datagram, 4)?);
    Some(UdpFrame {
        mac: ethernet[6..12].try_into().ok()?,
        source: SocketAddrV4::new(<[u8; 4]>::try_from(packet.get(12..16)?).ok()?.into(), word(datagram, 0)?),
        port: word(datagram, 2)?,
        payload: datagram.get(UDP_HEADER..length)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_as_tshark_wants_it() {
        let mut frame = Vec::new();
        let from = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 67);
        let to = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 99), 68);
        udp([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], from, to, b"abc", &mut frame);
        let expected = [
            2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, // Ethernet
            0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0xb6, 0x69, 192, 0, 2, 1, 192, 0, 2, 99, // IPv4
            0, 67, 0, 68, 0, 11, 0xb6, 0x89, b'a', b'b', b'c', // UDP
        ];
        assert_eq!(frame, expected);
    }

    proptest! {
        #[test]
        fn checksums_of_frames_add_up(
            payload in proptest::collection::vec(any::<u8>(), 0..600), from: u32, to: u32, ports: (u16, u16),
        ) {
            let (from, to) = (SocketAddrV4::new(from.into(), ports.0), SocketAddrV4::new(to.into(), ports.1));
            let mut frame = Vec::new();
            udp([2; 6], [4; 6], from, to, &payload, &mut frame);
            prop_assert_eq!(internet_sum(&frame[14..34], 0), 0xffff);
            let pseudo = u32::from(internet_sum(&frame[26..34], 0)) + 17 + (8 + payload.len()) as u32;
            prop_assert_eq!(internet_sum(&frame[34..], pseudo), 0xffff);
            let read = read_udp(&frame).unwrap();
            prop_assert_eq!((read.mac, read.source, read.port, read.payload), ([2; 6], from, to.port(), &payload[..]));
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (read_udp(&bytes), arp_sender(&bytes), echo_reply(&bytes, 0));
        }
    }

    #[test]
    fn an_arp_probe_is_in_nobodys_name() {
        let mac = [2, 0, 0, 0, 0, 1];
        let mut frame = arp_probe(mac, Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(arp_sender(&frame), None);
        frame[28..32].copy_from_slice(&[192, 0, 2, 7]);
        assert_eq!(arp_sender(&frame), Some((Ipv4Addr::new(192, 0, 2, 7), mac)));
    }

    #[test]
    fn an_echo_is_known_by_its_identifier() {
        let mut packet = vec![0x45; 20];
        packet[12..16].copy_from_slice(&[192, 0, 2, 7]);
        packet.extend(echo_request(99));
        assert_eq!(internet_sum(&packet[20..], 0), 0xffff);
        assert_eq!(echo_reply(&packet, 99), None);
        packet[20] = 0;
        assert_eq!(echo_reply(&packet, 99), Some(Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(echo_reply(&packet, 98), None);
    }
}
