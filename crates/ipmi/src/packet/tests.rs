use proptest::prelude::*;

use super::*;
use crate::message::Message;
use crate::recording::{self, Recording};

fn keys(recording: &Recording) -> SessionKeys {
    let handshake = recording.handshake();
    handshake.session_keys(&handshake.session_integrity_key(&recording.kg), &recording.user)
}

fn protected(recording: &Recording) -> impl Iterator<Item = (PlusPacket<'_>, &[u8])> {
    recording.datagrams.iter().filter_map(|bytes| match Datagram::decode(bytes).unwrap() {
        Datagram::Plus(packet) if packet.authenticated => Some((packet, bytes.as_slice())),
        _ => None,
    })
}

#[test]
fn recorded_packets_open_and_seal_to_the_same_bytes() {
    for recording in recording::all() {
        let keys = keys(&recording);
        assert!(protected(&recording).count() >= 14, "the recording holds a whole session");
        for (packet, bytes) in protected(&recording) {
            let payload = packet.open(&keys).unwrap();
            Message::decode(&payload).unwrap();
            let iv = *packet.payload.first_chunk().unwrap();
            assert_eq!(seal(&keys, PayloadType::Ipmi, packet.session, packet.sequence, iv, &payload), bytes);
        }
    }
}

#[test]
fn every_changed_bit_of_a_protected_packet_is_noticed() {
    for recording in recording::all() {
        let keys = keys(&recording);
        let (_, bytes) = protected(&recording).next().unwrap();
        // Behind the four bytes of the RMCP header, which nothing protects.
        for bit in 4 * 8..bytes.len() * 8 {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = match Datagram::decode(&changed) {
                Ok(Datagram::Plus(packet)) => packet.open(&keys).is_ok(),
                _ => false,
            };
            assert!(!opened, "bit {bit}");
        }
    }
}

#[test]
fn a_cut_packet_is_noticed() {
    for recording in recording::all() {
        let keys = keys(&recording);
        let (_, bytes) = protected(&recording).next().unwrap();
        for length in 0..bytes.len() {
            let opened = match Datagram::decode(&bytes[..length]) {
                Ok(Datagram::Plus(packet)) => packet.open(&keys).is_ok(),
                _ => false,
            };
            assert!(!opened, "cut to {length} bytes");
        }
    }
}

#[test]
fn an_unprotected_packet_does_not_pass_for_a_protected_one() {
    let recording = recording::all().remove(0);
    let mut bytes = encode_clear(PayloadType::Ipmi, &[0; 16]);
    bytes[6..10].copy_from_slice(&1u32.to_le_bytes());
    let Ok(Datagram::Plus(packet)) = Datagram::decode(&bytes) else { panic!("not RMCP+") };
    assert_eq!(packet.open(&keys(&recording)), Err(Fault::Unprotected));
}

#[test]
fn ping_and_pong_have_the_bytes_of_the_specification() {
    let ping = [0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x80, 0x2A, 0x00, 0x00];
    assert_eq!(encode_ping(0x2A), ping);
    assert_eq!(Datagram::decode(&ping), Ok(Datagram::Ping { tag: 0x2A }));
    let pong = encode_pong(0x2A);
    assert_eq!(pong[..12], [0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x40, 0x2A, 0x00, 0x10]);
    assert_eq!(pong.len(), 12 + 0x10);
    assert_eq!(Datagram::decode(&pong), Ok(Datagram::Pong { tag: 0x2A }));
}

#[test]
fn what_is_wrong_with_a_datagram_is_told() {
    let check = |bytes: &[u8], fault| assert_eq!(Datagram::decode(bytes), Err(fault), "{bytes:02x?}");
    check(&[], Fault::Truncated("RMCP header"));
    check(&[0x06, 0x00, 0xFF], Fault::Truncated("RMCP header"));
    check(b"HTTP/1.1 400 Bad Request", Fault::RmcpVersion(b'H'));
    check(&[0x06, 0x00, 0xFF, 0x08], Fault::RmcpClass(8));
    check(&[0x06, 0x00, 0xFF, 0x06, 0, 0, 0x11, 0xBE, 0x81, 0, 0, 0], Fault::AsfType(0x81));
    check(&[0x06, 0x00, 0xFF, 0x07, 0x05], Fault::AuthenticationType(5));
    check(&[0x06, 0x00, 0xFF, 0x07, 0x02], Fault::Truncated("session sequence number"));
    check(&[0x06, 0x00, 0xFF, 0x07, 0x06, 0x05], Fault::PayloadType(5));
    check(
        &[0x06, 0x00, 0xFF, 0x07, 0x06, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1],
        Fault::Truncated("payload"),
    );
    check(&vec![0x06; DATAGRAM_LIMIT + 1], Fault::TooLong(DATAGRAM_LIMIT + 1));
}

#[test]
fn an_impossible_confidentiality_pad_is_a_fault() {
    let recording = recording::all().remove(0);
    let keys = keys(&recording);
    let check = |plain: &[u8; 16]| {
        let mut ciphertext = *plain;
        cbc::Encryptor::<aes::Aes128>::new((&*keys.aes).into(), &[0; 16].into())
            .encrypt_padded::<NoPadding>(&mut ciphertext, 16)
            .unwrap();
        decrypt(&keys.aes, &[&[0; 16], ciphertext.as_slice()].concat()).map(|plain| plain.len())
    };
    let ending = |pad: u8| {
        let mut plain = [0; 16];
        plain[15] = pad;
        plain
    };
    assert_eq!(check(&ending(0)), Ok(15));
    assert_eq!(check(&ending(15)), Ok(0));
    assert_eq!(check(&ending(16)), Err(Fault::Encryption));
    assert_eq!(check(&ending(255)), Err(Fault::Encryption));
    assert_eq!(decrypt(&keys.aes, &[0; 16]), Err(Fault::Encryption), "no block behind the vector");
    assert_eq!(decrypt(&keys.aes, &[0; 40]), Err(Fault::Encryption), "half a block");
}

proptest! {
    #[test]
    fn sealed_packets_open(
        suite in 0usize..2,
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        session in 1u32..,
        sequence in 1u32..,
        iv: [u8; 16],
    ) {
        let keys = keys(&recording::all()[suite]);
        let bytes = seal(&keys, PayloadType::Ipmi, session, sequence, iv, &payload);
        prop_assert_eq!((bytes.len() - 4 - keys.algorithms.integrity.code_length()) % 4, 0);
        let Ok(Datagram::Plus(packet)) = Datagram::decode(&bytes) else { panic!("not RMCP+") };
        prop_assert_eq!((packet.session, packet.sequence), (session, sequence));
        prop_assert_eq!(packet.open(&keys), Ok(payload));
    }

    #[test]
    fn clear_payloads_survive_the_wire(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = encode_sessionless(&payload);
        prop_assert_eq!(Datagram::decode(&bytes), Ok(Datagram::Sessionless(&payload)));
        let bytes = encode_clear(PayloadType::Rakp1, &payload);
        let Ok(Datagram::Plus(packet)) = Datagram::decode(&bytes) else { panic!("not RMCP+") };
        prop_assert_eq!(packet.clear_payload(), Ok(payload.as_slice()));
    }

    #[test]
    fn any_bytes_decode_to_something_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let keys = keys(&recording::all()[1]);
        let headers: [&[u8]; 4] = [&[], &[6, 0, 0xFF, 7], &[6, 0, 0xFF, 7, 6, 0xC0], &[6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE]];
        for header in headers {
            if let Ok(Datagram::Plus(packet)) = Datagram::decode(&[header, &bytes].concat()) {
                prop_assert!(packet.open(&keys).is_err());
            }
        }
        let _ = decrypt(&keys.aes, &bytes);
    }
}
