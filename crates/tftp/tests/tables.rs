//! Datagrams, options and names, one case a line.

use ironhand_tftp::{
    DecodeError, ErrorCode, MAX_PATH, MAX_REQUEST, Mode, Options, Packet, PathFault, Request, data_header,
    netascii, normalise,
};
use proptest::prelude::*;

fn read<'a>(file: &'a [u8], mode: Mode, options: Options) -> Packet<'a> {
    Packet::Read(Request { file, mode, options })
}

#[track_caller]
fn check_packet(bytes: &[u8], expected: Result<Packet<'_>, DecodeError>) {
    assert_eq!(Packet::decode(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn requests() {
    let none = Options::default;
    check_packet(b"\0\x01a\0octet\0", Ok(read(b"a", Mode::Octet, none())));
    check_packet(b"\0\x01a\0OcTeT\0", Ok(read(b"a", Mode::Octet, none())));
    check_packet(b"\0\x01a\0NETASCII\0", Ok(read(b"a", Mode::Netascii, none())));
    check_packet(b"\0\x01a\0mail\0", Ok(read(b"a", Mode::Mail, none())));
    check_packet(b"\0\x01\0octet\0", Ok(read(b"", Mode::Octet, none())));
    check_packet(b"\0\x01\xff\xfe\0octet\0", Ok(read(b"\xff\xfe", Mode::Octet, none())));
    let write = Request { file: b"a", mode: Mode::Octet, options: none() };
    check_packet(b"\0\x02a\0octet\0", Ok(Packet::Write(write)));
    check_packet(b"\0\x01a\0binary\0", Err(DecodeError::Mode));
    check_packet(b"\0\x01a\0octet", Err(DecodeError::Truncated));
    check_packet(b"\0\x01a", Err(DecodeError::Truncated));
    check_packet(b"\0\x01", Err(DecodeError::Truncated));
    check_packet(b"\0", Err(DecodeError::Truncated));
    check_packet(b"", Err(DecodeError::Truncated));
    check_packet(b"\0\x07a", Err(DecodeError::Opcode(7)));
    check_packet(b"\x01\x01a\0octet\0", Err(DecodeError::Opcode(257)));
    let long = [&b"\0\x01"[..], &[b'a'; MAX_REQUEST], b"\0octet\0"].concat();
    check_packet(&long, Err(DecodeError::TooLong));
}

#[track_caller]
fn check_options(bytes: &[u8], expected: Options) {
    let packet = [b"\0\x01a\0octet\0", bytes].concat();
    check_packet(&packet, Ok(read(b"a", Mode::Octet, expected)));
}

#[test]
fn options_of_requests() {
    let blksize = |blksize| Options { blksize: Some(blksize), ..Options::default() };
    let windowsize = |windowsize| Options { windowsize: Some(windowsize), ..Options::default() };
    let all = Options { blksize: Some(1_468), tsize: Some(0), timeout: Some(3), windowsize: Some(4) };
    // OVMF's first request.
    check_options(b"tsize\x000\0blksize\x001468\0windowsize\x004\0timeout\x003\0", all.clone());
    check_options(b"TSIZE\x000\0BlkSize\x001468\0WindowSize\x004\0TIMEOUT\x003\0", all);
    check_options(b"blksize\x008\0", blksize(8));
    check_options(b"blksize\x007\0", Options::default());
    check_options(b"blksize\x0065464\0", blksize(65_464));
    check_options(b"blksize\x0065465\0", blksize(65_464));
    check_options(b"blksize\x0018446744073709551615\0", blksize(65_464));
    check_options(b"blksize\x0018446744073709551616\0", Options::default());
    check_options(b"blksize\x00-8\0", Options::default());
    check_options(b"blksize\x00+512\0", Options::default());
    check_options(b"blksize\x00 512\0", Options::default());
    check_options(b"blksize\x00\0", Options::default());
    check_options(b"blksize\x001024", Options::default());
    check_options(b"blksize", Options::default());
    check_options(b"blksize\x001024\0blksize\x00512\0", blksize(1_024));
    check_options(b"windowsize\x000\0", Options::default());
    check_options(b"windowsize\x0065536\0", windowsize(65_535));
    check_options(b"timeout\x000\0", Options::default());
    check_options(b"timeout\x00256\0", Options::default());
    check_options(b"timeout\x00255\0", Options { timeout: Some(255), ..Options::default() });
    check_options(b"rollover\x000\0multicast\0\0windowsize\x002\0", windowsize(2));
    check_options(&[b'9'; 1_500], Options::default());
}

#[test]
fn other_packets() {
    check_packet(b"\0\x03\0\x01", Ok(Packet::Data { block: 1, data: b"" }));
    check_packet(b"\0\x03\xff\xffab", Ok(Packet::Data { block: 65_535, data: b"ab" }));
    check_packet(b"\0\x03\0", Err(DecodeError::Truncated));
    check_packet(b"\0\x04\x01\x02", Ok(Packet::Acknowledge { block: 258 }));
    check_packet(b"\0\x04\x01\x02behind", Ok(Packet::Acknowledge { block: 258 }));
    check_packet(b"\0\x04\x01", Err(DecodeError::Truncated));
    let error = |message: &'static str| Ok(Packet::Error { code: ErrorCode(8), message: message.into() });
    check_packet(b"\0\x05\0\x08no\0", error("no"));
    check_packet(b"\0\x05\0\x08no", error("no"));
    check_packet(b"\0\x05\0\x08", error(""));
    check_packet(b"\0\x05\0", Err(DecodeError::Truncated));
    check_packet(b"\0\x06", Ok(Packet::OptionAcknowledge(Options::default())));
    let tsize = Options { tsize: Some(5), ..Options::default() };
    check_packet(b"\0\x06tsize\x005\0", Ok(Packet::OptionAcknowledge(tsize)));
}

#[test]
fn blocks_wrap_to_zero() {
    for (block, header) in [
        (1, [0, 3, 0, 1]),
        (65_535, [0, 3, 255, 255]),
        (65_536, [0, 3, 0, 0]),
        (65_537, [0, 3, 0, 1]),
        (1 << 40, [0, 3, 0, 0]),
    ] {
        assert_eq!(data_header(block), header, "{block}");
    }
}

#[track_caller]
fn check_path(name: &[u8], expected: Result<&str, PathFault>) {
    assert_eq!(normalise(name), expected.map(str::to_owned), "{:?}", String::from_utf8_lossy(name));
}

#[test]
fn paths() {
    check_path(b"pxelinux.0", Ok("pxelinux.0"));
    check_path(b"/pxelinux.0", Ok("pxelinux.0"));
    check_path(b"///boot//x", Ok("boot/x"));
    check_path(b"\\boot\\x", Ok("boot/x"));
    check_path(b"\\Boot\\BCD", Ok("Boot/BCD"));
    check_path(b"./boot/./x", Ok("boot/x"));
    check_path(b"boot/", Ok("boot"));
    check_path(b"12345678/start4.elf", Ok("12345678/start4.elf"));
    check_path("größe.img".as_bytes(), Ok("größe.img"));
    check_path(b"a b", Ok("a b"));
    check_path(b"...", Ok("..."));
    check_path(b"a..b", Ok("a..b"));
    check_path(b"grub.cfg-01-52-54-00-12-34-56", Ok("grub.cfg-01-52-54-00-12-34-56"));
    check_path(b"..", Err(PathFault::Climbs));
    check_path(b"../etc/passwd", Err(PathFault::Climbs));
    check_path(b"/boot/../../etc/passwd", Err(PathFault::Climbs));
    check_path(b"boot\\..\\..\\x", Err(PathFault::Climbs));
    check_path(b"boot/..", Err(PathFault::Climbs));
    check_path(b"", Err(PathFault::Empty));
    check_path(b"/", Err(PathFault::Empty));
    check_path(b"./", Err(PathFault::Empty));
    check_path(b"a\nb", Err(PathFault::NoText));
    check_path(b"a\x7fb", Err(PathFault::NoText));
    check_path(b"\xff", Err(PathFault::NoText));
    check_path(&[b'a'; MAX_PATH], Ok(&"a".repeat(MAX_PATH)));
    check_path(&[b'a'; MAX_PATH + 1], Err(PathFault::TooLong));
}

#[track_caller]
fn check_netascii(file: &[u8], wire: &[u8]) {
    let mut encoded = Vec::new();
    netascii::encode(file, &mut encoded);
    assert_eq!(encoded, wire);
    assert_eq!(netascii::encoded_len(file), wire.len() as u64);
    let mut decoded = Vec::new();
    let mut decoder = netascii::Decoder::default();
    decoder.decode(wire, &mut decoded);
    decoder.finish(&mut decoded);
    assert_eq!(decoded, file);
}

#[test]
fn netascii_lines() {
    check_netascii(b"", b"");
    check_netascii(b"a\nb\n", b"a\r\nb\r\n");
    check_netascii(b"a\rb", b"a\r\0b");
    check_netascii(b"a\r\nb", b"a\r\0\r\nb");
    check_netascii(b"\0\xff", b"\0\xff");
}

#[test]
fn netascii_of_careless_senders() {
    for (wire, expected) in
        [(&b"a\rb"[..], &b"a\rb"[..]), (b"a\r\r\nb", b"a\r\nb"), (b"a\nb", b"a\nb"), (b"a\r", b"a\r")]
    {
        let mut decoded = Vec::new();
        let mut decoder = netascii::Decoder::default();
        decoder.decode(wire, &mut decoded);
        decoder.finish(&mut decoded);
        assert_eq!(decoded, expected);
    }
}

fn options() -> impl Strategy<Value = Options> {
    let blksize = proptest::option::of(8..=65_464_u16);
    let windowsize = proptest::option::of(1..=u16::MAX);
    (blksize, proptest::option::of(any::<u64>()), proptest::option::of(1..=u8::MAX), windowsize)
        .prop_map(|(blksize, tsize, timeout, windowsize)| Options { blksize, tsize, timeout, windowsize })
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(file in "[^\\x00]{0,200}", options in options(), block: u16, data: Vec<u8>) {
        let request = || Request { file: file.as_bytes(), mode: Mode::Netascii, options: options.clone() };
        for packet in [
            Packet::Read(request()),
            Packet::Write(request()),
            Packet::Data { block, data: &data },
            Packet::Acknowledge { block },
            Packet::Error { code: ErrorCode(block), message: file.as_str().into() },
            Packet::OptionAcknowledge(options.clone()),
        ] {
            let bytes = packet.to_vec();
            prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
        }
    }

    #[test]
    fn netascii_is_undone_in_any_pieces(file: Vec<u8>, cut in 1..9_usize) {
        let mut wire = Vec::new();
        netascii::encode(&file, &mut wire);
        let mut decoder = netascii::Decoder::default();
        let mut decoded = Vec::new();
        for piece in wire.chunks(cut) {
            decoder.decode(piece, &mut decoded);
        }
        decoder.finish(&mut decoded);
        prop_assert_eq!(decoded, file);
    }

    #[test]
    fn a_path_never_climbs(name: Vec<u8>) {
        if let Ok(path) = normalise(&name) {
            prop_assert!(!path.starts_with('/') && !path.contains('\\'));
            prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert_eq!(normalise(path.as_bytes()), Ok(path.clone()));
        }
    }
}
