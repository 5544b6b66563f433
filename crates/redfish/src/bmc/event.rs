//! Events: subscriptions, and streams of server-sent events (EventService; DSP0266 section 12).

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::exchange::{ReplyBody, ServiceReply};
use super::message::Refusal;
use super::odata::{collection, date, link};
use super::route::{Privilege, Route};
use super::{Call, Moment, Outcome, Service, system};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";

pub(super) const ROUTES: &[Route] = &[
    Route::new("EventService", service),
    Route::new("EventService/Subscriptions", list).post(Privilege::ConfigureManager, subscribe),
    Route::new("EventService/Subscriptions/*", show).delete(Privilege::ConfigureManager, unsubscribe),
    Route::new("EventService/SSE", stream),
];

/// Subscriptions that are kept: as many as common controllers have.
const MOST_SUBSCRIPTIONS: usize = 8;

/// Streams that are open at a time.
const MOST_STREAMS: usize = 4;

/// Events that a stream keeps for a client that is slow; older ones are lost.
const MOST_EVENTS: usize = 32;

/// The longest text of a subscription.
const LONGEST: usize = 1024;

/// Who wants to hear of what happens.
#[derive(Debug, Default)]
pub(super) struct Events {
    subscriptions: Vec<Subscription>,
    streams: Vec<Stream>,
    counted: u64,
}

#[derive(Debug)]
struct Subscription {
    id: u64,
    destination: String,
    context: String,
}

/// A stream of server-sent events, by which its waiting events are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(u64);

#[derive(Debug)]
struct Stream {
    id: StreamId,
    waiting: VecDeque<String>,
}

impl Service {
    /// Power came or went.
    pub fn power_changed(&mut self, now: Moment, on: bool) {
        let origin = system::path(self);
        let (id, text) = match on {
            true => ("ResourceEvent.1.3.ResourcePoweredOn", "The machine has power."),
            false => ("ResourceEvent.1.3.ResourcePoweredOff", "The machine has no power."),
        };
        self.tell(now, id, text, &origin);
    }

    /// The machine starts: the firmware takes over what was set for this boot.
    pub fn booted(&mut self) {
        self.bios.boot();
    }

    fn tell(&mut self, now: Moment, message_id: &str, text: &str, origin: &str) {
        let events = &mut self.events;
        if events.streams.is_empty() {
            return;
        }
        events.counted += 1;
        let id = events.counted.to_string();
        let event = json!({
            "@odata.type": "#Event.v1_10_1.Event",
            "Id": id,
            "Name": "Event",
            "Events": [{
                "MemberId": "0",
                "EventId": id,
                "EventTimestamp": date(now.unix),
                "Severity": "OK",
                "Message": text,
                "MessageId": message_id,
                "MessageArgs": [origin],
                "OriginOfCondition": link(origin),
            }],
        });
        let text = format!("id: {id}\ndata: {event}\n\n");
        for stream in &mut events.streams {
            if stream.waiting.len() >= MOST_EVENTS {
                stream.waiting.pop_front();
            }
            stream.waiting.push_back(text.clone());
        }
    }

    /// The next event of a stream, as it goes to the client.
    pub fn next_event(&mut self, stream: StreamId) -> Option<String> {
        let found = self.events.streams.iter_mut().find(|open| open.id == stream);
        found.and_then(|stream| stream.waiting.pop_front())
    }

    /// The client of a stream is gone.
    pub fn end_stream(&mut self, stream: StreamId) {
        self.events.streams.retain(|open| open.id != stream);
    }
}

fn service(service: &mut Service, _: &mut Call<'_>) -> Outcome {
    let mut shown = json!({
        "@odata.id": "/redfish/v1/EventService",
        "@odata.type": "#EventService.v1_10_2.EventService",
        "Id": "EventService",
        "Name": "Event Service",
        "ServiceEnabled": true,
        "DeliveryRetryAttempts": 3,
        "DeliveryRetryIntervalSeconds": 30,
        "Status": { "State": "Enabled", "Health": "OK" },
        "Subscriptions": link(SUBSCRIPTIONS),
    });
    if service.flavour.streams_events {
        shown["ServerSentEventUri"] = "/redfish/v1/EventService/SSE".into();
    }
    Ok(ServiceReply::resource(shown))
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let subscriptions = service.events.subscriptions.iter();
    let members: Vec<Value> =
        subscriptions.map(|subscription| link(format!("{SUBSCRIPTIONS}/{}", subscription.id))).collect();
    collection(call, "EventDestinationCollection", "Event Subscriptions", &members)
}

fn resource(subscription: &Subscription) -> Value {
    json!({
        "@odata.id": format!("{SUBSCRIPTIONS}/{}", subscription.id),
        "@odata.type": "#EventDestination.v1_15_0.EventDestination",
        "Id": subscription.id.to_string(),
        "Name": "Event Subscription",
        "Destination": subscription.destination,
        "Context": subscription.context,
        "Protocol": "Redfish",
        "SubscriptionType": "RedfishEvent",
        "EventFormatType": "Event",
        "DeliveryRetryPolicy": "TerminateAfterRetries",
        "Status": { "State": "Enabled", "Health": "OK" },
    })
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let subscriptions = &service.events.subscriptions;
    let found = subscriptions.iter().find(|subscription| subscription.id.to_string() == call.id());
    Ok(ServiceReply::resource(resource(found.ok_or_else(|| Refusal::missing(call.path))?)))
}

/// A subscription is kept and shown; a simulated controller delivers to streams alone.
fn subscribe(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let text = |name: &'static str| call.body[name].as_str().filter(|text| text.len() <= LONGEST);
    let destination = text("Destination").ok_or_else(|| {
        Refusal::new(400, "PropertyMissing", "Destination is missing.").with_arg("Destination")
    })?;
    if !["http://", "https://"].iter().any(|scheme| destination.starts_with(scheme)) {
        return Err(Refusal::new(
            400,
            "PropertyValueFormatError",
            "Destination takes the URI of a listener.",
        ));
    }
    if call.body["Protocol"].as_str().is_some_and(|protocol| protocol != "Redfish") {
        let text = "Events are delivered by the protocol Redfish alone.";
        return Err(Refusal::new(400, "PropertyValueNotInList", text).with_arg("Protocol"));
    }
    if service.events.subscriptions.len() >= MOST_SUBSCRIPTIONS {
        return Err(Refusal::new(400, "CreateLimitReachedForResource", "There is no room for another one."));
    }
    let (destination, context) = (destination.to_owned(), text("Context").unwrap_or_default().to_owned());
    service.events.counted += 1;
    let subscription = Subscription { id: service.events.counted, destination, context };
    let shown = resource(&subscription);
    let location = format!("{SUBSCRIPTIONS}/{}", subscription.id);
    service.events.subscriptions.push(subscription);
    let reply = ServiceReply { status: 201, ..ServiceReply::resource(shown) };
    Ok(reply.with("Location", location))
}

fn unsubscribe(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let subscriptions = &mut service.events.subscriptions;
    let before = subscriptions.len();
    subscriptions.retain(|subscription| subscription.id.to_string() != call.id());
    if subscriptions.len() == before {
        Err(Refusal::missing(call.path))
    } else {
        Ok(ServiceReply::empty(204))
    }
}

fn stream(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if !service.flavour.streams_events {
        return Err(Refusal::missing(call.path));
    }
    if call.request.method() == "HEAD" {
        return Ok(ServiceReply::empty(200).with("Content-Type", "text/event-stream"));
    }
    let events = &mut service.events;
    if events.streams.len() >= MOST_STREAMS {
        return Err(Refusal::new(503, "EventSubscriptionLimitExceeded", "There are too many streams open."));
    }
    events.counted += 1;
    let id = StreamId(events.counted);
    events.streams.push(Stream { id, waiting: VecDeque::new() });
    let reply = ServiceReply::empty(200).with("Content-Type", "text/event-stream");
    Ok(ServiceReply { body: ReplyBody::Events(id), ..reply })
}
