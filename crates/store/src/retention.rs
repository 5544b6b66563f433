//! What is kept, and for how long.

use std::time::Duration;

/// What [`Store::prune`](crate::Store::prune) leaves.
///
/// Resources, incidents and runs are kept until somebody deletes them: they are few, and they are the history that
/// people ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many events are kept; of more, the oldest are dropped.
    pub events: u64,
    /// How long a picture is kept after the last status, incident or run that referred to it has let it go, so that
    /// whoever was just told of it can still fetch it.
    pub picture_grace: Duration,
}

impl Retention {
    /// About 50 MB of events, which is months for a few hundred hosts, and ten minutes for pictures.
    pub const DEFAULT: Self = Self { events: 200_000, picture_grace: Duration::from_secs(10 * 60) };
}

impl Default for Retention {
    fn default() -> Self {
        Self::DEFAULT
    }
}
