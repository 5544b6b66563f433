//! How many passwords are changed at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use ironhand_model::Site;
use tokio::sync::{Semaphore, watch};

/// The turns of all rotations, in the order in which they are asked for. How many there are follows the setting
/// `rotationsAtOnce`; cheap to clone.
#[derive(Clone)]
pub(crate) struct Turns {
    inner: Arc<Inner>,
    site: watch::Receiver<Arc<Site>>,
}

struct Inner {
    free: Semaphore,
    count: Mutex<Count>,
}

#[derive(Default)]
struct Count {
    /// How many turns there are, taken or free.
    all: u32,
    /// How many of the taken ones are not given back to others, as the setting was lowered meanwhile.
    surplus: u32,
}

/// One turn; others wait until it is dropped.
pub(crate) struct Turn {
    inner: Arc<Inner>,
}

impl Turns {
    /// Turns that follow the settings of `site`.
    pub(crate) fn new(site: watch::Receiver<Arc<Site>>) -> Self {
        let inner = Inner { free: Semaphore::new(0), count: Mutex::default() };
        Self { inner: Arc::new(inner), site }
    }

    /// Waits for a turn. None where the server stops.
    pub(crate) async fn take(&self) -> Option<Turn> {
        let mut site = self.site.clone();
        let taken = self.inner.free.acquire();
        tokio::pin!(taken);
        loop {
            self.inner.follow(site.borrow_and_update().settings().rotations_at_once);
            tokio::select! {
                permit = &mut taken => {
                    permit.ok()?.forget();
                    return Some(Turn { inner: Arc::clone(&self.inner) });
                }
                changed = site.changed() => changed.ok()?,
            }
        }
    }
}

impl Inner {
    /// Makes as many turns as the setting wants.
    fn follow(&self, wanted: u32) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted > count.all {
            let mut more = wanted - count.all;
            let kept = more.min(count.surplus);
            count.surplus -= kept;
            more -= kept;
            self.free.add_permits(usize::try_from(more).unwrap_or(0));
        } else {
            let fewer = count.all - wanted;
            let gone = self.free.forget_permits(usize::try_from(fewer).unwrap_or(0));
            count.surplus += fewer - u32::try_from(gone).unwrap_or(fewer);
        }
        count.all = wanted;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut count = self.inner.count.lock().unwrap_or_else(PoisonError::into_inner);
        match count.surplus.checked_sub(1) {
            Some(less) => count.surplus = less,
            None => self.inner.free.add_permits(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use ironhand_api::{GlobalSettings, Metadata, Settings, SettingsSpec};

    use super::*;

    fn site(at_once: u32) -> Arc<Site> {
        let spec = SettingsSpec { rotations_at_once: Some(at_once), ..SettingsSpec::default() };
        let metadata = Metadata::named(Settings::GLOBAL.parse().unwrap());
        let settings = GlobalSettings { metadata, spec };
        Arc::new(Site::new(Settings::default(), Some(settings), Vec::new(), Vec::new(), Vec::new()))
    }

    #[tokio::test]
    async fn turns_follow_the_setting() {
        let (say, follow) = watch::channel(site(2));
        let turns = Turns::new(follow);
        let now = |turns: &Turns| turns.take().now_or_never().flatten();
        let (first, second) = (now(&turns).unwrap(), now(&turns).unwrap());
        assert!(now(&turns).is_none());

        say.send_replace(site(1));
        drop(first);
        assert!(now(&turns).is_none(), "one is under way, and one is allowed");
        drop(second);
        let only = now(&turns).unwrap();
        assert!(now(&turns).is_none());

        // One who waits is served when more are allowed.
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        say.send_replace(site(3));
        assert!(waiting.await.unwrap());
        drop(only);
    }
}
