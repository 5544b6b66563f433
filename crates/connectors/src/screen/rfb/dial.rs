//! Ways to a remote framebuffer: TCP, TLS, WebSockets.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use ironhand_api::{Connector, KvmOptions, KvmProtocol, RedfishOptions, Tls, VncOptions, Way};
use ironhand_rfb::Protection;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant as Moment, timeout};

use crate::amt::console::{self, Redirected};
use crate::http::Opening;
use crate::{
    Device, Error, HttpClient, HttpLimits, HttpRequest, Login, PathHealth, Proof, RedfishDevice, Route,
    Stream, Surroundings, Taken, TlsClient, connect,
};

/// How long a server that shall speak TLS may take to say that it begins without it: one that begins with TLS waits for
/// us to speak first.
const GREETING: Duration = Duration::from_secs(3);

/// A connection that the protocol begins on.
pub(super) struct Dialled {
    pub(super) stream: Stream,
    /// What was read already.
    pub(super) begun: Vec<u8>,
    pub(super) taken: Taken,
    pub(super) protection: Protection,
    /// How the server proves who it is, where TLS is to begin within the protocol.
    pub(super) tls: Option<TlsClient>,
    /// What is to be done when the connection is over; there where a controller's login stands before it.
    pub(super) leave: Option<BoxFuture<'static, ()>>,
}

/// Connects over the first address that works.
pub(super) async fn dial(
    connector: &Connector,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Dialled, Error> {
    match &connector.way {
        Way::Vnc(VncOptions { tls, path: Some(path), .. }) => {
            websocket(connector, tls.as_ref().unwrap_or(&Tls::Off), path, surroundings).await
        }
        Way::Vnc(VncOptions { tls, path: None, .. }) => match tls.as_ref().filter(|tls| !tls.is_off()) {
            Some(tls) => {
                let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
                encrypted(connector, TlsClient::new(proof), surroundings).await
            }
            None => {
                let (stream, taken) = connected(connector, surroundings).await?;
                Ok(Dialled::new(stream, taken, Protection::Nothing))
            }
        },
        Way::Kvm(KvmOptions { protocol: KvmProtocol::Openbmc, tls }) => {
            let options = RedfishOptions { tls: tls.clone(), ..RedfishOptions::default() };
            let controller = RedfishDevice::open(connector, &options, login, surroundings)?;
            let opened = controller.open_console().await;
            match opened {
                Ok((stream, taken)) => {
                    let mut dialled = Dialled::new(stream, taken, protection(tls));
                    dialled.leave = Some(Box::new(controller).close());
                    Ok(dialled)
                }
                Err(error) => {
                    Box::new(controller).close().await;
                    Err(error)
                }
            }
        }
        Way::Amt(options) => {
            let (stream, taken, leave) =
                console::open(Redirected::Screen, connector, options, login, surroundings).await?;
            let dialled = Dialled::new(stream, taken, protection(&options.tls));
            Ok(Dialled { leave: Some(leave), ..dialled })
        }
        _ => Err(Error::Unsupported { what: "show a remote framebuffer".to_owned() }),
    }
}

impl Dialled {
    fn new(stream: Stream, taken: Taken, protection: Protection) -> Self {
        Self { stream, begun: Vec::new(), taken, protection, tls: None, leave: None }
    }
}

fn protection(tls: &Tls) -> Protection {
    if tls.is_off() { Protection::Nothing } else { Protection::Around }
}

/// Connects over the first address that works.
async fn connected(connector: &Connector, surroundings: &Surroundings) -> Result<(Stream, Taken), Error> {
    let route = Route::of(connector, surroundings.hop.clone())?;
    let health: &PathHealth = &surroundings.health;
    let addresses = u32::try_from(route.addresses.len()).unwrap_or(1);
    connect(&route, health, Moment::now() + surroundings.connect * addresses).await
}

/// Connects to a server that speaks TLS: within the protocol, where it speaks first, or around all of it.
async fn encrypted(
    connector: &Connector,
    tls: TlsClient,
    surroundings: &Surroundings,
) -> Result<Dialled, Error> {
    let (mut stream, taken) = connected(connector, surroundings).await?;
    let mut begun = vec![0; 12];
    match timeout(GREETING, stream.read(&mut begun)).await {
        Ok(Ok(length)) => {
            begun.truncate(length);
            let dialled = Dialled::new(stream, taken, Protection::Vencrypt);
            Ok(Dialled { begun, tls: Some(tls), ..dialled })
        }
        Ok(Err(error)) => Err(Error::Unreachable { address: taken.to_string(), reason: error.to_string() }),
        Err(_) => {
            let shaking = timeout(surroundings.connect, tls.connect(stream, &taken)).await;
            let silent = |_| Error::Silent { address: taken.to_string(), after: surroundings.connect };
            let stream = shaking.map_err(silent)??;
            Ok(Dialled::new(stream, taken, Protection::Around))
        }
    }
}

/// Connects to a server behind a WebSocket.
async fn websocket(
    connector: &Connector,
    tls: &Tls,
    path: &str,
    surroundings: &Surroundings,
) -> Result<Dialled, Error> {
    let mut route = Route::of(connector, surroundings.hop.clone())?;
    if connector.port.is_none() {
        route.port = if tls.is_off() { 80 } else { 443 };
    }
    let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
    let limits = HttpLimits { connect: surroundings.connect, ..HttpLimits::default() };
    let client = HttpClient::new(route, proof, limits).with_health(surroundings.health.clone());
    // What proxies between WebSockets and TCP want to be asked for.
    let binary = HeaderValue::from_static("binary");
    let request = HttpRequest::get(path).header(SEC_WEBSOCKET_PROTOCOL, binary);
    match client.websocket_stream(request).await? {
        Opening::Open(stream, taken) => Ok(Dialled::new(stream, taken, protection(tls))),
        Opening::Answer(answer) => {
            let status = answer.status;
            Err(Error::Refused { reason: format!("HTTP status {status} where a WebSocket was asked for") })
        }
    }
}
