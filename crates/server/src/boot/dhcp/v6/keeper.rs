//! The task that keeps DHCPv6 and advertisements as the networks say: it follows the records and the interfaces of this
//! machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{EventKind, Ipv6Service, Name, ServiceState, Severity};
use ironhand_boot_port::dhcp::OpenError;
use ironhand_boot_port::dhcp6::{Dhcp6Config, Dhcp6Port, Link6, Opened6};
use ironhand_boot_port::interface::Interface;
use ironhand_boot_port::journal::Durability;
use ironhand_dhcp::v6::{Event, ServerConfig};
use ironhand_store::{EventDraft, Store};
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::links::{Plan, plans};
use super::policy::{BootPolicy6, Places};
use super::told::Teller;
use super::{Desk, identifier};
use crate::boot::dhcp::reception::Reception;
use crate::boot::dhcp::rivals::{Rivals, Sought, Watched};
use crate::boot::dhcp::services::newly_beside;
use crate::boot::listing::Listing;
use crate::clock;
use crate::http::chain;
use crate::views::Views;

/// How often it is looked which interfaces there are.
const LOOK: Duration = Duration::from_secs(10);

/// How long what could not be served is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// What the task works with.
pub(in crate::boot::dhcp) struct Keeper {
    around: Around,
    places: watch::Sender<Arc<Places>>,
    listing: Listing,
    rivals: Rivals,
    /// What the port was told last.
    told: Vec<Link6>,
    /// Why nothing could be served, with what, and until when that is not tried again.
    broken: Option<(String, Vec<Link6>, Instant)>,
}

/// What others hand to the task.
pub(in crate::boot::dhcp) struct Around {
    pub(in crate::boot::dhcp) desk: Arc<Desk>,
    pub(in crate::boot::dhcp) store: Store,
    pub(in crate::boot::dhcp) views: Views,
    pub(in crate::boot::dhcp) reception: Arc<Reception>,
    pub(in crate::boot::dhcp) journal: PathBuf,
    pub(in crate::boot::dhcp) identifier: PathBuf,
    pub(in crate::boot::dhcp) durability: Durability,
}

impl Keeper {
    pub(in crate::boot::dhcp) fn new(around: Around) -> Self {
        let (places, listing) = (watch::Sender::default(), Listing::default());
        // One that cannot be read is told when the port is opened.
        let ours = identifier(&around.identifier).unwrap_or_default();
        let rivals = Rivals::new(Sought::Dhcp6(ours));
        Self { around, places, listing, rivals, told: Vec::new(), broken: None }
    }

    /// Keeps DHCPv6 until it is to be closed.
    pub(in crate::boot::dhcp) async fn keep(mut self, closing: CancellationToken) {
        let mut changed = self.around.views.follow();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.renew().await;
            tokio::select! {
                () = closing.cancelled() => break,
                told = changed.changed() => if told.is_err() { break },
                () = self.rivals.found() => {}
                _ = look.tick() => self.listing.forget(),
            }
        }
        let port = self.around.desk.port.write().await.take();
        if let Some(port) = port {
            port.close().await;
        }
    }

    /// Makes everything as the records and the interfaces say at this moment.
    async fn renew(&mut self) {
        let view = self.around.views.now();
        let listed = match self.listing.of(&view) {
            Ok(listed) => listed,
            Err(error) => {
                tracing::error!(%error, "the system does not tell its interfaces: DHCPv6 is served as before");
                return;
            }
        };
        let mut plans = plans(&view, &listed.interfaces, |interface| self.rivals.seen(interface));
        self.rivals.watch(Instant::now(), watched(&plans, &listed.interfaces));
        let links: Vec<Link6> = plans.iter().filter_map(|plan| plan.link.clone()).collect();
        self.places.send_replace(Arc::new(places(&plans)));
        if let Err(error) = self.apply(links).await {
            for plan in plans.iter_mut().filter(|plan| plan.service.state == ServiceState::Served) {
                (plan.service.state, plan.service.reason) = (ServiceState::Failed, Some(error.clone()));
            }
        }
        let services = plans.into_iter().map(|plan| (plan.network, plan.service)).collect::<BTreeMap<_, _>>();
        let before = self.around.desk.put(services.clone());
        let drafts = services.iter().flat_map(|(name, service)| {
            let known = before.get(name);
            let others = known.map(|known| &known.others[..]).unwrap_or_default();
            let beside =
                newly_beside(name, "DHCPv6", others, &service.others).filter(|_| service.looked_at.is_some());
            [beside, draft(name, service, known)]
        });
        self.note(drafts.flatten().collect()).await;
    }

    /// Opens, changes or closes what is needed.
    async fn apply(&mut self, links: Vec<Link6>) -> Result<(), String> {
        let now = Instant::now();
        if let Some((reason, with, until)) = &self.broken
            && *with == links
            && *until > now
        {
            return Err(reason.clone());
        }
        self.broken = None;
        if self.told == links {
            return Ok(());
        }
        let applied = self.tell(links.clone()).await;
        match applied {
            Ok(()) => {
                self.told = links;
                Ok(())
            }
            Err(error) => {
                let reason = chain(&error);
                self.told = Vec::new();
                self.broken = Some((reason.clone(), links, now + LEFT_ALONE));
                Err(reason)
            }
        }
    }

    async fn tell(&mut self, links: Vec<Link6>) -> Result<(), OpenError> {
        let mut port = self.around.desk.port.write().await;
        if let Some(open) = port.as_ref() {
            return open.set_links(links).await;
        }
        let Opened6 { port: open, recovered } = self.open(links).await?;
        *port = Some(open);
        drop(port);
        if recovered.damaged > 0 {
            tracing::warn!(
                file = %self.around.journal.display(), lines = recovered.damaged,
                "the lease file of IPv6 has lines that are no records: the disk or a hand has changed it. The file as it was lies \
                 beside, with `.damaged` at the end of its name. Look after the disk"
            );
        }
        tracing::info!(leases = recovered.leases.len(), "DHCPv6 is served");
        Ok(())
    }

    /// Opens the sockets and the lease file.
    async fn open(&self, links: Vec<Link6>) -> Result<Opened6, OpenError> {
        let system = |what: &str, source| OpenError::System { what: what.to_owned(), source };
        let identifier = identifier(&self.around.identifier)
            .map_err(|source| system("reading the identifier of this server", source))?;
        let config = Dhcp6Config {
            links,
            server: ServerConfig::new(identifier),
            journal: self.around.journal.clone(),
            durability: self.around.durability,
        };
        let policy = BootPolicy6 {
            views: self.around.views.clone(),
            places: self.places.subscribe(),
            reception: Arc::clone(&self.around.reception),
        };
        let teller = Teller { reception: Arc::clone(&self.around.reception) };
        let told = move |event: &Event| teller.take(event);
        let opening = tokio::task::spawn_blocking(move || Dhcp6Port::open(config, policy, told)).await;
        opening.unwrap_or_else(|error| {
            Err(system("opening the sockets of DHCPv6", std::io::Error::other(error)))
        })
    }

    async fn note(&self, drafts: Vec<EventDraft>) {
        if drafts.is_empty() {
            return;
        }
        let now = clock::now();
        let events = drafts.into_iter().map(|draft| (None::<Name>, now, draft)).collect();
        if let Err(error) = self.around.store.note_all(events).await {
            tracing::error!(error = %chain(&error), "it is not told how networks are served: the store failed");
        }
    }
}

/// The interfaces that are looked at for other servers: those of networks that give addresses there.
fn watched<'a>(plans: &'a [Plan], interfaces: &'a [Interface]) -> impl Iterator<Item = Watched<'a>> {
    let giving = plans.iter().filter(|plan| plan.gives_addresses);
    giving.filter_map(|plan| {
        let name = plan.service.interface.as_ref()?;
        let at = interfaces.iter().find(|one| one.name == *name)?;
        let waits = plan.service.state == ServiceState::Foreign;
        Some(Watched { name: &at.name, index: at.index, is_running: at.is_running, waits })
    })
}

/// What packets meet of the networks.
fn places(plans: &[Plan]) -> Places {
    let served = plans.iter().filter(|plan| plan.service.state == ServiceState::Served);
    let at = served.clone().filter_map(|plan| Some((plan.link.as_ref()?.index, plan.network.clone())));
    Places { at: at.collect(), served: served.map(|plan| plan.network.clone()).collect::<BTreeSet<_>>() }
}

/// What there is to tell of how a network is served.
fn draft(name: &Name, service: &Ipv6Service, known: Option<&Ipv6Service>) -> Option<EventDraft> {
    let seen = |service: &Ipv6Service| {
        let Ipv6Service { subnet, mode, state, interface, reason, .. } = service.clone();
        (subnet, mode, state, interface, reason)
    };
    if known.map(seen) == Some(seen(service)) {
        return None;
    }
    let subnet = service.subnet;
    let because = service.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let told = |severity, words| Some(EventDraft::new(EventKind::NetworkServed, severity, words));
    match service.state {
        ServiceState::Served => {
            let severity = if because.is_empty() { Severity::Info } else { Severity::Warning };
            let at =
                service.interface.as_ref().map_or("behind relays".to_owned(), |name| format!("at {name}"));
            let mode = service.mode.as_str();
            told(
                severity,
                format!("Network {name} is served over IPv6 {at} ({subnet}, mode {mode}){because}"),
            )
        }
        ServiceState::Looking => None,
        ServiceState::Foreign => {
            told(Severity::Warning, format!("Network {name} is not served over IPv6{because}"))
        }
        ServiceState::Off if known.is_none() => None,
        ServiceState::Off => {
            told(Severity::Info, format!("Network {name} is served over IPv6 no longer: its mode is off"))
        }
        ServiceState::Failed => {
            told(Severity::Critical, format!("Network {name} cannot be served over IPv6{because}"))
        }
    }
}
