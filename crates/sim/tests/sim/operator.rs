//! Hands and eyes for tests: our IPMI and RFB clients on real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ironhand_console::keys::{self, Keyboard, Layout};
use ironhand_console::{Image, Reader, Reading};
use ironhand_ipmi::{ClientConfig, Error, Reply, Request, RetransmitPolicy};
use ironhand_rfb as rfb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{timeout, timeout_at};

/// Longest wait for anything to be seen.
const PATIENCE: Duration = Duration::from_secs(90);

fn entropy(bytes: &mut [u8]) {
    getrandom::fill(bytes).unwrap();
}

/// A person at a management controller.
pub struct Desk {
    socket: UdpSocket,
    bmc: SocketAddr,
    client: ironhand_ipmi::Client,
}

impl Desk {
    pub async fn new(bmc: SocketAddr, user: &str, password: &str) -> Self {
        let socket = UdpSocket::bind((bmc.ip(), 0)).await.unwrap();
        let mut config = ClientConfig::new(user, password.into());
        config.retransmit = RetransmitPolicy {
            session_patience: Duration::from_secs(1),
            patience: Duration::from_secs(2),
            ..RetransmitPolicy::default()
        };
        Self { socket, bmc, client: ironhand_ipmi::Client::new(config, Box::new(entropy)) }
    }

    pub async fn ask(&mut self, request: impl Into<Request>) -> Result<Reply, Error> {
        let ticket = self.client.submit(Instant::now(), request.into());
        let mut datagram = [0; 1500];
        loop {
            while let Some(output) = self.client.next_output() {
                match output {
                    ironhand_ipmi::Output::Send(bytes) => {
                        self.socket.send_to(&bytes, self.bmc).await.unwrap();
                    }
                    ironhand_ipmi::Output::Event(ironhand_ipmi::Event::Done { ticket: done, result })
                        if done == ticket =>
                    {
                        return result;
                    }
                    ironhand_ipmi::Output::Event(_) => {}
                }
            }
            let wake = self.client.next_wake().expect("a request in flight has a deadline");
            if let Ok(received) = timeout_at(wake.into(), self.socket.recv_from(&mut datagram)).await {
                let (length, from) = received.unwrap();
                self.client.receive(Instant::now(), from, &datagram[..length]);
            }
            self.client.wake(Instant::now());
        }
    }

    pub async fn is_on(&mut self) -> bool {
        match self.ask(Request::GetChassisStatus).await {
            Ok(Reply::ChassisStatus(status)) => status.power_on,
            other => panic!("no power status: {other:?}"),
        }
    }

    /// Asks until power is as told.
    pub async fn until_power(&mut self, on: bool) {
        timeout(PATIENCE, async {
            while self.is_on().await != on {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("power is never seen {}", if on { "on" } else { "off" }));
    }
}

/// A person before a screen.
pub struct Viewer {
    stream: TcpStream,
    client: rfb::Client,
    reader: Reader,
}

impl Viewer {
    /// Connects and has the first picture.
    pub async fn open(screen: SocketAddr, password: Option<&str>) -> Result<Self, rfb::Error> {
        let stream = TcpStream::connect(screen).await.expect("the screen's port accepts connections");
        let config = rfb::ClientConfig { password: password.map(Into::into), ..rfb::ClientConfig::default() };
        let client = rfb::Client::new(Instant::now(), config);
        let mut viewer = Self { stream, client, reader: Reader::new() };
        viewer.next_picture().await?;
        Ok(viewer)
    }

    /// Waits for a change of the picture; asks for the next one.
    async fn next_picture(&mut self) -> Result<(), rfb::Error> {
        let mut received = vec![0; 1 << 16];
        loop {
            while let Some(output) = self.client.next_output() {
                match output {
                    rfb::Output::Send(bytes) => {
                        // A server that has hung up is told by what is read from it.
                        let _ = self.stream.write_all(&bytes).await;
                    }
                    rfb::Output::Event(rfb::Event::Connected { .. }) => {
                        self.client.request_update(Instant::now(), false);
                    }
                    rfb::Output::Event(rfb::Event::Updated) => {
                        self.client.request_update(Instant::now(), true);
                        return Ok(());
                    }
                    rfb::Output::Event(rfb::Event::Failed(error)) => return Err(error),
                    rfb::Output::Event(_) => {}
                }
            }
            let read = self.stream.read(&mut received);
            let length = match self.client.next_wake() {
                Some(wake) => timeout_at(wake.into(), read).await.ok(),
                None => Some(read.await),
            };
            match length {
                Some(Ok(0) | Err(_)) => self.client.closed(),
                Some(Ok(length)) => self.client.receive(Instant::now(), &received[..length]),
                None => self.client.wake(Instant::now()),
            }
        }
    }

    pub fn reading(&self) -> Reading {
        let picture = self.client.framebuffer().expect("a first picture was awaited");
        let (width, height) = (picture.width().into(), picture.height().into());
        self.reader.read(&Image { width, height, pixels: picture.pixels().to_vec() }, None)
    }

    /// Looks until the text is as wanted; connection failures are returned.
    pub async fn try_until(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, rfb::Error> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let reading = self.reading();
            let text = reading.text();
            if reading.is_reliable() && wanted(&text) {
                return Ok(text);
            }
            match timeout_at(deadline, self.next_picture()).await {
                Ok(seen) => seen?,
                Err(_) => panic!("not seen on the screen, which shows:\n{text}"),
            }
        }
    }

    pub async fn until(&mut self, wanted: &str) -> String {
        self.try_until(|text| text.contains(wanted)).await.unwrap()
    }

    /// Types in the key grammar.
    pub async fn keys(&mut self, keys: &str) {
        for step in keys::parse(keys).unwrap() {
            for stroke in keys::strokes(&step, Keyboard::Keysyms, Layout::Us).unwrap() {
                self.client.key(stroke.keysym, stroke.down);
            }
        }
        while let Some(output) = self.client.next_output() {
            if let rfb::Output::Send(bytes) = output {
                self.stream.write_all(&bytes).await.unwrap();
            }
        }
    }
}
