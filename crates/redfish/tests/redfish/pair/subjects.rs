//! Everything besides power and boot.

use std::time::Duration;

use ironhand_redfish::bmc::{AccountChange, Flavour, Machine, Moment, ReplyBody, Role};
use ironhand_redfish::{
    ClearLog, EjectMedia, Error, InsertMedia, MediaKind, Method, PartKind, PasswordProof, ReadFirmware,
    ReadInventory, ReadLog, ReadSensors, Request, SensorState, SetBios, SetIndicator, SetPassword, Sse,
    Subscribe, Talk, TaskEnd, Unsubscribe, accounts, bios, event_stream, indicator, media_slots,
    password_rules, settle, subscriptions,
};
use secrecy::SecretString;
use serde_json::json;

use super::each_flavour;
use super::machine::ADMIN;

#[test]
fn passwords_are_changed_and_proven() {
    each_flavour(|pair, _| {
        let name = pair.flavour();
        let listed = pair.play(|talk: &mut Talk| accounts(talk)).expect("accounts are listed");
        let names: Vec<&str> = listed.iter().map(|account| account.username.as_str()).collect();
        assert_eq!(names, [ADMIN, "operator"], "{name}");
        let rules = pair.play(|talk: &mut Talk| password_rules(talk)).expect("rules are shown");
        assert_eq!(rules.longest, Some(20), "{name}");

        let set = |new: &str| SetPassword {
            username: "operator".to_owned(),
            new: SecretString::from(new),
            account: None,
        };
        let before = pair.service.session_count(pair.now);
        assert_eq!(pair.play(set("Cdef_ghijkl-27")), Ok(PasswordProof::Proven), "{name}");
        assert_eq!(pair.service.session_count(pair.now), before, "{name}: the proof leaves no session");
        let long = "Zyxw_vutsrqponmlkjihgfedcba";
        let refused = pair.play(set(long)).expect_err("it is too long for all");
        assert!(matches!(refused, Error::Refused { .. }), "{name}: {refused}");
        assert!(!refused.to_string().contains("Zyxw") && !refused.to_string().contains("edcba"), "{refused}");
        let stranger = SetPassword { username: "nobody".to_owned(), ..set("Cdef_ghijkl-28") };
        assert_eq!(pair.play(stranger), Err(Error::NoAccount { username: "nobody".to_owned() }), "{name}");
    });
}

/// Who must choose a new password first is told so, and which account it is; then all works.
#[test]
fn a_forced_password_is_changed_before_anything_else() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let path = "/redfish/v1/AccountService/Accounts/2";
        let force = Request::with(Method::Patch, path, json!({ "PasswordChangeRequired": true }));
        let forced = pair.ask(&Request { if_match: Some("*".to_owned()), ..force });
        assert!(forced.is_success(), "{name}: {forced:?}");
        let refused = pair.play(ReadSensors { place: place.clone() });
        let account = Some(path.to_owned());
        assert_eq!(refused, Err(Error::PasswordChangeRequired { account: account.clone() }), "{name}");
        let new = SecretString::from("Cdef_ghijkl-27");
        let set = SetPassword { username: ADMIN.to_owned(), new, account };
        assert_eq!(pair.play(set), Ok(PasswordProof::Proven), "{name}");
        assert!(pair.play(ReadSensors { place: place.clone() }).is_ok(), "{name}");
    });
}

#[test]
fn what_a_machine_measures_and_is_made_of_is_read() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let read = pair.play(ReadSensors { place: place.clone() }).expect("sensors are read");
        assert_eq!(read.missing, [], "{name}");
        let temperature = read.items.iter().find(|sensor| sensor.name == "CPU1 Temp");
        let temperature = temperature.unwrap_or_else(|| panic!("{name}: {:?}", read.items));
        assert_eq!((temperature.reading, temperature.state), (Some(41.5), SensorState::Ok), "{name}");
        let fan = read.items.iter().find(|sensor| sensor.name == "FAN1").and_then(|fan| fan.reading);
        assert_eq!(fan, Some(4200.0), "{name}");

        let inventory = pair.play(ReadInventory { place: place.clone() }).expect("parts are read");
        assert_eq!(inventory.missing, [], "{name}");
        assert_eq!(inventory.serial.as_deref(), Some("S1"), "{name}");
        assert_eq!(inventory.host_name.as_deref(), Some("node1"), "{name}");
        assert!(inventory.parts.iter().any(|part| part.kind == PartKind::Chassis), "{name}");

        let firmware = pair.play(ReadFirmware { place: place.clone() }).expect("firmware is read");
        let versions = firmware.items.iter().filter(|item| item.version.is_some()).count();
        assert_eq!((versions, firmware.missing.len()), (2, 0), "{name}: {firmware:?}");
    });
}

#[test]
fn logs_are_read_and_cleared() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let read = ReadLog { place: place.clone(), log: None, newest: 2 };
        let (log, entries) = pair.play(read.clone()).expect("the log is read");
        assert_eq!(log.id, "SEL", "{name}");
        let ids: Vec<&str> = entries.items.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["2", "3"], "{name}");
        assert_eq!(entries.items[0].at, Some(1_772_285_464_000), "{name}");
        pair.play(ClearLog { place: place.clone(), log: Some("sel".to_owned()) }).expect("it is cleared");
        assert_eq!(pair.machine.records, 0, "{name}");
        let (_, entries) = pair.play(read).expect("the log is read");
        assert_eq!(entries.items, [], "{name}");
    });
}

#[test]
fn the_light_is_switched() {
    each_flavour(|pair, place| {
        for on in [true, false] {
            assert_eq!(pair.play(SetIndicator { place: place.clone(), on }), Ok(()), "{}", pair.flavour());
            assert_eq!(pair.machine.is_lit, on);
            assert_eq!(pair.play(|talk: &mut Talk| indicator(talk, place)), Ok(Some(on)));
        }
    });
}

#[test]
fn images_go_into_drives_and_out_of_them() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let kind = if name == Flavour::OPENBMC.name { MediaKind::Usb } else { MediaKind::Cd };
        let insert = |image: &str, replace| InsertMedia {
            place: place.clone(),
            image: image.to_owned(),
            kind,
            slot: None,
            login: None,
            replace,
        };
        let slots = pair.play(|talk: &mut Talk| media_slots(talk, place)).expect("drives are listed");
        assert!(slots.items.iter().all(|slot| !slot.inserted), "{name}");
        let slot = pair.play(insert("http://192.0.2.10/a.iso", false)).expect("it is inserted");
        assert_eq!(slot.image.as_deref(), Some("http://192.0.2.10/a.iso"), "{name}");
        assert_eq!(pair.play(insert("http://192.0.2.10/a.iso", false)), Ok(slot.clone()), "{name}");
        // The drive is named, as some have more than one.
        let again = InsertMedia { slot: Some(slot.id.clone()), ..insert("http://192.0.2.10/b.iso", false) };
        let occupied = pair.play(again.clone());
        assert!(matches!(occupied, Err(Error::Occupied { .. })), "{name}: {occupied:?}");
        let other = pair.play(InsertMedia { replace: true, ..again }).expect("it is replaced");
        assert_eq!(other.image.as_deref(), Some("http://192.0.2.10/b.iso"), "{name}");
        let emptied = pair.play(EjectMedia { place: place.clone(), slot: None }).expect("it is taken out");
        assert_eq!((emptied.len(), emptied[0].inserted), (1, false), "{name}");
    });
}

#[test]
fn firmware_settings_are_staged_for_the_next_start() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let set = |attribute: &str| SetBios {
            place: place.clone(),
            attributes: [(attribute.to_owned(), "Disabled".into())].into(),
        };
        // A Dell takes them over by a job, which the simulated one knows nothing of.
        let staged = pair.play(set("HyperThreading"));
        if name == Flavour::IDRAC9.name || name == Flavour::IDRAC8.name {
            assert!(matches!(staged, Err(Error::Unsupported { .. })), "{staged:?}");
        } else {
            assert_eq!(staged.expect("it is staged").unseen, Vec::<String>::new(), "{name}");
        }
        let now = pair.play(|talk: &mut Talk| bios(talk, place)).expect("settings are read");
        assert_eq!(now.attributes["HyperThreading"], "Enabled", "{name}");
        assert_eq!(now.pending["HyperThreading"], "Disabled", "{name}");
        pair.service.booted();
        let now = pair.play(|talk: &mut Talk| bios(talk, place)).expect("settings are read");
        assert_eq!((&now.attributes["HyperThreading"], now.pending.len()), (&json!("Disabled"), 0), "{name}");
        let strange = pair.play(set("HyperDrive"));
        assert!(matches!(strange, Err(Error::Unsupported { .. })), "{name}: {strange:?}");
    });
}

#[test]
fn events_are_subscribed_to_and_streamed() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let subscribe =
            Subscribe { destination: "https://192.0.2.9/events".to_owned(), context: "ih".to_owned() };
        let made = pair.play(subscribe.clone()).expect("it is made");
        assert_eq!(pair.play(subscribe).as_ref(), Ok(&made), "{name}: it is made once");
        let list = |talk: &mut Talk| subscriptions(talk);
        assert_eq!(pair.play(list).expect("they are listed").items, std::slice::from_ref(&made), "{name}");
        for _ in 0..2 {
            assert_eq!(pair.play(Unsubscribe { path: made.path.clone() }), Ok(()), "{name}");
        }
        assert_eq!(pair.play(list).expect("they are listed").items, [], "{name}");

        let Some(path) = pair.play(|talk: &mut Talk| event_stream(talk)).expect("it says") else { return };
        let ReplyBody::Events(stream) = pair.serve(&Request::get(path)).body else {
            panic!("{name}: its stream is none");
        };
        let moment = Moment { at: pair.now, unix: 1_772_285_462 };
        pair.service.power_changed(moment, true);
        let text = pair.service.next_event(stream).expect("an event waits");
        let messages = Sse::default().receive(text.as_bytes());
        let events = messages[0].events();
        assert_eq!(events[0].origin.as_deref(), Some(place.system.as_str()), "{name}");
        pair.service.end_stream(stream);
    });
}

#[test]
fn what_goes_on_is_waited_for() {
    each_flavour(|pair, _| {
        let name = pair.flavour();
        let before = pair.now;
        let end = pair.play(|talk: &mut Talk| {
            let target = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
            let image = json!({ "ImageURI": "http://192.0.2.10/fw.bin" });
            let accepted = talk.done(Request::with(Method::Post, target, image))?;
            settle(talk, &accepted)
        });
        assert_eq!(end, Ok(TaskEnd::Done), "{name}");
        let took = pair.now - before;
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(60), "{name}: {took:?}");
    });
}

/// Who may only read is told that he may not.
#[test]
fn who_may_not_change_is_told_so() {
    each_flavour(|pair, place| {
        let reader = AccountChange { role: Some(Role::ReadOnly), ..AccountChange::default() };
        pair.machine.change_account(2, reader).expect("there is such an account");
        let refused = pair.play(SetIndicator { place: place.clone(), on: true });
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{}: {refused:?}", pair.flavour());
        assert!(pair.play(ReadSensors { place: place.clone() }).is_ok());
    });
}
