//! Connections that are kept, that die, and the addresses that they are made to.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ironhand_connectors::{
    Error, HttpClient, HttpLimits, HttpRequest, Opened, PathHealth, Proof, Route, Standing,
};
use tokio::time::{Instant, sleep};

use crate::device::{Act, Device, limits, ok, say};

/// A connection on which so many requests are answered.
fn serves(requests: usize) -> Vec<Act> {
    vec![[Act::Take, ok("{}")]; requests].concat()
}

fn get() -> HttpRequest {
    HttpRequest::get("/")
}

fn post() -> HttpRequest {
    HttpRequest::new(Method::POST, "/").body(b"{}".to_vec())
}

#[tokio::test(start_paused = true)]
async fn connections_are_used_again_while_that_works() {
    let check = async |script: Vec<Act>, requests: usize, connections: usize| {
        let device = Device::start(vec![script]).await;
        let client = device.client();
        for _ in 0..requests {
            client.send(&get()).await.unwrap();
        }
        assert_eq!(device.connections(), connections);
        assert_eq!(device.requests().len(), requests);
    };
    check(serves(20), 20, 1).await;
    // Devices that close each one, whether they say so or not.
    check(vec![Act::Take, say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")], 5, 5)
        .await;
    check(vec![Act::Take, say("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")], 5, 5).await;
    check(serves(1), 5, 5).await;
    // What nobody asked for is no answer to the next request.
    check(vec![Act::Take, ok("{}"), ok("[]"), Act::Hang], 5, 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_dies_under_a_request_costs_a_reading_nothing() {
    // It takes the second request, and closes without a word.
    let dies = [serves(1), vec![Act::Take]].concat();
    let device = Device::start(vec![dies]).await;
    let client = device.client();
    for _ in 0..6 {
        assert_eq!(client.send(&get()).await.unwrap().body, "{}");
    }
    // After three deaths in a row no connection is kept.
    assert_eq!(device.connections(), 6);
    assert_eq!(device.requests().len(), 6 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_never_sent_twice() {
    let dies = [serves(1), vec![Act::Take]].concat();
    let device = Device::start(vec![dies.clone()]).await;
    let client = device.client();
    client.send(&get()).await.unwrap();
    assert_eq!(client.send(&post()).await.unwrap_err(), Error::OutcomeUnknown);
    assert_eq!(device.requests().len(), 2);
    // Over a connection that was idle for a while it is not sent in the first place.
    let device = Device::start(vec![dies]).await;
    let client = device.client();
    client.send(&get()).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    client.send(&post()).await.unwrap();
    assert_eq!((device.connections(), device.requests().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_allowed() {
    let slow = vec![Act::Take, Act::Pause(Duration::from_secs(5)), ok("{}")];
    let device = Device::start(vec![vec![slow; 9].concat()]).await;
    let client = Arc::new(device.client());
    let begun = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let client = Arc::clone(&client);
        asking.spawn(async move { client.send(&get()).await.map(|_| begun.elapsed().as_secs()) });
    }
    let mut ended: Vec<u64> = asking.join_all().await.into_iter().map(Result::unwrap).collect();
    ended.sort_unstable();
    assert_eq!(ended, [5, 5, 10, 10, 15, 15]);
    assert_eq!(device.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_wait_for_its_turn_for_ever() {
    let device = Device::start(vec![vec![Act::Hang]]).await;
    let limits = HttpLimits { in_flight: 1, answer: Duration::from_secs(50), ..limits() };
    let client = HttpClient::new(device.route(), Proof::Off, limits);
    let (get, begun) = (get(), Instant::now());
    let (one, other) = tokio::join!(client.send(&get), client.send(&get));
    assert_eq!(one.unwrap_err().code(), "connector.silent");
    assert_eq!(other.unwrap_err().code(), "connector.busy");
    assert_eq!(begun.elapsed().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_keeps_no_request_waiting() {
    let endless = vec![Act::Take, say("HTTP/1.1 200 OK\r\n\r\n"), Act::Hang];
    let device = Device::start(vec![endless, serves(1)]).await;
    let client = HttpClient::new(device.route(), Proof::Off, HttpLimits { in_flight: 1, ..limits() });
    let Opened::Stream(_stream) = client.open(&get()).await.unwrap() else { panic!("it is refused") };
    assert_eq!(client.send(&get()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn another_address_is_taken_where_one_fails_and_left_when_it_works_again() {
    let backup = Device::start_at("127.0.0.3:0", None, vec![serves(9)]).await;
    let port = backup.address.port();
    let addresses = vec!["127.0.0.2".to_owned(), "127.0.0.3".to_owned()];
    let route = Route { addresses: addresses.clone(), port, through: None };
    let health = PathHealth::new();
    let client = HttpClient::new(route, Proof::Off, limits()).with_health(health.clone());
    client.send(&get()).await.unwrap();
    assert_eq!(health.in_use().as_deref(), Some("127.0.0.3"));
    let [main, other] = <[_; 2]>::try_from(health.standings(&addresses)).unwrap();
    let Standing::Fails { error, .. } = main.standing else { panic!("it works") };
    assert_eq!(error.code(), "connector.unreachable");
    assert!(error.to_string().contains(&format!("127.0.0.2:{port}")), "{error}");
    assert!(matches!(other.standing, Standing::Works { .. }));
    // The main one works again, and is taken again when it has rested.
    let main = Device::start_at(&format!("127.0.0.2:{port}"), None, vec![serves(9)]).await;
    client.send(&get()).await.unwrap();
    assert_eq!((main.requests().len(), backup.requests().len()), (0, 2));
    sleep(Duration::from_secs(31)).await;
    client.send(&get()).await.unwrap();
    assert_eq!((main.requests().len(), backup.requests().len()), (1, 2));
    assert_eq!(health.in_use().as_deref(), Some("127.0.0.2"));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_falls_silent_is_left_for_another() {
    let main = Device::start_at("127.0.0.4:0", None, vec![vec![Act::Hang]]).await;
    let port = main.address.port();
    let backup = Device::start_at(&format!("127.0.0.5:{port}"), None, vec![serves(9)]).await;
    let addresses = vec!["127.0.0.4".to_owned(), "127.0.0.5".to_owned()];
    let client = HttpClient::new(Route { addresses, port, through: None }, Proof::Off, limits());
    let error = client.send(&get()).await.unwrap_err();
    assert_eq!(error.code(), "connector.silent", "{error}");
    client.send(&get()).await.unwrap();
    assert_eq!(backup.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_no_address_works_the_last_one_is_named() {
    let device = Device::start_at("127.0.0.6:0", None, vec![]).await;
    let port = device.address.port();
    drop(device);
    tokio::task::yield_now().await;
    let addresses = vec!["127.0.0.7".to_owned(), "127.0.0.6".to_owned()];
    let client = HttpClient::new(Route { addresses, port, through: None }, Proof::Off, limits());
    let error = client.send(&post()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { address, .. } if *address == format!("127.0.0.6:{port}")),
        "{error}"
    );
    let none = Route { addresses: vec![], port, through: None };
    let error = HttpClient::new(none, Proof::Off, limits()).send(&get()).await.unwrap_err();
    assert_eq!(error.code(), "connector.misconfigured");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_closed_closes_its_connections() {
    let device = Device::start(vec![[serves(1), vec![Act::Hang]].concat(), serves(1)]).await;
    let client = device.client();
    client.send(&get()).await.unwrap();
    client.close().await;
    client.send(&get()).await.unwrap();
    assert_eq!(device.connections(), 2);
}
