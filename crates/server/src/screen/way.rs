//! The connectors through which a screen can be seen, and which of them is tried next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Capability, Connector, Reach, ScreenWay, Timestamp};
use ironhand_connectors::{Login, ScreenSource, Surroundings, open_screen};
use ironhand_console::keys::Layout;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::connection::Connection;
use super::layout;
use super::loan::Borrowed;
use super::serial::SerialDoor;
use crate::credentials::BackOff;
use crate::device::DeviceError;
use crate::entrance::{Entered, Entrance};
use crate::{Settings, clock};

/// How long a connector may take to say good-bye. What is not given back by then ends by the controller's own clock.
const CLOSE: Duration = Duration::from_secs(5);

/// A controller that shows no screen gets able to by new firmware, if at all.
const UNSUPPORTED: Duration = Duration::from_secs(3600);

/// A connection that held for so long worked: what ends it does not make the next wait longer.
const STEADY: Duration = Duration::from_secs(10);

/// What came of opening a way.
pub(super) type Opening = Entered<Connection>;

/// Connects to the screen behind an entrance, after its server was switched on where that is wanted.
pub(super) async fn open(entrance: &mut Entrance) -> Entered<Box<dyn ScreenSource>> {
    let loan = entrance.loan.clone();
    let open = move |mut connector: Connector, login: Option<Login>, surroundings: Surroundings| {
        let loan = loan.clone();
        let opening: BoxFuture<'static, Result<Box<dyn ScreenSource>, DeviceError>> = Box::pin(async move {
            let Some(loan) = loan else { return Ok(open_screen(&connector, login, &surroundings).await?) };
            let server = loan.take(&mut connector, login.as_ref()).await?;
            match open_screen(&connector, login, &surroundings).await {
                Ok(screen) => Ok(Box::new(Borrowed { screen, server }) as Box<dyn ScreenSource>),
                Err(error) => {
                    server.end().await;
                    Err(error.into())
                }
            }
        });
        opening
    };
    entrance.enter(open).await
}

/// Says good-bye, for as long as that may take.
pub(super) async fn close(connection: Box<dyn ScreenSource>) {
    // Whoever does not take it is left alone.
    let _ = timeout(CLOSE, connection.close()).await;
}

/// The ways to a screen, in the order of the manifest.
pub(super) struct Ways {
    places: Vec<Place>,
}

/// A way that has a keyboard.
pub(super) struct Keyboard {
    /// The connector, as facts and receipts name it.
    pub(super) source: Arc<str>,
    /// What the machine takes the positions of keys for.
    pub(super) layout: Layout,
    /// Between two key events, where the connector says.
    pub(super) interval: Option<Duration>,
    pub(super) entrance: Arc<Mutex<Entrance>>,
}

struct Place {
    /// The connector, as facts and receipts name it.
    source: Arc<str>,
    door: Door,
    back_off: BackOff,
    /// Until when it is left alone, and why.
    rest: Option<(Instant, DeviceError)>,
    /// Whether it works, and since when.
    standing: Option<(bool, Timestamp)>,
}

/// What leads to a screen. One at a time opens it, be it for the screen or for the keyboard.
#[derive(Clone)]
enum Door {
    Picture { connector: Arc<Connector>, entrance: Arc<Mutex<Entrance>> },
    Serial(Arc<Mutex<SerialDoor>>),
}

impl Ways {
    /// The ways with pictures, and the serial console behind them.
    pub(super) fn new(entrances: Vec<Entrance>, serial: Option<SerialDoor>, settings: &Settings) -> Self {
        let place = |source: &str, door: Door| Place {
            source: source.into(),
            door,
            back_off: BackOff::new(settings.reconnect_first, settings.reconnect_longest),
            rest: None,
            standing: None,
        };
        let picture = |entrance: Entrance| {
            let (source, connector) = (entrance.source.clone(), Arc::new(entrance.connector.clone()));
            place(&source, Door::Picture { connector, entrance: Arc::new(Mutex::new(entrance)) })
        };
        let mut places: Vec<_> = entrances.into_iter().map(picture).collect();
        if let Some(door) = serial {
            let source = door.entrances.first().map(|entrance| entrance.source.clone()).unwrap_or_default();
            places.push(place(&source, Door::Serial(Arc::new(Mutex::new(door)))));
        }
        Self { places }
    }

    /// The place of the serial console.
    pub(super) fn serial(&self) -> Option<usize> {
        self.places.iter().position(Place::is_serial)
    }

    /// Whether a way failed, and did not work since. One whose device has no screen is none.
    pub(super) fn have_failed(&self) -> bool {
        self.places.iter().any(|place| place.rest.is_some() && !place.lacks_screen())
    }

    /// The connector at a place, as facts and receipts name it.
    pub(super) fn source(&self, at: usize) -> Arc<str> {
        self.places.get(at).map_or_else(|| "".into(), |place| Arc::clone(&place.source))
    }

    /// Whether the way at a place is left alone for now.
    pub(super) fn rests(&self, at: usize, now: Instant) -> bool {
        let rest = self.places.get(at).and_then(|place| place.rest.as_ref());
        rest.is_some_and(|(until, _)| *until > now)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// When the first way, of those before `end`, is to be tried again; of the serial console, where that is `wanted`.
    pub(super) fn again(&self, end: usize, wanted: bool) -> Option<Instant> {
        let until = |place: &Place| place.rest.as_ref().map(|(until, _)| *until);
        self.places.iter().take(end).filter(|place| wanted || !place.is_serial()).filter_map(until).min()
    }

    /// Opens a way; the future needs nothing of these.
    pub(super) fn open(&self, at: usize) -> impl Future<Output = Opening> + Send + 'static {
        let door = self.places.get(at).map(|place| place.door.clone());
        async move {
            match door {
                Some(Door::Picture { entrance, .. }) => {
                    open(&mut *entrance.lock().await).await.map(Connection::Picture)
                }
                Some(Door::Serial(door)) => {
                    door.lock().await.open().await.map(|serial| Connection::Serial(Box::new(serial)))
                }
                None => Err((DeviceError::Stopping, None)),
            }
        }
    }

    /// What the machine takes the positions of keys for that are pressed through the way at a place.
    pub(super) fn layout(&self, at: usize) -> Layout {
        match self.places.get(at).map(|place| &place.door) {
            Some(Door::Picture { connector, .. }) => layout(connector),
            Some(Door::Serial(_)) | None => Layout::Us,
        }
    }

    /// Between two key events through the way at a place, where its connector says.
    pub(super) fn key_interval(&self, at: usize) -> Option<Duration> {
        match self.places.get(at).map(|place| &place.door) {
            Some(Door::Picture { connector, .. }) => connector.key_interval.map(Into::into),
            Some(Door::Serial(_)) | None => None,
        }
    }

    /// The ways that have a keyboard, in order.
    pub(super) fn keyboards(&self) -> Vec<Keyboard> {
        let keyboard = |place: &Place| match &place.door {
            Door::Picture { connector, entrance } if connector.can(Capability::Keyboard) => Some(Keyboard {
                source: Arc::clone(&place.source),
                layout: layout(connector),
                interval: connector.key_interval.map(Into::into),
                entrance: Arc::clone(entrance),
            }),
            Door::Picture { .. } | Door::Serial(_) => None,
        };
        self.places.iter().filter_map(keyboard).collect()
    }

    /// The way at a place lets us in.
    pub(super) fn works(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(at) {
            place.rest = None;
            place.stands(true);
        }
    }

    /// The way at a place failed, which had held for so long; it is left alone for `wait`, or a while that grows.
    pub(super) fn fails(&mut self, at: usize, held: Duration, error: DeviceError, wait: Option<Duration>) {
        let Some(place) = self.places.get_mut(at) else { return };
        if held >= STEADY {
            place.back_off.worked();
        }
        let wait = match wait {
            Some(wait) => wait,
            None if error.is_unsupported() => UNSUPPORTED,
            None => place.back_off.failed(),
        };
        place.rest = Some((Instant::now() + wait, error));
        place.stands(false);
    }

    /// Somebody wants to look: every way may be tried again that did not refuse the passwords.
    pub(super) fn hurry(&mut self) -> bool {
        let mut any = false;
        let now = Instant::now();
        for place in &mut self.places {
            let waits = match &place.door {
                Door::Picture { entrance, .. } => {
                    entrance.try_lock().map(|entrance| entrance.credentials.waiting(now).is_some())
                }
                Door::Serial(door) => door.try_lock().map(|door| door.waits(now)),
            };
            // One that is being opened for its keyboard is tried already.
            let Ok(waits) = waits else { continue };
            let supported = |(_, error): &(Instant, DeviceError)| !error.is_unsupported();
            if !waits && place.rest.as_ref().is_none_or(supported) {
                place.rest = None;
                any = true;
            }
        }
        any
    }

    /// Why the screen cannot be seen through any way, with the way that tells the most.
    pub(super) fn failure(&self) -> (Arc<str>, DeviceError) {
        let failed = |place: &Place| {
            let (_, error) = place.rest.as_ref()?;
            Some((Arc::clone(&place.source), error.clone()))
        };
        // Where a connector is there for the screen, nobody misses the pictures of one that is not.
        let told = |place: &&Place| self.are_beside() || !place.lacks_screen();
        let failures: Vec<_> = self.places.iter().filter(told).filter_map(failed).collect();
        // A device that answered tells more than one that cannot be reached, and that more than one that shows none.
        let rank = |(_, error): &&(Arc<str>, DeviceError)| {
            (error.is_unsupported(), error.reach() == Reach::Unreachable)
        };
        let Some((source, telling)) = failures.iter().min_by_key(rank).cloned() else {
            return (self.source(0), DeviceError::NotSeenYet);
        };
        if failures.len() == 1 {
            return (source, telling);
        }
        let reasons = failures.iter().map(|(source, error)| format!("{source}: {error}")).collect();
        (source, DeviceError::EveryWayFailed { telling: Box::new(telling), reasons, cut_not_allowed: false })
    }

    /// Why the screen cannot be seen, where `source`, the one in use, tells nothing for a reason of its own.
    pub(super) fn failure_beside(&self, source: &str, error: &DeviceError) -> (Arc<str>, DeviceError) {
        let (telling_source, failure) = self.failure();
        let (telling, mut reasons) = match failure {
            DeviceError::EveryWayFailed { telling, reasons, .. } => (telling, reasons),
            failure => {
                let reason = format!("{telling_source}: {failure}");
                (Box::new(failure), vec![reason])
            }
        };
        reasons.push(format!("{source}: {error}"));
        (telling_source, DeviceError::EveryWayFailed { telling, reasons, cut_not_allowed: false })
    }

    /// How each fares, where there are several; `used` is the place of the one in use.
    pub(super) fn standings(&self, used: Option<usize>) -> Vec<ScreenWay> {
        let told = |(at, place): (usize, &Place)| ScreenWay {
            connector: place.source.to_string(),
            in_use: used == Some(at),
            works: place.standing.map(|(works, _)| works),
            since: place.standing.map(|(_, since)| since),
            unsupported: place.lacks_screen(),
            error: place.rest.as_ref().map(|(_, error)| error.to_string()),
        };
        // The serial console is a way to the screen where it was needed as one.
        let tried = |(_, place): &(usize, &Place)| !place.is_serial() || place.standing.is_some();
        let told: Vec<_> = self.places.iter().enumerate().filter(tried).map(told).collect();
        let worth_telling = told.len() > 1 || self.places.iter().any(Place::lacks_screen);
        if worth_telling { told } else { Vec::new() }
    }

    /// Whether all that show pictures are there for something else, so that there may be no screen at all.
    pub(super) fn are_beside(&self) -> bool {
        let beside = |place: &Place| match &place.door {
            Door::Picture { connector, .. } => connector.kind().may_show_screen(),
            Door::Serial(_) => true,
        };
        self.places.iter().all(beside)
    }
}

impl Place {
    /// Whether the device was asked, and has no screen to show.
    fn lacks_screen(&self) -> bool {
        let unsupported = self.rest.as_ref().is_some_and(|(_, error)| error.is_unsupported());
        let Door::Picture { connector, .. } = &self.door else { return false };
        unsupported && connector.kind().may_show_screen()
    }

    const fn is_serial(&self) -> bool {
        matches!(self.door, Door::Serial(_))
    }

    fn stands(&mut self, works: bool) {
        if self.standing.is_none_or(|(before, _)| before != works) {
            self.standing = Some((works, clock::now()));
        }
    }
}
