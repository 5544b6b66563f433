//! Values in and out of columns.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A number as a BIGINT. Numbers beyond its range, which no series reaches, become the largest one: as a bound of a
/// query that means the same, and as an id it is found nowhere.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number in a BIGINT that holds an id or a version.
pub(crate) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::damaged("number", format!("{number} is negative")))
}

/// The JSON text of a value.
pub(crate) fn json<T: Serialize>(what: impl FnOnce() -> String, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unwritable { what: what(), reason: error.to_string() })
}

/// The value of a JSON text. `what` names it in the error.
pub(crate) fn value<T: DeserializeOwned>(what: impl FnOnce() -> String, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::damaged(what(), error))
}

/// The value that a plain word in a TEXT column stands for, like `screen.changed` for an event's kind.
pub(crate) fn word<T: DeserializeOwned>(
    what: impl FnOnce() -> String,
    text: String,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::damaged(what(), error))
}
