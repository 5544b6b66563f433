//! Sockets, connections and HTTP in front of Redfish services.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::content::{Content, EventSource};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ironhand_redfish::bmc::{MAX_BODY, ReplyBody, ServiceReply, ServiceRequest, StreamId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client may take for its handshake, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait after the socket failed, so that one that fails at once again does not keep a core busy.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// What answers requests: one service, or one of many by the address that was asked.
pub(crate) trait Front: Send + Sync + 'static {
    /// Whether anybody is at the address `at`: one socket may stand for more addresses than there are controllers.
    fn is_at(&self, _at: SocketAddr) -> bool {
        true
    }

    /// Answers a request that came to the address `at`; `None` where nobody is there, or keeps silent.
    fn answer(&self, at: SocketAddr, request: ServiceRequest) -> Option<ServiceReply>;

    /// The next event of a stream that was opened there.
    fn next_event(&self, at: SocketAddr, stream: StreamId) -> Option<String>;

    /// The client of a stream is gone.
    fn end_stream(&self, at: SocketAddr, stream: StreamId);
}

/// A stream of events while its client is there.
struct Open<F: Front> {
    front: Arc<F>,
    at: SocketAddr,
    stream: StreamId,
}

impl<F: Front> EventSource for Open<F> {
    fn next(&self) -> Option<String> {
        self.front.next_event(self.at, self.stream)
    }
}

impl<F: Front> Drop for Open<F> {
    fn drop(&mut self) {
        self.front.end_stream(self.at, self.stream);
    }
}

/// Takes in connections until `stop`, `most` of them at a time. Each is served by a task of its own.
pub(crate) async fn serve<F: Front>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    front: Arc<F>,
    most: usize,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The process is out of file descriptors, most likely: others must close some first.
                tracing::warn!(%error, "a connection to a simulated controller was not taken in");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        if stream.local_addr().is_ok_and(|at| !front.is_at(at)) {
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (tls, front, stop) = (tls.clone(), Arc::clone(&front), stop.clone());
        tasks.spawn(async move {
            let served = tokio::select! {
                () = stop.cancelled() => Ok(()),
                served = connection(stream, from, tls, front) => served,
            };
            if let Err(error) = served {
                tracing::debug!(%error, %from, "a connection to a simulated controller broke");
            }
            drop(place);
        });
    }
}

async fn connection<F: Front>(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    front: Arc<F>,
) -> io::Result<()> {
    let at = stream.local_addr()?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return speak(stream, at, from, front).await };
    let accepted = tokio::time::timeout(PATIENCE, tls.accept(stream));
    let stream = accepted.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    speak(stream, at, from, front).await
}

async fn speak<F: Front, S>(stream: S, at: SocketAddr, from: SocketAddr, front: Arc<F>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(answer(front, at, from, request).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn answer<F: Front>(
    front: Arc<F>,
    at: SocketAddr,
    from: SocketAddr,
    request: Request<Incoming>,
) -> Response<Content> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut asked = ServiceRequest::new(parts.method.as_str(), target, from.ip());
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            asked = asked.with_header(name.as_str(), value);
        }
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let asked = asked.with_body(body.to_bytes().to_vec());
    // Where nobody answers, the client hears nothing until it gives up.
    let Some(reply) = front.answer(at, asked) else { return std::future::pending().await };
    let delivery = reply.delivery;
    if !delivery.after.is_zero() {
        tokio::time::sleep(delivery.after).await;
    }
    if let ReplyBody::Events(stream) = reply.body {
        let source = Open { front, at, stream };
        return response(reply, |_| Content::events(Box::new(source)));
    }
    response(reply, |bytes| Content::new(bytes, delivery))
}

fn plain(status: StatusCode) -> Response<Content> {
    let mut response = Response::new(Content::default());
    *response.status_mut() = status;
    response
}

fn response(reply: ServiceReply, content: impl FnOnce(Vec<u8>) -> Content) -> Response<Content> {
    let mut response = plain(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    match reply.body {
        ReplyBody::Empty => {}
        ReplyBody::Bytes(bytes) => *response.body_mut() = content(bytes),
        ReplyBody::Events(_) => *response.body_mut() = content(Vec::new()),
    }
    response
}
