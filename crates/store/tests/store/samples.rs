//! Things to store.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::{
    Alert, AlertCause, Cluster, ClusterSpec, Condition, Connector, Credential, CredentialSpec, Event,
    EventKind, Fact, Flow, FlowSpec, Health, Host, HostSelect, HostSpec, HostStatus, Icon, Incident,
    IncidentState, IpmiOptions, Job, JobState, Limits, MatchEvidence, Metadata, Name, Notifier, NotifierSpec,
    PictureDigest, PowerAction, PowerState, Reach, Repository, RotationPhase, Run, RunState, Secret, Select,
    Severity, Span, Step, StepOutcome, StepRecord, Timestamp, Verdict, Verify, Way, Webhook, When, Work,
    Zone, ZoneSpec,
};
use ironhand_model::{Decided, HostFacts, HostRecovery, Observation, ScreenView, View};
use ironhand_store::{Delivery, EventDraft, Picture, Rotation};

pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_772_366_400_000);

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.message.as_str()).collect()
}

fn metadata(text: &str, labels: &[(&str, &str)]) -> Metadata {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Metadata { labels: labels.collect::<BTreeMap<_, _>>(), ..Metadata::named(name(text)) }
}

pub(crate) fn host(text: &str, labels: &[(&str, &str)]) -> Host {
    let connector = |way| Connector::new(way, "192.0.2.7");
    let spec = HostSpec {
        credentials: Vec::new(),
        connectors: vec![
            connector(Way::Ipmi(IpmiOptions::default())),
            connector(Way::Vnc(Default::default())),
        ],
        ..HostSpec::default()
    };
    Host { metadata: metadata(text, labels), spec, status: None }
}

pub(crate) fn credential(text: &str, password: Secret) -> Credential {
    let spec = CredentialSpec { username: "admin".into(), password };
    Credential { metadata: metadata(text, &[]), spec }
}

/// A notifier with a webhook whose bodies are signed.
pub(crate) fn notifier(text: &str, secret: &str) -> Notifier {
    let webhook = Webhook {
        url: "https://pager.example/hook".into(),
        secret: Some(Secret::Plain(secret.to_owned().into())),
    };
    let spec = NotifierSpec {
        webhook: Some(webhook),
        email: None,
        socket: None,
        events: vec!["alert.*".into()],
        severity: Severity::Info,
        select: Select::default(),
        subject: None,
        body: None,
    };
    Notifier { metadata: metadata(text, &[]), spec }
}

pub(crate) fn flow(text: &str) -> Flow {
    let spec = FlowSpec {
        select: HostSelect::default(),
        when: When { condition: Condition::on_screen(r"Press\s+F1"), unless: None, stable: 2 },
        dry_run: false,
        look_every: None,
        even_in_quiet_hours: false,
        priority: 7,
        steps: vec![Step::Keys("<F1>".into()), Step::Sleep(Span::from_secs(2))],
        verify: Verify { condition: Condition::on_screen("login:"), timeout: Span::from_secs(300) },
        limits: Limits::default(),
        on_failure: Vec::new(),
        examples: Vec::new(),
    };
    Flow { metadata: metadata(text, &[]), spec }
}

pub(crate) fn status(picture: Option<&str>) -> HostStatus {
    HostStatus {
        power: Some(Fact {
            value: PowerState::On,
            observed_at: NOON,
            since: NOON,
            source: "ipmi 192.0.2.7".into(),
            detail: None,
        }),
        reach: None,
        screen_reach: None,
        management: None,
        maintenance: None,
        fenced: None,
        alerts: Vec::new(),
        owner: None,
        ways: Vec::new(),
        screens: Vec::new(),
        console: None,
        checks: Vec::new(),
        hardware: None,
        icon: Icon::On,
        screen: None,
        health: Health::Well,
        incident: None,
        picture: picture.map(digest),
    }
}

pub(crate) fn facts() -> HostFacts {
    let mut facts = HostFacts::new();
    facts.observe(NOON, "ipmi 192.0.2.7", Observation::Power(PowerState::On));
    facts.observe(NOON, "vnc 192.0.2.7", Observation::ScreenReach(Reach::Ok, None));
    facts
}

/// The recovery of a host whose screen has just been recognised, and the decision to work on it.
pub(crate) fn recovery(incident: u64, run: u64) -> (HostRecovery, Decided) {
    let mut flow = flow("power-supply-f1");
    flow.spec.when.stable = 1;
    let verdict = Verdict {
        flow: flow.metadata.name.clone(),
        applies: true,
        reason: "the screen asks for F1".into(),
        evidence: Some(evidence(Some("then"))),
        findings: Vec::new(),
    };
    let screen = ScreenView {
        seq: 1,
        read_at: NOON,
        reliable: true,
        picture: Some(&digest("then")),
        text: "Press F1 to continue",
        verdicts: &[verdict],
        find: &|_| None,
    };
    let view = View {
        host: &name("rack7-12"),
        facts: &facts(),
        screen: Some(screen),
        flows: &[Arc::new(flow)],
        hold: None,
        quiet_until: None,
        observes: false,
        patience: ironhand_model::Patience::from(&ironhand_api::Settings::default()),
        permit: &|_, _| Ok(()),
        fill: &|_, _, _| Ok(None),
    };
    let mut recovery = HostRecovery::new();
    let mut decided = recovery.decide(NOON, &view);
    assert!(decided.needs_incident_id() && decided.needs_run_id());
    recovery.number(&mut decided, incident, run);
    (recovery, decided)
}

pub(crate) fn digest(text: &str) -> PictureDigest {
    PictureDigest(text.to_owned())
}

pub(crate) fn picture(text: &str) -> Picture {
    Picture { digest: digest(text), png: format!("\u{89}PNG\0 of {text}").into_bytes() }
}

pub(crate) fn incident(id: u64, host: &str, state: IncidentState) -> Incident {
    Incident {
        id,
        host: name(host),
        cause: "Press F1 to continue".into(),
        flow: Some(name("power-supply-f1")),
        state,
        reason: "the screen said so twice".into(),
        seen_well_at: Some(NOON),
        opened_at: NOON,
        closed_at: (state == IncidentState::Closed).then_some(NOON),
        attempts: 1,
        unknown_screen: None,
        first_picture: None,
        last_picture: None,
    }
}

pub(crate) fn evidence(picture: Option<&str>) -> MatchEvidence {
    MatchEvidence {
        text: "Press F1".into(),
        row: 12,
        column: 3,
        confidence: 0.987_654_3,
        screen_text: "Alert!\nPress F1 to continue\n\u{2502}".into(),
        read_at: NOON,
        picture: picture.map(digest),
        captures: [("key".to_owned(), "F1".to_owned())].into(),
        findings: Vec::new(),
    }
}

pub(crate) fn run(id: u64, incident: u64, host: &str, state: RunState) -> Run {
    Run {
        id,
        host: name(host),
        incident,
        flow: name("power-supply-f1"),
        attempt: 1,
        state,
        reason: "step 1 of 2".into(),
        started_at: NOON,
        ended_at: (state != RunState::Running).then_some(NOON),
        matched: evidence(None),
        asked: None,
        steps: vec![StepRecord {
            step: Step::Keys("<F1>".into()),
            place: "1".into(),
            started_at: NOON,
            ended_at: Some(NOON),
            outcome: Some(StepOutcome::Done("1 key pressed".into())),
            receipts: Vec::new(),
            captured: BTreeMap::new(),
        }],
        proof: None,
    }
}

pub(crate) fn draft(message: &str) -> EventDraft {
    EventDraft::new(EventKind::ScreenChanged, Severity::Info, message)
}

pub(crate) fn zone(text: &str) -> Zone {
    Zone { metadata: metadata(text, &[]), spec: ZoneSpec::default() }
}

pub(crate) fn cluster(text: &str, zone: &str) -> Cluster {
    let spec = ClusterSpec { zone: Some(name(zone)), ..ClusterSpec::default() };
    Cluster { metadata: metadata(text, &[]), spec }
}

pub(crate) fn job(id: u64, host: &str, state: JobState) -> Job {
    Job {
        id,
        host: name(host),
        work: Work::Power(PowerAction::Cycle),
        state,
        requested_by: "the API".into(),
        accepted_at: NOON,
        until: None,
        ended_at: state.is_final().then_some(NOON),
        detail: None,
        code: None,
        power: None,
        fence: None,
        warnings: Vec::new(),
        receipts: Vec::new(),
    }
}

pub(crate) fn alert(id: u64, host: &str, cause: AlertCause) -> Alert {
    Alert {
        id,
        host: name(host),
        cause,
        severity: Severity::Warning,
        message: format!("{cause} at {host}"),
        opened_at: NOON,
        told_at: NOON,
        repeats: 0,
        cleared_at: None,
    }
}

/// A change of the password `old horse` of an account to `new horse`.
pub(crate) fn rotation(host: &str, job: u64, username: &str) -> Rotation {
    Rotation {
        host: name(host),
        job,
        username: username.into(),
        phase: RotationPhase::Sent,
        old_credential: Some(name("dc-standard")),
        old: "old horse".into(),
        new: "new horse".into(),
        attempts: 1,
        changed_at: NOON,
    }
}

pub(crate) fn delivery(notifier: &str, told_event: u64) -> Delivery {
    let last_error = Some("connection refused".into());
    Delivery { notifier: name(notifier), told_event, failing_since: Some(NOON), attempts: 3, last_error }
}

pub(crate) fn repository(text: &str) -> Repository {
    let spec = serde_json::json!({ "url": "https://git.example/site", "prune": true });
    let spec = serde_json::from_value(spec).expect("the spec of a repository");
    Repository { metadata: metadata(text, &[]), spec, status: None }
}
