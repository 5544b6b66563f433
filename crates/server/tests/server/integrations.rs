//! The flows of `flows/integrations` against stand-ins of the systems that they speak to: what a stranger gets to see,
//! one request that has to be sent again, one failure each.

pub mod stand_in;

use std::path::Path;

use ironhand_api::{
    EventKind, Manifest, Name, Run, RunRequest, RunState, Step, StepOutcome, parse_manifests,
};
use ironhand_client::{EventStream, RecordFilter};
use ironhand_ipmi::ChassisControl;
use ironhand_sim::MachineFault;
use serde_json::json;

use self::stand_in::{Asked, StandIn};
use crate::harness::{World, credential, host, logged, name, press, until, until_kind};

/// A part of every secret here.
const CANARY: &str = "Kanarie";

const BUSY: (u16, &str) = (503, "not now");

/// A host that is well and works with one of the flows.
struct Scene {
    world: World,
    host: Name,
    server: StandIn,
    events: EventStream,
}

impl Scene {
    /// With a flow whose system is the stand-in, under the URL `instead_of`.
    async fn new(file: &str, instead_of: &str, answers: &[(u16, &str)]) -> Self {
        let server = StandIn::start(answers).await;
        let world = World::new(1).await;
        let client = &world.client;
        let url = format!("{}/services/T1/{CANARY}-path", server.url());
        for (name, username, password) in [
            ("fleet", "admin", "simulated"),
            ("netbox-token", "", &format!("{CANARY}-netbox")),
            ("chat-webhook", "", &url),
            ("pagerduty-key", "", &format!("{CANARY}-pagerduty")),
            ("foreman", "ironhand", &format!("{CANARY}-foreman")),
            ("maas-key", "", &format!("consumer:{CANARY}-token:{CANARY}-secret")),
        ] {
            client.apply(&credential(name, username, password)).await.unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows/integrations").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace(instead_of, &server.url()).replace("backOff: 20s", "backOff: 50ms");
        for manifest in parse_manifests(file, &text).unwrap() {
            client.apply(&manifest).await.unwrap();
        }
        let Manifest::Host(mut manifest) = host(&world.sim(0), &["fleet"]) else { panic!("no host") };
        let kind = file.strip_suffix(".yaml").unwrap();
        for (key, value) in [("integration", kind), ("netbox-id", "17"), ("maas-id", "4y3h7n")] {
            manifest.metadata.labels.insert(key.to_owned(), value.to_owned());
        }
        client.apply(&Manifest::Host(manifest)).await.unwrap();
        let host = name(&world.sim(0).name);
        world.until_well(&host).await;
        let mut events = client.follow(None, None);
        events.connect().await.unwrap();
        Self { world, host, server, events }
    }

    fn fall_ill(&self, fault: MachineFault) {
        self.world.fleet.stage(self.host.as_str(), fault).unwrap();
    }

    async fn agree(&mut self) {
        let wanted = until_kind(&mut self.events, EventKind::ApprovalWanted).await;
        assert!(wanted.message.contains(self.host.as_str()), "{wanted:?}");
        let request = RunRequest { by: "alice".to_owned(), reason: None };
        self.world.client.approve(wanted.run.unwrap(), &request).await.unwrap();
    }

    /// Waits until the host is well again, or left to people; returns the run and what the stand-in was asked. No secret is
    /// anywhere but at the stand-in.
    async fn end(mut self, wanted: RunState) -> (Run, Vec<Asked>) {
        until(&mut self.events, |event| event.kind == EventKind::RunEnded).await;
        let run = self.world.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
        assert_eq!(run.state, wanted, "{run:#?}");
        let told = format!("{run:?} {:?} {}", self.world.events().await, logged());
        let line = told.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None);
        let asked = self.server.asked();
        self.world.end().await;
        (run, asked)
    }
}

fn lines(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.line.as_str()).collect()
}

fn outcome(run: &Run, of: &str) -> String {
    let record = run.steps.iter().find(|record| record.place == of).expect("the step was begun");
    format!("{:?}", record.outcome)
}

const NETBOX: &str = "https://netbox.example.net";

#[tokio::test(flavor = "multi_thread")]
async fn netbox_is_told_that_a_device_failed_and_is_active_again() {
    let failed = r#"{ "id": 17, "status": { "value": "failed", "label": "Failed" } }"#;
    let active = r#"{ "id": 17, "status": { "value": "active", "label": "Active" } }"#;
    let scene = Scene::new("netbox.yaml", NETBOX, &[BUSY, (200, failed), (200, active)]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Succeeded).await;
    assert_eq!(lines(&asked), ["PATCH /api/dcim/devices/17/"; 3]);
    for request in &asked {
        assert_eq!(request.header("authorization"), format!("Token {CANARY}-netbox"));
        assert_eq!(request.header("content-type"), "application/json");
    }
    let comments = format!("Ironhand incident {}: Fatal exception", run.incident);
    assert_eq!(asked[1].json()["status"], "failed");
    assert!(asked[1].json()["comments"].as_str().unwrap().starts_with(&comments), "{asked:#?}");
    assert_eq!(asked[2].json(), json!({ "status": "active" }));
    assert_eq!(run.steps[0].receipts.len(), 2, "{run:#?}");
    assert!(outcome(&run, "1").contains("answers 200 after"), "{run:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn netbox_gets_a_journal_entry_where_a_run_fails() {
    let scene =
        Scene::new("netbox.yaml", NETBOX, &[(403, "{\"detail\":\"Invalid token\"}"), (201, "{}")]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Failed).await;
    assert_eq!(lines(&asked), ["PATCH /api/dcim/devices/17/", "POST /api/extras/journal-entries/"]);
    assert!(
        run.reason.contains("the answer is 403, not 200") && run.reason.contains("Invalid token"),
        "{run:#?}"
    );
    let entry = asked[1].json();
    assert_eq!((entry["assigned_object_id"].as_str(), entry["kind"].as_str()), (Some("17"), Some("danger")));
    assert!(entry["comments"].as_str().unwrap().contains("the answer is 403"), "{entry}");
    assert!(outcome(&run, "onFailure 1").contains("answers 201"), "{run:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_told_at_a_secret_url() {
    let scene = Scene::new("chat.yaml", "https://", &[BUSY, (200, "ok")]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Succeeded).await;
    assert_eq!(lines(&asked), vec![format!("POST /services/T1/{CANARY}-path"); 2]);
    let text = asked[1].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains(run.host.as_str()) && text.contains("Fatal exception"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_gone_fails_the_run() {
    let scene = Scene::new("chat.yaml", "https://", &[(404, "no_service"), (404, "no_service")]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Failed).await;
    assert_eq!(asked.len(), 2);
    assert!(asked[1].json()["text"].as_str().unwrap().contains("needs a person: "), "{asked:#?}");
    assert!(
        run.reason.contains("the answer is 404, not 200") && run.reason.contains("no_service"),
        "{run:#?}"
    );
    assert!(outcome(&run, "onFailure 1").contains("Failed"), "{run:#?}");
}

const PAGERDUTY: &str = "https://events.pagerduty.com";

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_triggered_and_resolved_under_one_key() {
    let taken = r#"{ "status": "success", "message": "Event processed", "dedup_key": "x" }"#;
    let scene = Scene::new("pagerduty.yaml", PAGERDUTY, &[BUSY, (202, taken), (202, taken)]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Succeeded).await;
    assert_eq!(lines(&asked), ["POST /v2/enqueue"; 3]);
    let key = format!("ironhand-{}-{}", run.host, run.incident);
    for (request, action) in asked.iter().zip(["trigger", "trigger", "resolve"]) {
        let event = request.json();
        assert_eq!(
            (event["event_action"].as_str(), event["dedup_key"].as_str()),
            (Some(action), Some(key.as_str()))
        );
        assert_eq!(event["routing_key"], format!("{CANARY}-pagerduty"));
    }
    let payload = asked[1].json()["payload"].clone();
    assert_eq!(
        (payload["severity"].as_str(), payload["source"].as_str()),
        (Some("warning"), Some(run.host.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_is_not_taken_fails_the_run_with_its_reason() {
    let refused = r#"{ "status": "invalid event", "errors": ["'routing_key' is invalid"] }"#;
    let taken = r#"{ "status": "success" }"#;
    let scene = Scene::new("pagerduty.yaml", PAGERDUTY, &[(400, refused), (202, taken)]).await;
    scene.fall_ill(MachineFault::KernelPanic);
    let (run, asked) = scene.end(RunState::Failed).await;
    assert_eq!(asked[1].json()["payload"]["severity"], "critical");
    assert!(
        run.reason.contains("the answer is 400, not 202") && run.reason.contains("is invalid"),
        "{run:#?}"
    );
}

const FOREMAN: &str = "https://foreman.example.net";

#[tokio::test(flavor = "multi_thread")]
async fn foreman_installs_a_host_anew_over_the_network() {
    let mut scene = Scene::new("foreman.yaml", FOREMAN, &[BUSY, (200, r#"{ "build": true }"#)]).await;
    scene.fall_ill(MachineFault::DiskErased);
    scene.agree().await;
    let (run, asked) = scene.end(RunState::Succeeded).await;
    assert_eq!(lines(&asked), vec![format!("PUT /api/hosts/{}", run.host); 2]);
    assert_eq!(asked[1].header("authorization"), "Basic aXJvbmhhbmQ6S2FuYXJpZS1mb3JlbWFu");
    assert_eq!(asked[1].header("accept"), "application/json,version=2");
    assert_eq!(asked[1].json(), json!({ "host": { "build": true } }));
    let steps: Vec<_> = run.steps.iter().map(|record| &record.step).collect();
    assert!(matches!(steps[2..], [Step::BootDevice(_), Step::Power(_)]), "{steps:?}");
    assert!(run.steps.iter().all(|record| matches!(record.outcome, Some(StepOutcome::Done(_)))), "{run:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreman_that_does_not_build_leaves_the_host_as_it_is() {
    let answers = [(200, r#"{ "build": false }"#), (200, r#"{ "build": false }"#)];
    let mut scene = Scene::new("foreman.yaml", FOREMAN, &answers).await;
    scene.fall_ill(MachineFault::DiskErased);
    scene.agree().await;
    let (run, asked) = scene.end(RunState::Failed).await;
    assert!(run.reason.contains("the answer has false at `/build`, not true"), "{run:#?}");
    assert!(!run.steps.iter().any(|record| matches!(record.step, Step::Power(_))), "{run:#?}");
    assert_eq!(asked[1].json(), json!({ "host": { "build": false } }));
}

const MAAS: &str = "https://maas.example.net";

#[tokio::test(flavor = "multi_thread")]
async fn maas_releases_a_machine_and_deploys_it_when_it_is_ready() {
    let status = |name: &str| format!(r#"{{ "system_id": "4y3h7n", "status_name": "{name}" }}"#);
    let (releasing, ready, deploying) = (status("Releasing"), status("Ready"), status("Deploying"));
    let answers = [BUSY, (200, releasing.as_str()), (200, &releasing), (200, &ready), (200, &deploying)];
    let mut scene = Scene::new("maas.yaml", MAAS, &answers).await;
    scene.fall_ill(MachineFault::NoBootableDevice);
    scene.agree().await;
    scene.server.until(5).await;
    // As MAAS does it.
    press(scene.world.sim(0).ipmi, ChassisControl::PowerCycle).await;
    let (_, asked) = scene.end(RunState::Succeeded).await;
    let machine = "/MAAS/api/2.0/machines/4y3h7n/";
    let [release, deploy] = ["op-release", "op-deploy"].map(|what| format!("POST {machine}{what}"));
    let get = format!("GET {machine}");
    assert_eq!(lines(&asked), [&release, &release, &get, &get, &deploy]);
    let mut nonces = Vec::new();
    for request in &asked {
        let header = request.header("authorization");
        let parts: Vec<(&str, &str)> = header
            .strip_prefix("OAuth ")
            .unwrap()
            .split(", ")
            .map(|part| part.split_once('=').unwrap())
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        let of = |wanted: &str| parts.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert_eq!(of("oauth_consumer_key"), "consumer");
        assert_eq!(of("oauth_token"), format!("{CANARY}-token"));
        assert_eq!(of("oauth_signature"), format!("%26{CANARY}-secret"));
        assert_eq!(of("oauth_signature_method"), "PLAINTEXT");
        nonces.push(of("oauth_nonce").to_owned());
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 5, "{nonces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn maas_that_cannot_release_a_machine_ends_the_run() {
    let mut scene =
        Scene::new("maas.yaml", MAAS, &[(409, "Machine cannot be released in its current state")]).await;
    scene.fall_ill(MachineFault::NoBootableDevice);
    scene.agree().await;
    let (run, asked) = scene.end(RunState::Failed).await;
    assert_eq!(asked.len(), 1);
    assert!(run.reason.contains("cannot be released"), "{run:#?}");
}
