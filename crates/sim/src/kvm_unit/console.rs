//! Remote consoles of controllers: a screen and keys over one connection.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_kvm::{Output, Picture, aten, ivtp};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::websocket::{self, Frame};
use super::{State, UnitFault};
use crate::picture::picture;

/// Between two looks at the machine's screen.
const LOOK: Duration = Duration::from_millis(50);

/// Pieces of input that wait to be taken in.
const WAITING: usize = 16;

/// What a viewer did.
enum Done {
    Key { usage: u8, down: bool },
    MasterWanted,
    Left,
}

/// The controller's machine of one console.
pub(super) enum Console {
    Aten(aten::Server),
    Ivtp(ivtp::Server),
}

impl Console {
    /// A console for whoever shows `token`.
    pub(super) fn aten(user: SecretString, password: SecretString, kind: aten::PictureKind) -> Self {
        let config = aten::ServerConfig { kind, ..aten::ServerConfig::new(user, password) };
        Self::Aten(aten::Server::new(Instant::now(), config, None))
    }

    pub(super) fn ivtp(config: ivtp::ServerConfig) -> Self {
        Self::Ivtp(ivtp::Server::new(Instant::now(), config, None))
    }

    fn receive(&mut self, bytes: &[u8]) {
        match self {
            Self::Aten(server) => server.receive(Instant::now(), bytes),
            Self::Ivtp(server) => server.receive(Instant::now(), bytes),
        }
    }

    /// Takes note of the time and of what the machine shows.
    fn look(&mut self, shown: Option<Picture>) {
        match self {
            Self::Aten(server) => {
                server.wake(Instant::now());
                server.set_picture(shown);
            }
            Self::Ivtp(server) => {
                server.wake(Instant::now());
                server.set_picture(shown);
            }
        }
    }

    fn next_output(&mut self) -> Option<Output<Done>> {
        Some(match self {
            Self::Aten(server) => match server.next_output()? {
                Output::Send(bytes) => Output::Send(bytes),
                Output::Event(aten::ServerEvent::Key { usage, down }) => {
                    Output::Event(Done::Key { usage, down })
                }
                Output::Event(aten::ServerEvent::Failed(_)) => Output::Event(Done::Left),
                Output::Event(aten::ServerEvent::Connected) => return self.next_output(),
            },
            Self::Ivtp(server) => match server.next_output()? {
                Output::Send(bytes) => Output::Send(bytes),
                Output::Event(ivtp::ServerEvent::Key { usage, down }) => {
                    Output::Event(Done::Key { usage, down })
                }
                Output::Event(ivtp::ServerEvent::MasterWanted) => Output::Event(Done::MasterWanted),
                Output::Event(ivtp::ServerEvent::Failed(_)) => Output::Event(Done::Left),
                Output::Event(ivtp::ServerEvent::Connected) => return self.next_output(),
            },
        })
    }

    fn answer_master(&mut self, is_granted: bool) {
        if let Self::Ivtp(server) = self {
            server.answer_master(is_granted);
        }
    }
}

/// A viewer's place among those of a machine; given back when it is dropped.
pub(super) struct Place {
    state: Arc<State>,
    is_master: bool,
}

impl Place {
    /// The first of those who are there is master.
    pub(super) fn take(state: &Arc<State>) -> Self {
        let mut place = Self { state: Arc::clone(state), is_master: false };
        place.is_master = place.wants_master();
        place
    }

    pub(super) const fn is_master(&self) -> bool {
        self.is_master
    }

    /// Whether it is master from now on: where nobody else is.
    fn wants_master(&mut self) -> bool {
        let mut inner = self.state.inner();
        self.is_master |= !std::mem::replace(&mut inner.has_master, true);
        self.is_master
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_master {
            self.state.inner().has_master = false;
        }
        // What was held is let go when the viewer leaves.
        self.state.report([0; 8]);
    }
}

/// The way to a viewer.
struct Sender<W> {
    writer: W,
    /// Whether bytes go in messages of a WebSocket.
    frames: bool,
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.frames {
            return websocket::send_bytes(&mut self.writer, bytes).await;
        }
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }
}

/// Shows the machine's screen to one viewer on a WebSocket, until it leaves.
pub(super) async fn talk_on_websocket<S>(stream: S, console: Console, place: Place) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let (arrives, arriving) = mpsc::channel(WAITING);
    let read = async {
        loop {
            let frame = websocket::frame(&mut reader).await?;
            if matches!(frame, Frame::Close) || arrives.send(frame).await.is_err() {
                return Ok(());
            }
        }
    };
    let sender = Sender { writer, frames: true };
    tokio::select! {
        ended = read => ended,
        ended = show(console, place, arriving, sender) => ended,
    }
}

/// Shows the machine's screen to one viewer on a connection of its own, until it leaves.
async fn talk<S>(stream: S, console: Console, place: Place) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let (arrives, arriving) = mpsc::channel(WAITING);
    let read = async {
        let mut buffer = [0; 4096];
        loop {
            let length = reader.read(&mut buffer).await?;
            let piece = buffer.get(..length).unwrap_or_default().to_vec();
            if length == 0 || arrives.send(Frame::Payload(piece)).await.is_err() {
                return Ok(());
            }
        }
    };
    let sender = Sender { writer, frames: false };
    tokio::select! {
        ended = read => ended,
        ended = show(console, place, arriving, sender) => ended,
    }
}

/// Drives a console: what arrives, what the machine shows, what is to be sent.
async fn show<W: AsyncWrite + Unpin>(
    mut console: Console,
    mut place: Place,
    mut arriving: mpsc::Receiver<Frame>,
    mut sender: Sender<W>,
) -> io::Result<()> {
    let mut clock = interval(LOOK);
    let mut seen = None;
    loop {
        tokio::select! {
            frame = arriving.recv() => match frame {
                Some(Frame::Payload(bytes)) => console.receive(&bytes),
                Some(Frame::Ping(payload)) => websocket::pong(&mut sender.writer, &payload).await?,
                Some(Frame::Close) | None => return Ok(()),
            },
            _ = clock.tick() => {
                let revision = place.state.revision();
                if seen != Some(revision) {
                    seen = Some(revision);
                    console.look(place.state.shown());
                }
            }
        }
        while let Some(output) = console.next_output() {
            match output {
                Output::Send(bytes) => sender.send(&bytes).await?,
                Output::Event(Done::Key { usage, down }) => place.state.key(usage, down),
                Output::Event(Done::MasterWanted) => console.answer_master(place.wants_master()),
                Output::Event(Done::Left) => return Ok(()),
            }
        }
    }
}

/// Takes in viewers of the old kind, on a port of their own and without TLS, until `stop`.
pub(super) async fn serve_old(
    listener: TcpListener,
    state: Arc<State>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, from)) = accepted else { return };
        let (state, stop) = (Arc::clone(&state), stop.clone());
        tasks.spawn(async move {
            // A login is good for one connection.
            let Some((user, password)) = state.inner().old_login.take() else { return };
            let console = Console::aten(user, password, aten::PictureKind::Hermon);
            let place = Place::take(&state);
            if let Some(Err(error)) = stop.run_until_cancelled(talk(stream, console, place)).await {
                tracing::debug!(%error, %from, "a connection to a simulated console broke");
            }
        });
    }
}

impl State {
    /// What tells whether the screen changed: its revision, nothing where there is no picture.
    fn revision(&self) -> Option<u64> {
        let is_dark = self.has(UnitFault::NoSignal);
        let machine = self.machine();
        (machine.is_on() && !is_dark).then(|| machine.screen().revision())
    }

    /// The screen as a controller sends it; nothing while the machine sends none.
    pub(super) fn shown(&self) -> Option<Picture> {
        self.revision()?;
        let drawn = picture(self.machine().screen());
        let (width, height) = (drawn.width(), drawn.height());
        Picture::from_pixels(width, height, drawn.into_pixels()).ok()
    }
}
