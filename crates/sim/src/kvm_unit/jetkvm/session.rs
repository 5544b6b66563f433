//! A viewer's session: pictures out, calls in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ironhand_kvm::Picture;
use ironhand_kvm::h264::Encoder;
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::fault;
use super::peer::{Event, Fault, Peer};
use crate::kvm_unit::{Button, State, UnitFault};
use crate::picture::picture;

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// Pictures from one that stands for itself to the next: two seconds, as of units at 30 pictures in a second.
const GROUP: u32 = 20;

/// How long a session that somebody took goes on.
const TAKEN_OVER: Duration = Duration::from_secs(1);

/// How long the buttons are down.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(5);

/// Packets that go out at once; a viewer's socket holds so many without being read.
const BURST: usize = 32;
const BETWEEN_BURSTS: Duration = Duration::from_millis(2);

/// Between two waves of what nobody asked for.
const BETWEEN_WAVES: Duration = Duration::from_millis(5);

/// What a session is told from outside.
pub(crate) enum Order {
    /// A way to the viewer.
    Candidate(String),
    /// Somebody else has a session now.
    TakenOver,
    /// A call was answered.
    Answer(String),
}

/// Begins a session with an offer: the answer to it, the way to here, and what takes orders for the session. Whoever had one before loses it.
pub(super) async fn begin(
    offer: &str,
    state: Arc<State>,
    stop: CancellationToken,
) -> Result<(String, String, mpsc::Sender<Order>), Fault> {
    let bind: IpAddr = state.config.bind;
    let socket = UdpSocket::bind((bind, 0)).await?;
    let local = socket.local_addr()?;
    let mut ssrc = [0; 4];
    getrandom::fill(&mut ssrc).map_err(std::io::Error::other)?;
    let made = Peer::answer(offer, local, u32::from_le_bytes(ssrc), std::time::Instant::now());
    let (peer, answer, way) = made?;
    let answer = fault::answer(&state, answer);
    let (sender, orders) = mpsc::channel(16);
    let before = state.inner().viewer.replace(sender.clone());
    if let Some(before) = before {
        let _ = before.try_send(Order::TakenOver);
    }
    let now = Instant::now();
    let session = Session {
        peer,
        socket,
        state,
        orders,
        own: sender.downgrade(),
        encoder: Encoder::new(),
        begun: now,
        next_frame: None,
        frames: 0,
        had_signal: None,
        until: None,
        is_over: false,
        viewer: None,
        flooded: 0,
    };
    tokio::spawn(stop.run_until_cancelled_owned(session.run()));
    Ok((answer, way, sender))
}

struct Session {
    peer: Peer,
    socket: UdpSocket,
    state: Arc<State>,
    orders: mpsc::Receiver<Order>,
    /// Where answers to calls go that take their time.
    own: mpsc::WeakSender<Order>,
    encoder: Encoder,
    begun: Instant,
    next_frame: Option<Instant>,
    frames: u32,
    /// What the viewer was told of the machine's signal.
    had_signal: Option<bool>,
    /// When it ends because somebody else took it.
    until: Option<Instant>,
    is_over: bool,
    /// Where packets went last.
    viewer: Option<SocketAddr>,
    /// Packets of a flood so far.
    flooded: u32,
}

impl Session {
    async fn run(mut self) {
        let mut buffer = vec![0; 2048];
        loop {
            if self.state.has(UnitFault::Down) {
                // The service is gone, and says no good-bye.
                self.state.report([0; 8]);
                return;
            }
            if self.state.has(UnitFault::Silent) {
                tokio::time::sleep(FRAME).await;
                continue;
            }
            self.settle();
            self.rage();
            if self.send().await.is_err() || self.is_over {
                break;
            }
            let now = Instant::now();
            let wake = self.peer.next_wake().map(Instant::from_std);
            let raging = self.is_raging().then(|| now + BETWEEN_WAVES);
            let due = [wake, self.next_frame, self.until, raging].into_iter().flatten().min();
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    if let Ok((length, from)) = received {
                        self.peer.receive(std::time::Instant::now(), from, &buffer[..length]);
                    }
                }
                order = self.orders.recv() => match order {
                    Some(order) => self.take(order),
                    None => break,
                },
                () = sleep_until(due.unwrap_or(now + FRAME)) => self.tick(),
            }
        }
        self.peer.close();
        let _ = self.send().await;
        // What was held is let go when the viewer leaves.
        self.state.report([0; 8]);
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Candidate(way) => self.peer.candidate(way),
            Order::Answer(text) => self.peer.say(std::time::Instant::now(), text),
            Order::TakenOver => {
                self.tell("otherSessionConnected", &Value::Null);
                self.until = Some(Instant::now() + TAKEN_OVER);
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.peer.wake(now.into_std());
        self.is_over |= self.until.is_some_and(|until| until <= now);
        if self.next_frame.is_some_and(|due| due <= now) {
            self.show(now);
            // From now on: a slow machine has time for calls between two pictures.
            self.next_frame = Some(Instant::now() + FRAME);
        }
    }

    fn settle(&mut self) {
        while let Some(event) = self.peer.next_event() {
            match event {
                Event::Connected => self.next_frame = Some(Instant::now()),
                Event::Open => self.had_signal = None,
                Event::Call(text) => self.call(&text),
                Event::Over => self.is_over = true,
            }
        }
    }

    /// Whether there is something to send again soon that nobody asked for.
    fn is_raging(&self) -> bool {
        let is_connected = self.next_frame.is_some();
        is_connected && (self.state.has(UnitFault::Flood) || self.state.has(UnitFault::Chatter))
    }

    /// Sends what nobody asked for, where the unit is of that kind.
    fn rage(&mut self) {
        if !self.is_raging() {
            return;
        }
        if self.state.has(UnitFault::Flood)
            && let Some(viewer) = self.viewer
        {
            fault::flood(&self.socket, viewer, &mut self.flooded);
        }
        if self.state.has(UnitFault::Chatter) {
            let now = std::time::Instant::now();
            while self.peer.unsent().is_some_and(|bytes| bytes < fault::MOST_UNSENT) {
                self.peer.say(now, fault::chatter());
            }
        }
    }

    async fn send(&mut self) -> std::io::Result<()> {
        let mut sent = 0;
        while let Some((to, mut packet)) = self.peer.next_packet() {
            let to: SocketAddr = to;
            self.viewer = Some(to);
            fault::packet(&self.state, &mut packet);
            if let Err(error) = self.socket.send_to(&packet, to).await {
                tracing::debug!(%error, "a packet to a viewer could not be sent");
            }
            sent += 1;
            if sent % BURST == 0 {
                tokio::time::sleep(BETWEEN_BURSTS).await;
            }
        }
        Ok(())
    }

    /// Sends the next picture, where the machine has one.
    fn show(&mut self, now: Instant) {
        let drawn = {
            let machine = self.state.machine();
            (machine.is_on() && !self.state.has(UnitFault::NoSignal)).then(|| picture(machine.screen()))
        };
        if self.had_signal != Some(drawn.is_some()) {
            self.had_signal = Some(drawn.is_some());
            let video = self.video_state();
            self.tell("videoInputState", &video);
        }
        let Some(drawn) = drawn else { return };
        let picture = Picture::from_pixels(drawn.width(), drawn.height(), drawn.pixels().to_vec());
        let Ok(picture) = picture else { return };
        let unit = self.encoder.encode(&picture, self.frames.is_multiple_of(GROUP));
        self.frames += 1;
        let Some(unit) = fault::picture(&self.state, unit) else { return };
        let timestamp = now.duration_since(self.begun).as_millis() * 90;
        self.peer.show(now.into_std(), (timestamp & u128::from(u32::MAX)) as u32, &unit.nals);
    }

    fn video_state(&self) -> Value {
        let machine = self.state.machine();
        if !machine.is_on() || self.state.has(UnitFault::NoSignal) {
            return json!({ "ready": false, "error": "no_signal", "width": 0, "height": 0, "fps": 0 });
        }
        let drawn = picture(machine.screen());
        json!({ "ready": true, "width": drawn.width(), "height": drawn.height(), "fps": 10 })
    }

    fn tell(&mut self, method: &str, params: &Value) {
        let text = json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string();
        self.peer.say(std::time::Instant::now(), text);
    }

    fn call(&mut self, text: &[u8]) {
        let told: Value = serde_json::from_slice(text).unwrap_or_default();
        let (id, params) = (&told["id"], &told["params"]);
        let result = match told["method"].as_str() {
            Some("ping") => Ok(json!("pong")),
            Some("getDeviceID") => Ok(json!("sim")),
            Some("getVideoState") => Ok(self.video_state()),
            Some("getActiveExtension") if self.state.has(UnitFault::AtxDisabled) => Ok(json!("")),
            Some("getActiveExtension") => Ok(json!("atx-power")),
            Some("getATXState") => Ok(json!({ "power": self.state.machine().is_on(), "hdd": false })),
            Some("setATXPowerAction") => match press(params) {
                Some((button, held)) => return self.press(id.clone(), button, held),
                None => Err((-32603, "Internal error", format!("invalid action: {}", params["action"]))),
            },
            Some("keyboardReport") => match report(params) {
                Some(report) => {
                    self.state.report(report);
                    Ok(Value::Null)
                }
                None => Err((-32603, "Internal error", "invalid parameter".to_owned())),
            },
            _ => Err((-32601, "Method not found", String::new())),
        };
        let answer = answered(id, result);
        self.peer.say(std::time::Instant::now(), answer);
    }

    /// Presses a button. It is answered when the button is up again.
    fn press(&self, id: Value, button: Button, held: Duration) {
        let (state, own) = (Arc::clone(&self.state), self.own.clone());
        tokio::spawn(async move {
            let result = match state.press(button, held).await {
                true => Ok(Value::Null),
                false => Err((-32603, "Internal error", "Port is busy".to_owned())),
            };
            if let Some(own) = own.upgrade() {
                let _ = own.send(Order::Answer(answered(&id, result))).await;
            }
        });
    }
}

fn answered(id: &Value, result: Result<Value, (i64, &str, String)>) -> String {
    match result {
        Ok(Value::Null) => json!({ "jsonrpc": "2.0", "id": id }),
        Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
        Err((code, message, data)) => {
            let error = json!({ "code": code, "message": message, "data": data });
            json!({ "jsonrpc": "2.0", "error": error, "id": id })
        }
    }
    .to_string()
}

fn press(params: &Value) -> Option<(Button, Duration)> {
    Some(match params["action"].as_str()? {
        "power-short" => (Button::Power, SHORT),
        "power-long" => (Button::Power, LONG),
        "reset" => (Button::Reset, SHORT),
        _ => return None,
    })
}

/// A keyboard's state out of a call: its modifiers, and up to six keys.
fn report(params: &Value) -> Option<[u8; 8]> {
    let mut report = [0; 8];
    report[0] = u8::try_from(params["modifier"].as_u64()?).ok()?;
    for (place, key) in report[2..].iter_mut().zip(params["keys"].as_array()?) {
        *place = u8::try_from(key.as_u64()?).ok()?;
    }
    Some(report)
}
