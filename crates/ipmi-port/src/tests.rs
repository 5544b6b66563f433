use std::net::Ipv4Addr;
use std::time::Instant;

use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::GetDeviceId;
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::{
    Bmc as BmcMachine, BmcConfig, BmcEvent, BmcOutput, ChassisStatus, CipherSuite, CompletionCode,
    PrivilegeLevel, RawCommand, RetransmitPolicy, User,
};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Duration, timeout};

use super::*;
use crate::entropy::OsEntropy;

mod fleet;

/// What the line to a BMC is like.
#[derive(Clone, Copy)]
enum Manner {
    Good,
    /// One in eight datagrams is lost, either way; which ones follows from the BMC's number.
    Lossy,
}

/// A BMC on loopback: its address, and the events of its machine. Every second one is on.
async fn bmc(number: usize) -> (SocketAddr, UnboundedReceiver<BmcEvent>) {
    bmc_of(number, Manner::Good).await
}

/// The same with a line of its own.
async fn bmc_of(number: usize, manner: Manner) -> (SocketAddr, UnboundedReceiver<BmcEvent>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)];
    let mut machine = BmcMachine::new(BmcConfig::new(users), Box::new(OsEntropy));
    machine.set_chassis(ChassisStatus { power_on: number.is_multiple_of(2), ..ChassisStatus::default() });
    let (tell, events) = unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let mut dice = number as u64 + 1;
        let mut is_lost = move || {
            // A generator of Knuth's; its upper bits are the random ones.
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            matches!(manner, Manner::Lossy) && dice >> 61 == 0
        };
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if is_lost() {
                continue;
            }
            machine.receive(Instant::now(), from, &buffer[..length]);
            while let Some(output) = machine.next_output() {
                match output {
                    BmcOutput::Send { .. } if is_lost() => {}
                    BmcOutput::Send { to, bytes } => drop(socket.send_to(&bytes, to).await.unwrap()),
                    BmcOutput::Event(event) => drop(tell.send(event)),
                }
            }
        }
    });
    (address, events)
}

fn config() -> ClientConfig {
    let retransmit = RetransmitPolicy { first: Duration::from_millis(200), ..RetransmitPolicy::default() };
    ClientConfig { retransmit, ..ClientConfig::new("admin", "secret".into()) }
}

/// Waits until the session on a BMC is closed.
async fn closed(mut events: UnboundedReceiver<BmcEvent>) {
    let wait = async {
        while let Some(event) = events.recv().await {
            if matches!(event, BmcEvent::SessionClosed { .. }) {
                return;
            }
        }
        panic!("the session was never closed");
    };
    timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn each_bmc_gets_its_own_answers() {
    let (port, driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (address, _events) = bmc(number).await;
        let bmc = port.open(address, config()).await.unwrap();
        asked.spawn(async move {
            let reply = bmc.request(Request::GetChassisStatus).await.unwrap();
            assert!(
                matches!(reply, Reply::ChassisStatus(status) if status.power_on == number.is_multiple_of(2)),
                "BMC {number}: {reply:?}"
            );
        });
    }
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
    drop(port);
    timeout(Duration::from_secs(30), driver).await.unwrap().unwrap();
}

#[tokio::test]
async fn sessions_are_closed_politely_and_an_address_has_one_owner() {
    let stop = CancellationToken::new();
    let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone()).unwrap();
    let (address, events) = bmc(0).await;
    let first = port.open(address, config()).await.unwrap();
    first.request(Request::GetChassisStatus).await.unwrap();
    assert_eq!(port.open(address, config()).await.unwrap_err(), OpenError::InUse { peer: address });
    drop(first);
    closed(events).await;

    let again = port.open(address, config()).await.unwrap();
    again.request(Request::GetChassisStatus).await.unwrap();
    let (other, events) = bmc(1).await;
    let kept = port.open(other, config()).await.unwrap();
    kept.request(Request::GetChassisStatus).await.unwrap();
    stop.cancel();
    closed(events).await;
    timeout(Duration::from_secs(30), driver).await.unwrap().unwrap();
    assert_eq!(kept.request(Request::GetChassisStatus).await, Err(Error::Closed));
}

#[tokio::test]
async fn procedures_run_over_a_session_and_closing_waits_for_the_bmc() {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let (address, mut events) = bmc(0).await;
    let bmc = port.open(address, config()).await.unwrap();
    let id = bmc.run(Ask::new("read the device id", &GetDeviceId)).await.unwrap();
    assert_eq!(id, BmcConfig::new(Vec::new()).device_id);

    assert_eq!(bmc.learned().await.suite, Some(CipherSuite::PREFERRED[0]));

    let unknown = RawCommand {
        netfn: 0x2E,
        lun: 0,
        cmd: 1,
        data: Vec::new(),
        privilege: PrivilegeLevel::User,
        repeatable: true,
    };
    let refused = bmc.request(Request::Raw(unknown)).await;
    assert_eq!(refused, Err(Error::Completion(CompletionCode::INVALID_COMMAND)));

    bmc.close().await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    assert!(told.iter().any(|event| matches!(event, BmcEvent::SessionClosed { .. })), "{told:?}");
    // Open session, RAKP 1 and 3, two commands, the farewell.
    assert_eq!(port.statistics(), Statistics { sent: 6, received: 6, retransmitted: 0 });
}

#[tokio::test]
async fn a_bmc_that_was_silent_is_asked_again() {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let (address, _events) = bmc(0).await;
    let quick = Duration::from_millis(20);
    let retransmit =
        RetransmitPolicy { first: quick, handshake: quick, patience: quick, ..RetransmitPolicy::default() };
    // Nobody is there until a BMC is put where the silence was.
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let dead =
        port.open(silent.local_addr().unwrap(), ClientConfig { retransmit, ..config() }).await.unwrap();
    for _ in 0..3 {
        let result = dead.request(Request::GetChassisStatus).await;
        assert!(matches!(result, Err(Error::Timeout { .. })), "{result:?}");
    }
    let alive = port.open(address, config()).await.unwrap();
    alive.request(Request::GetChassisStatus).await.unwrap();
    let mut datagram = [0; 64];
    let mut asked = 0;
    while silent.try_recv_from(&mut datagram).is_ok() {
        asked += 1;
    }
    assert!(asked >= 3, "asked {asked} times");
}

#[tokio::test]
async fn a_session_that_idles_for_a_while_is_closed_by_its_owner() {
    for idle in [Duration::ZERO, Duration::from_secs(10)] {
        let (peer, events) = bmc(0).await;
        let (port, _) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
        let bmc = port.open(peer, ClientConfig { idle: IdlePolicy::Close(idle), ..config() }).await.unwrap();
        for _ in 0..3 {
            bmc.run(Ask::new("read the device ID", &GetDeviceId)).await.unwrap();
        }
        timeout(Duration::from_secs(5), bmc.close()).await.unwrap();
        closed(events).await;
    }
}
