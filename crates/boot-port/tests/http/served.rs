//! What is served, and how.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ironhand_boot_port::http::PIECE;
use ironhand_boot_port::{Body, Refusal, TransferEnd};

use crate::shelf::{Served, bytes, config, file_of, pattern, serve, serve_at};
use crate::talk::Talk;

fn shelf() -> Served {
    let (left, middle, right) = (pattern(300_000), pattern(5), pattern(2_000_000));
    serve(
        config(),
        vec![
            ("boot.ipxe", bytes(b"#!ipxe\nshell\n")),
            ("ipxe/ipxe.efi", file_of(&[&pattern(1_000)])),
            ("kernel", file_of(&[&left, &middle, &[], &right])),
            ("held", Body::Bytes(pattern(PIECE * 3 + 1).into())),
            ("empty", bytes(b"")),
            ("none", file_of(&[])),
        ],
    )
}

#[test]
fn both_families_are_served_at_one_address_and_seen_as_what_they_are() {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let served = serve_at(any, config(), Vec::new());
    for client in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let server = SocketAddr::new(client, served.address().port());
        let reply = Talk::to(server).get("/asked", "");
        assert_eq!(String::from_utf8_lossy(&reply.body), format!("{client} {server} None"));
        assert_eq!(served.noted().client.ip(), client);
    }
}

#[test]
fn a_file_is_served_with_its_length_type_and_validators() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    let reply = talk.get("/ipxe/ipxe.efi?mac=1", "");
    assert_eq!((reply.status, reply.body), (200, pattern(1_000)));
    let mut talk = Talk::to(served.address());
    talk.send("HEAD //ipxe/ipxe.efi HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = talk.reply(false);
    assert_eq!(head.status, 200);
    assert_eq!(head.header("Content-Length"), Some("1000"));
    assert_eq!(head.header("Content-Type"), Some("application/efi"));
    assert_eq!(head.header("ETag"), Some("\"v1\""));
    assert_eq!(head.header("Last-Modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(head.header("Accept-Ranges"), Some("bytes"));
    assert_eq!(head.header("Transfer-Encoding"), None);
    assert_eq!(head.header("Content-Encoding"), None);
    let first = served.noted();
    assert_eq!(
        (first.path.as_str(), first.bytes, first.length, first.end),
        ("ipxe/ipxe.efi", 1_000, 1_000, TransferEnd::Done)
    );
    assert_eq!(served.noted().end, TransferEnd::SizeOnly);
}

#[test]
fn bodies_of_every_kind_come_whole_over_one_connection() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    let kernel = [pattern(300_000), pattern(5), pattern(2_000_000)].concat();
    for (path, expected) in [
        ("/boot.ipxe", b"#!ipxe\nshell\n".to_vec()),
        ("/boot/boot.ipxe", b"#!ipxe\nshell\n".to_vec()),
        ("/kernel", kernel.clone()),
        ("/held", pattern(PIECE * 3 + 1)),
        ("/empty", Vec::new()),
        ("/none", Vec::new()),
    ] {
        let reply = talk.get(path, "");
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.body == expected, "{path}");
        let note = served.noted();
        assert_eq!(
            (note.bytes, note.length, note.end),
            (expected.len() as u64, expected.len() as u64, TransferEnd::Done),
            "{path}"
        );
    }
    assert_eq!(served.listener.counts().connections, 1);
}

#[test]
fn ranges_are_cut_out_across_parts() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    let kernel = [pattern(300_000), pattern(5), pattern(2_000_000)].concat();
    let mut check = |path: &str, range: &str, expected: Option<&[u8]>, place: &str| {
        let reply = talk.get(path, &format!("Range: {range}\r\n"));
        assert_eq!(reply.header("Content-Range"), Some(place), "{path} {range}");
        match expected {
            Some(expected) => assert!(reply.status == 206 && reply.body == expected, "{path} {range}"),
            None => assert_eq!(reply.status, 416, "{path} {range}"),
        }
        let note = served.noted();
        let told = format!("bytes {}-", note.first);
        assert!(expected.is_none() || place.starts_with(&told), "{path} {range}: {note:?}");
    };

    check("/kernel", "bytes=299998-300010", Some(&kernel[299_998..300_011]), "bytes 299998-300010/2300005");
    check("/kernel", "bytes=100-1999999", Some(&kernel[100..2_000_000]), "bytes 100-1999999/2300005");
    check("/kernel", "bytes=-7", Some(&kernel[2_299_998..]), "bytes 2299998-2300004/2300005");
    check("/kernel", "bytes=2300004-", Some(&kernel[2_300_004..]), "bytes 2300004-2300004/2300005");
    check("/kernel", "bytes=2300005-", None, "bytes */2300005");
    check(
        "/held",
        "bytes=65536-196600",
        Some(&pattern(PIECE * 3 + 1)[65_536..196_601]),
        "bytes 65536-196600/196609",
    );
    check("/boot.ipxe", "bytes=2-5", Some(b"ipxe"), "bytes 2-5/13");
    check("/empty", "bytes=0-", None, "bytes */0");
    let whole = talk.get("/boot.ipxe", "Range: bytes=0-1,4-5\r\n");
    assert_eq!((whole.status, whole.body.len()), (200, 13));
}

#[test]
fn a_client_resumes_only_what_is_still_the_same() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    let mut check = |headers: &str, status: u16, length: usize| {
        let reply = talk.get("/boot.ipxe", headers);
        assert_eq!((reply.status, reply.body.len()), (status, length), "{headers:?}");
    };

    check("Range: bytes=7-\r\nIf-Match: \"v1\"\r\n", 206, 6);
    check("Range: bytes=7-\r\nIf-Match: \"v0\"\r\n", 412, "the file is not what it was\n".len());
    check("Range: bytes=7-\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 206, 6);
    check(
        "Range: bytes=7-\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
        412,
        "the file is not what it was\n".len(),
    );
    check("Range: bytes=7-\r\nIf-Range: \"v1\"\r\n", 206, 6);
    check("Range: bytes=7-\r\nIf-Range: \"v0\"\r\n", 200, 13);
    check("If-None-Match: \"v1\"\r\n", 304, 0);
    check("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304, 0);
    check("Range: bytes=99-\r\n", 416, "the file is shorter than that\n".len());
}

#[test]
fn refusals_say_no_more_than_they_should() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    for target in ["/missing", "/", "/ipxe", "/ipxe/"] {
        assert_eq!(talk.get(target, "").status, 404, "{target}");
        assert_eq!(served.noted().end, TransferEnd::Refused(Refusal::NotFound), "{target}");
    }
    let forbidden = talk.get("/secret", "");
    assert_eq!((forbidden.status, forbidden.body), (403, b"this is not for you\n".to_vec()));
    let busy = talk.get("/busy", "");
    assert_eq!((busy.status, busy.header("Retry-After")), (503, Some("3")));
}

#[test]
fn the_shelf_is_told_who_asks_and_where() {
    let served = shelf();
    let address = served.address();
    let reply = Talk::to(address).get("/asked?mac=52%3A54", "");
    assert_eq!(
        String::from_utf8(reply.body).expect("text"),
        format!("127.0.0.1 {address} Some(\"mac=52%3A54\")")
    );
}

#[test]
fn pipelined_and_old_requests_are_answered() {
    let served = shelf();
    let mut talk = Talk::to(served.address());
    talk.send("\r\nGET /boot.ipxe HTTP/1.1\r\nHost: a\r\n\r\nHEAD /kernel HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\nHost: a\n\n");
    assert_eq!(talk.reply(true).body.len(), 13);
    assert_eq!(talk.reply(false).header("content-length"), Some("2300005"));
    assert_eq!(talk.reply(true).header("content-length"), Some("0"));
    talk.send("GET /boot.ipxe HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(talk.reply(true).header("connection"), Some("keep-alive"));
    talk.send("GET /boot.ipxe HTTP/1.0\r\n\r\n");
    assert_eq!(talk.reply(true).header("connection"), Some("close"));
    assert!(talk.ended());
}

#[test]
fn closing_lets_an_answer_come_to_its_end() {
    let mut config = config();
    config.grace = Duration::from_secs(60);
    let served = serve(config, vec![("large", file_of(&[&vec![7; 64 << 20]]))]);
    let mut idle = Talk::to(served.address());
    assert_eq!(idle.get("/missing", "").status, 404);
    let mut talk = Talk::to(served.address());
    talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    // The answer has begun when its first bytes are here, and cannot have ended: no socket buffers so much.
    let reader = std::thread::spawn(move || {
        let length = talk.reply(true).body.len();
        (length, talk)
    });
    while served.listener.counts().requests < 2 {
        std::thread::yield_now();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(served.listener.close());
    let (length, _talk) = reader.join().expect("no panic");
    assert_eq!(length, 64 << 20);
    assert!(idle.ended());
}
