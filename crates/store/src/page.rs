//! Rows of an id and a JSON text, one by one and in pages that go down by id.

use ironhand_api::List;
use serde::de::DeserializeOwned;
use sqlx::AnyPool;

use crate::StoreError;
use crate::column::{bigint, unsigned, value};
use crate::sqlite::meaning;

/// Id and JSON text.
pub(crate) type Row = (i64, String);

/// One row, found by its id. `what` names its kind in errors.
pub(crate) async fn one<T: DeserializeOwned>(
    what: &str,
    statement: &'static str,
    pool: &AnyPool,
    id: u64,
) -> Result<Option<T>, StoreError> {
    let row: Option<Row> = sqlx::query_as(statement)
        .bind(bigint(id))
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read history", error))?;
    row.map(|(_, body)| value(|| format!("{what} {id}"), &body)).transpose()
}

/// What the rows stand for.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, rows: Vec<Row>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|(id, body)| value(|| format!("{what} {id}"), &body)).collect()
}

/// A page of a list that goes down by id. The text that continues it is the last id on it.
pub(crate) struct Page {
    pub(crate) before: i64,
    limit: Option<u32>,
}

impl Page {
    pub(crate) fn new(limit: Option<u32>, next: Option<&str>) -> Result<Self, StoreError> {
        let before = match next {
            Some(given) => {
                bigint(given.parse().map_err(|_| StoreError::ContinueInvalid { given: given.to_owned() })?)
            }
            None => i64::MAX,
        };
        Ok(Self { before, limit: limit.map(|limit| limit.max(1)) })
    }

    /// One row more than the page holds, to see whether another page follows.
    pub(crate) fn fetched(&self) -> i64 {
        self.limit.map_or(i64::MAX, |limit| i64::from(limit) + 1)
    }

    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        mut rows: Vec<Row>,
    ) -> Result<List<T>, StoreError> {
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some((id, _)) if more => Some(unsigned(*id)?.to_string()),
            _ => None,
        };
        Ok(List { items: decode(what, rows)?, next })
    }
}
