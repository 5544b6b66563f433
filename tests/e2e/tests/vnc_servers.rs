//! Remote framebuffers of others: x11vnc, TigerVNC's server and QEMU, directly, over TLS and behind websockify; and a
//! viewer of others on ours.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::{Peer, peer, run, wait_until};
use ironhand_api::{Connector, Tls, VncOptions, Way};
use ironhand_connectors::{Error, Login, ScreenEvent, ScreenSource, Surroundings, open_screen};
use ironhand_console::Image;
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_rfb::{Client, ClientConfig, Encoding, Error as Rfb, Event, Framebuffer, Output, PixelFormat};
use ironhand_sim::vnc::{Before, VncConfig, VncServer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(30);

const PASSWORD: &str = "c0rrect";

/// A picture with what encodings tell apart: few colours, slopes, and noise.
fn picture() -> Framebuffer {
    let pixel = |at: u32| {
        let (x, y) = (at % 320, at / 320);
        match y {
            0..80 if (x / 8 + y / 16).is_multiple_of(3) => 0x00BE_BEBE,
            0..80 => 0x0000_00AA,
            80..160 => (x * 255 / 320) << 16 | (y * 3 % 256) << 8 | ((x + y) % 256),
            _ if x < 100 => at.wrapping_mul(0x9E37_79B1) >> 8,
            _ => 0x00FF_FFFF,
        }
    };
    Framebuffer::from_pixels(320, 240, (0..320 * 240).map(pixel).collect()).expect("small")
}

/// A port on loopback where nothing listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn until_it_listens(port: u16) {
    wait_until("it listens", PATIENCE, || {
        TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|error| error.to_string())
    });
}

/// Starts x11vnc on a file that holds the picture.
fn x11vnc(folder: &TempDir, more: &[&str]) -> (Peer, u16) {
    let file = folder.path().join("framebuffer");
    let bytes: Vec<u8> = picture().pixels().iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    fs::write(&file, bytes).expect("the folder takes files");
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).expect("the folder takes files");
    let framebuffer = format!("map:{}@320x240x32:ff0000/ff00/ff", file.display());
    let (port, password) = (free_port(), password.display().to_string());
    let port_text = port.to_string();
    let arguments = ["-rawfb", &framebuffer, "-rfbport", &port_text, "-localhost", "-passwdfile", &password];
    let quiet = ["-forever", "-shared", "-noshm", "-nolookup", "-nopw", "-cursor", "none"];
    let arguments = [&arguments[..], &quiet, more].concat();
    let peer = Peer::start(&peer("x11vnc"), &arguments, &folder.path().join("log"));
    until_it_listens(port);
    (peer, port)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// What a viewer with these wishes sees first, and whether it is told that it may be inexact.
async fn seen(port: u16, config: ClientConfig) -> (Framebuffer, bool) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let mut client = Client::new(Instant::now(), ClientConfig { password: Some(PASSWORD.into()), ..config });
    let mut bytes = vec![0; 65536];
    loop {
        while let Some(output) = client.next_output() {
            match output {
                Output::Send(bytes) => stream.write_all(&bytes).await.expect("it takes what is sent"),
                Output::Event(Event::Connected { .. }) => client.request_update(Instant::now(), false),
                Output::Event(Event::Updated) => {
                    let screen = client.framebuffer().expect("connected").clone();
                    return (screen, client.is_lossy());
                }
                Output::Event(Event::Failed(error)) => panic!("{error}"),
                Output::Event(_) => {}
            }
        }
        let length = stream.read(&mut bytes).await.expect("it is connected");
        assert!(length > 0, "it closed the connection");
        client.receive(Instant::now(), &bytes[..length]);
    }
}

fn away(one: &[u32], other: &[u32]) -> u64 {
    let bytes = |pixels: &[u32]| pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect::<Vec<u8>>();
    let sum: u64 = bytes(one).iter().zip(bytes(other)).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
    sum / one.len() as u64 / 3
}

#[test]
fn the_same_picture_comes_by_every_encoding() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_peer, port) = x11vnc(&folder, &[]);
    let encodings =
        [Encoding::Raw, Encoding::Rre, Encoding::Hextile, Encoding::Zlib, Encoding::Tight, Encoding::Zrle];
    for encoding in encodings {
        let config = ClientConfig { encodings: vec![encoding], ..ClientConfig::default() };
        let (screen, is_lossy) = runtime().block_on(seen(port, config));
        assert!(screen == picture(), "{encoding:?}");
        assert!(!is_lossy, "{encoding:?}");
    }
    for level in [1, 9] {
        let config = ClientConfig {
            encodings: vec![Encoding::Tight],
            jpeg_quality: Some(level),
            ..ClientConfig::default()
        };
        let (screen, is_lossy) = runtime().block_on(seen(port, config));
        let away = away(screen.pixels(), picture().pixels());
        assert!(is_lossy && away < 30, "level {level}: {away} away");
    }
}

/// x11vnc makes a map for a viewer that cannot do without: of three bits of red and green and two of blue.
#[test]
fn a_colour_map_is_followed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_peer, port) = x11vnc(&folder, &[]);
    let look = |pixel_format| {
        let config = ClientConfig { pixel_format, ..ClientConfig::default() };
        runtime().block_on(seen(port, config)).0
    };
    let mapped = look(PixelFormat::COLOUR_MAP);
    let distinct: std::collections::HashSet<u32> = mapped.pixels().iter().copied().collect();
    assert!(distinct.len() > 2, "{distinct:x?}");
    assert!(mapped == look(PixelFormat::TRUE_COLOUR_8));
}

async fn open(
    port: u16,
    user: &str,
    password: &str,
    tls: Option<Tls>,
    path: Option<&str>,
) -> Result<Box<dyn ScreenSource>, Error> {
    let options = VncOptions { tls, path: path.map(str::to_owned), enable_by: None };
    let mut connector = Connector::new(Way::Vnc(options), "127.0.0.1");
    connector.port = Some(port);
    let login = Login { username: user.to_owned(), password: password.into() };
    let surroundings = Surroundings::default();
    let opening = open_screen(&connector, Some(login), &surroundings);
    tokio::time::timeout(PATIENCE, opening).await.expect("it opens or fails in time")
}

/// Waits for the next answer to a request.
async fn look(screen: &mut dyn ScreenSource) -> Image {
    let looking = async {
        screen.request_update(false).await.expect("it is connected");
        loop {
            screen.ready().await;
            screen.pump().await.expect("it is connected");
            match screen.next_event() {
                Some(ScreenEvent::Updated) => return screen.image(None).expect("it was updated"),
                Some(event) => panic!("{event:?}"),
                None => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it answers in time")
}

/// A certificate that signs itself, with its key: `server-cert.pem`, `server-key.pem`, `ca-cert.pem`, and both in one.
fn certificate(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (key, certificate) = (file("server-key.pem"), file("server-cert.pem"));
    let made = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ],
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("openssl wrote it");
    fs::write(file("ca-cert.pem"), read("server-cert.pem")).expect("the folder takes files");
    fs::write(file("both.pem"), read("server-key.pem") + &read("server-cert.pem"))
        .expect("the folder takes files");
}

fn authority(folder: &Path) -> Tls {
    Tls::Ca(fs::read_to_string(folder.join("ca-cert.pem")).expect("it was written"))
}

#[test]
fn x11vnc_is_seen_over_tls_and_behind_websockify() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    certificate(folder.path());
    let both = folder.path().join("both.pem").display().to_string();
    let check = |port, tls, path: Option<&str>| {
        runtime().block_on(async {
            let mut screen = open(port, "", PASSWORD, tls, path).await.expect("it lets us in");
            assert_eq!(look(&mut *screen).await.pixels, picture().pixels());
            screen.close().await;
        });
    };
    {
        let (_peer, port) = x11vnc(&folder, &["-ssl", &both, "-vencrypt", "never", "-anontls", "never"]);
        check(port, Some(Tls::Default), None);
    }
    let (_peer, port) = x11vnc(&folder, &[]);
    check(port, None, None);
    for encrypted in [false, true] {
        let front = free_port();
        let (listen, target) = (format!("127.0.0.1:{front}"), format!("127.0.0.1:{port}"));
        let mut arguments = vec![listen.as_str(), target.as_str()];
        if encrypted {
            arguments.extend(["--ssl-only", "--cert", &both]);
        }
        let _proxy = Peer::start(&peer("websockify"), &arguments, &folder.path().join("proxy-log"));
        until_it_listens(front);
        check(front, encrypted.then_some(Tls::Default), Some("/websockify"));
    }
}

#[test]
fn tigervnc_lets_in_by_vencrypt_with_a_certificate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    certificate(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("plain"), PASSWORD).expect("the folder takes files");
    let plain = fs::File::open(file("plain")).expect("it was written");
    let made = Command::new(peer("tigervncpasswd")).arg("-f").stdin(plain).output().expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(file("password"), made.stdout).expect("the folder takes files");
    let (port, display) = (free_port(), format!(":{}", 100 + std::process::id() % 60_000));
    let (port_text, password) = (port.to_string(), file("password"));
    let (key, certificate) = (file("server-key.pem"), file("server-cert.pem"));
    let arguments = [
        &display,
        "-geometry",
        "160x120",
        "-retro",
        "-localhost",
        "-rfbport",
        &port_text,
        "-PasswordFile",
        &password,
        "-SecurityTypes",
        "X509Vnc,TLSVnc",
        "-X509Key",
        &key,
        "-X509Cert",
        &certificate,
    ];
    let _peer = Peer::start(&peer("Xvnc"), &arguments, &folder.path().join("log"));
    until_it_listens(port);
    runtime().block_on(async {
        for tls in [Tls::Default, authority(folder.path())] {
            let mut screen = open(port, "", PASSWORD, Some(tls), None).await.expect("it lets us in");
            let image = look(&mut *screen).await;
            assert_eq!((image.width, image.height), (160, 120));
            // The pattern of X servers of old.
            let white = image.pixels.iter().filter(|pixel| **pixel == 0x00FF_FFFF).count();
            let black = image.pixels.iter().filter(|pixel| **pixel == 0).count();
            assert_eq!(white + black, 160 * 120);
            assert!(white > 3000 && black > 3000, "{white} white, {black} black");
            assert_eq!(screen.keyboard(), Some(Keyboard::Positions));
            screen.close().await;
        }
        let refused = open(port, "", PASSWORD, None, None).await.map(drop);
        assert!(matches!(refused, Err(Error::Rfb(Rfb::TlsRequired { .. }))), "{refused:?}");
        let refused = open(port, "", "battery", Some(Tls::Default), None).await.map(drop);
        assert!(matches!(refused, Err(Error::Rfb(Rfb::AuthFailed { .. }))), "{refused:?}");
    });
}

#[test]
fn qemu_lets_in_by_password_and_over_tls_and_takes_keys_by_their_places() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    certificate(folder.path());
    let credentials = format!(
        "tls-creds-x509,id=tls,endpoint=server,verify-peer=off,sanity-check=off,dir={}",
        folder.path().display()
    );
    let secret_file = folder.path().join("secret");
    fs::write(&secret_file, PASSWORD).expect("the folder takes files");
    let secret = format!("secret,id=password,file={}", secret_file.display());
    for encrypted in [false, true] {
        let port = free_port();
        let display = i32::from(port) - 5900;
        let tls = if encrypted { ",tls-creds=tls" } else { "" };
        let screen = format!("127.0.0.1:{display},password-secret=password{tls}");
        let arguments = [
            "-machine",
            "pc",
            "-accel",
            "tcg",
            "-m",
            "32",
            "-nodefaults",
            "-vga",
            "std",
            "-display",
            "none",
            "-object",
            &secret,
            "-object",
            &credentials,
            "-vnc",
            &screen,
            "-boot",
            "menu=on,splash-time=60000",
        ];
        let _peer = Peer::start(&peer("qemu-system-x86_64"), &arguments, &folder.path().join("log"));
        until_it_listens(port);
        runtime().block_on(async {
            let tls = encrypted.then(|| authority(folder.path()));
            let mut screen = open(port, "", PASSWORD, tls, None).await.expect("it lets us in");
            assert_eq!(screen.keyboard(), Some(Keyboard::Positions));
            // The firmware waits for Escape, whose menu changes the screen.
            let mut before = look(&mut *screen).await;
            let waiting = async {
                while before.pixels.iter().filter(|pixel| **pixel != 0).count() < 500 {
                    before = look(&mut *screen).await;
                }
                loop {
                    for down in [true, false] {
                        let escape = Stroke { keysym: 0xFF1B, usage: Some(0x29), down };
                        screen.key(escape).await.expect("it is connected");
                    }
                    if look(&mut *screen).await.pixels != before.pixels {
                        break;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, waiting).await.expect("the menu is seen in time");
            screen.close().await;
            if encrypted {
                let refused = open(port, "", PASSWORD, None, None).await.map(drop);
                assert!(matches!(refused, Err(Error::Rfb(Rfb::TlsRequired { .. }))), "{refused:?}");
            }
        });
    }
}

#[test]
fn viewers_of_others_see_what_ours_shows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = runtime();
    let server =
        runtime.block_on(VncServer::start(VncConfig::new(Before::Nothing), picture())).expect("a free port");
    let display = i32::from(server.address().port()) - 5900;
    let file = folder.path().join("seen.png");
    let target = format!("127.0.0.1:{display}");
    let captured = run("gvnccapture", &["-q", &target, &file.display().to_string()]);
    assert!(captured.status.success(), "{}", String::from_utf8_lossy(&captured.stderr));
    let seen = Image::decode(&fs::read(file).expect("it was written")).expect("a picture");
    assert_eq!((seen.width, seen.height), (320, 240));
    assert!(seen.pixels == picture().pixels(), "{} away", away(&seen.pixels, picture().pixels()));
}
