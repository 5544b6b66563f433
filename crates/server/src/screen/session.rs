//! The task that keeps a screen in view: connects, looks, reads, types, and connects again.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Name, ScreenWay};
use ironhand_connectors::ScreenEvent;
use ironhand_console::keys::KeyStep;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::arrival::Arrival;
use super::connection::Connection;
use super::keyboard::SpareKeyboard;
use super::loan::VncLoan;
use super::pace::Pace;
use super::serial::{Read, SerialDoor};
use super::typing::Typing;
use super::visit::{ANSWER, Kind, Look, Visit};
use super::way::{Opening, Ways};
use super::{Command, PictureReader, Reply, Seen, Shot, View};
use crate::device::DeviceError;
use crate::entrance::{Entrance, late};
use crate::{Settings, clock};

/// At least so long passes between two looks for a picture where there is none.
const UNSEEN: Duration = Duration::from_secs(5);

/// How long a connection may take to deal with what arrived, or to take a picture: some controllers log in anew for it.
const PUMP: Duration = Duration::from_secs(30);

/// How long a serial console that is only open because somebody asked for it stays open: who looks or types does so again
/// soon.
const LINGER: Duration = Duration::from_secs(60);

/// The screen to watch, and what is needed for it.
pub(crate) struct Target {
    pub(crate) host: Name,
    /// The connectors that show it, in the order of the manifest.
    pub(crate) entrances: Vec<Entrance>,
    /// The serial console, where the host has one.
    pub(crate) serial: Option<SerialDoor>,
    /// The VNC server that the host's controller can switch.
    pub(crate) loan: Option<VncLoan>,
    pub(crate) reader: PictureReader,
    pub(crate) settings: Settings,
}

/// How the lane wants a screen to be looked at, as it changes.
pub(super) struct Pacing {
    /// Between two looks.
    pub(super) pace: watch::Receiver<Pace>,
    /// Whether the serial console is kept open where no picture is seen.
    pub(super) follow: watch::Receiver<bool>,
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
    pacing: Pacing,
    outlet: Outlet,
    stop: CancellationToken,
) {
    let Target { host, entrances, serial, loan, reader, settings } = target;
    if let Some(loan) = loan
        && entrances.iter().all(|entrance| entrance.loan.is_none())
        && stop.run_until_cancelled(loan.settle()).await.is_none()
    {
        return;
    }
    let ways = Ways::new(entrances, serial, &settings);
    let Pacing { pace, follow } = pacing;
    let spare = SpareKeyboard::new(ways.keyboards(), settings.key_interval);
    let mut session = Session {
        host,
        ways,
        reader,
        settings,
        commands,
        pace,
        follow,
        asked_until: None,
        waiting: Vec::new(),
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
    follow: watch::Receiver<bool>,
    /// Until when the serial console stays open for those who asked.
    asked_until: Option<Instant>,
    /// What is asked of a serial console that is opened for it.
    waiting: Vec<Command>,
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
                Some(mut visit) => {
                    for command in std::mem::take(&mut self.waiting) {
                        self.take(&mut visit, command);
                    }
                    self.stay(visit, stop).await
                }
                None => stop.run_until_cancelled(self.rest()).await.unwrap_or(false),
            };
            if !going_on {
                return;
            }
        }
    }

    /// Connects through the first way that lets us in; none where all failed, or are left alone.
    async fn connect(&mut self) -> Option<Visit> {
        let mut arrival = self.arrive().await;
        for at in 0..self.ways.len() {
            let unwanted = self.ways.serial() == Some(at) && !self.wants_serial(Instant::now());
            if unwanted || self.ways.rests(at, Instant::now()) {
                continue;
            }
            match self.ways.open(at).await {
                Ok(connection) => {
                    let mut visit = self.visit(at, connection);
                    visit.arrival = arrival.take();
                    return Some(visit);
                }
                Err((error, wait)) => self.lost(at, Duration::ZERO, error, wait),
            }
        }
        None
    }

    /// Waits until it may connect among all others. A screen that is looked at more often than usual, since its host is ill or somebody
    /// watches, waits for nobody.
    async fn arrive(&mut self) -> Option<Arrival> {
        let (usual, mut pace) = (self.settings.screen_interval, self.pace.clone());
        let hurries = async { pace.wait_for(|pace| pace.between(true) < usual).await.map(drop) };
        tokio::select! {
            biased;
            Ok(()) = hurries => None,
            arrival = self.reader.arrivals.enter() => arrival,
        }
    }

    /// Whether the serial console is to be open where no picture is seen.
    fn wants_serial(&self, now: Instant) -> bool {
        *self.follow.borrow()
            || self.pace.borrow().is_watched()
            || self.asked_until.is_some_and(|until| until > now)
    }

    fn visit(&mut self, at: usize, connection: Connection) -> Visit {
        self.ways.works(at);
        self.outlet.tell.send_replace(self.ways.standings(Some(at)));
        let source = match &connection {
            Connection::Picture(_) => self.ways.source(at),
            Connection::Serial(serial) => serial.source(),
        };
        let interval = self.ways.key_interval(at).unwrap_or(self.settings.key_interval);
        let typing = Typing::new(Arc::clone(&source), self.ways.layout(at), interval);
        Visit::new(at, source, typing, connection)
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
        let lost = |beside| View::Lost { source: Arc::clone(&source), error: error.clone(), beside };
        self.outlet.show.send_replace(if self.ways.have_failed() {
            lost(self.ways.are_beside())
        } else if self.ways.serial().is_none() {
            lost(true)
        } else {
            // Nobody needs the serial console at the moment.
            View::Connecting
        });
        for command in std::mem::take(&mut self.waiting) {
            command.fail(&source, &error);
        }
        let wanted = self.wants_serial(Instant::now());
        let again = self.ways.again(self.ways.len(), wanted);
        let over = async {
            match again {
                Some(again) => tokio::time::sleep_until(again.into()).await,
                None => pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return true,
                Ok(()) = self.follow.changed() => return true,
                command = self.commands.recv() => {
                    let Some(command) = command else { return false };
                    if self.may_open_serial() {
                        self.asked_until = Some(Instant::now() + LINGER);
                        self.waiting.push(command);
                        self.ways.hurry();
                        return true;
                    }
                    let looks = matches!(command, Command::Look { .. });
                    command.fail(&source, &error);
                    if looks && self.ways.hurry() {
                        return true;
                    }
                }
            }
        }
    }

    /// Whether there is a serial console that is not open because nobody asked for it.
    fn may_open_serial(&self) -> bool {
        let now = Instant::now();
        self.ways.serial().is_some_and(|at| !self.wants_serial(now) && !self.ways.rests(at, now))
    }

    /// Looks and types on a connection until it ends. False where nobody watches any more.
    async fn stay(&mut self, mut visit: Visit, stop: &CancellationToken) -> bool {
        loop {
            match stop.run_until_cancelled(self.turn(&mut visit)).await {
                Some(Ok(())) if self.is_unneeded(&visit) => {
                    self.trial = None;
                    visit.connection.close().await;
                    return true;
                }
                Some(Ok(())) if !visit.over => {}
                Some(Err(error)) => {
                    visit.fail_all(&error);
                    let (at, held) = (visit.at, visit.begun.elapsed());
                    self.trial = None;
                    visit.connection.close().await;
                    self.lost(at, held, error, None);
                    return true;
                }
                None | Some(Ok(())) => {
                    visit.connection.close().await;
                    return false;
                }
            }
        }
    }

    /// Whether it is a serial console that was open for those who asked, who ask no more.
    fn is_unneeded(&self, visit: &Visit) -> bool {
        let is_idle = visit.typing.is_idle() && visit.lookers.is_empty();
        visit.connection.is_serial() && is_idle && !visit.over && !self.wants_serial(Instant::now())
    }

    /// One thing that happens on a connection.
    async fn turn(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        self.try_better(visit);
        let better = if self.trial.is_none() { self.ways.again(visit.at, true) } else { None };
        let deadline = visit.deadline(better);
        // Keys are pressed to their end on the connection on which they were begun.
        let trial = self.trial.as_mut().filter(|_| visit.typing.is_idle());
        tokio::select! {
            () = visit.connection.ready() => self.pump(visit).await,
            () = tokio::time::sleep_until(deadline.into()) => self.due(visit).await,
            command = self.commands.recv() => {
                match command {
                    None => visit.over = true,
                    Some(command) => self.take(visit, command),
                }
                Ok(())
            }
            Ok(()) = self.follow.changed() => Ok(()),
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

    /// Takes up what is asked for.
    fn take(&mut self, visit: &mut Visit, command: Command) {
        if visit.connection.is_serial() {
            self.asked_until = Some(Instant::now() + LINGER);
        }
        match command {
            Command::Keys { steps, reply } => self.type_keys(visit, steps, reply),
            Command::Look { reply } => {
                visit.lookers.push(reply);
                // It is begun as the next thing, as the whole of a screen that is due.
                visit.whole_at = Instant::now();
                visit.next_look = visit.whole_at;
                visit.look = Look::None;
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
                before.connection.close().await;
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
        if visit.connection.has_keyboard() {
            visit.typing.add(&visit.connection, &steps, reply);
        } else {
            self.spare.press((steps, reply));
        }
    }

    async fn due(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let now = Instant::now();
        visit.typing.press_next(&mut visit.connection).await?;
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
            Look::None => {
                // It changed after the last look, and is read at the next.
                if !self.pace.borrow().is_watched() {
                    visit.connection.pack();
                }
                Ok(())
            }
        }
    }

    /// Tells everybody that there is no picture at the moment.
    fn unseen(&mut self, visit: &mut Visit, error: &DeviceError) {
        (visit.asked, visit.answer_by, visit.look) = (None, None, Look::None);
        let least = if visit.connection.is_serial() { Duration::ZERO } else { UNSEEN };
        visit.next_look = Instant::now() + self.pace(visit).max(least);
        let (source, error) = match self.ways.have_failed() {
            // That the pictures are missed tells more than that nothing stands in for them.
            true if visit.connection.is_serial() => self.ways.failure_beside(&visit.source, error),
            _ => (Arc::clone(&visit.source), error.clone()),
        };
        let beside = self.ways.are_beside() && !visit.connection.is_serial();
        self.outlet.show.send_replace(View::Lost { source, error: error.clone(), beside });
        visit.tell_lookers(&Err(error));
    }

    /// Between two looks at the moment.
    fn pace(&self, visit: &Visit) -> Duration {
        self.pace.borrow().between(visit.connection.tells_changes())
    }

    /// Reads the screen as it is now, and shows it to everybody.
    async fn show(&mut self, visit: &mut Visit) -> Result<(), DeviceError> {
        let at = clock::now();
        let seen = self.shot.as_ref().and_then(|shot| shot.seen());
        let is_watched = self.pace.borrow().is_watched();
        let read = match &mut visit.connection {
            Connection::Picture(source) => {
                let turn = self.reader.turn(|| source.pack()).await.ok_or(DeviceError::Stopping)?;
                match source.image(seen) {
                    Some(image) => Some(self.reader.read(turn, image, self.shot.clone()).await),
                    None => None,
                }
            }
            Connection::Serial(serial) => match serial.read() {
                Ok(Read::Shown(reading)) => Some(self.reader.take(reading).await),
                Ok(Read::Same) => None,
                Err(error) => {
                    self.unseen(visit, &error.into());
                    return Ok(());
                }
            },
        };
        if let Some(shot) = read {
            self.shot = Some(Arc::new(shot.ok_or(DeviceError::ReaderFailed)?));
        }
        if let Some(shot) = &self.shot {
            self.looks += 1;
            let (source, shot) = (Arc::clone(&visit.source), Arc::clone(shot));
            let seen = Arc::new(Seen { number: self.looks, at, source, shot });
            self.outlet.show.send_replace(View::Seen(Arc::clone(&seen)));
            visit.tell_lookers(&Ok(seen));
        }
        if !is_watched {
            visit.connection.rest();
        }
        visit.arrival = None;
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
