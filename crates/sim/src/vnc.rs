//! A remote framebuffer alone, behind all that stands before them: TLS, WebSockets, the sessions of OpenBMC.
//!
//! A [`VncServer`] shows a picture that it is given and remembers the keys that are pressed.

mod web;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_rfb::{Framebuffer, ServerConfig};
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Certificate;
use crate::viewer::{Console, Wire, show_on};

/// What stands before a remote framebuffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// TLS around all of it, where there is a certificate.
    Tls,
    /// TLS within the protocol, where there is a certificate: VeNCrypt.
    Vencrypt,
    /// A WebSocket at `/websockify`; over TLS where there is a certificate.
    WebSocket,
    /// OpenBMC: a WebSocket at `/kvm/0`, opened with the token of a Redfish session; over TLS where there is a
    /// certificate.
    Openbmc,
}

/// What a [`VncServer`] is made of.
#[derive(Clone)]
pub struct VncConfig {
    /// What stands before it.
    pub before: Before,
    /// Its certificate.
    pub certificate: Option<Certificate>,
    /// The name that is asked for with the password: by VeNCrypt, and by OpenBMC.
    pub user: Option<String>,
    /// The password: of the remote framebuffer, or of OpenBMC.
    pub password: Option<SecretString>,
    /// Ends connections of viewers that offer more encodings than two, as some controllers do.
    pub bears_few_encodings: bool,
}

impl VncConfig {
    /// Without certificate, name and password.
    #[must_use]
    pub const fn new(before: Before) -> Self {
        Self { before, certificate: None, user: None, password: None, bears_few_encodings: false }
    }
}

/// A remote framebuffer on a port of 127.0.0.1. It ends when it is dropped.
pub struct VncServer {
    state: Arc<State>,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct State {
    config: VncConfig,
    shown: Mutex<Shown>,
    changes: watch::Sender<u64>,
    /// Open sessions of OpenBMC: their tokens.
    sessions: Mutex<Vec<String>>,
}

struct Shown {
    picture: Framebuffer,
    keys: Vec<(u32, bool)>,
}

impl VncServer {
    /// Begins to show `picture`.
    ///
    /// # Errors
    ///
    /// What the system says of the socket.
    pub async fn start(config: VncConfig, picture: Framebuffer) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shown = Mutex::new(Shown { picture, keys: Vec::new() });
        let (changes, sessions) = (watch::Sender::new(0), Mutex::default());
        let state = Arc::new(State { config, shown, changes, sessions });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, Arc::clone(&state), stop.clone(), tasks.clone()));
        Ok(Self { state, address, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows another picture.
    pub fn show(&self, picture: Framebuffer) {
        self.state.shown().picture = picture;
        self.state.changes.send_modify(|number| *number += 1);
    }

    /// The keys that went down or up, by their keysyms.
    #[must_use]
    pub fn keys(&self) -> Vec<(u32, bool)> {
        self.state.shown().keys.clone()
    }

    /// How many sessions of OpenBMC are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.state.sessions().len()
    }

    /// Ends it, and waits until all connections are closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for VncServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl State {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<String>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acceptor(&self) -> Option<TlsAcceptor> {
        self.config.certificate.as_ref().map(Certificate::acceptor)
    }

    /// Speaks to a viewer on a connection that is ready for it.
    async fn show(&self, stream: Box<dyn Wire>, stop: &CancellationToken) -> io::Result<()> {
        let VncConfig { before, user, password, .. } = self.config.clone();
        let tls = self.acceptor().filter(|_| before == Before::Vencrypt);
        // Who came through OpenBMC has shown who it is.
        let open = before == Before::Openbmc;
        let config = ServerConfig {
            password: password.filter(|_| !open),
            user: user.filter(|_| !open),
            tls: tls.is_some(),
            name: "simulated".to_owned(),
            ..ServerConfig::default()
        };
        let stream = if self.config.bears_few_encodings { fussy(stream, stop) } else { stream };
        show_on(stream, self, config, tls.as_ref(), stop).await
    }
}

impl Console for State {
    fn picture(&self) -> Framebuffer {
        self.shown().picture.clone()
    }

    fn key(&self, keysym: u32, down: bool) {
        self.shown().keys.push((keysym, down));
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, stop: CancellationToken, tasks: TaskTracker) {
    while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
        let (state, stop) = (Arc::clone(&state), stop.clone());
        tasks.spawn(async move {
            let served = stop.run_until_cancelled(serve(stream, &state, &stop)).await;
            if let Some(Err(error)) = served {
                tracing::debug!(%error, "a connection to a simulated remote framebuffer broke");
            }
        });
    }
}

async fn serve(stream: TcpStream, state: &Arc<State>, stop: &CancellationToken) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let around = state.acceptor().filter(|_| state.config.before != Before::Vencrypt);
    let stream: Box<dyn Wire> = match around {
        Some(tls) => Box::new(tls.accept(stream).await?),
        None => Box::new(stream),
    };
    match state.config.before {
        Before::Nothing | Before::Tls | Before::Vencrypt => state.show(stream, stop).await,
        Before::WebSocket | Before::Openbmc => web::serve(stream, state, stop).await,
    }
}

/// The same connection, which ends when a viewer of version 3.8 without password names more than two encodings.
fn fussy(stream: Box<dyn Wire>, stop: &CancellationToken) -> Box<dyn Wire> {
    /// Version, security type, shared flag, pixel format, and the head of the list of encodings.
    const HEAD: usize = 12 + 1 + 1 + 20 + 4;
    let (near, far) = tokio::io::duplex(64 * 1024);
    let stop = stop.clone();
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        let (mut from_viewer, mut to_viewer) = tokio::io::split(stream);
        let (mut from_server, mut to_server) = tokio::io::split(far);
        let answering = async { tokio::io::copy(&mut from_server, &mut to_viewer).await.map(drop) };
        let asking = async {
            let mut read = Vec::new();
            while read.len() < HEAD {
                let mut byte = [0];
                from_viewer.read_exact(&mut byte).await?;
                tokio::io::AsyncWriteExt::write_all(&mut to_server, &byte).await?;
                read.extend(byte);
            }
            if read.last().is_some_and(|count| *count > 2) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            tokio::io::copy(&mut from_viewer, &mut to_server).await.map(drop)
        };
        let _ = tokio::try_join!(answering, asking);
    }));
    Box::new(near)
}
