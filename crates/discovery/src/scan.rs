//! Many addresses, no faster than asked for.

use std::future::Future;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use crate::{Gathered, Probe};

/// Sockets that are open at once: systems give a program a thousand.
const SOCKETS: usize = 512;

/// How fast a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Addresses begun in a second.
    pub rate: NonZeroU32,
}

impl Default for Pace {
    /// 100 addresses in a second: about a thousand small packets.
    fn default() -> Self {
        Self { rate: NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN) }
    }
}

/// Asks each of `addresses`, in order, and gives what was gathered as it comes. No more is begun while the stream is not
/// read from.
pub fn scan(probe: Probe, addresses: Vec<IpAddr>, pace: Pace) -> impl Stream<Item = Gathered> {
    let at_once = SOCKETS / probe.sockets();
    paced(addresses, pace, at_once, move |address| {
        // Each is a task of its own, so that nothing times out while the stream is not read from.
        let looking = AbortOnDropHandle::new(tokio::spawn(async move { probe.look(address).await }));
        async move { looking.await.unwrap_or_else(|_| Gathered::new(address)) }
    })
}

fn paced<F: Future<Output = Gathered>>(
    addresses: Vec<IpAddr>,
    pace: Pace,
    at_once: usize,
    ask: impl Fn(IpAddr) -> F,
) -> impl Stream<Item = Gathered> {
    let between = Duration::from_secs(1) / pace.rate.get();
    let mut ticks = interval_at(Instant::now(), between.max(Duration::from_micros(100)));
    // A scan that was held up does not make up for it in a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let waiting = addresses.into_iter();
    let state = (waiting, ticks, FuturesUnordered::new(), ask);
    futures_util::stream::unfold(state, move |(mut waiting, mut ticks, mut running, ask)| async move {
        loop {
            let room = running.len() < at_once && waiting.len() > 0;
            if running.is_empty() && !room {
                return None;
            }
            tokio::select! {
                _ = ticks.tick(), if room => {
                    running.extend(waiting.next().map(&ask));
                }
                Some(gathered) = running.next() => {
                    return Some((gathered, (waiting, ticks, running, ask)));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests;
