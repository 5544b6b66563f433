//! The API: outcomes, refusals with their codes, lists, and what is kept out.

use std::net::SocketAddr;

use ironhand_api::{ApplyOutcome, Credential, Fault, Flow, Host, Kind, LabelSelector, Manifest, Problem};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{World, credential, flow, host, name};

/// A request as it stands on the wire, and the status and body of the reply.
async fn raw(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn problem(error: ironhand_client::Error) -> Problem {
    error.problem().cloned().unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_applied_listed_guarded_and_deleted() {
    let world = World::new(1).await;
    let client = &world.client;
    client.ready().await.unwrap();
    let secret = credential("fleet", "admin", "simulated");
    assert_eq!(client.apply_dry_run(&secret).await.unwrap(), ApplyOutcome::Created);
    assert_eq!(client.apply(&secret).await.unwrap(), ApplyOutcome::Created);
    assert_eq!(client.apply(&secret).await.unwrap(), ApplyOutcome::Unchanged);
    assert_eq!(
        client.apply(&credential("fleet", "root", "simulated")).await.unwrap(),
        ApplyOutcome::Configured
    );

    for number in 0..5 {
        let Manifest::Host(mut manifest) = host(&world.sim(0), &["fleet"]) else { unreachable!() };
        manifest.metadata.name = name(&format!("host-{number}"));
        manifest.metadata.labels.insert("rack".to_owned(), (number % 2).to_string());
        client.apply(&Manifest::Host(manifest)).await.unwrap();
    }
    let odd: LabelSelector = "rack=1".parse().unwrap();
    let names: Vec<_> =
        client.list::<Host>(&odd).await.unwrap().into_iter().map(|host| host.metadata.name).collect();
    assert_eq!(names, [name("host-1"), name("host-3")]);
    assert_eq!(client.list::<Host>(&LabelSelector::default()).await.unwrap().len(), 5);

    let refused = problem(client.delete(Kind::Credential, &name("fleet")).await.unwrap_err());
    assert_eq!((refused.status, refused.code.as_str()), (409, "resource.in_use"));
    assert!(refused.detail.contains("host-0") && refused.request_id.is_some(), "{refused:#?}");

    let mut kept: Host = client.get(&name("host-0")).await.unwrap();
    kept.metadata.labels.insert("rack".to_owned(), "9".to_owned());
    kept.status = None;
    let stale = Manifest::Host(kept);
    assert_eq!(client.apply_dry_run(&stale).await.unwrap(), ApplyOutcome::Configured);
    assert_eq!(client.apply(&stale).await.unwrap(), ApplyOutcome::Configured);
    let refused = problem(client.apply(&stale).await.unwrap_err());
    assert_eq!((refused.status, refused.code.as_str()), (409, "resource.conflict"));
    assert_eq!(problem(client.apply_dry_run(&stale).await.unwrap_err()).code, "resource.conflict");

    client.delete(Kind::Host, &name("host-0")).await.unwrap();
    let missing = problem(client.get::<Host>(&name("host-0")).await.unwrap_err());
    assert_eq!(
        (missing.status, missing.code.as_str(), missing.fault),
        (404, "resource.not_found", Fault::Caller)
    );
    assert_eq!(problem(client.incident(77).await.unwrap_err()).code, "record.not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_cannot_be_is_refused_with_every_fault() {
    let world = World::new(0).await;
    let broken = flow(
        "broken",
        json!({
            "when": { "screen": "(" },
            "do": [{ "keys": "<NoSuchKey>" }, { "waitFor": { "screen": "*", "timeout": "1s" } }],
            "verify": { "screen": "login:", "timeout": "1m" },
        }),
    );
    let refused = problem(world.client.apply(&broken).await.unwrap_err());
    assert_eq!((refused.status, refused.code.as_str()), (422, "manifest.invalid"));
    for field in ["when.screen", "do[0].keys", "do[1].waitFor.screen"] {
        assert!(refused.detail.contains(field), "{field} is named: {}", refused.detail);
    }
    assert!(world.client.list::<Flow>(&LabelSelector::default()).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_call_others_need_them() {
    let world = World::new(0).await;
    let calling = |called: &str| {
        json!({
            "when": { "screen": "x" },
            "do": [{ "call": called }],
            "verify": { "screen": "login:", "timeout": "1m" },
        })
    };
    let refused = problem(world.client.apply(&flow("caller", calling("called"))).await.unwrap_err());
    assert_eq!((refused.status, refused.code.as_str()), (422, "flow.call"));
    assert_eq!(refused.detail, "there is no flow called, which caller calls");
    let plain = json!({
        "when": { "screen": "y" },
        "do": [{ "keys": "<Enter>" }],
        "verify": { "screen": "login:", "timeout": "1m" },
    });
    world.client.apply(&flow("called", plain)).await.unwrap();
    world.client.apply(&flow("caller", calling("called"))).await.unwrap();
    let refused = problem(world.client.apply(&flow("called", calling("caller"))).await.unwrap_err());
    assert_eq!(refused.detail, "called would call itself: called -> caller -> called");
    let refused = problem(world.client.delete(Kind::Flow, &name("called")).await.unwrap_err());
    assert_eq!((refused.status, refused.code.as_str()), (409, "resource.in_use"));
    world.client.delete(Kind::Flow, &name("caller")).await.unwrap();
    world.client.delete(Kind::Flow, &name("called")).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_here_is_kept_out() {
    let world = World::new(0).await;
    let address = world.server.as_ref().unwrap().http().unwrap();
    let check = async |request: String, status: u16, code: &str| {
        let (found, body) = raw(address, &request).await;
        assert_eq!(found, status, "{request}\n{body}");
        let problem: Problem = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}\n{body}"));
        assert_eq!((problem.code.as_str(), problem.status), (code, status), "{request}");
        assert!(problem.request_id.is_some());
    };
    let end = "connection: close\r\n\r\n";
    let (status, _) = raw(address, &format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n{end}")).await;
    assert_eq!(status, 200);
    let get = |host: &str, path: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{end}");
    check(get("rebound.example", "/api/v1/hosts"), 403, "request.foreign").await;
    check(get("localhost", "/api/v1/nothing"), 404, "request.no_such_path").await;
    check(get("localhost", "/api/v1/hosts?lmit=3"), 400, "request.malformed").await;
    check(get("localhost", "/api/v1/hosts?labelSelector=,"), 400, "request.malformed").await;
    check(get("localhost", "/api/v1/events?after=x"), 400, "request.malformed").await;
    check(get("localhost", "/api/v1/hosts/UPPER"), 400, "request.malformed").await;
    let put = |kind: &str, body: &str| {
        let length = body.len();
        format!(
            "PUT /api/v1/flows/x HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{end}{body}"
        )
    };
    check(put("text/plain", "{}"), 415, "request.media_type").await;
    check(put("application/json", "{"), 422, "manifest.invalid").await;
    check(put("application/json", &" ".repeat((1 << 20) + 1)), 413, "request.too_large").await;
    check(
        format!("DELETE /api/v1/flows/x HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n{end}"),
        403,
        "request.foreign",
    )
    .await;
    check(
        format!(
            "PATCH /api/v1/flows/x HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{end}"
        ),
        405,
        "request.method",
    )
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_taken_and_never_shown() {
    let world = World::new(0).await;
    world.client.apply(&credential("fleet", "admin", "plain-as-day")).await.unwrap();
    let kept: Credential = world.client.get(&name("fleet")).await.unwrap();
    assert!(
        matches!(&kept.spec.password, ironhand_api::Secret::Sealed(text) if !text.contains("plain-as-day"))
    );
    // What was got can be applied again.
    assert_eq!(world.client.apply(&Manifest::Credential(kept)).await.unwrap(), ApplyOutcome::Unchanged);
    world.end().await;
}
