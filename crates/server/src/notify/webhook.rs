//! Telling an HTTP endpoint: CloudEvents 1.0 in structured mode, signed as the Standard Webhooks specification 1.0 says.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::body::Bytes;
use ironhand_api::CloudEvent;
use secrecy::SecretString;

use super::error::NotifyError;
use super::http::{Answer, Poster};
use super::letter::{Letter, Pen};
use super::sign;
use crate::clock;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const SENDER: HeaderValue = HeaderValue::from_static(concat!("ironhand/", env!("CARGO_PKG_VERSION")));

/// Posts a letter of one event. Returns what the receiver said.
pub(super) async fn tell(
    poster: &mut Poster,
    secret: Option<&SecretString>,
    pen: &Pen,
    letter: &Letter<'_>,
) -> Result<String, NotifyError> {
    let Some(told) = letter.told.first() else { return Ok(String::new()) };
    let (media_type, body) = match pen.templated(told) {
        Some(Ok(text)) => (media_type(&text), text),
        Some(Err(error)) => {
            tracing::warn!(event = told.event.id, %error, "a template gives no body");
            (CloudEvent::MEDIA_TYPE, pen.cloud_event(&told.event)?)
        }
        None => (CloudEvent::MEDIA_TYPE, pen.cloud_event(&told.event)?),
    };
    let timestamp = clock::now().as_millis() / 1000;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(USER_AGENT, SENDER);
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    headers.extend(HeaderValue::from_str(&letter.id).ok().map(|id| (ID, id)));
    if let Some(secret) = secret {
        let signature = sign::signature(secret, &letter.id, timestamp, body.as_bytes());
        headers.extend(HeaderValue::from_str(&signature).ok().map(|value| (SIGNATURE, value)));
    }
    let answer = poster.post(&headers, Bytes::from(body)).await?;
    judge(poster.receiver(), answer)
}

/// What the body that a template gave is, as far as can be told.
fn media_type(text: &str) -> &'static str {
    let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if json { "application/json" } else { "text/plain; charset=utf-8" }
}

fn judge(receiver: &str, answer: Answer) -> Result<String, NotifyError> {
    let Answer { status, retry_after, start } = answer;
    if status.is_success() {
        return Ok(format!("{receiver} answers {}", status.as_u16()));
    }
    let (host, status) = (receiver.to_owned(), status.as_u16());
    if (300..400).contains(&status) {
        return Err(NotifyError::Redirected { host, status });
    }
    Err(NotifyError::Answered { host, status, start, retry_after })
}
