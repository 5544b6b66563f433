use proptest::prelude::*;

use super::*;

#[test]
fn a_request_has_the_bytes_of_the_specification() {
    // Get Channel Authentication Capabilities as other consoles send it.
    let message = Message::request(0x06, 0, 0x38, 0, &[0x8E, 0x04]);
    assert_eq!(message.encode(), [0x20, 0x18, 0xC8, 0x81, 0x00, 0x38, 0x8E, 0x04, 0xB5]);
}

#[test]
fn a_reply_turns_the_addresses_round() {
    let request = Message::request(0x00, 0, 0x01, 5, &[]);
    let bytes = request.encode_reply(CompletionCode::OK, &[1, 2, 3]);
    let reply = Message::decode(&bytes).unwrap();
    assert_eq!((reply.to, reply.from), (CONSOLE_ADDRESS, BMC_ADDRESS));
    assert_eq!((reply.netfn, reply.command, reply.sequence), (0x01, 0x01, 5));
    assert_eq!(reply.data, [0, 1, 2, 3]);
    assert!(reply.is_reply() && !request.is_reply());
}

#[test]
fn what_is_wrong_with_a_message_is_told() {
    let good = Message::request(0x06, 0, 0x01, 1, &[]).encode();
    let check = |bytes: &[u8], fault| assert_eq!(Message::decode(bytes), Err(fault), "{bytes:02x?}");
    check(&[], Fault::Truncated("inner message header"));
    check(&good[..3], Fault::Truncated("inner message checksum"));
    check(&good[..5], Fault::Truncated("inner message command"));
    check(&good[..6], Fault::Truncated("inner message command"));
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        check(&changed, Fault::Checksum);
    }
}

proptest! {
    #[test]
    fn messages_survive_the_wire(
        bytes: [u8; 3],
        netfn in 0u8..64,
        luns in (0u8..4, 0u8..4),
        sequence in 0u8..64,
        data in proptest::collection::vec(any::<u8>(), 0..250),
    ) {
        let [to, from, command] = bytes;
        let message = Message { to, netfn, to_lun: luns.0, from, sequence, from_lun: luns.1, command, data: &data };
        let bytes = message.encode();
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn any_bytes_decode_to_something_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = Message::decode(&bytes);
    }
}
