//! Sessions (DSP0266 section 13.3.4).

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::change::{Changes, changed};
use super::exchange::ServiceReply;
use super::login::Who;
use super::machine::{Account, Role};
use super::message::{Message, Refusal};
use super::odata::{collection, link};
use super::route::{Privilege, Route};
use super::{Call, Moment, Outcome, Service, account};

const COLLECTION: &str = "/redfish/v1/SessionService/Sessions";

pub(super) const ROUTES: &[Route] = &[
    Route::new("SessionService", service).patch(Privilege::ConfigureManager, change_service),
    Route::new("SessionService/Sessions", list).post(Privilege::None, log_in),
    Route::new("SessionService/Sessions/Members", list).post(Privilege::None, log_in),
    Route::new("SessionService/Sessions/*", show).delete(Privilege::Login, log_out),
];

/// The session timeouts that can be set, in seconds (SessionService.SessionTimeout).
const TIMEOUTS: RangeInclusive<u64> = 30..=86_400;

/// Bytes of a token.
const TOKEN_BYTES: usize = 16;

/// Who is logged in.
#[derive(Default)]
pub(super) struct Sessions {
    open: Vec<Session>,
    counted: u32,
}

struct Session {
    id: u32,
    token: String,
    account: Account,
    from: IpAddr,
    last_used: Instant,
    timeout: Duration,
}

impl Sessions {
    /// Those that are open at this time.
    pub(super) fn open(&mut self, now: Instant) -> impl Iterator<Item = u32> {
        self.expire(now);
        self.open.iter().map(|session| session.id)
    }

    fn expire(&mut self, now: Instant) {
        self.open.retain(|session| now.saturating_duration_since(session.last_used) < session.timeout);
    }

    /// The account of who shows this token, whose session lives on.
    pub(super) fn touch(&mut self, now: Instant, token: &[u8], timeout: Duration) -> Option<u8> {
        self.expire(now);
        let session = self.open.iter_mut().find(|session| session.token.as_bytes() == token)?;
        (session.last_used, session.timeout) = (now, timeout);
        Some(session.account.id)
    }

    /// The account is gone.
    pub(super) fn end_of(&mut self, account: u8) {
        self.open.retain(|session| session.account.id != account);
    }

    fn get(&self, id: &str) -> Option<&Session> {
        self.open.iter().find(|session| session.id.to_string() == id)
    }
}

impl Service {
    /// Opens a session, and gives its number and token; nothing where there is no place for it.
    pub(super) fn open_session(
        &mut self,
        now: Moment,
        account: Account,
        from: IpAddr,
    ) -> Option<(u32, String)> {
        self.sessions.expire(now.at);
        if self.faults.sessions_full || self.sessions.open.len() >= self.flavour.session_slots {
            return None;
        }
        let mut bytes = [0; TOKEN_BYTES];
        (self.entropy)(&mut bytes);
        let token = hex::encode(bytes);
        self.sessions.counted = self.sessions.counted.wrapping_add(1);
        let (id, timeout) = (self.sessions.counted, self.session_timeout);
        let session = Session { id, token: token.clone(), account, from, last_used: now.at, timeout };
        self.sessions.open.push(session);
        Some((id, token))
    }

    /// Whether the token is that of a session, which then lives on.
    pub(super) fn touch_session(&mut self, now: Moment, token: &str) -> bool {
        self.sessions.touch(now.at, token.as_bytes(), self.session_timeout).is_some()
    }

    /// Ends the session of a token, where there is one.
    pub(super) fn end_session(&mut self, token: &str) {
        self.sessions.open.retain(|session| session.token != token);
    }
}

fn service_resource(service: &Service) -> Value {
    json!({
        "@odata.id": "/redfish/v1/SessionService",
        "@odata.type": "#SessionService.v1_1_9.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "ServiceEnabled": true,
        "SessionTimeout": service.session_timeout.as_secs(),
        "Status": { "State": "Enabled", "Health": "OK" },
        "Sessions": link(COLLECTION),
    })
}

fn service(service: &mut Service, _: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(service_resource(service)))
}

fn change_service(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let shown = service_resource(service);
    let mut changes = Changes::of(&call.body)?;
    if let Some(seconds) = changes.number("SessionTimeout", TIMEOUTS) {
        service.session_timeout = Duration::from_secs(seconds);
    }
    let faults = changes.finish(&shown)?;
    Ok(changed(service_resource(service), &faults))
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let members: Vec<Value> =
        service.sessions.open(call.now.at).map(|id| link(format!("{COLLECTION}/{id}"))).collect();
    collection(call, "SessionCollection", "Sessions", &members)
}

fn resource(session: &Session) -> Value {
    json!({
        "@odata.id": format!("{COLLECTION}/{}", session.id),
        "@odata.type": "#Session.v1_7_0.Session",
        "Id": session.id.to_string(),
        "Name": "User Session",
        "UserName": session.account.name,
        "ClientOriginIPAddress": session.from.to_string(),
        "SessionType": "Redfish",
        "Password": null,
        "Token": null,
    })
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    service.sessions.expire(call.now.at);
    let session = service.sessions.get(call.id()).ok_or_else(|| Refusal::missing(call.path))?;
    Ok(ServiceReply::resource(resource(session)))
}

fn log_in(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let text = |name: &'static str| {
        call.body[name].as_str().ok_or_else(|| {
            Refusal::new(400, "PropertyMissing", format!("The property {name} is missing.")).with_arg(name)
        })
    };
    let (name, password) = (text("UserName")?.to_owned(), text("Password")?.into());
    let account = service.check_login(call.now, call.machine, &name, &password).ok_or_else(|| {
        Refusal::new(401, "ResourceAtUriUnauthorized", "The user name or password is not valid.")
    })?;
    let (id, token) = service.open_session(call.now, account, call.request.from()).ok_or_else(|| {
        let text = "There are no more sessions to be had.";
        Refusal::new(503, service.flavour.session_limit_message, text).with("Retry-After", "30")
    })?;
    let id = id.to_string();
    let session = service.sessions.get(&id).ok_or_else(|| Refusal::missing(call.path))?;
    let mut shown = resource(session);
    if service.must_change.contains(&session.account.id) {
        let account = account::path(session.account.id);
        shown["@Message.ExtendedInfo"] = json!([Message::password_change(&account).show()]);
    }
    let location = format!("{COLLECTION}/{id}");
    let reply = ServiceReply { status: 201, ..ServiceReply::resource(shown) };
    Ok(reply.with("X-Auth-Token", token).with("Location", location))
}

/// Who may configure the controller ends any session; others end their own.
fn log_out(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    service.sessions.expire(call.now.at);
    let session = service.sessions.get(call.id()).ok_or_else(|| Refusal::missing(call.path))?;
    let may = match &call.who {
        Who::Nobody => false,
        Who::User(account) => account.role == Role::Administrator || account.id == session.account.id,
    };
    if !may {
        return Err(Refusal::privilege());
    }
    let id = session.id;
    service.sessions.open.retain(|session| session.id != id);
    Ok(ServiceReply::empty(204))
}
