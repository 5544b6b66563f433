//! The controller's side: one [`Service`] answers requests as a management controller does, with a [`Machine`] behind it.
//!
//! Resources are made when they are asked for, from the machine and from the little that the service itself remembers:
//! sessions, and what was changed. So thousands of idle services cost next to nothing. What a service calls its resources,
//! how many sessions it has and how it takes writes is its [`Flavour`].
//!
//! | file | holds |
//! | --- | --- |
//! | `exchange` | requests and replies as the HTTP server hands them over |
//! | `route` | which function answers which path and method, and who may ask |
//! | `message` | refusals, in the words of the message registries |
//! | `change` | the properties of a body, checked one by one |
//! | `machine` | what a service wants of the machine behind it |
//! | `flavour` | how services of vendors differ, as data |
//! | `fault` | what is wrong with a service on purpose |
//! | `web` | pages beside Redfish that show the machine's screen |
//! | others | the resources of a subject, and what can be done to them |

mod account;
mod bios;
mod change;
mod chassis;
mod controller;
mod event;
mod exchange;
mod fault;
mod flavour;
mod idrac;
mod log;
mod login;
mod machine;
mod media;
mod message;
mod odata;
mod root;
mod route;
mod session;
mod system;
mod task;
mod web;

use std::time::{Duration, Instant};

use serde_json::Value;

use self::bios::Bios;
use self::event::Events;
pub use self::event::StreamId;
pub use self::exchange::{Delivery, MAX_BODY, ReplyBody, ServiceReply, ServiceRequest};
pub use self::fault::{AnswerFault, Faults, ScreenFault, UnknownFault, UnknownScreenFault};
pub use self::flavour::Flavour;
use self::flavour::{NeedsTag, Tags};
use self::idrac::Attributes;
use self::login::{Lockout, Who};
pub use self::machine::{
    Account, AccountChange, AccountFault, BootEnabled, BootMode, BootOverride, BootTarget, Facts, LogRecord,
    Machine, PictureForm, Quantity, Reading, ResetType, Role, Unsupported,
};
use self::media::Inserted;
use self::message::Refusal;
use self::route::Route;
use self::session::Sessions;
use self::system::BootSources;
use self::task::Task;

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the clock that never steps, for deadlines.
    pub at: Instant,
    /// Seconds since 1970-01-01 00:00 UTC, for people.
    pub unix: u64,
}

/// Where unpredictable bytes come from: it fills all of the bytes.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// What handlers answer.
type Outcome = Result<ServiceReply, Refusal>;

/// What one request brings with it.
struct Call<'a> {
    now: Moment,
    request: &'a ServiceRequest,
    /// The path without a slash at its end.
    path: &'a str,
    /// What stands in the path where its pattern has an asterisk.
    ids: Vec<&'a str>,
    /// The JSON body; null where there is none.
    body: Value,
    who: Who,
    machine: &'a mut dyn Machine,
}

impl Call<'_> {
    /// The first free part of the path.
    fn id(&self) -> &str {
        self.ids.first().copied().unwrap_or_default()
    }
}

/// A management controller's Redfish service.
pub struct Service {
    flavour: &'static Flavour,
    faults: Faults,
    entropy: Entropy,
    sessions: Sessions,
    session_timeout: Duration,
    lockout: Lockout,
    /// Accounts that must be given another password before they may do anything.
    must_change: Vec<u8>,
    media: Vec<Inserted>,
    bios: Bios,
    boot_sources: BootSources,
    events: Events,
    tasks: Vec<Task>,
    tasks_counted: u64,
    /// Of an iDRAC.
    attributes: Attributes,
    /// A picture was taken that nobody has fetched.
    has_captured: bool,
}

impl Service {
    /// A service that nobody is logged in to.
    pub fn new(flavour: &'static Flavour, entropy: Entropy) -> Self {
        Self {
            flavour,
            faults: Faults::default(),
            entropy,
            sessions: Sessions::default(),
            session_timeout: flavour.session_timeout,
            lockout: Lockout::default(),
            must_change: Vec::new(),
            media: Vec::new(),
            bios: Bios::default(),
            boot_sources: BootSources::default(),
            events: Events::default(),
            tasks: Vec::new(),
            tasks_counted: 0,
            attributes: Attributes::default(),
            has_captured: false,
        }
    }

    /// How it differs from others.
    pub fn flavour(&self) -> &'static Flavour {
        self.flavour
    }

    /// Sessions that are open at this time.
    pub fn session_count(&mut self, now: Instant) -> usize {
        self.sessions.open(now).count()
    }

    /// Forgets all sessions without a word, as a controller does that restarts.
    pub fn forget_sessions(&mut self) {
        self.sessions = Sessions::default();
    }

    /// Answers a request.
    pub fn answer(
        &mut self,
        now: Moment,
        request: &ServiceRequest,
        machine: &mut dyn Machine,
    ) -> ServiceReply {
        let reply = self.attempt(now, request, machine).unwrap_or_else(Refusal::reply);
        self.spoilt(request, reply)
    }

    fn attempt(&mut self, now: Moment, request: &ServiceRequest, machine: &mut dyn Machine) -> Outcome {
        if !request.path().starts_with("/redfish")
            && let Some(reply) = self.page(now, request, machine)
        {
            return Ok(reply);
        }
        let path = request.path().trim_end_matches('/');
        let found = route::find(self.flavour, path);
        let open = found.as_ref().is_some_and(|(route, _)| route.is_open_to_all(request.method()));
        let who = self.identify(now, request, machine, open)?;
        let (route, ids) = found.ok_or_else(|| Refusal::missing(path))?;
        if request.header("odata-version").is_some_and(|version| version.trim() != "4.0") {
            return Err(Refusal::new(
                412,
                "PreconditionFailed",
                "The service speaks OData version 4.0 alone.",
            ));
        }
        let handler = route.handler(request.method())?;
        let body = request.json()?;
        let mut call = Call { now, request, path, ids, body, who, machine };
        self.authorize(route, &call)?;
        if request.is_read() {
            request.check_query()?;
        } else if let Some(wanted) = request.header("if-match") {
            self.check_match(route, &mut call, wanted)?;
        } else {
            self.check_tag_is_there(&call)?;
        }
        let reply = handler(self, &mut call)?;
        let reply = self.tagged(reply);
        Ok(match request.is_read() {
            true => conditional(request, reply).with("Allow", route.allow()),
            false => reply,
        })
    }

    /// Whether the resource still is what the client has seen (RFC 9110 section 13.1.1).
    fn check_match(&mut self, route: &Route, call: &mut Call<'_>, wanted: &str) -> Result<(), Refusal> {
        let Ok(show) = route.handler("GET") else { return Ok(()) };
        let shown = show(self, call)?;
        let shown = shown.header("ETag").unwrap_or_default();
        let same = |tag: &str| match (tag.trim(), self.flavour.tags) {
            ("*", _) => true,
            (tag, Tags::Weak) => tag.strip_prefix("W/").unwrap_or(tag) == shown,
            (tag, Tags::Strong | Tags::WeakRefused) => tag == shown,
        };
        if wanted.split(',').any(same) {
            return Ok(());
        }
        Err(Refusal::new(412, "PreconditionFailed", "The resource is no longer what If-Match says."))
    }
}

impl Service {
    /// Some controllers take no change without a tag (RFC 6585 section 3).
    fn check_tag_is_there(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let status = match self.flavour.needs_tag {
            NeedsTag::Accounts if call.path.contains("/AccountService") => 428,
            NeedsTag::Everywhere => 412,
            NeedsTag::Nowhere | NeedsTag::Accounts => return Ok(()),
        };
        if call.request.method() != "PATCH" {
            return Ok(());
        }
        Err(Refusal::new(status, "PreconditionRequired", "Say with If-Match what you have seen."))
    }

    /// Tags look like the flavour's.
    fn tagged(&self, mut reply: ServiceReply) -> ServiceReply {
        if self.flavour.tags != Tags::Strong {
            for (name, value) in &mut reply.headers {
                if *name == "ETag" {
                    value.insert_str(0, "W/");
                }
            }
            reply.body.weaken_tag();
        }
        reply
    }
}

/// Leaves out a body that the client has already (RFC 9110 section 13.1.2).
fn conditional(request: &ServiceRequest, reply: ServiceReply) -> ServiceReply {
    let known = request.header("if-none-match").zip(reply.header("ETag"));
    match known {
        Some((known, etag)) if known.split(',').any(|tag| tag.trim() == etag) => {
            ServiceReply { status: 304, body: ReplyBody::Empty, ..reply }
        }
        _ => reply,
    }
}

#[cfg(test)]
mod tests;
