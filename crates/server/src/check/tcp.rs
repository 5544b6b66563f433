//! Whether something listens, and whether it greets as an SSH server does.

use std::io::{Error, ErrorKind};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, lookup_host};

use super::Found;

/// What an SSH server may say before its greeting (RFC 4253 section 4.2), and with it.
const GREETING: usize = 4096;

/// Where SSH servers listen.
const SSH: u16 = 22;

/// Connects to `address`, which is `HOST:PORT`, or `HOST` where there is a port that it stands for.
pub(super) async fn connect(address: &str, port: Option<u16>) -> Result<TcpStream, Found> {
    let (host, port) = parts(address, port)
        .ok_or_else(|| Found::Unknown(format!("`{address}` is no address with a port")))?;
    let mut last = Found::Unknown(format!("`{host}` has no address"));
    let addresses = lookup_host((host.as_str(), port)).await;
    for address in addresses.map_err(|error| unresolved(&host, &error))? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}

/// Waits for the greeting of an SSH server.
pub(super) async fn greeting(address: &str) -> Result<(), Found> {
    let mut stream = connect(address, Some(SSH)).await?;
    let mut said = Vec::new();
    loop {
        if said.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"SSH-")) {
            return Ok(());
        }
        let room = GREETING - said.len();
        let mut piece = [0; 256];
        let read = stream.read(&mut piece[..room.min(256)]).await.map_err(|error| failed(&error))?;
        if read == 0 {
            return Err(Found::Failing("what listens there does not greet as an SSH server does".to_owned()));
        }
        said.extend_from_slice(&piece[..read]);
    }
}

/// The host and the port of an address; brackets stand around an IPv6 address that has a port.
fn parts(address: &str, port: Option<u16>) -> Option<(String, u16)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        let port = behind.strip_prefix(':').map_or(Some(port), |text| Some(text.parse().ok()));
        return Some((host.to_owned(), port??));
    }
    match address.rsplit_once(':') {
        Some((host, text)) if !host.contains(':') => Some((host.to_owned(), text.parse().ok()?)),
        _ => Some((address.to_owned(), port?)),
    }
}

/// A name server that fails says nothing of the host.
pub(super) fn unresolved(host: &str, error: &Error) -> Found {
    Found::Unknown(format!("the address of `{host}` cannot be found: {error}"))
}

/// What an error of a connection says: of the host, or of this machine alone.
pub(super) fn failed(error: &Error) -> Found {
    match error.kind() {
        ErrorKind::ConnectionRefused => Found::Failing("the connection is refused".to_owned()),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Found::Failing("the connection is broken off".to_owned())
        }
        ErrorKind::HostUnreachable => Found::Failing("the host cannot be reached".to_owned()),
        ErrorKind::TimedOut => Found::Failing("the connection does not come about".to_owned()),
        // Without a route, sockets or permission nothing was asked of the host.
        _ => Found::Unknown(format!("this machine cannot ask: {error}")),
    }
}
