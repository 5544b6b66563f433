//! A client and a service without a network between them.

use std::time::Duration;

use serde_json::json;

use super::*;

/// A machine that follows its buttons at once.
#[derive(Default)]
struct Bench {
    on: bool,
    boot: BootOverride,
    identified: bool,
    resets: Vec<ResetType>,
}

impl Machine for Bench {
    fn facts(&mut self) -> Facts {
        Facts { serial: "S1".to_owned(), ..Facts::default() }
    }

    fn is_on(&mut self) -> bool {
        self.on
    }

    fn reset(&mut self, how: ResetType) {
        self.resets.push(how);
        self.on = how != ResetType::ForceOff;
    }

    fn boot(&mut self) -> BootOverride {
        self.boot
    }

    fn set_boot(&mut self, wish: BootOverride) -> Result<(), Unsupported> {
        self.boot = wish;
        Ok(())
    }

    fn is_identified(&mut self) -> bool {
        self.identified
    }

    fn identify(&mut self, lit: bool) {
        self.identified = lit;
    }

    fn accounts(&mut self) -> Vec<Account> {
        let account = |id, name: &str, role| Account { id, name: name.to_owned(), role, enabled: true };
        vec![account(2, "admin", Role::Administrator), account(3, "guest", Role::ReadOnly)]
    }

    fn knows_password(&mut self, account: u8, password: &secrecy::SecretString) -> bool {
        use secrecy::ExposeSecret;
        password.expose_secret() == format!("password{account}")
    }
}

/// A service with its machine and a clock.
struct Rig {
    service: Service,
    machine: Bench,
    now: Moment,
    token: Option<String>,
}

impl Rig {
    fn new() -> Self {
        let mut counter = 0u8;
        let entropy = move |bytes: &mut [u8]| {
            counter += 1;
            bytes.fill(counter);
        };
        let now = Moment { at: Instant::now(), unix: 1_772_438_400 };
        let service = Service::new(Flavour::GENERIC, Box::new(entropy));
        Self { service, machine: Bench::default(), now, token: None }
    }

    fn send(&mut self, method: &str, path: &str, body: Value) -> ServiceReply {
        let mut request = ServiceRequest::new(method, path, [127, 0, 0, 1].into());
        if let Some(token) = &self.token {
            request = request.with_header("X-Auth-Token", token);
        }
        if !body.is_null() {
            request = request.with_body(body.to_string().into_bytes());
        }
        self.service.answer(self.now, &request, &mut self.machine)
    }

    fn log_in(&mut self, name: &str, password: &str) -> ServiceReply {
        self.token = None;
        let body = json!({ "UserName": name, "Password": password });
        let reply = self.send("POST", "/redfish/v1/SessionService/Sessions", body);
        self.token = reply.header("X-Auth-Token").map(str::to_owned);
        reply
    }

    fn get(&mut self, path: &str) -> Value {
        let reply = self.send("GET", path, Value::Null);
        assert_eq!(reply.status, 200, "{path}: {}", shown_body(&reply));
        shown_body(&reply)
    }
}

fn shown_body(reply: &ServiceReply) -> Value {
    match &reply.body {
        ReplyBody::Empty => Value::Null,
        ReplyBody::Bytes(bytes) => serde_json::from_slice(bytes).expect("JSON"),
    }
}

#[test]
fn who_is_not_logged_in_sees_the_root_alone() {
    let mut rig = Rig::new();
    let mut check = |path: &str, status: u16| {
        let reply = rig.send("GET", path, Value::Null);
        assert_eq!(reply.status, status, "{path}");
    };
    check("/redfish", 200);
    check("/redfish/v1", 200);
    check("/redfish/v1/", 200);
    check("/redfish/v1/odata", 200);
    check("/redfish/v1/Systems", 401);
    check("/redfish/v1/Systems/1", 401);
    check("/redfish/v1/SessionService/Sessions", 401);
    check("/redfish/v1/Nothing", 401);
    check("/", 401);
}

#[test]
fn a_session_opens_is_used_and_ends() {
    let mut rig = Rig::new();
    assert_eq!(rig.log_in("admin", "wrong").status, 401);
    let opened = rig.log_in("admin", "password2");
    assert_eq!(opened.status, 201);
    let location = opened.header("Location").expect("where it is").to_owned();
    assert_eq!(rig.get(&location)["UserName"], "admin");
    assert_eq!(rig.send("DELETE", &location, Value::Null).status, 204);
    assert_eq!(rig.send("GET", "/redfish/v1/Systems", Value::Null).status, 401);
}

#[test]
fn a_silent_session_ends_and_a_full_table_refuses() {
    let mut rig = Rig::new();
    for _ in 0..Flavour::GENERIC.session_slots {
        assert_eq!(rig.log_in("admin", "password2").status, 201);
    }
    assert_eq!(rig.log_in("admin", "password2").status, 503);
    rig.now.at += Flavour::GENERIC.session_timeout - Duration::from_secs(1);
    assert_eq!(rig.log_in("admin", "password2").status, 503);
    rig.now.at += Duration::from_secs(1);
    assert_eq!(rig.log_in("admin", "password2").status, 201);
    assert_eq!(rig.service.session_count(rig.now.at), 1);
}

#[test]
fn buttons_are_pressed_by_those_who_may() {
    let mut rig = Rig::new();
    rig.log_in("guest", "password3");
    let target = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
    assert_eq!(rig.send("POST", target, json!({ "ResetType": "On" })).status, 403);
    rig.log_in("admin", "password2");
    assert_eq!(rig.get("/redfish/v1/Systems/1")["PowerState"], "Off");
    assert_eq!(rig.send("POST", target, json!({ "ResetType": "On" })).status, 204);
    assert_eq!(rig.get("/redfish/v1/Systems/1")["PowerState"], "On");
    let check = |rig: &mut Rig, body: Value, id: &str| {
        let reply = rig.send("POST", target, body);
        assert_eq!(reply.status, 400);
        let code = shown_body(&reply)["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(code.ends_with(id), "{code}");
    };
    check(&mut rig, json!({}), "ActionParameterMissing");
    check(&mut rig, json!({ "ResetType": "Explode" }), "ActionParameterNotSupported");
    check(&mut rig, json!({ "ResetType": 7 }), "ActionParameterNotSupported");
    assert_eq!(rig.machine.resets, [ResetType::On]);
    assert_eq!(rig.send("GET", target, Value::Null).header("Allow"), Some("POST"));
}

#[test]
fn a_boot_override_is_set_and_shown() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let check = |rig: &mut Rig, boot: Value, status: u16, shown: [&str; 3]| {
        let reply = rig.send("PATCH", "/redfish/v1/Systems/1", json!({ "Boot": boot }));
        assert_eq!(reply.status, status, "{}", shown_body(&reply));
        let boot = rig.get("/redfish/v1/Systems/1")["Boot"].clone();
        let of = |name: &str| boot[format!("BootSourceOverride{name}")].clone();
        assert_eq!([of("Enabled"), of("Target"), of("Mode")], shown.map(Value::from));
    };
    let pxe = json!({ "BootSourceOverrideTarget": "Pxe" });
    check(&mut rig, pxe, 200, ["Once", "Pxe", "Legacy"]);
    let setup = json!({
        "BootSourceOverrideEnabled": "Continuous",
        "BootSourceOverrideTarget": "BiosSetup",
        "BootSourceOverrideMode": "UEFI",
    });
    check(&mut rig, setup, 200, ["Continuous", "BiosSetup", "UEFI"]);
    let wrong = json!({ "BootSourceOverrideTarget": "Moon" });
    check(&mut rig, wrong, 400, ["Continuous", "BiosSetup", "UEFI"]);
    let mixed = json!({ "BootSourceOverrideTarget": "Hdd", "Colour": "red" });
    check(&mut rig, mixed, 200, ["Continuous", "Hdd", "UEFI"]);
    let off = json!({ "BootSourceOverrideEnabled": "Disabled" });
    check(&mut rig, off, 200, ["Disabled", "Hdd", "UEFI"]);
}

#[test]
fn tags_tell_whether_a_resource_has_changed() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let first = rig.send("GET", "/redfish/v1/Systems/1", Value::Null);
    let etag = first.header("ETag").expect("a tag").to_owned();
    let ask = |rig: &mut Rig, method: &str, name: &str, value: &str, body: Value| {
        let token = rig.token.clone().unwrap_or_default();
        let request = ServiceRequest::new(method, "/redfish/v1/Systems/1", [127, 0, 0, 1].into())
            .with_header("X-Auth-Token", token)
            .with_header(name, value)
            .with_body(body.to_string().into_bytes());
        rig.service.answer(rig.now, &request, &mut rig.machine).status
    };
    let light = json!({ "LocationIndicatorActive": true });
    assert_eq!(ask(&mut rig, "GET", "If-None-Match", &etag, Value::Null), 304);
    assert_eq!(ask(&mut rig, "PATCH", "If-Match", "\"other\"", light.clone()), 412);
    assert_eq!(ask(&mut rig, "PATCH", "If-Match", &etag, light.clone()), 200);
    assert_eq!(ask(&mut rig, "PATCH", "If-Match", &etag, light.clone()), 412);
    assert_eq!(ask(&mut rig, "PATCH", "If-Match", "*", light), 200);
    assert_eq!(ask(&mut rig, "GET", "If-None-Match", &etag, Value::Null), 200);
    assert!(rig.machine.identified);
}
