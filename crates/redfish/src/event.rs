//! Events: what a controller tells on its own, and who is told (DSP0268: EventService, EventDestination, Event).
//!
//! Controllers lose events, send them late, and leave out most of what the schema asks for. So an event is a hint that
//! something changed, and the log is where to look.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::exchange::own_path;
use crate::listing::{get_one, list_of, read_collections, told};
use crate::log::LogSeverity;
use crate::resource::link;
use crate::root::root;
use crate::time::parse;
use crate::{Answer, Error, Listing, Method, Operation, Request, Resource, Stop, Talk};

/// Events of one message. Controllers send one, or the few that happened together.
const MOST_EVENTS: usize = 256;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its identifier, where it has one.
    pub id: Option<String>,
    /// Its kind, where it has one: `Alert`, `StatusChange`.
    pub kind: Option<String>,
    /// When it happened by the controller's clock, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: Option<i64>,
    /// How bad it is.
    pub severity: LogSeverity,
    /// What happened, in words.
    pub message: Option<String>,
    /// What happened, in the words of a registry: `ResourceEvent.1.0.PowerStateChanged`.
    pub message_id: Option<String>,
    /// The resource that it is about.
    pub origin: Option<String>,
    /// What the subscriber wanted to be told with each event.
    pub context: Option<String>,
}

/// The events that a message carries, as it is pushed or comes in a stream. A message of another kind carries none.
pub fn events_of(message: &Value) -> Vec<Event> {
    let context = told(&message["Context"]);
    let event = |value: &Value| {
        let text = |name: &str| told(&value[name]).map(str::to_owned);
        let origin = &value["OriginOfCondition"];
        let origin = link(origin).or_else(|| own_path(origin.as_str()?));
        let severity = value["MessageSeverity"].as_str().or_else(|| value["Severity"].as_str());
        Event {
            id: text("EventId").or_else(|| text("MemberId")),
            kind: text("EventType"),
            at: value["EventTimestamp"].as_str().and_then(parse),
            severity: LogSeverity::of(severity.unwrap_or_default()),
            message: text("Message"),
            message_id: text("MessageId"),
            origin: origin.map(str::to_owned),
            context: text("Context").or_else(|| context.map(str::to_owned)),
        }
    };
    let mut events: Vec<Event> = list_of(message, "Events").take(MOST_EVENTS).map(event).collect();
    // Some send the event without what belongs around it.
    if events.is_empty() && message["MessageId"].is_string() {
        events.push(event(message));
    }
    events
}

/// The path of a controller's stream of events; none where it has no stream.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn event_stream(talk: &mut Talk) -> Result<Option<String>, Stop> {
    let Some(service) = root(talk)?.events else { return Ok(None) };
    let service = match talk.get(&service) {
        Err(Stop::Failed(Error::Missing { .. })) => return Ok(None),
        service => service?,
    };
    Ok(service.at(&["ServerSentEventUri"]).as_str().and_then(own_path).map(str::to_owned))
}

/// Somebody who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its path.
    pub path: String,
    /// The address that events are sent to.
    pub destination: Option<String>,
    /// What is sent with each event.
    pub context: Option<String>,
    /// How it is sent: `Redfish`, `SNMPv2c`, `SMTP`.
    pub protocol: Option<String>,
}

impl Subscription {
    fn of(resource: &Resource) -> Self {
        let text = |name: &str| resource.text(&[name]).map(str::to_owned);
        Self {
            path: resource.path.clone(),
            destination: text("Destination"),
            context: text("Context"),
            protocol: text("Protocol"),
        }
    }
}

/// Finds out who is told of a controller's events.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn subscriptions(talk: &mut Talk) -> Result<Listing<Subscription>, Stop> {
    let (_, collection) = service(talk)?;
    let mut missing = Vec::new();
    let members = read_collections(talk, &[collection], false, &mut missing)?;
    let items = members.iter().map(|(_, resource)| Subscription::of(resource)).collect();
    Ok(Listing { items, missing })
}

/// The event service, and the path of its subscriptions.
fn service(talk: &mut Talk) -> Result<(Arc<Resource>, String), Stop> {
    let mut missing = Vec::new();
    let path = root(talk)?.events;
    let service = get_one(talk, path.as_deref(), &mut missing)?;
    let found = service.and_then(|service| {
        let collection = service.link(&["Subscriptions"])?.to_owned();
        Some((service, collection))
    });
    match (found, missing.into_iter().next()) {
        (Some(found), _) => Ok(found),
        (None, Some(missing)) => Err(missing.reason.into()),
        (None, None) => Err(Error::Unsupported { what: "send events to anybody".into() }.into()),
    }
}

/// Has events sent to an address. Where this is so already, nothing changes.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// The address: many controllers insist on `https`.
    pub destination: String,
    /// What is sent with each event, by which the receiver knows who sends.
    pub context: String,
}

impl Operation for Subscribe {
    type Output = Subscription;

    fn perform(&self, talk: &mut Talk) -> Result<Subscription, Stop> {
        let (service, collection) = service(talk)?;
        if let Some(there) = self.find(talk)? {
            return Ok(there);
        }
        let answer = self.send(talk, &service, &collection)?;
        if !answer.is_success() {
            let request = Request::with(Method::Post, collection, Value::Null);
            return Err(answer.error(&request).into());
        }
        if let Some(made) = self.find(talk)? {
            return Ok(made);
        }
        match answer.location_path() {
            Some(path) => Ok(Subscription::of(talk.read(path)?.as_ref())),
            None => {
                let (what, seen) = ("the subscriptions".to_owned(), "none to this address".to_owned());
                Err(Error::NotKept { what, seen }.into())
            }
        }
    }
}

impl Subscribe {
    /// The subscription that is wanted, where it is there.
    fn find(&self, talk: &mut Talk) -> Result<Option<Subscription>, Stop> {
        let there = subscriptions(talk)?.items;
        let is_wanted = |there: &Subscription| {
            let is_to = there.destination.as_deref() == Some(self.destination.as_str());
            is_to && there.context.as_deref().unwrap_or_default() == self.context
        };
        Ok(there.into_iter().find(is_wanted))
    }

    /// Asks by the newer properties, and by the older ones where these are refused.
    fn send(&self, talk: &mut Talk, service: &Resource, collection: &str) -> Result<Arc<Answer>, Stop> {
        let words = |name: &str| service.at(&[name]).as_array().cloned().unwrap_or_default();
        let mut plain = Map::new();
        plain.insert("Destination".to_owned(), json!(self.destination));
        plain.insert("Protocol".to_owned(), json!("Redfish"));
        plain.insert("Context".to_owned(), json!(self.context));
        let with = |extras: &[(&str, Value)]| {
            let mut body = plain.clone();
            body.extend(extras.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            Value::Object(body)
        };
        let format = ("EventFormatType", json!("Event"));
        let kind = ("SubscriptionType", json!("RedfishEvent"));
        let kinds = words("EventTypesForSubscription");
        let kinds = if kinds.is_empty() { json!(["Alert"]) } else { Value::Array(kinds) };
        let bodies = [
            with(&[format, kind.clone()]),
            with(std::slice::from_ref(&kind)),
            with(&[("EventTypes", kinds)]),
            with(&[]),
        ];
        let mut first = None;
        for body in bodies {
            let answer = talk.send(Request::with(Method::Post, collection, body))?;
            if !matches!(answer.status, 400 | 422 | 501) {
                return Ok(answer);
            }
            first.get_or_insert(answer);
        }
        first.ok_or(Stop::Failed(Error::Unsupported { what: "send events to anybody".into() }))
    }
}

/// Has no events sent any more by a subscription. One that is gone already is no error.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    /// The path of the subscription.
    pub path: String,
}

impl Operation for Unsubscribe {
    type Output = ();

    fn perform(&self, talk: &mut Talk) -> Result<(), Stop> {
        match talk.done(Request::delete(self.path.clone())) {
            Ok(_) | Err(Stop::Failed(Error::Missing { .. })) => Ok(()),
            Err(stop) => Err(stop),
        }
    }
}
