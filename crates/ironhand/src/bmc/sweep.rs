//! The same work on all BMCs of a command at once, with what comes of it printed as it comes.

use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, pin_mut};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::problem::Problem;
use super::report::{Finding, Report};
use super::targets::Target;
use crate::exit::Failure;
use crate::output::Output;
use crate::serve::stop_asked;

/// Results that are printed together at most.
const AT_ONCE: usize = 256;

/// How long work that ends by itself when the program is told to stop has to say how it ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(200);

/// Whether a command only reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Read,
    Change,
}

/// The BMCs of a command, and what becomes of the results.
pub struct Sweep {
    pub targets: Vec<Target>,
    /// How long one BMC may take.
    pub timeout: Option<Duration>,
    /// How many BMCs are worked on at the same time.
    pub at_once: usize,
    pub output: Output,
}

impl Sweep {
    /// Does `work` on every BMC at once. [`Report::finish`] ends what is printed, once what is open is closed.
    pub async fn over<F: Finding>(
        &self,
        purpose: Purpose,
        work: impl AsyncFn(&Target) -> Result<F, Problem>,
    ) -> Result<Report, Failure> {
        let width = self.targets.iter().map(|target| target.name.len()).max().unwrap_or_default();
        let mut report = Report::new(self.output, self.targets.len(), width);
        let mut waiting: Vec<bool> = vec![true; self.targets.len()];
        let interrupted = stop_asked();
        pin_mut!(interrupted);
        let places = Semaphore::new(self.at_once.min(Semaphore::MAX_PERMITS));
        let results: FuturesUnordered<_> = self
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| {
                let (work, places) = (&work, &places);
                async move {
                    // It is never closed: an error cannot be.
                    let _place = places.acquire().await;
                    (place, self.on(target, purpose, work).await)
                }
            })
            .collect();
        let mut results = results.ready_chunks(AT_ONCE);
        let mut ticks = tokio::time::interval(TICK);
        // When the command ends, once it was told to.
        let mut ends_at = None;
        loop {
            tokio::select! {
                biased;
                ready = results.next() => {
                    let Some(ready) = ready else { return Ok(report) };
                    for (place, result) in ready {
                        waiting[place] = false;
                        report.add(&self.targets[place].name, &result)?;
                    }
                    report.flush()?;
                }
                _ = ticks.tick() => report.tick(),
                _ = &mut interrupted, if ends_at.is_none() => {
                    ends_at = Some(Instant::now() + LAST_WORDS);
                }
                () = tokio::time::sleep_until(ends_at.unwrap_or_else(Instant::now)), if ends_at.is_some() => {
                    for (target, _) in self.targets.iter().zip(&waiting).filter(|(_, waits)| **waits) {
                        report.add(&target.name, &Err::<F, _>(Problem::interrupted(purpose)))?;
                    }
                    return Ok(report);
                }
            }
        }
    }

    async fn on<F>(
        &self,
        target: &Target,
        purpose: Purpose,
        work: impl AsyncFn(&Target) -> Result<F, Problem>,
    ) -> Result<F, Problem> {
        match self.timeout {
            None => work(target).await,
            Some(limit) => match tokio::time::timeout(limit, work(target)).await {
                Ok(result) => result,
                Err(_) => Err(Problem::timed_out(limit, purpose)),
            },
        }
    }
}
