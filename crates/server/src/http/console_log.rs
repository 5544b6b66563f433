//! What machines wrote on their serial consoles.

use std::sync::Arc;

use axum::extract::{Path, State};
use ironhand_api::{ConsoleLine, Fault, Host, Kind, List, Span, Timestamp};
use serde::Deserialize;

use super::resource::{Json, Query, name};
use super::{Api, ApiError};
use crate::clock;
use crate::serial::log::LogError;

/// Lines in a reply, where the client does not say.
const LINES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// A regular expression that is found in each line.
    search: Option<String>,
    /// How far back.
    since: Option<Span>,
    /// The last lines, at most so many.
    tail: Option<usize>,
}

/// `GET /api/v1/hosts/{name}/console/log`: the last lines, the oldest of them first.
pub(super) async fn log(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(LogQuery { search, since, tail }): Query<LogQuery>,
) -> Result<Json<List<ConsoleLine>>, ApiError> {
    let host = name(&text)?;
    let known: Option<Host> = api.store.get(&host).await?;
    known.ok_or_else(|| ApiError::no_such(Kind::Host, &host))?;
    let log = api.consoles.logs().of(&host);
    let limit = tail.unwrap_or(LINES);
    let since = since.map(|since| before(clock::now(), since));
    let found = match (search, since) {
        (None, None) => log.tail(limit).await,
        (search, since) => log.search(search.as_deref().unwrap_or_default(), since, limit).await,
    };
    let lines = found?.into_iter().map(|line| ConsoleLine { at: line.at, text: line.text });
    Ok(Json(List { items: lines.collect(), next: None }))
}

fn before(now: Timestamp, span: Span) -> Timestamp {
    let length = i64::try_from(span.duration().as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(length))
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        use axum::http::StatusCode;
        match &error {
            LogError::Pattern { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "console.pattern", Fault::Caller, error.to_string())
            }
            LogError::Stopping => Self::stopping(),
            LogError::File { .. } => {
                tracing::error!(%error, "a console log cannot be read");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "console.log_unreadable", Fault::Server, error.to_string())
            }
        }
    }
}
