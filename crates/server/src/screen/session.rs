//! The task that keeps a screen in view: connects, looks, reads, types, and connects again.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Name, ScreenWay};
use ironhand_connectors::{ScreenEvent, ScreenSource};
use ironhand_console::keys::{KeyStep, Layout};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::keyboard::SpareKeyboard;
use super::pace::Pace;
use super::typing::Typing;
use super::way::{Opening, Ways, close};
use super::{Attempt, Command, PictureReader, Reply, Seen, Shot, View};
use crate::device::DeviceError;
use crate::entrance::{Entrance, late};
use crate::{Settings, clock};

/// How long a server may take to tell of a change that has happened already. A screen that is still for so long after
/// it was asked for changes is taken as unchanged.
const STILL: Duration = Duration::from_millis(150);

/// How often the whole screen is asked for. A dead connection looks like a still screen until then.
const WHOLE: Duration = Duration::from_secs(30);

/// At least so long passes between two looks for a picture where there is none.
const UNSEEN: Duration = Duration::from_secs(5);

/// How long a connection may take to deal with what arrived, or to take a picture: some controllers log in anew for it.
const PUMP: Duration = Duration::from_secs(30);

/// How long a connection may take to send a few bytes.
const SEND: Duration = Duration::from_secs(10);

/// How long the whole screen may take to come: a few megabytes over a line of a megabit a second.
const ANSWER: Duration = Duration::from_secs(60);

/// The screen to watch, and what is needed for it.
pub(crate) struct Target {
    pub(crate) host: Name,
    /// The connectors that show it, in the order of the manifest.
    pub(crate) entrances: Vec<Entrance>,
    pub(crate) reader: PictureReader,
    pub(crate) settings: Settings,
}

/// Where what is known of the screen goes.
pub(super) struct Outlet {
    pub(super) show: watch::Sender<View>,
    pub(super) tell: watch::Sender<Vec<ScreenWay>>,
}

/// Connects, stays, and connects again, until `stop` is cancelled or nobody watches any more.
pub(super) async fn run(
    target: Target,
    commands: mpsc::Receiver<Command>,
    pace: watch::Receiver<Pace>,
    outlet: Outlet,
    stop: CancellationToken,
) {
    let Target { host, entrances, reader, settings } = target;
    let ways = Ways::new(entrances, &settings);
    let spare = SpareKeyboard::new(ways.keyboards(), settings.key_interval);
    let mut session = Session {
        host,
        ways,
        reader,
        settings,
        commands,
        pace,
        outlet,
        spare,
        trial: None,
        shot: None,
        looks: 0,
    };
    // Boxed: it holds what connects, which most of the time does nothing.
    Box::pin(session.run(&stop)).await;
    session.spare.close().await;
}

struct Session {
    host: Name,
    ways: Ways,
    reader: PictureReader,
    settings: Settings,
    commands: mpsc::Receiver<Command>,
    pace: watch::Receiver<Pace>,
    outlet: Outlet,
    spare: SpareKeyboard,
    /// A way before the one in use that is being tried again.
    trial: Option<BoxFuture<'static, (usize, Opening)>>,
    shot: Option<Arc<Shot>>,
    looks: u64,
}

impl Session {
    async fn run(&mut self, stop: &CancellationToken) {
        loop {
            // A connection that is being made is dropped: nobody has logged in by it yet, or the controller forgets it.
            let Some(connected) = stop.run_until_cancelled(Box::pin(self.connect())).await else { return };
            let going_on = match connected {
                Some(visit) => self.stay(visit, stop).await,
                None => stop.run_until_cancelled(self.rest()).await.unwrap_or(false),
            };
            if !going_on {
                return;
            }
        }
    }

    /// Connects through the first way that lets us in; none where all failed, or are left alone.
    async fn connect(&mut self) -> Option<Visit> {
        for at in 0..self.ways.len() {
            if self.ways.rests(at, Instant::now()) {
                continue;
            }
            match self.ways.open(at).await {
                Ok(connection) => return Some(self.visit(at, connection)),
                Err((error, wait)) => self.lost(at, Duration::ZERO, error, wait),
            }
        }
        None
    }

    fn visit(&mut self, at: usize, connection: Box<dyn ScreenSource>) -> Visit {
        self.ways.works(at);
        self.outlet.tell.send_replace(self.ways.standings(Some(at)));
        Visit::new(at, self.ways.source(at), self.ways.layout(at), connection)
    }

    /// A way failed, which had held for so long.
    fn lost(&mut self, at: usize, held: Duration, error: DeviceError, wait: Option<Duration>) {
        let source = self.ways.source(at);
        tracing::debug!(host = %self.host, connector = %source, %error, "screen lost");
        self.ways.fails(at, held, error, wait);
        self.outlet.tell.send_replace(self.ways.standings(None));
    }

    /// Waits before the next attempt, and tells everybody who asks meanwhile why nothing can be done. Someone who
    /// wants to look ends the wait, unless passwords were refused. False where nobody watches any more.
    async fn rest(&mut self) -> bool {
        let (source, error) = self.ways.failure();
        self.outlet.show.send_replace(View::Lost { source: Arc::clone(&source), error: error.clone() });
        let again = self.ways.again(self.ways.len()).unwrap_or_else(Instant::now);
        let over = tokio::time::sleep_until(again.into());
        tokio::pin!(over);
        let failed = |error: DeviceError| Attempt { through: Arc::clone(&source), result: Err(error) };
        loop {
            tokio::select! {
                () = &mut over => return true,
                command = self.commands.recv() => match command {
                    None => return false,
                    // An error means that nobody waits for the answer any more.
                    Some(Command::Keys { reply, .. }) => drop(reply.send(Attempt {
                        through: Arc::clone(&source),
                        result: Err(error.clone()),
                    })),
                    Some(Command::Look { reply }) => {
                        drop(reply.send(failed(error.clone())));
                        if self.ways.hurry() {
                            return true;
                        }
                    }
                },
            }
        }
    }

    /// Looks and types on a connection until it ends. False where nobody watches any more.
    async fn stay(&mut self, mut visit: Visit, stop: &CancellationToken) -> bool {
        loop {
            match stop.run_until_cancelled(self.turn(&mut visit)).await {
                Some(Ok(())) if !visit.over => {}
                Some(Err(error)) => {
                    visit.fail_all(&error);
                    let (at, held) = (visit.at, visit.begun.elapsed());
                    self.trial = None;
                    close(visit.connection).await;
                    self.lost(at, held, error, None);
                    return true;
                }
                None | Some(Ok(())) => {
                    close(visit.connection).await;
                    return false;
                }
            }
        }
    }

    /// One thing that happens on a connection.
    async fn turn(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        self.try_better(visit);
        let better = if self.trial.is_none() { self.ways.again(visit.at) } else { None };
        let deadline = visit.deadline(better);
        // Keys are pressed to their end on the connection on which they were begun.
        let trial = self.trial.as_mut().filter(|_| visit.typing.is_idle());
        tokio::select! {
            () = visit.connection.ready() => self.pump(visit).await,
            () = tokio::time::sleep_until(deadline.into()) => self.due(visit).await,
            command = self.commands.recv() => {
                match command {
                    None => visit.over = true,
                    Some(Command::Keys { steps, reply }) => self.type_keys(visit, steps, reply),
                    Some(Command::Look { reply }) => {
                        visit.lookers.push(reply);
                        visit.look(Kind::Whole).await?;
                    }
                }
                Ok(())
            }
            Ok(()) = self.pace.changed() => {
                let pace = self.pace.borrow_and_update().between(visit.connection.tells_changes());
                visit.next_look = visit.next_look.min(Instant::now() + pace);
                Ok(())
            }
            (at, opening) = tried(trial) => {
                self.trial = None;
                self.tried(visit, at, opening).await;
                Ok(())
            }
        }
    }

    /// Tries a way before the one in use again, beside it, where one is due.
    fn try_better(&mut self, visit: &Visit) {
        let now = Instant::now();
        if self.trial.is_none()
            && visit.typing.is_idle()
            && let Some(at) = (0..visit.at).find(|at| !self.ways.rests(*at, now))
        {
            let opening = self.ways.open(at);
            self.trial = Some(Box::pin(async move { (at, opening.await) }));
        }
    }

    /// Changes over to a way that is to be preferred, where it lets us in.
    async fn tried(&mut self, visit: &mut Visit, at: usize, opening: Opening) {
        match opening {
            Ok(connection) => {
                let lookers = std::mem::take(&mut visit.lookers);
                let before = std::mem::replace(visit, self.visit(at, connection));
                visit.lookers = lookers;
                close(before.connection).await;
            }
            Err((error, wait)) => {
                self.lost(at, Duration::ZERO, error, wait);
                self.outlet.tell.send_replace(self.ways.standings(Some(visit.at)));
            }
        }
    }

    async fn pump(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        match timeout(PUMP, visit.connection.pump()).await {
            Ok(pumped) => pumped?,
            Err(_) => return Err(late(&visit.source, PUMP)),
        }
        while let Some(event) = visit.connection.next_event() {
            match event {
                ScreenEvent::Updated => self.updated(visit).await?,
                ScreenEvent::NoPicture(error) => self.unseen(visit, &error.into()),
                ScreenEvent::Failed(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Presses keys on the connection, or on the first connector of the host that has a keyboard.
    fn type_keys(&self, visit: &mut Visit, steps: Vec<KeyStep>, reply: Reply<()>) {
        if visit.connection.keyboard().is_some() {
            visit.typing.add(visit.connection.as_ref(), &steps, reply);
        } else {
            self.spare.press((steps, reply));
        }
    }

    async fn due(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let now = Instant::now();
        visit.typing.press_next(visit.connection.as_mut(), self.settings.key_interval).await?;
        if visit.answer_by.is_some_and(|answer_by| answer_by <= now) {
            return Err(late(&visit.source, ANSWER));
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
        (visit.asked, visit.answer_by) = (None, None);
        match visit.look {
            // This may be what an earlier request for changes brought; whoever wants the whole waits for the whole.
            Look::Waiting { .. } => self.show(visit).await,
            Look::None => Ok(()),
        }
    }

    /// Tells everybody that there is no picture at the moment.
    fn unseen(&mut self, visit: &mut Visit, error: &DeviceError) {
        (visit.asked, visit.answer_by, visit.look) = (None, None, Look::None);
        visit.next_look = Instant::now() + self.pace(visit).max(UNSEEN);
        let source = Arc::clone(&visit.source);
        self.outlet.show.send_replace(View::Lost { source, error: error.clone() });
        visit.tell_lookers(&Err(error.clone()));
    }

    /// Between two looks at the moment.
    fn pace(&self, visit: &Visit) -> Duration {
        self.pace.borrow().between(visit.connection.tells_changes())
    }

    /// Reads the screen as it is now, and shows it to everybody.
    async fn show(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let at = clock::now();
        if let Some(image) = visit.connection.image(self.shot.as_ref().map(|shot| &shot.image)) {
            let read = self.reader.read(image, self.shot.clone()).await;
            let shot = read.ok_or(DeviceError::ReaderFailed)?;
            self.shot = Some(Arc::new(shot));
        }
        if let Some(shot) = &self.shot {
            self.looks += 1;
            let (source, shot) = (Arc::clone(&visit.source), Arc::clone(shot));
            let seen = Arc::new(Seen { number: self.looks, at, source, shot });
            self.outlet.show.send_replace(View::Seen(Arc::clone(&seen)));
            visit.tell_lookers(&Ok(seen));
        }
        visit.look = Look::None;
        visit.next_look = Instant::now() + self.pace(visit);
        Ok(())
    }
}

/// What comes of a trial; waits for ever where there is none.
async fn tried(trial: Option<&mut BoxFuture<'static, (usize, Opening)>>) -> (usize, Opening) {
    match trial {
        Some(trial) => trial.await,
        None => pending().await,
    }
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
    /// The place of its way.
    at: usize,
    /// Its connector, as facts name it.
    source: Arc<str>,
    connection: Box<dyn ScreenSource>,
    begun: Instant,
    look: Look,
    /// A request that the server has not answered.
    asked: Option<Kind>,
    /// When the connection is given up unless the whole screen has come.
    answer_by: Option<Instant>,
    next_look: Instant,
    /// When the whole screen is to be asked for again.
    whole_at: Instant,
    lookers: Vec<Reply<Arc<Seen>>>,
    typing: Typing,
    over: bool,
}

impl Visit {
    fn new(at: usize, source: Arc<str>, layout: Layout, connection: Box<dyn ScreenSource>) -> Self {
        let now = Instant::now();
        Self {
            at,
            typing: Typing::new(Arc::clone(&source), layout),
            source,
            connection,
            begun: now,
            look: Look::None,
            asked: None,
            answer_by: None,
            next_look: now,
            whole_at: now,
            lookers: Vec::new(),
            over: false,
        }
    }

    /// When [`Session::due`] has something to do, or a way that is to be preferred is tried again.
    fn deadline(&self, better: Option<Instant>) -> Instant {
        let look = match self.look {
            Look::None => Some(self.next_look),
            Look::Waiting { until } => until,
        };
        let times = [look, self.typing.due(), self.answer_by, better.filter(|_| self.typing.is_idle())];
        // Without any, the connection and its own deadline decide what is next.
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + WHOLE)
    }

    /// Begins a look. A request for changes that is still open serves for another look at changes.
    async fn look(&mut self, kind: Kind) -> Result<(), DeviceError> {
        let now = Instant::now();
        let kind = if self.connection.tells_changes() { kind } else { Kind::Whole };
        if kind == Kind::Whole || self.asked.is_none() {
            if self.asked != Some(Kind::Whole) {
                match timeout(SEND, self.connection.request_update(kind == Kind::Changes)).await {
                    Ok(asked) => asked?,
                    Err(_) => return Err(late(&self.source, SEND)),
                }
            }
            self.asked = Some(kind);
        }
        if kind == Kind::Whole {
            self.whole_at = now + WHOLE;
            self.answer_by.get_or_insert(now + ANSWER);
        }
        let until = (self.asked == Some(Kind::Changes)).then(|| now + STILL);
        self.look = Look::Waiting { until };
        Ok(())
    }

    /// Tells everybody who waits for a look what came of it.
    fn tell_lookers(&mut self, result: &Result<Arc<Seen>, DeviceError>) {
        for looker in self.lookers.drain(..) {
            // An error means that nobody waits for the answer any more.
            let _ = looker.send(Attempt { through: Arc::clone(&self.source), result: result.clone() });
        }
    }

    /// Tells everybody who waits why it will not come.
    fn fail_all(&mut self, error: &DeviceError) {
        self.tell_lookers(&Err(error.clone()));
        self.typing.fail(error);
    }
}
