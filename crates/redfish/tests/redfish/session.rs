//! When to log in, and what comes of it.

use std::time::{Duration, Instant};

use ironhand_redfish::{
    Admission, Answer, EndSessions, Quirk, Session, SessionPolicy, Talk, Token, Told, log_out,
};
use serde_json::{Value, json};

use crate::recorded::Recorded;

fn session(number: u32) -> Session {
    Session { token: Token::new(format!("token-{number}")), path: Some(format!("/s/{number}")) }
}

fn check(answer: Answer, told: Told) {
    assert_eq!(Told::by(&answer), told, "{answer:?}");
}

fn said(status: u16, id: &str) -> Answer {
    let infos = json!([{ "MessageId": id, "Message": "It says so." }]);
    Answer::json(status, json!({ "error": { "@Message.ExtendedInfo": infos } }))
}

fn opened(location: Option<&str>, body: Value) -> Answer {
    let location = location.map(str::to_owned);
    Answer { token: Some(Token::new("token-7")), location, ..Answer::json(201, body) }
}

#[test]
fn answers_to_a_login_are_told_apart() {
    check(opened(Some("/s/7"), json!({})), Told::Opened(session(7)));
    check(Answer::new(401, b"<html>"), Told::Refused);
    check(said(403, "Base.1.8.InsufficientPrivilege"), Told::Refused);
    check(Answer::new(404, b""), Told::NoSessions);
    check(Answer::new(201, b""), Told::NoSessions);
    check(Answer::new(500, b""), Told::Full);
    check(said(401, "Base.1.8.PasswordChangeRequired"), Told::Full);
}

/// Full is told from refused, whatever the status.
pub fn sessions_full() {
    check(said(503, "IDRAC.1.6.RAC0218"), Told::Full);
    check(said(400, "IDRAC.2.8.RAC0218"), Told::Full);
    check(said(403, "Base.1.8.SessionLimitExceeded"), Told::Full);
    check(Answer::json(401, json!({ "error": { "code": 15000 } })), Told::Full);
    let now = Instant::now();
    let mut policy = SessionPolicy::new(None, false);
    assert_eq!(policy.next(now), Admission::LogIn);
    policy.told(now, Told::Full);
    assert_eq!(policy.next(now), Admission::Credentials);
    let later = now + Duration::from_secs(5 * 60);
    assert_eq!(policy.next(later), Admission::LogIn);
    assert!(!policy.is_refused());
}

/// The path of a session is found wherever it is told.
pub fn session_location() {
    check(opened(Some("https://192.0.2.7/s/7"), json!({})), Told::Opened(session(7)));
    check(opened(None, json!({ "@odata.id": "/s/7" })), Told::Opened(session(7)));
    let lost = Session { path: None, ..session(7) };
    check(opened(None, json!({})), Told::Opened(lost.clone()));
    assert_eq!(log_out(&lost), None);
    let request = log_out(&session(7)).expect("its path is known");
    assert_eq!(request.named(), "DELETE /s/7");
}

/// A collection of sessions with null for its members is empty.
pub fn null_members() {
    let found = Recorded::load("nvidia/bluefield3")
        .play(|talk: &mut Talk| talk.members("/redfish/v1/SessionService/Sessions"));
    assert_eq!(found, Ok(Vec::new()));
}

/// A refusal by a controller that refuses right credentials now and then is not believed at once.
pub fn spurious_refusal() {
    let mut now = Instant::now();
    let is_spurious = |name: &str| Recorded::load(name).place().quirks.contains(Quirk::SpuriousRefusal);
    let mut policy = SessionPolicy::new(None, false);
    policy.expect_spurious(is_spurious("hpe/ilo5"));
    for is_believed in [false, false, true] {
        assert_eq!(policy.next(now), Admission::LogIn);
        policy.told(now, Told::Refused);
        assert_eq!(policy.is_refused(), is_believed);
        now += Duration::from_secs(15);
    }
    let mut other = SessionPolicy::new(None, is_spurious("dell/idrac9"));
    assert_eq!(other.next(now), Admission::LogIn);
    other.told(now, Told::Refused);
    assert!(other.is_refused());
}

#[test]
fn logins_are_rare() {
    let start = Instant::now();
    let mut policy = SessionPolicy::new(Some(session(1)), false);
    assert_eq!(policy.next(start), Admission::Session(session(1)));
    // The kept session is over: that says nothing of the credentials.
    policy.told(start, Told::Over);
    assert_eq!(policy.next(start), Admission::LogIn);
    policy.told(start, Told::Opened(session(2)));
    policy.told(start, Told::Accepted);
    assert_eq!(policy.session(), Some(&session(2)));
    policy.told(start, Told::Over);
    let again = start + Duration::from_secs(15);
    assert_eq!(policy.next(start), Admission::Wait(again));
    assert_eq!(policy.next(again), Admission::LogIn);
    assert!(!policy.is_refused());
}

#[test]
fn credentials_that_are_refused_are_left_alone_before_the_account_is_locked() {
    let mut now = Instant::now();
    let mut policy = SessionPolicy::new(None, false);
    let mut logins = 0;
    let end = now + Duration::from_secs(60 * 60);
    while now < end {
        match policy.next(now) {
            Admission::LogIn => {
                logins += 1;
                policy.told(now, Told::Refused);
            }
            Admission::Wait(until) => now = until,
            other => panic!("{other:?}"),
        }
    }
    // Three, and then one every quarter of an hour.
    assert_eq!(logins, 3 + 3);
    policy.told(now, Told::Accepted);
    assert!(!policy.is_refused());
}

#[test]
fn a_controller_that_forgets_its_sessions_at_once_is_not_filled_with_them() {
    let mut now = Instant::now();
    let mut policy = SessionPolicy::new(None, false);
    let mut logins = 0;
    let end = now + Duration::from_secs(15 * 60);
    while now < end {
        match policy.next(now) {
            Admission::LogIn => {
                logins += 1;
                policy.told(now, Told::Opened(session(logins)));
            }
            Admission::Session(_) => policy.told(now, Told::Over),
            Admission::Wait(until) => now = until,
            Admission::Credentials => panic!("sessions are there"),
        }
    }
    assert_eq!(logins, 3);
}

#[test]
fn a_controller_without_sessions_gets_the_credentials() {
    let now = Instant::now();
    let mut policy = SessionPolicy::new(None, false);
    assert_eq!(policy.next(now), Admission::LogIn);
    policy.told(now, Told::NoSessions);
    assert_eq!(policy.next(now + Duration::from_secs(86_400)), Admission::Credentials);
    policy.told(now, Told::Refused);
    assert!(policy.is_refused());
}

#[test]
fn sessions_that_were_left_behind_are_ended_and_nobody_elses() {
    let sessions = "/redfish/v1/SessionService/Sessions";
    let mut recorded = Recorded::load("lenovo/xcc");
    let members: Vec<Value> = (1..=4).map(|n| json!({ "@odata.id": format!("{sessions}/{n}") })).collect();
    recorded.merge(sessions, json!({ "Members": members }));
    for (n, user, origin) in [
        (1, "USERID", "192.0.2.9"),
        (2, "USERID", "192.0.2.8"),
        (3, "other", "192.0.2.9"),
        (4, "USERID", "192.0.2.9"),
    ] {
        let body = json!({ "UserName": user, "ClientOriginIPAddress": origin });
        recorded.page(&format!("{sessions}/{n}"), json!({ "body": body }));
        recorded.page(&format!("DELETE {sessions}/{n}"), json!({ "status": 204 }));
    }
    let keep = Some(format!("{sessions}/4"));
    let end = EndSessions { username: "USERID".to_owned(), origin: "192.0.2.9".to_owned(), keep };
    assert_eq!(recorded.play(end), Ok(1));
    assert_eq!(
        recorded.asked.last().map(String::as_str),
        Some("DELETE /redfish/v1/SessionService/Sessions/1")
    );
}

#[test]
fn a_token_shows_nowhere() {
    let policy = SessionPolicy::new(Some(session(9)), false);
    let answer = opened(Some("/s/7"), json!({}));
    let shown = format!("{policy:?} {answer:?} {:?}", Told::by(&answer));
    assert!(!shown.contains("token-"), "{shown}");
}
