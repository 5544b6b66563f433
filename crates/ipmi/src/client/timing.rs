//! How long to wait for an answer: what a BMC's answers took so far, as TCP measures it (RFC 6298).

use std::time::Duration;

use crate::client::config::{RetransmitPolicy, bounded};

/// Doublings beyond which a wait no longer grows, whatever the ceiling.
const BACKOFF_LIMIT: u32 = 16;

/// A smoothed time and its variation.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    smoothed: Duration,
    variation: Duration,
}

impl Estimate {
    fn take(estimate: &mut Option<Self>, sample: Duration) {
        let sample = bounded(sample);
        *estimate = Some(match *estimate {
            None => Self { smoothed: sample, variation: sample / 2 },
            Some(Self { smoothed, variation }) => Self {
                smoothed: smoothed / 8 * 7 + sample / 8,
                variation: variation / 4 * 3 + smoothed.abs_diff(sample) / 4,
            },
        });
    }

    fn wait(&self) -> Duration {
        self.smoothed + self.variation * 4
    }
}

/// What the answers of one BMC took.
#[derive(Debug, Default)]
pub(super) struct Timing {
    /// Of commands and Open Session Requests.
    round_trip: Option<Estimate>,
    /// A wait that would have been long enough for an answer to one of several transmissions: what there is to go by until
    /// an answer can be told apart.
    guess: Duration,
    /// Of RAKP messages 1 and 3, for which a BMC does its cryptography.
    handshake: Option<Estimate>,
    /// Retransmissions since an answer that could belong to one transmission only. As nobody can say which of several
    /// was answered, waits stay long until one answer tells (Karn's algorithm).
    backoff: u32,
}

impl Timing {
    /// The answer to a command that was sent once came after `sample`.
    pub(super) fn answered(&mut self, sample: Duration) {
        Estimate::take(&mut self.round_trip, sample);
        self.backoff = 0;
    }

    /// The answer to a message that was sent several times came after `longest`, counted from the first of them.
    pub(super) fn answered_late(&mut self, longest: Duration) {
        self.guess = bounded(longest + longest / 4);
    }

    /// The answer to a RAKP message came after `sample`.
    pub(super) fn shook_hands(&mut self, sample: Duration) {
        Estimate::take(&mut self.handshake, sample);
    }

    /// A command was sent once more.
    pub(super) fn retransmitted(&mut self) {
        self.backoff = (self.backoff + 1).min(BACKOFF_LIMIT);
    }

    /// How long to wait for the answer to a command.
    pub(super) fn command_wait(&self, policy: &RetransmitPolicy, noise: u8) -> Duration {
        spread(policy, self.round_trip_wait(policy), self.backoff, noise)
    }

    /// How long to wait for the answer to an Open Session Request after `attempt` waits in vain.
    pub(super) fn open_wait(&self, policy: &RetransmitPolicy, attempt: u32, noise: u8) -> Duration {
        spread(policy, self.round_trip_wait(policy), attempt, noise)
    }

    /// How long to wait for the answer to a RAKP message after `attempt` waits in vain.
    pub(super) fn handshake_wait(&self, policy: &RetransmitPolicy, attempt: u32, noise: u8) -> Duration {
        let known = self.handshake.map_or(Duration::ZERO, |estimate| estimate.wait());
        spread(policy, self.round_trip_wait(policy).max(known).max(policy.handshake), attempt, noise)
    }

    fn round_trip_wait(&self, policy: &RetransmitPolicy) -> Duration {
        self.round_trip.map_or(policy.first.max(self.guess), |estimate| estimate.wait().max(policy.floor))
    }
}

/// `wait` doubled `doublings` times up to the ceiling, then up to an eighth shorter or longer as `noise` says, so that
/// many clients do not fall into step.
fn spread(policy: &RetransmitPolicy, wait: Duration, doublings: u32, noise: u8) -> Duration {
    let doubled = wait.saturating_mul(1 << doublings.min(BACKOFF_LIMIT));
    let wait = bounded(doubled.min(policy.ceiling.max(policy.first)));
    wait - wait / 8 + wait / 4 * u32::from(noise) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    /// Noise in the middle: a wait neither shorter nor longer, within a hundredth.
    const CALM: u8 = 128;

    fn check(timing: &Timing, expected: Duration) {
        let wait = timing.command_wait(&RetransmitPolicy::default(), CALM);
        assert!(wait.abs_diff(expected) < expected / 100, "{wait:?} for {expected:?}");
    }

    #[test]
    fn waits_follow_what_answers_took() {
        let mut timing = Timing::default();
        check(&timing, 250 * MS);
        timing.answered(100 * MS);
        check(&timing, 300 * MS);
        for _ in 0..60 {
            timing.answered(100 * MS);
        }
        check(&timing, 200 * MS);
        timing.answered(900 * MS);
        check(&timing, 1000 * MS);
        for _ in 0..100 {
            timing.answered(MS);
        }
        check(&timing, RetransmitPolicy::default().floor);
    }

    #[test]
    fn waits_double_until_an_answer_can_be_told_apart() {
        let mut timing = Timing::default();
        timing.answered(10 * MS);
        timing.retransmitted();
        timing.retransmitted();
        check(&timing, 800 * MS);
        for _ in 0..40 {
            timing.retransmitted();
        }
        check(&timing, RetransmitPolicy::default().ceiling);
        timing.answered(10 * MS);
        check(&timing, 200 * MS);
    }

    #[test]
    fn noise_spreads_waits_by_an_eighth() {
        let policy = RetransmitPolicy::default();
        let wait = |noise| Timing::default().open_wait(&policy, 1, noise);
        assert_eq!([wait(0), wait(255)], [437_500 * MS / 1000, 562_500 * MS / 1000]);
    }

    #[test]
    fn a_handshake_is_waited_for_as_long_as_it_took_before() {
        let policy = RetransmitPolicy::default();
        let mut timing = Timing::default();
        assert!(timing.handshake_wait(&policy, 0, CALM).abs_diff(policy.handshake) < 4 * MS);
        timing.shook_hands(1000 * MS);
        assert!(timing.handshake_wait(&policy, 0, CALM) > 2900 * MS);
        assert!(timing.command_wait(&policy, CALM) < 300 * MS, "commands need no cryptography");
    }
}
