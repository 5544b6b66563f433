//! How a connection to a device is made: over which of its addresses, and through which host between.

mod health;
mod socks5;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ironhand_api::{Connector, ConnectorType, Through};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use crate::ssh::{self, Target};
use crate::{Error, Login, TlsClient};

pub use health::{AddressHealth, PathHealth, Standing};

/// The port of SOCKS (RFC 1928 section 3).
const SOCKS_PORT: u16 = 1080;

/// The two directions of a connection.
pub trait AsyncReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> AsyncReadWrite for S {}

/// A connection, whatever it runs through.
pub type Stream = Box<dyn AsyncReadWrite>;

/// Where a device is.
#[derive(Clone)]
pub struct Route {
    /// Its IP addresses or host names, the preferred one first; or paths of sockets.
    pub addresses: Vec<String>,
    /// The TCP port, the same at all of them.
    pub port: u16,
    /// A host between that connections are made through.
    pub through: Option<Hop>,
}

/// A host between.
#[derive(Clone)]
pub enum Hop {
    /// A SOCKS 5 proxy (RFC 1928).
    Socks5 {
        /// Its IP address or host name.
        address: String,
        /// Its TCP port.
        port: u16,
        /// Who logs in, where it asks (RFC 1929).
        login: Option<Login>,
    },
    /// An SSH jump host.
    Ssh {
        /// Its IP address or host name.
        address: String,
        /// Its TCP port.
        port: u16,
        /// Who logs in; the password may be a private key.
        login: Login,
        /// The fingerprint of its host key, as OpenSSH writes it.
        host_key: String,
    },
}

/// Which way a connection took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The address of the device, as its route has it.
    pub address: String,
    /// The TCP port.
    pub port: u16,
}

impl Route {
    /// The route of a manifest's connector. `hop` is who logs in at the host between.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where a jump host has no login.
    pub fn of(connector: &Connector, hop: Option<Login>) -> Result<Self, Error> {
        let missing = || Error::Misconfigured { reason: "a jump host needs a credential".to_owned() };
        let through = match &connector.through {
            None => None,
            Some(Through::Socks5 { address, port, .. }) => {
                Some(Hop::Socks5 { address: address.clone(), port: port.unwrap_or(SOCKS_PORT), login: hop })
            }
            Some(Through::Ssh { address, port, host_key, .. }) => Some(Hop::Ssh {
                address: address.clone(),
                port: port.unwrap_or(ConnectorType::Ssh.default_port()),
                login: hop.ok_or_else(missing)?,
                host_key: host_key.clone(),
            }),
        };
        let first = std::iter::once(&connector.address);
        let addresses = first.chain(&connector.backup_addresses).cloned().collect();
        Ok(Self { addresses, port: connector.effective_port(), through })
    }

    /// A direct route to one address.
    pub fn direct(address: impl Into<String>, port: u16) -> Self {
        Self { addresses: vec![address.into()], port, through: None }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("addresses", &self.addresses)
            .field("port", &self.port)
            .field("through", &self.through)
            .finish()
    }
}

impl fmt::Debug for Hop {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

impl fmt::Display for Hop {
    /// As errors name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, address, port) = match self {
            Self::Socks5 { address, port, .. } => ("SOCKS proxy", address, port),
            Self::Ssh { address, port, .. } => ("jump host", address, port),
        };
        write!(f, "{kind} {}", joined(address, *port))
    }
}

impl fmt::Display for Taken {
    /// `10.0.7.12:443`, `[fd00::12]:443`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.address, self.port))
    }
}

/// Address and port, as errors and URLs write them; of a socket its path.
pub(crate) fn joined(address: &str, port: u16) -> String {
    if address.starts_with('/') {
        return address.to_owned();
    }
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Connects to a device: its addresses are tried one after the other in the order of their health, each with its share
/// of the time until `deadline`.
///
/// # Errors
///
/// What went wrong at the address that was tried last.
pub async fn connect(
    route: &Route,
    health: &PathHealth,
    deadline: Instant,
) -> Result<(Stream, Taken), Error> {
    connect_over(route, health, None, deadline).await
}

/// Connects as [`connect`] does, and speaks TLS where a client of it is given: an address counts as one that works only
/// when the device has proved there who it is.
pub(crate) async fn connect_over(
    route: &Route,
    health: &PathHealth,
    tls: Option<&TlsClient>,
    deadline: Instant,
) -> Result<(Stream, Taken), Error> {
    let order = health.order(&route.addresses, Instant::now());
    let mut last = Error::Misconfigured { reason: "the connector has no address".to_owned() };
    for (at, address) in order.iter().enumerate() {
        let begun = Instant::now();
        let left = deadline.saturating_duration_since(begun);
        let share = left / u32::try_from(order.len() - at).unwrap_or(u32::MAX);
        let taken = Taken { address: (*address).clone(), port: route.port };
        let attempt = async {
            let stream = reach(route, address).await?;
            match tls {
                Some(tls) => tls.connect(stream, &taken).await,
                None => Ok(stream),
            }
        };
        let made = timeout_at(begun + share, attempt).await;
        match made.unwrap_or_else(|_| Err(Error::Silent { address: taken.to_string(), after: share })) {
            Ok(stream) => {
                health.works(address);
                return Ok((stream, taken));
            }
            Err(error) => {
                health.fails(address, &error, Instant::now());
                // Another address of the same device would say the same.
                if !is_of_the_path(&error) {
                    return Err(error);
                }
                last = error;
            }
        }
    }
    Err(last)
}

/// Whether another address may fare better.
const fn is_of_the_path(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Silent { .. }
            | Error::Certificate { .. }
            | Error::Tls { .. }
            | Error::Hop { .. }
    )
}

async fn reach(route: &Route, address: &str) -> Result<Stream, Error> {
    if address.starts_with('/') {
        return reach_socket(route.through.as_ref(), address).await;
    }
    match &route.through {
        None => Ok(Box::new(tcp(address, route.port).await?)),
        Some(hop @ Hop::Socks5 { address: proxy, port, login }) => {
            let unreachable = |error: Error| Error::Hop { hop: hop.to_string(), reason: error.to_string() };
            let mut stream = tcp(proxy, *port).await.map_err(unreachable)?;
            socks5::connect(&mut stream, hop, login.as_ref(), address, route.port).await?;
            Ok(Box::new(stream))
        }
        Some(hop @ Hop::Ssh { address: jump, port, login, host_key }) => {
            let target = Target::Tcp { address, port: route.port };
            ssh::tunnel(hop, (jump, *port), login, host_key, target).await
        }
    }
}

/// A connection to a socket in the file system of this machine or the jump host.
async fn reach_socket(through: Option<&Hop>, path: &str) -> Result<Stream, Error> {
    match through {
        None => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Error::Unreachable { address: path.to_owned(), reason: error.to_string() }),
        },
        Some(Hop::Socks5 { .. }) => {
            let reason = format!("a SOCKS proxy does not lead to the socket {path}; an SSH jump host does");
            Err(Error::Misconfigured { reason })
        }
        Some(hop @ Hop::Ssh { address: jump, port, login, host_key }) => {
            ssh::tunnel(hop, (jump, *port), login, host_key, Target::Socket(path)).await
        }
    }
}

/// A TCP connection to one of the IP addresses of `address`.
pub(crate) async fn tcp(address: &str, port: u16) -> Result<TcpStream, Error> {
    let unreachable = |reason: String| Error::Unreachable { address: joined(address, port), reason };
    // Looking up a name takes a thread, which an IP address has no need of.
    let found: Vec<SocketAddr> = match address.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => match tokio::net::lookup_host((address, port)).await {
            Ok(found) => found.collect(),
            Err(error) => return Err(unreachable(format!("the name is not known: {error}"))),
        },
    };
    let mut last = unreachable("the name has no address".to_owned());
    for address in found {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small messages are not to wait for others. An error costs nothing but time.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = unreachable(error.to_string()),
        }
    }
    Err(last)
}

/// For how long a route may be looked for where nothing else is said.
pub const CONNECT: Duration = Duration::from_secs(10);
