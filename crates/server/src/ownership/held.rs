//! One host that this server holds, as the host's lane sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The hold on one host; cheap to clone, all clones see renewals.
///
/// Two things keep a server that was stopped for a while from working beside the next owner: [`check`](Self::check)
/// before anything is sent to a device, and [`token`](Self::token) in whatever is stored.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    hold: Arc<Hold>,
}

#[derive(Debug)]
struct Hold {
    token: Option<u64>,
    /// By the monotonic clock, counted from before the lease was asked for: it never ends later than the lease does in
    /// the store, however long the answer took and whatever the wall clock does.
    until: Mutex<Instant>,
}

/// This server does not hold the host, or can no longer be sure that it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOwner {
    /// The lease ran out before it could be renewed.
    #[error("this server could not renew its lease of the host in time, and leaves the host to others")]
    Expired,
}

impl Held {
    /// A hold under the fencing token `token` that ends at `until`, unless it is renewed.
    pub(crate) fn new(token: Option<u64>, until: Instant) -> Self {
        Self { hold: Arc::new(Hold { token, until: Mutex::new(until) }) }
    }

    /// The fencing token, for everything that is stored of the host. It stays the same when the lease is lost, so that
    /// what is stored too late is refused. None where the host is held without a lease.
    pub(crate) fn token(&self) -> Option<u64> {
        self.hold.token
    }

    /// Whether the hold lasts at `now`; to be asked before anything is sent to a device.
    pub(crate) fn check(&self, now: Instant) -> Result<(), NotOwner> {
        let until = *self.hold.until.lock().unwrap_or_else(PoisonError::into_inner);
        if now < until { Ok(()) } else { Err(NotOwner::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hold_ends_at_its_instant_and_keeps_its_token() {
        let now = Instant::now();
        let held = Held::new(Some(7), now + Duration::from_secs(1));
        assert_eq!(held.check(now), Ok(()));
        assert_eq!(held.check(now + Duration::from_secs(1)), Err(NotOwner::Expired));
        assert_eq!(held.clone().token(), Some(7));
    }
}
