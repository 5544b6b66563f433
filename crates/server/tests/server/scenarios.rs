//! Stories of recovery that go through several parts: a flow that is made from a screen, steps that wait for screens, and bad work
//! beside good.

use std::collections::BTreeMap;

use ironhand_api::{
    EventKind, Flow, IncidentState, Manifest, Name, RecoverRequest, RecoveryRequest, Run, RunRequest,
    RunState, StepOutcome,
};
use ironhand_client::{Client, ConsoleOptions, LiveOptions, RecordFilter};
use ironhand_console::{Image, Page, Reader};
use ironhand_ipmi::ChassisControl;
use ironhand_server::{Circumstances, FlowSet, Looked, Server};
use ironhand_sim::{Asked, Fault, MachineFault};
use serde_json::{Value, json};

use crate::harness::{World, config, credential, flow, host, name, settings, until, until_kind};

/// The manifest of the `index`th simulated host, with the label `kind`.
fn labelled(world: &World, index: usize, kind: &str) -> Manifest {
    let Manifest::Host(mut manifest) = host(&world.sim(index), &["fleet"]) else { panic!("no host") };
    manifest.metadata.labels.insert("kind".to_owned(), kind.to_owned());
    Manifest::Host(manifest)
}

fn order(flow: Option<&str>) -> RecoverRequest {
    // What is asked for by its name is told of whether it applies or not.
    RecoverRequest {
        by: "alice".to_owned(),
        reason: None,
        flow: flow.map(name),
        force: flow.is_some(),
        dry_run: true,
    }
}

/// A flow that presses F1 where `when` holds.
fn f1(text: &str, priority: i32, when: &Value) -> Flow {
    let spec = json!({
        "priority": priority,
        "when": when,
        "do": [{ "keys": "<F1>" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
        "limits": { "attempts": 1 },
    });
    let Manifest::Flow(flow) = flow(text, spec) else { panic!("no flow") };
    flow
}

/// A host that stands at the question of its firmware, and a server that begins nothing.
async fn at_the_question() -> (World, Name) {
    let world = World::new(1).await;
    let host = world.adopt_well().await.remove(0);
    let pause = RecoveryRequest { on: false, reason: Some("flows are written".to_owned()) };
    world.client.set_recovery(None, &pause).await.unwrap();
    world.fleet.stage(host.as_str(), MachineFault::PowerSupplyF1).unwrap();
    world
        .until_status(&host, |status| {
            status
                .screen
                .as_ref()
                .is_some_and(|screen| screen.reliable && screen.headline.contains("Press F1"))
        })
        .await;
    (world, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_of_a_captured_screen_what_the_server_says() {
    let (world, host) = at_the_question().await;
    let client = &world.client;
    let screen = client.read_screen(&host).await.unwrap();
    // As `ironhand flow test` reads a picture of the repository.
    let image = Image::decode(&client.picture(&screen.picture).await.unwrap()).unwrap();
    let reading = Reader::new().read(&image, None);
    let (page, text) = (Page::from(&reading), reading.text());
    assert_eq!(text, screen.text);
    let check = async |when: Value, wanted: bool| {
        let flow = f1("preview", 0, &when);
        let looked = Looked { page: &page, text: &text, at: screen.read_at, picture: None };
        let previewed = FlowSet::compile(vec![flow.clone()]).verdicts_on_any_host(
            screen.kind,
            &Circumstances::default(),
            &looked,
        );
        client.apply(&Manifest::Flow(flow)).await.unwrap();
        let plan = client.plan_recovery(&host, &order(Some("preview"))).await.unwrap();
        assert_eq!(
            (previewed[0].applies, plan.applies),
            (wanted, wanted),
            "{when}: {previewed:#?} {plan:#?}"
        );
    };
    check(json!({ "screen": "Press F1 to continue" }), true).await;
    check(json!({ "screen": "press f1 TO continue" }), true).await;
    check(json!({ "screen": "(?-i)press F1" }), false).await;
    check(json!({ "screen": "^Press F[0-9]+ to continue" }), true).await;
    check(json!({ "screen": "^F1 to continue" }), false).await;
    check(json!({ "screen": "Press FI to continue" }), false).await;
    check(json!({ "screen": "Press (F1|F2) to \\w+" }), true).await;
    check(json!({ "screen": "\\APress F1" }), false).await;
    check(json!({ "screen": "Press F1", "unless": "Power supply" }), false).await;
    check(json!({ "screen": "Press F1", "unless": "Kernel panic" }), true).await;
    check(json!({ "screen": { "pattern": "Press F1", "region": { "rows": [-1, -1] } } }), true).await;
    check(json!({ "screen": { "pattern": "Press F1", "region": { "rows": [1, 2] } } }), false).await;
    check(json!({ "screen": { "pattern": "Press F1", "minConfidence": 0.5 } }), true).await;
    check(json!({ "all": [{ "screen": "Press F1" }, { "screen": "no such words" }] }), false).await;
    check(json!({ "any": [{ "screen": "Press F1" }, { "screen": "no such words" }] }), true).await;
    check(json!({ "screen": "Press F1", "not": { "screen": "login:" } }), true).await;
    world.end().await;
}

/// The flows in the order in which the server takes them for what a host shows: the first one is asked for and deleted, until there is
/// none.
async fn precedence(client: &Client, host: &Name) -> Vec<Name> {
    let mut order_of_flows = Vec::new();
    while let Ok(plan) = client.plan_recovery(host, &order(None)).await {
        client.delete(ironhand_api::Kind::Flow, &plan.flow).await.unwrap();
        order_of_flows.push(plan.flow);
    }
    order_of_flows
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_come_in_the_same_order_on_an_empty_server_and_are_put_first_switched_off_and_deleted() {
    let question = json!({ "screen": "Press F1 to continue" });
    let ((one, host), (other, same)) = (at_the_question().await, at_the_question().await);
    // One server is given them one by one, and changed; the other what came of that, the other way round.
    let apply = async |client: &Client, flow: &Flow| {
        client.apply(&Manifest::Flow(flow.clone())).await.unwrap();
    };
    let mut flows: BTreeMap<&str, Flow> = BTreeMap::new();
    for (text, priority) in [("b-second", 0), ("c-third", 0), ("a-last", -1), ("d-first", 0)] {
        let flow = f1(text, priority, &question);
        apply(&one.client, &flow).await;
        flows.insert(text, flow);
    }
    let first = async |client: &Client| client.plan_recovery(&host, &order(None)).await.unwrap().flow;
    assert_eq!(first(&one.client).await, name("b-second"));
    let raised = f1("d-first", 10, &question);
    apply(&one.client, &raised).await;
    flows.insert("d-first", raised);
    assert_eq!(first(&one.client).await, name("d-first"));
    for flow in flows.values().rev() {
        apply(&other.client, flow).await;
    }
    let wanted = ["d-first", "b-second", "c-third", "a-last"].map(name);
    assert_eq!(precedence(&one.client, &host).await, wanted);
    assert_eq!(precedence(&other.client, &same).await, wanted);
    other.end().await;

    // One that is switched off tells what it would do, and leaves the host to the next.
    let mut off = flows["d-first"].clone();
    off.spec.dry_run = true;
    apply(&one.client, &off).await;
    apply(&one.client, &flows["b-second"]).await;
    let mut events = one.follow().await;
    one.client.set_recovery(None, &RecoveryRequest { on: true, reason: None }).await.unwrap();
    let story = until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
    let would = |event: &ironhand_api::Event| event.kind == EventKind::RunWouldBegin;
    assert!(story.iter().any(|event| would(event) && event.message.contains("d-first")), "{story:#?}");
    let runs = one.client.runs(&RecordFilter::default()).await.unwrap();
    let did: Vec<_> = runs.iter().map(|run| (run.flow.as_str(), run.state)).collect();
    assert_eq!(did, [("b-second", RunState::Succeeded)]);

    // Switched on again it acts.
    apply(&one.client, &flows["d-first"]).await;
    one.fleet.stage(host.as_str(), MachineFault::PowerSupplyF1).unwrap();
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let runs = one.client.runs(&RecordFilter::default()).await.unwrap();
    assert_eq!((runs.len(), runs[0].flow.as_str()), (2, "d-first"), "{runs:#?}");
    one.end().await;
}

/// What a simulated machine was given: power actions, and keysyms of X (keysymdef.h).
fn received(world: &World, host: &Name) -> (Vec<ChassisControl>, Vec<u32>) {
    let (mut power, mut keys) = (Vec::new(), Vec::new());
    for received in world.fleet.received(host.as_str()).unwrap() {
        match received.what {
            Asked::Power(control) => power.push(control),
            Asked::Key(key) => keys.push(key),
        }
    }
    (power, keys)
}

fn text_of(keys: &[u32]) -> String {
    keys.iter().filter(|key| (0x20..0x7F).contains(*key)).filter_map(|key| char::from_u32(*key)).collect()
}

const ESCAPE: u32 = 0xFF1B;
const ENTER: u32 = 0xFF0D;

/// Has the one machine of a world fall ill once it is well; gives the run that answers, when this has come of it.
async fn run_of(world: &World, fault: MachineFault, outcome: EventKind) -> (Name, Run) {
    let host = world.adopt_well().await.remove(0);
    let mut events = world.follow().await;
    world.fleet.stage(host.as_str(), fault).unwrap();
    until_kind(&mut events, outcome).await;
    let run = world.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    (host, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_waits_for_its_screen_on_the_way_out_of_setup() {
    let world = World::new(1).await;
    let spec = json!({
        "when": { "screen": "Press F1 to continue" },
        "do": [
            { "keys": "<F2>" },
            { "waitFor": { "screen": "Esc  leave setup", "timeout": "60s" } },
            { "keys": "<Esc>" },
            { "waitFor": { "screen": "Leave without saving\\?", "timeout": "60s" } },
            { "keys": "<Enter>" },
        ],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
        "limits": { "attempts": 1 },
    });
    world.client.apply(&flow("leave-setup", spec)).await.unwrap();
    let (host, run) = run_of(&world, MachineFault::PowerSupplyF1, EventKind::IncidentClosed).await;
    assert_eq!((run.state, run.steps.len()), (RunState::Succeeded, 5), "{run:#?}");
    let (power, keys) = received(&world, &host);
    assert_eq!((power, keys), (Vec::new(), vec![0xFFBF, ESCAPE, ENTER]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_typed_where_a_screen_asks_for_it_and_shown_nowhere() {
    let world = World::new(1).await;
    let client = &world.client;
    client.apply(&credential("maintenance", "root", "simulated")).await.unwrap();
    let shell = json!({ "screen": "root@\\S+:~#\\s*\\z", "timeout": "60s" });
    let spec = json!({
        "when": { "screen": "Give root password for maintenance" },
        "do": [
            { "keys": "<secret maintenance><Enter>" },
            { "waitFor": shell },
            { "keys": "fsck -y /dev/sda1<Enter>" },
            { "waitFor": { "screen": "FILE SYSTEM WAS MODIFIED", "timeout": "60s" } },
            { "keys": "exit<Enter>" },
        ],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
        "limits": { "attempts": 1 },
    });
    client.apply(&flow("fsck-behind-password", spec)).await.unwrap();
    let (host, run) = run_of(&world, MachineFault::FsckWithPassword, EventKind::IncidentClosed).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    let (power, keys) = received(&world, &host);
    assert_eq!((power, text_of(&keys).as_str()), (Vec::new(), "simulatedfsck -y /dev/sda1exit"));
    let told = format!("{run:?} {:?}", world.events().await);
    assert!(told.contains("<secret maintenance>") && !told.contains("simulated"), "{told}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_does_not_come_ends_the_run_before_its_next_step() {
    let world = World::new(1).await;
    let spec = json!({
        "when": { "screen": "Press F1 to continue" },
        "do": [
            { "keys": "<Esc>" },
            { "waitFor": { "screen": "Leave without saving\\?", "timeout": "1s" } },
            { "keys": "<Enter>" },
            { "power": "cycle" },
        ],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
        "limits": { "attempts": 1 },
    });
    world.client.apply(&flow("leave-setup", spec)).await.unwrap();
    let (host, run) = run_of(&world, MachineFault::PowerSupplyF1, EventKind::IncidentNeedsHuman).await;
    assert_eq!((run.state, run.steps.len()), (RunState::Failed, 2), "{run:#?}");
    assert!(matches!(run.steps[1].outcome, Some(StepOutcome::Failed(_))), "{run:#?}");
    assert!(run.reason.contains("step 2"), "{}", run.reason);
    assert_eq!(received(&world, &host), (Vec::new(), vec![ESCAPE]));
    world.end().await;
}

/// Bad work of every kind beside good: an unknown host, a host without passwords, a controller that hangs, a console that somebody has,
/// a run that is stopped; and a restart in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn bad_work_fails_alone_and_a_restart_does_nothing_twice() {
    let mut world = World::new(6).await;
    let client = world.client.clone();
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let power = json!([{ "power": "cycle" }]);
    let asks = json!([{ "approve": { "ask": "may it?", "timeout": "1h" } }, { "power": "cycle" }]);
    let kinds = [
        ("good", power.clone()),
        ("hangs", power.clone()),
        ("busy", json!([{ "keys": "<Enter>" }, { "power": "cycle" }])),
        ("stopped", asks.clone()),
        ("waits", asks),
        ("locked", power),
    ];
    let mut hosts = Vec::new();
    for (index, (kind, steps)) in kinds.iter().enumerate() {
        let spec = json!({
            "select": { "labels": { "kind": kind } },
            "when": { "screen": "Kernel panic - not syncing" },
            "do": steps,
            "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
            "limits": { "attempts": 1 },
        });
        client.apply(&flow(kind, spec)).await.unwrap();
        client.apply(&labelled(&world, index, kind)).await.unwrap();
        hosts.push(name(&world.sim(index).name));
    }
    let [good, hangs, busy, stopped, waits, locked] = &hosts[..] else { panic!("{hosts:?}") };
    for host in &hosts {
        world.until_well(host).await;
    }
    let alice = RunRequest { by: "alice".to_owned(), reason: None };
    let unknown = client.recover(&name("nobody"), &RecoverRequest { dry_run: false, ..order(None) }).await;
    assert_eq!(unknown.unwrap_err().problem().unwrap().status, 404);
    world.fleet.stage(hangs.as_str(), Fault::BmcSilent).unwrap();
    world.fleet.stage(locked.as_str(), Fault::BmcPasswordChanged).unwrap();
    let by_bob = ConsoleOptions { by: Some("bob".to_owned()), ..ConsoleOptions::default() };
    let held = LiveOptions { console: by_bob, ..LiveOptions::default() };
    let screen = client.watch_screen(busy, &held).await.unwrap();
    let mut events = world.follow().await;
    let mut asked = BTreeMap::new();
    for host in [stopped, waits] {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
        let wanted = until_kind(&mut events, EventKind::ApprovalWanted).await;
        asked.insert(host.clone(), wanted.run.unwrap());
    }
    let run = client.cancel(asked[stopped], &alice).await.unwrap();
    assert_eq!(run.state, RunState::Cancelled);
    for host in [hangs, locked, busy, good] {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    }
    let mut open = vec![good, busy];
    while !open.is_empty() {
        let ended = until(&mut events, |event| {
            matches!(event.kind, EventKind::IncidentClosed | EventKind::IncidentNeedsHuman)
        });
        let ended = ended.await.pop().unwrap();
        open.retain(|host| ended.host.as_ref() != Some(host));
    }
    screen.close().await;
    // Of what is being done when a server stops nobody knows what became, and its proof is awaited for a while.
    world.until_no_run_but_of(waits).await;

    world.server.take().unwrap().shutdown().await;
    world.server = Some(Server::start(config(&world.directory(), settings())).await.unwrap());
    let mut events = world.follow().await;
    let waiting = client.run(asked[waits]).await.unwrap();
    assert_eq!((waiting.state, waiting.steps.len()), (RunState::Running, 1), "{waiting:#?}");
    client.approve(asked[waits], &alice).await.unwrap();
    until(&mut events, |event| event.kind == EventKind::IncidentClosed && event.host.as_ref() == Some(waits))
        .await;
    world.ten_cycles(good).await;

    let runs = client.runs(&RecordFilter::default()).await.unwrap();
    let incidents = client.incidents(&RecordFilter::default()).await.unwrap();
    let check = |host: &Name, state: RunState, said: &str, ended: IncidentState, done: usize| {
        let of_host: Vec<_> = runs.iter().filter(|run| run.host == *host).collect();
        let [run] = of_host[..] else { panic!("{host}: {of_host:#?}") };
        assert_eq!(run.state, state, "{run:#?}");
        assert!(run.reason.contains(said), "{host}: {}", run.reason);
        let incident = incidents.iter().find(|incident| incident.id == run.incident).unwrap();
        assert_eq!(incident.state, ended, "{incident:#?}");
        assert_eq!(received(&world, host), (vec![ChassisControl::PowerCycle; done], Vec::new()), "{host}");
    };
    check(good, RunState::Succeeded, "", IncidentState::Closed, 1);
    check(waits, RunState::Succeeded, "", IncidentState::Closed, 1);
    check(busy, RunState::Failed, "bob", IncidentState::NeedsHuman, 0);
    check(stopped, RunState::Cancelled, "alice", IncidentState::NeedsHuman, 0);
    // What cannot be reached is left as it is, with the reason; whether a run begins depends on whether that was known before.
    for (host, reasons) in
        [(hangs, ["did not answer", "cannot be used"]), (locked, ["authentication", "password"])]
    {
        let incident = incidents.iter().find(|incident| incident.host == *host).unwrap();
        assert_ne!(incident.state, IncidentState::Closed, "{incident:#?}");
        let of_host: Vec<_> = runs.iter().filter(|run| run.host == *host).collect();
        assert!(of_host.iter().all(|run| run.state == RunState::Failed), "{of_host:#?}");
        let told: Vec<_> = of_host.iter().map(|run| &run.reason).chain([&incident.reason]).collect();
        assert!(reasons.iter().any(|words| told.iter().any(|told| told.contains(words))), "{told:?}");
        assert_eq!(received(&world, host), (Vec::new(), Vec::new()), "{host}");
    }
    assert_eq!(incidents.len(), hosts.len(), "{incidents:#?}");
    world.end().await;
}
