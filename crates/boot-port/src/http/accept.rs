//! Accepting connections on one thread, and sharing them out.
//!
//! One thread accepts, so that a connection wakes one thread and not all, and gives each connection to the thread that has the
//! fewest: itself, where others have no fewer. There it stays. So the threads have equal shares also of few connections, and one
//! machine after the other is served by the same thread. Where that thread is held up, by a disk for example, another one
//! accepts in its place.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::{SendFlags, SocketFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::census::{Census, Place};
use super::connection::{Connection, Shared};
use super::counters::Count;
use super::listener::BACKLOG;
use super::wire::{Clear, Wire};

/// Connections that are accepted before those are served that the thread has. Several, because the request of one that was
/// just made may still be on its way.
const ROW: usize = 4;
/// How long nothing is accepted where the system has no descriptor left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);
/// What a client reads that has too many connections, or came when there were too many; scripts of ours ask again.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How often another thread looks whether connections wait, while the one that accepts has any to serve.
const LOOK: Duration = Duration::from_millis(100);

/// A connection on its way to the thread that serves it.
pub(super) struct Arrival {
    stream: OwnedFd,
    client: SocketAddr,
    share: Share,
    place: Place,
}

/// How many connections a thread has.
#[derive(Clone, Default)]
struct Load(Arc<AtomicUsize>);

impl Load {
    fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// One more, until what is given is dropped.
    fn begin(&self) -> Share {
        self.0.fetch_add(1, Ordering::SeqCst);
        Share(self.clone())
    }
}

/// That a thread has a connection.
struct Share(Load);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where connections come in, as all threads see it.
pub(super) struct Door {
    listening: StdListener,
    census: Arc<Census>,
    /// What the thread has to serve that accepts.
    load: Load,
    /// Another thread looks from time to time whether connections wait.
    is_watched: AtomicBool,
    watch: Notify,
}

impl Door {
    pub(super) fn new(listening: StdListener, census: Census) -> Arc<Self> {
        let (load, is_watched, watch) = (Load::default(), AtomicBool::new(false), Notify::new());
        Arc::new(Self { listening, census: Arc::new(census), load, is_watched, watch })
    }

    /// Has another thread watch it, as the one that accepts has something to serve.
    fn call(&self) {
        if !self.is_watched.swap(true, Ordering::SeqCst) {
            self.watch.notify_one();
        }
    }

    /// Waits until it is time to look whether connections wait. Nobody looks while the thread that accepts has nothing to serve:
    /// an idle listener wakes nobody.
    async fn look(&self) {
        if self.load.now() == 0 {
            self.is_watched.store(false, Ordering::SeqCst);
            if self.load.now() == 0 {
                self.watch.notified().await;
            }
            self.is_watched.store(true, Ordering::SeqCst);
        }
        sleep(LOOK).await;
    }
}

/// The way to another thread that serves.
pub(super) struct Other {
    load: Load,
    to: UnboundedSender<Arrival>,
}

/// The other end of that way.
pub(super) struct Inlet {
    load: Load,
    arrivals: UnboundedReceiver<Arrival>,
}

impl Other {
    /// The way, and its end on the other thread.
    pub(super) fn new() -> (Self, Inlet) {
        let ((to, arrivals), load) = (unbounded_channel(), Load::default());
        (Self { load: load.clone(), to }, Inlet { load, arrivals })
    }
}

/// What a thread serves its connections with.
pub(super) struct Desk {
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    /// The address of ours, where connections are to a single one; of others the system has to be asked.
    local: Option<SocketAddr>,
    tracker: TaskTracker,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, listens_at: SocketAddr) -> Self {
        let tls = shared.config.tls.clone().map(TlsAcceptor::from);
        let local = Some(listens_at).filter(|local| !local.ip().is_unspecified());
        Self { shared, tls, local, tracker: TaskTracker::new() }
    }

    /// Begins to serve a connection.
    fn serve(&self, arrival: Arrival) {
        let (shared, tls, local) = (Arc::clone(&self.shared), self.tls.clone(), self.local);
        // Set apart, as what is spawned is moved several times.
        self.tracker.spawn(Box::pin(async move {
            let Arrival { stream, client, share, place } = arrival;
            serve(shared, tls, stream, client, local).await;
            drop((share, place));
        }));
    }

    /// Waits for the connections that are being served.
    async fn close(self) {
        self.tracker.close();
        let _ = timeout(self.shared.config.grace, self.tracker.wait()).await;
    }

    /// Serves what the thread that accepts gives, until that one ends. Where there is a `door` to watch, takes over from that
    /// thread while it is held up.
    pub(super) async fn follow(self, mut inlet: Inlet, door: Option<Arc<Door>>) {
        let look = async || match &door {
            Some(door) => door.look().await,
            None => std::future::pending().await,
        };
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = inlet.arrivals.recv() => arrival,
                () = look() => {
                    if let Some(door) = &door {
                        self.take_over(door, &inlet.load);
                    }
                    continue;
                }
            };
            let Some(arrival) = arrival else { break };
            self.serve(arrival);
        }
        self.close().await;
    }

    /// Takes the connections that wait.
    fn take_over(&self, door: &Door, load: &Load) {
        // No more than may wait: while others keep coming, those of this thread have their turn.
        for _ in 0..BACKLOG {
            if self.shared.stop.is_cancelled() {
                return;
            }
            let Ok((stream, client)) = take(&door.listening) else { return };
            if let Some(arrival) = self.admit(door, stream, client, load) {
                self.serve(arrival);
            }
        }
    }

    /// Accepts connections until the listener is closed, and serves its share of them; the rest goes to `others`.
    pub(super) async fn accept(self, door: Arc<Door>, others: Vec<Other>) -> io::Result<()> {
        // The runtime's own listener would make itself watch each connection, which few need; a stream of its own waits for any
        // socket, and says nothing to it.
        let listening = TcpStream::from_std(OwnedFd::from(door.listening.try_clone()?).into())?;
        let mut row = 0_usize;
        let stop = self.shared.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stopped => break,
                accepted = listening.async_io(Interest::READABLE, || take(&listening)) => accepted,
            };
            match accepted {
                Ok((stream, client)) => self.share_out(&door, stream, client, &others),
                Err(error) if no_descriptors(&error) => {
                    tracing::warn!(%error, "no connection of a boot client can be accepted: raise the limit of open files");
                    sleep(OUT_OF_DESCRIPTORS).await;
                }
                // About that one connection, which is gone.
                Err(_) => {}
            }
            // Others on this thread have their turn.
            row += 1;
            if row.is_multiple_of(ROW) {
                tokio::task::yield_now().await;
            }
        }
        drop((listening, door, others));
        self.close().await;
        Ok(())
    }

    /// Gives a connection to the thread that has the fewest.
    fn share_out(&self, door: &Door, stream: OwnedFd, client: SocketAddr, others: &[Other]) {
        let own = &door.load;
        let other = others.iter().min_by_key(|other| other.load.now());
        let other = other.filter(|other| other.load.now() < own.now());
        let load = other.map_or(own, |other| &other.load);
        let Some(arrival) = self.admit(door, stream, client, load) else { return };
        let arrival = match other {
            None => arrival,
            Some(other) => match other.to.send(arrival) {
                Ok(()) => return,
                // That thread fell over.
                Err(refused) => Arrival { share: own.begin(), ..refused.0 },
            },
        };
        self.serve(arrival);
        door.call();
    }

    /// A connection that there is a place for, as one of `load`. Others are turned away.
    fn admit(&self, door: &Door, stream: OwnedFd, client: SocketAddr, load: &Load) -> Option<Arrival> {
        let client = canonical(client);
        let Some(place) = door.census.enter(client.ip()) else {
            self.turn_away(&stream);
            return None;
        };
        self.shared.counters.one(Count::Connection);
        Some(Arrival { stream, client, share: load.begin(), place })
    }

    fn turn_away(&self, stream: &OwnedFd) {
        self.shared.counters.one(Count::TurnedAway);
        // Over TLS the client could not read it.
        if self.tls.is_none() {
            let _ = rustix::net::send(stream, TURNED_AWAY, SendFlags::NOSIGNAL);
        }
    }
}

/// Takes a connection that waits, and the address that it comes from.
fn take(listening: impl AsFd) -> io::Result<(OwnedFd, SocketAddr)> {
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
