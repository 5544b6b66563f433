//! Every kind of action on one host with its outcome and its time, and bad flows that fail alone.

use std::time::Duration;

use ironhand_api::{EventKind, Flow, Manifest, RunState, StepOutcome};
use ironhand_client::RecordFilter;
use ironhand_sim::MachineFault;
use serde_json::json;

use crate::harness::{World, credential, flow, host, name, until_kind};
use crate::integrations::stand_in::StandIn;

/// The manifest of the `index`th simulated host with labels.
fn labelled(world: &World, index: usize, labels: &[(&str, &str)]) -> Manifest {
    let Manifest::Host(mut manifest) = host(&world.sim(index), &["fleet"]) else { panic!("no host") };
    for (key, value) in labels {
        manifest.metadata.labels.insert((*key).to_owned(), (*value).to_owned());
    }
    Manifest::Host(manifest)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_action_leaves_its_outcome_and_its_time() {
    let world = World::new(1).await;
    let client = &world.client;
    let server = StandIn::start(&[(200, r#"{ "id": 4711 }"#), (200, "{}"), (200, "{}")]).await;
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    client.apply(&credential("token", "bot", "s3cret")).await.unwrap();
    let hook: Manifest = Manifest::Notifier(
        serde_json::from_value(json!({
            "metadata": { "name": "oncall" },
            "spec": { "webhook": { "url": format!("{}/hook", server.url()) }, "events": ["alert.*"] },
        }))
        .unwrap(),
    );
    client.apply(&hook).await.unwrap();
    let odd = "keysmith; a+b {x} \"q\" 'p' <<F1> {{ host.labels.rack }}{{ match.what }}";
    let spec = json!({
        "when": { "screen": "Kernel panic - not (?<what>\\w+)" },
        "do": [
            { "snapshot": "before, in {{ host.labels.rack }}" },
            { "keys": odd },
            { "ipmiRaw": { "netFn": 6, "command": 1, "idempotent": true } },
            { "sleep": "10ms" },
            { "http": { "url": format!("{}/hosts/{{{{ host.name }}}}", server.url()), "auth": { "basic": "token" },
                        "capture": { "id": "/id" } } },
            { "http": { "method": "PUT", "url": format!("{}/{{{{ captures.id }}}}", server.url()) } },
            { "notify": { "to": "oncall", "text": "device {{ captures.id }} is switched off and on" } },
            { "bootDevice": "disk" },
            { "power": "cycle" },
        ],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    client.apply(&flow("everything", spec)).await.unwrap();
    client.apply(&labelled(&world, 0, &[("rack", "7;+{}\"")])).await.unwrap();
    let host = name(&world.sim(0).name);
    world.until_well(&host).await;
    let mut events = client.follow(None, None);
    events.connect().await.unwrap();
    world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    let notice = until_kind(&mut events, EventKind::FlowNotice).await;
    assert_eq!(notice.message, "to oncall: device 4711 is switched off and on");
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let run = client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!((run.state, run.steps.len()), (RunState::Succeeded, 9), "{run:#?}");
    let details: Vec<String> = run
        .steps
        .iter()
        .map(|record| match &record.outcome {
            Some(StepOutcome::Done(detail)) => detail.clone(),
            other => panic!("{}: {other:?}", record.step),
        })
        .collect();
    assert_eq!(run.steps[1].step.to_string(), "press `keysmith; a+b {x} \"q\" 'p' <<F1> 7;+{}\"syncing`");
    assert_eq!(details[0], "picture kept as before, in 7;+{}\"");
    assert!(details[2].starts_with("completion code 0x00, "), "{}", details[2]);
    assert!(run.steps.iter().all(|record| record.ended_at >= Some(record.started_at)), "{run:#?}");
    assert!(!format!("{run:?}").contains("s3cret"));
    let asked = server.until(3).await;
    assert_eq!(asked[0].line, format!("GET /hosts/{host}"));
    let others: Vec<&str> = asked[1..].iter().map(|asked| asked.line.as_str()).collect();
    assert!(others.contains(&"PUT /4711") && others.contains(&"POST /hook"), "{others:?}");
    let told = asked.iter().find(|asked| asked.line == "POST /hook").unwrap().json();
    assert_eq!(told["data"]["message"], "device 4711 is switched off and on");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_that_cannot_be_is_refused_when_it_is_applied() {
    let world = World::new(0).await;
    let check = async |step: serde_json::Value, wanted: &str| {
        let spec = json!({
            "when": { "screen": "x" }, "do": [step.clone()], "verify": { "screen": "y", "timeout": "1m" },
        });
        // What the types of the API have no place for is refused by them.
        let read = serde_json::from_value::<Flow>(json!({ "metadata": { "name": "bad" }, "spec": spec }));
        let told = match read {
            Ok(flow) => match world.client.apply(&Manifest::Flow(flow)).await {
                Ok(outcome) => format!("it is {outcome:?}"),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        assert!(told.contains(wanted), "{step}: {told}");
    };
    check(json!({ "keys": "<NoSuchKey>" }), "no key is called").await;
    check(json!({ "keys": "{{ host.nam }}" }), "`host.nam` means nothing here").await;
    check(json!({ "keys": "{{ host.name" }), "syntax error").await;
    check(json!({ "keys": "<{{ host.name }}>" }), "part of the name of a key").await;
    check(json!({ "serial": "<NoSuchKey>" }), "no key is called").await;
    check(json!({ "http": { "url": "ftp://a/" } }), "http://").await;
    check(json!({ "http": { "url": "http://a/", "method": "get it" } }), "not a method").await;
    check(json!({ "http": { "url": "http://a/", "timeout": "1h" } }), "longer than 5m").await;
    check(json!({ "http": { "url": "http://a/", "timeout": "5m", "retries": 9 } }), "not take more than 10m")
        .await;
    check(json!({ "http": { "url": "http://a/", "capture": { "a": "b" } } }), "not a place in JSON").await;
    check(json!({ "ipmiRaw": { "netFn": 7, "command": 1 } }), "even").await;
    check(json!({ "notify": "nobody" }), "there is no notifier nobody").await;
    check(json!({ "power": "diag" }), "diag").await;
    check(json!({ "sleep": "a while" }), "a while").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_flows_fail_alone_and_good_ones_finish() {
    let world = World::new(4).await;
    let client = &world.client;
    // It takes requests and never answers.
    let silent = StandIn::start(&[]).await;
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let kinds = ["silent", "keyless", "template", "good"];
    let first = [
        json!({ "http": { "url": silent.url(), "timeout": "20s" } }),
        json!({ "http": { "url": silent.url(), "auth": { "bearer": "no-such" } } }),
        json!({ "snapshot": "{{ host.labels.room }}" }),
        json!({ "snapshot": "{{ host.labels.kind }}" }),
    ];
    for (index, (kind, step)) in kinds.iter().zip(first).enumerate() {
        let spec = json!({
            "select": { "labels": { "kind": kind } },
            "when": { "screen": "Kernel panic - not syncing" },
            "do": [step, { "power": "cycle" }],
            "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
            "limits": { "attempts": 1 },
        });
        client.apply(&flow(kind, spec)).await.unwrap();
        client.apply(&labelled(&world, index, &[("kind", kind)])).await.unwrap();
    }
    let hosts: Vec<_> = (0..4).map(|index| name(&world.sim(index).name)).collect();
    for host in &hosts {
        world.until_well(host).await;
    }
    let mut events = client.follow(None, None);
    events.connect().await.unwrap();
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();
    silent.until(1).await;
    for host in &hosts[1..] {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    }
    for _ in &hosts[1..] {
        until_kind(&mut events, EventKind::RunEnded).await;
    }
    let runs = client.runs(&RecordFilter::default()).await.unwrap();
    let of = |kind: &str| runs.iter().find(|run| run.flow.as_str() == kind).unwrap();
    assert_eq!(of("silent").state, RunState::Running, "the others did not wait for it");
    assert_eq!(of("good").state, RunState::Succeeded, "{runs:#?}");
    assert!(of("keyless").reason.contains("Credential no-such"), "{}", of("keyless").reason);
    assert!(of("template").reason.contains("undefined"), "{}", of("template").reason);
    for kind in ["keyless", "template"] {
        assert_eq!((of(kind).state, of(kind).steps.len() <= 1), (RunState::Failed, true), "{runs:#?}");
    }
    // A person does not wait for the request either.
    let request = ironhand_api::RunRequest { by: "alice".to_owned(), reason: None };
    let cancelled = tokio::time::timeout(Duration::from_secs(10), client.cancel(of("silent").id, &request));
    assert_eq!(cancelled.await.unwrap().unwrap().state, RunState::Cancelled);
    world.end().await;
}
