//! Which credential to try, and when to stop trying.

use std::time::{Duration, Instant};

use ironhand_api::Name;
use ironhand_store::Store;
use secrecy::SecretString;

use crate::Settings;
use crate::device::DeviceError;

/// A wait that doubles with each failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackOff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl BackOff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// How long the wait after the next failure will be.
    pub(crate) const fn peek(&self) -> Duration {
        self.next
    }

    /// The wait after a failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait
    }

    /// Something worked: the next failure waits the least again.
    pub(crate) fn worked(&mut self) {
        self.next = self.first;
    }
}

/// The credentials of one connector: tried in order, beginning with the one that worked last. When all were refused,
/// none is tried for a while: controllers lock accounts after a few failures.
pub(crate) struct Credentials {
    names: Vec<Name>,
    store: Store,
    /// The place of the one that worked last.
    preferred: usize,
    back_off: BackOff,
    refused: Option<Refused>,
}

struct Refused {
    until: Instant,
    last: DeviceError,
}

/// One credential, opened.
pub(crate) struct Opened {
    /// Its name; none where the connector needs no credential.
    pub(crate) name: Option<Name>,
    pub(crate) username: String,
    pub(crate) password: Option<SecretString>,
}

impl Credentials {
    pub(crate) fn new(names: Vec<Name>, store: Store, settings: &Settings) -> Self {
        let back_off = BackOff::new(settings.auth_first, settings.auth_longest);
        Self { names, store, preferred: 0, back_off, refused: None }
    }

    /// The places in the order in which they are to be tried. A connector without credentials has one place, where
    /// nothing is.
    pub(crate) fn order(&self) -> Vec<usize> {
        let count = self.names.len().max(1);
        (0..count).map(|step| (self.preferred + step) % count).collect()
    }

    /// The credential at a place.
    pub(crate) async fn open(&self, place: usize) -> Result<Opened, DeviceError> {
        let Some(name) = self.names.get(place) else {
            return Ok(Opened { name: None, username: String::new(), password: None });
        };
        let opened = self.store.credential(name).await;
        let (username, password) = opened.map_err(|error| DeviceError::credential(name, &error))?;
        Ok(Opened { name: Some(name.clone()), username, password: Some(password) })
    }

    /// Why nothing may be tried now.
    pub(crate) fn waiting(&self, now: Instant) -> Option<DeviceError> {
        let Refused { until, last } = self.refused.as_ref()?;
        let wait = until.saturating_duration_since(now);
        (!wait.is_zero()).then(|| DeviceError::Waiting { last: Box::new(last.clone()), wait })
    }

    /// The credential at a place was accepted.
    pub(crate) fn worked(&mut self, place: usize) {
        self.preferred = place;
        self.refused = None;
        self.back_off.worked();
    }

    /// Every credential was refused, the last one with `last`. Returns how long to wait.
    pub(crate) fn all_refused(&mut self, now: Instant, last: DeviceError) -> Duration {
        let wait = self.back_off.failed();
        self.refused = Some(Refused { until: now + wait, last });
        wait
    }
}
