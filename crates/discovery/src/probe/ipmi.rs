//! What an IPMI service tells to anybody.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ironhand_ipmi::audit::{Audit, AuditOutput, AuditReport, Suite0};
use ironhand_ipmi::{AuthenticationType, presence};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use super::asked;
use crate::{Asked, Ipmi};

/// How long the answer to the presence ping is waited for.
const PONG: Duration = Duration::from_secs(1);

/// The longest datagram that is taken: answers to these questions are under a hundred bytes.
const DATAGRAM: usize = 1024;

/// What was told.
pub(super) struct Seen {
    pub(super) pong: bool,
    pub(super) told: Option<Ipmi>,
    pub(super) asked: Vec<Asked>,
}

/// Asks a BMC; with `opens` also for a session without authentication.
pub(super) async fn ask(peer: SocketAddr, opens: bool) -> Seen {
    let since = Instant::now();
    let mut talk = Talk { pong: false, report: None };
    let ended = talk.run(peer, opens).await;
    let silence = || match &ended {
        Err(error) => reason(error),
        Ok(()) => "nothing".to_owned(),
    };
    let port = peer.port();
    let told = talk.report.and_then(|report| told(report, opens));
    let ping = if talk.pong { "a pong".to_owned() } else { silence() };
    let capabilities = told.as_ref().map_or_else(silence, describe);
    let asked = vec![
        asked(format!("presence ping of RMCP, UDP port {port}"), ping, since),
        asked(format!("authentication capabilities of IPMI, UDP port {port}"), capabilities, since),
    ];
    Seen { pong: talk.pong, told, asked }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused: nothing listens there".to_owned(),
        _ => format!("not sent: {error}"),
    }
}

struct Talk {
    pong: bool,
    report: Option<AuditReport>,
}

impl Talk {
    async fn run(&mut self, peer: SocketAddr, opens: bool) -> io::Result<()> {
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        // A socket of its own hears of nobody else, and is told where nothing listens.
        let socket = UdpSocket::bind(any).await?;
        socket.connect(peer).await?;
        // Tags and the number of a session that nobody uses: nothing is lost where they could be guessed.
        let mut entropy = |bytes: &mut [u8]| {
            let _ = getrandom::fill(bytes);
        };
        let begun = Instant::now();
        socket.send(&presence::ping(1)).await?;
        let mut audit = match opens {
            true => Audit::new(begun.into_std(), &mut entropy),
            false => Audit::listing(begun.into_std(), &mut entropy),
        };
        let mut bytes = [0; DATAGRAM];
        loop {
            while let Some(output) = audit.next_output() {
                match output {
                    AuditOutput::Send(datagram) => drop(socket.send(&datagram).await?),
                    AuditOutput::Done(report) => self.report = Some(report),
                }
            }
            let due = match audit.next_wake() {
                Some(due) => Instant::from_std(due),
                None if self.pong => return Ok(()),
                None => begun + PONG,
            };
            tokio::select! {
                received = socket.recv(&mut bytes) => {
                    let datagram = &bytes[..received?];
                    self.pong |= presence::pong(datagram).is_some();
                    audit.receive(Instant::now().into_std(), datagram);
                }
                () = sleep_until(due) => match audit.next_wake() {
                    Some(_) => audit.wake(Instant::now().into_std()),
                    None => return Ok(()),
                },
            }
        }
    }
}

fn told(report: AuditReport, opens: bool) -> Option<Ipmi> {
    let capabilities = report.capabilities?;
    Some(Ipmi {
        rmcp_plus: capabilities.rmcp_plus,
        // Without the form of IPMI 2.0 nothing else is possible.
        ipmi_1_5: capabilities.ipmi_1_5 || !capabilities.extended,
        authentication: capabilities.types.iter().map(authentication).collect(),
        kg_is_set: capabilities.kg_is_set,
        per_message_authentication: capabilities.per_message_authentication,
        user_level_authentication: capabilities.user_level_authentication,
        null_users: capabilities.null_users,
        anonymous_login: capabilities.anonymous_login,
        oem: capabilities.oem,
        suites: report.suites,
        accepts_suite_0: opens.then_some(report.suite_0 == Suite0::Accepted),
    })
}

fn describe(told: &Ipmi) -> String {
    let versions = match (told.rmcp_plus, told.ipmi_1_5) {
        (true, true) => "IPMI 2.0 and 1.5",
        (true, false) => "IPMI 2.0",
        _ => "IPMI 1.5",
    };
    let suites = told.suites.as_ref().map(|suites| {
        let numbers: Vec<_> = suites.iter().map(u8::to_string).collect();
        format!(", cipher suites {}", numbers.join(" "))
    });
    format!("{versions}{}", suites.unwrap_or_default())
}

const fn authentication(kind: AuthenticationType) -> &'static str {
    match kind {
        AuthenticationType::None => "none",
        AuthenticationType::Md2 => "md2",
        AuthenticationType::Md5 => "md5",
        AuthenticationType::Password => "password",
        AuthenticationType::Oem => "oem",
    }
}
