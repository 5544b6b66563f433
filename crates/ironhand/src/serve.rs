//! `ironhand serve`: the server, until it is told to stop.

use ironhand_server::{KeySource, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::args;
use crate::config::{self, Resolved};
use crate::exit::Failure;
use crate::files::read_secret;
use crate::output::line;

/// The environment variable in which the key may be: 32 bytes in base64, as the key file has it.
const KEY: &str = "IRONHAND_KEY";

/// `ironhand serve`.
pub async fn run(asked: args::Serve) -> Result<(), Failure> {
    keep_memory_private();
    let Resolved { mut config, .. } = config::resolve(&asked)?;
    if let Some(key) = read_secret(None, KEY)? {
        config.key = KeySource::Value(key);
    }
    let running = Server::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let stop = stop_asked();
    line(&format!("ironhand {} serves at {}", env!("CARGO_PKG_VERSION"), places(&running)));
    stop.await?;
    running.shutdown().await;
    Ok(())
}

/// Sees to it that no picture of the memory is written where the server crashes, and that no other program of the same
/// user reads it: the passwords of every controller are in it.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "a crash of the server may leave a picture of its memory, with passwords in it");
    }
}

/// Where a running server can be reached, in words.
pub fn places(running: &ironhand_server::Running) -> String {
    let http = running.http().map(|address| format!(" and http://{address}"));
    format!("unix:{}{}", running.socket().display(), http.unwrap_or_default())
}

/// Waits for Ctrl-C or SIGTERM. From the call on neither ends the program by itself, so call it before anybody is told
/// that the program is ready.
pub fn stop_asked() -> impl Future<Output = Result<(), Failure>> {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        let wrong = |error: std::io::Error| Failure::Failed(format!("cannot listen for signals: {error}"));
        let [terminate, interrupt] = signals;
        let (mut terminate, mut interrupt) = (terminate.map_err(wrong)?, interrupt.map_err(wrong)?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}

/// Waits for somebody who ends the program: as [`stop_asked`], or by closing its terminal.
pub fn left_from_outside() -> impl Future<Output = ()> {
    let (stopped, hangup) = (stop_asked(), signal(SignalKind::hangup()));
    async move {
        let hung_up = async {
            match hangup {
                Ok(mut hangup) => drop(hangup.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stopped => {}
            () = hung_up => {}
        }
    }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
