//! The task that keeps DHCP as the networks say: it follows the records, the interfaces of this machine and who else answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{DhcpMode, Name, Network, ServiceState};
use ironhand_boot_port::dhcp::{DhcpConfig, DhcpPort, OpenError, Opened};
use ironhand_boot_port::interface::{Interface, Route};
use ironhand_boot_port::journal::{Durability, Recovered};
use ironhand_dhcp::{Event, Mode, ServerConfig, Subnet};
use ironhand_model::boot::View;
use ironhand_store::{EventDraft, Store};
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::Desk;
use super::options::NetworkOptions;
use super::policy::{BootPolicy, Place, Places};
use super::pools::Pools;
use super::reception::Reception;
use super::rivals::{Rivals, Watched};
use super::services::Judged;
use super::standing::{Standing, standing};
use super::subnets::{id, mode, subnet};
use super::told::Teller;
use crate::boot::listing::Listing;
use crate::clock;
use crate::http::chain;
use crate::views::Views;

/// How often it is looked which interfaces there are, and how full the pools are.
const LOOK: Duration = Duration::from_secs(10);

/// How long an interface is left alone that could not be served: to try is to close the sockets of all others for a moment.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// What the task works with.
pub(super) struct Keeper {
    desk: Arc<Desk>,
    store: Store,
    views: Views,
    reception: Arc<Reception>,
    journal: PathBuf,
    durability: Durability,
    places: watch::Sender<Arc<Places>>,
    rivals: Rivals,
    pools: Pools,
    listing: Listing,
    /// What the port was told last.
    told: Told,
    /// Interfaces that could not be served: why, and until when they are left alone.
    broken: BTreeMap<String, (String, Instant)>,
}

/// What the port was told last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    interfaces: Vec<Interface>,
    subnets: Vec<Subnet>,
}

/// What is to become of a network.
struct Plan<'a> {
    network: &'a Network,
    standing: Option<Standing>,
    state: ServiceState,
    reason: Option<String>,
}

/// What others hand to the task.
pub(super) struct Around {
    pub(super) store: Store,
    pub(super) views: Views,
    pub(super) reception: Arc<Reception>,
    pub(super) journal: PathBuf,
    pub(super) durability: Durability,
}

impl Keeper {
    pub(super) fn new(desk: Arc<Desk>, around: Around) -> Self {
        let Around { store, views, reception, journal, durability } = around;
        Self {
            desk,
            store,
            views,
            reception,
            journal,
            durability,
            places: watch::Sender::default(),
            rivals: Rivals::default(),
            pools: Pools::default(),
            listing: Listing::default(),
            told: Told::default(),
            broken: BTreeMap::new(),
        }
    }

    /// Keeps DHCP until the desk is closed; the leases that are being stored then are stored, and their clients told.
    pub(super) async fn keep(mut self) {
        let mut changed = self.views.follow();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let closing = self.desk.closing.clone();
        loop {
            self.renew().await;
            tokio::select! {
                () = closing.cancelled() => break,
                told = changed.changed() => if told.is_err() { break },
                () = self.rivals.found() => {}
                _ = look.tick() => {
                    self.listing.forget();
                    self.look_at_pools().await;
                }
            }
        }
        let port = self.desk.port.write().await.take();
        if let Some(port) = port {
            port.close().await;
        }
    }

    /// Makes everything as the records, the interfaces and other servers say at this moment.
    async fn renew(&mut self) {
        self.begin_anew_after_a_fault().await;
        let view = self.views.now();
        let listed = match self.listing.of(&view) {
            Ok(listed) => listed,
            Err(error) => {
                tracing::error!(%error, "the system does not tell its interfaces and routes: DHCP is served as before");
                return;
            }
        };
        let now = Instant::now();
        self.broken.retain(|_, (_, until)| *until > now);
        let mut plans: Vec<Plan<'_>> =
            view.networks().map(|network| self.plan(network, &listed.interfaces, &listed.routes)).collect();
        self.rivals.watch(now, watched(&plans).into_values());
        self.serve(&view, &mut plans, &listed.interfaces).await;
        let judged = plans.into_iter().map(|plan| {
            let Plan { network, standing, state, reason } = plan;
            let link = standing.as_ref().and_then(|standing| standing.link.as_ref());
            let seen =
                link.and_then(|link| self.rivals.seen(&link.name)).filter(|_| state != ServiceState::Off);
            let interfaces =
                standing.map(|standing| standing.heard_at.into_iter().collect()).unwrap_or_default();
            Judged { network, state, reason, interfaces, seen: seen.cloned() }
        });
        let drafts = self.desk.services.lock().put(clock::now(), judged.collect());
        self.note(drafts).await;
    }

    /// Lets go of a port whose thread has ended though nobody asked it to; what is stored is read again when it is opened.
    async fn begin_anew_after_a_fault(&mut self) {
        let ended = self.desk.port.write().await.take_if(|port| !port.is_serving());
        if let Some(port) = ended {
            tracing::error!("the thread of DHCP has ended by a fault of this program, and is started again");
            self.told = Told::default();
            port.close().await;
        }
    }

    /// What is to become of a network, as far as it follows from where it lies and who else answers there.
    fn plan<'a>(&self, network: &'a Network, interfaces: &[Interface], routes: &[Route]) -> Plan<'a> {
        let spec = &network.spec;
        let plan = |standing, state, reason| Plan { network, standing, state, reason };
        if spec.mode == DhcpMode::Off {
            return plan(None, ServiceState::Off, None);
        }
        let standing = match standing(spec, interfaces, routes) {
            Ok(standing) => standing,
            Err(reason) => return plan(None, ServiceState::Failed, Some(reason)),
        };
        let alone = matches!(spec.mode, DhcpMode::Full | DhcpMode::Reservations) && !spec.beside_others;
        let out_of_reach = standing.out_of_reach(spec);
        let Some(link) = standing.link.as_ref().filter(|_| alone) else {
            return plan(Some(standing), ServiceState::Served, out_of_reach);
        };
        let Some(seen) = self.rivals.seen(&link.name) else {
            let reason = format!("it is being looked whether another DHCP server answers at {}", link.name);
            return plan(Some(standing), ServiceState::Looking, Some(reason));
        };
        if let Some(other) = seen.givers().next() {
            let offered = other.offered.map(|offered| format!(", and offers {offered}")).unwrap_or_default();
            let reason = format!(
                "another DHCP server, {}, answers at {}{offered}: two that give addresses on one network break it. Stop that one; or \
                 let this network be of mode `proxy`, where the other one gives the addresses; or give it `besideOthers: true`, if \
                 the two give different addresses to different machines",
                other.server, link.name
            );
            return plan(Some(standing), ServiceState::Foreign, Some(reason));
        }
        let unsure = seen.failed.as_ref().map(|error| {
            format!("whether another DHCP server answers at {} is not known: {error}", link.name)
        });
        plan(Some(standing), ServiceState::Served, unsure.or(out_of_reach))
    }

    /// Opens, changes or closes what is needed for the networks that can be served, and says of the others why not.
    async fn serve(&mut self, view: &View, plans: &mut [Plan<'_>], interfaces: &[Interface]) {
        loop {
            for plan in plans.iter_mut() {
                plan.avoid(&self.broken);
            }
            let wanted: BTreeSet<&String> = plans
                .iter()
                .filter(|plan| plan.state == ServiceState::Served)
                .flat_map(|plan| plan.standing.iter().flat_map(|standing| &standing.heard_at))
                .filter(|name| !self.broken.contains_key(*name))
                .collect();
            let wanted: Vec<Interface> =
                interfaces.iter().filter(|one| wanted.contains(&one.name)).cloned().collect();
            let subnets = subnets(view, plans);
            self.places.send_replace(Arc::new(self.placed(plans)));
            let Err(error) = self.apply(wanted, subnets).await else { return };
            match of_interface(&error) {
                Some(name) => {
                    let until = Instant::now() + LEFT_ALONE;
                    self.broken.insert(name.to_owned(), (chain(&error), until));
                }
                None => {
                    for plan in plans.iter_mut().filter(|plan| plan.state == ServiceState::Served) {
                        (plan.state, plan.reason) = (ServiceState::Failed, Some(chain(&error)));
                    }
                    self.places.send_replace(Arc::new(self.placed(plans)));
                    return;
                }
            }
        }
    }

    /// What packets meet of the networks. The options of one that has not changed are those that were made before.
    fn placed(&self, plans: &[Plan<'_>]) -> Places {
        let before = Arc::clone(&self.places.borrow());
        let place = |plan: &Plan<'_>| {
            let network = plan.network;
            let known = before.get(&id(network)).filter(|place| place.options.is_of(network));
            let options = known
                .map_or_else(|| Arc::new(NetworkOptions::of(network)), |place| Arc::clone(&place.options));
            let link = plan.standing.as_ref().and_then(|standing| standing.link.as_ref());
            let place = Place {
                network: network.metadata.name.clone(),
                link: link.map(|link| link.index),
                served: plan.state == ServiceState::Served,
                options,
            };
            (id(network), place)
        };
        plans.iter().map(place).collect()
    }

    async fn apply(&mut self, wanted: Vec<Interface>, subnets: Vec<Subnet>) -> Result<(), OpenError> {
        let names: Vec<String> = wanted.iter().map(|one| one.name.clone()).collect();
        let mut port = self.desk.port.write().await;
        let Some(open) = port.as_ref() else {
            if names.is_empty() {
                return Ok(());
            }
            let opened = self.open(names, subnets.clone()).await?;
            let Opened { port: open, recovered } = opened;
            *port = Some(open);
            drop(port);
            self.warn(&recovered);
            tracing::info!(leases = recovered.leases.len(), "DHCP is served");
            self.told = Told { interfaces: wanted, subnets };
            return Ok(());
        };
        // Counters of carriers come and go; what is served are addresses at interfaces.
        let same = |one: &Interface, other: &Interface| {
            (&one.name, one.index, one.mac, &one.addresses)
                == (&other.name, other.index, other.mac, &other.addresses)
        };
        let before = &self.told.interfaces;
        if before.len() != wanted.len() || !before.iter().zip(&wanted).all(|(one, other)| same(one, other)) {
            open.set_interfaces(&names).await?;
            self.told.interfaces = wanted;
        }
        if self.told.subnets != subnets {
            open.set_subnets(subnets.clone());
            self.told.subnets = subnets;
        }
        Ok(())
    }

    /// Opens the sockets and the lease file.
    async fn open(&self, interfaces: Vec<String>, subnets: Vec<Subnet>) -> Result<Opened, OpenError> {
        let config = DhcpConfig {
            interfaces,
            server: ServerConfig::default(),
            subnets,
            journal: self.journal.clone(),
            durability: self.durability,
        };
        let policy = BootPolicy {
            views: self.views.clone(),
            places: self.places.subscribe(),
            reception: Arc::clone(&self.reception),
        };
        let teller = Teller { reception: Arc::clone(&self.reception) };
        let told = move |event: &Event| teller.take(event);
        let opening = tokio::task::spawn_blocking(move || DhcpPort::open(config, policy, told)).await;
        opening.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(OpenError::System { what: "opening the sockets of DHCP".to_owned(), source })
        })
    }

    /// Says what it means that the lease file was not whole.
    fn warn(&self, recovered: &Recovered) {
        let file = self.journal.display();
        if recovered.torn > 0 {
            tracing::info!(
                %file, bytes = recovered.torn,
                "the lease file ended within a record, which was being written when the server was stopped: no client was told of \
                 that lease, and nothing is lost"
            );
        }
        if recovered.damaged > 0 {
            tracing::warn!(
                %file, lines = recovered.damaged,
                "the lease file has lines that are no records: the disk or a hand has changed it. The leases in them are not known, \
                 so that their addresses may be given to others; the file as it was lies beside, with `.damaged` at the end of its \
                 name. Look after the disk"
            );
        }
    }

    async fn look_at_pools(&mut self) {
        let pools = self.desk.pools(&self.views.now()).await;
        let drafts = self.pools.look(&pools);
        self.note(drafts).await;
    }

    async fn note(&self, drafts: Vec<EventDraft>) {
        if drafts.is_empty() {
            return;
        }
        let now = clock::now();
        let events = drafts.into_iter().map(|draft| (None::<Name>, now, draft)).collect();
        if let Err(error) = self.store.note_all(events).await {
            tracing::error!(error = %chain(&error), "it is not told how networks are served: the store failed");
        }
    }
}

impl Plan<'_> {
    /// A network of which no interface can be served is not served.
    fn avoid(&mut self, broken: &BTreeMap<String, (String, Instant)>) {
        if self.state != ServiceState::Served {
            return;
        }
        let heard_at = self.standing.iter().flat_map(|standing| &standing.heard_at);
        let (failing, working): (Vec<&String>, Vec<&String>) =
            heard_at.partition(|name| broken.contains_key(*name));
        let reason = failing.first().and_then(|name| broken.get(*name)).map(|(reason, _)| reason.clone());
        if working.is_empty() {
            self.state = ServiceState::Failed;
        }
        if reason.is_some() {
            self.reason = reason;
        }
    }
}

/// The interfaces that are looked at for other servers.
fn watched<'a>(plans: &'a [Plan<'_>]) -> BTreeMap<&'a str, Watched<'a>> {
    let mut watched = BTreeMap::new();
    for plan in plans {
        let Some(link) = plan.standing.as_ref().and_then(|standing| standing.link.as_ref()) else { continue };
        let waits = plan.state == ServiceState::Foreign;
        let known = watched.entry(link.name.as_str()).or_insert(Watched {
            name: &link.name,
            index: link.index,
            is_running: link.is_running,
            waits,
        });
        known.waits |= waits;
    }
    watched
}

/// What the server is told of the networks. Of several at one interface the first is that of whoever is known by nothing
/// else: one that is served, and that this machine has an address in.
fn subnets(view: &View, plans: &[Plan<'_>]) -> Vec<Subnet> {
    let mut ordered: Vec<&Plan<'_>> = plans.iter().collect();
    let has_address = |plan: &Plan<'_>| plan.standing.as_ref().is_some_and(|standing| standing.has_address);
    ordered.sort_by_key(|plan| (plan.state != ServiceState::Served, !has_address(plan)));
    let told = |plan: &&Plan<'_>| {
        let link = plan.standing.as_ref().and_then(|standing| standing.link.as_ref());
        let served = plan.state == ServiceState::Served;
        let mode = if served { mode(plan.network.spec.mode) } else { Mode::Off };
        subnet(plan.network, view, link.map(|link| link.index), mode)
    };
    ordered.iter().map(told).collect()
}

/// The interface whose fault an error is; none where all are concerned.
fn of_interface(error: &OpenError) -> Option<&str> {
    match error {
        OpenError::NoInterface { name, .. } | OpenError::NoAddress(name) => Some(name),
        OpenError::PortTaken { interface, .. } => Some(interface),
        OpenError::NotPermitted { .. } | OpenError::System { .. } | OpenError::Journal(_) => None,
    }
}
