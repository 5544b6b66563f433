//! Accepting connections, on as many threads as were asked for.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::{SendFlags, SocketFlags};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::census::Census;
use super::connection::{Connection, Shared};
use super::counters::{Count, Counters, HttpCounts};
use super::wire::{Clear, Wire};
use crate::content::Shelf;
use crate::interface::{is_of_both_families, open_at};

/// Connections that may wait to be accepted: a whole row of racks may be switched on at once.
const BACKLOG: i32 = 4_096;
/// Connections that a thread accepts before it serves them and those that it has. Several, because the request of one that was
/// just made may still be on its way; few, because other threads are to have their share.
const ROW: usize = 4;
/// How long nothing is accepted where the system has no descriptor left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);
/// What a client reads that has too many connections, or came when there were too many; scripts of ours ask again.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Habits of a listener.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Threads that serve.
    pub threads: NonZeroUsize,
    /// Connections at most; others are turned away.
    pub connections: usize,
    /// Connections of one address at most. Machines behind a router that translates addresses share one.
    pub connections_of_client: usize,
    /// How long the head of a request may take from its first byte on, and a TLS handshake from its beginning.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing, and over which time its rate is judged.
    pub stall_timeout: Duration,
    /// How long requests that are being answered may take when the listener is closed.
    pub grace: Duration,
    /// Speaks TLS with this, as [`BootAuthority::server_config`](super::BootAuthority::server_config) makes it; in clear without.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Default for HttpConfig {
    /// Two threads, or one where there is one processor; 8,192 connections, 512 of one client; 15 s for a head, 75 s
    /// between requests, 60 s without progress, 5 s at the end; in clear.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            threads: NonZeroUsize::new(processors.min(2)).unwrap_or(NonZeroUsize::MIN),
            connections: 8_192,
            connections_of_client: 512,
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            tls: None,
        }
    }
}

/// A listener that serves a [`Shelf`] to boot clients. It ends when it is closed or dropped.
pub struct HttpListener {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl HttpListener {
    /// Listens at `address` and serves `shelf`.
    ///
    /// The address of IPv6 without a host (`[::]`) takes clients of both families, or those of IPv4 where the machine has no
    /// IPv6. Clients of IPv4 are seen at their addresses of IPv4.
    ///
    /// # Errors
    ///
    /// Where the address is taken or not ours, or a thread cannot be started.
    pub fn open(address: SocketAddr, config: HttpConfig, shelf: Arc<dyn Shelf>) -> io::Result<Self> {
        let listening = open_at(address, listen)?;
        let address = listening.local_addr()?;
        let census = Arc::new(Census::new(config.connections, config.connections_of_client));
        let count = config.threads.get();
        let shared =
            Arc::new(Shared { config, shelf, counters: Counters::default(), stop: CancellationToken::new() });
        let mut listener = Self { address, shared, threads: Vec::with_capacity(count) };
        for number in 0..count {
            let listening = listening.try_clone()?;
            let (shared, census) = (Arc::clone(&listener.shared), Arc::clone(&census));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let thread = thread::Builder::new().name(format!("boot-http-{number}")).spawn(move || {
                if let Err(error) = runtime.block_on(accept(listening, shared, census)) {
                    tracing::error!(%error, "a thread of the HTTP listener of boot clients ended");
                }
            })?;
            listener.threads.push(thread);
        }
        Ok(listener)
    }

    /// Where it listens, with the port that the system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was counted so far.
    pub fn counts(&self) -> HttpCounts {
        self.shared.counters.counts()
    }

    /// Accepts nothing more, lets requests that are being answered come to their end within [`HttpConfig::grace`], and
    /// waits until all threads have ended.
    pub async fn close(mut self) {
        self.shared.stop.cancel();
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        if joined.await.is_err() {
            tracing::error!("the threads of the HTTP listener of boot clients could not be waited for");
        }
    }
}

impl Drop for HttpListener {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if is_of_both_families(&address) {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // Connections inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts connections until the listener is closed, and then waits for those that are being served.
async fn accept(listening: StdListener, shared: Arc<Shared>, census: Arc<Census>) -> io::Result<()> {
    // Connections to a single address are reached there; of others the system has to be asked.
    let local = listening.local_addr().ok().filter(|local| !local.ip().is_unspecified());
    // The runtime's own listener would make itself watch each connection, which few need; a stream of its own waits for any
    // socket, and says nothing to it.
    let listening = TcpStream::from_std(OwnedFd::from(listening).into())?;
    let tls = shared.config.tls.clone().map(TlsAcceptor::from);
    let tracker = TaskTracker::new();
    let mut row = 0_usize;
    let mut stopped = pin!(shared.stop.cancelled());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => break,
            accepted = listening.async_io(Interest::READABLE, || take(&listening)) => accepted,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if no_descriptors(&error) {
                    tracing::warn!(%error, "no connection of a boot client can be accepted: raise the limit of open files");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
                // All else is about that one connection, which is gone.
                continue;
            }
        };
        let client = canonical(client);
        let Some(place) = census.enter(client.ip()) else {
            shared.counters.one(Count::TurnedAway);
            // Over TLS the client could not read it.
            if tls.is_none() {
                let _ = rustix::net::send(&stream, TURNED_AWAY, SendFlags::NOSIGNAL);
            }
            continue;
        };
        shared.counters.one(Count::Connection);
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        // Set apart, as what is spawned is moved several times.
        tracker.spawn(Box::pin(async move {
            serve(shared, tls, stream, client, local).await;
            drop(place);
        }));
        // Others on this thread have their turn, and other threads take connections too.
        row += 1;
        if row.is_multiple_of(ROW) {
            tokio::task::yield_now().await;
        }
    }
    drop(listening);
    tracker.close();
    let _ = timeout(shared.config.grace, tracker.wait()).await;
    Ok(())
}

/// Takes a connection that waits, and the address that it comes from.
fn take(listening: &TcpStream) -> io::Result<(OwnedFd, SocketAddr)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (stream, client) = rustix::net::acceptfrom_with(listening, flags)?;
    let client = client.ok_or(io::ErrorKind::NotConnected)?;
    Ok((stream, client.try_into()?))
}

async fn serve(
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    stream: OwnedFd,
    client: SocketAddr,
    local: Option<SocketAddr>,
) {
    let of_stream = || rustix::net::getsockname(&stream)?.try_into();
    let Ok(local) = local.map_or_else(of_stream, Ok) else { return };
    let wire = match tls {
        None => Wire::Clear(Clear::Fresh(stream)),
        Some(acceptor) => {
            let Ok(stream) = TcpStream::from_std(stream.into()) else { return };
            match Box::pin(timeout(shared.config.head_timeout, acceptor.accept(stream))).await {
                Ok(Ok(stream)) => Wire::Tls(Box::new(stream)),
                failed => {
                    shared.counters.one(Count::HandshakeFailed);
                    let reason = failed.map_or_else(
                        |_| "it took too long".to_owned(),
                        |ended| ended.err().map_or_else(String::new, |error| error.to_string()),
                    );
                    tracing::debug!(%client, reason, "TLS handshake of a boot client failed");
                    return;
                }
            }
        }
    };
    Connection::new(shared, wire, client, canonical(local)).serve().await;
}

/// The address of a client of IPv4 as such, also where the socket takes both families.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

fn no_descriptors(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}
