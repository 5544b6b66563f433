//! What templates in steps give, and what is refused.

use ironhand_api::{IncidentState, MatchEvidence, RunState, StepRecord, Timestamp};

use super::*;

fn host() -> Host {
    serde_json::from_str(
        r#"{ "metadata": { "name": "rack7-12", "labels": { "netbox": "17" } },
             "spec": { "cluster": "web", "connectors": [{ "type": "vnc", "address": "10.0.7.12" }] } }"#,
    )
    .unwrap()
}

fn run() -> Run {
    let at = Timestamp::from_millis(1_772_331_247_120);
    let captures = [("disk", "sd<F1>a/1"), ("line", "a\nb")];
    Run {
        id: 7,
        host: "rack7-12".parse().unwrap(),
        incident: 3,
        flow: "fsck".parse().unwrap(),
        attempt: 2,
        state: RunState::Running,
        reason: "not proven".to_owned(),
        asked: None,
        started_at: at,
        ended_at: None,
        matched: MatchEvidence {
            text: String::new(),
            row: 0,
            column: 0,
            confidence: 1.0,
            screen_text: String::new(),
            read_at: at,
            picture: None,
            captures: captures.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            findings: Vec::new(),
        },
        steps: vec![StepRecord {
            step: Step::Snapshot(None),
            place: "1".to_owned(),
            started_at: at,
            ended_at: None,
            outcome: None,
            receipts: Vec::new(),
            captured: BTreeMap::from([("id".to_owned(), "4711".to_owned())]),
        }],
        proof: None,
    }
}

fn incident() -> Incident {
    serde_json::from_value(serde_json::json!({
        "id": 3, "host": "rack7-12", "cause": "the screen shows `x`", "flow": "fsck",
        "state": IncidentState::Open, "reason": "", "openedAt": "2026-03-01T02:14:07.120Z", "attempts": 1,
    }))
    .unwrap()
}

fn filled(step: serde_json::Value) -> Result<Option<Step>, String> {
    let (host, step) = (host(), serde_json::from_value(step).unwrap());
    let hardware = HostHardware { model: Some("R640".to_owned()), ..HostHardware::default() };
    fill(&step, &Scope { host: &host, zone: None, hardware: Some(&hardware) }, &run(), &incident())
}

#[test]
fn templates_are_filled_in_and_other_texts_left_as_they_are() {
    let check = |text: &str, wanted: &str| {
        let step = filled(serde_json::json!({ "snapshot": text }));
        let told = match step {
            Ok(Some(Step::Snapshot(Some(note)))) => note,
            Ok(None) => "as it is".to_owned(),
            other => format!("{other:?}"),
        };
        assert!(told.contains(wanted), "{text}: {told}");
    };
    check("{% of disk }}", "as it is");
    check("{{ host.name }} {{ host.cluster }} {{ host.addresses[0] }}", "rack7-12 web 10.0.7.12");
    check("{{ run.id }}.{{ run.attempt }} {{ flow.name }} {{ incident.id }}", "7.2 fsck 3");
    check("{{ match.disk }} {{ captures.id }}", "sd<F1>a/1 4711");
    check("{{ host.vendor }}|{{ host.model }}", "|R640");
    check("{{ host.zone }}", "undefined");
    check("{{ host.zone | default('?') }}", "?");
    check("{{ host.labels.room }}", "undefined");
    check("{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}", "fuel");
}

#[test]
fn a_value_in_keys_types_itself_and_presses_nothing() {
    let check = |text: &str, wanted: &str| {
        let told = match filled(serde_json::json!({ "keys": text })) {
            Ok(Some(Step::Keys(keys))) => keys,
            Ok(None) => "as it is".to_owned(),
            other => format!("{other:?}"),
        };
        assert!(told.contains(wanted), "{text}: {told}");
    };
    check("fsck -y /dev/sda1<Enter>", "as it is");
    check("fsck /dev/{{ match.disk }}<Enter>", "fsck /dev/sd<<F1>a/1<Enter>");
    check("{{ '<' }}Enter>", "<<Enter>");
    check("<{{ 'F1' }}>", "cannot be a part of the name");
    check("<secret {{ host.name }}>", "cannot be a part of the name");
    check("<<{{ host.name }}", "<<rack7-12");
    check("{{ match.line }}", "like a line break");
    check("{{ host.name }}<NoSuchKey>", "no key is called");
    let serial = filled(serde_json::json!({ "serial": "x{{ match.disk }}" })).unwrap();
    assert_eq!(serial, Some(serde_json::from_value(serde_json::json!({ "serial": "xsd<<F1>a/1" })).unwrap()));
}

#[test]
fn a_value_in_a_url_is_a_part_of_it_and_secrets_are_named_by_the_flow_alone() {
    let step = filled(serde_json::json!({ "http": {
        "url": "http://a/{{ match.disk }}/{{ '/raw/x' | safe }}?id={{ host.labels.netbox }}",
        "headers": { "X-Disk": "{{ match.disk }}" },
        "body": { "a": ["{{ captures.id }}", 5], "b": { "secret": "{{ host.name }}" } },
    } }));
    let Ok(Some(Step::Http(request))) = step else { panic!("{step:?}") };
    assert_eq!(request.url, TextOrSecret::Plain("http://a/sd%3CF1%3Ea%2F1//raw/x?id=17".to_owned()));
    assert_eq!(request.headers["X-Disk"], TextOrSecret::Plain("sd<F1>a/1".to_owned()));
    let wanted = serde_json::json!({ "a": ["4711", 5], "b": { "secret": "{{ host.name }}" } });
    assert_eq!(request.body, Some(HttpBody::Json(wanted)));
}

#[test]
fn templates_that_cannot_be_are_found_when_they_are_applied() {
    let check = |steps: serde_json::Value, wanted: &str| {
        let flow: Flow = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "f" },
            "spec": {
                "when": { "any": [{ "screen": "(?<disk>sd[a-z])" }] },
                "do": steps,
                "verify": { "screen": "login:", "timeout": "1m" },
                "onFailure": [{ "notify": { "to": "oncall", "text": "{{ run.reason }}" } }],
            },
        }))
        .unwrap();
        let found = faults(&flow).join("; ");
        assert!(
            if wanted.is_empty() { found.is_empty() } else { found.contains(wanted) },
            "{steps}: {found}"
        );
    };
    let note = |text: &str| serde_json::json!([{ "sleep": "1s" }, { "snapshot": text }]);
    check(note("{{ host.labels.rack }} {{ match.disk }} {{ match }}"), "");
    check(note("{{ host.name"), "spec.do[1].`snapshot`: syntax error");
    check(note("{{ hots.name }}"), "`hots.name` means nothing here; there are host.name,");
    check(note("{{ match.disc }}"), "`match.disc` means nothing here");
    check(note("{{ captures.id }}"), "`captures.id` means nothing here");
    check(note("{{ host.name | shout }}"), "unknown filter");
    check(note("{% include '/etc/passwd' %}{{ host.name }}"), "unknown statement");
    let get = serde_json::json!({ "http": { "url": "http://a/", "capture": { "id": "/id" } } });
    let put = serde_json::json!({ "http": { "url": "http://a/{{ captures.id }}" } });
    check(serde_json::json!([get, put]), "");
    check(serde_json::json!([put, get]), "spec.do[0].`http.url`: `captures.id` means nothing");
    check(serde_json::json!([{ "call": "other" }, put]), "");
    check(serde_json::json!([{ "keys": "<{{ host.name }}>" }]), "part of the name");
}
