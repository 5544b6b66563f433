//! Sessions without work, which are kept so that the next request costs two packets and no set-up.

use std::collections::VecDeque;

/// Entries above this many times the number of resting sessions are swept out.
const STALE_SHARE: usize = 3;

/// The sessions without work, least recently used first.
#[derive(Debug)]
pub(crate) struct Warm {
    budget: usize,
    count: usize,
    /// BMCs' numbers with the rest that each began. Entries of BMCs that have work again are stale.
    order: VecDeque<(Rest, usize)>,
    last: u64,
}

/// A time without work of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest(u64);

impl Warm {
    /// At most `budget` sessions rest.
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, count: 0, order: VecDeque::new(), last: 0 }
    }

    /// The session of the BMC with this number has no work.
    pub(crate) fn begin(&mut self, number: usize) -> Rest {
        self.last += 1;
        self.count += 1;
        self.order.push_back((Rest(self.last), number));
        Rest(self.last)
    }

    /// A session that rested has work, or is no more.
    pub(crate) fn end(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// The number of the BMC whose session has rested longest, where more rest than may. `counts` says whether a rest
    /// goes on.
    pub(crate) fn excess(&mut self, counts: impl Fn(usize, Rest) -> bool) -> Option<usize> {
        while self.count > self.budget {
            let (rest, number) = self.order.pop_front()?;
            if counts(number, rest) {
                return Some(number);
            }
        }
        if self.order.len() > STALE_SHARE * self.count + 64 {
            self.order.retain(|(rest, number)| counts(*number, *rest));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_sessions_go_first() {
        let mut warm = Warm::new(2);
        let mut rests = [None; 4];
        for number in [0, 1, 2] {
            rests[number] = Some(warm.begin(number));
        }
        // Number 0 has worked again since.
        warm.end();
        rests[0] = Some(warm.begin(0));
        let excess = warm.excess(|number, rest| rests[number] == Some(rest));
        assert_eq!(excess, Some(1));
        warm.end();
        rests[1] = None;
        assert_eq!(warm.excess(|number, rest| rests[number] == Some(rest)), None);
    }

    #[test]
    fn stale_entries_do_not_pile_up() {
        let mut warm = Warm::new(1);
        for _ in 0..10_000 {
            let rest = warm.begin(0);
            assert_eq!(warm.excess(|_, seen| seen == rest), None);
            assert!(warm.order.len() <= 68);
            warm.end();
        }
    }
}
