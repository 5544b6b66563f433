//! The connectors through which a screen can be seen, and which of them is tried next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Capability, Connector, Reach, ScreenWay, Timestamp};
use ironhand_connectors::{ScreenSource, Surroundings, open_screen};
use ironhand_console::keys::Layout;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::layout;
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
pub(super) type Opening = Entered<Box<dyn ScreenSource>>;

/// Connects to the screen behind an entrance.
pub(super) async fn open(entrance: &mut Entrance) -> Opening {
    let open = |connector: Connector, login, surroundings: Surroundings| -> BoxFuture<'static, _> {
        Box::pin(async move { Ok(open_screen(&connector, login, &surroundings).await?) })
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
    pub(super) entrance: Arc<Mutex<Entrance>>,
}

struct Place {
    /// The connector, as facts and receipts name it.
    source: Arc<str>,
    connector: Connector,
    /// One at a time is opened, be it for the screen or for the keyboard.
    entrance: Arc<Mutex<Entrance>>,
    back_off: BackOff,
    /// Until when it is left alone, and why.
    rest: Option<(Instant, DeviceError)>,
    /// Whether it works, and since when.
    standing: Option<(bool, Timestamp)>,
}

impl Ways {
    pub(super) fn new(entrances: Vec<Entrance>, settings: &Settings) -> Self {
        let place = |entrance: Entrance| Place {
            source: entrance.source.as_str().into(),
            connector: entrance.connector.clone(),
            entrance: Arc::new(Mutex::new(entrance)),
            back_off: BackOff::new(settings.reconnect_first, settings.reconnect_longest),
            rest: None,
            standing: None,
        };
        Self { places: entrances.into_iter().map(place).collect() }
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

    /// When the first way, of those before `end`, is to be tried again.
    pub(super) fn again(&self, end: usize) -> Option<Instant> {
        let until = |place: &Place| place.rest.as_ref().map(|(until, _)| *until);
        self.places.iter().take(end).filter_map(until).min()
    }

    /// Opens a way; the future needs nothing of these.
    pub(super) fn open(&self, at: usize) -> impl Future<Output = Opening> + Send + 'static {
        let entrance = self.places.get(at).map(|place| Arc::clone(&place.entrance));
        async move {
            match entrance {
                Some(entrance) => open(&mut *entrance.lock().await).await,
                None => Err((DeviceError::Stopping, None)),
            }
        }
    }

    /// What the machine takes the positions of keys for that are pressed through the way at a place.
    pub(super) fn layout(&self, at: usize) -> Layout {
        self.places.get(at).map_or(Layout::Us, |place| layout(&place.connector))
    }

    /// The ways that have a keyboard, in order.
    pub(super) fn keyboards(&self) -> Vec<Keyboard> {
        let has = |place: &&Place| place.connector.can(Capability::Keyboard);
        let kept = |place: &Place| Keyboard {
            source: Arc::clone(&place.source),
            layout: layout(&place.connector),
            entrance: Arc::clone(&place.entrance),
        };
        self.places.iter().filter(has).map(kept).collect()
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
        for place in &mut self.places {
            // One that is being opened for its keyboard is tried already.
            let Ok(entrance) = place.entrance.try_lock() else { continue };
            let supported = |(_, error): &(Instant, DeviceError)| !error.is_unsupported();
            let waiting = entrance.credentials.waiting(Instant::now());
            if waiting.is_none() && place.rest.as_ref().is_none_or(supported) {
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
        let failures: Vec<_> = self.places.iter().filter_map(failed).collect();
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

    /// How each fares, where there are several; `used` is the place of the one in use.
    pub(super) fn standings(&self, used: Option<usize>) -> Vec<ScreenWay> {
        let told = |(at, place): (usize, &Place)| ScreenWay {
            connector: place.source.to_string(),
            in_use: used == Some(at),
            works: place.standing.map(|(works, _)| works),
            since: place.standing.map(|(_, since)| since),
            error: place.rest.as_ref().map(|(_, error)| error.to_string()),
        };
        let told = self.places.iter().enumerate().map(told);
        if self.places.len() > 1 { told.collect() } else { Vec::new() }
    }
}

impl Place {
    fn stands(&mut self, works: bool) {
        if self.standing.is_none_or(|(before, _)| before != works) {
            self.standing = Some((works, clock::now()));
        }
    }
}
