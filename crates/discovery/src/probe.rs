//! Asks one address what it tells to anybody.

mod ipmi;
mod old_tls;
mod ssdp;
mod web;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

pub use ssdp::search_network;

use crate::{Asked, Gathered};

/// How long a connection may take to come about. In a data centre it takes milliseconds; three transmissions fit.
const CONNECT: Duration = Duration::from_millis(3500);

/// Ports of services that controllers are known to leave open.
const SERVICE_PORTS: [u16; 14] =
    [22, 23, 80, 623, 5120, 5900, 5901, 5985, 7578, 16992, 16994, 17988, 17990, 49152];

/// Where services are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// UDP port of IPMI.
    pub ipmi: u16,
    /// TCP port of the web server with TLS.
    pub https: u16,
    /// TCP port of the web server without TLS.
    pub http: u16,
    /// TCP port of Intel AMT without TLS.
    pub amt: u16,
}

impl Default for Ports {
    /// Those of the protocols.
    fn default() -> Self {
        Self { ipmi: 623, https: 443, http: 80, amt: 16992 }
    }
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What tells whether something is there, and what it is.
    Find,
    /// All descriptions too, whatever was told before.
    Explain,
    /// What tells how it is kept, too: old versions of TLS, open ports, resources without a login, and whether it opens
    /// an IPMI session without authentication. That session is opened half and left to lapse.
    Check,
}

/// How addresses are asked.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Where services are looked for.
    pub ports: Ports,
    /// How much is asked.
    pub depth: Depth,
}

impl Probe {
    /// Sockets that one address takes at most at a time.
    pub(crate) const fn sockets(&self) -> usize {
        // One for IPMI, one for SSDP, and one for each port that is tried.
        match self.depth {
            Depth::Check => 2 + 3 + SERVICE_PORTS.len(),
            Depth::Find | Depth::Explain => 2 + 3,
        }
    }

    /// Asks an address. It ends within a minute, whatever answers there.
    pub async fn look(&self, address: IpAddr) -> Gathered {
        let mut gathered = Gathered::new(address);
        let over_ipmi = ipmi::ask(SocketAddr::new(address, self.ports.ipmi), self.depth >= Depth::Check);
        let over_web = web::ask(self, address);
        let (over_ipmi, over_web, (announced, over_ssdp)) =
            tokio::join!(over_ipmi, over_web, ssdp::ask(address));
        (gathered.pong, gathered.ipmi) = (over_ipmi.pong, over_ipmi.told);
        gathered.asked = over_ipmi.asked;
        gathered.announced = announced;
        gathered.asked.push(over_ssdp);
        over_web.fill(&mut gathered);
        gathered
    }
}

/// Notes a question that was asked at `since`.
fn asked(question: impl Into<String>, answer: impl Into<String>, since: Instant) -> Asked {
    let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    Asked { question: question.into(), answer: answer.into(), milliseconds }
}
