//! Events, and who is told of them.

use ironhand_redfish::{
    Event, LogSeverity, Sse, Subscribe, Talk, Unsubscribe, event_stream, events_of, subscriptions,
};
use serde_json::{Value, json};

use crate::recorded::Recorded;

const HERE: &str = "https://192.0.2.10/other";

fn subscribe() -> Subscribe {
    Subscribe { destination: HERE.to_owned(), context: "alpha".to_owned() }
}

#[test]
fn streams_are_where_the_controller_says() {
    let check = |recording: &str, expected: Option<&str>| {
        let stream = Recorded::load(recording).play(event_stream);
        assert_eq!(stream, Ok(expected.map(str::to_owned)), "{recording}");
    };
    check("dell/idrac9", Some("/redfish/v1/SSE"));
    check("hpe/ilo5", None);
    check("lenovo/xcc", Some("/redfish/v1/EventService/ServerSentEvent"));
    check("openbmc/gb200", Some("/redfish/v1/EventService/SSE"));
    check("cisco/cimc", None);
    let mut recorded = Recorded::load("dell/idrac9");
    recorded.merge("/redfish/v1/EventService", json!({ "ServerSentEventUri": "https://elsewhere/SSE" }));
    assert_eq!(recorded.play(event_stream), Ok(None));
}

#[test]
fn a_subscription_is_made_once_and_ends() {
    let mut recorded = Recorded::load("dell/idrac9");
    let collection = "/redfish/v1/EventService/Subscriptions";
    let there = recorded.play(subscriptions).expect("the subscriptions are read");
    assert_eq!(there.items.len(), 1);
    assert_eq!(there.items[0].destination.as_deref(), Some("https://192.0.2.10/events"));

    let new = format!("{collection}/c5d0-2");
    let shown = json!({ "Destination": HERE, "Context": "alpha", "Protocol": "Redfish" });
    recorded.page(&new, json!({ "body": shown }));
    let members = json!([{ "@odata.id": format!("{collection}/c5d0-1") }, { "@odata.id": new }]);
    let made = json!({ "status": 201, "then": { collection: { "Members": members } } });
    recorded.page(&format!("POST {collection}"), made);
    let made = recorded.play(subscribe()).expect("it is subscribed");
    assert_eq!((made.path.as_str(), recorded.sent.len()), (new.as_str(), 1));
    let again = recorded.play(subscribe()).expect("it is subscribed");
    assert_eq!((again, recorded.sent.len()), (made, 1));

    recorded.page(&format!("DELETE {new}"), json!({ "status": 204 }));
    recorded.play(Unsubscribe { path: new.clone() }).expect("it ends");
    recorded.page(&format!("DELETE {new}"), json!({ "status": 404 }));
    recorded.play(Unsubscribe { path: new }).expect("it has ended");
}

#[test]
fn an_older_service_is_asked_by_older_properties() {
    let collection = "/redfish/v1/EventService/Subscriptions";
    let mut recorded = Recorded::load("supermicro/x13");
    let new = format!("{collection}/1");
    recorded.page(&new, json!({ "body": { "Destination": HERE } }));
    let page = json!({
        "status": 201,
        "headers": { "Location": format!("https://192.0.2.23{new}") },
        "demands": { "with": ["EventTypes"], "without": ["SubscriptionType"], "else": { "status": 400 } },
    });
    recorded.page(&format!("POST {collection}"), page);
    let made = recorded.play(subscribe()).expect("it is subscribed");
    assert_eq!(made.path, new);
    let (_, last) = recorded.sent.last().expect("something was sent");
    let expected =
        json!({ "Destination": HERE, "Protocol": "Redfish", "Context": "alpha", "EventTypes": ["Alert"] });
    assert_eq!(*last, expected);
    assert_eq!(recorded.sent.len(), 3);
}

#[test]
fn a_refused_subscription_says_why() {
    let check = |page: Value, expected: &str| {
        let mut recorded = Recorded::load("hpe/ilo5");
        recorded.page("POST /redfish/v1/EventService/Subscriptions", page);
        assert_eq!(recorded.play(subscribe()).expect_err("it is not subscribed").to_string(), expected);
    };
    let refuses = json!({ "error": { "message": "No https." } });
    check(
        json!({ "status": 400, "body": refuses }),
        "the controller refused POST /redfish/v1/EventService/Subscriptions: No https. (status 400)",
    );
    let kept =
        "the controller took the change of the subscriptions, and shows none to this address when asked";
    check(json!({ "status": 200 }), kept);
    let error = Recorded::load("cisco/cimc").play(subscribe()).expect_err("there is no event service");
    assert_eq!(error.to_string(), "the controller cannot send events to anybody");
}

/// Events lack most of what belongs into them, and are hints all the same.
pub fn event_gaps() {
    let stream = concat!(
        "id: 1\n",
        "data: {\"@odata.type\": \"#Event.v1_5_0.Event\", \"Context\": \"fleet\", \"Events\": [\n",
        "data: {\"EventTimestamp\": \"2026-03-02T04:11:12-0600\", \"MessageId\": \"SYS1003\", \"Message\": \"Reset.\",\n",
        "data:  \"Severity\": \"Warning\", \"OriginOfCondition\": {\"@odata.id\": \"/redfish/v1/Systems/1#x\"}}, 7]}\n",
        "\n",
        ": keep-alive\n",
        "\n",
        "data: {\"MetricValues\": []}\n",
        "\n",
        "data: <html>\n",
        "\n",
        "data: {\"MessageId\": \"ResourceEvent.1.0.PowerStateChanged\", \"OriginOfCondition\": \"//elsewhere\"}\n",
        "\n",
    );
    let mut sse = Sse::default();
    let events: Vec<Event> =
        sse.receive(stream.as_bytes()).iter().flat_map(ironhand_redfish::Message::events).collect();
    let nothing = Event {
        id: None,
        kind: None,
        at: None,
        severity: LogSeverity::Ok,
        message: None,
        message_id: None,
        origin: None,
        context: None,
    };
    let expected = [
        Event {
            at: Some(1_772_446_272_000),
            severity: LogSeverity::Warning,
            message: Some("Reset.".to_owned()),
            message_id: Some("SYS1003".to_owned()),
            origin: Some("/redfish/v1/Systems/1".to_owned()),
            context: Some("fleet".to_owned()),
            ..nothing.clone()
        },
        Event { message_id: Some("ResourceEvent.1.0.PowerStateChanged".to_owned()), ..nothing },
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_message_of_any_shape_is_no_harm() {
    for message in [json!(null), json!([]), json!({ "Events": {} }), json!({ "Events": [null, [], "x"] })] {
        assert_eq!(events_of(&message), [], "{message}");
    }
    let many: Vec<Value> = (0..5000).map(|at| json!({ "EventId": at.to_string() })).collect();
    assert_eq!(events_of(&json!({ "Events": many })).len(), 256);
}

#[test]
fn the_subscriptions_of_a_controller_without_events() {
    let error = Recorded::load("cisco/cimc").play(|talk: &mut Talk| subscriptions(talk));
    assert_eq!(
        error.expect_err("there are none").to_string(),
        "the controller cannot send events to anybody"
    );
}
