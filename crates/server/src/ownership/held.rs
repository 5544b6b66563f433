//! One host that this server holds, as the host's lane sees it.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

/// The hold on one host; cheap to clone, all clones see renewals.
///
/// Two things keep a server that was stopped for a while from working beside the next owner: [`check`](Self::check)
/// before anything is sent to a device, and [`token`](Self::token) in whatever is stored.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// This server.
    owner: Arc<str>,
    token: Option<u64>,
    /// By the monotonic clock, counted from before the lease was asked for: it never ends later than the lease does in
    /// the store, however long the answer took and whatever the wall clock does.
    until: Arc<watch::Sender<Instant>>,
}

/// This server does not hold the host, or can no longer be sure that it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOwner {
    /// The lease ran out before it could be renewed.
    #[error("this server could not renew its lease of the host in time, and leaves the host to others")]
    Expired,
    /// Another server holds the host.
    #[error("the host belongs to the server {owner}, which alone acts on it")]
    Elsewhere {
        /// The other server.
        owner: String,
    },
    /// Nobody holds the host yet.
    #[error("no server has taken the host up yet; one will within moments")]
    Nobody,
}

impl Held {
    /// The hold of `owner` under the fencing token `token`. It ends at `until`, unless it is renewed.
    pub(crate) fn new(owner: Arc<str>, token: u64, until: Instant) -> Self {
        Self { owner, token: Some(token), until: Arc::new(watch::Sender::new(until)) }
    }

    /// The hold on a host that is deleted: its lease went with it, and the last that is stored of it is not checked.
    pub(crate) fn after_deletion(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The name of this server, as people are shown it.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// The fencing token, for everything that is stored of the host. It stays the same when the lease is lost, so that
    /// what is stored too late is refused.
    pub(crate) fn token(&self) -> Option<u64> {
        self.token
    }

    /// When the hold ends, unless it is renewed.
    pub(crate) fn until(&self) -> Instant {
        *self.until.borrow()
    }

    /// Moves the end of the hold.
    pub(crate) fn renew(&self, until: Instant) {
        self.until.send_replace(until);
    }

    /// Whether the hold lasts at `now`; to be asked before anything is sent to a device.
    pub(crate) fn check(&self, now: Instant) -> Result<(), NotOwner> {
        if now < self.until() { Ok(()) } else { Err(NotOwner::Expired) }
    }

    /// Waits until the hold lasts, which is at once unless a renewal is late. A hold that is lost for good ends the
    /// lane, and the wait with it.
    pub(crate) async fn lasting(&self) {
        let mut until = self.until.subscribe();
        if until.wait_for(|until| Instant::now() < *until).await.is_err() {
            // Not reached: the sender is this very hold.
            pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hold_ends_at_its_instant_and_keeps_its_token() {
        let now = Instant::now();
        let held = Held::new("a".into(), 7, now + Duration::from_secs(1));
        assert_eq!(held.check(now), Ok(()));
        assert_eq!(held.check(now + Duration::from_secs(1)), Err(NotOwner::Expired));
        let lane = held.clone();
        held.renew(now + Duration::from_secs(2));
        assert_eq!(lane.check(now + Duration::from_secs(1)), Ok(()));
        assert_eq!(lane.token(), Some(7));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_late_renewal_goes_on_with_it() {
        let now = Instant::now();
        let held = Held::new("a".into(), 7, now);
        let lane = held.clone();
        let mut waiting = looked_at(lane.lasting());
        assert!(!waiting.ready().await, "the hold is over");
        held.renew(now + Duration::from_secs(3600));
        assert!(waiting.ready().await, "the hold lasts");
    }

    /// A future that is looked at without waiting for it.
    struct Looked<F>(std::pin::Pin<Box<F>>);

    fn looked_at<F: Future>(future: F) -> Looked<F> {
        Looked(Box::pin(future))
    }

    impl<F: Future> Looked<F> {
        async fn ready(&mut self) -> bool {
            std::future::poll_fn(|context| std::task::Poll::Ready(self.0.as_mut().poll(context).is_ready()))
                .await
        }
    }
}
