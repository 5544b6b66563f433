//! A boot server on a machine of a test: our DHCP, TFTP and HTTP, with a policy so small that a test can say all of it.
//!
//! It judges how the protocols meet strangers' firmware and clients. What `ironhand serve` decides is judged elsewhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ironhand_boot_port::dhcp::{DhcpConfig, DhcpPort, Opened};
use ironhand_boot_port::http::{HttpConfig, HttpListener, media_type};
use ironhand_boot_port::journal::Durability;
use ironhand_boot_port::{
    Body, Content, Part, Question, Refusal, Service, Shelf, TftpConfig, TftpPort, Transfer, TransferEnd,
};
use ironhand_dhcp::{
    Answer, Boot, BootStyle, Choice, Client, ClientKind, Mode, OptionSet, Options, Policy, ServerConfig,
    Subnet, SubnetId, Terms,
};

use crate::Party;

/// The port of the station's HTTP.
const HTTP_PORT: u16 = 8480;

/// What a station gives to whom.
pub struct Offer {
    /// The subnets: the first is that of the station's address.
    pub subnets: Vec<Subnet>,
    /// Options beside those of the protocol.
    pub options: Options,
    /// How long a lease lasts.
    pub lease: Duration,
    /// What firmware boots that asks by PXE: a path.
    pub pxe: &'static str,
    /// What firmware boots that asks by HTTP: a path, which is told as a URL.
    pub http: &'static str,
    /// What iPXE boots: a path, which is told as a URL.
    pub ipxe: &'static str,
}

impl Offer {
    /// Addresses 100 to 199 of `network`/24, for a minute.
    pub fn full(network: Ipv4Addr) -> Self {
        let [a, b, c, _] = network.octets();
        let at = |last: u8| Ipv4Addr::new(a, b, c, last);
        let subnet = Subnet {
            id: SubnetId(1),
            network,
            prefix: 24,
            interface: None,
            relays: Vec::new(),
            pools: vec![at(100)..=at(199)],
            excluded: Vec::new(),
            mode: Mode::Full,
            authoritative: true,
            probe: true,
        };
        let (options, lease) = (Options::new(), Duration::from_secs(60));
        Self { subnets: vec![subnet], options, lease, pxe: "", http: "", ipxe: "" }
    }

    /// Boot options alone, beside the server that gives the addresses of `network`/24.
    pub fn proxy(network: Ipv4Addr) -> Self {
        let mut offer = Self::full(network);
        offer.subnets[0].pools.clear();
        offer.subnets[0].mode = Mode::Proxy;
        offer
    }
}

/// The offer of a station at an address.
struct OfferAt {
    offer: Offer,
    options: Arc<Options>,
    address: Ipv4Addr,
}

impl Policy for OfferAt {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let url = |path: &str| format!("http://{}:{HTTP_PORT}/{path}", self.address);
        let file = match client.kind {
            ClientKind::PxeFirmware => self.offer.pxe.to_owned(),
            ClientKind::HttpFirmware => url(self.offer.http),
            ClientKind::Ipxe(_) => url(self.offer.ipxe),
            ClientKind::Other => String::new(),
        };
        let boot = (!file.is_empty() && !file.ends_with('/')).then(|| Boot {
            next_server: self.address,
            file: file.into(),
            server_name: None,
            style: BootStyle::ByClient,
        });
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: Choice::Pool,
            lease: self.offer.lease,
            options: Arc::clone(&self.options),
            always: OptionSet::default(),
            boot,
        })
    }
}

/// The files of a station, and what became of them.
#[derive(Default)]
pub struct Files {
    contents: BTreeMap<String, Body>,
    sent: Mutex<Vec<(Service, String, TransferEnd)>>,
}

impl Files {
    /// Adds what a test wrote.
    pub fn text(mut self, path: &str, text: &str) -> Self {
        self.contents.insert(path.to_owned(), Body::Bytes(text.to_owned().into()));
        self
    }

    /// Adds a file of the disk.
    pub fn file(mut self, path: &str, file: &Path) -> Self {
        let open = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let length = open.metadata().expect("a file has a length").len();
        let parts = Arc::from([Part { offset: 0, length }]);
        self.contents.insert(path.to_owned(), Body::File { file: Arc::new(open), parts });
        self
    }

    fn sent(&self) -> MutexGuard<'_, Vec<(Service, String, TransferEnd)>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for Files {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        let body = self.contents.get(question.path).cloned().ok_or(Refusal::NotFound)?;
        // No content of these tests changes.
        let etag = question.path.replace('/', "-");
        Ok(Content { body, media_type: media_type(question.path).into(), etag, modified: None })
    }

    fn note(&self, transfer: &Transfer) {
        self.sent().push((transfer.service, transfer.path.clone(), transfer.end.clone()));
    }
}

/// A boot server at work, stopped when dropped.
pub struct Station {
    files: Arc<Files>,
    _dhcp: DhcpPort,
    /// The lease file.
    _leases: tempfile::TempDir,
    _tftp: TftpPort,
    _http: HttpListener,
}

impl Station {
    /// Starts one on `party`, at this address of its interface `eth0`.
    pub fn start(party: &Party, address: Ipv4Addr, offer: Offer, files: Files) -> Self {
        let files = Arc::new(files);
        let shelf: Arc<dyn Shelf> = Arc::clone(&files) as _;
        let leases = tempfile::tempdir().expect("a temporary folder");
        let config = DhcpConfig {
            interfaces: vec!["eth0".to_owned()],
            server: ServerConfig::default(),
            subnets: offer.subnets.clone(),
            journal: leases.path().join("leases"),
            durability: Durability::Sync,
        };
        let policy = OfferAt { options: Arc::new(offer.options.clone()), offer, address };
        let (dhcp, tftp, http) = party.inside(|| {
            let Opened { port: dhcp, .. } =
                DhcpPort::open(config, policy, |_| ()).expect("ports 67 and 4011 are free here");
            let tftp =
                TftpPort::open(&TftpConfig::default(), Arc::clone(&shelf)).expect("port 69 is free here");
            let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, HTTP_PORT));
            (dhcp, tftp, HttpListener::open(at, HttpConfig::default(), shelf).expect("the port is free here"))
        });
        Self { files, _dhcp: dhcp, _leases: leases, _tftp: tftp, _http: http }
    }

    /// This must have been sent whole, by this protocol.
    pub fn has_sent(&self, service: Service, path: &str) {
        let sent = self.files.sent();
        assert!(
            sent.iter().any(|end| end.0 == service && end.1 == path && end.2 == TransferEnd::Done),
            "{path} by {service:?}: {sent:#?}"
        );
    }
}
