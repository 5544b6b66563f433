//! Clients that are broken or mean harm: refused, counted, and no trouble to others.

use std::time::Duration;

use ironhand_boot_port::TransferEnd;
use ironhand_boot_port::http::HEAD_LIMIT;

use crate::shelf::{bytes, config, file_of, serve};
use crate::talk::Talk;

#[test]
fn what_no_boot_client_sends_is_refused_and_counted() {
    let served = serve(config(), vec![("x", bytes(b"x"))]);
    let mut refused = 0;
    let mut check = |request: &str, status: u16| {
        let mut talk = Talk::to(served.address());
        talk.send(request);
        let reply = talk.reply(true);
        assert_eq!(reply.status, status, "{request:.100}");
        assert_eq!(reply.header("connection"), Some("close"), "{request:.100}");
        talk.finish();
        assert!(talk.ended());
        refused += 1;
        assert_eq!(served.listener.counts().refused, refused, "{request:.100}");
    };

    check("GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check("GET /..%5c..%5cetc HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check("GET /x%00.efi HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    check("\u{16}\u{3}\u{1}\u{2}\r\n\r\n", 400);
    check("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", 413);
    check(
        "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        413,
    );
    check("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 413);
    check("GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400);
    check("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405);
    check("CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    check(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(5_000)), 414);
    check(&format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(HEAD_LIMIT)), 431);
    check(&format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(HEAD_LIMIT)), 431);
    check(&format!("GET /x HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(100)), 431);
    assert_eq!(served.notes.try_iter().count(), 0, "none of these reaches the shelf");
}

#[test]
fn a_head_that_comes_in_drops_is_not_waited_for() {
    let mut config = config();
    config.head_timeout = Duration::from_millis(100);
    let served = serve(config, vec![("x", bytes(b"x"))]);
    let mut slow = Talk::to(served.address());
    slow.send("GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    // While that one is waited for, others are served.
    assert_eq!(Talk::to(served.address()).get("/x", "").status, 200);
    assert!(slow.ended());
    assert_eq!(served.listener.counts().timed_out, 1);
}

#[test]
fn a_connection_without_requests_ends() {
    let mut config = config();
    config.idle_timeout = Duration::from_millis(100);
    let served = serve(config, vec![("x", bytes(b"x"))]);
    let mut talk = Talk::to(served.address());
    assert_eq!(talk.get("/x", "").status, 200);
    assert!(talk.ended());
    assert_eq!(served.listener.counts().timed_out, 1);
}

#[test]
fn a_client_that_takes_nothing_is_left_and_noted() {
    let mut config = config();
    config.stall_timeout = Duration::from_millis(100);
    let served = serve(config, vec![("large", file_of(&[&vec![7; 64 << 20]]))]);
    let mut talk = Talk::to(served.address());
    talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let note = served.noted();
    assert!(matches!(&note.end, TransferEnd::Broken(what) if what.contains("nothing")), "{note:?}");
    assert!(note.bytes < note.length);
    assert_eq!(served.listener.counts().stalled, 1);
}

#[test]
fn a_client_that_goes_away_is_noted_with_what_it_took() {
    let served = serve(config(), vec![("large", file_of(&[&vec![7; 64 << 20]]))]);
    let mut talk = Talk::to(served.address());
    talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    while served.listener.counts().requests == 0 {
        std::thread::yield_now();
    }
    drop(talk);
    let note = served.noted();
    assert!(matches!(note.end, TransferEnd::Broken(_)), "{note:?}");
    assert_eq!(note.length, 64 << 20);
}

#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_the_connection() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len(64 << 20).expect("it grows");
    let body = ironhand_boot_port::Body::File {
        file: std::sync::Arc::new(file.reopen().expect("it opens")),
        parts: [ironhand_boot_port::Part { offset: 0, length: 64 << 20 }].into(),
    };
    let served = serve(config(), vec![("large", body)]);
    let mut talk = Talk::to(served.address());
    talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(talk.reply(false).status, 200);
    file.as_file().set_len(1).expect("it shrinks");
    assert!(talk.ended());
    let note = served.noted();
    assert!(matches!(&note.end, TransferEnd::Broken(what) if what.contains("cut")), "{note:?}");
}

#[test]
fn connections_are_limited_for_each_client_and_in_all() {
    let mut config = config();
    config.connections_of_client = 2;
    let served = serve(config, vec![("x", bytes(b"x"))]);
    let mut first = Talk::to(served.address());
    let mut second = Talk::to(served.address());
    assert_eq!((first.get("/x", "").status, second.get("/x", "").status), (200, 200));
    let mut third = Talk::to(served.address());
    let reply = third.reply(true);
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert!(third.ended());
    assert_eq!(served.listener.counts().turned_away, 1);
    first.finish();
    assert!(first.ended());
    // The place is free as soon as the server has seen the end, which the client cannot see.
    while Talk::to(served.address()).try_get("/x") != Some(200) {
        std::thread::yield_now();
    }
}
