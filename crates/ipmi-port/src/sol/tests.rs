use std::net::{Ipv4Addr, SocketAddr};

use ironhand_ipmi::{
    Bmc as BmcMachine, BmcConfig, BmcEvent, BmcOutput, ChassisStatus, ClientConfig, PrivilegeLevel, Reply,
    Request, User,
};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::entropy::OsEntropy;
use crate::{IpmiPort, PortConfig};

/// What the machine behind the BMC writes when it reads this.
const FLOOD: &[u8] = b"flood";
const FLOOD_LENGTH: usize = 4 * UNREAD_LIMIT;

/// A BMC on loopback whose machine writes what it reads, and a flood when it is asked for one.
struct Echo {
    socket: UdpSocket,
    machine: BmcMachine,
    /// What the machine has yet to write; it waits while the BMC has no room.
    output: Vec<u8>,
    events: mpsc::UnboundedSender<BmcEvent>,
}

impl Echo {
    async fn start() -> (SocketAddr, mpsc::UnboundedReceiver<BmcEvent>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)];
        let chassis = ChassisStatus { power_on: true, ..ChassisStatus::default() };
        let config = BmcConfig { chassis, ..BmcConfig::new(users) };
        let (events, receiver) = mpsc::unbounded_channel();
        let machine = BmcMachine::new(config, Box::new(OsEntropy));
        tokio::spawn(Self { socket, machine, output: Vec::new(), events }.run());
        (address, receiver)
    }

    async fn run(mut self) {
        let mut buffer = [0; 2048];
        loop {
            let wake = self.machine.next_wake().unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = received.unwrap();
                    self.machine.receive(Instant::now(), from, &buffer[..length]);
                }
                () = tokio::time::sleep_until(wake.into()) => self.machine.wake(Instant::now()),
            }
            loop {
                let room = self.machine.console_room().unwrap_or(0).min(self.output.len());
                let written: Vec<u8> = self.output.drain(..room).collect();
                self.machine.console_output(Instant::now(), &written);
                let Some(output) = self.machine.next_output() else { break };
                match output {
                    BmcOutput::Send { to, bytes } => drop(self.socket.send_to(&bytes, to).await.unwrap()),
                    BmcOutput::Event(BmcEvent::ConsoleInput(input)) if input == FLOOD => {
                        self.output.extend((0..FLOOD_LENGTH).map(|number| number as u8));
                    }
                    BmcOutput::Event(BmcEvent::ConsoleInput(input)) => self.output.extend(input),
                    BmcOutput::Event(event) => drop(self.events.send(event)),
                }
            }
        }
    }
}

struct Case {
    bmc: Bmc,
    stream: SolStream,
    events: mpsc::UnboundedReceiver<BmcEvent>,
    stop: CancellationToken,
    driver: JoinHandle<()>,
}

impl Case {
    async fn open() -> Self {
        let stop = CancellationToken::new();
        let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone()).unwrap();
        let (address, events) = Echo::start().await;
        let bmc = port.open(address, ClientConfig::new("admin", "secret".into())).await.unwrap();
        let stream = bmc.sol(SolConfig::default()).await.unwrap();
        Self { bmc, stream, events, stop, driver }
    }

    /// Reads so many bytes.
    async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < length {
            let event = timeout(Duration::from_secs(60), self.stream.reader.next()).await.unwrap();
            match event {
                Some(SolEvent::Data(characters)) => read.extend(characters),
                other => panic!("{other:?}"),
            }
        }
        read
    }

    /// Waits for something at the BMC.
    async fn sees(&mut self, wanted: impl Fn(&BmcEvent) -> bool) {
        let wait = async { while !wanted(&self.events.recv().await.unwrap()) {} };
        timeout(Duration::from_secs(30), wait).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_written_is_read_and_requests_go_beside_it() {
    let mut case = Case::open().await;
    let text: Vec<u8> = (0..20_000).map(|number| (number / 7) as u8).collect();
    case.stream.writer.write(&text).await.unwrap();
    let status = case.bmc.request(Request::GetChassisStatus).await;
    assert!(matches!(status, Ok(Reply::ChassisStatus(_))), "{status:?}");
    case.stream.writer.settle().await.unwrap();
    assert_eq!(case.read(text.len()).await, text);
    case.stream.writer.send_break();
    case.sees(|event| *event == BmcEvent::ConsoleBreak).await;
    assert_eq!(case.bmc.sol(SolConfig::default()).await.unwrap_err(), SolClosed::InUse);

    let SolStream { mut reader, writer } = case.stream;
    drop(writer);
    let last = timeout(Duration::from_secs(30), reader.next()).await.unwrap();
    assert_eq!(last, Some(SolEvent::Closed(SolClosed::Requested)));
    assert_eq!(reader.next().await, None);
    assert!(case.bmc.sol(SolConfig::default()).await.is_ok(), "and it can be opened again");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_machine_and_loses_nothing() {
    let mut case = Case::open().await;
    case.stream.writer.write(FLOOD).await.unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while case.stream.reader.unread.load(Ordering::Relaxed) <= UNREAD_LIMIT {
        assert!(Instant::now() < limit, "the flood does not come");
        tokio::task::yield_now().await;
    }
    // A request and its answer later than that, the machine is held.
    case.bmc.request(Request::GetChassisStatus).await.unwrap();
    case.bmc.request(Request::GetChassisStatus).await.unwrap();
    assert!(case.stream.reader.unread.load(Ordering::Relaxed) < UNREAD_LIMIT + 4096);
    let expected: Vec<u8> = (0..FLOOD_LENGTH).map(|number| number as u8).collect();
    assert!(case.read(FLOOD_LENGTH).await == expected);
}

#[tokio::test]
async fn letting_go_of_anything_closes_the_console() {
    let mut case = Case::open().await;
    let (bmc, mut reader) = (case.bmc, case.stream.reader);
    drop(bmc);
    let last = timeout(Duration::from_secs(30), reader.next()).await.unwrap();
    assert_eq!(last, Some(SolEvent::Closed(SolClosed::Requested)));
    assert_eq!(case.stream.writer.write(b"late").await, Err(SolEnded));

    let mut case = Case::open().await;
    case.stop.cancel();
    case.sees(|event| *event == BmcEvent::ConsoleClosed).await;
    case.sees(|event| matches!(event, BmcEvent::SessionClosed { .. })).await;
    timeout(Duration::from_secs(30), case.driver).await.unwrap().unwrap();
    assert!(case.stream.writer.settle().await.is_err());
}

#[tokio::test]
async fn a_bmc_that_says_nothing_has_no_console() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).unwrap();
    let config = ClientConfig::new("admin", "secret".into());
    let bmc = port.open(silent.local_addr().unwrap(), config).await.unwrap();
    let refused = bmc.sol(SolConfig::default()).await.unwrap_err();
    assert!(matches!(refused, SolClosed::Failed(Error::Timeout { .. })), "{refused:?}");
}
