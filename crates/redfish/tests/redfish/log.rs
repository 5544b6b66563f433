//! Logs of machines and controllers.

use ironhand_redfish::{ClearLog, Listing, Log, LogEntry, LogSeverity, ReadLog, Talk, event_log, logs};
use serde_json::json;

use crate::recorded::Recorded;

fn read(recorded: &mut Recorded, log: Option<&str>, newest: usize) -> (Log, Listing<LogEntry>) {
    let place = recorded.place();
    let log = log.map(str::to_owned);
    recorded.play(ReadLog { place, log, newest }).expect("the log is read")
}

/// As lines: identifier, time in seconds, severity, message.
fn lines(entries: &[LogEntry]) -> Vec<String> {
    let line = |entry: &LogEntry| {
        let at = entry.at.map_or("-".to_owned(), |at| (at / 1000).to_string());
        format!("{} {at} {:?} {}", entry.id, entry.severity, entry.message)
    };
    entries.iter().map(line).collect()
}

#[test]
fn each_controller_has_one_log_of_its_hardware() {
    let check = |recording: &str, ids: &[&str], expected: &str, missing: usize| {
        let mut recorded = Recorded::load(recording);
        let place = recorded.place();
        let found = recorded.play(|talk: &mut Talk| logs(talk, &place)).expect("the logs are found");
        let seen: Vec<_> = found.items.iter().map(|log| log.id.as_str()).collect();
        assert_eq!(seen, ids, "{recording}");
        assert_eq!(found.missing.len(), missing, "{recording}: {:?}", found.missing);
        let log = event_log(&found.items).expect("a log of the hardware");
        assert_eq!(log.id, expected, "{recording}");
    };
    check("dell/idrac9", &["Sel", "Lclog"], "Sel", 0);
    check("hpe/ilo5", &["IML", "IEL"], "IML", 0);
    check("supermicro/x13", &["Log1", "Log1"], "Log1", 0);
    // Its log of the name that IPMI would have cannot be read.
    check("openbmc/gb200", &["EventLog"], "EventLog", 1);
    check("lenovo/xcc", &["StandardLog", "ActiveLog"], "StandardLog", 0);
    check("ami/dgx-h100", &["BIOS", "SEL", "EventLog"], "SEL", 0);
}

/// A zone without a colon is one.
pub fn time_zone() {
    let (_, entries) = read(&mut Recorded::load("dell/idrac9"), None, 100);
    assert_eq!(entries.items[0].at, Some(1_767_636_000_000));
}

#[test]
fn entries_come_from_the_oldest_to_the_newest() {
    let (log, entries) = read(&mut Recorded::load("dell/idrac9"), None, 100);
    assert_eq!((log.name.as_str(), log.kind.as_deref()), ("SEL Log Service", Some("SEL")));
    let expected =
        ["1 1767636000 Ok Log cleared.", "2 1772285462 Critical The power input for power supply 2 is lost."];
    assert_eq!(lines(&entries.items), expected);
    assert_eq!(entries.items[1].message_id.as_deref(), Some("PSU0003"));
    assert_eq!(entries.items[1].about.as_deref(), Some("Power Supply / Converter"));

    // Over pages, and the newest of them alone.
    let (_, entries) = read(&mut Recorded::load("dell/idrac9"), Some("lclog"), 100);
    let ids: Vec<_> = entries.items.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(entries.items[0].severity, LogSeverity::Warning);
    let (_, entries) = read(&mut Recorded::load("dell/idrac9"), Some("Lclog"), 2);
    assert_eq!(entries.items.len(), 2);
    assert_eq!(entries.items[1].id, "3");

    // Each entry a resource of its own.
    let (_, entries) = read(&mut Recorded::load("hpe/ilo5"), None, 100);
    let expected = [
        "1 1762161164 Ok IML Cleared (iLO 5 user:Administrator)",
        "2 1768795201 Critical System Power Supply Failure (Power Supply 2)",
    ];
    assert_eq!(lines(&entries.items), expected);
}

#[test]
fn an_entry_may_say_little() {
    let (_, entries) = read(&mut Recorded::load("openbmc/gb200"), None, 100);
    let expected = [
        "10 - Ok OpenBMC.0.4.PowerButtonPressed",
        "11 1772349045 Warning The resource property Fan_3 has detected errors of type Tach.",
    ];
    assert_eq!(lines(&entries.items), expected);

    let mut recorded = Recorded::load("supermicro/x13");
    let page = json!({ "body": { "Members": [
        { "Id": 5, "Message": ["x"], "Severity": 3, "Created": "0000-00-00T00:00:00Z" },
        { "@odata.id": "/redfish/v1/Systems/1/LogServices/Log1/Entries/1" },
        { "@odata.id": "/redfish/v1/gone" },
        null,
    ] } });
    recorded.page("/redfish/v1/Systems/1/LogServices/Log1/Entries", page);
    let (_, entries) = read(&mut recorded, None, 100);
    assert_eq!(entries.items.len(), 2);
    assert_eq!(entries.missing.len(), 1);
    assert_eq!(entries.items.iter().filter(|entry| entry.message == "(no message)").count(), 1);

    // Null where the entries belong.
    let (log, entries) =
        read(&mut Recorded::load("supermicro/x13"), Some("/redfish/v1/Managers/1/LogServices/Log1"), 9);
    assert_eq!(
        (log.name.as_str(), entries.items.len(), entries.missing.len()),
        ("Manager Log Service", 0, 0)
    );
}

#[test]
fn a_log_is_emptied_and_looked_at() {
    for recording in
        ["dell/idrac9", "hpe/ilo5", "supermicro/x13", "openbmc/gb200", "lenovo/xcc", "ami/dgx-h100"]
    {
        let mut recorded = Recorded::load(recording);
        let place = recorded.place();
        recorded.play(ClearLog { place: place.clone(), log: None }).expect("the log is emptied");
        assert_eq!(recorded.sent.len(), 1, "{recording}: {:?}", recorded.sent);
        assert_eq!(recorded.sent[0].1, json!({}), "{recording}");
        recorded.afresh();
        let (_, entries) = recorded.play(ReadLog { place, log: None, newest: 9 }).expect("the log is read");
        assert_eq!(entries.items, [], "{recording}");
    }
}

#[test]
fn a_log_that_is_not_emptied_is_an_error() {
    let check = |log: Option<&str>, page: serde_json::Value, expected: &str| {
        let mut recorded = Recorded::load("dell/idrac9");
        let place = recorded.place();
        let clear = "POST /redfish/v1/Managers/iDRAC.Embedded.1/LogServices/Sel/Actions/LogService.ClearLog";
        recorded.page(clear, page);
        let error =
            recorded.play(ClearLog { place, log: log.map(str::to_owned) }).expect_err("it is not emptied");
        assert_eq!(error.to_string(), expected);
    };
    check(None, json!({}), "the controller took the change of the log Sel, and shows 2 entries when asked");
    check(Some("Lclog"), json!({}), "the controller cannot empty the log Lclog");
    check(Some("x"), json!({}), "the controller cannot show a log \"x\": its logs are Sel, Lclog");
    let forbidden = json!({ "status": 403, "body": { "error": { "message": "Insufficient privilege." } } });
    check(None, forbidden, "the account may not do this: Insufficient privilege.");
}

#[test]
fn a_controller_without_logs_says_so() {
    let mut recorded = Recorded::load("supermicro/x13");
    for holder in ["Systems/1", "Managers/1"] {
        recorded.merge(&format!("/redfish/v1/{holder}"), json!({ "LogServices": null }));
    }
    let place = recorded.place();
    let error = recorded.play(ReadLog { place, log: None, newest: 9 }).expect_err("there is no log");
    assert_eq!(error.to_string(), "the controller cannot show a log: it keeps none");
}
