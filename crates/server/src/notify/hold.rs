//! Who tells a notifier: of several servers on one store, one at a time, so that people get each mail once.
//!
//! As with the lease of a host, it is a promise with an end. A server that is killed is followed by another when the
//! promise has expired. What it cannot rule out is a letter under way while the promise is lost: that one may come
//! twice, under the same id.

use std::sync::Arc;
use std::time::Duration;

use ironhand_api::Name;
use ironhand_model::Site;
use ironhand_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock;

/// A renewal comes this many times in the life of a promise: two may fail before it is lost.
const RENEWALS: u32 = 3;

/// After the store failed, the next renewal comes after this part of the promise's life. A server also lets go this
/// part before others may begin: the clocks of two machines may differ by as much.
const MARGIN: u32 = 10;

/// What the notifiers of one server hold themselves by.
#[derive(Clone)]
pub(crate) struct Holder {
    /// The name of this server.
    pub(crate) owner: Arc<str>,
    /// Whether other servers use the store.
    pub(crate) shared: bool,
    /// Where the settings come from.
    pub(crate) site: watch::Receiver<Arc<Site>>,
}

/// This server's hold on one notifier.
pub(super) struct Hold {
    store: Store,
    notifier: Name,
    holder: Holder,
    terms: Option<Terms>,
}

#[derive(Clone, Copy)]
struct Terms {
    until: Instant,
    renewal: Instant,
}

impl Hold {
    /// Nothing is held yet, unless there is no other server.
    pub(super) const fn new(store: Store, notifier: Name, holder: Holder) -> Self {
        Self { store, notifier, holder, terms: None }
    }

    /// Whether this server may tell the notifier.
    pub(super) fn is_held(&self) -> bool {
        !self.holder.shared || self.terms.is_some_and(|terms| Instant::now() < terms.until)
    }

    /// Tries to take the notifier, which another server may have told in between.
    pub(super) async fn take(&mut self) -> Result<bool, StoreError> {
        let (asked, life) = (Instant::now(), self.life());
        let (now, owner) = (clock::now(), &self.holder.owner);
        let is_ours = self.store.claim_delivery(&self.notifier, owner, now, life).await?;
        self.terms = is_ours
            .then(|| Terms { until: asked + (life - life / MARGIN), renewal: asked + life / RENEWALS });
        Ok(is_ours)
    }

    /// Renews what is held, where that is due. False where the notifier is not held any more.
    pub(super) async fn keep(&mut self) -> bool {
        if !self.holder.shared {
            return true;
        }
        let Some(terms) = self.terms.filter(|_| self.is_held()) else {
            self.terms = None;
            return false;
        };
        if Instant::now() >= terms.renewal
            && let Err(error) = self.take().await
        {
            tracing::error!(notifier = %self.notifier, %error, "the right to tell it cannot be renewed");
            self.terms = Some(Terms { renewal: Instant::now() + self.life() / MARGIN, ..terms });
        }
        self.is_held()
    }

    /// Renews what is held for as long as it can; returns when it is lost.
    pub(super) async fn lost(&mut self) {
        if !self.holder.shared {
            return std::future::pending().await;
        }
        while self.keep().await {
            let Some(terms) = self.terms else { return };
            tokio::time::sleep_until(terms.renewal.min(terms.until)).await;
        }
    }

    /// Lets another server go on at once.
    pub(super) async fn release(&mut self) {
        if self.holder.shared
            && self.terms.take().is_some()
            && let Err(error) = self.store.release_delivery(&self.notifier, &self.holder.owner).await
        {
            tracing::error!(notifier = %self.notifier, %error, "other servers wait until they may tell it");
        }
    }

    /// How long a promise lasts: as long as the lease of a host.
    fn life(&self) -> Duration {
        self.holder.site.borrow().settings().lease_time
    }
}
