//! The screen of a host as it changes, as a WebSocket (RFC 6455), and keys for it.
//!
//! A client is sent the newest screen whenever it has taken the one before; what came in between is left out, so that a
//! slow one neither takes memory nor holds anybody up.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::body::Bytes;
use ironhand_api::{KeysRequest, LiveNotice, Name, Recorded};
use ironhand_console::keys::KeyStep;
use ironhand_model::Taker;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::action::{lane, steps};
use super::console::{SOMEBODY, give_back, known, ousted, tell_taken};
use super::resource::Query;
use super::{Api, ApiError};
use crate::clock;
use crate::console::{Deeds, Hold, ScreenRecorder, Shown, Viewer, shown, shows_the_same, told};
use crate::device::DeviceError;
use crate::lane::LaneHandle;
use crate::screen::{Seen, View};

/// The largest frame that a client may send: the longest keys, each written as long as a key can be.
const FRAME: usize = 64 * 1024;

/// Frames of keys that wait for the machine. Who sends more is told that they are not pressed.
const KEYS: usize = 16;

/// Notices that wait for the client. Who sends keys without reading what comes of them is left.
const NOTICES: usize = 64;

/// How long a client may take to take the last word.
const TAKEN: Duration = Duration::from_secs(20);

/// After so long without a picture the client is asked whether it is still there: one that is gone has no picture to
/// fail to take.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LiveQuery {
    /// Who it is, in their own words.
    by: Option<String>,
    /// Take the console from whoever has it.
    #[serde(default)]
    take_over: bool,
    /// Only look.
    #[serde(default)]
    read_only: bool,
    /// Whether pictures are sent beside the text.
    #[serde(default = "yes")]
    pictures: bool,
    /// Whether the recording shows what is typed, beside secrets, in place of stars.
    #[serde(default)]
    record_typed: bool,
}

const fn yes() -> bool {
    true
}

/// Somebody who watches a screen, and presses keys where they have the console.
struct Visit {
    api: Arc<Api>,
    host: Name,
    lane: LaneHandle,
    hold: Option<Hold>,
    idle: Duration,
    pictures: bool,
    viewer: Viewer,
    recorder: Option<ScreenRecorder>,
    recorded: Shown,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/hosts/{name}/screen/live`: the screen, as a WebSocket. What cannot be opened is a problem document.
pub(super) async fn live(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(query): Query<LiveQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let screens = lane.screens()?;
    let idle = api.fleet.site().terms(&known(&api, &text).await?).settings.console_idle;
    let place = Arc::clone(&api.viewers).try_acquire_owned().map_err(|_| ApiError::too_many_viewers())?;
    let hold = match query.read_only {
        true => None,
        false => {
            let by = query.by.as_deref().unwrap_or(SOMEBODY);
            let taker = Taker::Person { take_over: query.take_over };
            let (hold, from) = api.consoles.desks().take(&host, by, taker, idle)?;
            tell_taken(&api, &host, &hold, from.as_ref(), "screen").await;
            Some(hold)
        }
    };
    let recorder = match &hold {
        Some(hold) => {
            let begun =
                api.consoles.recordings().begin_screen(&host, hold.by(), lane.status().incident).await;
            begun.inspect_err(|error| tracing::error!(%host, %error, "a screen is not recorded")).ok()
        }
        None => None,
    };
    let (viewer, pictures) = (Viewer::new(screens), query.pictures);
    let recorded = if query.record_typed { Shown::Typed } else { Shown::Commands };
    let visit = Visit { api, host, lane, hold, idle, pictures, viewer, recorder, recorded, _place: place };
    let upgrade = upgrade.max_message_size(FRAME).max_frame_size(FRAME);
    Ok(upgrade.on_upgrade(move |socket| visit.run(socket)))
}

/// Why a connection ends.
enum End {
    /// The client left.
    Left,
    /// It is told why.
    Told { code: &'static str, reason: String },
}

impl End {
    fn told(code: &'static str, reason: impl Into<String>) -> Self {
        Self::Told { code, reason: reason.into() }
    }
}

impl Visit {
    async fn run(self, socket: WebSocket) {
        let Self { api, host, lane, hold, idle, pictures, viewer, recorder, recorded, _place } = self;
        let (sink, stream) = socket.split();
        let (say, said) = mpsc::channel(NOTICES);
        let (press, pressed) = mpsc::channel(KEYS);
        let (note, notes) = mpsc::channel(NOTICES);
        let recording = match (recorder, lane.screens()) {
            (Some(recorder), Ok(screens)) => Some(tokio::spawn(recorder.run(Viewer::new(screens), notes))),
            _ => None,
        };
        let mut outlet = Outlet { sink, said, viewer, pictures, last: None };
        let mut inlet = Inlet { api: &api, stream, hold, idle, press, say: say.clone() };
        let opened = LiveNotice::Opened { read_only: inlet.hold.is_none() };
        let end = tokio::select! {
            end = outlet.run(&lane, opened) => end,
            end = inlet.run() => end,
            end = type_on(&lane, pressed, say, &note, recorded) => end,
        };
        let why = match &end {
            End::Left => "left".to_owned(),
            End::Told { reason, .. } => reason.clone(),
        };
        // Where there is no room the recording has ended, or the disk is too slow for it.
        let _ = note.try_send(Recorded::Note(why.clone()));
        drop(note);
        // Before the last word, which a client may take long to take.
        if let Some(hold) = inlet.hold.take() {
            give_back(&api, &host, hold, &why).await;
        }
        if let Some(recording) = recording {
            // An error means that it panicked; what is not written in time is written behind this.
            let _ = timeout(TAKEN, recording).await;
        }
        if let End::Told { code, reason } = end {
            outlet.close(code, reason).await;
        }
    }
}

/// What is sent to a client.
struct Outlet {
    sink: SplitSink<WebSocket, Message>,
    said: mpsc::Receiver<LiveNotice>,
    viewer: Viewer,
    pictures: bool,
    /// What the client was sent last.
    last: Option<Last>,
}

/// What a client was sent last of a screen.
enum Last {
    Seen(Arc<Seen>),
    Unseen(String),
}

impl Outlet {
    /// Sends until the client has left, or the host has no screen any more.
    async fn run(&mut self, lane: &LaneHandle, opened: LiveNotice) -> End {
        let mut sent = self.say(&opened).await;
        loop {
            if let Err(end) = sent {
                return end;
            }
            sent = tokio::select! {
                biased;
                Some(notice) = self.said.recv() => self.say(&notice).await,
                view = self.viewer.next() => match view {
                    Some(view) => self.show(view).await,
                    None => Err(End::told("screen.gone", lane.no_screen().to_string())),
                },
                () = tokio::time::sleep(SILENCE) => self.send(Message::Ping(Bytes::new())).await,
            };
        }
    }

    /// Sends what is known of the screen, where that is another thing than before.
    async fn show(&mut self, view: View) -> Result<(), End> {
        match view {
            View::Connecting => Ok(()),
            View::Lost { source, error, .. } => {
                let reason = error.to_string();
                if matches!(&self.last, Some(Last::Unseen(before)) if *before == reason) {
                    return Ok(());
                }
                self.last = Some(Last::Unseen(reason.clone()));
                self.say(&LiveNotice::Unseen { connector: source.to_string(), reason }).await
            }
            View::Seen(seen) => {
                let same = |before: &Seen| shows_the_same(before, &seen, !self.pictures);
                if matches!(&self.last, Some(Last::Seen(before)) if same(before)) {
                    return Ok(());
                }
                self.last = Some(Last::Seen(Arc::clone(&seen)));
                let picture = if self.pictures { seen.shot.file().await } else { None };
                self.say(&LiveNotice::Screen(Box::new(told(&seen, picture.is_some())))).await?;
                match picture {
                    Some(picture) => self.send(Message::Binary(picture)).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn say(&mut self, notice: &LiveNotice) -> Result<(), End> {
        // A notice is plain data with string keys, which JSON can always hold.
        let text = serde_json::to_string(notice).unwrap_or_default();
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        // A client that takes nothing at all is cut off below (`Impatient`).
        self.sink.send(message).await.map_err(|_| End::Left)
    }

    /// Says why the connection ends.
    async fn close(&mut self, code: &'static str, reason: String) {
        let last = async {
            // Who has left is told nothing.
            let _ = self.say(&LiveNotice::Closed { code: code.to_owned(), reason }).await;
            let _ = self.sink.send(Message::Close(None)).await;
        };
        let _ = timeout(TAKEN, last).await;
    }
}

/// What comes from a client.
struct Inlet<'v> {
    api: &'v Api,
    stream: SplitStream<WebSocket>,
    hold: Option<Hold>,
    idle: Duration,
    press: mpsc::Sender<Vec<KeyStep>>,
    say: mpsc::Sender<LiveNotice>,
}

impl Inlet<'_> {
    /// Takes what comes until the client has left, or has the console no longer.
    async fn run(&mut self) -> End {
        loop {
            let idle_at = self.hold.as_ref().and_then(|hold| hold.idle_at(self.idle));
            let idle_for = idle_at.map_or(self.idle, |at| at.since(clock::now()));
            tokio::select! {
                message = self.stream.next() => {
                    let taken = match message {
                        Some(Ok(message)) => self.taken(message),
                        Some(Err(error)) => Err(refusal(&error)),
                        None => Err(End::Left),
                    };
                    if let Err(end) = taken {
                        return end;
                    }
                }
                ousted = ousted(&mut self.hold) => return End::told(ousted.code, ousted.reason),
                () = tokio::time::sleep(idle_for), if self.hold.is_some() => {
                    return End::told("console.idle", format!("nothing was typed for {} s", self.idle.as_secs()));
                }
                () = self.api.stop.cancelled() => {
                    return End::told("server.stopping", "the server is stopping");
                }
            }
        }
    }

    /// Does what the client asks for.
    fn taken(&mut self, message: Message) -> Result<(), End> {
        let request: KeysRequest = match &message {
            Message::Text(text) => serde_json::from_str(text)
                .map_err(|error| End::told("request.malformed", format!("the frame: {error}")))?,
            Message::Binary(_) => {
                return Err(End::told("request.malformed", "keys are text frames, like {\"keys\":\"<F1>\"}"));
            }
            Message::Close(_) => return Err(End::Left),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let Some(hold) = &self.hold else {
            return self.refuse("console.read_only", "who only watches presses no keys".to_owned());
        };
        hold.used();
        let steps = match steps(&request) {
            Ok(steps) => steps,
            Err(error) => return self.refuse("keys.invalid", error.to_string()),
        };
        match self.press.try_send(steps) {
            Ok(()) => Ok(()),
            Err(_) => {
                let busy = DeviceError::Busy { waiting: KEYS };
                self.refuse(busy.code(), format!("{KEYS} frames of keys wait already"))
            }
        }
    }

    fn refuse(&mut self, code: &str, reason: String) -> Result<(), End> {
        let notice = LiveNotice::NotPressed { code: code.to_owned(), reason };
        self.say.try_send(notice).map_err(|_| slow())
    }
}

/// Presses what the client sends, one frame after the other, and tells what came of it.
async fn type_on(
    lane: &LaneHandle,
    mut pressed: mpsc::Receiver<Vec<KeyStep>>,
    say: mpsc::Sender<LiveNotice>,
    note: &Deeds,
    recorded: Shown,
) -> End {
    while let Some(steps) = pressed.recv().await {
        let keys = shown(&steps, Shown::Commands);
        // What follows on the screen follows in the recording. Where there is no room it has ended, or the disk is too slow.
        let _ = note.try_send(Recorded::Keys(shown(&steps, recorded)));
        let attempt = lane.press(steps).await;
        let notice = match attempt.result {
            Ok(()) => LiveNotice::Pressed { keys, connector: attempt.through.to_string() },
            Err(error) => {
                let _ = note.try_send(Recorded::Note(format!("not pressed: {error}")));
                LiveNotice::NotPressed { code: error.code().to_owned(), reason: error.to_string() }
            }
        };
        if say.try_send(notice).is_err() {
            return slow();
        }
    }
    End::Left
}

fn slow() -> End {
    End::told("console.slow", "keys were sent, and what came of them was not read")
}

/// Why what a client sent was not taken.
fn refusal(error: &axum::Error) -> End {
    // What is wrong with a frame is known to the library below; a connection that broke takes no last word.
    let reason = format!("{error}; a frame has at most {FRAME} bytes");
    End::told("request.malformed", reason)
}
