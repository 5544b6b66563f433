//! Switches that are told by HTTP, through the connectors of a host.

use std::sync::{Arc, Mutex, PoisonError};

use ironhand_api::{
    Connector, HttpSwitchOptions, Name, PowerAction, PowerState, ShellyOptions, SwitchRequest, SwitchStatus,
    TasmotaOptions, Way,
};
use ironhand_connectors::{Device, Login, Outlets, Surroundings, open};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as a switch sees it.
struct Asked {
    method: String,
    path: String,
    authorization: String,
    body: String,
}

/// What a switch answers: status, a header, body.
type Answered = (u16, String, String);

/// A switch with one relay.
struct Switch {
    port: u16,
    on: Arc<Mutex<bool>>,
}

impl Switch {
    /// A switch that answers as `answer` says, which may move the relay.
    async fn start(answer: fn(&Asked, &mut bool) -> Answered) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let on = Arc::new(Mutex::new(true));
        let relay = Arc::clone(&on);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, Arc::clone(&relay)));
            }
        });
        Self { port, on }
    }

    fn is_on(&self) -> bool {
        *self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn device(&self, way: Way, login: Option<(&str, &str)>) -> Box<dyn Device> {
        let mut connector = Connector::new(way, "127.0.0.1");
        connector.port = Some(self.port);
        connector.credentials = login.map(|_| vec!["switch".parse::<Name>().expect("a name")]);
        let login = login
            .map(|(username, password)| Login { username: username.to_owned(), password: password.into() });
        open(&connector, login, &Surroundings::default()).expect("a connector that can be used")
    }
}

async fn serve(stream: TcpStream, answer: fn(&Asked, &mut bool) -> Answered, relay: Arc<Mutex<bool>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(stream.read_line(&mut head).await, Ok(1..)) {
                return;
            }
        }
        let header = |name: &str| {
            let found = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            found
                .and_then(|line| line.split_once(": "))
                .map(|(_, value)| value.to_owned())
                .unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let mut words = head.split(' ').map(str::to_owned);
        let asked = Asked {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            authorization: header("authorization"),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let (status, extra, body) = answer(&asked, &mut relay.lock().unwrap_or_else(PoisonError::into_inner));
        let length = body.len();
        let told = format!("HTTP/1.1 {status} x\r\n{extra}content-length: {length}\r\n\r\n{body}");
        if stream.write_all(told.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn ok(body: impl Into<String>) -> Answered {
    (200, String::new(), body.into())
}

/// Switches a machine off and on, and checks what the device tells and what the switch did.
async fn check(switch: &Switch, device: &mut dyn Device) {
    assert_eq!(device.power_state().await, Ok(PowerState::Unknown));
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    assert!(!switch.is_on());
    assert_eq!(device.power_state().await, Ok(PowerState::Off));
    assert_eq!(device.outlets().await, Ok(Outlets { off: 1, all: 1 }));
    assert_eq!(device.power(PowerAction::On).await, Ok(()));
    assert!(switch.is_on());
}

/// What is told where the login is wrong; the password is not.
async fn check_refused(device: &mut dyn Device) {
    let refused = device.power(PowerAction::Off).await.expect_err("the password is wrong");
    assert!(refused.is_refusal(), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
}

fn tasmota(asked: &Asked, on: &mut bool) -> Answered {
    let Some(command) = asked.path.strip_prefix("/cm?user=admin&password=top%20secret&cmnd=Power2") else {
        return ok(r#"{"WARNING":"Need user=<username>&password=<password>"}"#);
    };
    match command {
        "%20On" => *on = true,
        "%20Off" => *on = false,
        _ => assert_eq!(command, ""),
    }
    ok(format!(r#"{{"POWER2":"{}"}}"#, if *on { "ON" } else { "OFF" }))
}

#[tokio::test]
async fn a_relay_of_tasmota_is_switched() {
    let switch = Switch::start(tasmota).await;
    let way = || Way::Tasmota(TasmotaOptions { output: Some(2) });
    check(&switch, &mut *switch.device(way(), Some(("admin", "top secret")))).await;
    check_refused(&mut *switch.device(way(), Some(("admin", "hunter2")))).await;
    check_refused(&mut *switch.device(way(), None)).await;
    assert!(switch.is_on());
}

fn first_shelly(asked: &Asked, on: &mut bool) -> Answered {
    if asked.path == "/shelly" {
        return ok(r#"{"type":"SHSW-1","mac":"525400123456","auth":true}"#);
    }
    // admin:top secret
    if asked.authorization != "Basic YWRtaW46dG9wIHNlY3JldA==" {
        return (401, "www-authenticate: Basic realm=\"shelly\"\r\n".to_owned(), String::new());
    }
    match asked.path.as_str() {
        "/relay/0?turn=on" => *on = true,
        "/relay/0?turn=off" => *on = false,
        "/relay/0" => {}
        _ => return (404, String::new(), String::new()),
    }
    ok(format!(r#"{{"ison":{on},"has_timer":false}}"#))
}

#[tokio::test]
async fn a_shelly_of_the_first_generation_is_switched() {
    let switch = Switch::start(first_shelly).await;
    let way = |output| Way::Shelly(ShellyOptions { output, generation: None });
    check(&switch, &mut *switch.device(way(None), Some(("admin", "top secret")))).await;
    check_refused(&mut *switch.device(way(None), Some(("admin", "hunter2")))).await;
    let mut third = switch.device(way(Some(3)), Some(("admin", "top secret")));
    let missing = third.power(PowerAction::Off).await.expect_err("there is no such relay");
    assert_eq!(missing.to_string(), "the switch has no relay 3");
}

fn hex(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join(":"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a request is signed with the password, as RFC 7616 has it.
fn is_signed(asked: &Asked) -> bool {
    let field = |name: &str| {
        let fields = asked.authorization.trim_start_matches("Digest ").split(',');
        let found = fields.filter_map(|field| field.trim().split_once('=')).find(|(known, _)| *known == name);
        found.map(|(_, value)| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let secret = hex(&[&field("username"), "shellyplus1", "top secret"]);
    let request = hex(&[&asked.method, &asked.path]);
    let (nonce, nc, cnonce) = (field("nonce"), field("nc"), field("cnonce"));
    field("response") == hex(&[&secret, &nonce, &nc, &cnonce, "auth", &request])
        && field("username") == "admin"
}

fn later_shelly(asked: &Asked, on: &mut bool) -> Answered {
    if asked.path == "/shelly" {
        return ok(r#"{"id":"shellyplus1-525400123456","gen":2,"auth_en":true}"#);
    }
    if !is_signed(asked) {
        let challenge = "Digest qop=\"auth\", realm=\"shellyplus1\", nonce=\"60dc2f\", algorithm=SHA-256";
        return (401, format!("www-authenticate: {challenge}\r\n"), String::new());
    }
    match asked.path.as_str() {
        "/rpc/Switch.Set?id=0&on=true" => ok(format!(r#"{{"was_on":{}}}"#, std::mem::replace(on, true))),
        "/rpc/Switch.Set?id=0&on=false" => ok(format!(r#"{{"was_on":{}}}"#, std::mem::replace(on, false))),
        "/rpc/Switch.GetStatus?id=0" => ok(format!(r#"{{"id":0,"output":{on},"apower":0.0}}"#)),
        _ => (404, String::new(), String::new()),
    }
}

#[tokio::test]
async fn a_shelly_of_a_later_generation_is_switched() {
    let switch = Switch::start(later_shelly).await;
    let way = || Way::Shelly(ShellyOptions::default());
    check(&switch, &mut *switch.device(way(), Some(("", "top secret")))).await;
    check_refused(&mut *switch.device(way(), Some(("admin", "hunter2")))).await;
}

fn any_switch(asked: &Asked, on: &mut bool) -> Answered {
    if asked.authorization != "Basic YWRtaW46dG9wIHNlY3JldA==" {
        return (401, "www-authenticate: Basic realm=\"x\"\r\n".to_owned(), String::new());
    }
    match (asked.method.as_str(), asked.path.as_str(), asked.body.as_str()) {
        ("POST", "/relay", "state=1") => *on = true,
        ("POST", "/relay", "state=0") => *on = false,
        ("GET", "/status", _) => return ok(format!("<b>relay: {}</b>", if *on { "closed" } else { "open" })),
        _ => return (400, String::new(), String::new()),
    }
    (204, String::new(), String::new())
}

#[tokio::test]
async fn any_switch_is_told_by_the_requests_of_the_manifest() {
    let switch = Switch::start(any_switch).await;
    let request = |body: &str| SwitchRequest {
        method: Some("POST".to_owned()),
        path: "/relay".to_owned(),
        body: Some(body.to_owned()),
    };
    let status = |is_on: &str| SwitchStatus {
        path: "/status".to_owned(),
        is_on: is_on.to_owned(),
        is_off: "relay: open".to_owned(),
    };
    let way = |status| {
        Way::HttpSwitch(HttpSwitchOptions {
            on: request("state=1"),
            off: request("state=0"),
            status,
            tls: None,
        })
    };
    let login = Some(("admin", "top secret"));
    check(&switch, &mut *switch.device(way(Some(status("relay: (closed|on)"))), login)).await;
    check_refused(&mut *switch.device(way(None), Some(("admin", "hunter2")))).await;

    // One that cannot tell is taken at its word.
    let mut mute = switch.device(way(None), login);
    assert_eq!(mute.power(PowerAction::Off).await, Ok(()));
    assert_eq!(mute.power_state().await, Ok(PowerState::Unknown));
    assert!(mute.outlets().await.is_err());
    let mut unclear = switch.device(way(Some(status("relay: never"))), login);
    assert_eq!(unclear.power_state().await, Ok(PowerState::Off));
    assert_eq!(mute.power(PowerAction::On).await, Ok(()));
    let neither = unclear.power_state().await.expect_err("neither pattern is found");
    assert_eq!(neither.code(), "connector.malformed");
}
