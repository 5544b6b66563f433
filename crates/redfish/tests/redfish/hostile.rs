//! Controllers that answer anything.

use std::time::Duration;

use ironhand_redfish::{
    Answer, Body, BootTarget, ClearLog, EjectMedia, EndSessions, Error, Operation, Place, Question, Quirks,
    ReadFirmware, ReadInventory, ReadLog, ReadSensors, ResetAction, Run, SetBios, SetBoot, SetIndicator,
    SetPassword, SetPower, Stop, Subscribe, Talk, Token, Tree, Turn, Vendor, accounts, identify, locate,
    password_rules, power_state, root,
};
use proptest::collection::vec;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::recorded::Recorded;

/// Turns in which every operation ends, whatever it is answered.
const MOST_TURNS: usize = 20_000;

/// Plays an operation on a controller that gives these answers in turn, again from the first after the last.
fn play<O: Operation>(operation: O, answers: &[Answer]) -> Result<O::Output, Error> {
    let mut run = Run::new(operation, Tree::default());
    let mut answers = answers.iter().cycle();
    for _ in 0..MOST_TURNS {
        match run.next_turn() {
            Turn::Done(result) => return result,
            Turn::Wait(time) => assert!(time <= Duration::from_secs(60)),
            Turn::Ask(questions) => {
                assert!(!questions.is_empty());
                for Question { id, request } in questions {
                    let is_own = request.path.starts_with('/') && !request.path.starts_with("//");
                    let is_sound =
                        |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
                    assert!(is_own && is_sound(&request.path), "{request:?}");
                    assert!(request.if_match.as_deref().is_none_or(is_sound), "{request:?}");
                    run.answer(id, answers.next().cloned().expect("there are answers"));
                }
            }
        }
    }
    panic!("it does not end");
}

fn place() -> Place {
    let root =
        Recorded::load("supermicro/x13").play(|talk: &mut Talk| root(talk)).expect("the root is there");
    Place {
        system: "/redfish/v1/Systems/1".to_owned(),
        manager: None,
        chassis: None,
        identity: identify(&root.resource, None, None),
        quirks: Quirks::NONE,
    }
}

/// Plays every operation; each must end, and none must panic.
fn play_all(answers: &[Answer]) {
    let name = "admin".to_owned();
    let _ = play(|talk: &mut Talk| locate(talk, None), answers);
    let _ = play(|talk: &mut Talk| locate(talk, Some("1")), answers);
    let _ = play(|talk: &mut Talk| power_state(talk, &place()), answers);
    for action in [ResetAction::On, ResetAction::PowerCycle, ResetAction::GracefulShutdown] {
        let _ = play(SetPower { place: place(), action }, answers);
    }
    let boot =
        SetBoot { place: place(), target: BootTarget::Pxe, persistent: false, mode: None, source: None };
    let _ = play(boot, answers);
    let _ = play(|talk: &mut Talk| accounts(talk), answers);
    let _ = play(|talk: &mut Talk| password_rules(talk), answers);
    let new = SecretString::from("Ab3_new-word");
    let _ = play(SetPassword { username: name.clone(), new, account: None }, answers);
    let _ = play(EndSessions { username: name, origin: "192.0.2.9".to_owned(), keep: None }, answers);
    let whole = Place {
        manager: Some("/redfish/v1/Managers/1".to_owned()),
        chassis: Some("/redfish/v1/Systems/1".to_owned()),
        ..place()
    };
    let _ = play(ReadSensors { place: whole.clone() }, answers);
    let _ = play(ReadInventory { place: whole.clone() }, answers);
    let _ = play(ReadFirmware { place: whole.clone() }, answers);
    let _ = play(ReadLog { place: whole.clone(), log: None, newest: 9 }, answers);
    let _ = play(ClearLog { place: whole.clone(), log: None }, answers);
    let _ = play(EjectMedia { place: whole.clone(), slot: None }, answers);
    let _ = play(SetIndicator { place: whole.clone(), on: true }, answers);
    let _ = play(SetBios { place: whole, attributes: [("On".to_owned(), "Off".into())].into() }, answers);
    let _ =
        play(Subscribe { destination: "https://192.0.2.9/".to_owned(), context: "1".to_owned() }, answers);
}

/// Words that the operations look at, so that answers made of them go deep.
const WORDS: &[&str] = &[
    "@odata.id",
    "@odata.etag",
    "Members",
    "Members@odata.nextLink",
    "Systems",
    "Managers",
    "Links",
    "ManagedBy",
    "Sessions",
    "AccountService",
    "Accounts",
    "UserName",
    "admin",
    "Actions",
    "#ComputerSystem.Reset",
    "target",
    "ResetType@Redfish.AllowableValues",
    "@Redfish.ActionInfo",
    "Parameters",
    "Chassis",
    "Contains",
    "Sensors",
    "Thermal",
    "Temperatures",
    "Storage",
    "Drives",
    "LogServices",
    "Entries",
    "#LogService.ClearLog",
    "VirtualMedia",
    "Inserted",
    "IndicatorLED",
    "Bios",
    "Attributes",
    "EventService",
    "Subscriptions",
    "AllowableValues",
    "Name",
    "ResetType",
    "On",
    "Off",
    "ForceOff",
    "PowerState",
    "Boot",
    "BootSourceOverrideTarget",
    "Pxe",
    "Once",
    "BootSourceOverrideEnabled",
    "@Redfish.Settings",
    "SettingsObject",
    "Oem",
    "Hpe",
    "Manager",
    "Model",
    "Id",
    "/redfish/v1/",
    "/redfish/v1/Systems/1",
    "//elsewhere/",
    "https://elsewhere/redfish/v1/",
    "/a b",
    "error",
    "@Message.ExtendedInfo",
    "MessageId",
    "MessageArgs",
    "X.1.PasswordChangeRequired",
    "TaskState",
    "14G",
    "iLO ",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((word(), inner), 0..8)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let status = prop_oneof![
        6 => Just(200_u16),
        1 => prop::sample::select(vec![201, 202, 204, 301, 308, 400, 401, 403, 404, 409, 412, 428, 429, 500, 503]),
    ];
    let body = prop_oneof![
        8 => json_value().prop_map(Body::Json),
        1 => Just(Body::Empty),
        1 => Just(Body::Other("it is a page for people".to_owned())),
    ];
    let header = || prop::option::of(word());
    (status, header(), header(), header(), prop::option::of(any::<u64>()), body).prop_map(
        |(status, etag, location, token, retry, body)| Answer {
            status,
            etag,
            location,
            token: token.map(Token::new),
            retry_after: retry.map(Duration::from_secs),
            body,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_ends_whatever_it_is_answered(answers in vec(answer(), 1..12)) {
        play_all(&answers);
    }

    #[test]
    fn recorded_trees_with_other_values_in_them_are_read(
        name in prop::sample::select(vec!["dell/idrac10", "ami/dgx-h100", "generic/two-nodes", "hpe/ilo4"]),
        changes in vec((any::<prop::sample::Index>(), word(), json_value()), 1..6),
    ) {
        let mut recorded = Recorded::load(name);
        let paths = recorded.paths();
        for (path, property, value) in changes {
            let change: Map<String, Value> = [(property, value)].into_iter().collect();
            recorded.merge(&paths[path.index(paths.len())], Value::from(change));
        }
        if let Ok(place) = recorded.play(|talk: &mut Talk| locate(talk, None)) {
            let _ = recorded.play(SetPower { place, action: ResetAction::PowerCycle });
        }
        let _ = recorded.play(|talk: &mut Talk| accounts(talk));
    }

    #[test]
    fn bytes_of_any_kind_are_an_answer(status in any::<u16>(), bytes in vec(any::<u8>(), 0..64)) {
        let answer = Answer::new(status, &bytes);
        let _ = (answer.message(), answer.message_ids());
        let end = play(|talk: &mut Talk| root(talk), &[answer]);
        if let Ok(root) = end {
            prop_assert!(Vendor::ALL.contains(&identify(&root.resource, None, None).vendor));
        }
    }
}

/// Reads a page as one resource of a controller that answers nothing else.
fn root_of(answer: Answer) -> Result<Option<String>, Error> {
    play(|talk: &mut Talk| Ok(root(talk)?.systems), &[answer])
}

#[test]
fn answers_that_are_no_resource_are_named() {
    let check = |bytes: &[u8], reason: &str| {
        let doing = "GET /redfish/v1/".to_owned();
        let expected = Err(Error::Malformed { doing, reason: reason.to_owned() });
        assert_eq!(root_of(Answer::new(200, bytes)), expected);
    };
    check(b"  <html><body>Please enable JavaScript", "it is a page for people");
    check(br#"{"Systems": {"@odata.id": "/redfish"#, "it is cut off");
    check(b"[]", "it is not an object");
    check(b" \r\n", "it is empty");
    // Deeper than any resource: refused by the reader, not by the stack.
    let deep = root_of(Answer::new(200, "[".repeat(100_000).as_bytes()));
    assert!(matches!(deep, Err(Error::Malformed { .. })), "{deep:?}");
    let wrong = root_of(Answer::json(200, json!({ "Systems": [1], "Oem": 7, "Links": null })));
    assert_eq!(wrong, Ok(None));
}

#[test]
fn links_and_redirects_lead_nowhere_but_to_the_controller() {
    for link in ["//elsewhere/x", "https://elsewhere/x", "x", "", "/a b", "/a\r\nHost: elsewhere"] {
        let answer = Answer::json(200, json!({ "Systems": { "@odata.id": link } }));
        assert_eq!(root_of(answer), Ok(None), "{link:?}");
    }
    let redirected = Err(Error::Redirected { path: "/redfish/v1/".to_owned() });
    for location in ["https://elsewhere/login", "//elsewhere/login", "login", "/a\nb"] {
        let answer = Answer { location: Some(location.to_owned()), ..Answer::new(302, b"") };
        assert_eq!(root_of(answer), redirected, "{location}");
    }
    let same = Answer { location: Some("/redfish/v1/".to_owned()), ..Answer::new(301, b"") };
    assert_eq!(root_of(same), redirected);
}

#[test]
fn a_redirect_on_the_controller_is_followed_for_reading_alone() {
    let mut recorded = Recorded::load("lenovo/xcc");
    let there = |location: &str| Answer { location: Some(location.to_owned()), ..Answer::new(308, b"") };
    let moved = recorded.play_with(
        |talk: &mut Talk| Ok(talk.get("/old")?.id().to_owned()),
        |_, request| (request.path == "/old").then(|| there("/redfish/v1/Systems/1")),
    );
    assert_eq!(moved, Ok("1".to_owned()));
    let slash = recorded.play_with(
        |talk: &mut Talk| Ok(talk.get("/redfish/v1/Systems")?.members().len()),
        |_, request| (!request.path.ends_with('/')).then(|| there("https://192.0.2.7/redfish/v1/Systems/")),
    );
    assert_eq!(slash, Ok(1));
    let write = recorded.play_with(
        |talk: &mut Talk| {
            let request = ironhand_redfish::Request::with(ironhand_redfish::Method::Post, "/old", json!({}));
            talk.done(request).map(|answer| answer.status)
        },
        |_, _| Some(there("/redfish/v1/Systems/1")),
    );
    assert_eq!(write, Err(Error::Redirected { path: "/old".to_owned() }));
    let round = recorded.play_with(
        |talk: &mut Talk| talk.get("/a").map(|_| ()),
        |_, request| Some(there(if request.path == "/a" { "/b" } else { "/a" })),
    );
    assert!(matches!(round, Err(Error::Redirected { .. })), "{round:?}");
}

#[test]
fn what_a_controller_says_is_shown_in_a_line_of_some_length() {
    let said = json!([{ "Message": format!("\u{1b}[2J{}", "no ".repeat(1_000_000)) }]);
    let answer = Answer::json(400, json!({ "error": { "@Message.ExtendedInfo": said } }));
    let error = root_of(answer).expect_err("it is refused").to_string();
    assert!(error.len() < 500 && !error.contains('\u{1b}'), "{error}");
    let said =
        json!([{ "MessageId": "PasswordChangeRequired", "MessageArgs": ["https://elsewhere/a", "/b"] }]);
    let answer = Answer::json(403, json!({ "error": { "@Message.ExtendedInfo": said } }));
    assert_eq!(root_of(answer), Err(Error::PasswordChangeRequired { account: None }));
}

#[test]
fn collections_that_lead_back_to_themselves_end() {
    let page = |next: usize| {
        json!({ "body": {
            "Members": [{ "@odata.id": "/c" }, { "@odata.id": format!("/m/{next}") }],
            "Members@odata.nextLink": format!("/c?page={next}"),
        } })
    };
    let mut recorded = Recorded::of(json!({}));
    recorded.page("/c", page(1)).page("/c?page=1", page(2)).page("/c?page=2", page(1));
    let found = recorded.play(|talk: &mut Talk| talk.members("/c"));
    assert_eq!(found, Ok(vec!["/c".to_owned(), "/m/1".to_owned(), "/m/2".to_owned()]));
    // One that makes up a page after each.
    let mut number = 0;
    let found = Recorded::of(json!({})).play_with(
        |talk: &mut Talk| talk.members("/c").map(|members| members.len()),
        |_, _| {
            number += 1;
            let body = page(number)["body"].clone();
            Some(Answer::json(200, body))
        },
    );
    assert_eq!(found, Ok(101));
}

#[test]
fn an_operation_that_asks_without_end_is_stopped() {
    let endless = |talk: &mut Talk| -> Result<(), Stop> {
        loop {
            talk.read("/redfish/v1/")?;
        }
    };
    let end = play(endless, &[Answer::json(200, json!({}))]);
    assert!(matches!(end, Err(Error::Endless { .. })), "{end:?}");
}
