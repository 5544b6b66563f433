//! Pages of lists.

use ironhand_api::{LabelSelector, List};
use sqlx::AnyPool;

use crate::StoreError;
use crate::column::value;
use crate::resource::{Row, Stored, parse_name};
use crate::sqlite::meaning;

/// Rows that are read at once: a list of everything need not fit the memory twice.
pub(crate) const READ_AT_ONCE: u32 = 500;

const PAGE: &str = "SELECT r.name, r.labels, r.spec, r.version, r.created_at, \
    COALESCE(s.status, f.status) AS status FROM resources r \
    LEFT JOIN host_states s ON r.kind = 'Host' AND s.host = r.name \
    LEFT JOIN repository_states f ON r.kind = 'Repository' AND f.repository = r.name \
    WHERE r.kind = $1 AND r.name > $2 ORDER BY r.name LIMIT $3";

/// Which resources to list.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Conditions on their labels.
    pub selector: LabelSelector,
    /// How many at most; all where absent.
    pub limit: Option<u32>,
    /// Where to go on: the [`List::next`] of the page before.
    pub next: Option<String>,
}

/// A page of resources, ordered by name. The text that continues it is the name of its last resource, so that a
/// list stays right while resources come and go.
pub(crate) async fn page<T: Stored>(pool: &AnyPool, query: &ListQuery) -> Result<List<T>, StoreError> {
    let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX).max(1));
    let mut after = match &query.next {
        Some(given) => {
            parse_name(given).map_err(|_| StoreError::ContinueInvalid { given: given.clone() })?.to_string()
        }
        None => String::new(),
    };
    let mut items: Vec<T> = Vec::new();
    loop {
        let rows: Vec<Row> = sqlx::query_as(PAGE)
            .bind(T::KIND.to_string())
            .bind(after)
            .bind(i64::from(READ_AT_ONCE))
            .fetch_all(pool)
            .await
            .map_err(|error| meaning("list resources", error))?;
        for row in &rows {
            let labels = value(|| format!("labels of {} {}", T::KIND, row.name), &row.labels)?;
            if !query.selector.matches(&labels) {
                continue;
            }
            if items.len() == limit {
                let next = items.last().map(|last| last.metadata().name.to_string());
                return Ok(List { items, next });
            }
            items.push(row.resource()?);
        }
        match rows.into_iter().next_back() {
            Some(last) => after = last.name,
            None => return Ok(List { items, next: None }),
        }
    }
}
