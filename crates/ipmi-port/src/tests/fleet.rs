//! Many BMCs at once, some of them bad.

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Longer than any test takes.
const FOREVER: Duration = Duration::from_secs(600);

/// Asks for the power of BMC `number`, which must be right.
async fn right_answer(bmc: Bmc, number: usize) -> Bmc {
    let reply = bmc.request(Request::GetChassisStatus).await.unwrap();
    assert!(
        matches!(reply, Reply::ChassisStatus(status) if status.power_on == number.is_multiple_of(2)),
        "BMC {number}: {reply:?}"
    );
    bmc
}

#[tokio::test]
async fn a_lossy_line_loses_no_answer() {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..60 {
        let (address, _events) = bmc_of(number, Manner::Lossy).await;
        let policy = RetransmitPolicy { patience: FOREVER, ceiling: 200 * MS, ..config().retransmit };
        let bmc = port.open(address, ClientConfig { retransmit: policy, ..config() }).await.unwrap();
        asked.spawn(right_answer(bmc, number));
    }
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
    assert!(port.statistics().retransmitted > 0);
}

#[tokio::test]
async fn dead_bmcs_keep_nobody_out() {
    let stop = CancellationToken::new();
    let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone()).unwrap();
    let policy = RetransmitPolicy { patience: FOREVER, ..RetransmitPolicy::default() };
    // More of them than the window has room for, and first in the queue.
    let (mut dead, mut graves) = (tokio::task::JoinSet::new(), Vec::new());
    for _ in 0..400 {
        let grave = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let config = ClientConfig { retransmit: policy, ..config() };
        let bmc = port.open(grave.local_addr().unwrap(), config).await.unwrap();
        graves.push(grave);
        dead.spawn(async move { bmc.request(Request::GetChassisStatus).await });
    }
    tokio::task::yield_now().await;
    let mut live = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (address, _events) = bmc(number).await;
        let bmc = port.open(address, config()).await.unwrap();
        live.spawn(right_answer(bmc, number));
    }
    while let Some(done) = live.join_next().await {
        done.unwrap();
    }
    assert!(dead.try_join_next().is_none(), "a dead BMC was given up early");

    stop.cancel();
    timeout(Duration::from_secs(30), driver).await.unwrap().unwrap();
    while let Some(result) = dead.join_next().await {
        assert_eq!(result.unwrap(), Err(Error::Closed));
    }
}

#[tokio::test]
async fn sessions_beyond_the_budget_are_closed_least_recently_used_first() {
    let config_of_port = PortConfig { warm_sessions: 3 };
    let (port, _driver) = IpmiPort::start(config_of_port, CancellationToken::new()).unwrap();
    let mut bmcs = Vec::new();
    let mut events = Vec::new();
    for number in 0..6 {
        let (address, told) = bmc(number).await;
        events.push(told);
        let bmc = port.open(address, config()).await.unwrap();
        bmcs.push(right_answer(bmc, number).await);
    }
    let kept = events.split_off(3);
    for closed_one in events {
        closed(closed_one).await;
    }
    for mut told in kept {
        while let Ok(event) = told.try_recv() {
            assert!(
                !matches!(event, BmcEvent::SessionClosed { .. }),
                "a session within the budget was closed"
            );
        }
    }
    // A session that was closed is opened again when it is needed.
    let first = bmcs.remove(0);
    right_answer(first, 0).await;
}

#[tokio::test]
async fn many_requests_to_one_bmc_are_answered_in_order_and_beyond_a_limit_refused() {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let (address, _events) = bmc(0).await;
    let bmc = port.open(address, config()).await.unwrap();
    let results =
        futures_util::future::join_all((0..40).map(|_| bmc.request(Request::GetChassisStatus))).await;
    let answered = results.iter().filter(|result| result.is_ok()).count();
    let refused = results.iter().filter(|result| **result == Err(Error::QueueFull)).count();
    assert_eq!(answered + refused, 40, "{results:?}");
    assert!(answered >= ironhand_ipmi::client::QUEUE_LIMIT, "{answered} answered");
}
