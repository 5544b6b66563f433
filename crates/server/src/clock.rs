//! The wall clock, which the pure crates take from here.

use std::time::{SystemTime, UNIX_EPOCH};

use ironhand_api::Timestamp;

/// What the wall clock says.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
