//! An HTTP endpoint that keeps what it is told, and answers as it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::harness::PATIENCE;

/// What it was told.
#[derive(Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.path, String::from_utf8_lossy(&self.body))
    }
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The message of the event in the body.
    pub fn message(&self) -> String {
        let event: ironhand_api::CloudEvent = serde_json::from_slice(&self.body).unwrap();
        event.data.message
    }

    /// The signature that the Standard Webhooks specification wants of what was received.
    pub fn signed(&self, secret: &str) -> String {
        let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        for part in [self.header("webhook-id"), ".", self.header("webhook-timestamp"), "."] {
            mac.update(part.as_bytes());
        }
        mac.update(&self.body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

#[derive(Default)]
struct Book {
    received: Vec<Received>,
    /// Messages that were answered with 200.
    taken: Vec<String>,
    answers: VecDeque<u16>,
    hold: bool,
}

pub struct Receiver {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let stop = CancellationToken::new();
        let router = Router::new().fallback(take).with_state(Arc::clone(&book));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            served.await.unwrap();
        });
        Self { address, book, stop, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers so, one after the other, and then with 200.
    pub fn answer(&self, statuses: &[u16]) {
        self.book.lock().unwrap().answers.extend(statuses);
    }

    /// Answers nothing any more.
    pub fn hold(&self) {
        self.book.lock().unwrap().hold = true;
    }

    /// Messages that were answered with 200, in order.
    pub fn taken(&self) -> Vec<String> {
        self.book.lock().unwrap().taken.clone()
    }

    /// Waits until it was told so much, and returns all of it.
    pub async fn until(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let received = self.book.lock().unwrap().received.clone();
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < deadline, "{} of {count}: {received:#?}", received.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Listens no more; what is asked of its port is refused.
    pub async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        self.task.await.unwrap();
        self.address
    }
}

async fn take(
    State(book): State<Arc<Mutex<Book>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let (status, hold) = {
        let mut book = book.lock().unwrap();
        let status = book.answers.pop_front().unwrap_or(200);
        let received = Received { path: uri.to_string(), headers, body: body.to_vec() };
        if status == 200
            && !book.hold
            && let Ok(event) = serde_json::from_slice::<ironhand_api::CloudEvent>(&received.body)
        {
            book.taken.push(event.data.message);
        }
        book.received.push(received);
        (status, book.hold)
    };
    if hold {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(status).unwrap(), "told to\n")
}
