//! The web side: WebSockets, and what OpenBMC wants to see before it opens one.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderName, HeaderValue, LOCATION, UPGRADE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_util::sync::CancellationToken;

use super::{Before, State};
use crate::controller::random_challenge;
use crate::kvm_unit::websocket;
use crate::viewer::Wire;

/// Where OpenBMC makes sessions.
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// Bytes that one message carries at most.
const MESSAGE: usize = 16 * 1024;

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve(
    stream: Box<dyn Wire>,
    state: &Arc<State>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let service = service_fn(|request| {
        let (state, stop) = (Arc::clone(state), stop.clone());
        async move { Ok::<_, Infallible>(answer(request, state, stop).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

async fn answer(mut request: Request<Incoming>, state: Arc<State>, stop: CancellationToken) -> Answer {
    let upgrade = hyper::upgrade::on(&mut request);
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (protocol, token) = (header("sec-websocket-protocol"), header("x-auth-token"));
    let (key, origin) = (header("sec-websocket-key"), header("origin"));
    let known = |token: &Option<String>| token.as_ref().is_some_and(|token| state.sessions().contains(token));
    match (state.config.before, request.method().clone(), path.as_str()) {
        (Before::WebSocket, Method::GET, "/websockify") => {}
        // A page of somebody else is not to open consoles.
        (Before::Openbmc, Method::GET, "/kvm/0") if known(&protocol) && origin.is_some() => {}
        (Before::Openbmc, Method::GET, "/kvm/0") => return plain(StatusCode::UNAUTHORIZED),
        (Before::Openbmc, Method::GET, "/redfish/v1") => {
            let sessions = json!({ "@odata.id": SESSIONS });
            return json(StatusCode::OK, &json!({ "Links": { "Sessions": sessions } }));
        }
        (Before::Openbmc, Method::POST, SESSIONS) => return log_in(request, &state).await,
        (Before::Openbmc, Method::DELETE, _) if known(&token) => {
            state.sessions().retain(|open| Some(open) != token.as_ref());
            return plain(StatusCode::NO_CONTENT);
        }
        _ => return plain(StatusCode::NOT_FOUND),
    }
    let Some(proof) = key.as_deref().and_then(websocket::proof) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let (near, far) = tokio::io::duplex(64 * 1024);
        let carried = carry(TokioIo::new(upgraded), far);
        let (shown, _) = tokio::join!(state.show(Box::new(near), &stop), carried);
        if let Err(error) = shown {
            tracing::debug!(%error, "a WebSocket to a simulated remote framebuffer ended");
        }
    }));
    let mut switching = plain(StatusCode::SWITCHING_PROTOCOLS);
    let headers = switching.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(HeaderName::from_static("sec-websocket-accept"), proof);
    if let Some(protocol) = protocol.and_then(|protocol| HeaderValue::try_from(protocol).ok()) {
        headers.insert(HeaderName::from_static("sec-websocket-protocol"), protocol);
    }
    switching
}

async fn log_in(request: Request<Incoming>, state: &State) -> Answer {
    let Ok(body) = request.into_body().collect().await else { return plain(StatusCode::BAD_REQUEST) };
    let asked: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    let password = state.config.password.as_ref().map(|password| password.expose_secret());
    if asked["UserName"].as_str() != state.config.user.as_deref() || asked["Password"].as_str() != password {
        return plain(StatusCode::UNAUTHORIZED);
    }
    let token = hex::encode(random_challenge());
    state.sessions().push(token.clone());
    let path = format!("{SESSIONS}/{}", &token[..8]);
    let mut created = json(StatusCode::CREATED, &json!({ "@odata.id": path, "Id": &token[..8] }));
    let headers = created.headers_mut();
    if let (Ok(path), Ok(token)) = (HeaderValue::try_from(path), HeaderValue::try_from(token)) {
        headers.insert(LOCATION, path);
        headers.insert(HeaderName::from_static("x-auth-token"), token);
    }
    created
}

/// Carries bytes between a WebSocket and what speaks behind it, until either ends.
async fn carry(socket: impl Wire, behind: DuplexStream) -> io::Result<()> {
    let (from_viewer, mut to_viewer) = tokio::io::split(socket);
    let (mut from_server, mut to_server) = tokio::io::split(behind);
    let answering = async {
        let mut bytes = vec![0; MESSAGE];
        loop {
            let length = from_server.read(&mut bytes).await?;
            if length == 0 {
                return Err::<(), io::Error>(io::ErrorKind::UnexpectedEof.into());
            }
            websocket::send_bytes(&mut to_viewer, &bytes[..length]).await?;
        }
    };
    let asking = async {
        // Pings are not answered here, for our viewer sends none.
        let mut from_viewer = tokio::io::join(from_viewer, tokio::io::sink());
        while let Some(message) = websocket::message(&mut from_viewer).await? {
            tokio::io::AsyncWriteExt::write_all(&mut to_server, &message).await?;
        }
        Err::<(), io::Error>(io::ErrorKind::UnexpectedEof.into())
    };
    tokio::try_join!(answering, asking).map(drop)
}

fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn json(status: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(Full::new(value.to_string().into()));
    *answer.status_mut() = status;
    answer
}
