//! The Redfish services of a fleet: few sockets and threads for all of them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use ironhand_redfish::bmc::{Flavour, ServiceReply, ServiceRequest, StreamId};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket, sockopt,
};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::addresses::Addresses;
use super::worker::{Nudge, Places, Shared};
use super::{BmcFleetConfig, BmcFleetError};
use crate::fleet::allow_files;
use crate::redfish::{Certificate, Front, serve};

/// Connections that wait to be taken in: a sweep opens one to each BMC at once. The kernel gives less where it is set so.
const BACKLOG: i32 = 4096;

/// Connections that a fleet keeps at a time: as many as it may have BMCs.
const CONNECTIONS: usize = super::MAX_BMCS;

/// Threads that serve all of them.
const THREADS: usize = 4;

/// How the BMCs of a fleet speak Redfish.
#[derive(Clone, Debug)]
pub struct RedfishConfig {
    /// TCP port of all of them; 0 gives each a free port of the first address.
    pub port: u16,
    /// What they show of themselves; `None` for HTTP without TLS.
    pub certificate: Option<Certificate>,
    /// How they differ from others: given out in turn. Where there is none, all are [`Flavour::GENERIC`].
    pub flavours: Vec<&'static Flavour>,
}

/// Sockets that listen, and who is behind them.
pub(super) struct Listening {
    pub(super) places: Places,
    listeners: Vec<TcpListener>,
}

/// Opens the sockets.
pub(super) fn open(config: &BmcFleetConfig, port: u16) -> Result<Listening, BmcFleetError> {
    let &BmcFleetConfig { count, bind: first, .. } = config;
    let missing = || BmcFleetError::Addresses { count, first };
    if !super::addresses::is_loopback(first) {
        return Err(missing());
    }
    if port == 0 || count == 1 {
        return singles(&vec![SocketAddr::new(first, port); count], None);
    }
    let IpAddr::V4(first) = first else { return Err(missing()) };
    let places = Places::Consecutive { addresses: Addresses::new(first, count).ok_or_else(missing)?, port };
    match shared(port) {
        Ok(listener) => Ok(Listening { places, listeners: vec![listener] }),
        Err(error) => {
            tracing::info!(%error, port, "no socket for all addresses: each Redfish service takes one of its own");
            let addresses: Vec<_> = (0..count).filter_map(|index| places.get(index)).collect();
            singles(&addresses, Some(places))
        }
    }
}

/// A socket that listens on `port` of every address of the loopback device, and on nothing else.
fn shared(port: u16) -> io::Result<TcpListener> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::BindToDevice, &std::ffi::OsString::from("lo"))?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    bind(socket.as_raw_fd(), &SockaddrIn::from(any))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(socket))
}

/// A socket for each of these addresses.
fn singles(addresses: &[SocketAddr], places: Option<Places>) -> Result<Listening, BmcFleetError> {
    allow_files(2 * addresses.len() as u64);
    let mut listeners = Vec::new();
    let mut bound = Vec::new();
    for (index, &address) in addresses.iter().enumerate() {
        let refused = |source| BmcFleetError::Bind { number: index + 1, address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        bound.push(listener.local_addr().map_err(refused)?);
        listeners.push(listener);
    }
    Ok(Listening { places: places.unwrap_or(Places::Each(bound)), listeners })
}

/// What answers for all BMCs.
struct Desk {
    shared: Arc<Shared>,
    /// Of the workers, in the order in which sockets are given out to them.
    nudges: Vec<Arc<Nudge>>,
    /// Whether each BMC has an UDP socket of its own.
    alone: bool,
    places: Places,
    /// The BMC behind each address, where these are not consecutive.
    indices: HashMap<SocketAddr, usize>,
}

impl Desk {
    fn index_of(&self, at: SocketAddr) -> Option<usize> {
        match (&self.places, at.ip().to_canonical()) {
            (Places::Consecutive { addresses, .. }, IpAddr::V4(address)) => addresses.index_of(address),
            _ => self.indices.get(&at).copied(),
        }
    }

    /// Lets a worker look after a BMC: its machine may have been told to do something.
    fn nudge(&self, index: usize) {
        let workers = self.nudges.len().max(1);
        let (worker, place) = if self.alone { (index % workers, index / workers) } else { (0, 0) };
        if let Some(nudge) = self.nudges.get(worker) {
            nudge.send(place, index);
        }
    }
}

impl Front for Desk {
    fn is_at(&self, at: SocketAddr) -> bool {
        self.index_of(at).is_some()
    }

    fn answer(&self, at: SocketAddr, request: ServiceRequest) -> Option<ServiceReply> {
        let index = self.index_of(at)?;
        let mut slot = self.shared.host(index)?;
        let reply = slot.as_mut()?.answer(&self.shared.clock(Instant::now()), &request);
        drop(slot);
        if request.method() != "GET" {
            self.nudge(index);
        }
        reply
    }

    fn next_event(&self, at: SocketAddr, stream: StreamId) -> Option<String> {
        self.shared.host(self.index_of(at)?)?.as_mut()?.next_event(stream)
    }

    fn end_stream(&self, at: SocketAddr, stream: StreamId) {
        let mut host = self.index_of(at).and_then(|index| self.shared.host(index));
        if let Some(host) = host.as_deref_mut().and_then(Option::as_mut) {
            host.end_stream(stream);
        }
    }
}

/// The threads that serve.
pub(super) struct Running {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(
        shared: Arc<Shared>,
        config: RedfishConfig,
        listening: Listening,
        nudges: Vec<Arc<Nudge>>,
        alone: bool,
    ) -> io::Result<Self> {
        let Listening { places, listeners } = listening;
        let indices = match &places {
            Places::Consecutive { .. } => HashMap::new(),
            Places::Each(places) => places.iter().enumerate().map(|(index, place)| (*place, index)).collect(),
        };
        allow_files((listeners.len() + shared.hosts.len()) as u64);
        let desk = Arc::new(Desk { shared, nudges, alone, places, indices });
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().clamp(1, THREADS));
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("sim-redfish")
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("sim-redfish".to_owned())
            .spawn(move || run(runtime, config.certificate, listeners, desk, stopped))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends all connections and waits until no socket is open.
    pub(super) fn end(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so, and is gone.
            let _ = thread.join();
        }
    }
}

fn run(
    runtime: Runtime,
    certificate: Option<Certificate>,
    listeners: Vec<TcpListener>,
    desk: Arc<Desk>,
    stop: CancellationToken,
) {
    let tls = certificate.as_ref().map(Certificate::acceptor);
    runtime.block_on(async {
        let tasks = TaskTracker::new();
        let most = CONNECTIONS / listeners.len().max(1);
        for listener in listeners {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let (tls, desk, stop) = (tls.clone(), Arc::clone(&desk), stop.clone());
                    tasks.spawn(serve(listener, tls, desk, most, stop, tasks.clone()));
                }
                Err(error) => tracing::error!(%error, "a simulated Redfish service does not listen"),
            }
        }
        stop.cancelled().await;
        tasks.close();
        tasks.wait().await;
    });
    runtime.shutdown_background();
}
