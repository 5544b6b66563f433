//! An open serial console: one session on the controller, and everybody who looks at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use ironhand_connectors::{Error, SerialConsole};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::open::Opened;
use super::scene::{Glance, Scene};
use crate::clock;
use crate::device::DeviceError;
use crate::serial::log::ConsoleLog;

/// Pieces of output that wait for somebody who looks: at 115,200 baud a second or more of it. Who falls behind more is
/// told and left, instead of being shown a text with holes. The room for them is taken for each console that is open.
const PIECES: usize = 256;

/// Pieces of input that wait for the machine. Who types more waits.
const TYPED: usize = 16;

/// How long a controller may take to take what is typed, and to close the console.
const TAKEN: Duration = Duration::from_secs(30);

/// What a console shows; none while it is not open.
pub(super) type SharedScene = Arc<Mutex<Option<Scene>>>;

/// What is done to the machine.
pub(crate) enum Input {
    /// Type this.
    Bytes(Bytes),
    /// Send a break.
    Break,
    /// Tell it that it is looked at in a window of so many characters in a row, and rows.
    Resize(u16, u16),
}

/// What is to be done to the machine, and whom to tell what came of it.
type Order = (Input, Option<oneshot::Sender<Result<(), DeviceError>>>);

/// Why a console is closed.
#[derive(Clone, Debug)]
pub(crate) struct Ended(pub(crate) DeviceError);

/// A console that is open on a controller. It is closed when nobody is attached any more.
pub(super) struct Session {
    connector: String,
    read_only: bool,
    input: mpsc::WeakSender<Order>,
    output: broadcast::WeakSender<Bytes>,
    scene: SharedScene,
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
    input: mpsc::Sender<Order>,
    /// What brings whoever joins up to date with what was written before `output`.
    pub(crate) backlog: Bytes,
    pub(crate) output: broadcast::Receiver<Bytes>,
    scene: SharedScene,
    /// What whoever looks should know, as it comes.
    pub(crate) told: watch::Receiver<String>,
    /// Why it is closed, when it is.
    pub(crate) ended: watch::Receiver<Option<Ended>>,
}

impl Session {
    /// Keeps a console open for whoever is attached.
    pub(super) fn start(opened: Opened, log: ConsoleLog, scene: SharedScene) -> (Self, Attachment) {
        let Opened { connector, console } = opened;
        let read_only = console.is_read_only();
        *lock(&scene) = Some(Scene::new());
        let (input, typed) = mpsc::channel(TYPED);
        let (output, receiver) = broadcast::channel(PIECES);
        let (tell, told) = watch::channel(String::new());
        let (end, ended) = watch::channel(None);
        let attached = Attachment {
            connector: connector.clone(),
            read_only,
            input: input.clone(),
            backlog: Bytes::new(),
            output: receiver,
            scene: Arc::clone(&scene),
            told: told.clone(),
            ended: ended.clone(),
        };
        let session = Self {
            connector,
            read_only,
            input: input.downgrade(),
            output: output.downgrade(),
            scene: Arc::clone(&scene),
            told,
            ended,
            task: tokio::spawn(async move {
                let outlet = Outlet { output, tell, log, scene };
                let error = run(console, typed, &outlet).await;
                *lock(&outlet.scene) = None;
                end.send_replace(Some(Ended(error)));
            }),
        };
        (session, attached)
    }

    /// Joins it; none where it is closed, or about to be.
    pub(super) fn attach(&self) -> Option<Attachment> {
        let (input, output) = (self.input.upgrade()?, self.output.upgrade()?);
        // What is written from now on is in the output alone, and what was before in the backlog alone.
        let mut scene = lock(&self.scene);
        let (backlog, output) = (scene.as_mut()?.backlog(), output.subscribe());
        drop(scene);
        Some(Attachment {
            connector: self.connector.clone(),
            read_only: self.read_only,
            input,
            backlog,
            output,
            scene: Arc::clone(&self.scene),
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

impl Attachment {
    /// Does something to the machine; whoever is attached is told where that fails.
    pub(crate) async fn put(&self, input: Input) {
        // An error means that the console is closed, which is told.
        let _ = self.input.send((input, None)).await;
    }

    /// Does something to the machine, and waits until the controller has taken it.
    pub(crate) async fn put_and_wait(&self, input: Input) -> Result<(), DeviceError> {
        let (reply, taken) = oneshot::channel();
        if self.input.send((input, Some(reply))).await.is_err() {
            return Err(self.why_closed());
        }
        taken.await.unwrap_or_else(|_| Err(self.why_closed()))
    }

    /// What the console shows, unless that is the same as at the version `before`.
    pub(crate) fn glance(&self, before: Option<u64>) -> Glance {
        lock(&self.scene).as_mut().map_or_else(|| Glance::Unknown(closed()), |scene| scene.glance(before))
    }

    /// Tells the machine that it is looked at in a window of this size; whether there is a way to tell.
    pub(crate) async fn resize(&self, columns: u16, rows: u16) -> bool {
        let told = self.put_and_wait(Input::Resize(columns, rows)).await;
        told.is_ok() && lock(&self.scene).as_ref().is_some_and(|scene| scene.size() == (columns, rows))
    }

    /// Waits until it is closed; tells why.
    pub(crate) async fn closed(&mut self) -> DeviceError {
        // An error means that it panicked.
        let _ = self.ended.wait_for(Option::is_some).await;
        self.why_closed()
    }

    /// Why it is closed, as far as that is known.
    pub(crate) fn why_closed(&self) -> DeviceError {
        self.ended.borrow().as_ref().map_or_else(|| closed().into(), |ended| ended.0.clone())
    }
}

fn closed() -> Error {
    Error::NoPicture { reason: "the serial console is closed".to_owned() }
}

pub(super) fn lock(scene: &SharedScene) -> MutexGuard<'_, Option<Scene>> {
    // A scene that is half changed is a screen that is half drawn, which the next characters mend.
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where what the machine writes goes.
struct Outlet {
    output: broadcast::Sender<Bytes>,
    tell: watch::Sender<String>,
    log: ConsoleLog,
    scene: SharedScene,
}

/// Carries characters until the console is closed, or nobody is attached any more. Returns why it ended.
async fn run(
    mut console: Box<dyn SerialConsole>,
    mut typed: mpsc::Receiver<Order>,
    outlet: &Outlet,
) -> DeviceError {
    let mut lapses = console.lapses();
    let ended = loop {
        tokio::select! {
            received = console.receive() => match received {
                Ok(bytes) => {
                    outlet.follow(&mut lapses);
                    outlet.wrote(bytes).await;
                }
                Err(error) => break error.into(),
            },
            () = changed(&mut lapses) => outlet.follow(&mut lapses),
            order = typed.recv() => match order {
                None => break DeviceError::Stopping,
                Some(order) => outlet.typed(console.as_mut(), order).await,
            },
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

/// Why a console cannot be heard at the moment, where it tells.
type Lapses = Option<watch::Receiver<Option<Error>>>;

/// Waits until a console is lost or found again; for ever where it does not tell.
async fn changed(lapses: &mut Lapses) {
    let Some(lapses) = lapses else { return std::future::pending().await };
    if lapses.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    // Whoever looks at it sees that it is new.
    lapses.mark_changed();
}

impl Outlet {
    fn notice(&self, message: String) {
        self.tell.send_replace(message);
    }

    /// The machine wrote this.
    async fn wrote(&self, bytes: Bytes) {
        if let Err(error) = self.log.append(clock::now(), &bytes).await {
            tracing::error!(%error, "what a machine wrote is not logged");
        }
        let mut scene = lock(&self.scene);
        if let Some(scene) = &mut *scene {
            scene.write(&bytes);
        }
        // An error means that nobody looks at the moment.
        let _ = self.output.send(bytes);
    }

    /// Takes in whether the console was lost since it was looked at last, and is still.
    fn follow(&self, lapses: &mut Lapses) {
        let Some(lapses) = lapses else { return };
        if !lapses.has_changed().unwrap_or(false) {
            return;
        }
        let why = lapses.borrow_and_update().clone();
        if let Some(scene) = &mut *lock(&self.scene) {
            scene.lapse(why.clone());
        }
        self.notice(match why {
            Some(error) => format!("the console is lost, and is opened again: {error}"),
            None => "the console is open again; what was written meanwhile is missing".to_owned(),
        });
    }

    /// Does what somebody wants done to the machine.
    async fn typed(&self, console: &mut dyn SerialConsole, (input, reply): Order) {
        let doing = async {
            match input {
                Input::Bytes(bytes) => console.send(&bytes).await,
                Input::Break => console.send_break().await,
                Input::Resize(columns, rows) => {
                    let told = console.resize(columns, rows).await?;
                    if let Some(scene) = lock(&self.scene).as_mut().filter(|_| told) {
                        scene.resize(columns, rows);
                    }
                    Ok(())
                }
            }
        };
        let late = || Error::Busy { reason: "the controller takes nothing".to_owned() };
        let done = timeout(TAKEN, doing).await.unwrap_or_else(|_| Err(late()));
        match (reply, done) {
            // An error means that nobody waits for the answer any more.
            (Some(reply), done) => drop(reply.send(done.map_err(DeviceError::from))),
            (None, Ok(())) => {}
            // The console tells by itself when it is of no use any more.
            (None, Err(error)) => self.notice(format!("not typed: {error}")),
        }
    }
}
