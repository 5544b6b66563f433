//! Sockets, connections and HTTP in front of a unit.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, http};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Interval, interval};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::console::{Place, talk_on_websocket};
use super::{State, UnitFault, UnitKind, aten, ivtp, jetkvm, nanokvm, pikvm, websocket};

/// The longest body of a request.
const MAX_BODY: usize = 64 * 1024;

/// Between two pictures of a stream.
const FRAME: Duration = Duration::from_millis(100);

/// After a connection was not taken in.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A request with its whole body.
pub(super) struct Asked {
    pub(super) head: http::request::Parts,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// A value of the query, as it stands there.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let pairs = self.head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
    }

    /// The body as JSON; nothing where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a unit answers.
pub(super) type Answer = Response<Content>;

pub(super) fn answer(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Content::Whole(Some(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

/// Pictures one after another, the first of which is there.
pub(super) fn frames(state: Arc<State>, first: Vec<u8>) -> Answer {
    let mut answer = Response::new(Content::Frames { state, next: Some(first), clock: interval(FRAME) });
    let kind = HeaderValue::from_static("multipart/x-mixed-replace; boundary=frame");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// A body.
pub(super) enum Content {
    Whole(Option<Bytes>),
    Frames { state: Arc<State>, next: Option<Vec<u8>>, clock: Interval },
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => {
                let body = body.take().filter(|body| !body.is_empty());
                Poll::Ready(body.map(|body| Ok(Frame::data(body))))
            }
            Self::Frames { state, next, clock } => loop {
                ready!(clock.poll_tick(cx));
                let Some(picture) = next.take().or_else(|| state.picture()) else { continue };
                let head = format!(
                    "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                    picture.len()
                );
                let part = [head.as_bytes(), &picture, b"\r\n"].concat();
                return Poll::Ready(Some(Ok(Frame::data(part.into()))));
            },
        }
    }
}

/// Takes in connections until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(AFTER_FAILURE).await;
            continue;
        };
        let (tls, state, stop) = (tls.clone(), Arc::clone(&state), stop.clone());
        tasks.spawn(async move {
            let served = stop.run_until_cancelled(connection(stream, tls, state, stop.clone())).await;
            if let Some(Err(error)) = served {
                tracing::debug!(%error, %from, "a connection to a simulated unit broke");
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
    stop: CancellationToken,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => speak(stream, state, stop).await,
        Some(tls) => speak(tls.accept(stream).await?, state, stop).await,
    }
}

async fn speak<S>(stream: S, state: Arc<State>, stop: CancellationToken) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| {
        let (state, stop) = (Arc::clone(&state), stop.clone());
        async move { Ok::<_, Infallible>(respond(request, state, stop).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

async fn respond(mut request: Request<Incoming>, state: Arc<State>, stop: CancellationToken) -> Answer {
    if state.has(UnitFault::Down) {
        let page = "<html><head><title>502 Bad Gateway</title></head></html>";
        return answer(StatusCode::BAD_GATEWAY, "text/html", page);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "");
    };
    let asked = Asked { head, body: body.to_bytes() };
    let kind = state.config.kind;
    let answered = match kind {
        UnitKind::Pikvm => pikvm::answer(&state, &asked).await,
        UnitKind::Nanokvm => nanokvm::answer(&state, &asked).await,
        UnitKind::Jetkvm => jetkvm::answer(&state, &asked),
        UnitKind::Aten => aten::answer(&state, &asked).await,
        UnitKind::Ivtp => ivtp::answer(&state, &asked).await,
    };
    // A way for keys, which is open where the unit has no other answer.
    answered.unwrap_or_else(|| {
        let Some(accept) = websocket::accept(&asked) else {
            return answer(StatusCode::BAD_REQUEST, "text/plain", "no WebSocket was asked for");
        };
        let watches = asked.query("stream").is_none_or(|watches| watches != "0");
        let sessions = stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            let Ok(stream) = upgrade.await else { return };
            let ended = match kind {
                UnitKind::Pikvm => pikvm::talk(TokioIo::new(stream), &state, watches).await,
                UnitKind::Nanokvm => nanokvm::talk(TokioIo::new(stream), &state).await,
                UnitKind::Jetkvm => jetkvm::talk(TokioIo::new(stream), &state, &sessions).await,
                UnitKind::Aten | UnitKind::Ivtp => {
                    let place = Place::take(&state);
                    let console = match kind {
                        UnitKind::Aten => aten::console(&state),
                        _ => ivtp::console(&state, &place),
                    };
                    match console {
                        Some(console) => talk_on_websocket(TokioIo::new(stream), console, place).await,
                        None => Ok(()),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket to a simulated unit ended");
            }
        }));
        let mut switching = answer(StatusCode::SWITCHING_PROTOCOLS, "text/plain", "");
        let headers = switching.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(HeaderName::from_static("sec-websocket-accept"), accept);
        switching
    })
}
