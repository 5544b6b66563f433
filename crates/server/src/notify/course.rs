//! What follows from attempts that failed and from those that worked: when to try again, and whom to tell. No clock and
//! no chance in here: both are handed in.

use std::time::Duration;

use super::error::Advice;

/// The wait after the first failure. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait between attempts: a receiver that is back is told within this time.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The longest wait that a receiver may ask for: what happens meanwhile piles up in the store.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// Failures in a row after which it becomes an event: half a minute, longer than a restart of the receiver takes.
pub(super) const TELL_AFTER: u32 = 6;

/// Times that a message is offered to a receiver that does not take it.
const OFFERS: u32 = 3;

/// How telling somebody goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// Failures in a row. From [`TELL_AFTER`] on it has been told that they happen, so that a server that starts anew
    /// knows it too.
    attempts: u32,
    /// Failures in a row that this process has seen; the wait doubles with them.
    seen: u32,
    /// How often the message that is first in line was not taken.
    refusals: u32,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Follows {
    /// What to do next.
    pub(super) next: Next,
    /// Whether it becomes an event: once, however long it lasts.
    pub(super) tell: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try the same again after this time.
    Again(Duration),
    /// Go on with what comes after.
    LeaveOut,
    /// Try no more until the notifier is applied anew.
    Stop,
}

impl Course {
    /// The course as the store has it.
    pub(super) const fn resumed(attempts: u32) -> Self {
        Self { attempts, seen: 0, refusals: 0 }
    }

    /// Failures in a row, as the store is to have it.
    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// An attempt failed. `asked` is the time that the receiver wants to be left alone; `draw`, from 0 to 1, spreads
    /// the attempts of many.
    pub(super) fn failed(&mut self, advice: Advice, asked: Option<Duration>, draw: f64) -> Follows {
        let told = self.attempts >= TELL_AFTER;
        let doublings = self.seen.min(16);
        self.seen = self.seen.saturating_add(1);
        self.attempts = self.attempts.saturating_add(1);
        let full = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let spread = full.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0);
        let wait = spread.max(asked.unwrap_or_default().min(LONGEST_ASKED));
        let next = match advice {
            Advice::Again | Advice::Mend => Next::Again(wait),
            Advice::Stop => Next::Stop,
            Advice::LeaveOut => {
                self.refusals += 1;
                if self.refusals >= OFFERS { Next::LeaveOut } else { Next::Again(wait) }
            }
        };
        if next == Next::LeaveOut {
            (self.seen, self.refusals) = (0, 0);
        }
        if matches!(advice, Advice::Mend | Advice::Stop) || next == Next::LeaveOut {
            self.attempts = self.attempts.max(TELL_AFTER);
        }
        Follows { next, tell: !told && self.attempts >= TELL_AFTER }
    }

    /// An attempt worked. Returns whether that becomes an event: where the failures before it did.
    pub(super) fn worked(&mut self) -> bool {
        let told = self.attempts >= TELL_AFTER;
        *self = Self::default();
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(next: Next) -> f64 {
        match next {
            Next::Again(wait) => wait.as_secs_f64(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let waits = |draw: f64| {
            let mut course = Course::default();
            let failed = (0..40).map(|_| seconds(course.failed(Advice::Again, None, draw).next));
            failed.collect::<Vec<f64>>()
        };
        assert_eq!(waits(1.0)[..10], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0]);
        assert_eq!(waits(0.0)[..4], [0.5, 1.0, 2.0, 4.0]);
        assert_eq!(waits(1.0)[39], 300.0);
        assert_eq!(waits(0.5)[39], 225.0);
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        let check = |asked: u64, wanted: f64| {
            let mut course = Course::default();
            let follows = course.failed(Advice::Again, Some(Duration::from_secs(asked)), 1.0);
            assert_eq!(seconds(follows.next), wanted, "{asked}");
        };
        check(0, 1.0);
        check(7, 7.0);
        check(1_000_000, 3600.0);
    }

    #[test]
    fn a_long_failure_is_told_once_and_so_is_its_end() {
        let mut course = Course::default();
        assert!(!course.worked());
        let told = |course: &mut Course, advice| course.failed(advice, None, 1.0).tell;
        let tellings: Vec<bool> = (0..20).map(|_| told(&mut course, Advice::Again)).collect();
        assert_eq!(tellings.iter().filter(|told| **told).count(), 1);
        assert!(tellings[TELL_AFTER as usize - 1]);
        let mut course = Course::resumed(course.attempts());
        assert!(!told(&mut course, Advice::Mend), "told before the server began anew");
        assert!(course.worked());
        assert!(!course.worked());
        assert!(!told(&mut course, Advice::Again), "one that passes is not told");
        assert!(!course.worked());
        assert!(told(&mut course, Advice::Mend), "one that somebody must mend is told at once");
        assert!(!told(&mut course, Advice::Mend));
        assert_eq!(
            seconds(course.failed(Advice::Mend, None, 1.0).next),
            4.0,
            "and tried again no later for that"
        );
    }

    #[test]
    fn a_message_that_is_not_taken_is_left_out_and_told_of_once_until_one_is_taken() {
        let mut course = Course::default();
        let mut left_out = 0;
        let mut told = 0;
        for _ in 0..9 {
            let follows = course.failed(Advice::LeaveOut, None, 1.0);
            left_out += u32::from(follows.next == Next::LeaveOut);
            told += u32::from(follows.tell);
        }
        assert_eq!((left_out, told), (3, 1));
        assert!(course.worked());
        let mut course = Course::default();
        let follows = course.failed(Advice::Stop, None, 1.0);
        assert_eq!(follows, Follows { next: Next::Stop, tell: true });
    }
}
