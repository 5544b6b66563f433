//! Which credential to try, and when to stop trying.

mod refusals;

use std::time::{Duration, Instant};

use ironhand_api::{Connector, Name, Through, Timestamp};
use ironhand_connectors::Login;
use ironhand_store::{Store, StoreError};
use secrecy::SecretString;

use crate::device::DeviceError;
use crate::{Settings, clock};

pub(crate) use refusals::Refusals;

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
    /// The device that the connector leads to, unless it is a screen.
    device: Option<OfDevice>,
    settings: Settings,
    places: Vec<Place>,
    /// The place of the one that worked last.
    preferred: usize,
    /// The one that worked last, before the places were looked up.
    first: Option<Place>,
    back_off: BackOff,
    refused: Option<Refused>,
}

/// What is particular to the credentials of a device.
struct OfDevice {
    host: Name,
    /// What its refusals are counted by.
    controller: String,
    refusals: Refusals,
    /// Whether the host's own passwords are those of its accounts, which Ironhand may have changed itself.
    has_own: bool,
    /// Whether they were looked up.
    known: bool,
}

/// Where a credential comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The host's own password of this account, made or taken by a rotation.
    Own(String),
    /// The password that the account had before, while it is kept: only tried where the one above is refused.
    Previous(String),
    /// A named set.
    Named(Name),
    /// The connector needs none.
    Nothing,
}

impl Place {
    fn describe(&self) -> Option<String> {
        match self {
            Self::Own(username) => Some(format!("the host's own password of {username}")),
            Self::Previous(username) => Some(format!("the password that {username} had before")),
            Self::Named(name) => Some(format!("Credential {name}")),
            Self::Nothing => None,
        }
    }
}

struct Refused {
    until: Instant,
    last: DeviceError,
}

/// One credential, opened.
pub(crate) struct Opened {
    /// What it is called; nothing where the connector needs no credential.
    pub(crate) label: Option<String>,
    /// The named set that it comes from, if it comes from one.
    pub(crate) name: Option<Name>,
    pub(crate) username: String,
    pub(crate) password: Option<SecretString>,
}

/// Who logs in at the host between, where a connector names anybody.
pub(crate) async fn hop_login(connector: &Connector, store: &Store) -> Result<Option<Login>, DeviceError> {
    match connector.through.as_ref().and_then(Through::credential) {
        Some(name) => login_of(store, name).await.map(Some),
        None => Ok(None),
    }
}

/// The login that a credential of this name holds.
pub(crate) async fn login_of(store: &Store, name: &Name) -> Result<Login, DeviceError> {
    let opened = store.credential(name).await;
    let (username, password) = opened.map_err(|error| DeviceError::credential(name, &error))?;
    Ok(Login { username, password })
}

impl Credentials {
    /// The credentials of a screen.
    pub(crate) fn new(names: Vec<Name>, store: Store, settings: &Settings) -> Self {
        let back_off = BackOff::new(settings.auth_first, settings.auth_longest);
        let places = named(&names);
        let settings = *settings;
        Self {
            names,
            store,
            device: None,
            settings,
            places,
            preferred: 0,
            first: None,
            back_off,
            refused: None,
        }
    }

    /// The credentials of a host's BMC at `controller`: its own passwords first, then the named sets.
    pub(crate) fn of_bmc(
        host: &Name,
        controller: String,
        names: Vec<Name>,
        store: Store,
        refusals: Refusals,
        settings: &Settings,
    ) -> Self {
        let mut credentials = Self::of_device(host, controller, names, store, refusals, settings);
        if let Some(device) = &mut credentials.device {
            device.has_own = true;
        }
        credentials
    }

    /// The credentials of a device at `controller` whose accounts are not those of the host's BMC.
    pub(crate) fn of_device(
        host: &Name,
        controller: String,
        names: Vec<Name>,
        store: Store,
        refusals: Refusals,
        settings: &Settings,
    ) -> Self {
        let device = OfDevice { host: host.clone(), controller, refusals, has_own: false, known: false };
        Self { device: Some(device), ..Self::new(names, store, settings) }
    }

    /// Looks up whether the host has passwords of its own, where that is not known yet.
    pub(crate) async fn look_up(&mut self) -> Result<(), DeviceError> {
        let wanting = |device: &&mut OfDevice| device.has_own && !device.known;
        let Some(bmc) = self.device.as_mut().filter(wanting) else { return Ok(()) };
        let own = self.store.host_secrets(&bmc.host).await.map_err(|error| unusable(&bmc.host, &error))?;
        bmc.known = true;
        let mut places = Vec::new();
        for secret in own {
            places.push(Place::Own(secret.username.clone()));
            let kept = secret.previous.is_some() && lasts(secret.previous_until);
            places.extend(kept.then_some(Place::Previous(secret.username)));
        }
        // A connector with passwords of its own needs no named set.
        places.extend(named(&self.names).into_iter().filter(|place| *place != Place::Nothing));
        self.places = if places.is_empty() { vec![Place::Nothing] } else { places };
        let first = self.first.take();
        self.preferred = self.places.iter().position(|place| Some(place) == first.as_ref()).unwrap_or(0);
        Ok(())
    }

    /// Begins with what worked last for `other`, which this replaces: it is the likeliest, and a refusal is spared.
    pub(crate) fn follow(&mut self, other: &Self) {
        let worked = other.first.as_ref().or_else(|| other.places.get(other.preferred));
        // One that went before is tried behind the one that holds now.
        self.first = worked.filter(|place| !matches!(place, Place::Previous(_))).cloned();
    }

    /// A password of the host was changed: what is known of its own ones is out of date.
    pub(crate) fn changed(&mut self) {
        if let Some(device) = &mut self.device {
            device.known = false;
        }
        self.refused = None;
        self.back_off.worked();
    }

    /// The places in the order in which they are to be tried. A connector without credentials has one place, where
    /// nothing is. A previous password comes behind the one that replaced it, unless it is the one that worked last. One
    /// that the BMC refused of late comes behind those that it did not, so that each gets its turn before any is tried
    /// again.
    pub(crate) fn order(&self, now: Instant) -> Vec<usize> {
        let count = self.places.len();
        let mut order: Vec<usize> = (0..count).map(|step| (self.preferred + step) % count).collect();
        order.sort_by_cached_key(|place| self.last_refused(*place, now));
        order
    }

    fn last_refused(&self, place: usize, now: Instant) -> Option<Instant> {
        let device = self.device.as_ref()?;
        device.refusals.last_refused(&device.controller, &self.called(place), now, &self.settings)
    }

    /// The place as refusals are counted by; empty where there is no credential.
    fn called(&self, place: usize) -> String {
        self.label(place).unwrap_or_default()
    }

    /// The credential at a place.
    pub(crate) async fn open(&self, place: usize) -> Result<Opened, DeviceError> {
        let place = self.places.get(place).unwrap_or(&Place::Nothing);
        let label = place.describe();
        match place {
            Place::Nothing => Ok(Opened { label, name: None, username: String::new(), password: None }),
            Place::Named(name) => {
                let opened = self.store.credential(name).await;
                let (username, password) = opened.map_err(|error| DeviceError::credential(name, &error))?;
                Ok(Opened { label, name: Some(name.clone()), username, password: Some(password) })
            }
            Place::Own(username) | Place::Previous(username) => {
                let password = self.own(place, username).await?;
                Ok(Opened { label, name: None, username: username.clone(), password: Some(password) })
            }
        }
    }

    async fn own(&self, place: &Place, username: &str) -> Result<SecretString, DeviceError> {
        let Some(bmc) = &self.device else { return Err(gone(username)) };
        let own = self.store.host_secrets(&bmc.host).await.map_err(|error| unusable(&bmc.host, &error))?;
        let secret = own.into_iter().find(|secret| secret.username == username);
        let found = match place {
            Place::Previous(_) => {
                secret.filter(|secret| lasts(secret.previous_until)).and_then(|secret| secret.previous)
            }
            _ => secret.map(|secret| secret.password),
        };
        found.ok_or_else(|| gone(username))
    }

    /// Whether the credential at a place is of this account.
    pub(crate) async fn is_of(&self, place: usize, account: &str) -> bool {
        match self.places.get(place) {
            Some(Place::Own(username) | Place::Previous(username)) => username == account,
            Some(Place::Named(name)) => {
                self.store.credential(name).await.is_ok_and(|(username, _)| username == account)
            }
            Some(Place::Nothing) | None => account.is_empty(),
        }
    }

    /// What a place is called.
    pub(crate) fn label(&self, place: usize) -> Option<String> {
        self.places.get(place).and_then(Place::describe)
    }

    /// Why no further login may be tried now: the BMC refused too many of late.
    pub(crate) fn held(&self, now: Instant) -> Option<DeviceError> {
        let device = self.device.as_ref()?;
        device.refusals.waiting(&device.controller, now, &self.settings)
    }

    /// Why the credential at a place may not be tried now: the BMC refused too many logins of late, this one among
    /// them. One that it did not refuse may be the valid one, and is tried once all the same.
    pub(crate) fn place_held(&self, place: usize, now: Instant) -> Option<DeviceError> {
        self.last_refused(place, now).and_then(|_| self.held(now))
    }

    /// Why nothing may be tried now: everything was refused not long ago.
    pub(crate) fn waiting(&self, now: Instant) -> Option<DeviceError> {
        let Refused { until, last } = self.refused.as_ref()?;
        let wait = until.saturating_duration_since(now);
        (!wait.is_zero()).then(|| DeviceError::Waiting { last: Box::new(last.clone()), wait })
    }

    /// The BMC refused a login, with the credential at a place where it was one of these.
    pub(crate) fn login_refused(&self, place: Option<usize>, now: Instant, why: &DeviceError) {
        if let Some(device) = &self.device {
            let called = place.map(|place| self.called(place));
            device.refusals.refused(&device.controller, called.as_deref(), now, &self.settings, why.clone());
        }
    }

    /// The credential at a place was accepted.
    pub(crate) fn worked(&mut self, place: usize) {
        self.preferred = place;
        if let Some(device) = &self.device {
            device.refusals.accepted(&device.controller, &self.called(place));
        }
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

fn named(names: &[Name]) -> Vec<Place> {
    match names {
        [] => vec![Place::Nothing],
        names => names.iter().cloned().map(Place::Named).collect(),
    }
}

/// Whether a grace that ends at `until` lasts.
fn lasts(until: Option<Timestamp>) -> bool {
    until.is_some_and(|until| clock::now() < until)
}

fn unusable(host: &Name, error: &StoreError) -> DeviceError {
    DeviceError::Credential { reason: format!("the own passwords of Host {host} cannot be used: {error}") }
}

fn gone(username: &str) -> DeviceError {
    DeviceError::Credential { reason: format!("the host has no own password of {username} any more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a round of tries as the line does: returns what was tried, until `valid` was accepted.
    fn round(credentials: &mut Credentials, now: Instant, valid: &str) -> Vec<String> {
        let mut tried = Vec::new();
        for place in credentials.order(now) {
            if credentials.place_held(place, now).is_some() {
                continue;
            }
            let called = credentials.called(place);
            tried.push(called.clone());
            if called == valid {
                credentials.worked(place);
                return tried;
            }
            let refusal = DeviceError::Ipmi(ironhand_ipmi::Error::WrongPassword);
            credentials.login_refused(Some(place), now, &refusal);
        }
        tried
    }

    #[tokio::test]
    async fn each_credential_gets_its_turn_before_any_is_tried_again() {
        const OWN: &str = "the host's own password of admin";
        const BEFORE: &str = "the password that admin had before";
        const LAB: &str = "Credential lab";
        let refusals = Refusals::default();
        let begin = Instant::now();
        let minute = Duration::from_secs(60);
        let settings = Settings { auth_attempts: 2, auth_longest: 10 * minute, ..Settings::default() };
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), ironhand_store::KeySource::File).await.unwrap();
        // Each round is one of a line that was just made.
        let check = async |at: u32, valid: &str, expected: &[&str]| {
            let host: Name = "web-1".parse().unwrap();
            let (store, refusals) = (store.clone(), refusals.clone());
            let lab = vec!["lab".parse().unwrap()];
            let mut credentials =
                Credentials::of_bmc(&host, "bmc:623".to_owned(), lab, store, refusals, &settings);
            let admin = "admin".to_owned();
            let own = [Place::Own(admin.clone()), Place::Previous(admin)];
            credentials.places = own.into_iter().chain(credentials.places).collect();
            let tried = round(&mut credentials, begin + at * minute, valid);
            assert_eq!(tried, expected, "minute {at}");
        };
        check(0, LAB, &[OWN, BEFORE, LAB]).await;
        check(1, LAB, &[LAB]).await;
        check(2, "", &[LAB]).await;
        check(3, LAB, &[]).await;
        // The refusals of the first round are old, that of the third is not.
        check(11, LAB, &[OWN, BEFORE]).await;
        check(12, LAB, &[LAB]).await;
        refusals.forgive("bmc:623");
        check(12, OWN, &[OWN]).await;
    }
}
