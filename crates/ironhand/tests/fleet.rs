//! The commands on fleets, as a user runs them, against a server that answers by script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the server answers to a method, a path and a body.
type Answer = Arc<dyn Fn(&str, &str, &Value) -> (u16, Value) + Send + Sync>;

/// A server that answers by script and remembers what it was asked. It ends with the test.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str, &str, &Value) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let (answer, asked): (Answer, _) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let server = Self { url, asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                // A client that goes away in the middle is its own affair.
                std::thread::spawn(move || serve(&stream, &answer, &asked).ok());
            }
        });
        server
    }

    /// Exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(arguments)
            .env("IRONHAND_SERVER", &self.url)
            .stdin(Stdio::null())
            .output()
            .expect("ironhand starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Methods and paths that were asked for, in any order.
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no thread of the server panics").clone();
        asked.sort();
        asked
    }
}

fn serve(mut stream: &TcpStream, answer: &Answer, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    reader.read_line(&mut head)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    asked.lock().expect("no thread of the server panics").push(format!("{method} {path}"));
    let (status, reply) = answer(method, path, &serde_json::from_slice(&body).unwrap_or_default());
    let reply = reply.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
        reply.len()
    )
}

fn problem(status: u16, code: &str, detail: &str) -> (u16, Value) {
    let body = json!({
        "title": "No", "status": status, "code": code, "detail": detail, "hint": "do something else",
        "fault": "caller", "retry": false,
    });
    (status, body)
}

fn job(id: u64, host: &str, work: &Value, state: &str) -> Value {
    json!({
        "id": id, "host": host, "work": work, "state": state, "requestedBy": "the API",
        "acceptedAt": "2026-03-01T02:14:07.120Z",
    })
}

/// The host in a path like `/api/v1/hosts/n7/power`.
fn host(path: &str) -> &str {
    path.split('/').nth(4).unwrap_or_default()
}

#[test]
fn power_prints_warnings_and_refusals_beside_what_was_done() {
    let server = Server::start(|_, path, body| match host(path) {
        "n2" => problem(409, "management.disabled", "management is disabled at zone ams"),
        name => {
            let report = json!({
                "host": name, "detail": format!("power is {}", body["action"].as_str().unwrap_or("?")),
                "power": "on", "job": 7, "warnings": ["the host is in maintenance: fan"], "receipts": [],
            });
            (200, report)
        }
    });
    let (code, rows, errors) = server.run(&["power", "on", "n[1-3]", "--timeout", "90s"]);
    assert_eq!(code, Some(4), "{errors}");
    assert!(rows.contains("n1    power is on\n"), "{rows}");
    assert!(rows.contains("n2    management is disabled at zone ams\n"), "{rows}");
    assert!(errors.contains("warning: n1: the host is in maintenance: fan\n"), "{errors}");
    assert!(errors.contains("hint (1 of them): do something else\n"), "{errors}");

    let (code, text, _) = server.run(&["power", "on", "n[1-3]", "-o", "json"]);
    assert_eq!(code, Some(4));
    let rows: Value = serde_json::from_str(&text).expect("the rows are one document");
    let refused = rows.as_array().unwrap().iter().find(|row| row["host"] == "n2").unwrap();
    assert_eq!(
        (&refused["code"], &refused["hint"]),
        (&json!("management.disabled"), &json!("do something else"))
    );
    assert!(
        rows.as_array().unwrap().iter().any(|row| row["job"] == 7 && row["warnings"].is_array()),
        "{text}"
    );
}

#[test]
fn power_status_reads_now_and_is_sure_of_nothing_that_it_cannot_see() {
    let status = |power: &str, reach: &str, detail: Option<&str>, icon: &str| {
        let at = "2026-03-01T02:14:07.120Z";
        let fact = |value: &str| json!({ "value": value, "observedAt": at, "since": at, "source": "ipmi 10.0.7.12" });
        let mut reach = fact(reach);
        reach["detail"] = json!(detail);
        let status = json!({
            "power": fact(power), "reach": reach, "screenReach": null, "icon": icon, "screen": null,
            "health": "unknown",
        });
        (200, status)
    };
    let server = Server::start(move |method, path, _| match (method, host(path)) {
        ("POST", "n1") => status("on", "ok", None, "on"),
        ("POST", "n2") => status("off", "ok", None, "off"),
        ("POST", "n3") => status("on", "unreachable", Some("no answer"), "unknown"),
        ("POST", "n4") => problem(409, "management.disabled", "management is disabled at zone ams"),
        _ => problem(404, "not_found", path),
    });
    let (code, rows, errors) = server.run(&["power", "status", "n[1-2]"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(rows.contains("n1    on\n") && rows.contains("n2    off\n"), "{rows}");
    assert_eq!(server.asked(), ["POST /api/v1/hosts/n1/refresh", "POST /api/v1/hosts/n2/refresh"]);

    let (code, rows, _) = server.run(&["power", "status", "n3"]);
    assert_eq!(code, Some(1));
    assert!(rows.contains("n3    Unknown (last on, ") && rows.contains(" ago): no answer\n"), "{rows}");
    let (_, text, _) = server.run(&["power", "status", "n3", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()[0]["power"], "unknown", "{text}");

    let (code, rows, errors) = server.run(&["power", "status", "n4"]);
    assert_eq!(code, Some(4));
    assert!(rows.contains("n4    management is disabled at zone ams\n"), "{rows}");
    assert!(errors.contains("hint: do something else"), "{errors}");
    assert_eq!(server.run(&["power", "status", "n5"]).0, Some(3));
}

#[test]
fn power_that_is_not_waited_for_prints_the_job() {
    let server = Server::start(|_, path, body| {
        assert_eq!(body["wait"], false);
        (202, job(17, host(path), &json!({ "power": "off" }), "queued"))
    });
    let (code, rows, errors) = server.run(&["power", "off", "n1", "--no-wait"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(rows.contains("job 17: power off queued"), "{rows}");
}

#[test]
fn a_rotation_stops_after_too_many_failures_and_tells_whom_it_did_not_touch() {
    let server = Server::start(|_, path, _| match host(path) {
        "n2" => problem(502, "password.refused", "the controller refuses it"),
        name => (200, job(3, name, &json!("password"), "done")),
    });
    let (code, rows, errors) = server.run(&["password", "rotate", "n[1-5]", "--at-once", "1"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(rows.contains("n1    password changed"), "{rows}");
    for name in ["n3", "n4", "n5"] {
        assert!(rows.contains(&format!("{name}    not touched")), "{rows}");
    }
    assert!(errors.contains("stopped after 1 failure: 3 of 5 hosts were not touched"), "{errors}");
    assert_eq!(server.asked(), ["POST /api/v1/hosts/n1/password", "POST /api/v1/hosts/n2/password"]);

    let (_, rows, errors) =
        server.run(&["password", "rotate", "n[1-5]", "--at-once", "1", "--max-failures", "2"]);
    assert!(rows.contains("n5    password changed") && !errors.contains("stopped"), "{rows}{errors}");
}

#[test]
fn a_new_password_is_read_from_its_file_and_printed_nowhere() {
    let secret = "Correct-Horse-9";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{secret}\n")).unwrap();
    let server = Server::start(move |_, path, body| {
        assert_eq!(body["new"], secret);
        assert_eq!(body["user"], "operator");
        (200, job(3, host(path), &json!("password"), "done"))
    });
    let path = file.path().to_string_lossy().into_owned();
    for format in ["table", "json", "yaml"] {
        let (code, rows, errors) = server.run(&[
            "password",
            "rotate",
            "n1",
            "--new-from",
            &path,
            "--user",
            "operator",
            "-o",
            format,
        ]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(!rows.contains("Correct") && !errors.contains("Correct"), "{rows}{errors}");
    }
}

#[test]
fn a_fencing_that_is_not_proven_is_refused_with_what_was_found() {
    let at = "2026-03-01T02:14:07.120Z";
    let server = Server::start(move |method, path, _| {
        if method == "POST" {
            let (status, mut body) =
                problem(409, "fence.not_proven", "n1 does not answer, which proves nothing");
            body["job"] = json!(9);
            return (status, body);
        }
        assert_eq!(path, "/api/v1/jobs/9");
        let found = json!({ "type": "noAnswer", "at": at, "source": "ipmi 10.0.7.12", "reason": "silence" });
        let mut fence = job(9, "n1", &json!("fence"), "failed");
        fence["fence"] = json!({ "host": "n1", "fenced": false, "reason": "r", "evidence": [found] });
        (200, fence)
    });
    let (code, rows, errors) = server.run(&["fence", "n1"]);
    assert_eq!(code, Some(4), "{errors}");
    assert!(rows.contains("02:14:07  ipmi 10.0.7.12: no answer, which proves nothing: silence"), "{rows}");
}

#[test]
fn a_host_that_is_enabled_below_a_disabled_zone_is_warned_of() {
    let server = Server::start(|method, path, body| {
        let said = |kind: &str, name: &str, on: bool, reason: Option<&str>| {
            let management = json!({ "on": on, "reason": reason });
            (
                200,
                json!({ "kind": kind, "name": name, "management": management, "maintenance": { "on": false } }),
            )
        };
        match (method, path) {
            ("PUT", "/api/v1/hosts/n1/management") => {
                assert_eq!(*body, json!({ "enabled": true }));
                said("Host", "n1", true, None)
            }
            (_, "/api/v1/hosts/n1") => {
                (200, json!({ "metadata": { "name": "n1" }, "spec": { "cluster": "web", "connectors": [] } }))
            }
            (_, "/api/v1/clusters/web") => {
                (200, json!({ "metadata": { "name": "web" }, "spec": { "zone": "ams" } }))
            }
            (_, "/api/v1/clusters/web/management") => said("Cluster", "web", true, None),
            (_, "/api/v1/zones/ams/management") => said("Zone", "ams", false, Some("move")),
            _ => problem(404, "not_found", path),
        }
    });
    let (code, rows, errors) = server.run(&["manage", "enable", "host", "n1"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(rows.contains("n1    enabled"), "{rows}");
    assert!(errors.contains("warning: n1: not managed all the same: zone ams is disabled: move"), "{errors}");
}

#[test]
fn hosts_show_what_holds_beside_their_power() {
    let server = Server::start(|_, path, _| {
        if path == "/api/v1/machines" {
            return (200, json!({ "items": [] }));
        }
        let fact = |value: &str| {
            let at = "2026-03-01T02:14:07.120Z";
            json!({ "value": value, "observedAt": at, "since": at, "source": "ipmi 10.0.7.12" })
        };
        let status = json!({
            "power": fact("on"), "reach": fact("auth_failed"), "screenReach": null, "icon": "unknown",
            "screen": null, "health": "unknown", "alerts": ["auth_failed"], "maintenance": { "on": true },
            "management": fact("enabled"), "owner": "a-1",
        });
        let host = json!({ "metadata": { "name": "n1" }, "spec": { "connectors": [] }, "status": status });
        (200, json!({ "items": [host] }))
    });
    let (code, text, _) = server.run(&["get", "hosts"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("Unknown (last on, "), "{text}");
    assert!(text.contains("maintenance, auth failed"), "{text}");
    let (_, text, _) = server.run(&["get", "hosts", "-o", "wide"]);
    assert!(text.contains("SERVER") && text.contains("a-1"), "{text}");
}

#[test]
fn a_server_that_dies_in_the_middle_ends_the_command() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (die, told_to_die) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let answer: Answer = Arc::new(|_, path, _| {
            (200, json!({ "host": host(path), "detail": "power is on", "receipts": [] }))
        });
        let (stream, _) = listener.accept().unwrap();
        serve(&stream, &answer, &Mutex::default()).unwrap();
        told_to_die.recv().unwrap();
    });
    let mut ironhand = Command::new(env!("CARGO_BIN_EXE_ironhand"))
        .args(["--server", &url, "power", "on", "n[1-5000]"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The row of the one host that was answered is there while the others wait.
    let mut rows = BufReader::new(ironhand.stdout.take().unwrap()).lines();
    assert!(rows.next().unwrap().unwrap().starts_with("NAME"));
    assert!(rows.next().unwrap().unwrap().ends_with("power is on"));
    die.send(()).unwrap();
    server.join().unwrap();
    assert_eq!(rows.count(), 0);
    let output = ironhand.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{errors}");
    assert!(errors.starts_with("1 of 5000 hosts answered; "), "{errors}");
}

/// What a host reads through a connector.
fn reading(host: &str, found: Value) -> (u16, Value) {
    let mut report = json!({ "host": host, "connector": "redfish 10.0.7.12", "receipts": [] });
    let fields = found.as_object().expect("what was read is an object").clone();
    report.as_object_mut().expect("it is an object").extend(fields);
    (200, report)
}

#[test]
fn sensors_are_a_table_of_one_host_and_blocks_of_several() {
    let server = Server::start(|_, path, _| match host(path) {
        "n2" => problem(422, "host.no_connector", "n2 has no connector for sensors: it has vnc 10.0.7.13"),
        "n3" => reading("n3", json!({ "sensors": [] })),
        name => {
            let sensors = json!([
                { "name": "Inlet", "kind": "Temperature", "reading": 24.5, "unit": "Cel", "state": "ok" },
                { "name": "Fan 1", "kind": "Rotational", "reading": 300.0, "unit": "RPM", "state": "critical" },
                { "name": "PSU\u{1b}[2J", "state": "warning", "events": ["Predictive failure"] },
                { "name": "Fan 2", "kind": "Rotational", "state": "absent" },
            ]);
            reading(name, json!({ "sensors": sensors, "missing": ["/redfish/v1/x: no answer"] }))
        }
    });
    let (code, rows, errors) = server.run(&["sensors", "n1"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{rows}");
    let lines: Vec<_> = rows.lines().map(str::trim_end).collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["SENSOR", "READING", "STATE"]);
    assert!(
        lines[1].starts_with("Inlet") && lines[1].contains("24.5 °C") && lines[1].ends_with("ok"),
        "{rows}"
    );
    assert!(lines[2].contains("300 RPM") && lines[2].ends_with("critical"), "{rows}");
    assert!(lines[3].starts_with("PSU [2J") && lines[3].ends_with("warning: Predictive failure"), "{rows}");
    assert!(rows.contains("not read: /redfish/v1/x: no answer"), "{rows}");
    assert!(rows.contains("1 sensor says nothing at the moment") && !rows.contains("Fan 2"), "{rows}");
    let (_, rows, _) = server.run(&["sensors", "n1", "--type", "fan", "--absent"]);
    assert!(rows.contains("Fan 1") && rows.contains("Fan 2") && !rows.contains("Inlet"), "{rows}");

    let (code, rows, errors) = server.run(&["sensors", "n[1-3]"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(rows.contains("n1: Inlet") && rows.contains("n3: none\n"), "{rows}");
    assert!(rows.contains("n2: n2 has no connector for sensors: it has vnc 10.0.7.13\n"), "{rows}");
    assert!(
        errors.contains("3 hosts in ") && errors.contains(": 1 critical, 1 host no connector, 1 ok"),
        "{errors}"
    );
    assert!(errors.contains("hint (1 of them): do something else\n"), "{errors}");

    let (_, text, _) = server.run(&["sensors", "n[1-3]", "-o", "json"]);
    let rows: Value = serde_json::from_str(&text).expect("the rows are one document");
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["host"] == name).unwrap().clone();
    assert_eq!(row("n1")["sensors"].as_array().unwrap().len(), 4, "{text}");
    assert_eq!(
        (&row("n1")["connector"], &row("n2")["code"]),
        (&json!("redfish 10.0.7.12"), &json!("host.no_connector"))
    );
    let (_, names, _) = server.run(&["sensors", "n[1-3]", "-o", "name"]);
    assert!(names.contains("n1\n") && !names.contains("n2"), "{names}");
}

#[test]
fn event_logs_are_read_in_part_and_erased_only_with_care() {
    let server = Server::start(|method, path, _| match (method, path.split_once('?')) {
        ("DELETE", _) => {
            (200, json!({ "host": host(path), "detail": "the event log Sel is cleared", "receipts": [] }))
        }
        (_, Some((_, "newest=2"))) => {
            let entry = json!({
                "id": "7", "at": "2026-03-02T08:00:00.000Z", "severity": "critical", "message": "Input lost",
                "about": "Power Supply PSU1",
            });
            reading(host(path), json!({ "entries": [entry] }))
        }
        _ => problem(400, "request.malformed", path),
    });
    let (code, rows, errors) = server.run(&["sel", "n1", "--last", "2"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{rows}");
    let row = rows.lines().nth(1).unwrap_or_default();
    let words = ["7", "2026-03-02T08:00:00Z", "critical", "Power Supply PSU1", "Input lost"];
    assert!(words.iter().all(|word| row.contains(word)), "{rows}");
    let (code, _, errors) = server.run(&["sel", "list", "n1", "--since", "yesterday"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("write how long ago, like 2h"), "{errors}");
    let (_, rows, _) = server.run(&["sel", "n1", "--since", "2026-03-02T08:00:00Z"]);
    assert!(rows.contains("since=2026-03-02T08"), "{rows}");

    let (code, _, errors) = server.run(&["sel", "clear", "n[1-2]"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("erase the event logs of 2 hosts") && errors.contains("--yes"), "{errors}");
    assert!(!server.asked().iter().any(|asked| asked.starts_with("DELETE")), "{:?}", server.asked());
    let (code, rows, _) = server.run(&["sel", "clear", "n[1-2]", "--yes"]);
    assert_eq!(code, Some(0));
    assert!(rows.contains("n2    the event log Sel is cleared\n"), "{rows}");
    assert_eq!(server.run(&["sel", "n[1-2]", "--follow"]).0, Some(2));
}

#[test]
fn one_host_is_told_whole_and_several_on_a_line_each() {
    let server = Server::start(|_, path, _| {
        let parts = json!([
            { "kind": "memory", "name": "DIMM A1", "serial": "M1", "partNumber": "P1", "bytes": 17_179_869_184_u64 },
            { "kind": "network-interface", "name": "NIC 1", "mac": "52:54:00:12:34:56", "health": "OK" },
        ]);
        let found =
            json!({ "manufacturer": "Acme", "model": "R1", "serial": "S1", "bios": "2.1", "parts": parts });
        reading(host(path), found)
    });
    let (code, rows, _) = server.run(&["inventory", "n1"]);
    assert_eq!(code, Some(0));
    for words in ["manufacturer  Acme", "BIOS          2.1", "16 GiB", "52:54:00:12:34:56"] {
        assert!(rows.contains(words), "{words}: {rows}");
    }
    let (_, rows, _) = server.run(&["inventory", "n[1-2]"]);
    let line = "n2: Acme R1, serial S1, BIOS 2.1, 1 memory module of 16 GiB, 1 network interface\n";
    assert!(rows.contains(line), "{rows}");
    let (_, rows, _) = server.run(&["fru", "n1"]);
    assert!(rows.contains("DIMM A1") && rows.contains("P1") && !rows.contains("NIC 1"), "{rows}");
}

#[test]
fn lights_and_images_are_asked_for_as_written() {
    let server = Server::start(|method, path, body| {
        let words = format!("{method} {} {body}", path.rsplit('/').next().unwrap_or_default());
        (200, json!({ "host": host(path), "detail": words, "receipts": [] }))
    });
    let check = |arguments: &[&str], words: &str| {
        let (code, rows, errors) = server.run(arguments);
        assert_eq!(code, Some(0), "{errors}");
        assert!(rows.contains(words), "{words}: {rows}");
    };
    check(&["identify", "on", "n1", "--for", "30s"], r#"POST identify {"for":"30s","on":true}"#);
    check(&["identify", "off", "n1"], r#"POST identify {"on":false}"#);
    check(
        &["media", "insert", "http://10.0.0.1/a.iso", "n1", "--kind", "usb", "--credential", "images"],
        r#"POST media {"credential":"images","kind":"usb","url":"http://10.0.0.1/a.iso"}"#,
    );
    check(&["media", "eject", "n1", "--drive", "CD"], "DELETE media?drive=CD");
    assert_eq!(server.run(&["media", "insert", "http://10.0.0.1/a.iso"]).0, Some(2));
}

/// A run of flow `f1`, as the server tells it.
fn run(id: u64, host: &str, state: &str) -> Value {
    let seen = json!({ "text": "Press F1", "row": 0, "column": 0, "confidence": 1.0, "screenText": "Press F1",
                       "readAt": "2026-03-01T02:14:07.120Z" });
    json!({ "id": id, "host": host, "incident": 1, "flow": "f1", "attempt": 1, "state": state, "reason": "told",
            "asked": { "by": "alice" }, "startedAt": "2026-03-01T02:14:07.120Z", "matched": seen, "steps": [] })
}

#[test]
fn runs_by_hand_are_begun_waited_for_and_told_of() {
    let server = Server::start(|method, path, body| match (method, path) {
        ("POST", _) if body["dryRun"] == true => {
            let step = json!({ "place": "1", "does": "press `<F1>`", "note": "so now" });
            let plan = json!({ "host": host(path), "flow": "f1", "applies": true, "reason": "it shows `Press F1`",
                               "steps": [step], "verify": "`login:` on the screen, within 2m" });
            (200, plan)
        }
        ("POST", _) if host(path) == "n3" => problem(409, "recover.reserved", "the host is in maintenance"),
        ("POST", _) => (202, run(if host(path) == "n1" { 7 } else { 8 }, host(path), "running")),
        (_, "/api/v1/runs/7") => (200, run(7, "n1", "succeeded")),
        _ => (200, run(8, "n2", "failed")),
    });
    let (code, out, _) = server.run(&["recover", "n1", "--by", "alice"]);
    assert_eq!((code, out.as_str()), (Some(0), "NAME  RESULT\nn1    run 7: flow f1 begins\n"));
    let (code, out, _) = server.run(&["recover", "n[1-3]", "--wait"]);
    assert_eq!(code, Some(1), "{out}");
    for row in [
        "n1    run 7: flow f1 succeeded: told",
        "n2    run 8: flow f1 failed: told",
        "n3    the host is in maintenance",
    ] {
        assert!(out.contains(row), "{out}");
    }
    let (code, _, told) = server.run(&["recover", "n3"]);
    assert_eq!(code, Some(4), "{told}");
    // More hosts than at once are waited for.
    let (code, out, _) = server.run(&["recover", "n[1-2]", "--at-once", "1", "-o", "json"]);
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &rows[0]["run"], &rows[1]["run"]), (Some(1), &json!(7), &json!(8)), "{out}");
    let (code, out, _) = server.run(&["recover", "n1", "--dry-run"]);
    assert_eq!(code, Some(0), "{out}");
    for part in ["f1 applies: it shows `Press F1`", "press `<F1>`", "so now", "nothing was done"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, _, told) = server.run(&["recover", "n1", "--force"]);
    assert_eq!(code, Some(2), "{told}");
}
