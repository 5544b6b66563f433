//! What the client sends and what it makes of replies, against a server that only knows its lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use ironhand_api::{
    AlertCause, FenceRequest, JobState, Kind, MaintenanceRequest, ManagementRequest, Name, PasswordRequest,
    PowerAction, PowerRequest, SettingValue, Span, Work,
};
use ironhand_client::{Client, Error, RecordFilter};
use serde_json::{Value, json};

/// One request that came, and the reply that was given to it.
struct Script {
    /// Method and path with query.
    request: &'static str,
    /// The body, where one is expected.
    body: Option<Value>,
    status: u16,
    reply: Value,
}

fn expect(request: &'static str, body: Option<Value>, reply: Value) -> Script {
    Script { request, body, status: 200, reply }
}

/// A server that plays one script: a request each, in order.
struct Server {
    client: Client,
    thread: JoinHandle<()>,
}

impl Server {
    fn play(script: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let thread = std::thread::spawn(move || {
            for line in script {
                // Each reply closes its connection, so each request comes on a new one.
                let (stream, _) = listener.accept().expect("the client connects");
                answer(&stream, &line).expect("the client stays until it has its reply");
            }
        });
        let endpoint = format!("http://{address}").parse().expect("an address makes an endpoint");
        let client = Client::new(endpoint).expect("a client of loopback can be made");
        Self { client, thread }
    }

    /// Whether everything came as the script says.
    fn end(self) {
        self.thread.join().expect("the requests were those of the script");
    }
}

fn answer(mut stream: &TcpStream, line: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    reader.read_line(&mut head)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let reply = line.reply.to_string();
    write!(
        stream,
        "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
        line.status,
        reply.len()
    )?;
    assert_eq!(head.trim_end().strip_suffix(" HTTP/1.1"), Some(line.request));
    if let Some(wanted) = &line.body {
        assert_eq!(serde_json::from_slice::<Value>(&body)?, *wanted, "{}", line.request);
    }
    Ok(())
}

fn name(text: &str) -> Name {
    text.parse().expect("a name of the test is one")
}

fn administration(kind: &str, enabled: bool) -> Value {
    json!({ "kind": kind, "name": "ams", "management": { "on": enabled }, "maintenance": { "on": false } })
}

fn job(id: u64, state: &str) -> Value {
    json!({
        "id": id, "host": "n1", "work": { "power": "off" }, "state": state, "requestedBy": "the API",
        "acceptedAt": "2026-03-01T02:14:07.120Z",
    })
}

#[tokio::test]
async fn management_and_maintenance_are_said_where_they_belong() {
    let check = async |kind: Kind, request: &'static str| {
        let body = json!({ "enabled": false, "reason": "move" });
        let script = expect(request, Some(body), administration(&kind.to_string(), false));
        let server = Server::play(vec![script]);
        let request = ManagementRequest { enabled: false, reason: Some("move".to_owned()) };
        let said = server.client.manage(kind, &name("ams"), &request).await.unwrap();
        assert_eq!((said.kind, said.management.on), (kind, false));
        server.end();
    };
    check(Kind::Zone, "PUT /api/v1/zones/ams/management").await;
    check(Kind::Cluster, "PUT /api/v1/clusters/ams/management").await;
    check(Kind::Host, "PUT /api/v1/hosts/ams/management").await;

    let server = Server::play(vec![
        expect("GET /api/v1/zones/ams/management", None, administration("Zone", true)),
        expect(
            "PUT /api/v1/hosts/ams/maintenance",
            Some(json!({ "on": true })),
            administration("Host", true),
        ),
    ]);
    assert!(server.client.administration(Kind::Zone, &name("ams")).await.unwrap().management.on);
    server.client.maintain(&name("ams"), &MaintenanceRequest { on: true, reason: None }).await.unwrap();
    server.end();
}

#[tokio::test]
async fn work_that_is_not_waited_for_comes_back_as_a_job() {
    let body = json!({ "action": "off", "wait": false, "timeout": "1m30s" });
    let accepted =
        Script { status: 202, ..expect("POST /api/v1/hosts/n1/power", Some(body), job(7, "queued")) };
    let server = Server::play(vec![accepted, expect("GET /api/v1/jobs/7", None, job(7, "done"))]);
    let request = PowerRequest { timeout: Some(Span::from_secs(90)), ..PowerRequest::new(PowerAction::Off) };
    let started = server.client.start_power(&name("n1"), &request).await.unwrap();
    assert_eq!(
        (started.id, started.state, started.work),
        (7, JobState::Queued, Work::Power(PowerAction::Off))
    );
    assert_eq!(server.client.job(7).await.unwrap().state, JobState::Done);
    server.end();
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let alert = json!({
        "id": 3, "host": "n1", "cause": "contact_lost", "severity": "critical", "message": "silent",
        "openedAt": "2026-03-01T02:14:07.120Z", "toldAt": "2026-03-01T02:14:07.120Z", "repeats": 0,
    });
    let server = Server::play(vec![
        expect(
            "GET /api/v1/jobs?host=n1&open=true",
            None,
            json!({ "items": [job(9, "running")], "continue": "9" }),
        ),
        expect("GET /api/v1/jobs?host=n1&open=true&continue=9", None, json!({ "items": [job(8, "queued")] })),
        expect("GET /api/v1/alerts?limit=1", None, json!({ "items": [alert], "continue": "3" })),
    ]);
    let filter = RecordFilter { host: Some(name("n1")), open: true, limit: None };
    let ids: Vec<u64> = server.client.jobs(&filter).await.unwrap().iter().map(|job| job.id).collect();
    assert_eq!(ids, [9, 8]);
    let newest = RecordFilter { limit: Some(1), ..RecordFilter::default() };
    assert_eq!(server.client.alerts(&newest).await.unwrap()[0].cause, AlertCause::ContactLost);
    server.end();
}

#[tokio::test]
async fn a_refusal_comes_back_as_the_server_worded_it() {
    let problem = json!({
        "title": "Not proven", "status": 409, "code": "fence.not_proven", "detail": "n1 does not answer",
        "hint": "look at it", "fault": "device", "retry": true,
    });
    let refused = Script {
        status: 409,
        ..expect(
            "POST /api/v1/hosts/n1/fence",
            Some(json!({ "attestedBy": "kim", "statement": "s" })),
            problem,
        )
    };
    let server = Server::play(vec![
        refused,
        Script { status: 204, ..expect("DELETE /api/v1/hosts/n1/fence", None, json!("")) },
    ]);
    let request = FenceRequest { attested_by: Some("kim".to_owned()), statement: Some("s".to_owned()) };
    let error = server.client.fence(&name("n1"), &request).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, "fence.not_proven");
    assert!(error.retry() && !error.is_unreachable());
    server.client.lift_fence(&name("n1")).await.unwrap();
    server.end();
}

#[tokio::test]
async fn a_new_password_is_sent_once_and_shown_nowhere() {
    let body = json!({ "user": null, "new": "correct horse", "wait": true });
    let done = json!({
        "id": 4, "host": "n1", "work": "password", "state": "done", "requestedBy": "the API",
        "acceptedAt": "2026-03-01T02:14:07.120Z",
    });
    let server = Server::play(vec![expect("POST /api/v1/hosts/n1/password", Some(body), done)]);
    let request = PasswordRequest { user: None, new: Some("correct horse".into()), wait: true };
    assert!(!format!("{request:?}").contains("correct"));
    let job = server.client.rotate_password(&name("n1"), &request).await.unwrap();
    assert_eq!((job.work, job.state), (Work::Password, JobState::Done));
    server.end();
}

#[tokio::test]
async fn settings_servers_and_keys_are_told() {
    let definition = json!({
        "name": "authAttempts", "description": "d", "scope": "host", "default": 4, "least": 1, "greatest": 100,
    });
    let server = Server::play(vec![
        expect("GET /api/v1/settings/definitions", None, json!({ "items": [definition] })),
        expect(
            "GET /api/v1/hosts/n1/settings",
            None,
            json!({ "items": [
                { "name": "authAttempts", "value": 2, "origin": "Zone ams" },
                { "name": "actionTimeout", "value": "1m" },
            ] }),
        ),
        expect(
            "GET /api/v1/servers",
            None,
            json!({ "items": [{ "name": "a", "hosts": 7, "expiresAt": "2026-03-01T02:14:07.120Z" }] }),
        ),
        expect("POST /api/v1/key/rotate", None, json!({ "key": "k2" })),
        expect(
            "POST /api/v1/notifiers/oncall/test",
            None,
            json!({ "event": 5, "detail": "it said 204", "tookMs": 12 }),
        ),
    ]);
    assert_eq!(server.client.setting_definitions().await.unwrap()[0].default, SettingValue::Count(4));
    let settings = server.client.settings_of(&name("n1")).await.unwrap();
    assert_eq!(settings[0].origin.as_deref(), Some("Zone ams"));
    assert_eq!(settings[1].value, SettingValue::Time(Span::from_secs(60)));
    assert_eq!(server.client.servers().await.unwrap()[0].hosts, 7);
    assert_eq!(server.client.rotate_key().await.unwrap().key, "k2");
    assert_eq!(server.client.test_notifier(&name("oncall")).await.unwrap().detail, "it said 204");
    server.end();
}

#[tokio::test]
async fn what_is_no_ironhand_server_is_told_from_one_that_is_gone() {
    let server =
        Server::play(vec![Script { status: 502, ..expect("GET /api/v1/servers", None, json!("bad")) }]);
    let client = server.client.clone();
    assert!(matches!(client.servers().await.unwrap_err(), Error::NotOurs { .. }));
    server.end();
    // The listener went with its thread.
    assert!(client.servers().await.unwrap_err().is_unreachable());
}
