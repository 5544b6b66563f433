//! How often each controller refused a login of late, so that no account is locked out.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Settings;
use crate::device::DeviceError;

/// Refusals that are remembered of one controller: the most that `authAttempts` can ask about.
const REMEMBERED: usize = 100;

/// Controllers without a refusal within `authLongest` are swept out when there are this many more than after the last
/// sweep.
const SWEEP: usize = 1024;

/// The refusals of all controllers; cheap to clone. They are those of the controllers, not of the lines to them: a line
/// that is made anew, or a setting that changes, forgives nothing.
#[derive(Clone, Default)]
pub(crate) struct Refusals {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    controllers: HashMap<String, Controller>,
    /// How many there may be before those without recent refusals are swept out.
    sweep_at: usize,
}

struct Controller {
    /// The logins that were refused, the oldest first.
    logins: VecDeque<Login>,
    last: DeviceError,
}

struct Login {
    at: Instant,
    /// The credential, while nothing is known of it but that it was refused.
    credential: Option<String>,
}

impl Refusals {
    /// A login at `controller` was refused, under the credential that is called so.
    pub(crate) fn refused(
        &self,
        controller: &str,
        credential: Option<&str>,
        now: Instant,
        settings: &Settings,
        why: DeviceError,
    ) {
        let mut inner = self.lock();
        if inner.controllers.len() >= inner.sweep_at.max(SWEEP) {
            inner.controllers.retain(|_, kept| kept.recent(now, settings.auth_longest).next().is_some());
            inner.sweep_at = inner.controllers.len() + SWEEP;
        }
        let entry = inner.controllers.entry(controller.to_owned());
        let kept = entry.or_insert_with(|| Controller { logins: VecDeque::new(), last: why.clone() });
        kept.last = why;
        kept.logins.push_back(Login { at: now, credential: credential.map(str::to_owned) });
        while kept.logins.len() > REMEMBERED {
            kept.logins.pop_front();
        }
    }

    /// The controller accepted this credential: it may be tried again, though the refusals still count.
    pub(crate) fn accepted(&self, controller: &str, credential: &str) {
        if let Some(kept) = self.lock().controllers.get_mut(controller) {
            for login in &mut kept.logins {
                login.credential.take_if(|refused| refused == credential);
            }
        }
    }

    /// When this credential was refused last within `authLongest`.
    pub(crate) fn last_refused(
        &self,
        controller: &str,
        credential: &str,
        now: Instant,
        settings: &Settings,
    ) -> Option<Instant> {
        let inner = self.lock();
        let kept = inner.controllers.get(controller)?;
        let of = |login: &&Login| login.credential.as_deref() == Some(credential);
        kept.recent(now, settings.auth_longest).filter(of).last().map(|login| login.at)
    }

    /// Why no login may be tried at `controller` now: it refused `authAttempts` within `authLongest`.
    pub(crate) fn waiting(&self, controller: &str, now: Instant, settings: &Settings) -> Option<DeviceError> {
        let inner = self.lock();
        let kept = inner.controllers.get(controller)?;
        let allowed = usize::try_from(settings.auth_attempts).unwrap_or(REMEMBERED).clamp(1, REMEMBERED);
        let recent: Vec<_> = kept.recent(now, settings.auth_longest).map(|login| login.at).collect();
        let oldest = recent.len().checked_sub(allowed).and_then(|place| recent.get(place))?;
        let wait = settings.auth_longest.saturating_sub(now.saturating_duration_since(*oldest));
        Some(DeviceError::Waiting { last: Box::new(kept.last.clone()), wait })
    }

    /// Somebody changed a credential of the controller: what was refused before says nothing of it.
    pub(crate) fn forgive(&self, controller: &str) {
        self.lock().controllers.remove(controller);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics while the map is half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller {
    fn recent(&self, now: Instant, window: Duration) -> impl Iterator<Item = &Login> {
        self.logins.iter().filter(move |login| now.saturating_duration_since(login.at) < window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn refusal() -> DeviceError {
        DeviceError::Ipmi(ironhand_ipmi::Error::WrongPassword)
    }

    fn wait(refusals: &Refusals, controller: &str, now: Instant, settings: &Settings) -> Option<Duration> {
        refusals.waiting(controller, now, settings).map(|error| match error {
            DeviceError::Waiting { wait, .. } => wait,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_controller_refuses_no_more_than_allowed_within_the_window() {
        let settings = Settings { auth_attempts: 3, auth_longest: 10 * MINUTE, ..Settings::default() };
        let (refusals, begin) = (Refusals::default(), Instant::now());
        for minute in [0, 1, 4] {
            assert_eq!(wait(&refusals, "a", begin + minute * MINUTE, &settings), None, "minute {minute}");
            refusals.refused("a", None, begin + minute * MINUTE, &settings, refusal());
        }
        assert_eq!(wait(&refusals, "a", begin + 5 * MINUTE, &settings), Some(5 * MINUTE));
        assert_eq!(wait(&refusals, "b", begin + 5 * MINUTE, &settings), None);
        assert_eq!(wait(&refusals, "a", begin + 10 * MINUTE, &settings), None);
        refusals.refused("a", None, begin + 10 * MINUTE, &settings, refusal());
        assert_eq!(wait(&refusals, "a", begin + 10 * MINUTE, &settings), Some(MINUTE));
        // Other intervals count the same refusals.
        let fewer = Settings { auth_attempts: 1, ..settings };
        assert_eq!(wait(&refusals, "a", begin + 11 * MINUTE, &fewer), Some(9 * MINUTE));
        let shorter = Settings { auth_longest: MINUTE, ..settings };
        assert_eq!(wait(&refusals, "a", begin + 10 * MINUTE, &shorter), None);
        refusals.forgive("a");
        assert_eq!(wait(&refusals, "a", begin + 10 * MINUTE, &settings), None);
    }

    #[test]
    fn memory_is_bounded() {
        let (refusals, begin) = (Refusals::default(), Instant::now());
        let settings = Settings::default();
        for number in 0..4 * REMEMBERED {
            refusals.refused("one", None, begin + number as u32 * MINUTE, &settings, refusal());
        }
        for number in 0..4 * SWEEP {
            let now = begin + 1000 * MINUTE + number as u32 * MINUTE;
            refusals.refused(&number.to_string(), None, now, &settings, refusal());
        }
        let inner = refusals.lock();
        assert!(inner.controllers.len() <= 2 * SWEEP, "{}", inner.controllers.len());
        assert!(inner.controllers.values().all(|kept| kept.logins.len() <= REMEMBERED));
    }
}
