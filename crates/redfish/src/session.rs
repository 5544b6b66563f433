//! Sessions: logging in, and when to (DSP0266 section 13.3.4).
//!
//! Controllers have few sessions, lose them, and lock accounts. So there is one session for each controller and account; it is
//! kept over a restart and ended when it is no longer needed, and a login comes rarely.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::exchange::own_path;
use crate::root::root;
use crate::{Answer, Error, Method, Operation, Request, Stop, Talk, Token};

/// Between two logins.
const BETWEEN_LOGINS: Duration = Duration::from_secs(15);

/// Refusals in a row after which credentials are no longer tried.
const MOST_REFUSALS: u32 = 3;

/// For how long. Accounts that are locked by wrong passwords are so for 10 minutes at most by what vendors preset.
const BARRED: Duration = Duration::from_secs(15 * 60);

/// Refusals in a row after which the credentials are believed to be wrong, of a controller that refuses right ones too.
const SPURIOUS_REFUSALS: u32 = 3;

/// How long the credentials go with each request where no session was free.
const WITHOUT_SESSION: Duration = Duration::from_secs(5 * 60);

/// A session that is open on a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What proves it.
    pub token: Token,
    /// Its path, by which it is ended; absent where the controller did not tell.
    pub path: Option<String>,
}

/// A login: `sessions` is the collection that the service root names.
pub fn log_in(sessions: &str, username: &str, password: &SecretString) -> Request {
    let body = json!({ "UserName": username, "Password": password.expose_secret() });
    Request { anonymous: true, ..Request::with(Method::Post, sessions, body) }
}

/// A logout, where the session's path is known.
pub fn log_out(session: &Session) -> Option<Request> {
    session.path.clone().map(Request::delete)
}

/// The path of the session that a login made. Some controllers tell it in the body alone.
pub(crate) fn session_path(answer: &Answer) -> Option<String> {
    let in_body = || own_path(answer.value()?["@odata.id"].as_str()?);
    answer.location_path().or_else(in_body).map(str::to_owned)
}

/// How a request is to prove who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Log in first, and tell of it.
    LogIn,
    /// By this session.
    Session(Session),
    /// By the credentials themselves (HTTP Basic).
    Credentials,
    /// Not before this time: the credentials were refused, or a login was a moment ago.
    Wait(Instant),
}

/// What came of a login or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A session is open.
    Opened(Session),
    /// The credentials were refused.
    Refused,
    /// No session is free, or the controller cannot make one now.
    Full,
    /// The controller knows no sessions.
    NoSessions,
    /// A request was accepted with the session.
    Accepted,
    /// A request was refused with the session: it is over.
    Over,
}

impl Told {
    /// What an answer to a login says.
    pub fn by(answer: &Answer) -> Self {
        match (answer.status, &answer.token) {
            (200..=299, Some(token)) => {
                Self::Opened(Session { token: token.clone(), path: session_path(answer) })
            }
            (200..=299, None) | (404 | 405 | 501, _) => Self::NoSessions,
            (401 | 403, _) if !says_full(answer) && !says_change(answer) && !answer.wants_licence() => {
                Self::Refused
            }
            _ => Self::Full,
        }
    }
}

/// Whether a controller says that all of its sessions are taken, with whatever status.
fn says_full(answer: &Answer) -> bool {
    let is_known = |id: &String| matches!(id.as_str(), "SessionLimitExceeded" | "RAC0218" | "15000");
    let code = answer.value().map(|value| &value["error"]["code"]);
    let is_code = code.is_some_and(|code| code.as_u64() == Some(15000) || code.as_str() == Some("15000"));
    is_code || answer.message_ids().iter().any(is_known)
}

fn says_change(answer: &Answer) -> bool {
    answer.message_ids().iter().any(|id| id == "PasswordChangeRequired")
}

/// When to log in to one controller with one account, and how requests prove who asks.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    session: Option<Session>,
    /// Whether a request was accepted with it.
    is_proven: bool,
    /// Whether the controller refuses right credentials now and then.
    is_spurious: bool,
    /// Refusals in a row.
    refusals: u32,
    logged_in: Option<Instant>,
    barred_until: Option<Instant>,
    without: Option<Without>,
}

/// How long it goes without a session.
#[derive(Clone, Copy, Debug)]
enum Without {
    Until(Instant),
    Always,
}

impl SessionPolicy {
    /// Begins, with the session that was kept where there is one. `is_spurious`: whether the controller is known for
    /// [`Quirk::SpuriousRefusal`](crate::Quirk::SpuriousRefusal).
    pub const fn new(kept: Option<Session>, is_spurious: bool) -> Self {
        Self {
            session: kept,
            is_proven: false,
            is_spurious,
            refusals: 0,
            logged_in: None,
            barred_until: None,
            without: None,
        }
    }

    /// Takes in whether the controller is known for [`Quirk::SpuriousRefusal`](crate::Quirk::SpuriousRefusal), once that is
    /// known of it.
    pub const fn expect_spurious(&mut self, is_spurious: bool) {
        self.is_spurious = is_spurious;
    }

    /// How a request is to prove who asks now. A login that it asks for counts as made.
    pub fn next(&mut self, now: Instant) -> Admission {
        if let Some(session) = &self.session {
            return Admission::Session(session.clone());
        }
        if let Some(until) = self.barred_until.filter(|until| *until > now) {
            return Admission::Wait(until);
        }
        match self.without {
            Some(Without::Always) => return Admission::Credentials,
            Some(Without::Until(until)) if until > now => return Admission::Credentials,
            _ => {}
        }
        if let Some(until) = self.logged_in.map(|at| at + BETWEEN_LOGINS).filter(|until| *until > now) {
            return Admission::Wait(until);
        }
        self.logged_in = Some(now);
        Admission::LogIn
    }

    /// Takes in what came of a login or a request.
    pub fn told(&mut self, now: Instant, told: Told) {
        match told {
            Told::Opened(session) => {
                self.session = Some(session);
                self.is_proven = false;
                self.without = None;
            }
            Told::Accepted => {
                self.is_proven = true;
                self.refusals = 0;
                self.barred_until = None;
            }
            Told::Over => {
                // A controller that opens sessions and knows none of them would be filled with them.
                if self.session.take().is_some() && !self.is_proven && self.logged_in.is_some() {
                    self.refused(now);
                }
            }
            Told::Refused => {
                self.session = None;
                self.refused(now);
            }
            Told::Full => self.without = Some(Without::Until(now + WITHOUT_SESSION)),
            Told::NoSessions => self.without = Some(Without::Always),
        }
    }

    fn refused(&mut self, now: Instant) {
        self.refusals += 1;
        if self.refusals >= MOST_REFUSALS {
            self.barred_until = Some(now + BARRED);
            // One attempt afterwards tells whether anything has changed.
            self.refusals = MOST_REFUSALS - 1;
        }
    }

    /// Whether the credentials are believed to be wrong: a controller that refuses right ones too is asked again first.
    pub fn is_refused(&self) -> bool {
        let least = if self.is_spurious { SPURIOUS_REFUSALS } else { 1 };
        self.refusals >= least || self.barred_until.is_some()
    }

    /// The open session, which should be kept over a restart.
    pub const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Gives the open session up, for a logout.
    pub const fn take(&mut self) -> Option<Session> {
        self.session.take()
    }
}

/// Ends sessions that were left behind: those of an account that were opened from an address. Another program there that uses
/// the same account loses its session too.
#[derive(Clone, Debug)]
pub struct EndSessions {
    /// The user name.
    pub username: String,
    /// The address that they were opened from, as the controller writes it.
    pub origin: String,
    /// The path of a session that stays.
    pub keep: Option<String>,
}

impl Operation for EndSessions {
    type Output = usize;

    /// Gives how many were ended.
    fn perform(&self, talk: &mut Talk) -> Result<usize, Stop> {
        let Some(sessions) = root(talk)?.sessions else {
            return Err(Error::Unsupported {
                what: "tell of sessions: its service root leads to none".into(),
            }
            .into());
        };
        let collection = talk.read(&sessions)?;
        let mut ended = 0;
        for session in talk.read_all(&collection.members())?.into_iter().flatten() {
            let is_ours = session.text(&["UserName"]) == Some(&self.username)
                && session.text(&["ClientOriginIPAddress"]) == Some(&self.origin);
            if is_ours && self.keep.as_deref() != Some(&session.path) {
                let answer = talk.send(Request::delete(session.path.clone()))?;
                ended += usize::from(answer.is_success());
            }
        }
        Ok(ended)
    }
}
