//! Connections through microsocks, a SOCKS 5 proxy that others wrote.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use e2e::{Peer, peer, wait_until};
use ironhand_connectors::{
    Error, Hop, HttpClient, HttpLimits, HttpRequest, Login, PathHealth, Proof, Route, Standing,
};

const STARTS_WITHIN: Duration = Duration::from_secs(20);

struct Proxy {
    address: SocketAddr,
    _folder: tempfile::TempDir,
    _peer: Peer,
}

impl Proxy {
    /// It wants the password `open sesame` of `bob`.
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let port = address.port().to_string();
        let arguments = ["-i", "127.0.0.1", "-p", &port, "-u", "bob", "-P", "open sesame"];
        let peer = Peer::start(&peer("microsocks"), &arguments, &folder.path().join("log"));
        wait_until("the proxy listens", STARTS_WITHIN, || {
            TcpStream::connect(address).map(drop).map_err(|error| error.to_string())
        });
        Self { address, _folder: folder, _peer: peer }
    }

    fn hop(&self, password: Option<&str>) -> Hop {
        let login = password.map(|password| Login { username: "bob".to_owned(), password: password.into() });
        Hop::Socks5 { address: self.address.ip().to_string(), port: self.address.port(), login }
    }
}

/// An address on loopback where nothing listens, or did a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// A device that tells each of its visitors the same, at 127.0.0.1 and other addresses of this machine.
fn device() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(read) = stream.try_clone() else { continue };
            let mut lines = BufReader::new(read).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = (&stream)
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    address
}

fn ask(addresses: &[&str], port: u16, through: Hop, health: &PathHealth) -> Result<String, Error> {
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    let route = Route { addresses, port, through: Some(through) };
    let client = HttpClient::new(route, Proof::Off, HttpLimits::default()).with_health(health.clone());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(client.send(&HttpRequest::get("/")))?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn devices_are_reached_through_a_proxy_by_address_and_by_name() {
    let (proxy, device) = (Proxy::start(), device());
    for address in ["127.0.0.1", "localhost"] {
        let answer = ask(&[address], device.port(), proxy.hop(Some("open sesame")), &PathHealth::new());
        assert_eq!(answer.as_deref(), Ok("hello"), "{address}");
    }
    // One address behind the proxy is dead: the next is taken.
    let health = PathHealth::new();
    let addresses = ["127.0.0.9", "127.0.0.1"];
    let answer = ask(&addresses, device.port(), proxy.hop(Some("open sesame")), &health);
    assert_eq!(answer.as_deref(), Ok("hello"));
    assert_eq!(health.in_use().as_deref(), Some("127.0.0.1"));
    let standings = health.standings(&addresses.map(str::to_owned));
    assert!(matches!(standings[0].standing, Standing::Fails { .. }), "{standings:?}");
}

#[test]
fn what_a_proxy_refuses_is_told_as_such() {
    let (proxy, device) = (Proxy::start(), device());
    let check = |address: &str, port: u16, hop: Hop, code: &str, said: &str| {
        let error = ask(&[address], port, hop, &PathHealth::new()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    };
    let open = || proxy.hop(Some("open sesame"));
    check("127.0.0.1", device.port(), proxy.hop(Some("sesame")), "connector.hop", "refused the login of bob");
    check("127.0.0.1", device.port(), proxy.hop(None), "connector.hop", "wants a login");
    check("127.0.0.1", free_address().port(), open(), "connector.unreachable", "the connection is refused");
    check("no-such-host.invalid", 443, open(), "connector.hop", "SOCKS proxy 127.0.0.1");
    let nowhere = free_address();
    let dead = Hop::Socks5 { address: nowhere.ip().to_string(), port: nowhere.port(), login: None };
    check("127.0.0.1", device.port(), dead, "connector.hop", "Connection refused");
}
