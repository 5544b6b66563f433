//! Consoles as WebSockets (RFC 6455): the serial line of a host, and its screen as it changes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use ironhand_api::{Capability, ConsoleHolder, ConsoleNotice, ConsoleRequest, EventKind, Host, Kind, Name};
use ironhand_model::Taker;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::resource::{Json, Query, name};
use super::{Api, ApiError};
use crate::clock;
use crate::console::{Attachment, Hold, Input, Recorder, tell};
use crate::device::DeviceError;

/// The largest frame that a client may send: what a person pastes.
const FRAME: usize = 64 * 1024;

/// How long a client may take to take one frame.
const TAKEN: Duration = Duration::from_secs(20);

/// What a person is called who does not say.
pub(super) const SOMEBODY: &str = "somebody";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ConsoleQuery {
    /// Who it is, in their own words.
    by: Option<String>,
    /// Take it from whoever has it.
    #[serde(default)]
    take_over: bool,
    /// Only look.
    #[serde(default)]
    read_only: bool,
}

/// What a connection to a console is made with.
struct Visit {
    api: Arc<Api>,
    host: Name,
    hold: Option<Hold>,
    idle: Duration,
    attached: Attachment,
    /// What records what somebody does who has the console; none where nobody types, or nothing can be recorded.
    recorder: Option<Recorder>,
}

/// `GET /api/v1/hosts/{name}/console`: the serial console, as a WebSocket. What cannot be opened is a problem document.
pub(super) async fn console(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(query): Query<ConsoleQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let (_, lane) = super::action::lane(&api, &text).await?;
    lane.managed()?;
    let host = known(&api, &text).await?;
    let name = host.metadata.name.clone();
    let settings = api.fleet.site().terms(&host).settings;
    let idle = settings.console_idle;
    let taken = match query.read_only {
        true => None,
        false => {
            let by = query.by.as_deref().unwrap_or(SOMEBODY);
            let taker = Taker::Person { take_over: query.take_over };
            Some(api.consoles.desks().take(&name, by, taker, idle)?)
        }
    };
    // Where it cannot be opened, the hold is given back by being dropped.
    let mut entrances = api.fleet.console_entrances(&host);
    if entrances.is_empty() {
        let connectors = host.spec.connectors.iter().map(ToString::to_string).collect();
        let capability = Capability::Serial;
        return Err(DeviceError::NoCapability { host: name, capability, connectors }.into());
    }
    let attached = api.consoles.attach(&name, &mut entrances, &settings).await.map_err(|(error, _)| error)?;
    let hold = match taken {
        Some((hold, from)) => {
            tell_taken(&api, &name, &hold, from.as_ref(), &attached.connector).await;
            Some(hold)
        }
        None => None,
    };
    let recorder = match &hold {
        Some(hold) => {
            let begun = api.consoles.recordings().begin(&name, hold.by(), lane.status().incident).await;
            begun.inspect_err(|error| tracing::error!(host = %name, %error, "a console is not recorded")).ok()
        }
        None => None,
    };
    let visit = Visit { api, host: name, hold, idle, attached, recorder };
    Ok(upgrade.max_message_size(FRAME).on_upgrade(move |socket| visit.run(socket)))
}

pub(super) async fn tell_taken(
    api: &Api,
    host: &Name,
    hold: &Hold,
    from: Option<&ConsoleHolder>,
    connector: &str,
) {
    let by = hold.by();
    let (kind, message) = match from {
        Some(from) => {
            let since = from.since;
            let message = format!(
                "{by} took the console over ({connector}) from {}, who had it since {since}",
                from.by
            );
            (EventKind::ConsoleTakenOver, message)
        }
        None => (EventKind::ConsoleTaken, format!("{by} has the console ({connector})")),
    };
    tell(&api.store, host, kind, message).await;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseQuery {
    by: Option<String>,
}

/// `POST /api/v1/hosts/{name}/console/release`: takes the console from whoever has it; says who that was.
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(query): Query<ReleaseQuery>,
) -> Result<Json<Option<ConsoleHolder>>, ApiError> {
    let host = known(&api, &text).await?.metadata.name;
    let by = query.by.as_deref().unwrap_or(SOMEBODY);
    Ok(Json(api.consoles.desks().release(&host, by)))
}

pub(super) async fn known(api: &Api, text: &str) -> Result<Host, ApiError> {
    let name = name(text)?;
    let host: Option<Host> = api.store.get(&name).await?;
    host.ok_or_else(|| ApiError::no_such(Kind::Host, &name))
}

/// Gives the console back, and tells so where nobody else has it already.
pub(super) async fn give_back(api: &Api, host: &Name, hold: Hold, why: &str) {
    let by = hold.by().to_owned();
    drop(hold);
    if api.consoles.desks().holder(host).is_none() {
        let message = format!("{by} has the console no longer ({why})");
        tell(&api.store, host, EventKind::ConsoleReleased, message).await;
    }
}

/// What is recorded.
enum Recorded<'r> {
    Output(&'r [u8]),
    Input(&'r [u8]),
    Mark(&'r str),
    Size(u16, u16),
}

/// Why a connection ends.
enum End {
    /// The client left, or takes nothing.
    Left,
    /// It is told why.
    Told { code: &'static str, reason: String },
}

impl Visit {
    async fn run(mut self, mut socket: WebSocket) {
        let read_only = self.hold.is_none() || self.attached.read_only;
        let opened = ConsoleNotice::Opened { connector: self.attached.connector.clone(), read_only };
        let end = match self.begin(&mut socket, &opened).await {
            Ok(()) => self.carry(&mut socket).await,
            Err(end) => end,
        };
        let why = match &end {
            End::Left => "left".to_owned(),
            End::Told { reason, .. } => reason.clone(),
        };
        if let End::Told { code, reason } = end {
            // Who has left is told nothing.
            let _ = say(&mut socket, &ConsoleNotice::Closed { code: code.to_owned(), reason }).await;
        }
        // The other side closes, or is dropped with this.
        let _ = timeout(TAKEN, socket.send(Message::Close(None))).await;
        if let Some(recorder) = self.recorder.take() {
            recorder.end().await;
        }
        if let Some(hold) = self.hold.take() {
            give_back(&self.api, &self.host, hold, &why).await;
        }
    }

    /// Tells what is opened, and shows what was written before.
    async fn begin(&mut self, socket: &mut WebSocket, opened: &ConsoleNotice) -> Result<(), End> {
        say(socket, opened).await?;
        let backlog = std::mem::take(&mut self.attached.backlog);
        if backlog.is_empty() {
            return Ok(());
        }
        self.recorded(Recorded::Output(&backlog)).await;
        send(socket, Message::Binary(backlog)).await
    }

    /// Carries characters until one side ends it.
    async fn carry(&mut self, socket: &mut WebSocket) -> End {
        loop {
            let idle_at = self.hold.as_ref().and_then(|hold| hold.idle_at(self.idle));
            let idle_for = idle_at.map_or(self.idle, |at| at.since(clock::now()));
            let carried = tokio::select! {
                output = self.attached.output.recv() => match output {
                    Ok(bytes) => {
                        self.recorded(Recorded::Output(&bytes)).await;
                        send(socket, Message::Binary(bytes)).await
                    }
                    Err(RecvError::Lagged(_)) => Err(End::Told {
                        code: "console.slow",
                        reason: "the console wrote faster than it was read; what follows would have holes".to_owned(),
                    }),
                    Err(RecvError::Closed) => Err(self.lost()),
                },
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.taken(message).await,
                    Some(Err(_)) | None => Err(End::Left),
                },
                ousted = ousted(&mut self.hold) => Err(End::Told { code: ousted.code, reason: ousted.reason }),
                Ok(()) = self.attached.told.changed() => {
                    let message = self.attached.told.borrow_and_update().clone();
                    say(socket, &ConsoleNotice::Notice { message }).await
                }
                () = tokio::time::sleep(idle_for), if self.hold.is_some() => Err(End::Told {
                    code: "console.idle",
                    reason: format!("nothing was typed for {} s", self.idle.as_secs()),
                }),
                () = self.api.stop.cancelled() => {
                    Err(End::Told { code: "server.stopping", reason: "the server is stopping".to_owned() })
                }
            };
            if let Err(end) = carried {
                return end;
            }
        }
    }

    /// Records what happens. A recording that cannot be written ends; the console does not.
    async fn recorded(&mut self, what: Recorded<'_>) {
        let Some(recorder) = &mut self.recorder else { return };
        let written = match what {
            Recorded::Output(bytes) => recorder.output(bytes).await,
            Recorded::Input(bytes) => recorder.input(bytes).await,
            Recorded::Mark(what) => recorder.mark(what).await,
            Recorded::Size(columns, rows) => recorder.size(columns, rows).await,
        };
        if let Err(error) = written {
            tracing::error!(host = %self.host, %error, "the recording of a console ends");
            self.recorder = None;
        }
    }

    /// Why the console is closed.
    fn lost(&self) -> End {
        End::Told { code: "console.lost", reason: self.attached.why_closed().to_string() }
    }

    /// Does what the client asks for. What a client types who only looks is passed over.
    async fn taken(&mut self, message: Message) -> Result<(), End> {
        let input = match message {
            Message::Binary(bytes) => Input::Bytes(bytes),
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(ConsoleRequest::Break) => Input::Break,
                Ok(ConsoleRequest::Resize { columns: 0, .. } | ConsoleRequest::Resize { rows: 0, .. }) => {
                    return Ok(());
                }
                Ok(ConsoleRequest::Resize { columns, rows }) => {
                    if self.hold.is_some() && self.attached.resize(columns, rows).await {
                        self.recorded(Recorded::Size(columns, rows)).await;
                    }
                    return Ok(());
                }
                Err(error) => {
                    return Err(End::Told { code: "request.malformed", reason: error.to_string() });
                }
            },
            Message::Close(_) => return Err(End::Left),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let Some(hold) = &self.hold else { return Ok(()) };
        hold.used();
        match &input {
            Input::Bytes(bytes) => self.recorded(Recorded::Input(&bytes.clone())).await,
            Input::Break => self.recorded(Recorded::Mark("break")).await,
            Input::Resize(..) => {}
        }
        self.attached.put(input).await;
        Ok(())
    }
}

pub(super) async fn ousted(hold: &mut Option<Hold>) -> crate::console::Ousted {
    match hold {
        Some(hold) => hold.ousted().await,
        None => std::future::pending().await,
    }
}

async fn say(socket: &mut WebSocket, notice: &ConsoleNotice) -> Result<(), End> {
    // A notice is plain data with string keys, which JSON can always hold.
    let text = serde_json::to_string(notice).unwrap_or_default();
    send(socket, Message::Text(text.into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(TAKEN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Left),
    }
}
