//! The redirection of Intel AMT: the screen and the serial line of the machine, on a port of its own.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ironhand_rfb::{Framebuffer, ServerConfig};
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Desk, serial};
use crate::machine::Machine;
use crate::picture::picture;
use crate::viewer::{Console, Wire, show_on};

/// How far the port of redirection is above that of WS-Management.
pub(super) const PORT_OFFSET: u16 = 2;

const REALM: &str = "Digest:0123456789ABCDEF0123456789ABCDEF";
const NONCE: &str = "c2ltdWxhdGVkIG5vbmNl";

/// Between two looks at the machine's screen.
const LOOK: Duration = Duration::from_millis(50);

/// Who may see the screen.
pub(super) struct Door {
    pub(super) desk: Arc<Desk>,
    pub(super) username: String,
    pub(super) password: SecretString,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) port: serial::Port,
}

/// Takes in connections until `stop`.
pub(super) async fn serve(listener: TcpListener, door: Door, stop: CancellationToken) {
    let door = Arc::new(door);
    while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
        // A port on which nobody listens, for who connects.
        if !door.desk.state().engine.redirection.listens {
            continue;
        }
        let (door, stop) = (Arc::clone(&door), stop.clone());
        tokio::spawn(async move {
            let served = stop.run_until_cancelled(door.serve(stream, &stop)).await;
            if let Some(Err(error)) = served {
                tracing::debug!(%error, "a session of simulated redirection ended");
            }
        });
    }
}

impl Door {
    async fn serve(&self, stream: TcpStream, stop: &CancellationToken) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Wire> = match &self.tls {
            Some(tls) => Box::new(tls.accept(stream).await?),
            None => Box::new(stream),
        };
        let mut start = [0; 8];
        stream.read_exact(&mut start).await?;
        let (screen, serial) = {
            let redirection = &self.desk.state().engine.redirection;
            (redirection.is_on, redirection.serial)
        };
        let is_serial = start == *b"\x10\0\0\0SOL ";
        if !(is_serial && serial || start == *b"\x10\x01\0\0KVMR" && screen) {
            return stream.write_all(&[0x11, 1, 0, 0]).await;
        }
        let place = if is_serial { self.port.take() } else { None };
        if is_serial && place.is_none() {
            return stream.write_all(&[0x11, 2, 0, 0]).await;
        }
        stream.write_all(&[0x11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
        while !self.log_in(&mut stream).await? {}
        if let Some(place) = place {
            return place.serve(&mut stream).await;
        }
        let mut open = [0; 8];
        stream.read_exact(&mut open).await?;
        stream.write_all(&[0x41, 0, 0, 0, 0, 0, 0, 0]).await?;
        let shown = Shown { machine: Arc::clone(&self.desk.machine), changes: watch::Sender::new(0) };
        let config = ServerConfig { name: "Intel(r) AMT KVM".to_owned(), ..ServerConfig::default() };
        tokio::select! {
            shown = show_on(stream, &shown, config, None, stop) => shown,
            () = shown.look() => Ok(()),
        }
    }

    /// One step of a login; whether it is done.
    async fn log_in(&self, stream: &mut Box<dyn Wire>) -> io::Result<bool> {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [0x13, _, _, _, way, l0, l1, l2, l3] = head else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut data = vec![0; u32::from_le_bytes([l0, l1, l2, l3]).min(4096) as usize];
        stream.read_exact(&mut data).await?;
        let fields = fields(&data);
        let proof = fields.get(6).map(String::as_str).unwrap_or_default();
        let (status, answer) = match way {
            0 => (0, vec![1, 3, 4]),
            // Name and password as they are, which engines before AMT 6 took.
            1 if fields == [self.username.as_str(), self.password.expose_secret()] => (0, Vec::new()),
            4 if proof.is_empty() => (1, written(&[REALM, NONCE, "auth"])),
            4 if self.knows(&fields, proof) => (0, Vec::new()),
            _ => (2, Vec::new()),
        };
        let length = u32::try_from(answer.len()).unwrap_or_default().to_le_bytes();
        stream.write_all(&[&[0x14, status, 0, 0, way][..], &length, &answer].concat()).await?;
        if status == 2 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(way != 0 && status == 0)
    }

    fn knows(&self, fields: &[String], proof: &str) -> bool {
        let [user, realm, nonce, purpose, own, count, _, qop] = fields else { return false };
        let hash = |text: String| hex::encode(Md5::digest(text));
        let who = hash(format!("{}:{realm}:{}", self.username, self.password.expose_secret()));
        let what = hash(format!("POST:{purpose}"));
        let wanted = hash(format!("{who}:{nonce}:{count}:{own}:{qop}:{what}"));
        (user.as_str(), realm.as_str(), nonce.as_str()) == (self.username.as_str(), REALM, NONCE)
            && purpose == "/RedirectionService"
            && proof == wanted
    }
}

/// Texts, each behind its length in one byte.
fn fields(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let Some((text, rest)) = rest.split_at_checked(length.into()) else { break };
        found.push(String::from_utf8_lossy(text).into_owned());
        bytes = rest;
    }
    found
}

fn written(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&[text.len() as u8][..], text.as_bytes()].concat()).collect()
}

/// The screen and the keyboard of the machine.
struct Shown {
    machine: Arc<Mutex<Machine>>,
    changes: watch::Sender<u64>,
}

impl Shown {
    fn with<T>(&self, act: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        machine.wake(now);
        act(&mut machine, now)
    }

    /// Looks whether the screen has changed, for ever.
    async fn look(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let revision = self.with(|machine, _| machine.screen().revision());
            self.changes.send_if_modified(|shown| std::mem::replace(shown, revision) != revision);
        }
    }
}

impl Console for Shown {
    fn picture(&self) -> Framebuffer {
        let screen = self.with(|machine, _| machine.screen().clone());
        picture(&screen)
    }

    fn key(&self, keysym: u32, down: bool) {
        self.with(|machine, now| machine.key(now, keysym, down));
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
