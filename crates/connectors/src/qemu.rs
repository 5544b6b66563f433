//! Virtual machines of laboratories, by QEMU's machine protocol (QMP).
//!
//! QEMU itself is neither started nor ended. A machine that is off is one that QEMU holds still after it shut down, and
//! that begins anew. So QEMU is told first to hold a machine that shuts down, which else would end QEMU (`set-action`, since
//! QEMU 6.0).

use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, PowerAction, PowerState};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, sleep, timeout_at};

use crate::path::joined;
use crate::{Device, Error, PathHealth, Route, Stream, connect};

/// How long all that belongs to one action may take: QEMU runs on the same machine or the next.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks whether a machine stands still.
const LOOK: Duration = Duration::from_millis(50);

/// The longest line that is read: answers are short, and events of no interest may come between.
const LONGEST_LINE: u64 = 64 * 1024;

/// Lines that may come before the answer to a command.
const MOST_EVENTS: usize = 1000;

/// How much of QEMU's complaints is told, in characters.
const MOST_COMPLAINT: usize = 200;

/// A virtual machine.
pub(crate) struct Qemu {
    route: Route,
    health: PathHealth,
}

/// A connection on which commands may be given.
struct Monitor {
    stream: BufReader<Stream>,
    /// As errors name it.
    address: String,
    /// Whether a command that changes something was given.
    changed: bool,
}

impl Qemu {
    pub(crate) fn new(connector: &Connector, route: Route, health: PathHealth) -> Result<Self, Error> {
        if connector.port.is_none() && connector.addresses().iter().any(|address| !address.starts_with('/')) {
            let reason = "a qemu connector needs the path of QMP's socket, or an address and a `port`";
            return Err(Error::Misconfigured { reason: reason.to_owned() });
        }
        Ok(Self { route, health })
    }

    async fn monitor(&self, deadline: Instant) -> Result<Monitor, Error> {
        let (stream, taken) = connect(&self.route, &self.health, deadline).await?;
        let address = joined(&taken.address, taken.port);
        let mut monitor = Monitor { stream: BufReader::new(stream), address, changed: false };
        let ready = async {
            if monitor.line().await?.get("QMP").is_none() {
                return Err(Error::Malformed { reason: "it does not greet as QMP does".to_owned() });
            }
            monitor.ask("qmp_capabilities", json!({})).await
        };
        // It greets one at a time, so that others may be kept waiting.
        let ready = timeout_at(deadline, ready).await;
        ready.unwrap_or_else(|_| Err(monitor.silent()))?;
        Ok(monitor)
    }

    async fn state(&self) -> Result<PowerState, Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut monitor = self.monitor(deadline).await?;
        let status = timeout_at(deadline, monitor.status()).await;
        let status = status.unwrap_or_else(|_| Err(monitor.silent()))?;
        Ok(if is_off(&status) { PowerState::Off } else { PowerState::On })
    }

    async fn act(&self, action: PowerAction) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut monitor = self.monitor(deadline).await?;
        match timeout_at(deadline, monitor.act(action)).await {
            Ok(done @ (Ok(()) | Err(Error::Refused { .. } | Error::Unsupported { .. }))) => done,
            _ if monitor.changed => Err(Error::OutcomeUnknown),
            Ok(failed) => failed,
            Err(_) => Err(monitor.silent()),
        }
    }
}

/// Whether a machine with this status (`RunState`) begins anew when it goes on.
fn is_off(status: &str) -> bool {
    matches!(status, "shutdown" | "prelaunch")
}

impl Monitor {
    async fn act(&mut self, action: PowerAction) -> Result<(), Error> {
        let status = self.status().await?;
        if action == PowerAction::On {
            return self.start(&status).await;
        }
        if is_off(&status) {
            return match action {
                PowerAction::Off => Ok(()),
                _ => Err(Error::Refused { reason: "the machine is off".to_owned() }),
            };
        }
        match action {
            PowerAction::Soft => {
                // An older QEMU ends when the machine has shut down.
                match self.hold_at_shutdown().await {
                    Err(Error::Refused { .. }) | Ok(()) => {}
                    Err(error) => return Err(error),
                }
                self.tell("system_powerdown").await
            }
            PowerAction::Reset => self.tell("system_reset").await,
            PowerAction::Nmi => self.tell("inject-nmi").await,
            PowerAction::Off => self.cut().await,
            PowerAction::On | PowerAction::Cycle => {
                self.cut().await?;
                let status = self.until(|status| status == "shutdown").await?;
                self.start(&status).await
            }
        }
    }

    /// Lets a machine that is off begin; one that sleeps goes on.
    async fn start(&mut self, status: &str) -> Result<(), Error> {
        match status {
            "suspended" => self.tell("system_wakeup").await,
            "shutdown" => {
                self.tell("system_reset").await?;
                // It goes on only when that is done.
                self.until(|status| status != "shutdown").await?;
                self.tell("cont").await
            }
            "prelaunch" => self.tell("cont").await,
            _ => Ok(()),
        }
    }

    /// Takes the power from the machine: a reset that is a shutdown.
    async fn cut(&mut self) -> Result<(), Error> {
        let unsupported = |error: Error| match error {
            Error::Refused { .. } => Error::Unsupported {
                what: "switch the machine off: QEMU before 6.0 would end with it".to_owned(),
            },
            error => error,
        };
        self.hold_at_shutdown().await.map_err(unsupported)?;
        self.ask("set-action", json!({ "reboot": "shutdown" })).await?;
        let cut = self.tell("system_reset").await;
        // The machine's own resets stay resets, whatever became of this one.
        self.ask("set-action", json!({ "reboot": "reset" })).await?;
        cut
    }

    async fn hold_at_shutdown(&mut self) -> Result<(), Error> {
        self.ask("set-action", json!({ "shutdown": "pause" })).await.map(drop)
    }

    async fn status(&mut self) -> Result<String, Error> {
        let status = self.ask("query-status", json!({})).await?;
        match status["status"].as_str() {
            Some(status) => Ok(status.to_owned()),
            None => Err(Error::Malformed { reason: "query-status tells no status".to_owned() }),
        }
    }

    /// The first status that fits; the caller's patience ends it.
    async fn until(&mut self, fits: impl Fn(&str) -> bool) -> Result<String, Error> {
        loop {
            let status = self.status().await?;
            if fits(&status) {
                return Ok(status);
            }
            sleep(LOOK).await;
        }
    }

    /// Gives a command that changes something.
    async fn tell(&mut self, command: &str) -> Result<(), Error> {
        self.changed = true;
        self.ask(command, json!({})).await.map(drop)
    }

    /// Gives a command, and takes its answer from between the events.
    async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Error> {
        let text = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        let given = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        given.await.map_err(|error| self.lost(error.to_string()))?;
        for _ in 0..MOST_EVENTS {
            let mut answer = self.line().await?;
            if let Some(reason) = answer["error"]["desc"].as_str() {
                let reason: String = reason.chars().take(MOST_COMPLAINT).collect();
                return Err(Error::Refused { reason: format!("{command}: {reason}") });
            }
            if answer.get("return").is_some() {
                return Ok(answer["return"].take());
            }
        }
        Err(Error::Malformed { reason: format!("{command} has no answer among {MOST_EVENTS} lines") })
    }

    /// The next line.
    async fn line(&mut self) -> Result<Value, Error> {
        let mut line = Vec::new();
        match (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) => Err(self.lost("the connection was closed".to_owned())),
            Ok(_) => serde_json::from_slice(&line)
                .map_err(|error| Error::Malformed { reason: format!("a line is no JSON: {error}") }),
            Err(error) => Err(self.lost(error.to_string())),
        }
    }

    fn lost(&self, reason: String) -> Error {
        Error::Unreachable { address: self.address.clone(), reason }
    }

    fn silent(&self) -> Error {
        Error::Silent { address: self.address.clone(), after: PATIENCE }
    }
}

impl Device for Qemu {
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(self.state())
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.act(action))
    }
}

#[cfg(test)]
mod tests;
