//! Events: as a list, and as a stream of server-sent events (HTML standard, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ironhand_api::{CloudEvent, Event, List, Name};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::resource::{Json, Query};
use super::{Api, ApiError};
use crate::notify;

/// Events read from the store at a time.
const PAGE: u32 = 200;

/// Events in a reply at most.
const MOST: u32 = 1000;

/// A comment goes out after so much silence, so that a dead connection shows and proxies keep a living one.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    after: Option<u64>,
    host: Option<Name>,
    limit: Option<u32>,
    #[serde(rename = "continue")]
    next: Option<u64>,
    format: Option<Format>,
}

/// The form in which events leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// As the API describes them.
    #[default]
    Native,
    /// As CloudEvents (specification 1.0).
    CloudEvents,
}

/// `GET /api/v1/events`: a stream where the client accepts one, else a page of the list, oldest first. Both hold
/// CloudEvents where the client accepts those or asks for them by `format=cloudevents`.
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |media_type| accept.split(',').any(|part| part.trim().starts_with(media_type));
    let clouds = accepts(CloudEvent::MEDIA_TYPE);
    let format = query.format.unwrap_or(if clouds { Format::CloudEvents } else { Format::Native });
    // A client that takes nothing but single CloudEvents wants them one after the other.
    if clouds || accepts("text/event-stream") {
        return follow(&api, query, format, &headers).await;
    }
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MOST);
    let after = query.next.or(query.after).unwrap_or(0);
    let items = api.store.events_after(after, limit, query.host.as_ref()).await?;
    let full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = items.last().filter(|_| full).map(|event| event.id.to_string());
    Ok(match format {
        Format::Native => Json(List { items, next }).into_response(),
        Format::CloudEvents => {
            let source = notify::source();
            let items = items.into_iter().map(|event| CloudEvent::new(&source, event)).collect();
            Json(List { items, next }).into_response()
        }
    })
}

async fn follow(
    api: &Arc<Api>,
    query: EventsQuery,
    format: Format,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let permit = Arc::clone(&api.streams).try_acquire_owned().map_err(|_| ApiError::too_many_streams())?;
    let mut news = api.store.last_event();
    let last = *news.borrow_and_update();
    let resumed = match headers.get("last-event-id") {
        Some(value) => {
            let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            Some(id.ok_or_else(|| ApiError::malformed("Last-Event-ID is not the id of an event"))?)
        }
        None => None,
    };
    let after = resumed.or(query.after).unwrap_or(last);
    // Another server may have written it a moment ago.
    if after > last && after > api.store.newest_event().await? {
        return Err(ApiError::unknown_event(after, last));
    }
    let follower = Follower {
        api: Arc::clone(api),
        host: query.host,
        source: (format == Format::CloudEvents).then(notify::source),
        after,
        news,
        // A client that loses the connection before the first event knows from this where to go on.
        ready: VecDeque::from([Bytes::from(format!("retry: 1000\nid: {after}\n\n"))]),
        _permit: permit,
    };
    let body = Body::from_stream(stream::unfold(follower, Follower::next));
    let media_type = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, media_type)], body).into_response())
}

/// One client's place in the record of events. It reads from the store at the client's pace: a slow one holds up
/// nobody and takes no memory.
struct Follower {
    api: Arc<Api>,
    host: Option<Name>,
    /// What CloudEvents call the server; none where events leave as they are.
    source: Option<String>,
    after: u64,
    news: watch::Receiver<u64>,
    ready: VecDeque<Bytes>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next piece of the stream; none when the server stops.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some((Ok(piece), self));
            }
            // Before the store is asked, so that what is recorded meanwhile is seen as news.
            let last = *self.news.borrow_and_update();
            let events = match self.api.store.events_after(self.after, PAGE, self.host.as_ref()).await {
                Ok(events) => events,
                Err(error) => {
                    tracing::error!(%error, "an event stream ends");
                    return None;
                }
            };
            match events.last() {
                Some(event) => {
                    self.after = event.id;
                    let source = self.source.as_deref();
                    self.ready.extend(events.into_iter().map(|event| frame(event, source)));
                }
                None => {
                    // Nothing of this host up to there.
                    self.after = self.after.max(last);
                    tokio::select! {
                        changed = self.news.changed() => changed.ok()?,
                        () = tokio::time::sleep(SILENCE) => {
                            self.ready.push_back(Bytes::from_static(b": nothing new\n\n"));
                        }
                        () = self.api.stop.cancelled() => return None,
                    }
                }
            }
        }
    }
}

fn frame(event: Event, source: Option<&str>) -> Bytes {
    let (id, kind) = (event.id, event.kind.code());
    // An event is plain data with string keys, which JSON can always hold; it has no line breaks outside of strings,
    // and inside they are escaped.
    let data = match source {
        None => serde_json::to_string(&event),
        Some(source) => serde_json::to_string(&CloudEvent::new(source, event)),
    };
    Bytes::from(format!("id: {id}\nevent: {kind}\ndata: {}\n\n", data.unwrap_or_default()))
}
