//! That resources were applied or deleted: for those who hold a view of all of them.

use tokio::sync::watch;

/// Tells that what is kept has changed; cheap to clone.
#[derive(Clone)]
pub(crate) struct Changes(watch::Sender<Mark>);

/// How often anything changed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Anything but how far deployments came.
    pub(crate) all: u64,
    /// Deployments alone: during the boots of many machines they change all the time.
    pub(crate) deployments: u64,
}

impl Mark {
    /// Whether everything up to `other` is in it.
    pub(crate) const fn reaches(self, other: Self) -> bool {
        self.all >= other.all && self.deployments >= other.deployments
    }
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Mark::default()))
    }

    /// Something was applied or deleted that a view may be made of.
    pub(crate) fn note(&self) -> Mark {
        self.count(|mark| mark.all += 1)
    }

    /// A deployment was applied or deleted, or came further; nothing else changed.
    pub(crate) fn note_deployments(&self) -> Mark {
        self.count(|mark| mark.deployments += 1)
    }

    fn count(&self, add: impl FnOnce(&mut Mark)) -> Mark {
        self.0.send_modify(add);
        *self.0.borrow()
    }

    /// Follows the changes from now on. Several between two looks count as one.
    pub(crate) fn follow(&self) -> watch::Receiver<Mark> {
        self.0.subscribe()
    }
}
