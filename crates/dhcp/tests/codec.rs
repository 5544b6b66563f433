//! Messages and values as bytes: what is written is what is read, and nothing that comes in is trusted.

use std::net::Ipv4Addr;

use ironhand_dhcp::{
    Architecture, ClasslessRoute, DecodeError, HardwareAddress, MachineUuid, Message, MessageType, Op,
    Options, code, domain_search,
};
use proptest::prelude::*;

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

/// A message with these bytes as its options.
fn with_options(area: &[u8]) -> Vec<u8> {
    let mut bytes = encoded(&Message::default());
    bytes.truncate(240);
    bytes.extend_from_slice(area);
    bytes
}

#[test]
fn the_header_lies_where_the_rfc_has_it() {
    let mut message = Message {
        op: Op::Reply,
        hops: 3,
        xid: 0x0102_0304,
        secs: 5,
        flags: 0x8000,
        ciaddr: Ipv4Addr::new(1, 1, 1, 1),
        yiaddr: Ipv4Addr::new(2, 2, 2, 2),
        siaddr: Ipv4Addr::new(3, 3, 3, 3),
        giaddr: Ipv4Addr::new(4, 4, 4, 4),
        chaddr: HardwareAddress::ethernet([0xa, 0xb, 0xc, 0xd, 0xe, 0xf]),
        ..Message::default()
    };
    assert!(message.set_server_name(b"srv") && message.set_file_name(b"boot"));
    message.options.set(code::MESSAGE_TYPE, &[5]);
    let bytes = encoded(&message);
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[..12], [2, 1, 6, 3, 1, 2, 3, 4, 0, 5, 0x80, 0]);
    assert_eq!(bytes[12..28], [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
    assert_eq!(bytes[28..35], [0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0]);
    assert_eq!(&bytes[44..48], b"srv\0");
    assert_eq!(&bytes[108..113], b"boot\0");
    assert_eq!(bytes[236..245], [99, 130, 83, 99, 53, 1, 5, 255, 0]);
    assert_eq!(Message::decode(&bytes), Ok(message));
}

#[test]
fn what_is_no_message_is_told_apart() {
    let good = encoded(&Message::default());
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for (bytes, error) in [
        (Vec::new(), DecodeError::TooShort(0)),
        (good[..239].to_vec(), DecodeError::TooShort(239)),
        (vec![1; 9000], DecodeError::TooLong(9000)),
        (changed(236, 0), DecodeError::Cookie),
        (changed(0, 3), DecodeError::Op(3)),
    ] {
        assert_eq!(Message::decode(&bytes), Err(error));
    }
}

#[test]
fn d14_options_are_read_as_far_as_they_go() {
    #[track_caller]
    fn check(area: &[u8], expected: &[(u8, &[u8])]) {
        let message = Message::decode(&with_options(area)).expect("the header is well");
        assert_eq!(message.options.iter().collect::<Vec<_>>(), expected);
    }
    check(&[53, 1, 1, 255, 12, 1, 7], &[(53, &[1])]);
    check(&[0, 0, 53, 1, 1], &[(53, &[1])]);
    // Past the end.
    check(&[53, 1, 1, 12, 9, 1], &[(53, &[1])]);
    check(&[53, 1, 1, 12], &[(53, &[1])]);
    check(&[53, 1, 1, 97, 0], &[(53, &[1]), (97, &[])]);
    // Pieces of one option are one (RFC 3396), in the place of the first.
    check(&[12, 2, 1, 2, 53, 1, 1, 12, 1, 3, 82, 0, 12, 0, 255], &[(12, &[1, 2, 3]), (53, &[1]), (82, &[])]);
}

#[test]
fn overloaded_fields_are_read_in_their_order_and_are_names_no_more() {
    let mut message = Message::default();
    message.file[..6].copy_from_slice(&[12, 1, b'b', 53, 1, 3]);
    message.sname[..4].copy_from_slice(&[12, 1, b'c', 255]);
    message.options.set(code::OVERLOAD, &[3]).set(code::HOST_NAME, b"a");
    let read = Message::decode(&encoded(&message)).expect("it is a message");
    assert_eq!(read.options.get(code::HOST_NAME), Some(&b"abc"[..]));
    assert_eq!(read.message_type(), Some(MessageType::Request));
    assert_eq!((read.file_name(), read.server_name()), (&b""[..], &b""[..]));
    assert_eq!(read.options.get(code::OVERLOAD), None);
}

#[test]
fn long_options_leave_in_pieces_and_option_82_leaves_last() {
    let long = [7; 600];
    let mut message = Message::default();
    message.options.set(code::RELAY_AGENT_INFORMATION, &[1, 1, 1]).set(code::VENDOR_SPECIFIC, &long);
    let bytes = encoded(&message);
    assert_eq!(bytes[240..242], [43, 255]);
    assert_eq!(bytes[bytes.len() - 6..], [82, 3, 1, 1, 1, 255]);
    let read = Message::decode(&bytes).expect("it is a message");
    assert_eq!(read.options.get(code::VENDOR_SPECIFIC), Some(&long[..]));
    assert_eq!(read.options.iter().last().map(|(code, _)| code), Some(82));
}

#[test]
fn names_that_do_not_fit_leave_the_field_empty() {
    let mut message = Message::default();
    assert!(message.set_file_name(&[b'x'; 127]));
    assert!(!message.set_file_name(&[b'x'; 128]));
    assert_eq!(message.file_name(), b"");
    assert!(message.set_server_name(&[b'x'; 63]) && !message.set_server_name(&[b'x'; 64]));
}

#[test]
fn options_are_set_replaced_and_taken_out() {
    let mut options = Options::new();
    options.set_u32(51, 7).set_text(12, "a").set_u16(57, 1500).set_addresses(3, &[Ipv4Addr::LOCALHOST; 2]);
    options.set(12, b"b\0\0").set(code::PAD, b"no").set(code::END, b"no");
    assert_eq!((options.len(), options.text(12), options.u32(51)), (4, Some(&b"b"[..]), Some(7)));
    assert_eq!((options.u16(57), options.address(3)), (Some(1500), Some(Ipv4Addr::LOCALHOST)));
    options.remove(51);
    assert_eq!(options.iter().map(|(code, _)| code).collect::<Vec<_>>(), [12, 57, 3]);
    assert_eq!(options, options.iter().collect());
    options.clear();
    assert!(options.is_empty());
}

#[test]
fn d13_uuids_are_known_in_both_orders_and_dummies_are_none() {
    let wire = [0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4];
    let option = |wire: [u8; 16]| [&[0][..], &wire].concat();
    let uuid = MachineUuid::read(&option(wire)).expect("it is one");
    assert_eq!(uuid.to_string(), "12345678-1234-5678-9abc-def001020304");
    assert_eq!(uuid.big_endian(), wire);
    let dummy = *b"\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x07\x00\x08\x00\x09";
    for nothing in
        [option([0; 16]), option([0xff; 16]), option(dummy), Vec::new(), vec![0], vec![0; 16], vec![1; 17]]
    {
        assert_eq!(MachineUuid::read(&nothing), None);
    }
}

#[test]
fn the_first_known_architecture_of_a_list_counts() {
    for (list, expected) in [
        (&[0, 7][..], Some(Architecture::X64Uefi)),
        (&[0x7f, 0, 0, 16], Some(Architecture::X64UefiHttp)),
        (&[0, 0, 0, 7], Some(Architecture::X86Bios)),
        (&[7], None),
        (&[], None),
        (&[0xff, 0xff], None),
    ] {
        assert_eq!(Architecture::first_known(list), expected);
    }
    for known in Architecture::ALL {
        assert_eq!(Architecture::of(known.number()), Some(known));
    }
}

#[test]
fn classless_routes_and_search_lists_have_the_form_of_their_rfcs() {
    let route = |network: [u8; 4], prefix, router: [u8; 4]| ClasslessRoute {
        network: network.into(),
        prefix,
        router: router.into(),
    };
    // The examples of RFC 3442.
    let routes = [
        route([0, 0, 0, 0], 0, [10, 0, 0, 1]),
        route([10, 0, 0, 0], 8, [10, 0, 0, 2]),
        route([10, 229, 0, 128], 25, [10, 229, 0, 1]),
        route([10, 198, 122, 47], 32, [0, 0, 0, 0]),
    ];
    let value = [
        0, 10, 0, 0, 1, 8, 10, 10, 0, 0, 2, 25, 10, 229, 0, 128, 10, 229, 0, 1, 32, 10, 198, 122, 47, 0, 0,
        0, 0,
    ];
    assert_eq!(ClasslessRoute::encode(&routes), value);
    assert_eq!(ClasslessRoute::decode(&value), Some(routes.to_vec()));
    assert_eq!(ClasslessRoute::encode(&[route([10, 9, 8, 7], 8, [1; 4])]), [8, 10, 1, 1, 1, 1]);
    for wrong in [&[33, 1, 1, 1, 1, 1, 1, 1, 1, 1][..], &[8, 10, 1, 1, 1], &[0]] {
        assert_eq!(ClasslessRoute::decode(wrong), None);
    }
    assert_eq!(domain_search(&["a.bc", "d."]), Ok(b"\x01a\x02bc\x00\x01d\x00".to_vec()));
    for wrong in ["", "a..b", &"x".repeat(64), &"a.".repeat(130)] {
        assert!(domain_search(&[wrong]).is_err());
    }
}

fn options() -> impl Strategy<Value = Options> {
    let value = prop::collection::vec(any::<u8>(), 0..300);
    prop::collection::btree_map(1_u8..=254, value, 0..20).prop_map(|fields| {
        let mut options = Options::new();
        // Option 82 leaves last, and option 52 is the codec's own.
        for (code, value) in fields.iter().filter(|(code, _)| !matches!(**code, 52 | 82)) {
            options.set(*code, value);
        }
        options
    })
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        header in any::<(bool, u8, u32, u16, u16)>(),
        addresses in any::<[u32; 4]>(),
        chaddr in prop::collection::vec(any::<u8>(), 0..=16),
        sname in prop::collection::vec(any::<u8>(), 64),
        file in prop::collection::vec(any::<u8>(), 128),
        options in options(),
    ) {
        let (reply, hops, xid, secs, flags) = header;
        let [ciaddr, yiaddr, siaddr, giaddr] = addresses.map(Ipv4Addr::from_bits);
        let message = Message {
            op: if reply { Op::Reply } else { Op::Request },
            hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr,
            chaddr: HardwareAddress::new(1, &chaddr),
            sname: sname.try_into().expect("it has the length"),
            file: file.try_into().expect("it has the length"),
            options,
        };
        let bytes = encoded(&message);
        prop_assume!(bytes.len() <= 8192);
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_without_panic_and_written_as_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for bytes in [bytes.clone(), with_options(&bytes)] {
            if let Ok(message) = Message::decode(&bytes) {
                // Option 82 may have stood elsewhere; it is written last.
                let written = encoded(&message);
                let again = Message::decode(&written).expect("what we write we read");
                prop_assert_eq!(encoded(&again), written);
            }
        }
    }
}
