//! The checksum of the Internet protocols (RFC 1071).

use std::net::Ipv6Addr;

/// The ones' complement sum of 16-bit words, the last one filled up with a zero, from `initial` on. Its complement is the
/// checksum of the bytes; the sum over bytes with a right checksum in them is `0xffff`.
pub fn internet_sum(bytes: &[u8], initial: u32) -> u16 {
    let mut words = bytes.chunks_exact(2);
    let mut sum = initial;
    for word in &mut words {
        sum += u32::from(u16::from_be_bytes([word[0], word[1]]));
    }
    if let [last] = words.remainder() {
        sum += u32::from(*last) << 8;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The checksum of what follows the header of IPv6, whose addresses, protocol and length count among it (RFC 8200, section
/// 8.1); 0 where a right one is within.
pub fn checksum6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: &[u8]) -> u16 {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let initial = u32::from(length) + u32::from(protocol);
    let initial = internet_sum(&to.octets(), internet_sum(&from.octets(), initial).into());
    !internet_sum(payload, initial.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_rfc_1071() {
        let check = |bytes: &[u8], expected: u16| assert_eq!(internet_sum(bytes, 0), expected, "{bytes:x?}");
        // The example of section 3.
        check(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 0xddf2);
        check(&[], 0);
        check(&[0xff], 0xff00);
        check(&[0xff, 0xff, 0, 1], 1);
    }
}
