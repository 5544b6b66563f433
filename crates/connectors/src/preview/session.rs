//! A session that is ended whatever becomes of who opened it.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Pages;
use super::web::Ticket;
use crate::{Error, HttpClient, HttpRequest, Login};

/// An open session. To drop it is to end it, as long as the runtime runs.
pub(super) struct Open {
    http: Arc<HttpClient>,
    pub(super) ticket: Ticket,
    is_ended: bool,
}

impl Open {
    /// Opens one. Where the future is dropped, the session that may come about meanwhile is ended as soon as it has.
    pub(super) async fn log_in(http: &Arc<HttpClient>, pages: Pages, login: &Login) -> Result<Self, Error> {
        let (http, login) = (Arc::clone(http), login.clone());
        let task = tokio::spawn(async move {
            let ticket = pages.log_in(&http, &login).await.map_err(|error| match error {
                // It changes nothing but that a place for a session may be taken.
                Error::OutcomeUnknown => Error::Unreachable {
                    address: http.route().addresses.join(", "),
                    reason: "the answer to the login was lost".to_owned(),
                },
                error => error,
            })?;
            Ok(Self { http, ticket, is_ended: false })
        });
        // The task is neither cancelled nor does it panic, unless the runtime ends.
        task.await
            .unwrap_or_else(|error| Err(Error::Busy { reason: format!("the login was broken off: {error}") }))
    }

    /// Ends it, and waits until the controller has answered.
    pub(super) async fn end(mut self) {
        end(&self.http, self.ticket.end()).await;
        self.is_ended = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.is_ended {
            let (http, request) = (Arc::clone(&self.http), self.ticket.end());
            runtime.spawn(async move { end(&http, request).await });
        }
    }
}

async fn end(http: &HttpClient, request: HttpRequest) {
    if let Err(error) = http.send(&request).await {
        tracing::debug!(controller = http.route().addresses.join(", "), %error, "a session is not ended");
    }
}
