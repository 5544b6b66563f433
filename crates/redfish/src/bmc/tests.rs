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
    changes: Vec<(u8, bool)>,
    cleared: bool,
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

    fn change_account(&mut self, account: u8, change: AccountChange) -> Result<(), AccountFault> {
        self.changes.push((account, change.password.is_some()));
        Ok(())
    }

    fn create_account(&mut self, name: &str, _: &secrecy::SecretString, _: Role) -> Result<u8, AccountFault> {
        if name == "admin" { Err(AccountFault::Taken) } else { Err(AccountFault::Full) }
    }

    fn delete_account(&mut self, _: u8) -> Result<(), AccountFault> {
        Ok(())
    }

    fn sensors(&mut self) -> Vec<Reading> {
        let reading = |name: &str, quantity, value| Reading {
            name: name.to_owned(),
            quantity,
            value,
            lower_critical: None,
            upper_caution: Some(40.0),
            upper_critical: Some(50.0),
        };
        vec![reading("Inlet Temp", Quantity::Temperature, Some(45.0)), reading("Fan 1", Quantity::Fan, None)]
    }

    fn log(&mut self) -> Vec<LogRecord> {
        let record = |id: u16| LogRecord {
            id,
            time: Some(1_772_438_400),
            message: "Power supply: input lost".to_owned(),
            raw: "02".to_owned(),
            is_alarm: true,
        };
        (1..=120).map(record).filter(|_| !self.cleared).collect()
    }

    fn clear_log(&mut self) {
        self.cleared = true;
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
        Self::of(Flavour::GENERIC)
    }

    fn of(flavour: &'static Flavour) -> Self {
        let mut counter = 0u8;
        let entropy = move |bytes: &mut [u8]| {
            counter += 1;
            bytes.fill(counter);
        };
        let now = Moment { at: Instant::now(), unix: 1_772_438_400 };
        let service = Service::new(flavour, Box::new(entropy));
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
        ReplyBody::Empty | ReplyBody::Events(_) => Value::Null,
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
fn the_tag_in_a_resource_is_that_of_its_header() {
    for flavour in Flavour::ALL {
        let mut rig = Rig::of(flavour);
        rig.log_in("admin", "password2");
        let shown = rig.send("GET", "/redfish/v1/AccountService", Value::Null);
        assert_eq!(
            shown_body(&shown)["@odata.etag"],
            *shown.header("ETag").expect("a tag"),
            "{}",
            flavour.name
        );
    }
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

#[test]
fn every_link_of_every_flavour_leads_somewhere() {
    for flavour in Flavour::ALL {
        let mut rig = Rig::of(flavour);
        rig.log_in("admin", "password2");
        let mut open = vec!["/redfish/v1".to_owned()];
        let mut seen = std::collections::HashSet::new();
        while let Some(path) = open.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            links(&rig.get(&path), &mut open);
        }
        assert!(seen.len() > 30, "{}: {seen:?}", flavour.name);
        assert!(seen.iter().any(|path| path.ends_with("/Entries/120")) || seen.len() > 100);
    }
}

fn links(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(path) if name.ends_with("@odata.nextLink") || name == "@odata.id" => {
                        found.extend((!path.contains('#')).then(|| path.trim_end_matches('/').to_owned()));
                    }
                    _ => links(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| links(value, found)),
        _ => {}
    }
}

#[test]
fn long_logs_come_in_pages_and_are_cleared() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let entries = "/redfish/v1/Systems/1/LogServices/SEL/Entries";
    let first = rig.get(entries);
    assert_eq!(
        (&first["Members@odata.count"], first["Members"].as_array().map(Vec::len)),
        (&json!(120), Some(50))
    );
    let last = rig.get(&format!("{entries}?$skip=100"));
    assert_eq!(
        (last["Members"].as_array().map(Vec::len), &last["Members@odata.nextLink"]),
        (Some(20), &Value::Null)
    );
    assert_eq!(last["Members"][0]["Created"], "2026-03-02T08:00:00Z");
    assert_eq!(rig.send("GET", &format!("{entries}?$skip=-1"), Value::Null).status, 400);
    assert_eq!(rig.send("GET", &format!("{entries}?$filter=x"), Value::Null).status, 501);
    let clear = "/redfish/v1/Systems/1/LogServices/SEL/Actions/LogService.ClearLog";
    assert_eq!(rig.send("POST", clear, json!({})).status, 204);
    assert_eq!(rig.get(entries)["Members@odata.count"], 0);
}

#[test]
fn passwords_change_as_the_vendor_wants_it() {
    let check = |flavour: &'static Flavour, if_match: Option<&str>, password: &str, status: u16| {
        let mut rig = Rig::of(flavour);
        rig.log_in("admin", "password2");
        let shown = rig.send("GET", "/redfish/v1/AccountService/Accounts/3", Value::Null);
        let etag = shown.header("ETag").unwrap_or_default().to_owned();
        let mut request =
            ServiceRequest::new("PATCH", "/redfish/v1/AccountService/Accounts/3", [127, 0, 0, 1].into())
                .with_header("X-Auth-Token", rig.token.clone().unwrap_or_default())
                .with_body(json!({ "Password": password }).to_string().into_bytes());
        match if_match {
            Some("shown") => request = request.with_header("If-Match", etag),
            Some("strong") => request = request.with_header("If-Match", etag.trim_start_matches("W/")),
            Some(tag) => request = request.with_header("If-Match", tag),
            None => {}
        }
        let reply = rig.service.answer(rig.now, &request, &mut rig.machine);
        assert_eq!(reply.status, status, "{} {if_match:?} {}", flavour.name, shown_body(&reply));
        assert_eq!(rig.machine.changes.len(), usize::from(status == 200));
        assert!(!shown_body(&reply).to_string().contains(password));
    };
    check(Flavour::GENERIC, None, "longer password", 200);
    check(Flavour::GENERIC, Some("shown"), "longer password", 200);
    check(Flavour::GENERIC, None, "abc", 400);
    check(Flavour::IDRAC9, Some("shown"), "longer password", 200);
    check(Flavour::XCC, None, "longer password", 428);
    check(Flavour::XCC, Some("shown"), "longer password", 200);
    check(Flavour::XCC, Some("shown"), "short", 400);
    check(Flavour::IBMC, None, "longer password", 412);
    check(Flavour::IBMC, Some("*"), "longer password", 200);
    check(Flavour::MEGARAC, Some("shown"), "longer password", 412);
    check(Flavour::MEGARAC, Some("strong"), "longer password", 200);
    check(Flavour::MEGARAC, Some("*"), "longer password", 200);
}

#[test]
fn who_must_change_a_password_does_that_first() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let guest = "/redfish/v1/AccountService/Accounts/3";
    assert_eq!(rig.send("PATCH", guest, json!({ "PasswordChangeRequired": true })).status, 200);
    rig.log_in("guest", "password3");
    let refused = rig.send("GET", "/redfish/v1/Systems", Value::Null);
    let info = shown_body(&refused)["error"]["@Message.ExtendedInfo"][0].clone();
    assert_eq!((refused.status, &info["MessageArgs"][0]), (403, &json!(guest)));
    assert_eq!(rig.send("PATCH", guest, json!({ "RoleId": "Administrator" })).status, 403);
    assert_eq!(rig.send("PATCH", guest, json!({ "Password": "another password" })).status, 200);
    assert_eq!(rig.send("GET", "/redfish/v1/Systems", Value::Null).status, 200);
    assert_eq!(rig.send("GET", "/redfish/v1/AccountService/Accounts/2", Value::Null).status, 403);
}

#[test]
fn faults_are_what_their_names_say() {
    let check = |fault: AnswerFault, is_so: fn(&ServiceReply) -> bool| {
        let mut rig = Rig::new();
        rig.log_in("admin", "password2");
        rig.service.set_faults(Faults { answers: Some(fault), ..Faults::default() });
        let reply = rig.send("GET", "/redfish/v1/Systems", Value::Null);
        assert!(is_so(&reply), "{}: {reply:?}", fault.name());
        assert_eq!(fault.name().parse(), Ok(fault));
    };
    let length = |reply: &ServiceReply| match &reply.body {
        ReplyBody::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    check(AnswerFault::Html, |reply| reply.header("Content-Type") == Some("text/html"));
    check(AnswerFault::Truncated, |reply| reply.delivery.cut_at.is_some_and(|at| at > 10));
    check(AnswerFault::Drip, |reply| reply.delivery.drip.is_some());
    check(AnswerFault::Redirect, |reply| {
        reply.status == 307 && reply.header("Location").is_some_and(|to| to.starts_with("https://127."))
    });
    check(AnswerFault::Busy, |reply| reply.status == 503 && reply.header("Retry-After") == Some("5"));
    check(AnswerFault::TooMany, |reply| reply.status == 429 && reply.header("Retry-After") == Some("5"));
    check(AnswerFault::EndlessPages, |reply| {
        shown_body(reply)["Members@odata.nextLink"] == "/redfish/v1/Systems"
    });
    check(AnswerFault::WrongTypes, |reply| {
        let shown = shown_body(reply);
        shown["Name"].is_number() && shown["Members"].is_object()
    });
    let mut rig = Rig::new();
    rig.service.set_faults(Faults { answers: Some(AnswerFault::Huge), ..Faults::default() });
    assert!(length(&rig.send("GET", "/redfish/v1", Value::Null)) > 10_000_000);
}

#[test]
fn nobody_logs_in_where_sessions_or_users_are_gone() {
    let login = || json!({ "UserName": "admin", "Password": "password2" });
    let sessions = "/redfish/v1/SessionService/Sessions";
    let check = |faults: Faults, statuses: &[u16]| {
        let mut rig = Rig::new();
        rig.service.set_faults(faults);
        for status in statuses {
            let wrong = json!({ "UserName": "admin", "Password": "wrong" });
            let body = if *status == 401 { wrong } else { login() };
            assert_eq!(rig.send("POST", sessions, body).status, *status, "{faults:?}");
        }
    };
    check(Faults::default(), &[401, 401, 201]);
    check(Faults { sessions_full: true, ..Faults::default() }, &[503]);
    let mut rig = Rig::new();
    rig.service.set_faults(Faults { users_locked: true, ..Faults::default() });
    assert_eq!(rig.send("POST", sessions, login()).status, 401);
    let mut rig = Rig::new();
    let lockout = Some((2, Duration::from_secs(60)));
    rig.service.set_faults(Faults { lockout, ..Faults::default() });
    for _ in 0..2 {
        rig.send("POST", sessions, json!({ "UserName": "admin", "Password": "wrong" }));
    }
    assert_eq!(rig.send("POST", sessions, login()).status, 401);
}

#[test]
fn images_are_put_into_drives_as_the_vendor_wants_it() {
    let image = "http://192.0.2.1/rescue.iso";
    let check = |flavour: &'static Flavour, drive: &str, method: &str, body: Value, inserted: bool| {
        let mut rig = Rig::of(flavour);
        rig.log_in("admin", "password2");
        let path = format!("/redfish/v1/Managers/{}/VirtualMedia/{drive}", flavour.manager);
        let target =
            if method == "POST" { format!("{path}/Actions/VirtualMedia.InsertMedia") } else { path.clone() };
        let reply = rig.send(method, &target, body);
        assert_eq!((200..300).contains(&reply.status), inserted, "{} {}", flavour.name, shown_body(&reply));
        assert_eq!(rig.get(&path)["Inserted"], inserted);
    };
    let whole = || json!({ "Image": image, "Inserted": true, "WriteProtected": true });
    check(Flavour::GENERIC, "CD", "POST", whole(), true);
    check(Flavour::GENERIC, "CD", "PATCH", whole(), false);
    check(Flavour::GENERIC, "CD", "POST", json!({ "Image": "rescue.iso" }), false);
    check(Flavour::XCC, "EXT1", "POST", whole(), false);
    check(Flavour::XCC, "EXT1", "PATCH", whole(), true);
    check(Flavour::SUPERMICRO, "VirtualMedia1", "POST", whole(), false);
    check(Flavour::SUPERMICRO, "VirtualMedia1", "POST", json!({ "Image": image }), true);
    check(Flavour::MEGARAC, "CD1", "POST", whole(), false);
    check(Flavour::MEGARAC, "CD1", "POST", json!({ "Image": image, "TransferProtocolType": "HTTP" }), true);
}

#[test]
fn firmware_settings_wait_for_the_next_boot() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let (bios, settings) = ("/redfish/v1/Systems/1/Bios", "/redfish/v1/Systems/1/Bios/Settings");
    let body = json!({ "Attributes": { "QuietBoot": "Enabled" } });
    assert_eq!(rig.send("PATCH", settings, body).status, 200);
    assert_eq!(rig.get(bios)["Attributes"]["QuietBoot"], "Disabled");
    assert_eq!(rig.get(settings)["Attributes"]["QuietBoot"], "Enabled");
    rig.service.booted();
    assert_eq!(rig.get(bios)["Attributes"]["QuietBoot"], "Enabled");
    assert_eq!(rig.send("PATCH", settings, json!({ "Attributes": { "Moon": "Full" } })).status, 400);
}

#[test]
fn streams_tell_of_power_and_are_few() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let reply = rig.send("GET", "/redfish/v1/EventService/SSE", Value::Null);
    let ReplyBody::Events(stream) = reply.body else { panic!("no stream: {reply:?}") };
    assert_eq!(rig.service.next_event(stream), None);
    rig.service.power_changed(rig.now, true);
    let event = rig.service.next_event(stream).expect("an event");
    assert!(event.contains("ResourcePoweredOn") && event.ends_with("\n\n"), "{event}");
    for _ in 0..100 {
        rig.service.power_changed(rig.now, false);
    }
    assert_eq!(std::iter::from_fn(|| rig.service.next_event(stream)).count(), 32);
    rig.service.end_stream(stream);
    let open = |rig: &mut Rig| rig.send("GET", "/redfish/v1/EventService/SSE", Value::Null).status;
    assert_eq!(std::array::from_fn::<u16, 5, _>(|_| open(&mut rig)), [200, 200, 200, 200, 503]);
}

#[test]
fn updates_are_tasks_that_end() {
    let mut rig = Rig::new();
    rig.log_in("admin", "password2");
    let target = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
    assert_eq!(rig.send("POST", target, json!({})).status, 400);
    let reply = rig.send("POST", target, json!({ "ImageURI": "http://192.0.2.1/bmc.bin" }));
    assert_eq!(reply.status, 202);
    let monitor = reply.header("Location").expect("a monitor").to_owned();
    assert_eq!(rig.send("GET", &monitor, Value::Null).status, 202);
    rig.now.at += Duration::from_secs(5);
    assert_eq!(rig.send("GET", &monitor, Value::Null).status, 204);
    assert_eq!(rig.get("/redfish/v1/TaskService/Tasks/1")["TaskState"], "Completed");
}
