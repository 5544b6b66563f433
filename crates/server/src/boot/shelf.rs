//! Everything that machines read: loaders, scripts and answer files written from the records of the moment, files of media,
//! and the files of the folder.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{BootArchitecture, BootState, Machine, Timestamp};
use ironhand_boot_port::http::media_type;
use ironhand_boot_port::{Body, Content, Question, Refusal, Service, Shelf, Transfer, TransferEnd};
use ironhand_model::boot::{Client, Decision, HostRecord, Intent, Located, Page, Text, View, said};
use ironhand_model::{BootAbout, BootSeen, BootSighting};
use sha2::{Digest, Sha256};
use tokio_util::bytes::Bytes;

use super::folder::Folder;
use super::ground::{Place, Places};
use super::known::KnownHosts;
use super::media::Library;
use super::progress::{Arrived, Deployed, Outcome, Progress};
use super::seats::{Seat, Seats};
use super::stage::{is_same, stage};
use super::watch::{BootWatch, Note};
use crate::clock;
use crate::template::BootTemplates;
use crate::views::Views;

/// When to ask again where it is not known yet what there is.
const SOON: Duration = Duration::from_secs(1);

/// What is left of a path with what a machine says of itself in it.
const SCRIPT: &str = "boot.ipxe";

/// What machines are answered from, and who is told what they read.
pub(super) struct LiveShelf {
    pub(super) views: Views,
    pub(super) media: Arc<Library>,
    pub(super) folder: Folder,
    pub(super) places: Arc<Places>,
    pub(super) seats: Arc<Seats>,
    pub(super) known: Arc<KnownHosts>,
    pub(super) watch: BootWatch,
    pub(super) progress: Arc<Progress>,
}

impl Shelf for LiveShelf {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        let places = self.places.now().ok_or(Refusal::Busy(SOON))?;
        let view = self.views.now();
        let address = question.client.ip().to_canonical();
        let located = view.locate(question.path, question.query);
        // Machines say what they are to scripts of people too.
        let is_asking = matches!(&located, Some(Located { page: Page::Script | Page::GrubAgain, .. }));
        if let Some(query) = question.query.filter(|_| !is_asking) {
            self.hear(&view, said(query), address, question.path, None);
        }
        let found = match located {
            Some(Located { page: Page::Loader(path), .. }) => match places.get(&path) {
                Some(Place::Media(name, from)) => self.media.find(&format!("{name}/{from}")).map(|content| {
                    // The type is that of the name it is asked for by.
                    Content { media_type: media_type(&path).into(), ..content }
                }),
                Some(Place::Folder) => self.folder.find(&path),
                None => None,
            },
            Some(Located { page: Page::RaspberryPi(path), .. }) => {
                self.folder.find(question.path).or_else(|| self.folder.find(&path))
            }
            Some(Located { page: Page::Media { media, path }, .. }) => {
                self.media.find(&format!("{media}/{path}"))
            }
            Some(Located { page, client }) => self.page(&view, &page, client, address, question.path)?,
            None => None,
        };
        found.or_else(|| self.folder.find(question.path)).ok_or(Refusal::NotFound)
    }

    fn note(&self, transfer: &Transfer) {
        let failed = match &transfer.end {
            TransferEnd::Done => None,
            TransferEnd::SizeOnly => return,
            TransferEnd::Refused(refusal) => Some(refusal.to_string()),
            TransferEnd::Broken(words) => Some(format!("broken off: {words}")),
        };
        let (at, address) = (clock::now(), transfer.client.ip().to_canonical());
        let view = self.views.now();
        let seat = self.seats.get(address);
        let host = host_at(&view, seat.as_deref(), address);
        let page = view.locate(&transfer.path, None).map(|located| located.page);
        let deployment = host.and_then(|host| view.deployment(&host.name));
        let profile = deployment.and_then(|deployment| view.profile(&deployment.spec.profile));
        let stage = stage(page.as_ref(), &transfer.path, profile.map(|profile| &profile.spec));
        let mac =
            seat.as_deref().and_then(Seat::mac).or_else(|| host.and_then(|host| host.macs.first().copied()));
        let known = host.map(|host| host.name.clone()).or_else(|| self.known.host(mac?));
        let network = view.network_around(address);
        let about = BootAbout {
            host: known,
            network: network.map(|network| network.metadata.name.clone()),
            ..BootAbout::default()
        };
        let broken = failed.is_some();
        let seen = BootSeen::Read {
            // What is not there was not read as what it might have been.
            stage: if transfer.end == TransferEnd::Refused(Refusal::NotFound) {
                ironhand_api::BootStage::File
            } else {
                stage
            },
            path: shown(&transfer.path).to_owned(),
            by: match transfer.service {
                Service::Tftp => "tftp",
                Service::Http => "http",
            },
            bytes: transfer.bytes,
            took: transfer.took,
            failed,
            absent: transfer.end == TransferEnd::Refused(Refusal::NotFound),
        };
        let sighting = |seen| BootSighting { at, mac, address: Some(address), about: about.clone(), seen };
        self.watch.note(Note::Sighting(sighting(seen)));
        if !broken && let Some((state, what)) = self.progress.sent(address, &transfer.path, at) {
            self.watch.note(Note::Sighting(sighting(BootSeen::Told { state, what })));
        }
        if let (Some(Page::Media { media, path }), Some(deployment)) = (page, deployment) {
            let path = format!("media/{media}/{path}");
            let last = view.last_fetched(&deployment.spec.profile);
            if last.is_some_and(|last| is_same(&last, &path))
                && let Some(length) =
                    self.media.find(&path["media/".len()..]).map(|content| content.body.len())
            {
                let bytes = transfer.first..transfer.first.saturating_add(transfer.bytes);
                let part = Arrived { bytes, length, broken };
                self.progress.arrived(address, path.to_lowercase(), &part, deployed(deployment));
            }
        }
    }
}

impl LiveShelf {
    /// A page that is written the moment that it is asked for; nothing where nobody described the network.
    fn page(
        &self,
        view: &View,
        page: &Page,
        mut client: Client,
        address: IpAddr,
        path: &str,
    ) -> Result<Option<Content>, Refusal> {
        let seat = self.seats.get(address);
        complete(view, page, &mut client, seat.as_deref(), address);
        let now = clock::now();
        let host = view.recognise(&client).map(|(host, _)| Arc::clone(host));
        if let Some(host) = &host {
            client.session.script_to = self.progress.rival(&host.name, now);
        }
        let text = view.text(page, &client, &BootTemplates).map_err(|fault| {
            let of = host.as_ref().map(|host| format!(" of Host {}", host.name)).unwrap_or_default();
            Refusal::Forbidden(format!("a template in the file{of} fails: {fault}"))
        })?;
        let Some(text) = text else {
            if matches!(page, Page::Script | Page::GrubAgain) {
                self.hear(view, client, address, path, None);
            }
            return Ok(None);
        };
        if let Some(decision) = &text.decision {
            self.hear(view, client, address, path, Some((decision, text.fault.as_deref())));
        }
        Ok(Some(content(text)))
    }

    /// Takes note of what a machine says of itself, and of what it is told.
    fn hear(
        &self,
        view: &View,
        client: Client,
        address: IpAddr,
        path: &str,
        decided: Option<(&Decision, Option<&str>)>,
    ) {
        let Some(mac) = client.mac() else { return };
        let seat = Seat {
            macs: client.macs.clone(),
            uuid: client.uuid,
            network: client.network.clone(),
            architecture: client.architecture,
        };
        self.seats.put(address, seat);
        let now = clock::now();
        let outcome = decided.and_then(|(decision, fault)| outcome(view, decision, fault));
        self.progress.asked(address, Some(mac), path, outcome);
        let is_host = view.recognise(&client).is_some()
            || client.macs.iter().any(|mac| self.known.host(*mac).is_some());
        if !is_host {
            let told = decided.map(|(decision, fault)| told(decision, fault));
            let machine = machine(client, mac, address, told, now);
            self.watch.note(Note::Machine(Box::new(machine)));
        }
    }
}

/// The host at an address: the machine that said it is there, else the one that the address is kept for.
fn host_at<'v>(view: &'v View, seat: Option<&Seat>, address: IpAddr) -> Option<&'v HostRecord> {
    let Some(seat) = seat else { return view.holder(address.to_canonical()).map(|host| &**host) };
    let client = Client { macs: seat.macs.clone(), uuid: seat.uuid, ..Client::default() };
    view.recognise(&client).map(|(host, _)| &**host)
}

/// Adds to what a path and a query say what is known of who asks.
fn complete(view: &View, page: &Page, client: &mut Client, seat: Option<&Seat>, address: IpAddr) {
    let told = Seat { macs: client.macs.clone(), ..Seat::default() };
    if let Some(seat) = seat.filter(|seat| client.macs.is_empty() || seat.is_of(&told)) {
        if client.macs.is_empty() {
            client.macs.clone_from(&seat.macs);
        }
        client.uuid = client.uuid.or(seat.uuid);
        client.architecture = client.architecture.or(seat.architecture);
        client.network.clone_from(&seat.network);
    }
    client.address = client.address.or(Some(address));
    client.ipv6 = address.is_ipv6();
    if let Some(network) = view.network_around(address) {
        client.network = Some(network.metadata.name.clone());
    }
    // Who shows the token of a file may have gone to another network meanwhile, which nobody needs to describe.
    if client.network.is_none() && matches!(page, Page::File { .. }) {
        let kept = view.recognise(client).and_then(|(host, _)| view.network_of(host.boot.address?));
        let mut all = view.networks();
        let only = all.next().filter(|_| all.next().is_none());
        client.network = kept.or(only).map(|network| network.metadata.name.clone());
    }
}

/// What a script does that was decided on.
fn outcome(view: &View, decision: &Decision, fault: Option<&str>) -> Option<Outcome> {
    let reason = || decision.reason.clone();
    let dismissed = |what: &str| Some(Outcome::Told(BootState::Dismissed, format!("{what}: {}", reason())));
    if let Some(fault) = fault {
        return Some(Outcome::Told(BootState::Refused, fault.to_owned()));
    }
    match &decision.intent {
        Intent::Boot { deployment, .. } => {
            let host = decision.host.as_ref().filter(|_| deployment.is_some())?;
            Some(Outcome::Boots(deployed(view.deployment(host)?)))
        }
        Intent::LocalDisk => dismissed("boots from its disk"),
        Intent::Menu | Intent::Wait => dismissed("waits"),
        Intent::PowerOff => dismissed("switches itself off"),
        Intent::Hold | Intent::Refuse | Intent::Ignore | Intent::None => {
            Some(Outcome::Told(BootState::Refused, reason()))
        }
    }
}

/// What a machine was told, in words.
fn told(decision: &Decision, fault: Option<&str>) -> String {
    match &decision.intent {
        _ if fault.is_some() => "wait".to_owned(),
        Intent::Boot { profile, .. } => format!("boot profile {profile}"),
        Intent::LocalDisk => "boot from its disk".to_owned(),
        Intent::Menu | Intent::Wait | Intent::Hold => "wait".to_owned(),
        Intent::PowerOff => "power off".to_owned(),
        Intent::Refuse | Intent::Ignore | Intent::None => "nothing".to_owned(),
    }
}

fn deployed(deployment: &ironhand_api::Deployment) -> Deployed {
    Deployed {
        deployment: deployment.metadata.name.clone(),
        version: deployment.metadata.resource_version.unwrap_or_default(),
        host: deployment.spec.host.clone(),
    }
}

/// A machine that nobody described, as it says of itself.
fn machine(
    client: Client,
    mac: ironhand_api::MacAddress,
    address: IpAddr,
    told: Option<String>,
    now: Timestamp,
) -> Machine {
    let architecture = client.firmware().map(BootArchitecture::words);
    Machine {
        uuid: client.telling_uuid().map(|uuid| uuid.to_string()),
        other_macs: client.macs.into_iter().filter(|other| *other != mac).collect(),
        serial: client.serial,
        manufacturer: client.manufacturer,
        product: client.product,
        asset: client.asset,
        architecture,
        network: client.network,
        address: Some(address),
        told,
        ..Machine::new(mac, now)
    }
}

/// A text, as it is served: with a validator that is another one for other bytes.
fn content(text: Text) -> Content {
    let digest = Sha256::digest(text.text.as_bytes());
    Content {
        etag: digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        modified: None,
        // It stands in the head of the answer, whatever the profile says.
        media_type: match text.media_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            true => text.media_type.into(),
            false => "application/octet-stream".into(),
        },
        body: Body::Bytes(Bytes::from(text.text)),
    }
}

/// A path without what a machine says of itself in it.
fn shown(path: &str) -> &str {
    match path.find("boot.ipxe/") {
        Some(at) => &path[..at + SCRIPT.len()],
        None => path,
    }
}
