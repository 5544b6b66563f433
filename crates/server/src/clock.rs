//! The wall clock and the source of unpredictable bytes: the two inputs that the pure crates take from here.

use std::time::{SystemTime, UNIX_EPOCH};

use ironhand_api::Timestamp;

/// What the wall clock says.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Random bytes of the operating system, for [`ironhand_ipmi::Entropy`].
pub(crate) struct OsEntropy;

impl ironhand_ipmi::Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Once the kernel's generator is seeded it does not fail, and opening the store has drawn from it before.
        getrandom::fill(bytes).expect("the operating system's generator worked when the store was opened");
    }
}
