//! The stream of events: resumable, without gap or duplicate, whoever reads how slowly.

use ironhand_api::EventKind;
use ironhand_client::{Client, Endpoint, EventFilter};

use crate::harness::{World, credential, soon, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_taken_up_again_has_no_gap_and_no_duplicate() {
    let world = World::new(0).await;
    let client = world.client.clone();
    let writer = tokio::spawn(async move {
        for number in 0..100 {
            client.apply(&credential(&format!("c-{number}"), "admin", "x")).await.unwrap();
        }
    });
    // Each stream takes seven events and is dropped with what it has read ahead.
    let mut last = 0;
    let mut ids = Vec::new();
    while ids.len() < 98 {
        let mut stream = world.client.follow(Some(last), None);
        for _ in 0..7 {
            let event = soon(stream.next()).await.unwrap().unwrap();
            assert_eq!(event.kind, EventKind::ResourceApplied);
            last = event.id;
            ids.push(event.id);
        }
    }
    assert_eq!(ids, (1..=98).collect::<Vec<_>>());
    soon(writer).await.unwrap();
    let listed = world.client.events(&EventFilter::default()).await.unwrap();
    assert_eq!(listed.iter().map(|event| event.id).collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
    let some =
        world.client.events(&EventFilter { after: Some(90), limit: Some(3), host: None }).await.unwrap();
    assert_eq!(some.iter().map(|event| event.id).collect::<Vec<_>>(), [91, 92, 93]);

    let unknown = soon(world.client.follow(Some(1000), None).next()).await.unwrap().unwrap_err();
    assert_eq!(unknown.problem().map(|problem| problem.code.as_str()), Some("events.unknown_id"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_the_server_was_started_again() {
    let mut world = World::new(0).await;
    let mut stream = world.client.follow(None, None);
    stream.connect().await.unwrap();
    world.client.apply(&credential("before", "admin", "x")).await.unwrap();
    until(&mut stream, |event| event.message.contains("before")).await;

    let begun = std::time::Instant::now();
    world.server.take().unwrap().shutdown().await;
    let limit = crate::harness::settings().shutdown_timeout;
    assert!(begun.elapsed() < limit, "an open stream does not hold up the end: {:?}", begun.elapsed());
    let again = crate::harness::config(&world.directory(), crate::harness::settings());
    world.server = Some(ironhand_server::Server::start(again).await.unwrap());
    world.client.apply(&credential("after", "admin", "x")).await.unwrap();
    let seen = until(&mut stream, |event| event.message.contains("after")).await;
    assert_eq!(seen.len(), 1, "{seen:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_of_one_host_where_asked_and_nobody_at_all_is_an_error_of_its_own() {
    let world = World::new(2).await;
    let hosts = world.adopt().await;
    let mut stream = world.client.follow(Some(0), Some(hosts[1].clone()));
    let seen = until(&mut stream, |event| event.kind == EventKind::ReachChanged).await;
    assert!(seen.iter().all(|event| event.host.as_ref() == Some(&hosts[1])), "{seen:#?}");

    let nobody = Client::new(Endpoint::Unix(world.directory().join("nobody.sock"))).unwrap();
    let error = nobody.ready().await.unwrap_err();
    assert!(error.is_unreachable() && error.problem().is_none(), "{error}");
    world.end().await;
}
