//! What web servers tell to anybody.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use ironhand_connectors::{
    Authorization, Error, HttpClient, HttpLimits, HttpRequest, HttpResponse, Proof, Route, Taken, look,
};
use ironhand_redfish::{ROOT, Resource, Vendor};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{CONNECT, Depth, Probe, SERVICE_PORTS, asked, old_tls};
use crate::descriptor::worth_asking;
use crate::{Asked, Certificate, Descriptor, Gathered, Maker, Tls};

/// How long a TLS handshake may take: slow controllers take seconds for their arithmetic.
const HANDSHAKE: Duration = Duration::from_secs(8);

/// The longest answer that is read, in bytes: a service root takes four thousand.
const LONGEST_ANSWER: usize = 128 << 10;

/// The longest name of a web server that is taken, in characters.
const LONGEST_NAME: usize = 80;

/// How AMT begins the name of its web server.
const AMT: &str = "Intel(R) Active Management Technology";

/// Collections that no service shows without a login (DSP0266 section 13.2.3), by their links in the service root.
const PROTECTED: [&str; 5] = ["Systems", "Managers", "Chassis", "AccountService", "SessionService"];

/// What web servers told.
#[derive(Default)]
pub(super) struct Seen {
    asked: Vec<Asked>,
    open_ports: Vec<u16>,
    tls: Option<Tls>,
    /// The SHA-256 digest of the certificate that was shown.
    digest: Option<[u8; 32]>,
    redfish: Option<Value>,
    is_plain: bool,
    server: Option<String>,
    descriptors: Vec<Descriptor>,
    amt: Option<String>,
    unprotected: Vec<String>,
}

impl Seen {
    pub(super) fn fill(self, gathered: &mut Gathered) {
        gathered.asked.extend(self.asked);
        gathered.open_ports = self.open_ports;
        gathered.tls = self.tls;
        gathered.redfish = self.redfish;
        gathered.redfish_is_plain = self.is_plain;
        gathered.server = self.server;
        gathered.descriptors = self.descriptors;
        gathered.amt = self.amt;
        gathered.unprotected = self.unprotected;
    }
}

/// Asks the web servers of an address.
pub(super) async fn ask(probe: &Probe, address: IpAddr) -> Seen {
    let mut seen = Seen::default();
    let ports = probe.ports;
    let services = SERVICE_PORTS.iter().copied().filter(|_| probe.depth == Depth::Check);
    let mut wanted: Vec<u16> = [ports.https, ports.http, ports.amt].into_iter().chain(services).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let tried = join_all(wanted.iter().map(|port| reach(address, *port))).await;
    for (port, (asked, stream)) in wanted.into_iter().zip(tried) {
        let explained = [ports.https, ports.http, ports.amt].contains(&port);
        if stream.is_some() {
            seen.open_ports.push(port);
        }
        if explained || stream.is_some() {
            seen.asked.push(asked);
        }
        match stream {
            Some(stream) if port == ports.https => seen.shake_hands(address, port, stream).await,
            _ => {}
        }
    }
    if probe.depth == Depth::Check && seen.tls.is_some() {
        let old = old_tls::accepted(address, ports.https).await;
        seen.note_old_tls(old);
    }
    if let Some(client) = seen.client(address, ports.https, ports.http) {
        seen.ask_web(&client, probe.depth).await;
        client.close().await;
    }
    if seen.open_ports.contains(&ports.amt) {
        seen.ask_amt(address, ports.amt).await;
    }
    seen
}

async fn reach(address: IpAddr, port: u16) -> (Asked, Option<TcpStream>) {
    let since = Instant::now();
    let (answer, stream) = match timeout(CONNECT, TcpStream::connect((address, port))).await {
        Ok(Ok(stream)) => ("open".to_owned(), Some(stream)),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            ("refused: nothing listens there".to_owned(), None)
        }
        Ok(Err(error)) => (format!("no connection: {error}"), None),
        Err(_) => ("nothing".to_owned(), None),
    };
    (asked(format!("connection to TCP port {port}"), answer, since), stream)
}

impl Seen {
    async fn shake_hands(&mut self, address: IpAddr, port: u16, stream: TcpStream) {
        let since = Instant::now();
        let taken = Taken { address: address.to_string(), port };
        let shown = timeout(HANDSHAKE, look(Box::new(stream), &taken)).await;
        let answer = match shown {
            Ok(Ok(shown)) => {
                self.digest = Some(Sha256::digest(&shown.certificate).into());
                let certificate = Certificate::read(&shown.certificate);
                let issuer = certificate
                    .as_ref()
                    .and_then(|read| read.issuer_organization.clone().or_else(|| read.issuer.clone()));
                let answer = match issuer {
                    Some(issuer) => format!("{}, certificate issued by {issuer:?}", shown.version),
                    None => shown.version.to_owned(),
                };
                self.tls = Some(Tls { port, version: Some(shown.version), certificate, old_versions: None });
                answer
            }
            Ok(Err(error)) => {
                // It speaks something like TLS, though nothing that is still safe.
                if matches!(error, Error::Tls { .. }) {
                    self.tls = Some(Tls { port, version: None, certificate: None, old_versions: None });
                }
                error.to_string()
            }
            Err(_) => format!("not done within {} s", HANDSHAKE.as_secs()),
        };
        self.asked.push(asked(format!("TLS handshake, TCP port {port}"), answer, since));
    }

    fn note_old_tls(&mut self, old: Vec<&'static str>) {
        if let Some(tls) = &mut self.tls {
            tls.old_versions = Some(old);
        }
    }

    /// Who the questions over HTTP go to: over TLS where that works, else in plain.
    fn client(&mut self, address: IpAddr, https: u16, http: u16) -> Option<HttpClient> {
        let limits = HttpLimits {
            in_flight: 1,
            connect: HANDSHAKE,
            answer: Duration::from_secs(8),
            total: Duration::from_secs(12),
            body: LONGEST_ANSWER,
        };
        let (port, proof) = match self.digest {
            // What was shown a moment ago must be shown again; nothing secret is sent.
            Some(digest) => (https, Proof::Certificate(digest)),
            None if self.open_ports.contains(&http) => (http, Proof::Off),
            None => return None,
        };
        self.is_plain = matches!(proof, Proof::Off);
        Some(HttpClient::new(Route::direct(address.to_string(), port), proof, limits))
    }

    async fn ask_web(&mut self, client: &HttpClient, depth: Depth) {
        let what = "service root of Redfish";
        let answered = self.get(client, what, ROOT, |response| {
            let value = redfish_root(response)?;
            Some((format!("Redfish {}", value["RedfishVersion"].as_str().unwrap_or("of no version")), value))
        });
        self.redfish = answered.await;
        let maker = self.redfish.clone().and_then(|value| {
            let root = Resource { path: ROOT.to_owned(), etag: None, value };
            let vendor = ironhand_redfish::identify(&root, None, None).vendor;
            (vendor != Vendor::Generic).then_some(Maker::Redfish(vendor))
        });
        let maker = maker.filter(|_| depth != Depth::Explain);
        for kind in worth_asking(maker) {
            let answered = self.get(client, kind.name(), kind.path(), |response| {
                let read = kind.read(&response.body).filter(|_| response.status == 200)?;
                Some((read.product.clone().unwrap_or_else(|| read.maker.to_string()), read))
            });
            let Some(read) = answered.await else { continue };
            self.descriptors.push(read);
            if depth == Depth::Find {
                break;
            }
        }
        if depth == Depth::Check {
            self.ask_protected(client).await;
        }
    }

    /// Asks for what needs a login, without one.
    async fn ask_protected(&mut self, client: &HttpClient) {
        let Some(value) = self.redfish.clone() else { return };
        let root = Resource { path: ROOT.to_owned(), etag: None, value };
        for name in PROTECTED {
            let Some(path) = root.link(&[name]) else { continue };
            let what = format!("{name} of Redfish without a login");
            let shown = self.get(client, &what, path, |response| {
                let open = response.status == 200 && serde_json::from_slice::<Value>(&response.body).is_ok();
                open.then(|| ("shown".to_owned(), ()))
            });
            if shown.await.is_some() {
                self.unprotected.push(path.chars().take(LONGEST_NAME).collect());
            }
        }
    }

    async fn ask_amt(&mut self, address: IpAddr, port: u16) {
        let limits =
            HttpLimits { in_flight: 1, connect: CONNECT, body: LONGEST_ANSWER, ..HttpLimits::default() };
        let limits = HttpLimits { answer: Duration::from_secs(8), total: Duration::from_secs(12), ..limits };
        let client = HttpClient::new(Route::direct(address.to_string(), port), Proof::Off, limits);
        let server = self.server.take();
        let version = self.get(&client, "web server of Intel AMT", "/", |response| {
            let version = amt_version(&name(response)?)?;
            Some((format!("AMT {version}"), version))
        });
        self.amt = version.await;
        self.server = server;
        client.close().await;
    }

    /// Asks for a path, and notes what came of it.
    async fn get<T>(
        &mut self,
        client: &HttpClient,
        what: &str,
        path: &str,
        read: impl FnOnce(&HttpResponse) -> Option<(String, T)>,
    ) -> Option<T> {
        let since = Instant::now();
        let request = HttpRequest::get(path).authorization(Authorization::None);
        let question = format!("{what}, GET {path}");
        let response = match client.send(&request).await {
            Ok(response) => response,
            Err(error) => {
                self.asked.push(asked(question, error.to_string(), since));
                return None;
            }
        };
        self.server = self.server.take().or_else(|| name(&response));
        let (answer, value) = match read(&response) {
            Some((answer, value)) => (answer, Some(value)),
            None => (format!("status {}, and no such thing", response.status), None),
        };
        self.asked.push(asked(question, answer, since));
        value
    }
}

/// How a web server names itself.
fn name(response: &HttpResponse) -> Option<String> {
    let name = response.headers.get("server")?.to_str().ok()?.trim();
    (!name.is_empty()).then(|| name.chars().take(LONGEST_NAME).collect())
}

/// The version in the name of AMT's web server.
fn amt_version(server: &str) -> Option<String> {
    let version = server.strip_prefix(AMT)?.trim();
    let numbers =
        !version.is_empty() && version.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    numbers.then(|| version.to_owned())
}

/// A service root: other web servers answer every path with a page of their own.
fn redfish_root(response: &HttpResponse) -> Option<Value> {
    let value: Value = serde_json::from_slice(&response.body).ok().filter(|_| response.status == 200)?;
    let kind = value["@odata.type"].as_str().is_some_and(|kind| kind.starts_with("#ServiceRoot."));
    (kind || value["RedfishVersion"].is_string()).then_some(value)
}
