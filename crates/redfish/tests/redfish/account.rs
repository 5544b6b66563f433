//! Changes under a condition, and accounts.

use ironhand_redfish::{
    Answer, Error, Method, PasswordProof, Request, SetPassword, Talk, accounts, log_in, password_rules, patch,
};
use secrecy::SecretString;
use serde_json::json;

use crate::recorded::Recorded;

/// What a controller thinks of the entity tag of a change: the status where it does not take it.
type Opinion = fn(Option<&str>) -> Option<u16>;

/// Changes a resource that shows `tag`, on a controller that thinks so of what is sent; the tags that were sent.
fn tags(tag: Option<&str>, opinion: Opinion) -> (u16, Vec<Option<String>>) {
    let mut page = json!({ "body": { "@odata.id": "/r" } });
    if let Some(tag) = tag {
        page["headers"] = json!({ "ETag": tag });
    }
    let mut recorded = Recorded::of(json!({ "/redfish/v1/": { "body": {} } }));
    recorded.page("/r", page);
    let mut sent = Vec::new();
    let status = recorded.play_with(
        |talk: &mut Talk| {
            let resource = talk.get("/r")?;
            Ok(patch(talk, &resource, &json!({ "AssetTag": "a" }))?.status)
        },
        |_, request| {
            (request.method == Method::Patch).then(|| {
                sent.push(request.if_match.clone());
                Answer::new(opinion(request.if_match.as_deref()).unwrap_or(204), b"")
            })
        },
    );
    (status.expect("it ends"), sent)
}

fn check(tag: Option<&str>, opinion: Opinion, sent: &[Option<&str>]) {
    let (status, seen) = tags(tag, opinion);
    let seen: Vec<_> = seen.iter().map(Option::as_deref).collect();
    assert_eq!((status, seen.as_slice()), (204, sent), "{tag:?}");
}

#[test]
fn changes_are_sent_under_the_condition_that_the_controller_takes() {
    check(None, |_| None, &[None]);
    check(Some("\"a\""), |_| None, &[Some("\"a\"")]);
    check(Some("\"\""), |_| None, &[None]);
    let (status, sent) = tags(Some("W/\"a\""), |_| Some(412));
    assert_eq!((status, sent.len()), (412, 4), "{sent:?}");
    let (status, sent) = tags(Some("\"a\""), |_| Some(400));
    assert_eq!((status, sent.len()), (400, 1), "{sent:?}");
}

/// Everything needs the entity tag.
pub fn tag_required() {
    check(Some("\"a\""), |tag| (tag != Some("\"a\"")).then_some(412), &[Some("\"a\"")]);
    for name in ["huawei/ibmc", "h3c/hdm"] {
        proves(name, |request| (request.if_match.is_none()).then_some(412));
    }
}

/// Accounts need one, whichever.
pub fn tag_of_accounts() {
    check(None, |tag| (tag != Some("*")).then_some(428), &[None, Some("*")]);
    proves("lenovo/xcc", |request| request.if_match.is_none().then_some(428));
    proves("gigabyte/megarac", |request| (request.if_match.as_deref() != Some("*")).then_some(412));
}

/// A weak entity tag is refused though it is the right one.
pub fn weak_tag() {
    let strong: Opinion = |tag| (tag != Some("\"a\"")).then_some(412);
    check(Some("W/\"a\""), strong, &[Some("W/\"a\""), Some("\"a\"")]);
    let none: Opinion = |tag| tag.is_some().then_some(412);
    check(Some("W/\"a\""), none, &[Some("W/\"a\""), Some("\"a\""), None]);
}

/// Any entity tag is refused.
pub fn tag_unknown() {
    check(Some("\"a\""), |tag| tag.is_some().then_some(412), &[Some("\"a\""), None]);
}

fn username(name: &str) -> &'static str {
    match name {
        "lenovo/xcc" => "USERID",
        "huawei/ibmc" => "Administrator",
        "openbmc/upstream" => "root",
        _ => "admin",
    }
}

/// A password is changed on a controller that refuses some changes, and proven.
fn proves(name: &str, refuses: fn(&Request) -> Option<u16>) {
    let mut recorded = Recorded::load(name);
    let operation = SetPassword {
        username: username(name).to_owned(),
        new: SecretString::from("Ab3_new-word"),
        account: None,
    };
    let done = recorded.play_with(operation, |_, request| {
        let status = refuses(request).filter(|_| request.method == Method::Patch)?;
        Some(Answer::new(status, b""))
    });
    assert_eq!(done, Ok(PasswordProof::Proven), "{name}: {:?}", recorded.asked);
    let ended = recorded.asked.last().is_some_and(|request| request.starts_with("DELETE"));
    assert!(ended, "the session that proved it is ended: {:?}", recorded.asked);
}

#[test]
fn a_password_that_does_not_hold_is_not_taken_for_changed() {
    let set = || SetPassword {
        username: "admin".to_owned(),
        new: SecretString::from("Ab3_new-word"),
        account: None,
    };
    let mut recorded = Recorded::load("fujitsu/irmc-s5");
    let answers = |status: u16| {
        move |_: &mut Recorded, request: &Request| {
            (request.method == Method::Post).then(|| Answer::new(status, b""))
        }
    };
    let done = recorded.play_with(set(), answers(401));
    assert!(matches!(done, Err(Error::NotKept { .. })), "{done:?}");
    let done = recorded.play_with(set(), answers(500));
    assert_eq!(done, Ok(PasswordProof::Accepted));
    let done = recorded.play(SetPassword { username: "nobody".to_owned(), ..set() });
    assert_eq!(done, Err(Error::NoAccount { username: "nobody".to_owned() }));
}

#[test]
fn a_password_that_is_repeated_in_a_refusal_is_left_out_of_the_error() {
    let set =
        SetPassword { username: "admin".to_owned(), new: SecretString::from("Ab3_new-word"), account: None };
    let check = |message: String, expected: &str| {
        let said = json!({ "error": { "@Message.ExtendedInfo": [{
            "MessageId": "Base.1.8.PropertyValueFormatError",
            "Message": message,
        }] } });
        let done = Recorded::load("fujitsu/irmc-s5").play_with(set.clone(), |_, request| {
            (request.method == Method::Patch).then(|| Answer::json(400, said.clone()))
        });
        let error = done.expect_err("it is refused").to_string();
        assert!(error.contains(expected) && !error.contains("Ab3") && !error.contains("word"), "{error}");
    };
    check("It needs 12 characters.".to_owned(), "It needs 12 characters.");
    check("The value Ab3_new-word is too weak.".to_owned(), "PropertyValueFormatError");
    check("The value Ab3_n... is too weak.".to_owned(), "PropertyValueFormatError");
    // Where it would be cut in the middle of the password.
    check(format!("{}Ab3_new-word", "x".repeat(398)), "PropertyValueFormatError");
    let shown = format!("{set:?}{:?}", log_in("/s", "admin", &set.new));
    assert!(!shown.contains("Ab3"), "{shown}");
}

#[test]
fn what_is_asked_of_passwords_is_read() {
    let rules = Recorded::load("lenovo/xcc").play(|talk: &mut Talk| password_rules(talk));
    let rules = rules.expect("it tells");
    assert_eq!((rules.shortest, rules.longest), (Some(10), Some(32)));
    assert_eq!((rules.lockout_after, rules.lockout_seconds), (Some(0), Some(60)));
}

/// Slots without a name are no accounts.
pub fn account_slots() {
    for (name, count) in [("dell/idrac8", 2), ("dell/idrac10", 2), ("cisco/cimc", 1)] {
        let found = Recorded::load(name).play(|talk: &mut Talk| accounts(talk)).expect(name);
        assert_eq!(found.len(), count, "{name}: {found:?}");
    }
}

/// Everything is refused until the password is changed, and the account is named.
pub fn forced_password() {
    let account = "/redfish/v1/AccountService/Accounts/root";
    let said = json!({ "error": { "@Message.ExtendedInfo": [{
        "MessageId": "Base.1.13.PasswordChangeRequired",
        "Message": "The password must be changed.",
        "MessageArgs": [account],
    }] } });
    let mut recorded = Recorded::load("openbmc/upstream");
    let mut is_changed = false;
    let mut habit = |_: &mut Recorded, request: &Request| {
        let is_open = request.anonymous || request.path == "/redfish/v1/" || is_changed;
        is_changed |= request.method == Method::Patch;
        (!is_open && request.method == Method::Get).then(|| Answer::json(403, said.clone()))
    };
    let refused = recorded.play_with(|talk: &mut Talk| accounts(talk), &mut habit);
    assert_eq!(refused, Err(Error::PasswordChangeRequired { account: Some(account.to_owned()) }));
    let set = SetPassword {
        username: "root".to_owned(),
        new: SecretString::from("Ab3_new-word"),
        account: Some(account.to_owned()),
    };
    assert_eq!(recorded.play_with(set, &mut habit), Ok(PasswordProof::Proven));
    assert!(recorded.play_with(|talk: &mut Talk| accounts(talk), &mut habit).is_ok());
}
