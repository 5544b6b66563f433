//! How often an account may be tried on a controller: controllers lock accounts, or whole addresses, after few refusals.

use std::collections::HashMap;
use std::net::IpAddr;

/// Refusals of one account that a controller is brought to within [`WINDOW`]. The strictest that are known lock at the
/// third.
const MOST: usize = 2;

/// For how long a refusal counts, in seconds: longer than controllers remember.
const WINDOW: u64 = 15 * 60;

/// The refused logins of the last quarter of an hour.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// When accounts were refused, in seconds since 1970.
    refused: HashMap<(IpAddr, String), Vec<u64>>,
}

impl Budget {
    /// One that knows of earlier refusals.
    pub fn new(refused: impl IntoIterator<Item = (IpAddr, String, u64)>) -> Self {
        let mut budget = Self::default();
        for (address, account, at) in refused {
            budget.refuse(address, &account, at);
        }
        budget
    }

    /// Whether an account may be tried.
    pub fn allows(&self, address: IpAddr, account: &str, now: u64) -> bool {
        let refused = self.refused.get(&(address, account.to_owned()));
        // A refusal of the future is one of a clock that was set back: it counts.
        let counts = |at: &&u64| now.saturating_sub(**at) < WINDOW;
        refused.is_none_or(|refused| refused.iter().filter(counts).count() < MOST)
    }

    /// Notes a refusal.
    pub fn refuse(&mut self, address: IpAddr, account: &str, now: u64) {
        self.refused.entry((address, account.to_owned())).or_default().push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_refused_twice_in_a_quarter_of_an_hour_at_most() {
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let mut budget = Budget::new([(address(1), "admin".to_owned(), 1000)]);
        assert!(budget.allows(address(1), "admin", 1001));
        budget.refuse(address(1), "admin", 1100);
        assert!(!budget.allows(address(1), "admin", 1101));
        // Each account of each controller counts by itself.
        assert!(budget.allows(address(1), "root", 1101));
        assert!(budget.allows(address(2), "admin", 1101));
        // The first one is forgotten, then both.
        assert!(!budget.allows(address(1), "admin", 1899));
        assert!(budget.allows(address(1), "admin", 1900));
        // A clock that was set back lets nothing through.
        assert!(!budget.allows(address(1), "admin", 10));
    }
}
