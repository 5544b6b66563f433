//! The two machines on a network that the input is.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::script::Script;
use ironhand_ipmi::audit::{Audit, AuditOutput};
use ironhand_ipmi::bmc::Ipmi15Config;
use ironhand_ipmi::client::{IdlePolicy, SessionProtocol};
use ironhand_ipmi::{
    Bmc, BmcConfig, BmcEvent, BmcOutput, BootDevice, BootFlags, ChassisControl, ChassisStatus, CipherSuite,
    Client, ClientConfig, Event, Ipmi15Authentication, Output, Peer, PrivilegeLevel, RawCommand, Reply,
    Request, User,
};

/// Datagrams kept for later steps; older ones are lost.
const KEPT: usize = 8;

/// The same numbers in every run, so that an input always does the same.
pub fn counter(start: u64) -> Box<dyn ironhand_ipmi::Entropy> {
    let mut count = start;
    Box::new(move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (count >> 56) as u8
        });
    })
}

pub fn console(port: u8) -> Peer {
    ([192, 0, 2, 9], u16::from(port)).into()
}

fn suites(setting: u8) -> Vec<CipherSuite> {
    if setting & 1 == 0 { CipherSuite::PREFERRED.to_vec() } else { vec![CipherSuite::Suite3] }
}

pub fn true_client(setting: u8, password: &str) -> Client {
    let idle = match setting & 2 {
        0 => IdlePolicy::default(),
        _ => IdlePolicy::Close(Duration::from_secs(5)),
    };
    let protocol = match setting & 0x18 {
        0x08 => SessionProtocol::Ipmi15(Ipmi15Authentication::Md5),
        0x18 => SessionProtocol::Ipmi15(Ipmi15Authentication::Password),
        _ => SessionProtocol::RmcpPlus,
    };
    let config = ClientConfig {
        protocol,
        suites: suites(setting),
        privilege: PrivilegeLevel::Administrator,
        idle,
        ..ClientConfig::new("admin", password.into())
    };
    Client::new(config, counter(1))
}

pub fn true_bmc(max_sessions: u8) -> Bmc {
    let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Administrator)];
    let authentications = vec![Ipmi15Authentication::Md5, Ipmi15Authentication::Password];
    let ipmi15 = Ipmi15Config { authentications, per_message: true };
    Bmc::new(BmcConfig { max_sessions, ipmi15, ..BmcConfig::new(users) }, counter(2))
}

pub fn request(script: &mut Script<'_>) -> Request {
    match script.byte() % 8 {
        0 => Request::GetDeviceId,
        1 => Request::GetSystemGuid,
        2 => Request::GetChassisStatus,
        3 => Request::ChassisControl(ChassisControl::PowerCycle),
        4 => Request::SetBootOptions(BootFlags::once(BootDevice::Pxe)),
        5 => Request::GetBootFlags,
        _ => {
            let (netfn, cmd, privilege) = (script.byte() & 0x3E, script.byte(), script.byte());
            let privilege = match privilege % 3 {
                0 => PrivilegeLevel::User,
                1 => PrivilegeLevel::Operator,
                _ => PrivilegeLevel::Administrator,
            };
            let data = script.chunk().to_vec();
            Request::Raw(RawCommand { netfn, lun: 0, cmd, data, privilege, repeatable: cmd & 1 == 0 })
        }
    }
}

pub fn answers(request: &Request, reply: &Reply) -> bool {
    matches!(
        (request, reply),
        (Request::GetDeviceId, Reply::DeviceId(_))
            | (Request::GetSystemGuid, Reply::SystemGuid(_))
            | (Request::GetChassisStatus, Reply::ChassisStatus(_))
            | (Request::GetBootFlags, Reply::BootFlags(_))
            | (Request::ChassisControl(_) | Request::SetBootOptions(_), Reply::Done)
            | (Request::Raw(_), Reply::Raw(_))
    )
}

/// A client and the true BMC behind the network that the script is.
struct Desk {
    client: Client,
    bmc: Bmc,
    /// Requests without an answer.
    waiting: BTreeMap<ironhand_ipmi::Ticket, Request>,
    answers: VecDeque<Vec<u8>>,
    /// How many more chassis controls may be carried out.
    controls_left: usize,
}

impl Desk {
    /// Fetches all outputs of the client and lets the BMC see its datagrams.
    fn settle(&mut self, now: Instant) {
        let mut outputs = 0;
        while let Some(output) = self.client.next_output() {
            outputs += 1;
            assert!(outputs < 1000, "the client does not come to rest");
            match output {
                Output::Send(bytes) => self.bmc.receive(now, console(1), &bytes),
                Output::Event(Event::Done { ticket, result }) => {
                    let request = self.waiting.remove(&ticket).expect("answered once");
                    if let Ok(reply) = result {
                        assert!(answers(&request, &reply), "{reply:?} to {request:?}");
                    }
                }
                Output::Event(_) => {}
            }
        }
        while let Some(output) = self.bmc.next_output() {
            match output {
                BmcOutput::Send { bytes, .. } => {
                    self.answers.push_back(bytes);
                    self.answers.truncate(KEPT);
                }
                BmcOutput::Event(BmcEvent::ChassisControl(_)) => {
                    self.controls_left = self.controls_left.checked_sub(1).expect("carried out once");
                }
                BmcOutput::Event(_) => {}
            }
        }
    }

    fn submit(&mut self, now: Instant, request: Request) {
        // A raw command of the chassis may be Chassis Control, which nobody should call repeatable.
        match &request {
            Request::Raw(RawCommand { netfn: 0, repeatable: true, .. }) => return,
            Request::Raw(RawCommand { netfn: 0, .. }) | Request::ChassisControl(_) => self.controls_left += 1,
            _ => {}
        }
        let ticket = self.client.submit(now, request.clone());
        self.waiting.insert(ticket, request);
    }
}

/// A client of a hostile BMC: every request is answered once and by its own kind of reply, nothing that changes power
/// is carried out twice, and left alone the client comes to rest.
pub fn client(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let mut now = Instant::now();
    let mut desk = Desk {
        client: true_client(setting, "secret"),
        bmc: true_bmc(16),
        waiting: BTreeMap::new(),
        answers: VecDeque::new(),
        controls_left: 0,
    };
    while let Some(operation) = script.step() {
        match operation % 8 {
            0 => desk.client.receive(now, console(2), script.chunk()),
            1 | 2 => {
                if let Some(answer) = desk.answers.pop_front() {
                    desk.client.receive(now, console(2), &answer);
                }
            }
            3 => {
                let (at, change) = (usize::from(script.byte()), script.byte());
                if let Some(mut answer) = desk.answers.pop_front() {
                    let at = at % answer.len();
                    answer[at] ^= change;
                    desk.client.receive(now, console(2), &answer);
                }
            }
            4 => {
                now += Duration::from_millis(100 * u64::from(script.byte()));
                desk.bmc.wake(now);
                desk.client.wake(now);
            }
            5 => {
                now = desk.client.next_wake().unwrap_or(now).max(now);
                desk.client.wake(now);
            }
            6 => {
                let request = request(&mut script);
                desk.submit(now, request);
            }
            _ => match script.byte() % 4 {
                0 => desk.client.close(now),
                1 => desk.bmc.forget_sessions(),
                2 => desk.bmc.set_busy(true),
                _ => desk.bmc.set_busy(false),
            },
        }
        desk.settle(now);
    }
    desk.client.close(now);
    desk.settle(now);
    assert!(desk.waiting.is_empty(), "{:?} never answered", desk.waiting);
    for _ in 0..20 {
        let Some(wake) = desk.client.next_wake() else { break };
        desk.client.wake(wake);
        desk.settle(wake);
    }
    assert_eq!(desk.client.next_wake(), None);
}

/// A BMC with hostile consoles, of which one may know the password: never more sessions than allowed, none without the
/// password, and left alone it forgets them all.
pub fn bmc(data: &[u8]) {
    const MAX_SESSIONS: u8 = 3;
    let mut script = Script(data);
    let setting = script.byte();
    let knows_password = setting & 4 == 0;
    let mut now = Instant::now();
    let mut bmc = true_bmc(MAX_SESSIONS);
    let mut client = true_client(setting, if knows_password { "secret" } else { "guess" });
    let mut sent: VecDeque<Vec<u8>> = VecDeque::new();
    while let Some(operation) = script.step() {
        match operation % 8 {
            0 => {
                let peer = console(script.byte() % 4);
                bmc.receive(now, peer, script.chunk());
            }
            1 | 2 => {
                if let Some(bytes) = sent.pop_front() {
                    bmc.receive(now, console(1), &bytes);
                }
            }
            3 => {
                let (at, change) = (usize::from(script.byte()), script.byte());
                if let Some(mut bytes) = sent.pop_front() {
                    let at = at % bytes.len();
                    bytes[at] ^= change;
                    bmc.receive(now, console(change % 4), &bytes);
                    // The true datagram can still come.
                    bytes[at] ^= change;
                    sent.push_front(bytes);
                }
            }
            4 => {
                now += Duration::from_millis(100 * u64::from(script.byte()));
                bmc.wake(now);
                client.wake(now);
            }
            5 => {
                client.submit(now, request(&mut script));
            }
            6 => client.wake(client.next_wake().unwrap_or(now).min(now)),
            _ => match script.byte() % 4 {
                0 => bmc.forget_sessions(),
                1 => bmc.set_busy(true),
                2 => bmc.set_busy(false),
                _ => bmc.set_chassis(ChassisStatus { power_on: true, ..ChassisStatus::default() }),
            },
        }
        settle(&mut bmc, &mut client, now, knows_password);
        while let Some(output) = client.next_output() {
            if let Output::Send(bytes) = output {
                sent.push_back(bytes);
                sent.truncate(KEPT);
            }
        }
        assert!(bmc.session_count() <= usize::from(MAX_SESSIONS));
        assert!(knows_password || bmc.session_count() == 0, "a session without the password");
    }
    for seconds in [60, 120, 240] {
        bmc.wake(now + Duration::from_secs(seconds));
    }
    assert_eq!((bmc.session_count(), bmc.next_wake()), (0, None), "all is forgotten");
}

/// Fetches all outputs of the BMC and lets the client see its datagrams.
fn settle(bmc: &mut Bmc, client: &mut Client, now: Instant, knows_password: bool) {
    let mut outputs = 0;
    while let Some(output) = bmc.next_output() {
        outputs += 1;
        assert!(outputs <= 256, "the BMC does not come to rest");
        match output {
            BmcOutput::Send { bytes, .. } => client.receive(now, console(2), &bytes),
            BmcOutput::Event(BmcEvent::ChassisControl(_) | BmcEvent::BootFlagsSet(_)) => {
                assert!(knows_password, "a command carried out for a stranger");
            }
            BmcOutput::Event(_) => {}
        }
    }
}

/// An audit of a hostile BMC, or of a true one whose answers are damaged: it ends by itself, and asks a bounded number of
/// questions.
pub fn audit(data: &[u8]) {
    /// More than an audit without any answer or with the longest list of suites sends.
    const QUESTIONS: usize = 100;
    let mut script = Script(data);
    let mut now = Instant::now();
    let mut audit = Audit::new(now, &mut *counter(3));
    let mut bmc = true_bmc(1);
    for _ in 0..QUESTIONS {
        match audit.next_output() {
            Some(AuditOutput::Done(report)) => {
                drop(format!("{report:?}"));
                assert_eq!((audit.next_output(), audit.next_wake()), (None, None));
                return;
            }
            Some(AuditOutput::Send(bytes)) => {
                bmc.receive(now, console(1), &bytes);
                let answer = loop {
                    match bmc.next_output() {
                        Some(BmcOutput::Send { bytes, .. }) => break bytes,
                        Some(BmcOutput::Event(_)) => {}
                        None => break Vec::new(),
                    }
                };
                match script.byte() % 4 {
                    0 => audit.receive(now, script.chunk()),
                    1 => audit.receive(now, &answer),
                    2 if !answer.is_empty() => {
                        let (at, change) = (usize::from(script.byte()) % answer.len(), script.byte());
                        let mut answer = answer;
                        answer[at] ^= change;
                        audit.receive(now, &answer);
                    }
                    _ => {}
                }
            }
            None => {
                now = audit.next_wake().expect("it waits for an answer").max(now);
                audit.wake(now);
            }
        }
    }
    panic!("the audit does not end");
}
