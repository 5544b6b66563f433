//! How often the power state of a host is read.

use std::time::Duration;

use ironhand_api::{Settings, Timestamp};

/// How often a host is read: fast after a change, slowly when nothing happens, rarely when nothing answers.
///
/// It is not kept over a restart: then every host is read once in any case, and what has changed meanwhile makes its
/// readings fast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cadence {
    /// The last change, request or trap.
    hurried_at: Option<Timestamp>,
    /// Since when nothing changed: the last change, or the first reading.
    calm_since: Option<Timestamp>,
    /// Readings in a row that found nothing.
    failures: u32,
}

impl Cadence {
    /// Takes in a reading: whether the controller told the power state, and whether any fact changed by it.
    pub fn observed(&mut self, now: Timestamp, reached: bool, changed: bool) {
        self.failures = if reached { 0 } else { self.failures.saturating_add(1) };
        if changed {
            self.hurried_at = Some(now);
            self.calm_since = Some(now);
        }
        // A clock that was set back must not make readings fast, or keep them from becoming rare, until it has caught up.
        self.calm_since = Some(self.calm_since.map_or(now, |since| since.min(now)));
        self.hurried_at = self.hurried_at.filter(|at| *at <= now);
    }

    /// Somebody asked for the host, or it sent a trap: readings are fast as after a change, and the waits for a
    /// controller that does not answer begin anew.
    pub fn hurry(&mut self, now: Timestamp) {
        self.hurried_at = Some(now);
        self.failures = 0;
    }

    /// How long to wait for the next reading. `at_work`: an incident is open, or an action under way. The caller adds
    /// jitter.
    ///
    /// Settings are set one at a time, so their order is not relied on: fast is never slower than normal, quiet never
    /// faster.
    pub fn interval(&self, now: Timestamp, at_work: bool, settings: &Settings) -> Duration {
        let normal = settings.power_interval;
        let fast = settings.power_interval_fast.min(normal);
        if self.failures > 0 {
            // A run that waits for a controller to restart must not wait for minutes.
            let longest = if at_work { settings.dead_longest.min(normal) } else { settings.dead_longest };
            let doubled = 2_u32.checked_pow(self.failures - 1).and_then(|factor| fast.checked_mul(factor));
            return doubled.unwrap_or(longest).min(longest);
        }
        let within = |at: Option<Timestamp>, length| at.is_some_and(|at| now.since(at) < length);
        if at_work || within(self.hurried_at, settings.fast_for) {
            fast
        } else if self.calm_since.is_none() || within(self.calm_since, settings.quiet_after) {
            normal
        } else {
            settings.power_interval_quiet.max(normal)
        }
    }
}

#[cfg(test)]
mod tests;
