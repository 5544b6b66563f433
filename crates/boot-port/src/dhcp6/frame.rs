//! Whole Ethernet frames with IPv6 (RFC 2464 and RFC 8200), for questions that no socket of the system may ask: the port of
//! clients is that of a DHCP client of this machine.

use std::net::Ipv6Addr;

use ironhand_dhcp::checksum6;

/// The EtherType of IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// What follows the header of IPv6.
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 58;
/// Bytes of the headers of Ethernet and IPv6, and of UDP.
pub(super) const ETHERNET_HEADER: usize = 14;
pub(super) const IP_HEADER: usize = 40;
const UDP_HEADER: usize = 8;

/// A packet of UDP or ICMPv6 without further headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) mac: [u8; 6],
    pub(super) source: Ipv6Addr,
    pub(super) destination: Ipv6Addr,
    pub(super) hop_limit: u8,
    pub(super) protocol: u8,
    /// All behind the header of IPv6.
    pub(super) payload: &'a [u8],
}

/// Reads a frame; nothing where it is of another kind, or cut into fragments.
pub(super) fn read(frame: &[u8]) -> Option<Packet<'_>> {
    let (ethernet, packet) = frame.split_first_chunk::<ETHERNET_HEADER>()?;
    let (header, payload) = packet.split_first_chunk::<IP_HEADER>()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let address = |at: usize| Some(Ipv6Addr::from(*header[at..].first_chunk::<16>()?));
    let is_ours = ethernet[12..] == IPV6.to_be_bytes() && header[0] >> 4 == 6;
    (is_ours && matches!(header[6], UDP | ICMP)).then_some(Packet {
        mac: *ethernet[6..].first_chunk()?,
        source: address(8)?,
        destination: address(24)?,
        hop_limit: header[7],
        protocol: header[6],
        payload: payload.get(..length)?,
    })
}

/// The ports and the words of a UDP datagram.
pub(super) fn datagram(payload: &[u8]) -> Option<([u16; 2], &[u8])> {
    let (header, _) = payload.split_first_chunk::<UDP_HEADER>()?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    Some(([word(0), word(2)], payload.get(UDP_HEADER..usize::from(word(4)))?))
}

/// A frame with a UDP datagram for a group of the link.
pub(super) fn udp(mac: [u8; 6], addresses: [Ipv6Addr; 2], ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(UDP_HEADER + payload.len()).unwrap_or(u16::MAX);
    let mut datagram = [ports[0], ports[1], length, 0].map(u16::to_be_bytes).as_flattened().to_vec();
    datagram.extend_from_slice(payload);
    whole(mac, addresses, (UDP, 1), datagram, 6)
}

/// A frame with an ICMPv6 message of neighbours for a group of the link.
pub(super) fn icmp(mac: [u8; 6], addresses: [Ipv6Addr; 2], message: Vec<u8>) -> Vec<u8> {
    whole(mac, addresses, (ICMP, 255), message, 2)
}

/// A frame whose payload has its sum at `at`.
fn whole(
    mac: [u8; 6],
    [from, to]: [Ipv6Addr; 2],
    (protocol, hop_limit): (u8, u8),
    mut payload: Vec<u8>,
    at: usize,
) -> Vec<u8> {
    // One that comes to 0 is sent as its other form, as 0 is no sum (RFC 8200, section 8.1).
    let checksum = match checksum6(from, to, protocol, &payload) {
        0 => 0xffff,
        checksum => checksum,
    };
    payload[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    let [.., a, b, c, d] = to.octets();
    let mut frame = vec![0x33, 0x33, a, b, c, d];
    frame.extend_from_slice(&mac);
    frame.extend_from_slice(&IPV6.to_be_bytes());
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    frame.extend_from_slice(&[0x60, 0, 0, 0, length[0], length[1], protocol, hop_limit]);
    frame.extend_from_slice(&from.octets());
    frame.extend_from_slice(&to.octets());
    frame.extend_from_slice(&payload);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_its_sums_are_right(
            payload in proptest::collection::vec(any::<u8>(), 0..600), from: u128, to: u128, ports: [u16; 2],
        ) {
            let addresses = [Ipv6Addr::from_bits(from), Ipv6Addr::from_bits(to)];
            let frame = udp([2; 6], addresses, ports, &payload);
            let packet = read(&frame).unwrap();
            prop_assert_eq!((packet.mac, packet.source, packet.destination), ([2; 6], addresses[0], addresses[1]));
            prop_assert_eq!((packet.protocol, packet.hop_limit), (UDP, 1));
            prop_assert_eq!(checksum6(addresses[0], addresses[1], UDP, packet.payload), 0);
            prop_assert_eq!(datagram(packet.payload), Some((ports, &payload[..])));
            let message = [&[133, 0, 0, 0][..], &payload].concat();
            let frame = icmp([2; 6], addresses, message);
            let packet = read(&frame).unwrap();
            prop_assert_eq!((packet.protocol, packet.hop_limit), (ICMP, 255));
            prop_assert_eq!(checksum6(addresses[0], addresses[1], ICMP, packet.payload), 0);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let packet = read(&bytes);
            let _ = packet.map(|packet| datagram(packet.payload).is_some());
        }
    }
}
