//! The wait of iPXE for a router is ended, and nobody else is told anything (rule P14).

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use ironhand_dhcp::ra::{
    ALL_NODES, Advertiser, AdvertiserConfig, AdvertiserOutput, BootClients, Solicitation, SolicitationError,
};
use proptest::prelude::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const OURS: &str = "fe80::1";

struct Only([u8; 6]);

impl BootClients for Only {
    fn boots(&self, mac: [u8; 6]) -> bool {
        mac == self.0
    }
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("it is an address")
}

fn advertiser() -> Advertiser<Only> {
    let config = AdvertiserConfig {
        address: address(OURS),
        mac: Some([2, 0, 0, 0, 0, 1]),
        managed: false,
        other: true,
    };
    Advertiser::new(config, Only(MAC))
}

fn solicitation(option: bool) -> Vec<u8> {
    let mut bytes = vec![133, 0, 0, 0, 0, 0, 0, 0];
    if option {
        bytes.extend_from_slice(&[1, 1]);
        bytes.extend_from_slice(&MAC);
    }
    bytes
}

fn outputs(advertiser: &mut Advertiser<Only>) -> Vec<AdvertiserOutput> {
    std::iter::from_fn(|| advertiser.next_output()).collect()
}

#[test]
fn a_boot_client_is_told_that_there_is_no_router() {
    let now = Instant::now();
    // By its option, and by its address alone.
    for (source, option) in [("fe80::99", true), ("fe80::5054:ff:fe12:3456", false)] {
        let mut advertiser = advertiser();
        advertiser.receive(now, address(source), 255, &solicitation(option));
        let outputs = outputs(&mut advertiser);
        let [AdvertiserOutput::Send { to, bytes }, AdvertiserOutput::Advertised { mac }] = &outputs[..]
        else {
            panic!("{outputs:?}");
        };
        assert_eq!((*to, *mac), (address(source), MAC));
        assert_eq!(bytes[..2], [134, 0]);
        assert_eq!(bytes[4..16], [0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }
}

#[test]
fn the_sum_is_right() {
    // The sum over everything, with the sum in it, is all ones (RFC 1071).
    let mut advertiser = advertiser();
    let source = address("fe80::5054:ff:fe12:3456");
    advertiser.receive(Instant::now(), source, 255, &solicitation(false));
    let Some(AdvertiserOutput::Send { bytes, .. }) = advertiser.next_output() else {
        panic!("it is answered")
    };
    let mut whole = [address(OURS).octets(), source.octets()].concat();
    whole.extend_from_slice(&[0, 0, 0, bytes.len() as u8, 0, 0, 0, 58]);
    whole.extend_from_slice(&bytes);
    let sum: u32 = whole.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    assert_eq!((sum >> 16) + (sum & 0xffff), 0xffff);
}

#[test]
fn nobody_else_is_told_and_nobody_too_often() {
    let now = Instant::now();
    let mut advertiser = advertiser();
    advertiser.receive(now, address("fe80::5054:ff:fe99:9999"), 255, &solicitation(false));
    advertiser.receive(now, address("2001:db8::1"), 255, &solicitation(false));
    advertiser.receive(now, address("::"), 255, &solicitation(false));
    assert!(outputs(&mut advertiser).is_empty());
    for _ in 0..5 {
        advertiser.receive(now, address("fe80::99"), 255, &solicitation(true));
    }
    assert_eq!(outputs(&mut advertiser).len(), 2);
    advertiser.receive(now + Duration::from_secs(1), address("fe80::99"), 255, &solicitation(true));
    assert_eq!(outputs(&mut advertiser).len(), 2);
    assert_ne!(ALL_NODES, address("fe80::99"));
}

#[test]
fn what_is_no_solicitation_is_told_apart() {
    let source = address("fe80::99");
    for (source, hop_limit, bytes, error) in [
        (source, 64, solicitation(true), SolicitationError::HopLimit(64)),
        (source, 255, vec![133, 0], SolicitationError::Other),
        (source, 255, vec![134, 0, 0, 0, 0, 0, 0, 0], SolicitationError::Other),
        (source, 255, vec![133, 0, 0, 0, 0, 0, 0, 0, 1, 0], SolicitationError::Option),
        (source, 255, vec![133, 0, 0, 0, 0, 0, 0, 0, 1, 9, 1], SolicitationError::Option),
        (source, 255, vec![133, 0, 0, 0, 0, 0, 0, 0, 1], SolicitationError::Option),
        (Ipv6Addr::UNSPECIFIED, 255, solicitation(true), SolicitationError::SourceAddress),
    ] {
        assert_eq!(Solicitation::decode(source, hop_limit, &bytes), Err(error));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), body in any::<bool>()) {
        let bytes = if body { [&solicitation(false)[..], &bytes].concat() } else { bytes };
        let _ = Solicitation::decode(address("fe80::1"), 255, &bytes);
    }
}
