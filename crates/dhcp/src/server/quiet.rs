//! What is not told again and again (rule D15).

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant, take};
use std::time::{Duration, Instant};

use crate::{Event, HardwareAddress, Silence};

/// How many clients and reasons are remembered in one generation, of which there are two.
const MAX_REMEMBERED: usize = 4096;
/// The most refusals that are told within a second, whoever they are of: made-up names are without end.
const MAX_IN_A_SECOND: u32 = 200;

/// Holds back refusals of one client that come again within the interval, and refusals of all clients that come too fast.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    young: HashMap<Key, Told>,
    old: HashMap<Key, Told>,
    second: Option<(Instant, u32)>,
}

type Key = (HardwareAddress, Discriminant<Silence>);

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    left_out: u32,
}

impl Quiet {
    /// The event with the number of those that were left out before it; `None` where it is left out, too.
    pub fn filter(
        &mut self,
        now: Instant,
        interval: Duration,
        reason: &Silence,
        event: Event,
    ) -> Option<Event> {
        let key = (event.hardware, discriminant(reason));
        let known = self.young.get(&key).copied().or_else(|| self.old.remove(&key));
        let left_out = match known {
            Some(Told { at, left_out }) if now < at + interval => {
                self.note(key, Told { at, left_out: left_out.saturating_add(1) });
                return None;
            }
            Some(Told { left_out, .. }) => left_out,
            None => 0,
        };
        if !self.within_second(now) {
            return None;
        }
        self.note(key, Told { at: now, left_out: 0 });
        Some(Event { left_out, ..event })
    }

    fn note(&mut self, key: Key, told: Told) {
        if self.young.len() >= MAX_REMEMBERED && !self.young.contains_key(&key) {
            self.old = take(&mut self.young);
        }
        self.young.insert(key, told);
    }

    fn within_second(&mut self, now: Instant) -> bool {
        match &mut self.second {
            Some((began, told)) if now < *began + Duration::from_secs(1) => {
                *told += 1;
                *told <= MAX_IN_A_SECOND
            }
            other => {
                *other = Some((now, 1));
                true
            }
        }
    }
}
