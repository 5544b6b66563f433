//! A listener and its threads.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::runtime::Builder;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::accept::{Desk, Door, Other};
use super::census::Census;
use super::connection::Shared;
use super::counters::{Counters, HttpCounts};
use crate::content::Shelf;
use crate::interface::{is_of_both_families, open_at};

/// Connections that may wait to be accepted: a whole row of racks may be switched on at once.
pub(super) const BACKLOG: i32 = 4_096;

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
        let door = Door::new(listening, Census::new(config.connections, config.connections_of_client));
        let count = config.threads.get();
        let shared =
            Arc::new(Shared { config, shelf, counters: Counters::default(), stop: CancellationToken::new() });
        let mut listener = Self { address, shared, threads: Vec::with_capacity(count) };
        let mut others = Vec::with_capacity(count - 1);
        for number in 1..count {
            let (other, inlet) = Other::new();
            let desk = Desk::new(Arc::clone(&listener.shared), address);
            let watched = (number == 1).then(|| Arc::clone(&door));
            listener.start(number, desk.follow(inlet, watched))?;
            others.push(other);
        }
        let desk = Desk::new(Arc::clone(&listener.shared), address);
        listener.start(0, async move {
            if let Err(error) = desk.accept(door, others).await {
                tracing::error!(%error, "the HTTP listener of boot clients cannot accept connections");
            }
        })?;
        Ok(listener)
    }

    /// Starts a thread with an event loop of its own, which does `work`.
    fn start(&mut self, number: usize, work: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let name = format!("boot-http-{number}");
        self.threads.push(thread::Builder::new().name(name).spawn(move || runtime.block_on(work))?);
        Ok(())
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
