//! No secret is ever shown: the program as users run it, with passwords that stand nowhere by accident, and a search of
//! everything that it leaves behind after it was used, asked for what cannot be, and killed.

#[path = "canary/program.rs"]
mod program;
#[path = "canary/receivers.rs"]
mod receivers;
#[path = "canary/secret.rs"]
mod secret;

use std::path::Path;
use std::time::Duration;

use e2e::{free_udp_port, wait_until};
use program::{Program, request};
use receivers::Receiver;
use secret::{CONTROLLER, Canary, MAIL, MISPLACED, ROTATED, ROTATED_AGAIN, WEBHOOK, WRONG, found};
use serde_json::Value;

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was looked at, and what was found there.
#[derive(Default)]
struct Search {
    places: usize,
    found: Vec<String>,
}

impl Search {
    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.places += 1;
        self.found.extend(found(place, bytes));
    }

    /// Every file below a folder, but for the key.
    fn folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.folder(&path);
            } else if path.is_file() && path.file_name().is_some_and(|name| name != "key") {
                self.look(&path.display().to_string(), &std::fs::read(&path).expect("a file"));
            }
        }
    }

    fn command(&mut self, program: &Program, arguments: &[&str]) -> std::process::Output {
        let output = program.command(arguments);
        self.look(&format!("the output of {arguments:?}"), &output.stdout);
        self.look(&format!("the errors of {arguments:?}"), &output.stderr);
        output
    }

    /// A call of the API; its answer must have one of these statuses.
    fn call(&mut self, program: &Program, method: &str, path: &str, body: &str, statuses: &[u16]) -> String {
        let (status, answer) = request(&program.socket(), method, path, body);
        assert!(statuses.is_empty() || statuses.contains(&status), "{method} {path}: {status} {answer}");
        self.look(&format!("the answer to {method} {path}"), answer.as_bytes());
        answer
    }

    /// What every user of the machine can see of a process.
    fn process(&mut self, what: &str, id: u32) {
        for file in ["cmdline", "environ"] {
            // What others may not read, they do not see.
            if let Ok(bytes) = std::fs::read(format!("/proc/{id}/{file}")) {
                self.look(&format!("{file} of {what}"), &bytes);
            }
        }
    }
}

/// The paths that can be asked for with GET, out of the source of the routes, so that none is forgotten.
fn paths() -> Vec<String> {
    let source = include_str!("../../../crates/server/src/http.rs");
    let mut paths: Vec<String> = source
        .split(".route(")
        .skip(1)
        .filter(|rest| rest.split(".route(").next().is_some_and(|one| one.contains("get(")))
        .filter_map(|rest| rest.split('"').nth(1))
        .map(|path| if path.ends_with("z") { path.to_owned() } else { format!("/api/v1{path}") })
        .collect();
    paths.sort();
    assert!(paths.len() > 12, "{paths:?}");
    paths
}

/// Who is told by the notifiers that can deliver.
struct Receivers {
    hook: Receiver,
    mail: Receiver,
}

/// Nobody listens there.
const DEAD: u16 = 9;

/// Applies what the test needs: hosts of every fate, and of each kind of notifier one that can deliver and one that
/// cannot.
fn manifests(search: &mut Search, program: &Program, receivers: &Receivers, port: u16, screen: u16) {
    let secret = |canary: Canary| {
        let path = program.folder().join("secrets").join(canary.what.replace([' ', '\''], "-"));
        std::fs::write(&path, format!("{}\n", canary.value)).expect("a file");
        format!("{{ fromFile: {} }}", path.display())
    };
    std::fs::create_dir_all(program.folder().join("secrets")).expect("a folder");
    let credential = |name: &str, canary: Canary| {
        format!(
            "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: {name} }}\n\
             spec: {{ username: admin, password: {} }}\n---\n",
            secret(canary)
        )
    };
    let host = |name: &str, credential: &str, number: u8, more: &str| {
        format!(
            "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\nspec:\n  credentials: [{credential}]\n  \
             connectors:\n    - {{ type: ipmi, address: 127.97.0.{number}, port: {port} }}\n{more}---\n"
        )
    };
    let vnc = format!("    - {{ type: vnc, address: 127.0.0.1, port: {screen} }}\n");
    let text = [
        credential("right", CONTROLLER),
        credential("wrong", WRONG),
        host("well", "right", 1, &vnc),
        host("refused", "wrong", 2, ""),
        host("dead", "right", 3, ""),
    ]
    .concat();
    program.apply("all.yaml", &text);
    let hook = |name: &str, port: u16| {
        format!(
            "apiVersion: ironhand/v1\nkind: Notifier\nmetadata: {{ name: {name} }}\n\
             spec: {{ webhook: {{ url: 'http://127.0.0.1:{port}/hook', secret: {} }}, events: ['*'] }}\n---\n",
            secret(WEBHOOK)
        )
    };
    let mail = |name: &str, port: u16| {
        format!(
            "apiVersion: ironhand/v1\nkind: Notifier\nmetadata: {{ name: {name} }}\n\
             spec: {{ email: {{ server: 127.0.0.1, port: {port}, security: none, username: me, password: {}, \
             from: a@example.net, to: [b@example.net] }}, events: ['*'] }}\n---\n",
            secret(MAIL)
        )
    };
    let text = [
        hook("hook", receivers.hook.port()),
        hook("dead-hook", DEAD),
        mail("mail", receivers.mail.port()),
        mail("dead-mail", DEAD),
    ]
    .concat();
    program.write("notifiers.yaml", &text);
    let applied = search.command(program, &["apply", "-f", &program.path("notifiers.yaml")]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

/// Changes a password where that works, twice, and where it cannot.
fn rotate(search: &mut Search, program: &Program) {
    program.write("secrets/the-new-password", ROTATED.value);
    let file = program.path("secrets/the-new-password");
    let changed = search.command(program, &["password", "rotate", "well", "--new-from", &file]);
    let words = String::from_utf8_lossy(&changed.stderr);
    assert!(changed.status.success() && search.found.is_empty(), "{:?} {words}", search.found);
    let body = format!(r#"{{"new":"{}","wait":true}}"#, ROTATED_AGAIN.value);
    for (host, statuses) in [("well", &[200]), ("refused", &[502]), ("dead", &[502])] {
        let answer = search.call(program, "POST", &format!("/api/v1/hosts/{host}/password"), &body, statuses);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        // A refusal names the job that it ended.
        let job = if answer["code"].is_null() { &answer["id"] } else { &answer["job"] };
        let job = search.call(program, "GET", &format!("/api/v1/jobs/{job}"), "", &[200]);
        let state = if host == "well" { "done" } else { "failed" };
        assert!(job.contains(&format!(r#""state":"{state}""#)), "{job}");
    }
    for host in ["refused", "dead"] {
        let refused = search.command(program, &["password", "rotate", host, "--new-from", &file]);
        assert!(!refused.status.success(), "the password of {host} cannot be changed");
    }
}

/// Tries every notifier, and waits until those that can be told have been told what happened.
fn tell(search: &mut Search, program: &Program, receivers: &Receivers) {
    for (notifier, status) in [("hook", 200), ("mail", 200), ("dead-hook", 502), ("dead-mail", 502)] {
        let path = format!("/api/v1/notifiers/{notifier}/test");
        search.call(program, "POST", &path, "", &[status]);
    }
    for (what, receiver) in [("hook", &receivers.hook), ("mail", &receivers.mail)] {
        wait_until(&format!("{what} is told of the new password"), PATIENCE, || {
            let told = receiver.told();
            let tells = |one: &Vec<u8>| String::from_utf8_lossy(one).contains("password");
            if told.iter().any(tells) { Ok(()) } else { Err(format!("{} letters", told.len())) }
        });
        for letter in receiver.told() {
            search.look(&format!("what {what} was told"), &letter);
        }
    }
}

/// Where a password stands where it cannot, the refusal must not repeat it.
fn misplace(search: &mut Search, program: &Program) {
    let value = MISPLACED.value;
    let long = value.repeat(4);
    let specs = [
        format!(r#"{{"username":"a","password":["{value}"]}}"#),
        format!(r#"{{"username":"a","password":{{"{value}":1}}}}"#),
        format!(r#"{{"username":"a","password":{{"fromFile":["{value}"]}}}}"#),
        format!(r#"{{"username":["{value}"],"password":"{value}"}}"#),
        format!(r#"{{"username":"a","password":"{value}","more":1}}"#),
        format!(r#"{{"password":"{value}"}}"#),
        format!(r#"{{"username":"a","password":"{value}"#),
        format!(r#"{{"username":"a","password":"{value}" "x"}}"#),
        format!(r#"{{"username":"{}","password":"{long}{long}"}}"#, "a".repeat(300)),
    ];
    for spec in &specs {
        let body = format!(
            r#"{{"apiVersion":"ironhand/v1","kind":"Credential","metadata":{{"name":"odd"}},"spec":{spec}}}"#
        );
        search.call(program, "PUT", "/api/v1/credentials/odd", &body, &[]);
        search.call(program, "PUT", "/api/v1/credentials/odd?dryRun=true", &body, &[]);
        search.call(program, "PUT", "/api/v1/hosts/odd", &body, &[]);
        program.write("odd.yaml", &body);
        let file = program.path("odd.yaml");
        search.command(program, &["validate", "-f", &file]);
        search.command(program, &["apply", "-f", &file]);
    }
    for spec in [
        format!(r#"{{"webhook":{{"url":"http://127.0.0.1:9","secret":["{value}"]}}}}"#),
        format!(r#"{{"webhook":{{"url":"no url","secret":"{value}"}}}}"#),
        format!(r#"{{"webhook":{{"url":"http://127.0.0.1:9","secret":"{value}"}},"body":"{{{{ oops"}}"#),
        format!(r#"{{"email":{{"server":"","password":"{value}","from":"x","to":[]}}}}"#),
    ] {
        let body = format!(
            r#"{{"apiVersion":"ironhand/v1","kind":"Notifier","metadata":{{"name":"odd"}},"spec":{spec}}}"#
        );
        search.call(program, "PUT", "/api/v1/notifiers/odd", &body, &[]);
    }
    for new in [&value.repeat(2), &format!("{value}\\u0007"), &format!("{value}\\u00e9")] {
        for host in ["well", "dead", "refused", "nobody"] {
            let body = format!(r#"{{"new":"{new}"}}"#);
            search.call(program, "POST", &format!("/api/v1/hosts/{host}/password"), &body, &[]);
        }
    }
    let body = format!(r#"{{"new":["{value}"]}}"#);
    search.call(program, "POST", "/api/v1/hosts/well/password", &body, &[]);
    let body = format!(r#"{{"keys":"{value}<NoSuchKey>"}}"#);
    search.call(program, "POST", "/api/v1/hosts/well/keys", &body, &[]);
}

/// Asks for everything that can be read, of everything there is.
fn read_all(search: &mut Search, program: &Program) {
    let names = ["well", "refused", "dead", "right", "wrong", "hook", "mail", "dead-hook", "nobody"];
    for path in paths() {
        let asked: Vec<String> = if path.contains("{name}") {
            names.iter().map(|name| path.replace("{name}", name)).collect()
        } else if path.contains("{id}") {
            (1..4).map(|id| path.replace("{id}", &id.to_string())).collect()
        } else {
            vec![path.replace("{digest}", &"0".repeat(64))]
        };
        for path in asked {
            search.call(program, "GET", &path, "", &[]);
        }
    }
    for kind in ["hosts", "credentials", "flows", "zones", "clusters", "settings", "notifiers"] {
        for format in ["table", "wide", "json", "yaml", "name"] {
            search.command(program, &["get", kind, "-o", format]);
        }
    }
    for arguments in [["events", "-o", "json"], ["incidents", "-o", "json"], ["runs", "-o", "json"]] {
        search.command(program, &arguments);
    }
}

fn status(program: &Program, host: &str) -> Value {
    let (_, answer) = request(&program.socket(), "GET", &format!("/api/v1/hosts/{host}"), "");
    serde_json::from_str::<Value>(&answer).map(|host| host["status"].clone()).unwrap_or_default()
}

fn until(program: &Program, host: &str, fact: &str, wanted: &str) {
    wait_until(&format!("{fact} of {host} is {wanted}"), PATIENCE, || {
        let status = status(program, host);
        if status[fact]["value"] == wanted { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn no_secret_is_shown_by_a_server_that_is_used_misused_and_killed() {
    let mut search = Search::default();
    let port = free_udp_port();
    let mut program = Program::start(port);
    let receivers = Receivers { hook: Receiver::http(), mail: Receiver::mail() };
    manifests(&mut search, &program, &receivers, port, free_udp_port());
    until(&program, "well", "power", "on");
    until(&program, "refused", "reach", "auth_failed");
    until(&program, "dead", "reach", "unreachable");
    for (id, what) in program.processes() {
        search.process(what, id);
    }

    for action in ["off", "on", "cycle", "reset", "soft", "nmi"] {
        for host in ["well", "refused"] {
            let body = format!(r#"{{"action":"{action}","timeout":"2s"}}"#);
            search.call(&program, "POST", &format!("/api/v1/hosts/{host}/power"), &body, &[]);
        }
    }
    rotate(&mut search, &program);
    search.call(&program, "DELETE", "/api/v1/credentials/right", "", &[409]);
    tell(&mut search, &program, &receivers);
    misplace(&mut search, &program);
    read_all(&mut search, &program);

    program.kill("KILL");
    search.folder(&program.data());
    program.serve();
    until(&program, "well", "reach", "ok");
    read_all(&mut search, &program);
    program.kill("ABRT");
    search.folder(&program.data());
    // What it said, and a picture of its memory, would the system have kept one.
    search.folder(&program.folder().join("words"));
    assert!(search.places > 300, "only {} places", search.places);
    let words = std::fs::read_to_string(program.folder().join("words/serve.err")).expect("its words");
    assert!(words.contains("DEBUG"), "it says all that it can");
    assert!(search.found.is_empty(), "{}", search.found.join("\n"));
}
