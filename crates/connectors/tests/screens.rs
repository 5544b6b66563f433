//! Remote framebuffers behind all that stands before them, through the connectors of a host.

use std::time::Duration;

use ironhand_api::{Connector, KvmOptions, KvmProtocol, Tls, VncOptions, Way};
use ironhand_connectors::{Error, Login, ScreenEvent, ScreenSource, Surroundings, open_screen};
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_rfb::{Error as Rfb, Framebuffer};
use ironhand_sim::Certificate;
use ironhand_sim::vnc::{Before, VncConfig, VncServer};

const PASSWORD: &str = "c0rrect: horse";

/// As long as anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn picture(seed: u32) -> Framebuffer {
    let pixels = (0..160 * 100_u32).map(|at| (at / 7 + seed).wrapping_mul(0x9E_3779) & 0x00FF_FFFF).collect();
    Framebuffer::from_pixels(160, 100, pixels).expect("small")
}

fn connector(server: &VncServer, way: Way) -> Connector {
    let mut connector = Connector::new(way, "127.0.0.1");
    connector.port = Some(server.address().port());
    connector
}

fn login(user: &str, password: &str) -> Option<Login> {
    Some(Login { username: user.to_owned(), password: password.into() })
}

async fn open(connector: &Connector, login: Option<Login>) -> Result<Box<dyn ScreenSource>, Error> {
    let surroundings = Surroundings::default();
    let opening = open_screen(connector, login, &surroundings);
    tokio::time::timeout(PATIENCE, opening).await.expect("it opens or fails in time")
}

/// Looks until the screen shows the picture.
async fn see(screen: &mut dyn ScreenSource, wanted: &Framebuffer) {
    let looking = async {
        let mut incremental = false;
        while screen.image(None).is_none_or(|image| image.pixels != wanted.pixels()) {
            screen.request_update(incremental).await.expect("it is connected");
            incremental = true;
            loop {
                screen.ready().await;
                screen.pump().await.expect("it is connected");
                match screen.next_event() {
                    Some(ScreenEvent::Updated) => break,
                    Some(event) => panic!("{event:?}"),
                    None => {}
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it is seen in time");
}

/// Looks twice, types, and leaves.
async fn use_it(server: &VncServer, mut screen: Box<dyn ScreenSource>) {
    see(&mut *screen, &picture(1)).await;
    server.show(picture(2));
    see(&mut *screen, &picture(2)).await;
    assert_eq!(screen.keyboard(), Some(Keyboard::Keysyms));
    assert!(!screen.is_lossy());
    for down in [true, false] {
        screen.key(Stroke { keysym: 0x61, usage: Some(4), down }).await.expect("it is connected");
    }
    let typing = async {
        while server.keys() != [(0x61, true), (0x61, false)] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, typing).await.expect("keys arrive in time");
    screen.close().await;
}

fn vnc(tls: Option<Tls>, path: Option<&str>) -> Way {
    Way::Vnc(VncOptions { tls, path: path.map(str::to_owned), enable_by: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn screens_are_seen_behind_all_that_stands_before_them() {
    let certificate = Certificate::self_signed().expect("a certificate");
    let openbmc = |tls| Way::Kvm(KvmOptions { protocol: KvmProtocol::Openbmc, tls });
    let ways = [
        (Before::Nothing, false, None, vnc(None, None)),
        (Before::Nothing, false, None, vnc(Some(Tls::Off), None)),
        (Before::Tls, true, None, vnc(Some(Tls::Default), None)),
        (Before::Vencrypt, true, None, vnc(Some(Tls::Default), None)),
        (Before::Vencrypt, true, Some("ADMIN"), vnc(Some(Tls::Default), None)),
        (Before::WebSocket, false, None, vnc(None, Some("/websockify"))),
        (Before::WebSocket, true, None, vnc(Some(Tls::Default), Some("/websockify"))),
        (Before::WebSocket, true, Some("ADMIN"), vnc(Some(Tls::Default), Some("/websockify"))),
        (Before::Openbmc, false, Some("root"), openbmc(Tls::Off)),
        (Before::Openbmc, true, Some("root"), openbmc(Tls::Default)),
    ];
    for (before, tls, user, way) in ways {
        let config = VncConfig {
            certificate: tls.then(|| certificate.clone()),
            user: user.map(str::to_owned),
            password: Some(PASSWORD.into()),
            ..VncConfig::new(before)
        };
        let server = VncServer::start(config, picture(1)).await.expect("a free port");
        let connector = connector(&server, way);
        let screen = open(&connector, login(user.unwrap_or_default(), PASSWORD)).await;
        let screen = screen.unwrap_or_else(|error| panic!("{before:?}: {error}"));
        assert_eq!(server.sessions(), usize::from(before == Before::Openbmc));
        use_it(&server, screen).await;
        assert_eq!(server.sessions(), 0, "{before:?}: the session is ended");
        // Only the first eight letters count without a name.
        let refused = open(&connector, login(user.unwrap_or_default(), "battery")).await.map(drop);
        let is_refused =
            matches!(refused, Err(Error::LoginRefused { .. } | Error::Rfb(Rfb::AuthFailed { .. })));
        assert!(is_refused, "{before:?}: {refused:?}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_bear_few_encodings_are_offered_few() {
    let config = VncConfig { bears_few_encodings: true, ..VncConfig::new(Before::Nothing) };
    let server = VncServer::start(config, picture(1)).await.expect("a free port");
    let screen = open(&connector(&server, vnc(None, None)), None).await.expect("it shows its screen");
    use_it(&server, screen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_tls_is_told() {
    let certificate = Certificate::self_signed().expect("a certificate");
    let start = |before, tls: bool| {
        let certificate = tls.then(|| certificate.clone());
        let config = VncConfig { certificate, password: Some(PASSWORD.into()), ..VncConfig::new(before) };
        async { VncServer::start(config, picture(1)).await.expect("a free port") }
    };
    let failure = |server: &VncServer, way| {
        let connector = connector(server, way);
        async move { open(&connector, login("", PASSWORD)).await.map(drop).expect_err("it is wrong") }
    };
    let server = start(Before::Vencrypt, true).await;
    let error = failure(&server, vnc(None, None)).await;
    assert!(matches!(error, Error::Rfb(Rfb::TlsRequired { .. })), "{error}");
    let other = Tls::Pin(ironhand_api::CertificatePin::Sha256([7; 32]));
    let error = failure(&server, vnc(Some(other), None)).await;
    assert!(matches!(error, Error::Certificate { .. }), "{error}");
    let server = start(Before::Nothing, false).await;
    let error = failure(&server, vnc(Some(Tls::Default), None)).await;
    assert!(matches!(error, Error::Rfb(Rfb::TlsUnavailable { .. })), "{error}");
    let server = start(Before::WebSocket, true).await;
    let error = failure(&server, vnc(Some(Tls::Default), Some("/elsewhere"))).await;
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
