//! Links are advertised to who asks and to all, and what others advertise is read (rule P14).

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use ironhand_dhcp::ra::{
    ALL_NODES, AdvertisedPrefix, Advertisement, AdvertisementError, Advertiser, AdvertiserConfig,
    AdvertiserOutput, Solicitation, SolicitationError,
};
use proptest::prelude::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const OURS: &str = "fe80::1";

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("it is an address")
}

fn advertiser() -> Advertiser {
    let config = AdvertiserConfig {
        address: address(OURS),
        mac: Some([2, 0, 0, 0, 0, 1]),
        managed: false,
        other: true,
        prefix: None,
        router: false,
        name_servers: Vec::new(),
    };
    Advertiser::new(Instant::now(), config)
}

fn solicitation(option: bool) -> Vec<u8> {
    let mut bytes = vec![133, 0, 0, 0, 0, 0, 0, 0];
    if option {
        bytes.extend_from_slice(&[1, 1]);
        bytes.extend_from_slice(&MAC);
    }
    bytes
}

fn outputs(advertiser: &mut Advertiser) -> Vec<AdvertiserOutput> {
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
        assert_eq!((*to, *mac), (address(source), Some(MAC)));
        assert_eq!(bytes[..2], [134, 0]);
        assert_eq!(bytes[4..16], [0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }
}

#[test]
fn a_link_is_advertised_to_all_and_unasked() {
    let now = Instant::now();
    let config = AdvertiserConfig {
        address: address(OURS),
        mac: None,
        managed: true,
        other: true,
        prefix: Some(address("2001:db8:7::1")),
        router: true,
        name_servers: vec![address("2001:db8:7::53")],
    };
    let mut advertiser = Advertiser::new(now, config);
    advertiser.wake(now);
    let told = outputs(&mut advertiser);
    let [AdvertiserOutput::Send { to, bytes }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*to, &bytes[..2], bytes[5], &bytes[6..8]), (ALL_NODES, &[134, 0][..], 0xc0, &[2, 88][..]));
    // The prefix: on the link, and for nobody to make an address of.
    assert_eq!(bytes[16..20], [3, 4, 64, 0x80]);
    assert_eq!(bytes[32..48], address("2001:db8:7::").octets());
    assert_eq!((&bytes[48..50], &bytes[56..72]), (&[25, 3][..], &address("2001:db8:7::53").octets()[..]));
    let mut times = Vec::new();
    while times.len() < 4 {
        let next = advertiser.next_wake().expect("it goes on");
        times.push((next - now).as_secs());
        advertiser.wake(next);
    }
    assert_eq!((times, outputs(&mut advertiser).len()), (vec![16, 32, 232, 432], 4));
    // Whoever asks is answered, with an address or without.
    for source in ["fe80::99", "::"] {
        let now = now + Duration::from_secs(500);
        advertiser.receive(now, address(source), 255, &solicitation(false));
        let to = if source == "::" { ALL_NODES } else { address(source) };
        let answered = outputs(&mut advertiser);
        assert!(
            matches!(&answered[0], AdvertiserOutput::Send { to: told, .. } if *told == to),
            "{answered:?}"
        );
    }
    advertiser.cease();
    let last = outputs(&mut advertiser);
    let [AdvertiserOutput::Send { to: ALL_NODES, bytes }] = &last[..] else { panic!("{last:?}") };
    assert_eq!(bytes[6..8], [0, 0], "it is a router no more");
    assert_eq!(advertiser.next_wake(), None);
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
fn nobody_is_told_too_often() {
    let now = Instant::now();
    let mut advertiser = advertiser();
    for _ in 0..5 {
        advertiser.receive(now, address("fe80::99"), 255, &solicitation(true));
    }
    assert_eq!(outputs(&mut advertiser).len(), 2);
    advertiser.receive(now + Duration::from_secs(1), address("fe80::99"), 255, &solicitation(true));
    assert_eq!(outputs(&mut advertiser).len(), 2);
    // All nodes are told every 3 s at the most, however many ask that have no address; who asked in between is told then.
    let sent = |advertiser: &mut Advertiser| {
        let told = outputs(advertiser);
        told.iter().filter(|output| matches!(output, AdvertiserOutput::Send { to: ALL_NODES, .. })).count()
    };
    let begin = now + Duration::from_secs(300);
    advertiser.wake(begin);
    assert_eq!(sent(&mut advertiser), 1);
    for tenths in 1..30 {
        let now = begin + Duration::from_millis(100 * tenths);
        advertiser.receive(now, Ipv6Addr::UNSPECIFIED, 255, &solicitation(false));
        advertiser.wake(now);
    }
    assert_eq!(sent(&mut advertiser), 0);
    let next = begin + Duration::from_secs(3);
    assert_eq!(advertiser.next_wake(), Some(next));
    advertiser.wake(next);
    assert_eq!(sent(&mut advertiser), 1);
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

#[test]
fn what_an_advertiser_says_is_read_by_others() {
    for (managed, other, router) in [(true, true, false), (false, true, true), (false, false, false)] {
        let config = AdvertiserConfig {
            address: address(OURS),
            mac: Some(MAC),
            managed,
            other,
            prefix: Some(address("2001:db8:7::1")),
            router,
            name_servers: vec![address("2001:db8:7::53")],
        };
        let now = Instant::now();
        let mut advertiser = Advertiser::new(now, config);
        advertiser.wake(now);
        let Some(AdvertiserOutput::Send { bytes, .. }) = advertiser.next_output() else { panic!() };
        let prefix = AdvertisedPrefix {
            prefix: address("2001:db8:7::"),
            length: 64,
            on_link: true,
            autonomous: false,
        };
        let lifetime = Duration::from_secs(if router { 600 } else { 0 });
        let wanted =
            Advertisement { router: address(OURS), managed, other, lifetime, prefixes: vec![prefix] };
        assert_eq!(Advertisement::decode(address(OURS), 255, &bytes), Ok(wanted));
    }
}

#[test]
fn what_is_no_advertisement_is_told_apart() {
    let plain = [134, 0, 0, 0, 64, 0x80, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let with = |option: &[u8]| [&plain[..], option].concat();
    for (source, hop_limit, bytes, error) in [
        (OURS, 64, plain.to_vec(), AdvertisementError::Beyond),
        ("2001:db8::1", 255, plain.to_vec(), AdvertisementError::Beyond),
        (OURS, 255, plain[..15].to_vec(), AdvertisementError::Other),
        (OURS, 255, solicitation(true), AdvertisementError::Other),
        (OURS, 255, with(&[3, 0]), AdvertisementError::Option),
        (OURS, 255, with(&[3, 4, 64]), AdvertisementError::Option),
        (OURS, 255, with(&[3]), AdvertisementError::Option),
    ] {
        assert_eq!(Advertisement::decode(address(source), hop_limit, &bytes), Err(error));
    }
    // A prefix of another form is left out, and nothing else with it.
    let heard =
        Advertisement::decode(address(OURS), 255, &with(&[3, 1, 64, 0, 0, 0, 0, 0])).expect("it is one");
    assert_eq!((heard.managed, heard.lifetime, heard.prefixes.len()), (true, Duration::from_secs(0x708), 0));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), body in any::<bool>()) {
        let bytes = if body { [&solicitation(false)[..], &bytes].concat() } else { bytes };
        let _ = Solicitation::decode(address("fe80::1"), 255, &bytes);
        let told = [&[134; 1][..], &[0; 15], &bytes].concat();
        let _ = (Advertisement::decode(address(OURS), 255, &bytes), Advertisement::decode(address(OURS), 255, &told));
    }
}
