//! Sessions on controllers, kept for whoever speaks to the controller next.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use ironhand_redfish::Session;

/// Where sessions are kept, by controller and account: a controller has few of them, and one that nobody ends fills a
/// place for half an hour.
///
/// A session that is lost, or was ended by somebody else, costs a login; so nothing here fails.
pub trait Sessions: Send + Sync {
    /// The session of an account on a controller.
    fn kept<'a>(&'a self, controller: &'a str, username: &'a str) -> BoxFuture<'a, Option<Session>>;

    /// Keeps a session, or forgets the one that is kept.
    fn keep<'a>(
        &'a self,
        controller: &'a str,
        username: &'a str,
        session: Option<Session>,
    ) -> BoxFuture<'a, ()>;
}

/// Sessions that are known as long as the process runs.
#[derive(Debug, Default)]
pub struct MemorySessions {
    sessions: Mutex<HashMap<(String, String), Session>>,
}

impl MemorySessions {
    /// The controllers that have a session, each with the account that it belongs to.
    pub fn open(&self) -> Vec<(String, String)> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.keys().cloned().collect()
    }
}

impl Sessions for MemorySessions {
    fn kept<'a>(&'a self, controller: &'a str, username: &'a str) -> BoxFuture<'a, Option<Session>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&(controller.to_owned(), username.to_owned())).cloned();
        Box::pin(std::future::ready(session))
    }

    fn keep<'a>(
        &'a self,
        controller: &'a str,
        username: &'a str,
        session: Option<Session>,
    ) -> BoxFuture<'a, ()> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (controller.to_owned(), username.to_owned());
        match session {
            Some(session) => drop(sessions.insert(whose, session)),
            None => drop(sessions.remove(&whose)),
        }
        Box::pin(std::future::ready(()))
    }
}
