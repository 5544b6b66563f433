//! Who asks, and whether they may (DSP0266 section 13).

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;

use super::exchange::ServiceRequest;
use super::machine::{Account, Machine, Role};
use super::message::{Message, Refusal};
use super::route::{Privilege, Route};
use super::{Call, Moment, Service, account};

/// Names whose failed logins are counted: each is a place that somebody from outside can fill.
const NAMES: usize = 16;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody is logged in.
    Nobody,
    /// Who has this account.
    User(Account),
}

/// Failed logins, by the name that was tried.
#[derive(Debug, Default)]
pub(super) struct Lockout {
    failures: Vec<Failures>,
}

#[derive(Debug)]
struct Failures {
    name: String,
    count: u32,
    last: Instant,
}

impl Lockout {
    fn is_locked(&mut self, now: Instant, name: &str, (most, time): (u32, Duration)) -> bool {
        self.failures.retain(|known| now.saturating_duration_since(known.last) < time);
        most > 0 && self.failures.iter().any(|known| known.name == name && known.count >= most)
    }

    fn failed(&mut self, now: Instant, name: &str) {
        if let Some(known) = self.failures.iter_mut().find(|known| known.name == name) {
            (known.count, known.last) = (known.count.saturating_add(1), now);
        } else {
            if self.failures.len() >= NAMES {
                self.failures.remove(0);
            }
            self.failures.push(Failures { name: name.to_owned(), count: 1, last: now });
        }
    }

    fn succeeded(&mut self, name: &str) {
        self.failures.retain(|known| known.name != name);
    }
}

impl Service {
    /// The account that these credentials belong to.
    pub(super) fn check_login(
        &mut self,
        now: Moment,
        machine: &mut dyn Machine,
        name: &str,
        password: &SecretString,
    ) -> Option<Account> {
        let terms = self.lockout_terms();
        if self.faults.users_locked || self.lockout.is_locked(now.at, name, terms) {
            return None;
        }
        let found = machine.accounts().into_iter().find(|account| account.enabled && account.name == name);
        let found = found.filter(|account| machine.knows_password(account.id, password));
        match &found {
            Some(_) => self.lockout.succeeded(name),
            None => self.lockout.failed(now.at, name),
        }
        found
    }

    /// Who asks. Where anybody may, credentials are not looked at.
    pub(super) fn identify(
        &mut self,
        now: Moment,
        request: &ServiceRequest,
        machine: &mut dyn Machine,
        open: bool,
    ) -> Result<Who, Refusal> {
        if open {
            return Ok(Who::Nobody);
        }
        let account = if let Some(token) = request.header("x-auth-token") {
            let timeout = self.session_timeout;
            let user = self.sessions.touch(now.at, token.as_bytes(), timeout);
            user.and_then(|user| {
                machine.accounts().into_iter().find(|known| known.id == user && known.enabled)
            })
        } else {
            let basic = request.header("authorization").and_then(basic);
            basic.and_then(|(name, password)| self.check_login(now, machine, &name, &password))
        };
        account.map(Who::User).ok_or_else(Refusal::unauthorized)
    }

    /// Whether who asks may.
    pub(super) fn authorize(&self, route: &Route, call: &Call<'_>) -> Result<(), Refusal> {
        let Who::User(account) = &call.who else { return Ok(()) };
        let role = account.role;
        let own = account::path(account.id);
        if self.must_change.contains(&account.id)
            && call.path != own
            && !call.path.starts_with("/redfish/v1/SessionService/Sessions/")
        {
            return Err(Refusal::of(403, vec![Message::password_change(&own)]));
        }
        let may = match route.privilege(call.request.method()) {
            Privilege::None | Privilege::Login => true,
            Privilege::ConfigureComponents => role >= Role::Operator,
            Privilege::ConfigureUsers | Privilege::ConfigureManager => role >= Role::Administrator,
        };
        if may { Ok(()) } else { Err(Refusal::privilege()) }
    }
}

/// The name and the password of an `Authorization` header (RFC 7617).
fn basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.into()))
}
