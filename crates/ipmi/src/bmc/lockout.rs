//! Users who are locked out after failed logins (table 23-4, parameter 26: Bad Password Threshold).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// When a user is locked out, and for how long.
///
/// A locked user is to a console as one who does not exist or is not enabled. Only a wrong proof in RAKP message 3
/// counts; a console that stops at message 2 has told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPasswordThreshold {
    /// Failed logins in a row that lock the user out: 1 to 255.
    pub threshold: u8,
    /// Failures are forgotten when none came for this long; zero remembers them until a login succeeds.
    pub reset_interval: Duration,
    /// How long the user is locked out; zero means until [`Bmc::unlock_users`](crate::Bmc::unlock_users).
    pub lockout_interval: Duration,
}

/// The failed logins of every user who has any; so bounded by the number of users.
#[derive(Debug, Default)]
pub(super) struct Lockout {
    users: BTreeMap<usize, Failures>,
}

#[derive(Debug)]
struct Failures {
    count: u8,
    last: Instant,
}

impl Lockout {
    /// The user with this index gave a wrong password. Whether that locks the user out.
    pub(super) fn failed(&mut self, rule: &BadPasswordThreshold, now: Instant, user: usize) -> bool {
        let failures = self.users.entry(user).or_insert(Failures { count: 0, last: now });
        if !rule.reset_interval.is_zero()
            && now.saturating_duration_since(failures.last) >= rule.reset_interval
        {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        failures.count >= rule.threshold.max(1)
    }

    pub(super) fn succeeded(&mut self, user: usize) {
        self.users.remove(&user);
    }

    pub(super) fn is_locked(&mut self, rule: &BadPasswordThreshold, now: Instant, user: usize) -> bool {
        let Some(failures) = self.users.get(&user) else { return false };
        if failures.count < rule.threshold.max(1) {
            return false;
        }
        let over = !rule.lockout_interval.is_zero()
            && now.saturating_duration_since(failures.last) >= rule.lockout_interval;
        if over {
            self.users.remove(&user);
        }
        !over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_row_of_failures_locks_for_a_while() {
        let rule =
            BadPasswordThreshold { threshold: 2, reset_interval: 10 * SECOND, lockout_interval: 30 * SECOND };
        let begin = Instant::now();
        let mut lockout = Lockout::default();
        // Seconds, whether the login fails, and whether the user is locked then.
        let steps = [
            (0, true, false),
            (9, false, false),
            (10, true, false),
            (15, true, true),
            (44, false, true),
            (45, false, false),
            (46, true, false),
        ];
        for (second, fails, locked) in steps {
            let now = begin + second * SECOND;
            if fails {
                assert_eq!(lockout.failed(&rule, now, 1), locked, "second {second}");
            }
            assert_eq!(lockout.is_locked(&rule, now, 1), locked, "second {second}");
            assert!(!lockout.is_locked(&rule, now, 2), "somebody else");
        }
        lockout.succeeded(1);
        assert!(!lockout.failed(&rule, begin + 47 * SECOND, 1), "a success starts the count anew");
    }

    #[test]
    fn zero_intervals_never_end() {
        let rule = BadPasswordThreshold {
            threshold: 2,
            reset_interval: Duration::ZERO,
            lockout_interval: Duration::ZERO,
        };
        let begin = Instant::now();
        let mut lockout = Lockout::default();
        assert!(!lockout.failed(&rule, begin, 0));
        assert!(lockout.failed(&rule, begin + 1_000_000 * SECOND, 0));
        assert!(lockout.is_locked(&rule, begin + 9_000_000 * SECOND, 0));
    }
}
