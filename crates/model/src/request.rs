//! What an attempt at a step `http` comes to: done, to be tried again, failed, or not known.

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{HttpStep, JsonExpect};
use serde_json::Value;

/// The longest value that is captured, in characters: it stands in the record of the run.
const LONGEST_CAPTURE: usize = 1000;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The server answered.
    Answered {
        /// The status.
        status: u16,
        /// For how long the server wants to be left alone (RFC 9110 section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// Nothing was sent that the server could have acted on.
    NotSent,
    /// It was sent, and no answer came: it may or may not have been done.
    Lost,
    /// It can never be sent as it is.
    Unsuited,
}

/// What an attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAttempt {
    /// The answer decides.
    Judge,
    /// It is tried again after this wait.
    Again(Duration),
    /// It has failed.
    Fail,
    /// Nobody knows whether it was done.
    Unknown,
}

/// What to do after the attempt with this number, from 1.
///
/// What may be done only once is tried again only where the server cannot have done it: nothing was sent, or the server
/// says that it has not taken it (RFC 6585 section 4, RFC 9110 section 15.6.4).
pub fn after_attempt(step: &HttpStep, attempt: u32, end: &AttemptEnd) -> AfterAttempt {
    let again = attempt <= step.retries;
    let wait = step.wait_before(attempt);
    match end {
        AttemptEnd::Unsuited => AfterAttempt::Fail,
        AttemptEnd::NotSent if again => AfterAttempt::Again(wait),
        AttemptEnd::NotSent => AfterAttempt::Fail,
        AttemptEnd::Lost if !step.is_idempotent() => AfterAttempt::Unknown,
        AttemptEnd::Lost if again => AfterAttempt::Again(wait),
        AttemptEnd::Lost => AfterAttempt::Fail,
        AttemptEnd::Answered { status, .. } if expects(step, *status) => AfterAttempt::Judge,
        AttemptEnd::Answered { status, retry_after } => {
            let passes = match status {
                429 | 503 => true,
                408 | 425 | 500 | 502 | 504 => step.is_idempotent(),
                _ => false,
            };
            // A server that wants longer than any wait of the step gets no more of its attempts.
            let wait = retry_after.unwrap_or_default().max(wait);
            if again && passes && wait <= step.longest() {
                AfterAttempt::Again(wait)
            } else {
                AfterAttempt::Judge
            }
        }
    }
}

/// The wait before a request that only asks is sent again, since what it asks for is not so yet; none where the attempt
/// with this number was the last.
pub fn ask_again(step: &HttpStep, attempt: u32, status: u16) -> Option<Duration> {
    let only_asks = matches!(step.method(), "GET" | "HEAD") && expects(step, status);
    (only_asks && attempt <= step.retries).then(|| step.wait_before(attempt))
}

fn expects(step: &HttpStep, status: u16) -> bool {
    step.expect.status.iter().any(|wanted| wanted.includes(status))
}

/// Judges an answer: what it captures, or why it is not the one that is expected. `matches` tries a regular expression
/// on a text.
///
/// # Errors
///
/// What is not as expected, in words.
pub fn judge_answer(
    step: &HttpStep,
    status: u16,
    body: &[u8],
    matches: &dyn Fn(&str, &str) -> bool,
) -> Result<BTreeMap<String, String>, String> {
    if !expects(step, status) {
        let wanted: Vec<String> = step.expect.status.iter().map(ToString::to_string).collect();
        return Err(format!("the answer is {status}, not {}", wanted.join(" or ")));
    }
    if step.expect.json.is_empty() && step.capture.is_empty() {
        return Ok(BTreeMap::new());
    }
    let json: Value =
        serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    for (place, wanted) in &step.expect.json {
        let found = json.pointer(place).ok_or_else(|| format!("the answer has nothing at `{place}`"))?;
        let right = match wanted {
            JsonExpect::Equals(value) => value == found,
            JsonExpect::Matches { matches: pattern } => {
                as_text(found).is_some_and(|text| matches(pattern, &text))
            }
        };
        if !right {
            let wanted = match wanted {
                JsonExpect::Equals(value) => value.to_string(),
                JsonExpect::Matches { matches } => format!("what matches `{matches}`"),
            };
            let found = shortened(&found.to_string());
            return Err(format!("the answer has {found} at `{place}`, not {wanted}"));
        }
    }
    let captured = step.capture.iter().map(|(name, place)| {
        let found = json.pointer(place).ok_or_else(|| format!("the answer has nothing at `{place}`"))?;
        let text = as_text(found).ok_or_else(|| format!("what stands at `{place}` is no single value"))?;
        if text.chars().count() > LONGEST_CAPTURE {
            return Err(format!("what stands at `{place}` has more than {LONGEST_CAPTURE} characters"));
        }
        Ok((name.clone(), text))
    });
    captured.collect()
}

/// A single value as a text; none of lists, mappings and nothing.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The beginning of a text.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(json: &str) -> HttpStep {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_may_be_done_once_is_not_tried_again_after_it_may_have_been_done() {
        let check = |method: &str, attempt: u32, end: AttemptEnd, wanted: AfterAttempt| {
            let step = step(&format!(
                r#"{{ "method": "{method}", "url": "http://a/", "retries": 2, "backOff": "1s" }}"#
            ));
            assert_eq!(after_attempt(&step, attempt, &end), wanted, "{method} {attempt} {end:?}");
        };
        let answered = |status, wait: Option<u64>| AttemptEnd::Answered {
            status,
            retry_after: wait.map(Duration::from_secs),
        };
        let again = |secs| AfterAttempt::Again(Duration::from_secs(secs));
        check("GET", 1, AttemptEnd::Lost, again(1));
        check("PUT", 2, AttemptEnd::Lost, again(2));
        check("PUT", 3, AttemptEnd::Lost, AfterAttempt::Fail);
        check("POST", 1, AttemptEnd::Lost, AfterAttempt::Unknown);
        check("PATCH", 1, AttemptEnd::Lost, AfterAttempt::Unknown);
        check("POST", 1, AttemptEnd::NotSent, again(1));
        check("POST", 3, AttemptEnd::NotSent, AfterAttempt::Fail);
        check("GET", 1, AttemptEnd::Unsuited, AfterAttempt::Fail);
        check("POST", 1, answered(200, None), AfterAttempt::Judge);
        check("POST", 1, answered(500, None), AfterAttempt::Judge);
        check("GET", 1, answered(500, None), again(1));
        check("POST", 1, answered(503, None), again(1));
        check("POST", 1, answered(429, Some(5)), again(5));
        check("POST", 1, answered(429, Some(5000)), AfterAttempt::Judge);
        check("GET", 3, answered(502, None), AfterAttempt::Judge);
        check("DELETE", 1, answered(404, None), AfterAttempt::Judge);
    }

    #[test]
    fn answers_are_judged_by_status_and_json() {
        let matches = |pattern: &str, text: &str| text.contains(pattern);
        let check = |more: &str, status: u16, body: &str, wanted: &str| {
            let step = step(&format!(r#"{{ "url": "http://a/", {more} }}"#));
            let judged = judge_answer(&step, status, body.as_bytes(), &matches);
            let told = judged.map_or_else(|reason| reason, |captured| format!("{captured:?}"));
            assert!(told.contains(wanted), "{more} {status} {body}: {told}");
        };
        let body = r#"{ "id": 7, "status": { "value": "failed" }, "tags": [], "up": true }"#;
        check(r#""retries": 0"#, 204, "", "{}");
        check(r#""retries": 0"#, 404, "", "the answer is 404, not 2xx");
        check(r#""expect": { "status": [404, "3xx"] }"#, 302, "", "{}");
        check(r#""expect": { "status": [404, "3xx"] }"#, 200, "", "not 404 or 3xx");
        check(r#""capture": { "id": "/id", "up": "/up" }"#, 200, body, r#"{"id": "7", "up": "true"}"#);
        check(r#""capture": { "id": "/tags" }"#, 200, body, "no single value");
        check(r#""capture": { "id": "/nothing" }"#, 200, body, "nothing at `/nothing`");
        check(r#""capture": { "id": "/id" }"#, 200, "<html>", "no JSON");
        check(r#""expect": { "json": { "/status/value": "failed" } }"#, 200, body, "{}");
        check(r#""expect": { "json": { "/status/value": "active" } }"#, 200, body, r#"has "failed" at"#);
        check(r#""expect": { "json": { "/id": 7, "/up": true } }"#, 200, body, "{}");
        check(r#""expect": { "json": { "/id": "7" } }"#, 200, body, r#"not "7""#);
        check(r#""expect": { "json": { "/status/value": { "matches": "fail" } } }"#, 200, body, "{}");
        check(r#""expect": { "json": { "/tags": { "matches": "x" } } }"#, 200, body, "what matches `x`");
    }
}
