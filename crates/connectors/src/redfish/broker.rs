//! Who asks a controller: a session, of which there is one for each account, or name and password in every request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_redfish::{
    Admission, Answer, Error as Redfish, Quirk, Quirks, Request, Resource, Root, SessionPolicy, Token, Told,
    identify, log_in, log_out,
};
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::RedfishConfig;
use super::transport::{TOKEN, Transport};
use crate::{Authorization, Error, Login};

/// Where sessions are made, where the service root does not tell (DSP0268).
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// The longest that a request waits until it may log in: a little more than logins are apart.
const PATIENCE: Duration = Duration::from_secs(20);

/// Logs in to one controller with one account.
pub(super) struct Broker {
    config: RedfishConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until it was looked for a session that is kept from before.
    policy: Option<SessionPolicy>,
    /// Whether the service root was asked for.
    asked_root: bool,
    /// Where sessions are made, as the service root says.
    sessions: Option<String>,
    /// Whether the service root says that there are none.
    without: bool,
    /// Whether such controllers refuse right credentials now and then.
    is_spurious: bool,
}

impl State {
    fn saw_root(&mut self, answer: &Answer) {
        self.asked_root = true;
        let Some(value) = answer.value().filter(|_| answer.is_success()) else { return };
        let path = ironhand_redfish::ROOT.to_owned();
        let root = Root::of(Arc::new(Resource { path, etag: None, value: value.clone() }));
        self.without = root.sessions.is_none() && root.session_service.is_none();
        self.is_spurious = Quirks::of(&identify(&root.resource, None, None)).contains(Quirk::SpuriousRefusal);
        self.sessions = root.sessions;
    }
}

/// How a request shows who asks.
pub(super) enum Credentials {
    Session(Token),
    Password,
}

impl Broker {
    pub(super) fn new(config: RedfishConfig) -> Self {
        Self { config, state: Mutex::default() }
    }

    /// Who logs in.
    pub(super) const fn login(&self) -> &Login {
        &self.config.login
    }

    /// As headers carry it.
    pub(super) fn authorization(&self, credentials: &Credentials) -> Authorization {
        match credentials {
            Credentials::Password => Authorization::Basic(self.config.login.clone()),
            Credentials::Session(token) => {
                Authorization::Header(TOKEN, SecretString::from(token.expose().to_owned()))
            }
        }
    }

    /// Takes note of what the service root says of sessions, in its answer to a request without credentials.
    pub(super) async fn saw_root(&self, answer: &Answer) {
        self.state.lock().await.saw_root(answer);
    }

    /// What the next request is to show, after a login where one is needed.
    pub(super) async fn credentials(&self, transport: &Transport) -> Result<Credentials, Error> {
        // Others wait here while one logs in.
        let mut state = self.state.lock().await;
        if !state.asked_root && self.policy(&mut state).await.session().is_none() {
            let request = Request { anonymous: true, ..Request::get(ironhand_redfish::ROOT) };
            let answer = transport.ask(&request, Authorization::None).await?;
            state.saw_root(&answer);
        }
        let path = state.sessions.clone().unwrap_or_else(|| SESSIONS.to_owned());
        let (without, is_spurious) = (state.without, state.is_spurious);
        let policy = self.policy(&mut state).await;
        policy.expect_spurious(is_spurious);
        if without && policy.session().is_none() {
            policy.told(now(), Told::NoSessions);
        }
        loop {
            match policy.next(now()) {
                Admission::Session(session) => return Ok(Credentials::Session(session.token)),
                Admission::Credentials => return Ok(Credentials::Password),
                Admission::Wait(until) => {
                    if policy.is_refused() || until.saturating_duration_since(now()) > PATIENCE {
                        return Err(self.refused());
                    }
                    tokio::time::sleep_until(until.into()).await;
                }
                Admission::LogIn => {
                    let answer = self.log_in(transport, &path).await?;
                    let told = Told::by(&answer);
                    if let Told::Opened(session) = &told {
                        self.keep(Some(session.clone())).await;
                    }
                    let refused = told == Told::Refused;
                    policy.told(now(), told);
                    if refused && policy.is_refused() {
                        return Err(self.refused());
                    }
                }
            }
        }
    }

    async fn log_in(&self, transport: &Transport, path: &str) -> Result<Answer, Error> {
        let request = log_in(path, &self.config.login.username, &self.config.login.password);
        transport.ask(&request, Authorization::None).await.map_err(|error| match error {
            // A session that nobody knows of ends by itself, and has changed nothing.
            Error::OutcomeUnknown => Error::Unreachable {
                address: self.config.controller.clone(),
                reason: "the answer to the login was lost".to_owned(),
            },
            error => error,
        })
    }

    /// Takes note of the answer to a request. Whether it is to be sent again, since the session that it belonged to was
    /// over: then it was not done.
    pub(super) async fn is_over(&self, credentials: &Credentials, answer: &Answer) -> bool {
        let mut state = self.state.lock().await;
        let Some(policy) = &mut state.policy else { return false };
        match credentials {
            Credentials::Password if answer.status == 401 => policy.told(now(), Told::Refused),
            Credentials::Session(token) if answer.status == 401 => {
                // Another request may have found out before, and have logged in.
                if policy.session().is_some_and(|session| session.token == *token) {
                    policy.told(now(), Told::Over);
                    self.keep(None).await;
                }
                return true;
            }
            _ => policy.told(now(), Told::Accepted),
        }
        false
    }

    /// What an error of the protocol means for this account.
    pub(super) fn named(&self, error: Redfish) -> Error {
        match error {
            Redfish::Unauthorized => self.refused(),
            error => Error::Redfish(error),
        }
    }

    /// Ends the session, so that its place on the controller is free.
    pub(super) async fn log_out(&self, transport: &Transport) {
        let mut state = self.state.lock().await;
        let policy = self.policy(&mut state).await;
        let Some(session) = policy.take() else { return };
        self.keep(None).await;
        let Some(request) = log_out(&session) else { return };
        let who = self.authorization(&Credentials::Session(session.token));
        if let Err(error) = transport.ask(&request, who).await {
            tracing::debug!(controller = self.config.controller, %error, "a session is not ended");
        }
    }

    /// The policy, which begins with the session that is kept.
    async fn policy<'a>(&self, state: &'a mut State) -> &'a mut SessionPolicy {
        if state.policy.is_none() {
            let RedfishConfig { controller, login, sessions, .. } = &self.config;
            let kept = sessions.kept(controller, &login.username).await;
            state.policy = Some(SessionPolicy::new(kept, false));
        }
        state.policy.get_or_insert_with(|| SessionPolicy::new(None, false))
    }

    async fn keep(&self, session: Option<ironhand_redfish::Session>) {
        let RedfishConfig { controller, login, sessions, .. } = &self.config;
        sessions.keep(controller, &login.username, session).await;
    }

    fn refused(&self) -> Error {
        Error::LoginRefused { username: self.config.login.username.clone(), reason: None }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
