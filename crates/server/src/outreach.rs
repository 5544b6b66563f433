//! What flows ask of other systems: inventory, provisioning, tickets; and commands on machines.
//!
//! The requests go through the client that speaks to controllers, with the proofs of TLS that it has. A server that is
//! slow holds up the step that waits for it, within the time of that step, and nothing else: few requests at once go to
//! one server, and more to all of them together.

mod command;
mod error;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use http::header::RETRY_AFTER;
use ironhand_api::{ActionReceipt, HttpStep};
use ironhand_connectors::{Error, HttpClient, HttpLimits, HttpResponse, Route};
use ironhand_console::{Page, Pattern};
use ironhand_model::{AfterAttempt, AttemptEnd, after_attempt, ask_again, judge_answer};
use ironhand_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant as Moment, sleep, timeout_at};

use crate::endpoint::{retry_after, shown};
use request::Prepared;

pub(crate) use command::faults as command_faults;
pub(crate) use error::OutreachError;
pub(crate) use request::{faults, percent_encoded};

/// Requests under way at once, over all servers: a tenth of the connections that a process may have open by default.
const AT_ONCE: usize = 100;

/// Requests under way at once to one server, so that a slow one leaves most of them to others.
const AT_ONE_SERVER: usize = 20;

/// The longest answer that is read, in bytes: lists of inventories with a page of entries.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The longest part of a value that a pattern is tried on, in characters.
const LONGEST_TRIED: usize = 10_000;

/// Asks other systems; cheap to clone.
#[derive(Clone)]
pub(crate) struct Outreach {
    store: Store,
    all: Arc<Semaphore>,
    /// By the authority of the server. What nobody uses any more is dropped when another server is asked.
    servers: Arc<Mutex<BTreeMap<String, Weak<Semaphore>>>>,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// In words, without secrets.
    pub(crate) detail: String,
    /// What was captured, by name.
    pub(crate) captured: BTreeMap<String, String>,
}

impl Outreach {
    /// With the Credentials of a store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, all: Arc::new(Semaphore::new(AT_ONCE)), servers: Arc::default() }
    }

    /// Sends a request, again where that may help, and judges the answer. Each attempt leaves a receipt.
    pub(crate) async fn http(
        &self,
        step: &HttpStep,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Answered, OutreachError> {
        let mut attempt = 1;
        loop {
            let prepared = Prepared::new(step, &self.store).await?;
            let begun = Instant::now();
            let sent = self.send(step, &prepared).await;
            let took = begun.elapsed();
            let connector = format!("http {}", prepared.target.authority);
            let error = match &sent {
                Ok(answer) if answer.status < 400 => None,
                Ok(answer) => Some(format!("it answers {}", answer.status)),
                Err(error) => Some(error.to_string()),
            };
            receipts.push(ActionReceipt { connector, took, error });
            match after_attempt(step, attempt, &end_of(&sent)) {
                AfterAttempt::Again(wait) => {
                    sleep(wait).await;
                    attempt += 1;
                }
                AfterAttempt::Unknown => {
                    return Err(OutreachError::Lost { server: prepared.target.authority });
                }
                AfterAttempt::Fail | AfterAttempt::Judge => {
                    let said = format!("after {:.2} s", took.as_secs_f32());
                    let judged = judged(step, &prepared, sent, &said);
                    let wait = match &judged {
                        Err(OutreachError::NotExpected { status, .. }) => ask_again(step, attempt, *status),
                        _ => None,
                    };
                    let Some(wait) = wait else { return judged };
                    sleep(wait).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn send(&self, step: &HttpStep, prepared: &Prepared) -> Result<HttpResponse, Error> {
        let timeout = step.timeout.duration();
        let deadline = Moment::now() + timeout;
        let permits = timeout_at(deadline, self.permits(&prepared.target.authority)).await;
        let reason = || "other requests to this server, or to all, took all the time".to_owned();
        let _permits = permits.map_err(|_| Error::Busy { reason: reason() })?;
        let left = deadline.saturating_duration_since(Moment::now());
        let limits =
            HttpLimits { in_flight: 1, connect: left, answer: left, total: left, body: LONGEST_ANSWER };
        let route = Route::direct(prepared.target.host.clone(), prepared.target.port);
        let client = HttpClient::new(route, prepared.proof.clone(), limits);
        client.send(&prepared.request).await
    }

    /// Waits until a request to the server may be under way.
    async fn permits(&self, server: &str) -> [Option<OwnedSemaphorePermit>; 2] {
        let own = {
            // Nothing in here panics while the map is half changed.
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            match servers.get(server).and_then(Weak::upgrade) {
                Some(own) => own,
                None => {
                    servers.retain(|_, own| own.strong_count() > 0);
                    let own = Arc::new(Semaphore::new(AT_ONE_SERVER));
                    servers.insert(server.to_owned(), Arc::downgrade(&own));
                    own
                }
            }
        };
        // That of the server first: who waits for a slow one must not take the place of others. They are never closed.
        let of_server = own.acquire_owned().await.ok();
        [of_server, Arc::clone(&self.all).acquire_owned().await.ok()]
    }
}

/// What an attempt came to, for who decides.
fn end_of(sent: &Result<HttpResponse, Error>) -> AttemptEnd {
    match sent {
        Ok(answer) => {
            let asked = answer.header(&RETRY_AFTER);
            let retry_after = asked.and_then(|text| retry_after(text, std::time::SystemTime::now()));
            AttemptEnd::Answered { status: answer.status, retry_after }
        }
        Err(Error::Misconfigured { .. } | Error::Certificate { .. }) => AttemptEnd::Unsuited,
        Err(Error::Busy { .. } | Error::Unreachable { .. } | Error::Tls { .. }) => AttemptEnd::NotSent,
        Err(_) => AttemptEnd::Lost,
    }
}

fn judged(
    step: &HttpStep,
    prepared: &Prepared,
    sent: Result<HttpResponse, Error>,
    said: &str,
) -> Result<Answered, OutreachError> {
    let server = prepared.target.authority.clone();
    let answer =
        sent.map_err(|error| OutreachError::NoAnswer { server: server.clone(), error: Box::new(error) })?;
    let status = answer.status;
    let start = shown(prepared.without_secrets(&answer.body).as_bytes());
    let start = if start.is_empty() { start } else { format!(": {start}") };
    let matches = |pattern: &str, text: &str| {
        let tried: String = text.chars().take(LONGEST_TRIED).collect();
        Pattern::new(pattern).is_ok_and(|pattern| pattern.find(&Page::from_text(&tried)).is_some())
    };
    match judge_answer(step, status, &answer.body, &matches) {
        Ok(mut captured) => {
            for value in captured.values_mut() {
                *value = prepared.without_secrets(value.as_bytes());
            }
            Ok(Answered { detail: format!("{server} answers {status} {said}{start}"), captured })
        }
        Err(reason) => {
            let reason = prepared.without_secrets(reason.as_bytes());
            Err(OutreachError::NotExpected { server, status, reason: format!("{reason}, {said}{start}") })
        }
    }
}

#[cfg(test)]
mod tests;
