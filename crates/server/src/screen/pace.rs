//! How often a screen is looked at: as its lane wants it, and faster while somebody watches.

use std::time::Duration;

use tokio::sync::watch;

/// Between two looks while somebody watches a screen that tells what changed on it: what is typed is seen at once, and
/// nothing is sent where nothing changes.
const LIVELY: Duration = Duration::from_millis(200);

/// The same where each look takes a whole picture, which keeps a small controller busy.
const LIVELY_STILLS: Duration = Duration::from_secs(1);

/// How often a screen is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// As the lane wants it.
    interval: Duration,
    viewers: usize,
}

/// Somebody watches a screen. Dropping it lets the screen be read as slowly as before.
pub(crate) struct Viewing {
    pace: watch::Sender<Pace>,
}

impl Pace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, viewers: 0 }
    }

    /// Whether somebody watches.
    pub(super) const fn is_watched(self) -> bool {
        self.viewers > 0
    }

    /// Between two looks at a screen that tells what changed on it, or only shows itself whole.
    pub(super) fn between(self, tells_changes: bool) -> Duration {
        let lively = if tells_changes { LIVELY } else { LIVELY_STILLS };
        if self.viewers == 0 { self.interval } else { self.interval.min(lively) }
    }
}

/// Changes the pace that the lane wants.
pub(super) fn set_interval(pace: &watch::Sender<Pace>, interval: Duration) {
    pace.send_if_modified(|pace| std::mem::replace(&mut pace.interval, interval) != interval);
}

impl Viewing {
    /// One more watches.
    pub(super) fn begin(pace: watch::Sender<Pace>) -> Self {
        pace.send_modify(|pace| pace.viewers += 1);
        Self { pace }
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        self.pace.send_modify(|pace| pace.viewers = pace.viewers.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_looked_at_faster_while_somebody_watches() {
        let slow = Duration::from_secs(5);
        let (pace, seen) = watch::channel(Pace::new(slow));
        let between = |tells_changes| seen.borrow().between(tells_changes);
        assert_eq!((between(true), between(false)), (slow, slow));
        let first = Viewing::begin(pace.clone());
        let second = Viewing::begin(pace.clone());
        assert_eq!((between(true), between(false)), (LIVELY, LIVELY_STILLS));
        drop(first);
        set_interval(&pace, LIVELY / 2);
        assert_eq!((between(true), between(false)), (LIVELY / 2, LIVELY / 2));
        set_interval(&pace, slow);
        drop(second);
        assert_eq!((between(true), between(false)), (slow, slow));
    }
}
