//! Faults on demand: every operation, on every flavour, with a fault at each of its requests. Each ends in a stated condition,
//! and does what it is for once the fault is over.

use std::time::Duration;

use ironhand_redfish::bmc::{Flavour, ResetType};
use ironhand_redfish::{
    Answer, BootTarget, ClearLog, EjectMedia, Error, InsertMedia, MediaKind, Method, Missing, Place,
    ReadFirmware, ReadInventory, ReadLog, ReadSensors, Request, ResetAction, SessionPolicy, SetBios, SetBoot,
    SetIndicator, SetPassword, SetPower, Subscribe, Talk, accounts, bios, boot_state, event_stream,
    indicator, locate, media_slots, password_rules, power_state, subscriptions,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::machine::PASSWORD;
use super::{Pair, Trouble};

/// Requests of an operation that are tried with a fault, from its first.
const MOST_STEPS: usize = 12;

/// What an operation gives of what could not be had.
type Ended = Result<Vec<Missing>, Error>;

/// An operation, by its name.
type Played = (&'static str, fn(&mut Pair, &Place) -> Ended);

fn none_missing<T>(_: T) -> Vec<Missing> {
    Vec::new()
}

/// Every operation.
const OPERATIONS: &[Played] = &[
    ("locate", |pair, _| pair.play(|talk: &mut Talk| locate(talk, None)).map(none_missing)),
    ("power_state", |pair, place| pair.play(|talk: &mut Talk| power_state(talk, place)).map(none_missing)),
    ("switch on", |pair, place| {
        pair.play(SetPower { place: place.clone(), action: ResetAction::On }).map(none_missing)
    }),
    ("boot_state", |pair, place| pair.play(|talk: &mut Talk| boot_state(talk, place)).map(none_missing)),
    ("boot from the network", |pair, place| {
        let (place, target) = (place.clone(), BootTarget::Pxe);
        pair.play(SetBoot { place, target, persistent: false, mode: None, source: None }).map(none_missing)
    }),
    ("accounts", |pair, _| pair.play(|talk: &mut Talk| accounts(talk)).map(none_missing)),
    ("password_rules", |pair, _| pair.play(|talk: &mut Talk| password_rules(talk)).map(none_missing)),
    ("change a password", |pair, _| {
        let (username, new) = ("operator".to_owned(), SecretString::from("Cdef_ghijkl-27"));
        pair.play(SetPassword { username, new, account: None }).map(none_missing)
    }),
    ("sensors", |pair, place| pair.play(ReadSensors { place: place.clone() }).map(|read| read.missing)),
    ("inventory", |pair, place| pair.play(ReadInventory { place: place.clone() }).map(|read| read.missing)),
    ("firmware", |pair, place| pair.play(ReadFirmware { place: place.clone() }).map(|read| read.missing)),
    ("read the log", |pair, place| {
        let read = ReadLog { place: place.clone(), log: None, newest: 9 };
        pair.play(read).map(|(_, entries)| entries.missing)
    }),
    ("clear the log", |pair, place| {
        pair.play(ClearLog { place: place.clone(), log: None }).map(none_missing)
    }),
    ("media_slots", |pair, place| {
        pair.play(|talk: &mut Talk| media_slots(talk, place)).map(|read| read.missing)
    }),
    ("insert an image", |pair, place| {
        let kind = if pair.flavour() == Flavour::OPENBMC.name { MediaKind::Usb } else { MediaKind::Cd };
        let insert = InsertMedia {
            place: place.clone(),
            image: "http://192.0.2.10/a.iso".to_owned(),
            kind,
            slot: None,
            login: None,
            replace: false,
        };
        pair.play(insert).map(none_missing)
    }),
    ("eject", |pair, place| pair.play(EjectMedia { place: place.clone(), slot: None }).map(none_missing)),
    ("bios", |pair, place| pair.play(|talk: &mut Talk| bios(talk, place)).map(none_missing)),
    ("stage a setting", |pair, place| {
        let attributes = [("HyperThreading".to_owned(), "Disabled".into())].into();
        pair.play(SetBios { place: place.clone(), attributes }).map(none_missing)
    }),
    ("event_stream", |pair, _| pair.play(|talk: &mut Talk| event_stream(talk)).map(none_missing)),
    ("subscriptions", |pair, _| pair.play(|talk: &mut Talk| subscriptions(talk)).map(|read| read.missing)),
    ("subscribe", |pair, _| {
        let (destination, context) = ("https://192.0.2.9/events".to_owned(), "ih".to_owned());
        pair.play(Subscribe { destination, context }).map(none_missing)
    }),
    ("indicator", |pair, place| pair.play(|talk: &mut Talk| indicator(talk, place)).map(none_missing)),
    ("light", |pair, place| pair.play(SetIndicator { place: place.clone(), on: true }).map(none_missing)),
];

/// Answers the request of a number, and some after it, in the service's place.
fn instead(at: usize, times: usize, answer: impl Fn() -> Answer + 'static) -> Trouble {
    let mut number = 0;
    Box::new(move |_, serve| {
        number += 1;
        if (at..at.saturating_add(times)).contains(&(number - 1)) { answer() } else { serve() }
    })
}

/// Plays every operation on these flavours with a fault at each of its requests. `check` is told what the operation was, how it
/// ended, and how long it took.
fn each_step(
    flavours: &[&'static Flavour],
    fault: impl Fn(usize) -> Trouble,
    check: impl Fn(&str, &Ended, Duration),
) {
    for (flavour, played, requests) in each_operation(flavours) {
        for at in 0..requests.min(MOST_STEPS) {
            play_once(flavour, played, fault(at), |name, ended, took| {
                check(&format!("{name}, request {at}"), ended, took);
            });
        }
    }
}

/// Operations that end well on a flavour where nothing is wrong, with how many requests they take.
fn each_operation(
    flavours: &[&'static Flavour],
) -> impl Iterator<Item = (&'static Flavour, &'static Played, usize)> {
    let all = flavours.iter().flat_map(|flavour| OPERATIONS.iter().map(move |played| (*flavour, played)));
    all.filter_map(|(flavour, played)| {
        let mut pair = Pair::logged_in(flavour);
        let place = pair.place();
        pair.asked.clear();
        (played.1)(&mut pair, &place).is_ok().then_some((flavour, played, pair.asked.len()))
    })
}

/// Plays an operation with a fault, and again when that is over.
fn play_once(
    flavour: &'static Flavour,
    (name, operation): &Played,
    fault: Trouble,
    check: impl Fn(&str, &Ended, Duration),
) {
    let mut pair = Pair::logged_in(flavour);
    let (place, before) = (pair.place(), pair.now);
    pair.asked.clear();
    pair.trouble = Some(fault);
    let ended = operation(&mut pair, &place);
    let name = format!("{}: {name}: {:?}", flavour.name, pair.asked);
    check(&name, &ended, pair.now - before);
    pair.trouble = None;
    pair.asked.clear();
    pair.now += Duration::from_secs(60);
    // An iLO's session is over by then.
    pair.log_in(&mut SessionPolicy::new(None, false), PASSWORD);
    assert_eq!(operation(&mut pair, &place), Ok(Vec::new()), "{name}: afterwards");
}

/// Whether it ended well, or with the error that is meant: of the whole, or of a part.
fn ends_as(ended: &Ended, is_meant: impl Fn(&Error) -> bool) -> bool {
    match ended {
        Ok(missing) => missing.iter().all(|missing| is_meant(&missing.reason)),
        Err(error) => is_meant(error),
    }
}

fn busy(status: u16) -> Answer {
    Answer { retry_after: Some(Duration::from_secs(7)), ..Answer::new(status, b"") }
}

#[test]
fn who_is_busy_for_a_moment_is_asked_again_when_it_says() {
    for status in [503, 429] {
        each_step(
            Flavour::ALL,
            |at| instead(at, 1, move || busy(status)),
            |name, ended, took| {
                assert_eq!(*ended, Ok(Vec::new()), "{name}");
                assert!(took >= Duration::from_secs(7), "{name}: {took:?}");
            },
        );
    }
}

#[test]
fn a_button_is_pressed_once_however_busy_a_controller_is() {
    let mut pair = Pair::logged_in(Flavour::GENERIC);
    let place = pair.place();
    pair.trouble = Some(instead(1, 3, || busy(503)));
    assert_eq!(pair.play(SetPower { place, action: ResetAction::On }), Ok(vec!["On"]));
    assert_eq!(pair.machine.resets, [ResetType::On]);
}

#[test]
fn who_stays_busy_is_told_of() {
    each_step(
        Flavour::ALL,
        |at| instead(at, usize::MAX, || busy(503)),
        |name, ended, took| {
            assert!(ends_as(ended, |error| matches!(error, Error::Busy { .. })), "{name}: {ended:?}");
            assert!(took < Duration::from_secs(600), "{name}: {took:?}");
        },
    );
}

/// The operation may have been done all the same: what is read back tells.
fn is_senseless(error: &Error) -> bool {
    matches!(error, Error::Malformed { .. } | Error::NotKept { .. })
}

#[test]
fn pages_for_people_and_cut_answers_are_named() {
    for bytes in
        [b"<html><body>Please log in</body></html>".as_slice(), b"{\"Members\": [{\"@odata.id\": \"/r"]
    {
        each_step(
            Flavour::ALL,
            |at| instead(at, 1, move || Answer::new(200, bytes)),
            |name, ended, _| assert!(ends_as(ended, is_senseless), "{name}: {ended:?}"),
        );
        each_step(
            &[Flavour::GENERIC, Flavour::XCC],
            |at| instead(at, usize::MAX, move || Answer::new(200, bytes)),
            |name, ended, _| assert!(ends_as(ended, is_senseless), "{name}: {ended:?}"),
        );
    }
}

#[test]
fn redirects_elsewhere_are_not_followed() {
    let elsewhere = || Answer {
        location: Some("https://elsewhere.example/redfish/v1/".to_owned()),
        ..Answer::new(302, b"")
    };
    each_step(
        Flavour::ALL,
        |at| instead(at, 1, elsewhere),
        |name, ended, _| {
            let is_meant = |error: &Error| matches!(error, Error::Redirected { .. });
            assert!(ends_as(ended, is_meant), "{name}: {ended:?}");
        },
    );
}

#[test]
fn a_session_that_ends_on_the_way_is_told_of() {
    each_step(
        Flavour::ALL,
        |at| instead(at, usize::MAX, || Answer::new(401, b"")),
        |name, ended, _| {
            let is_meant = |error: &Error| matches!(error, Error::Unauthorized | Error::NotKept { .. });
            // A session that cannot be ended any more ends nothing else.
            let is_last = name.contains("DELETE");
            assert!((ended.is_err() || is_last) && ends_as(ended, is_meant), "{name}: {ended:?}");
        },
    );
}

/// Refuses changes for their condition, some times in a row.
fn about_condition(status: u16, times: usize) -> Trouble {
    let mut refused = 0;
    Box::new(move |request, serve| {
        if request.method == Method::Patch && refused < times {
            refused += 1;
            return Answer::new(status, b"");
        }
        serve()
    })
}

#[test]
fn conditions_that_do_not_hold_are_dropped_or_taken_anew() {
    for (status, times) in [(412, 1), (412, 2), (428, 1)] {
        for (flavour, played, _) in each_operation(Flavour::ALL) {
            play_once(flavour, played, about_condition(status, times), |name, ended, _| {
                assert_eq!(*ended, Ok(Vec::new()), "{status}, {times} times: {name}");
            });
        }
    }
    for status in [412, 428] {
        for (flavour, played, _) in each_operation(Flavour::ALL) {
            play_once(flavour, played, about_condition(status, usize::MAX), |name, ended, _| {
                let is_meant =
                    |error: &Error| matches!(error, Error::Refused { status: shown, .. } if *shown == status);
                assert!(ends_as(ended, is_meant), "{name}: {ended:?}");
            });
        }
    }
}

/// Where no session is free, a new password cannot be proven, and that is what is said.
#[test]
fn a_password_is_accepted_where_no_session_is_left_to_prove_it() {
    let is_login = |request: &Request| request.method == Method::Post && request.path.ends_with("/Sessions");
    super::each_flavour(|pair, _| {
        pair.trouble =
            Some(Box::new(move |request, serve| if is_login(request) { busy(503) } else { serve() }));
        let (username, new) = ("operator".to_owned(), SecretString::from("Cdef_ghijkl-27"));
        let proof = pair.play(SetPassword { username, new, account: None });
        assert_eq!(proof, Ok(ironhand_redfish::PasswordProof::Accepted), "{}", pair.flavour());
    });
}

/// A collection of one page that leads to itself, with itself among its members.
#[test]
fn collections_that_hold_themselves_end() {
    let around = |_| -> Trouble {
        Box::new(|request, serve| {
            let mut answer = serve();
            let is_collection = answer.value().is_some_and(|value| value["Members"].is_array());
            if is_collection && let ironhand_redfish::Body::Json(value) = &mut answer.body {
                value["Members"] = json!([{ "@odata.id": request.path }]);
                value["Members@odata.nextLink"] = json!(request.path);
            }
            answer
        })
    };
    for flavour in Flavour::ALL {
        for (name, operation) in OPERATIONS {
            let mut pair = Pair::logged_in(flavour);
            let place = pair.place();
            pair.asked.clear();
            pair.trouble = Some(around(0));
            let ended = operation(&mut pair, &place);
            assert!(pair.asked.len() < 60, "{}: {name}: {} requests", flavour.name, pair.asked.len());
            let is_meant = |error: &Error| {
                matches!(
                    error,
                    Error::Unsupported { .. }
                        | Error::NoAccount { .. }
                        | Error::Malformed { .. }
                        | Error::NotKept { .. }
                        | Error::Missing { .. }
                )
            };
            assert!(ends_as(&ended, is_meant), "{}: {name}: {ended:?}", flavour.name);
        }
    }
}

#[test]
fn answers_of_ten_megabytes_are_taken_or_refused_in_bounded_steps() {
    // A list that goes on and on, and one line that does.
    let text = json!({ "Name": "x".repeat(10 << 20) });
    let members: Vec<Value> =
        (0..5_000).map(|number| json!({ "@odata.id": format!("/{}/{number}", "x".repeat(2_000)) })).collect();
    for huge in [text, json!({ "Members": members, "PowerState": "On" })] {
        for (name, operation) in OPERATIONS {
            let mut pair = Pair::logged_in(Flavour::GENERIC);
            let place = pair.place();
            pair.asked.clear();
            let huge = huge.clone();
            pair.trouble = Some(instead(1, 1, move || Answer::json(200, huge.clone())));
            // How it ends is as manifold as what is missing; that it ends is what the pair checks.
            if let Err(error) = operation(&mut pair, &place) {
                assert!(error.to_string().len() < 20_000, "{name}: the error tells too much");
            }
            pair.trouble = None;
            pair.asked.clear();
            assert_eq!(operation(&mut pair, &place), Ok(Vec::new()), "{name}: afterwards");
        }
    }
}
