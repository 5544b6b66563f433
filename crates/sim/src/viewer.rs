//! A viewer's connection to a screen: the shell around [`ironhand_rfb::Server`].

use std::io;
use std::time::{Duration, Instant};

use ironhand_rfb::{Framebuffer, Output, Server, ServerConfig, ServerEvent};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::controller::{random_challenge, sleep_until};

/// Least time between two pictures for one viewer: what changes faster than this is not seen by anyone, and
/// drawing costs more than a change does.
const REDRAW_INTERVAL: Duration = Duration::from_millis(40);

/// How long a viewer may leave its data unread before it is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a viewer may look at and type to.
pub(crate) trait Console: Send + Sync {
    /// The picture of now.
    fn picture(&self) -> Framebuffer;
    /// A key went down or up.
    fn key(&self, keysym: u32, down: bool);
    /// Changes whenever the picture does.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// A viewer's connection, whatever it runs through.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// Shows `console` to one viewer until either side ends it, or `stop`.
pub(crate) async fn show(
    stream: TcpStream,
    console: &dyn Console,
    name: &str,
    password: Option<SecretString>,
    stop: &CancellationToken,
) -> io::Result<()> {
    // Pictures are written whole, and single keys must not wait for more.
    stream.set_nodelay(true)?;
    let config = ServerConfig { password, name: name.to_owned(), ..ServerConfig::default() };
    show_on(Box::new(stream), console, config, None, stop).await
}

/// As [`show`], on a connection of any kind. `tls` is for configurations that want it within the protocol.
pub(crate) async fn show_on(
    mut stream: Box<dyn Wire>,
    console: &dyn Console,
    config: ServerConfig,
    tls: Option<&TlsAcceptor>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let name = config.name.clone();
    let mut changes = console.changes();
    changes.mark_unchanged();
    let mut drawn_at = Instant::now();
    let mut server = Server::new(drawn_at, config, console.picture(), random_challenge());
    let mut redraw_at = None;
    let mut received = vec![0; 4096];
    loop {
        while let Some(output) = server.next_output() {
            match output {
                Output::Send(bytes) => {
                    let written = tokio::time::timeout(WRITE_TIMEOUT, async {
                        stream.write_all(&bytes).await?;
                        stream.flush().await
                    });
                    tokio::select! {
                        written = written => written.map_err(|_| io::ErrorKind::TimedOut)??,
                        () = stop.cancelled() => return Ok(()),
                    }
                }
                Output::Event(ServerEvent::Key { keysym, down }) => console.key(keysym, down),
                Output::Event(ServerEvent::StartTls) => {
                    let tls = tls.ok_or(io::ErrorKind::Unsupported)?;
                    let accepted = tokio::time::timeout(WRITE_TIMEOUT, tls.accept(stream));
                    stream = Box::new(accepted.await.map_err(|_| io::ErrorKind::TimedOut)??);
                    server.tls_started();
                }
                Output::Event(ServerEvent::Failed(reason)) => {
                    tracing::debug!(screen = name, %reason, "a viewer's connection ended");
                    return stream.shutdown().await;
                }
                Output::Event(_) => {}
            }
        }
        let wake = server.next_wake().into_iter().chain(redraw_at).min();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            length = stream.read(&mut received) => match length? {
                0 => return Ok(()),
                length => server.receive(Instant::now(), &received[..length]),
            },
            changed = changes.changed() => match changed {
                Ok(()) => redraw_at = redraw_at.or(Some(drawn_at + REDRAW_INTERVAL)),
                Err(_) => return Ok(()),
            },
            () = sleep_until(wake) => {}
        }
        let now = Instant::now();
        server.wake(now);
        if redraw_at.is_some_and(|at| at <= now) {
            (redraw_at, drawn_at) = (None, now);
            server.set_framebuffer(&console.picture());
        }
    }
}
