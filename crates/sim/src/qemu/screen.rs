//! The screen's port of a guest: QEMU's own screen while it runs, black while it does not.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironhand_rfb::Framebuffer;
use secrecy::SecretString;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::QemuConfig;
use crate::screen::{Mode, Screen};
use crate::viewer::{self, Console};

/// Viewers at a time; QEMU itself lets 32 in.
const MAX_VIEWERS: usize = 8;

/// How long to wait after a connection could not be accepted, so that a full table of files does not keep a
/// core busy.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(super) struct Front {
    name: String,
    password: Option<SecretString>,
    qemu: PathBuf,
    power: watch::Receiver<bool>,
}

impl Front {
    pub(super) fn new(config: &QemuConfig, qemu: PathBuf, power: watch::Receiver<bool>) -> Self {
        Self { name: config.name.clone(), password: config.screen_password.clone(), qemu, power }
    }

    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken, tasks: TaskTracker) {
        let places = Arc::new(Semaphore::new(MAX_VIEWERS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            };
            let Ok(place) = places.clone().try_acquire_owned() else { continue };
            let (front, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                if let Err(error) = front.serve(stream, &stop).await {
                    tracing::debug!(guest = front.name, %error, "a viewer's connection broke");
                }
                drop(place);
            });
        }
    }

    /// One viewer, until it leaves or power comes or goes.
    async fn serve(&self, mut stream: TcpStream, stop: &CancellationToken) -> io::Result<()> {
        let mut power = self.power.clone();
        let is_on = *power.borrow_and_update();
        let shown = async {
            if is_on {
                let mut qemu = UnixStream::connect(&self.qemu).await?;
                stream.set_nodelay(true)?;
                copy_bidirectional(&mut stream, &mut qemu).await.map(drop)
            } else {
                viewer::show(stream, &Dark::default(), &self.name, self.password.clone(), stop).await
            }
        };
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            _ = power.changed() => Ok(()),
            shown = shown => shown,
        }
    }
}

/// The screen of a machine without power.
struct Dark {
    changes: watch::Sender<u64>,
}

impl Default for Dark {
    fn default() -> Self {
        Self { changes: watch::Sender::new(0) }
    }
}

impl Console for Dark {
    fn picture(&self) -> Framebuffer {
        crate::picture::picture(&Screen::new(Mode::VgaText))
    }

    fn key(&self, _keysym: u32, _down: bool) {}

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
