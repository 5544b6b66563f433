//! How many screens are connected to at the same time. A fleet that is taken up at once would else have the first pictures of all its
//! screens in memory at once, a few megabytes each, and none of them would be read before all had come.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// So many at once: enough that some wait for their controllers while others are read.
const TOGETHER: usize = 32;

/// How long one counts among them: what does not answer holds nobody up for longer.
const LONGEST: Duration = Duration::from_secs(1);

/// The places of those that connect; cheap to clone.
#[derive(Clone)]
pub(super) struct Arrivals {
    places: Arc<Semaphore>,
}

/// A place among those that connect. It is free again when this is dropped, and after [`LONGEST`] in any case.
pub(super) struct Arrival {
    /// Its drop tells the task that holds the place.
    _done: oneshot::Sender<()>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(TOGETHER)) }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self) -> Option<Arrival> {
        // Nobody closes the semaphore.
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let (done, over) = oneshot::channel();
        tokio::spawn(async move {
            // Both ends of the wait free the place.
            let _ = timeout(LONGEST, over).await;
            drop(place);
        });
        Some(Arrival { _done: done })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_when_its_owner_is_done_and_after_a_while_in_any_case() {
        let arrivals = Arrivals::new();
        let mut inside = Vec::new();
        for _ in 0..TOGETHER {
            inside.push(arrivals.enter().await);
        }
        assert!(arrivals.enter().now_or_never().is_none(), "all places are taken");
        drop(inside.pop());
        // The clock stands still as long as there is something to do.
        inside.push(arrivals.enter().await);
        assert!(arrivals.enter().now_or_never().is_none());
        tokio::time::sleep(LONGEST).await;
        tokio::task::yield_now().await;
        assert_eq!(arrivals.places.available_permits(), TOGETHER);
        drop(inside);
    }
}
