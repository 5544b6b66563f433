//! Notifiers against receivers in this process: HTTP endpoints, an SMTP server, programs at local sockets.

pub mod receiver;
mod smtp;

use ironhand_api::{CloudEvent, Event, EventKind, Manifest, Metadata, Notifier, Zone, ZoneSpec};
use ironhand_client::{Client, Endpoint, Error, EventFilter};
use ironhand_server::{Server, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use self::receiver::Receiver;
use self::smtp::{Mail, SmtpServer};
use crate::harness::{self, World, eventually, logged, name};

/// Appears nowhere but in the store, sealed, and at the receiver that checks it.
const SECRET: &str = "whsec_Y2FuYXJ5LW9mLXRoZS1zaWduaW5nLXNlY3JldA==";
const PASSWORD: &str = "canary-of-the-mail-password";

fn notifier(text: &str, spec: &Value) -> Manifest {
    let notifier: Notifier =
        serde_json::from_value(json!({ "metadata": { "name": text }, "spec": spec })).unwrap();
    Manifest::Notifier(notifier)
}

/// A notifier that posts zones' events to `url`: the events that a test makes by applying zones.
fn webhook(text: &str, url: &str) -> Manifest {
    notifier(text, &json!({ "webhook": { "url": url }, "events": ["resource.*"] }))
}

async fn apply_zones(client: &Client, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let metadata = Metadata::named(name(&format!("z-{number}")));
        client.apply(&Manifest::Zone(Zone { metadata, spec: ZoneSpec::default() })).await.unwrap();
    }
}

fn zones(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("Zone z-{number} created")).collect()
}

async fn failures(client: &Client) -> Vec<Event> {
    let events = client.events(&EventFilter::default()).await.unwrap();
    events.into_iter().filter(|event| event.kind == EventKind::NotifierFailed).collect()
}

/// Waits until so many events tell of a notifier that failed or works again.
async fn until_failures(client: &Client, count: usize) -> Vec<Event> {
    eventually("the failures", async || failures(client).await, |found| found.len() >= count).await
}

/// Asks for a path of the API over the local socket, as any program may.
async fn raw(world: &World, request: &str) -> String {
    let mut stream = UnixStream::connect(world.directory().join("api.sock")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    harness::soon(stream.read_to_string(&mut text)).await.unwrap();
    text
}

async fn test(world: &World, text: &str) -> (u16, Value) {
    let request = format!(
        "POST /api/v1/notifiers/{text}/test HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    let reply = raw(world, &request).await;
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    let body = reply.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_get_signed_cloud_events_of_what_happens_from_now_on() {
    let world = World::new(0).await;
    let receiver = Receiver::start().await;
    apply_zones(&world.client, 0..2).await;
    let spec = json!({
        "webhook": { "url": receiver.url("/hook?token=s3cret-path"), "secret": SECRET }, "events": ["resource.*"],
    });
    world.client.apply(&notifier("oncall", &spec)).await.unwrap();
    apply_zones(&world.client, 2..4).await;
    let received = receiver.until(2).await;
    for (received, message) in received.iter().zip(zones(2..4)) {
        assert_eq!(received.header("content-type"), CloudEvent::MEDIA_TYPE);
        assert_eq!(received.signed(SECRET), received.header("webhook-signature"));
        let event: CloudEvent = serde_json::from_slice(&received.body).unwrap();
        assert_eq!((event.specversion.as_str(), event.data.message), ("1.0", message));
        assert_eq!(event.id, event.data.id.to_string());
        assert!(received.header("webhook-id").ends_with(&format!("-{}", event.id)), "{received:?}");
        assert_eq!(received.path, "/hook?token=s3cret-path");
        assert_eq!(event.kind, "io.ironhand.resource.applied");
    }
    let (status, report) = test(&world, "oncall").await;
    assert_eq!((status, report["detail"].as_str().unwrap().contains("answers 200")), (200, true), "{report}");
    let tested: CloudEvent = serde_json::from_slice(&receiver.until(3).await[2].body).unwrap();
    assert_eq!(tested.data.kind, EventKind::NotifierTested);

    let shown =
        raw(&world, "GET /api/v1/notifiers/oncall HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await;
    assert!(shown.contains("sealed"), "{shown}");
    let events = format!("{:?}", world.events().await);
    for (place, text) in [("the reply", &shown), ("the events", &events), ("the log", &logged())] {
        assert!(!text.contains(SECRET) && !text.contains("canary-of-the-signing"), "{place} has the secret");
    }
    assert!(!logged().contains("s3cret-path"), "the log has the path");
    assert!(!events.contains("s3cret-path"), "the events have the path");
    world.client.delete(ironhand_api::Kind::Notifier, &name("oncall")).await.unwrap();
    apply_zones(&world.client, 4..6).await;
    world.client.apply(&webhook("again", &receiver.url("/"))).await.unwrap();
    apply_zones(&world.client, 6..7).await;
    assert_eq!(receiver.until(4).await[3].message(), "Zone z-6 created");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_missed_is_told_in_order_over_failures_and_a_restart() {
    let mut world = World::new(0).await;
    let receiver = Receiver::start().await;
    world.client.apply(&webhook("oncall", &receiver.url("/"))).await.unwrap();
    receiver.answer(&[500, 503]);
    apply_zones(&world.client, 0..5).await;
    let received = receiver.until(7).await;
    assert_eq!(received[0].header("webhook-id"), received[2].header("webhook-id"));
    assert_eq!(receiver.taken(), zones(0..5));

    // Nobody listens while more happens and the server starts anew.
    let address = receiver.stop().await;
    apply_zones(&world.client, 5..8).await;
    world.server.take().unwrap().shutdown().await;
    let again = harness::config(&world.directory(), harness::settings());
    world.server = Some(Server::start(again).await.unwrap());
    apply_zones(&world.client, 8..10).await;
    let receiver = Receiver::listen(address).await;
    receiver.until(5).await;
    assert_eq!(receiver.taken(), zones(5..10));
    assert_eq!(failures(&world.client).await, [], "short failures are not told");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_holds_up_nobody_else() {
    let world = World::new(0).await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.hold();
    world.client.apply(&webhook("slow", &slow.url("/"))).await.unwrap();
    world.client.apply(&webhook("quick", &quick.url("/"))).await.unwrap();
    apply_zones(&world.client, 0..300).await;
    quick.until(300).await;
    assert_eq!(quick.taken(), zones(0..300));
    assert_eq!(slow.until(1).await.len(), 1);
    let begun = std::time::Instant::now();
    world.end().await;
    assert!(begun.elapsed() < Settings::brisk().shutdown_timeout, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_a_store_tell_for_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let start = async |member: &str| {
        let mut config = harness::config(directory.path(), harness::settings());
        config.shared = true;
        config.socket = Some(directory.path().join(member).join("api.sock"));
        let server = Server::start(config).await.unwrap();
        let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
        (server, client)
    };
    let (one, one_client) = start("one").await;
    let (other, other_client) = start("other").await;
    let receiver = Receiver::start().await;
    let until_told = async |wanted: Vec<String>| {
        // In order, and none twice: one server at a time tells.
        eventually("what is told", async || receiver.taken(), |taken| *taken == wanted).await;
    };
    one_client.apply(&webhook("oncall", &receiver.url("/"))).await.unwrap();
    apply_zones(&other_client, 0..3).await;
    apply_zones(&one_client, 3..5).await;
    until_told(zones(0..5)).await;
    one.shutdown().await;
    apply_zones(&other_client, 5..7).await;
    until_told(zones(0..7)).await;
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_once_and_what_is_not_taken_is_left_out() {
    let world = World::new(0).await;
    let receiver = Receiver::start().await;
    let spec = json!({ "webhook": { "url": receiver.url("/") }, "events": ["resource.*", "notifier.*"] });
    world.client.apply(&notifier("picky", &spec)).await.unwrap();
    receiver.answer(&[422, 422, 422]);
    apply_zones(&world.client, 0..2).await;
    receiver.until(4).await;
    assert_eq!(receiver.taken(), zones(1..2));
    let told = until_failures(&world.client, 2).await;
    assert!(told[0].message.starts_with("notifier picky cannot be told: 127.0.0.1:"), "{told:#?}");
    assert!(
        told[0].message.contains("answers 422: told to") && told[0].message.ends_with("left out"),
        "{told:#?}"
    );
    assert!(told[1].message.starts_with("notifier picky can be told again"), "{told:#?}");

    // Somebody must mend it: told at the first failure, tried again, told when it works.
    receiver.answer(&[404, 302]);
    apply_zones(&world.client, 2..3).await;
    receiver.until(7).await;
    assert_eq!(receiver.taken(), zones(1..3));
    let told = until_failures(&world.client, 4).await;
    assert!(told[2].message.contains("answers 404") && told[2].message.contains("tried again"), "{told:#?}");
    assert_eq!(told.len(), 4, "{told:#?}");

    // Gone is gone, until the notifier is applied anew. What happened meanwhile is not lost.
    receiver.answer(&[410]);
    apply_zones(&world.client, 3..5).await;
    let told = until_failures(&world.client, 5).await;
    assert!(told[4].message.contains("answers 410") && told[4].message.contains("applied anew"), "{told:#?}");
    let spec = json!({ "webhook": { "url": receiver.url("/new") }, "events": ["resource.*", "notifier.*"] });
    world.client.apply(&notifier("picky", &spec)).await.unwrap();
    let taken = eventually("what is told", async || receiver.taken(), |taken| taken.len() >= 5).await;
    assert_eq!(
        taken,
        [zones(1..5), vec!["Notifier picky configured".to_owned()]].concat(),
        "nothing about itself"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_answer_with_what_went_wrong() {
    let world = World::new(0).await;
    let receiver = Receiver::start().await;
    let plain = Receiver::start().await;
    let https = plain.url("/").replace("http://", "https://");
    let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let missing = world.directory().join("nobody.sock");
    let mail = |port: u16, security: &str| {
        json!({ "email": {
            "server": "127.0.0.1", "port": port, "security": security,
            "from": "ironhand@example.net", "to": ["oncall@example.net"],
        }})
    };
    let refusing = SmtpServer::start(&[("RCPT", "550 5.1.1 no such user here")]).await;
    let check = async |text: &str, spec: Value, status: u16, code: &str, wanted: &str| {
        world.client.apply(&notifier(text, &spec)).await.unwrap();
        let (found, problem) = test(&world, text).await;
        assert_eq!((found, problem["code"].as_str().unwrap()), (status, code), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{problem}");
    };
    let hook = |url: &str| json!({ "webhook": { "url": url } });
    receiver.answer(&[500]);
    check("broken", hook(&receiver.url("/")), 502, "notifier.refused", "answers 500: told to").await;
    check("closed", hook(&format!("http://{closed}/")), 502, "notifier.unreachable", "refused").await;
    check("plain", hook(&https), 502, "notifier.tls", "TLS").await;
    // A label over 63 octets is no name (RFC 1035 section 2.3.4): nobody is asked for it.
    let nowhere = hook(&format!("http://{}.invalid/", "x".repeat(64)));
    check("nowhere", nowhere, 502, "notifier.unresolved", "xxx.invalid").await;
    let socket = json!({ "socket": { "path": missing } });
    check("absent", socket, 502, "notifier.socket", "No such file").await;
    check("mail-closed", mail(closed.port(), "none"), 502, "notifier.mail", "refused").await;
    check("mail-user", mail(refusing.port(), "none"), 502, "notifier.refused", "550: 5.1.1 no such user")
        .await;
    check("mail-tls", mail(refusing.port(), "starttls"), 422, "notifier.unsuited", "no STARTTLS").await;
    let (found, problem) = test(&world, "unknown").await;
    assert_eq!((found, problem["code"].as_str().unwrap()), (404, "resource.not_found"), "{problem}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_that_cannot_be_are_refused_when_they_are_applied() {
    let world = World::new(0).await;
    let check = async |spec: Value, wanted: &str| {
        let error = world.client.apply(&notifier("oncall", &spec)).await.unwrap_err();
        let problem = match &error {
            Error::Problem(problem) => problem,
            other => panic!("{other}"),
        };
        assert_eq!((problem.status, problem.code.as_str()), (422, "manifest.invalid"), "{problem:?}");
        assert!(problem.detail.contains(wanted), "{problem:?}");
    };
    let hook = |body: &str| json!({ "webhook": { "url": "http://127.0.0.1:1/" }, "body": body });
    check(hook("{{ event.message"), "syntax error").await;
    check(hook("{{ evnt.message }}"), "`evnt.message` means nothing here").await;
    check(hook("{{ event.message | shout }}"), "unknown filter").await;
    check(hook("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"), "fuel").await;
    check(json!({ "webhook": { "url": "http://user:pass@127.0.0.1/" } }), "leave it out").await;
    check(json!({ "webhook": { "url": "http://127.0.0.1/", "secret": "whsec_?" } }), "Base64").await;
    check(json!({ "webhook": { "url": "http://127.0.0.1/" }, "subject": "x" }), "`email` alone").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_make_bodies_and_what_they_cannot_say_is_said_plainly() {
    let world = World::new(0).await;
    let receiver = Receiver::start().await;
    let spec = json!({
        "webhook": { "url": receiver.url("/") }, "events": ["resource.applied"], "severity": "info",
        "body": r#"{"text": {{ event.message | tojson }}{% if event.host %}, "in": "{{ host.labels.room }}"{% endif %}}"#,
    });
    world.client.apply(&notifier("chat", &spec)).await.unwrap();
    apply_zones(&world.client, 0..1).await;
    let received = receiver.until(1).await;
    assert_eq!(received[0].header("content-type"), "application/json");
    assert_eq!(received[0].body, br#"{"text": "Zone z-0 created"}"#);
    let host = |labels: Value| -> Manifest {
        let text = json!({ "metadata": { "name": "h", "labels": labels }, "spec": { "connectors": [{ "type": "vnc", "address": "127.0.0.1", "port": 1, "credentials": [] }] } });
        Manifest::Host(serde_json::from_value(text).unwrap())
    };
    world.client.apply(&host(json!({}))).await.unwrap();
    world.client.apply(&host(json!({ "room": "7" }))).await.unwrap();
    let received = receiver.until(3).await;
    let whole: CloudEvent = serde_json::from_slice(&received[1].body).unwrap();
    assert_eq!(whole.data.message, "Host h created", "no label, no template, but the event");
    assert_eq!(received[2].body, br#"{"text": "Host h configured", "in": "7"}"#);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_of_a_moment_are_one_mail() {
    let world = World::new(0).await;
    let server = SmtpServer::start(&[]).await;
    let spec = json!({
        "email": {
            "server": "127.0.0.1", "port": server.port(), "security": "none",
            "username": "ops", "password": PASSWORD,
            "from": "ironhand@example.net", "to": ["oncall@example.net", "boss@example.net"],
        },
        "events": ["resource.*"],
        "subject": "Ironhand: {{ event.message }}",
    });
    world.client.apply(&notifier("people", &spec)).await.unwrap();
    let begun = Instant::now();
    apply_zones(&world.client, 0..500).await;
    let took = begun.elapsed();
    let told = |text: &str| -> Vec<u32> {
        let lines = text.lines().filter(|line| !line.starts_with("Subject: "));
        lines
            .filter_map(|line| line.split_once("Zone z-")?.1.split_once(" created")?.0.parse().ok())
            .collect()
    };
    let mut mails = server.until(1).await;
    while mails.iter().map(|mail| told(&mail.text).len()).sum::<usize>() < 500 {
        mails = server.until(mails.len() + 1).await;
    }
    let all: Vec<u32> = mails.iter().flat_map(|mail| told(&mail.text)).collect();
    assert_eq!(all, (0..500).collect::<Vec<u32>>());
    // A mail waits five seconds for others. Only what happened after that may be in another, so that a machine that is
    // too busy to apply the zones within five seconds makes a mail of each five seconds, and no more.
    let moments = took.as_secs() as usize / 5 + 1;
    assert!(mails.len() <= moments, "{} mails of what happened within {took:?}", mails.len());
    let Mail { from, to, login, text } = &mails[0];
    assert_eq!((from.as_str(), to.len()), ("ironhand@example.net", 2));
    assert_eq!(login.as_deref(), Some(format!("\0ops\0{PASSWORD}").as_str()));
    let more = told(text).len() - 1;
    assert!(
        text.contains(&format!("Subject: Ironhand: Zone z-0 created (and {more} more)\r\n")),
        "{}",
        &text[..800]
    );
    assert!(text.contains("Auto-Submitted: auto-generated\r\n") && text.contains("Message-ID: <people-"));

    let before = mails.len();
    apply_zones(&world.client, 500..501).await;
    let mails = server.until(before + 1).await;
    assert!(
        mails[before].text.contains("Subject: Ironhand: Zone z-500 created\r\n"),
        "{}",
        mails[before].text
    );
    assert!(!logged().contains(PASSWORD) && !format!("{:?}", world.events().await).contains(PASSWORD));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_repeats_the_password_does_not_bring_it_into_errors() {
    let world = World::new(0).await;
    let reply = format!("535 unknown command AUTH PLAIN {PASSWORD}");
    let server = SmtpServer::start(&[("AUTH", &reply)]).await;
    let spec = json!({ "email": {
        "server": "127.0.0.1", "port": server.port(), "security": "none", "username": "ops", "password": PASSWORD,
        "from": "ironhand@example.net", "to": ["oncall@example.net"],
    }});
    world.client.apply(&notifier("people", &spec)).await.unwrap();
    let (status, problem) = test(&world, "people").await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (502, "notifier.refused"), "{problem}");
    assert!(!problem.to_string().contains(PASSWORD) && problem.to_string().contains("535"), "{problem}");
    assert!(!logged().contains(PASSWORD));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_at_a_local_socket_gets_a_line_for_each_event() {
    let world = World::new(0).await;
    let path = world.directory().join("listener.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let spec = json!({ "socket": { "path": path }, "events": ["resource.*"] });
    world.client.apply(&notifier("script", &spec)).await.unwrap();
    apply_zones(&world.client, 0..3).await;
    // The first connection is dropped unread, as by a program that dies: the event comes again.
    drop(harness::soon(listener.accept()).await.unwrap());
    for message in zones(0..3) {
        let (mut stream, _) = harness::soon(listener.accept()).await.unwrap();
        let mut line = String::new();
        harness::soon(stream.read_to_string(&mut line)).await.unwrap();
        let event: CloudEvent = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(event.data.message, message);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_and_followed_as_cloud_events() {
    let world = World::new(0).await;
    apply_zones(&world.client, 0..3).await;
    let get = |path: &str, accept: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept: {accept}\r\n\r\n")
    };
    let list = raw(&world, &get("/api/v1/events?format=cloudevents", "*/*")).await;
    let list: Value = serde_json::from_str(list.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(list["items"][2]["type"], "io.ironhand.resource.applied", "{list}");
    assert_eq!(list["items"][2]["data"]["message"], "Zone z-2 created", "{list}");
    let wrong = raw(&world, &get("/api/v1/events?format=xml", "*/*")).await;
    assert!(wrong.starts_with("HTTP/1.1 400 "), "{wrong}");

    let check = async |path: &str, accept: &str, wanted: &str| {
        let mut stream = UnixStream::connect(world.directory().join("api.sock")).await.unwrap();
        stream.write_all(get(path, accept).as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.contains("z-2 created") {
            let count = harness::soon(stream.read(&mut buffer)).await.unwrap();
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        assert!(text.contains("id: 2\nevent: resource.applied\n"), "{text}");
        assert!(text.contains(wanted) && !text.contains("z-0 created"), "{text}");
    };
    let cloud = "data: {\"specversion\":\"1.0\",\"id\":\"2\"";
    check("/api/v1/events?after=1&format=cloudevents", "text/event-stream", cloud).await;
    check("/api/v1/events?after=1", "text/event-stream, application/cloudevents+json", cloud).await;
    check("/api/v1/events?after=1", "application/cloudevents+json", cloud).await;
    check("/api/v1/events?after=1", "text/event-stream", "data: {\"id\":2").await;
    world.end().await;
}
