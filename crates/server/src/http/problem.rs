//! Errors as they leave: problem documents.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ironhand_api::{ActionReceipt, Fault, Kind, Name, Problem};
use ironhand_store::StoreError;

use crate::device::DeviceError;
use crate::lane::{ActionFailure, Refused};

/// The header that names a request in replies and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Numbers the requests of this process.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// An error reply.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Problem>);

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &str, fault: Fault, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            fault,
            retry: false,
            job: None,
            request_id: None,
        }))
    }

    fn caller(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self::new(status, code, Fault::Caller, detail)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(super) fn retry(mut self) -> Self {
        self.0.retry = true;
        self
    }

    pub(super) fn no_route() -> Self {
        Self::caller(StatusCode::NOT_FOUND, "request.no_such_path", "the API has no such path")
            .hint(
                "paths begin with /api/v1/ and hosts, clusters, zones, credentials, flows, notifiers, repositories, \
                 settings, jobs, alerts, incidents, runs, pictures, servers or events",
            )
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::caller(StatusCode::METHOD_NOT_ALLOWED, "request.method", "the path does not take this method")
    }

    pub(super) fn foreign(what: &'static str) -> Self {
        let detail = format!("the request names {what} that is not this machine");
        Self::caller(StatusCode::FORBIDDEN, "request.foreign", detail)
            .hint("use http://localhost or a loopback address; web pages of other sites are kept out")
    }

    pub(super) fn not_json() -> Self {
        Self::caller(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "request.media_type",
            "the body is not declared as JSON",
        )
        .hint("send the header content-type: application/json")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("the body is over {limit} bytes");
        Self::caller(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", detail)
    }

    /// The query or the body does not have the right form.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::caller(StatusCode::BAD_REQUEST, "request.malformed", detail)
    }

    /// The body has the right form, and says something that cannot be.
    pub(super) fn invalid(code: &str, faults: &[String]) -> Self {
        Self::caller(StatusCode::UNPROCESSABLE_ENTITY, code, faults.join("\n"))
    }

    pub(super) fn no_such(kind: Kind, name: &Name) -> Self {
        StoreError::NotFound { kind, name: name.clone() }.into()
    }

    pub(super) fn no_such_record(what: &'static str, id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::caller(StatusCode::NOT_FOUND, "record.not_found", format!("there is no {what} {id}"))
    }

    /// The client has seen events that this database never had.
    pub(super) fn unknown_event(id: u64, last: u64) -> Self {
        let detail = format!("event {id} has not happened; the last one is {last}");
        Self::caller(StatusCode::GONE, "events.unknown_id", detail)
            .hint("the server has another database than before; follow the events without Last-Event-ID")
    }

    pub(super) fn too_many_streams() -> Self {
        let detail = "too many event streams are open";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "events.too_many_streams", Fault::Server, detail).retry()
    }

    pub(super) fn too_many_viewers() -> Self {
        let detail = "too many people watch screens";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "screen.too_many_viewers", Fault::Server, detail).retry()
    }

    pub(super) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server.stopping", Fault::Server, "the server is stopping")
            .retry()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
            StoreError::Conflict { .. }
            | StoreError::InUse { .. }
            | StoreError::Taken { .. }
            | StoreError::KeyGiven
            | StoreError::RotationOpen { .. }
            | StoreError::FollowedTwice { .. }
            | StoreError::NoRotation { .. } => StatusCode::CONFLICT,
            StoreError::LeaseLost { .. } | StoreError::FollowedElsewhere { .. } => {
                StatusCode::MISDIRECTED_REQUEST
            }
            StoreError::ContinueInvalid { .. } => StatusCode::BAD_REQUEST,
            StoreError::MissingReference { .. }
            | StoreError::SecretReference { .. }
            | StoreError::OtherKey { .. }
            | StoreError::SealBroken { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Busy { .. } | StoreError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = %chain(&error), "the store failed");
        }
        let mut reply = Self::new(status, error.code(), error.fault(), error.to_string());
        reply.0.retry = error.retry();
        reply
    }
}

impl From<DeviceError> for ApiError {
    fn from(error: DeviceError) -> Self {
        let status = match &error {
            DeviceError::NoConnector { .. } | DeviceError::NoCapability { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            DeviceError::NotManaged { .. }
            | DeviceError::NotNow { .. }
            | DeviceError::ConsoleHeld { .. }
            | DeviceError::Credential { .. }
            | DeviceError::PasswordRefused { .. }
            | DeviceError::NoAccount { .. }
            | DeviceError::FenceNotProven(_) => StatusCode::CONFLICT,
            DeviceError::NotSeen { .. } => StatusCode::GATEWAY_TIMEOUT,
            DeviceError::NotStored { .. }
            | DeviceError::Busy { .. }
            | DeviceError::Stopping
            | DeviceError::NotSeenYet => StatusCode::SERVICE_UNAVAILABLE,
            DeviceError::NotOwner(_) => StatusCode::MISDIRECTED_REQUEST,
            DeviceError::ReaderFailed | DeviceError::NoRandomness => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        };
        let mut reply = Self::new(status, error.code(), error.fault(), error.to_string());
        reply.0.retry = error.retry();
        reply.0.hint = error.hint().map(str::to_owned);
        reply
    }
}

impl From<Refused> for ApiError {
    fn from(Refused { failure: ActionFailure { error, receipts }, job }: Refused) -> Self {
        let mut reply = Self::from(error);
        reply.0.detail.push_str(&tried(&receipts));
        reply.0.job = job;
        reply
    }
}

/// What was tried, as the end of a sentence; nothing where the sentence says it already.
fn tried(receipts: &[ActionReceipt]) -> String {
    if receipts.len() < 2 {
        return String::new();
    }
    let mut text = " (tried".to_owned();
    for (index, receipt) in receipts.iter().enumerate() {
        let outcome = receipt.error.as_deref().unwrap_or("done");
        let comma = if index == 0 { "" } else { ";" };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma} {}: {outcome} in {} ms", receipt.connector, receipt.took.as_millis());
    }
    text.push(')');
    text
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl IntoResponse for ApiError {
    /// Leaves the body to [`finish`], which knows the request.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Names the request, and writes the body of an error.
pub(super) async fn finish(request: Request, next: Next) -> Response {
    let id = format!("{:08x}-{}", std::process::id(), REQUESTS.fetch_add(1, Ordering::Relaxed));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Some(ApiError(mut problem)) = response.extensions_mut().remove::<ApiError>() {
        tracing::debug!(op = %method, path, code = problem.code, error = problem.detail, request = id, "refused");
        problem.request_id = Some(id.clone());
        let status = response.status();
        let media_type = HeaderValue::from_static("application/problem+json");
        // A problem is plain data with string keys, which JSON can always hold.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        response = (status, [(header::CONTENT_TYPE, media_type)], body).into_response();
    }
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(&id).ok().map(|id| (REQUEST_ID, id)));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
