//! A server of HTTP that keeps what it is asked, and answers what it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::harness::PATIENCE;

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Book {
    asked: Vec<Asked>,
    answers: VecDeque<(u16, String)>,
}

pub struct StandIn {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl StandIn {
    /// Answers so, one after the other; then nothing any more, and never ends.
    pub async fn start(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let book = Arc::new(Mutex::new(Book { asked: Vec::new(), answers }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&book));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, book }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().asked.clone()
    }

    /// Waits until it was asked so much.
    pub async fn until(&self, count: usize) -> Vec<Asked> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.asked();
            if asked.len() >= count {
                return asked;
            }
            assert!(Instant::now() < deadline, "{} of {count}: {asked:#?}", asked.len());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

async fn take(
    State(book): State<Arc<Mutex<Book>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let answer = {
        let mut book = book.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        book.asked.push(Asked { line: format!("{method} {uri}"), headers, body });
        book.answers.pop_front()
    };
    match answer {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body),
        None => std::future::pending().await,
    }
}
