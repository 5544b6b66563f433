//! An open serial console: one session on the controller, and everybody who looks at it.

use std::time::Duration;

use hyper::body::Bytes;
use ironhand_connectors::SerialConsole;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::open::Opened;
use crate::clock;
use crate::device::DeviceError;
use crate::serial::log::ConsoleLog;

/// Pieces of output that wait for somebody who looks: at 115,200 baud some seconds of it. Who falls behind more is told
/// and left, instead of being shown a text with holes.
const PIECES: usize = 1024;

/// Pieces of input that wait for the machine. Who types more waits.
const TYPED: usize = 16;

/// How long a controller may take to take what is typed, and to close the console.
const TAKEN: Duration = Duration::from_secs(30);

/// What is done to the machine.
pub(crate) enum Input {
    /// Type this.
    Bytes(Bytes),
    /// Send a break.
    Break,
}

/// Why a console is closed.
#[derive(Clone, Debug)]
pub(crate) struct Ended(pub(crate) DeviceError);

/// A console that is open on a controller. It is closed when nobody is attached any more.
pub(super) struct Session {
    connector: String,
    read_only: bool,
    input: mpsc::WeakSender<Input>,
    output: broadcast::WeakSender<Bytes>,
    told: watch::Receiver<String>,
    ended: watch::Receiver<Option<Ended>>,
    task: JoinHandle<()>,
}

/// Somebody looks at a console.
pub(crate) struct Attachment {
    /// The connector, as facts and receipts name it.
    pub(crate) connector: String,
    /// Whether nothing can be typed.
    pub(crate) read_only: bool,
    pub(crate) input: mpsc::Sender<Input>,
    pub(crate) output: broadcast::Receiver<Bytes>,
    /// What whoever looks should know, as it comes.
    pub(crate) told: watch::Receiver<String>,
    /// Why it is closed, when it is.
    pub(crate) ended: watch::Receiver<Option<Ended>>,
}

impl Session {
    /// Keeps a console open for whoever is attached.
    pub(super) fn start(opened: Opened, log: ConsoleLog) -> (Self, Attachment) {
        let Opened { connector, console } = opened;
        let read_only = console.is_read_only();
        let (input, typed) = mpsc::channel(TYPED);
        let (output, receiver) = broadcast::channel(PIECES);
        let (tell, told) = watch::channel(String::new());
        let (end, ended) = watch::channel(None);
        let attached = Attachment {
            connector: connector.clone(),
            read_only,
            input: input.clone(),
            output: receiver,
            told: told.clone(),
            ended: ended.clone(),
        };
        let session = Self {
            connector,
            read_only,
            input: input.downgrade(),
            output: output.downgrade(),
            told,
            ended,
            task: tokio::spawn(async move {
                let outlet = Outlet { output, tell, log };
                let error = run(console, typed, &outlet).await;
                end.send_replace(Some(Ended(error)));
            }),
        };
        (session, attached)
    }

    /// Joins it; none where it is closed, or about to be.
    pub(super) fn attach(&self) -> Option<Attachment> {
        let (input, output) = (self.input.upgrade()?, self.output.upgrade()?);
        Some(Attachment {
            connector: self.connector.clone(),
            read_only: self.read_only,
            input,
            output: output.subscribe(),
            told: self.told.clone(),
            ended: self.ended.clone(),
        })
    }

    /// Waits until it is closed.
    pub(super) async fn ended(self) {
        // An error means that it panicked.
        let _ = self.task.await;
    }
}

/// Where what the machine writes goes.
struct Outlet {
    output: broadcast::Sender<Bytes>,
    tell: watch::Sender<String>,
    log: ConsoleLog,
}

/// Carries characters until the console is closed, or nobody is attached any more. Returns why it ended.
async fn run(
    mut console: Box<dyn SerialConsole>,
    mut typed: mpsc::Receiver<Input>,
    outlet: &Outlet,
) -> DeviceError {
    let ended = loop {
        tokio::select! {
            received = console.receive() => match received {
                Ok(bytes) => {
                    if let Err(error) = outlet.log.append(clock::now(), &bytes).await {
                        tracing::error!(%error, "what a machine wrote is not logged");
                    }
                    // An error means that nobody looks at the moment.
                    let _ = outlet.output.send(bytes);
                }
                Err(error) => break error.into(),
            },
            input = typed.recv() => {
                let sent = match input {
                    None => break DeviceError::Stopping,
                    Some(Input::Bytes(bytes)) => timeout(TAKEN, console.send(&bytes)).await,
                    Some(Input::Break) => timeout(TAKEN, console.send_break()).await,
                };
                match sent {
                    Ok(Ok(())) => {}
                    // The console tells by itself when it is of no use any more.
                    Ok(Err(error)) => outlet.notice(format!("not typed: {error}")),
                    Err(_) => outlet.notice("not typed: the controller takes nothing".to_owned()),
                }
            }
        }
    };
    if timeout(TAKEN, console.close()).await.is_err() {
        tracing::warn!("a serial console was not closed in time");
    }
    if let Err(error) = outlet.log.end_line().await {
        tracing::error!(%error, "what a machine wrote is not logged");
    }
    ended
}

impl Outlet {
    fn notice(&self, message: String) {
        self.tell.send_replace(message);
    }
}
