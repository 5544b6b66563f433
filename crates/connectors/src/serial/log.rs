//! Consoles that another program keeps: the log that conserver or ConMan writes is followed.

mod file;
mod sieve;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{Connector, ConsoleLogOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

use super::SerialConsole;
use crate::{Error, Surroundings};
use file::Follower;
use sieve::Sieve;

/// How often the file is looked at. A machine that writes is seen as soon as one at a screen.
const LOOK: Duration = Duration::from_millis(300);

/// Pieces that may wait to be received; the rest waits in the file.
const WAITING: usize = 16;

/// A log that is followed.
pub(super) struct FollowedLog {
    received: mpsc::Receiver<Result<Bytes, Error>>,
    /// Looks at the file until this is dropped.
    _follows: AbortOnDropHandle<()>,
}

impl FollowedLog {
    /// Opens the log that the connector's address names, below the folder of logs. What it says last is received first.
    pub(super) fn open(
        connector: &Connector,
        options: &ConsoleLogOptions,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let Some(folder) = &surroundings.console_logs else {
            let reason = "the server was given no folder of console logs; start it with --console-logs DIR";
            return Err(Error::Misconfigured { reason: reason.to_owned() });
        };
        let follower = Follower::open(folder.clone(), PathBuf::from(&connector.address))?;
        let (tell, received) = mpsc::channel(WAITING);
        let following = follow(follower, Sieve::new(options.format), tell);
        Ok(Self { received, _follows: AbortOnDropHandle::new(tokio::spawn(following)) })
    }
}

/// Hands on what is written to the file, until nobody receives it or it cannot be read.
async fn follow(mut follower: Follower, mut sieve: Sieve, tell: mpsc::Sender<Result<Bytes, Error>>) {
    loop {
        let looked = spawn_blocking(move || {
            let read = follower.read();
            (follower, read)
        });
        // An error means that the runtime is shutting down.
        let Ok((looked, read)) = looked.await else { return };
        follower = looked;
        let told = match read {
            Ok(bytes) if bytes.is_empty() => {
                tokio::time::sleep(LOOK).await;
                if tell.is_closed() {
                    return;
                }
                continue;
            }
            Ok(bytes) => Ok(Bytes::from(sieve.take(&bytes))),
            Err(error) => Err(error),
        };
        let ends = told.is_err();
        if told.as_ref().is_ok_and(Bytes::is_empty) {
            continue;
        }
        if tell.send(told).await.is_err() || ends {
            return;
        }
    }
}

impl SerialConsole for FollowedLog {
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(async {
            let ended = || Error::Refused { reason: "the log is followed no longer".to_owned() };
            self.received.recv().await.unwrap_or_else(|| Err(ended()))
        })
    }

    fn send<'a>(&'a mut self, _bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        let what = "take keys: it is a log of what another program receives".to_owned();
        Box::pin(std::future::ready(Err(Error::Unsupported { what })))
    }

    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.send(&[])
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}
