//! The task that keeps a screen in view: connects, looks, reads, types, and connects again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{Connector, Name, Reach};
use ironhand_connectors::{Login, ScreenEvent, ScreenSource, Surroundings, open_screen};
use ironhand_console::keys::{self, KeyStep, Layout, Stroke};
use ironhand_store::Store;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{Command, PictureReader, Seen, Shot, View, layout};
use crate::credentials::{BackOff, Credentials, Opened, hop_login};
use crate::device::DeviceError;
use crate::{Settings, clock};

/// How long a server may take to tell of a change that has happened already. A screen that is still for so long after
/// it was asked for changes is taken as unchanged.
const STILL: Duration = Duration::from_millis(150);

/// How often the whole screen is asked for. A dead connection looks like a still screen until then.
const WHOLE: Duration = Duration::from_secs(30);

/// At least so long passes between two looks for a picture where there is none.
const UNSEEN: Duration = Duration::from_secs(5);

/// The screen to watch, and what is needed for it.
pub(crate) struct Target {
    pub(crate) host: Name,
    /// The connector, as facts and receipts name it.
    pub(crate) source: String,
    pub(crate) connector: Connector,
    /// What is to be known beside it, without the login of a host between.
    pub(crate) surroundings: Surroundings,
    /// Where that login is kept.
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
    pub(crate) reader: PictureReader,
    pub(crate) settings: Settings,
}

/// Connects, stays, and connects again, until `stop` is cancelled or nobody watches any more.
pub(super) async fn run(
    target: Target,
    commands: mpsc::Receiver<Command>,
    pace: watch::Receiver<Duration>,
    show: watch::Sender<View>,
    stop: CancellationToken,
) {
    let back_off = BackOff::new(target.settings.reconnect_first, target.settings.reconnect_longest);
    let mut session = Session { target, commands, pace, show, back_off, shot: None, looks: 0 };
    // Cancelled between two exchanges at the latest: a connection that is dropped is closed by the system.
    stop.run_until_cancelled(session.run()).await;
}

struct Session {
    target: Target,
    commands: mpsc::Receiver<Command>,
    pace: watch::Receiver<Duration>,
    show: watch::Sender<View>,
    back_off: BackOff,
    shot: Option<Arc<Shot>>,
    looks: u64,
}

impl Session {
    async fn run(&mut self) {
        loop {
            let (error, wait) = match self.connect().await {
                Ok(connection) => {
                    self.back_off.worked();
                    let Err(error) = self.stay(connection).await else { return };
                    (error, self.back_off.failed())
                }
                Err((error, wait)) => (error, wait),
            };
            tracing::debug!(host = %self.target.host, connector = self.target.source, %error, "screen lost");
            self.show.send_replace(View::Lost(error.clone()));
            if !self.rest(wait, &error).await {
                return;
            }
        }
    }

    /// Connects with the first credential that is accepted; says how long to wait where none is.
    async fn connect(&mut self) -> Result<Box<dyn ScreenSource>, (DeviceError, Duration)> {
        let target = &mut self.target;
        let mut refusal = None;
        for place in target.credentials.order(Instant::now()) {
            let attempt = async {
                let opened = target.credentials.open(place).await?;
                open(&target.connector, &target.surroundings, &target.store, opened).await
            };
            match attempt.await {
                Ok(connection) => {
                    target.credentials.worked(place);
                    return Ok(connection);
                }
                Err(error) if error.is_refusal() || matches!(error, DeviceError::Credential { .. }) => {
                    refusal = Some(error);
                }
                // Asking on would only prolong the lock.
                Err(error) if error.reach() == Reach::Throttled => {
                    let wait = target.credentials.all_refused(Instant::now(), error.clone());
                    return Err((error, wait));
                }
                Err(error) => return Err((error, self.back_off.failed())),
            }
        }
        let error = refusal.unwrap_or(DeviceError::NotSeenYet);
        let wait = target.credentials.all_refused(Instant::now(), error.clone());
        Err((error, wait))
    }

    /// Waits before the next attempt, and tells everybody who asks meanwhile why nothing can be done. Someone who
    /// wants to look ends the wait, unless passwords were refused. False where nobody watches any more.
    async fn rest(&mut self, wait: Duration, error: &DeviceError) -> bool {
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return true,
                command = self.commands.recv() => match command {
                    None => return false,
                    // An error means that nobody waits for the answer any more.
                    Some(Command::Keys { reply, .. }) => drop(reply.send(Err(error.clone()))),
                    Some(Command::Look { reply }) => {
                        let waiting = self.target.credentials.waiting(Instant::now());
                        let again = waiting.is_none();
                        drop(reply.send(Err(waiting.unwrap_or_else(|| error.clone()))));
                        if again {
                            return true;
                        }
                    }
                },
            }
        }
    }

    /// Looks and types on a connection until it ends. Ok where nobody watches any more.
    async fn stay(&mut self, connection: Box<dyn ScreenSource>) -> Result<(), DeviceError> {
        let mut visit = Visit::new(connection);
        let ended = loop {
            if let Err(error) = self.turn(&mut visit).await {
                break error;
            }
            if visit.over {
                visit.connection.close().await;
                return Ok(());
            }
        };
        visit.fail_all(&ended);
        Err(ended)
    }

    /// One thing that happens on a connection.
    async fn turn(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let deadline = visit.deadline();
        tokio::select! {
            () = visit.connection.ready() => {
                visit.connection.pump().await?;
                while let Some(event) = visit.connection.next_event() {
                    match event {
                        ScreenEvent::Updated => self.updated(visit).await?,
                        ScreenEvent::NoPicture(error) => self.unseen(visit, &error.into()),
                        ScreenEvent::Failed(error) => return Err(error.into()),
                    }
                }
                Ok(())
            }
            () = tokio::time::sleep_until(deadline.into()) => self.due(visit).await,
            command = self.commands.recv() => {
                match command {
                    None => visit.over = true,
                    Some(Command::Keys { steps, reply }) => visit.type_keys(&steps, layout(&self.target.connector), reply),
                    Some(Command::Look { reply }) => {
                        visit.lookers.push(reply);
                        visit.look(Kind::Whole).await?;
                    }
                }
                Ok(())
            }
            Ok(()) = self.pace.changed() => {
                let pace = *self.pace.borrow_and_update();
                visit.next_look = visit.next_look.min(Instant::now() + pace);
                Ok(())
            }
        }
    }

    async fn due(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let now = Instant::now();
        if visit.key_due.is_some_and(|due| due <= now) {
            visit.press_next(self.target.settings.key_interval).await?;
        }
        match visit.look {
            Look::Waiting { until: Some(until) } if until <= now => self.show(visit).await?,
            Look::None if visit.next_look <= now => {
                let kind = if visit.whole_at <= now { Kind::Whole } else { Kind::Changes };
                visit.look(kind).await?;
            }
            Look::None | Look::Waiting { .. } => {}
        }
        Ok(())
    }

    async fn updated(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        visit.asked = None;
        match visit.look {
            // This may be what an earlier request for changes brought; whoever wants the whole waits for the whole.
            Look::Waiting { .. } => self.show(visit).await,
            Look::None => Ok(()),
        }
    }

    /// Tells everybody that there is no picture at the moment.
    fn unseen(&mut self, visit: &mut Visit, error: &DeviceError) {
        (visit.asked, visit.look) = (None, Look::None);
        visit.next_look = Instant::now() + (*self.pace.borrow()).max(UNSEEN);
        self.show.send_replace(View::Lost(error.clone()));
        for looker in visit.lookers.drain(..) {
            // An error means that nobody waits for the answer any more.
            let _ = looker.send(Err(error.clone()));
        }
    }

    /// Reads the screen as it is now, and shows it to everybody.
    async fn show(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let at = clock::now();
        if let Some(image) = visit.connection.image(self.shot.as_ref().map(|shot| &shot.image)) {
            let lossy = visit.connection.is_lossy();
            let read = self.target.reader.read(image, lossy, self.shot.clone()).await;
            let shot = read.ok_or(DeviceError::ReaderFailed)?;
            self.shot = Some(Arc::new(shot));
        }
        if let Some(shot) = &self.shot {
            self.looks += 1;
            let seen = Arc::new(Seen { number: self.looks, at, shot: Arc::clone(shot) });
            self.show.send_replace(View::Seen(Arc::clone(&seen)));
            for looker in visit.lookers.drain(..) {
                // An error means that nobody waits for the answer any more.
                let _ = looker.send(Ok(Arc::clone(&seen)));
            }
        }
        visit.look = Look::None;
        visit.next_look = Instant::now() + *self.pace.borrow();
        Ok(())
    }
}

/// Connects to a screen, and gets let in.
async fn open(
    connector: &Connector,
    surroundings: &Surroundings,
    store: &Store,
    login: Opened,
) -> Result<Box<dyn ScreenSource>, DeviceError> {
    let hop = hop_login(connector, store).await?;
    let surroundings = Surroundings { hop, ..surroundings.clone() };
    let username = login.username;
    let login = login.password.map(|password| Login { username, password });
    Ok(open_screen(connector, login, &surroundings).await?)
}

/// What was asked of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Changes,
}

/// A look that is under way.
#[derive(Clone, Copy)]
enum Look {
    None,
    /// Until the answer comes, or, where only changes were asked for, until the screen has been still for long enough.
    Waiting {
        until: Option<Instant>,
    },
}

/// One connection, from its beginning to its end.
struct Visit {
    connection: Box<dyn ScreenSource>,
    look: Look,
    /// A request that the server has not answered.
    asked: Option<Kind>,
    next_look: Instant,
    /// When the whole screen is to be asked for again.
    whole_at: Instant,
    lookers: Vec<oneshot::Sender<Result<Arc<Seen>, DeviceError>>>,
    typing: VecDeque<Typing>,
    key_due: Option<Instant>,
    over: bool,
}

/// What is still to be typed.
enum Typing {
    Key(Stroke),
    Wait(Duration),
    Done(oneshot::Sender<Result<(), DeviceError>>),
}

impl Visit {
    fn new(connection: Box<dyn ScreenSource>) -> Self {
        let now = Instant::now();
        Self {
            connection,
            look: Look::None,
            asked: None,
            next_look: now,
            whole_at: now,
            lookers: Vec::new(),
            typing: VecDeque::new(),
            key_due: None,
            over: false,
        }
    }

    /// When [`Session::due`] has something to do.
    fn deadline(&self) -> Instant {
        let look = match self.look {
            Look::None => Some(self.next_look),
            Look::Waiting { until } => until,
        };
        let times = [look, self.key_due];
        // Without either, the connection and its own deadline decide what is next.
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + WHOLE)
    }

    /// Begins a look. A request for changes that is still open serves for another look at changes.
    async fn look(&mut self, kind: Kind) -> Result<(), DeviceError> {
        let now = Instant::now();
        let kind = if self.connection.tells_changes() { kind } else { Kind::Whole };
        if kind == Kind::Whole || self.asked.is_none() {
            if self.asked != Some(Kind::Whole) {
                self.connection.request_update(kind == Kind::Changes).await?;
            }
            self.asked = Some(kind);
        }
        if kind == Kind::Whole {
            self.whole_at = now + WHOLE;
        }
        let until = (self.asked == Some(Kind::Changes)).then(|| now + STILL);
        self.look = Look::Waiting { until };
        Ok(())
    }

    fn type_keys(
        &mut self,
        steps: &[KeyStep],
        layout: Layout,
        reply: oneshot::Sender<Result<(), DeviceError>>,
    ) {
        let Some(keyboard) = self.connection.keyboard() else {
            let what = "press keys".to_owned();
            // An error means that nobody waits for the answer any more.
            let _ = reply.send(Err(ironhand_connectors::Error::Unsupported { what }.into()));
            return;
        };
        let mut pressed = Vec::new();
        for step in steps {
            match keys::strokes(step, keyboard, layout) {
                Ok(strokes) => pressed.extend(strokes.into_iter().map(Typing::Key)),
                Err(missing) => {
                    let what = format!("type that: {missing}");
                    // An error means that nobody waits for the answer any more. Nothing was pressed.
                    let _ = reply.send(Err(ironhand_connectors::Error::Unsupported { what }.into()));
                    return;
                }
            }
            if let KeyStep::Wait(time) = step {
                pressed.push(Typing::Wait(*time));
            }
        }
        self.typing.extend(pressed);
        self.typing.push_back(Typing::Done(reply));
        self.key_due.get_or_insert_with(Instant::now);
    }

    async fn press_next(&mut self, interval: Duration) -> Result<(), DeviceError> {
        let pause = match self.typing.pop_front() {
            Some(Typing::Key(stroke)) => {
                self.connection.key(stroke).await?;
                interval
            }
            Some(Typing::Wait(time)) => time,
            Some(Typing::Done(reply)) => {
                // An error means that nobody waits for the answer any more.
                let _ = reply.send(Ok(()));
                Duration::ZERO
            }
            None => {
                self.key_due = None;
                return Ok(());
            }
        };
        self.key_due = Some(Instant::now() + pause);
        Ok(())
    }

    /// Tells everybody who waits why it will not come.
    fn fail_all(&mut self, error: &DeviceError) {
        // An error of sending means that nobody waits for the answer any more.
        for looker in self.lookers.drain(..) {
            let _ = looker.send(Err(error.clone()));
        }
        for typing in self.typing.drain(..) {
            if let Typing::Done(reply) = typing {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}
