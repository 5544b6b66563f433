//! Other DHCP servers, of either version: which interfaces are looked at, when, and what was found there.

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{OtherRouter, OtherServer, Timestamp};
use ironhand_boot_port::dhcp::{FoundServer, OpenError};
use ironhand_boot_port::dhcp6::Found6;
use ironhand_dhcp::ra::Advertisement;
use ironhand_dhcp::v6::ForeignServer;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::boot::foreign::{findings, findings6, look_for_servers, look_for_servers6};
use crate::clock;
use crate::http::chain;

/// How long answers are waited for: servers that probe an address before they offer it take three seconds.
const WAIT: Duration = Duration::from_millis(3_500);

/// How often it is looked where nobody was found.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// When it is looked once more after the first time: a switch lets no packet through for half a minute after a port came up.
const AGAIN: Duration = Duration::from_secs(60);

/// How often it is looked where a network waits for another server to go.
const WAITING: Duration = Duration::from_secs(20);

/// What was found at an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// When.
    pub(super) at: Timestamp,
    /// Who answered.
    pub(super) servers: Vec<OtherServer>,
    /// Over IPv6, who advertised.
    pub(super) routers: Vec<OtherRouter>,
    /// Why it could not be looked.
    pub(super) failed: Option<String>,
}

impl Seen {
    /// Those who give addresses.
    pub(super) fn givers(&self) -> impl Iterator<Item = &OtherServer> {
        self.servers.iter().filter(|server| server.offered.is_some())
    }
}

/// The look at one interface.
#[derive(Debug)]
struct Look {
    /// The interface, which may be another one of the same name.
    index: u32,
    is_running: bool,
    due: Instant,
    under_way: bool,
    times: u32,
    seen: Option<Seen>,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(super) enum Sought {
    /// Servers of DHCP.
    #[default]
    Dhcp,
    /// Servers of DHCPv6 but the one of this identifier, which is ours, heard through a relay; and routers.
    Dhcp6(Vec<u8>),
}

type Search = Result<(Vec<OtherServer>, Vec<OtherRouter>), OpenError>;

impl Sought {
    async fn search(self, interface: &str) -> Search {
        match self {
            Self::Dhcp => {
                let found = look_for_servers(interface, WAIT).await?;
                Ok((found.iter().map(told).collect(), Vec::new()))
            }
            Self::Dhcp6(ours) => {
                let Found6 { servers, routers } = look_for_servers6(interface, WAIT).await?;
                let others = servers.iter().filter(|server| *server.identifier != *ours);
                Ok((others.map(told6).collect(), routers.iter().map(router_told).collect()))
            }
        }
    }
}

/// What was found at all interfaces that networks lie at.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    sought: Sought,
    looks: BTreeMap<String, Look>,
    searches: JoinSet<(String, u32, Search)>,
}

/// An interface that is to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched<'a> {
    pub(super) name: &'a str,
    pub(super) index: u32,
    pub(super) is_running: bool,
    /// Whether a network there waits for another server to go.
    pub(super) waits: bool,
}

impl Rivals {
    /// Nobody was looked for yet.
    pub(super) fn new(sought: Sought) -> Self {
        Self { sought, ..Self::default() }
    }

    /// Looks at these interfaces and at no others, where it is time to.
    pub(super) fn watch<'a>(&mut self, now: Instant, interfaces: impl Iterator<Item = Watched<'a>>) {
        let mut before = std::mem::take(&mut self.looks);
        for Watched { name, index, is_running, waits } in interfaces {
            let known = before.remove(name).filter(|look| look.index == index);
            let mut look =
                known.unwrap_or(Look { index, is_running, due: now, under_way: false, times: 0, seen: None });
            if is_running && !look.is_running {
                // Somebody put a cable in: who is at its other end is not known.
                (look.due, look.times) = (now, 0);
            }
            look.is_running = is_running;
            if waits {
                look.due = look.due.min(now + WAITING);
            }
            if look.due <= now && !look.under_way {
                look.under_way = true;
                let (name, sought) = (name.to_owned(), self.sought.clone());
                self.searches.spawn(async move {
                    let found = sought.search(&name).await;
                    (name, index, found)
                });
            }
            self.looks.insert(name.to_owned(), look);
        }
    }

    /// Waits until a search has ended; for ever where none is under way.
    pub(super) async fn found(&mut self) {
        loop {
            match self.searches.join_next().await {
                None => std::future::pending().await,
                // It panicked, which its look learns by never ending: the next change of the interface begins a new one.
                Some(Err(error)) => tracing::error!(%error, "a search for other DHCP servers ended early"),
                Some(Ok((name, index, found))) => return self.take(&name, index, found),
            }
        }
    }

    fn take(&mut self, name: &str, index: u32, found: Search) {
        let Some(look) = self.looks.get_mut(name).filter(|look| look.index == index) else { return };
        let (servers, routers, failed) = match found {
            Ok((servers, routers)) => (servers, routers, None),
            Err(error) => (Vec::new(), Vec::new(), Some(chain(&error))),
        };
        look.under_way = false;
        look.times += 1;
        look.due = Instant::now() + if look.times == 1 { AGAIN } else { EVERY };
        look.seen = Some(Seen { at: clock::now(), servers, routers, failed });
    }

    /// What was found at an interface; nothing where it was not looked at yet.
    pub(super) fn seen(&self, interface: &str) -> Option<&Seen> {
        self.looks.get(interface)?.seen.as_ref()
    }
}

/// Another server, as it is told.
fn told(server: &FoundServer) -> OtherServer {
    OtherServer {
        server: server.offer.server.into(),
        offered: server.gives_addresses().then_some(server.offer.offered.into()),
        findings: findings(server),
    }
}

/// The same of DHCPv6.
fn told6(server: &ForeignServer) -> OtherServer {
    OtherServer {
        server: server.server.into(),
        offered: server.offered.map(Into::into),
        findings: findings6(server),
    }
}

fn router_told(heard: &Advertisement) -> OtherRouter {
    let Advertisement { router, managed, other, lifetime, .. } = heard;
    OtherRouter { router: *router, managed: *managed, other: *other, lifetime: lifetime.as_secs() }
}
