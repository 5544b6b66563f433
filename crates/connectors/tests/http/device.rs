//! Devices that do what they are told, on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ironhand_connectors::{AsyncReadWrite, HttpClient, HttpLimits, Proof, Route, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// What a device does on one connection, step by step; then it closes it.
#[derive(Clone)]
pub enum Act {
    /// Takes one request.
    Take,
    /// Sends bytes.
    Say(Vec<u8>),
    /// Sends bytes one by one, a second between them.
    Drip(Vec<u8>),
    /// Lets time pass.
    Pause(Duration),
    /// Does nothing any more, until the other side closes.
    Hang,
}

pub fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

/// An answer with a length.
pub fn ok(body: &str) -> Act {
    say(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A device that acts on its first connections by `scripts`, on all later ones by the last of them.
pub struct Device {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    resumed: usize,
    requests: Vec<String>,
}

impl Device {
    pub async fn start(scripts: Vec<Vec<Act>>) -> Self {
        Self::start_at("127.0.0.1:0", None, scripts).await
    }

    pub async fn start_at(at: &str, tls: Option<TlsAcceptor>, scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind(at).await.expect("the address is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let told = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.expect("it listens");
                told.lock().expect("no one panics with it").connections += 1;
                let script = scripts.get(number).or(scripts.last()).cloned().unwrap_or_default();
                let (seen, tls) = (Arc::clone(&told), tls.clone());
                connections.spawn(async move {
                    let stream: Stream = match tls {
                        None => Box::new(stream),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            let kind = stream.get_ref().1.handshake_kind();
                            let resumed = kind == Some(tokio_rustls::rustls::HandshakeKind::Resumed);
                            seen.lock().expect("no one panics with it").resumed += usize::from(resumed);
                            Box::new(stream)
                        }
                    };
                    act(stream, &script, &seen).await;
                });
            }
        });
        Self { address, seen, _serving: AbortOnDropHandle::new(serving) }
    }

    /// The requests that it took, as they arrived.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("no one panics with it").requests.clone()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.seen.lock().expect("no one panics with it").connections
    }

    /// How many TLS sessions were resumed.
    pub fn resumed(&self) -> usize {
        self.seen.lock().expect("no one panics with it").resumed
    }

    /// The way to it.
    pub fn route(&self) -> Route {
        Route::direct(self.address.ip().to_string(), self.address.port())
    }

    /// A client without TLS.
    pub fn client(&self) -> HttpClient {
        HttpClient::new(self.route(), Proof::Off, limits())
    }
}

/// Limits that differ from each other, so that it is seen which of them strikes.
pub fn limits() -> HttpLimits {
    HttpLimits {
        in_flight: 2,
        connect: Duration::from_secs(6),
        answer: Duration::from_secs(20),
        total: Duration::from_secs(50),
        body: 1024 * 1024,
    }
}

async fn act(mut stream: impl AsyncReadWrite, script: &[Act], seen: &Mutex<Seen>) {
    for step in script {
        let done = match step {
            Act::Take => take(&mut stream)
                .await
                .map(|request| seen.lock().expect("no one panics with it").requests.push(request)),
            Act::Say(bytes) => write(&mut stream, bytes).await,
            Act::Drip(bytes) => {
                let mut done = Some(());
                for byte in bytes {
                    done = write(&mut stream, std::slice::from_ref(byte)).await;
                    if done.is_none() {
                        break;
                    }
                    sleep(Duration::from_secs(1)).await;
                }
                done
            }
            Act::Pause(time) => {
                sleep(*time).await;
                Some(())
            }
            Act::Hang => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                None
            }
        };
        if done.is_none() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

async fn write(stream: &mut impl AsyncReadWrite, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

/// One request with its body, as text.
async fn take(stream: &mut impl AsyncReadWrite) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}
