//! That resources were applied or deleted: for those who hold a view of all of them.

use tokio::sync::watch;

/// Tells that what is kept has changed; cheap to clone.
#[derive(Clone)]
pub(crate) struct Changes(watch::Sender<u64>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Something was applied or deleted that a view may be made of.
    pub(crate) fn note(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Follows the changes from now on. Several between two looks count as one.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
