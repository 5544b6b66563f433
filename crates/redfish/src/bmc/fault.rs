//! What is wrong with a service on purpose: what a client must live through.

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::Service;
use super::exchange::{ReplyBody, ServiceReply, ServiceRequest};
use super::message::Refusal;

/// Bytes of an answer that is far too long.
const HUGE: usize = 10 << 20;

/// How late each byte of a dripping answer comes: a short one takes longer than clients wait.
const DRIP: Duration = Duration::from_millis(500);

/// Whereto a client is sent that must not go there: an address of the loopback device, so that nothing leaves the machine.
const ELSEWHERE: &str = "https://127.255.255.254";

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Others hold all sessions.
    pub sessions_full: bool,
    /// Nobody can log in, as after failed logins; who is logged in stays so.
    pub users_locked: bool,
    /// Failed logins in a row that lock an account, and for how long, in place of the flavour's.
    pub lockout: Option<(u32, Duration)>,
    /// What is wrong with its answers.
    pub answers: Option<AnswerFault>,
    /// What is wrong with the pictures that it takes of the screen.
    pub screen: Option<ScreenFault>,
}

/// What can be wrong with the pictures that a controller takes of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScreenFault {
    /// It wants a licence for them.
    Unlicensed,
    /// There is none, though the machine is on.
    Dark,
    /// They are no pictures.
    Garbage,
    /// They have no end.
    Endless,
    /// It ends all sessions after each of them.
    Forgetful,
    /// It accepts no token against forged requests.
    Forgery,
}

impl ScreenFault {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unlicensed, Self::Dark, Self::Garbage, Self::Endless, Self::Forgetful, Self::Forgery];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlicensed => "unlicensed",
            Self::Dark => "dark",
            Self::Garbage => "garbage",
            Self::Endless => "endless",
            Self::Forgetful => "forgetful",
            Self::Forgery => "forgery",
        }
    }
}

impl FromStr for ScreenFault {
    type Err = UnknownScreenFault;

    fn from_str(name: &str) -> Result<Self, UnknownScreenFault> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| UnknownScreenFault { name: name.to_owned() })
    }
}

/// A name that is no [`ScreenFault`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault of screens named {name:?}; there are {}", ScreenFault::ALL.map(ScreenFault::name).join(", "))]
pub struct UnknownScreenFault {
    /// The name that was given.
    pub name: String,
}

/// What can be wrong with answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerFault {
    /// A page for people stands where JSON should.
    Html,
    /// They break off in the middle.
    Truncated,
    /// Their bytes come one by one, two a second.
    Drip,
    /// They send the client to another host.
    Redirect,
    /// They are ten million bytes long.
    Huge,
    /// The service is busy (503) and says when to come again.
    Busy,
    /// There were too many requests (429), and it is said when to come again.
    TooMany,
    /// The next page of each collection is the same again.
    EndlessPages,
    /// Texts are numbers, numbers are texts, lists are objects.
    WrongTypes,
}

impl AnswerFault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Html,
        Self::Truncated,
        Self::Drip,
        Self::Redirect,
        Self::Huge,
        Self::Busy,
        Self::TooMany,
        Self::EndlessPages,
        Self::WrongTypes,
    ];

    /// Its name, with dashes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Truncated => "truncated",
            Self::Drip => "drip",
            Self::Redirect => "redirect",
            Self::Huge => "huge",
            Self::Busy => "busy",
            Self::TooMany => "too-many-requests",
            Self::EndlessPages => "endless-pages",
            Self::WrongTypes => "wrong-types",
        }
    }

    /// What the client gets in place of the answer.
    fn spoil(self, request: &ServiceRequest, mut reply: ServiceReply) -> ServiceReply {
        match self {
            Self::Html => ServiceReply::page_for_people(),
            Self::Truncated => {
                if let ReplyBody::Bytes(bytes) = &reply.body {
                    reply.delivery.cut_at = Some(bytes.len() / 2);
                }
                reply
            }
            Self::Drip => {
                reply.delivery.drip = Some(DRIP);
                reply
            }
            Self::Redirect => {
                ServiceReply::empty(307).with("Location", format!("{ELSEWHERE}{}", request.path()))
            }
            Self::Huge => ServiceReply::json(200, &json!({ "Padding": "x".repeat(HUGE) })),
            Self::Busy => Refusal::new(503, "ServiceTemporarilyUnavailable", "The service is busy.")
                .with("Retry-After", "5")
                .reply(),
            Self::TooMany => Refusal::new(429, "GeneralError", "There were too many requests.")
                .with("Retry-After", "5")
                .reply(),
            Self::EndlessPages => rewritten(reply, |value| {
                if let Some(object) = value.as_object_mut().filter(|object| object.contains_key("Members")) {
                    object.insert("Members@odata.nextLink".to_owned(), request.path().into());
                }
            }),
            Self::WrongTypes => rewritten(reply, swap_types),
        }
    }
}

/// A name that is no [`AnswerFault`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault of answers named {name:?}; there are {}", AnswerFault::ALL.map(AnswerFault::name).join(", "))]
pub struct UnknownFault {
    /// The name that was given.
    pub name: String,
}

impl FromStr for AnswerFault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| UnknownFault { name: name.to_owned() })
    }
}

impl Service {
    /// Says what is wrong with it from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Failed logins that lock an account, 0 for never, and for how long.
    pub(super) fn lockout_terms(&self) -> (u32, Duration) {
        self.faults.lockout.unwrap_or(self.flavour.lockout)
    }

    /// The answer with what is wrong with it.
    pub(super) fn spoilt(&self, request: &ServiceRequest, reply: ServiceReply) -> ServiceReply {
        match self.faults.answers {
            Some(fault) => fault.spoil(request, reply),
            None => reply,
        }
    }
}

/// The same reply with another JSON value in its body.
fn rewritten(mut reply: ServiceReply, change: impl FnOnce(&mut Value)) -> ServiceReply {
    if let ReplyBody::Bytes(bytes) = &mut reply.body
        && let Ok(mut value) = serde_json::from_slice(bytes)
    {
        change(&mut value);
        *bytes = value.to_string().into_bytes();
    }
    reply
}

/// Gives each property a type that it does not have. Links stay, so that there is something to follow.
fn swap_types(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::Array(_) => *value = json!({}),
                    _ if name.starts_with("@odata") => {}
                    _ => swap_types(value),
                }
            }
        }
        Value::Array(_) => *value = json!({}),
        Value::String(_) => *value = json!(7),
        Value::Number(number) => *value = number.to_string().into(),
        Value::Bool(_) => *value = json!([]),
        Value::Null => *value = json!("null"),
    }
}
