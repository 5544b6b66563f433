//! A WebRTC session with a unit, kept by a task of its own until nobody needs it any more.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use ironhand_kvm::h264::{Arrived, Assembler, Group, Taken};
use ironhand_kvm::jetkvm::{self, Message, Signal, Signals, VideoState};
use nix::sys::socket::{setsockopt, sockopt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::peer::{self, Event, Peer};
use crate::Error;
use crate::path::{Stream, Taken as Way};

/// How long a session may take to come about, from the offer on.
const OPENING: Duration = Duration::from_secs(15);

/// How long a unit may take to do what it is told: it answers a press when the button is up again.
const ANSWER: Duration = Duration::from_secs(15);

/// How long a picture may take to come. Encoders send one that stands for itself every two seconds or so.
const FRAME: Duration = Duration::from_secs(10);

/// Between two requests for a picture that stands for itself.
const ASKING: Duration = Duration::from_secs(1);

/// A session that nobody used for so long is closed: a unit has one, and people need it, too.
const IDLE: Duration = Duration::from_secs(60);

/// How long to say good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Calls that wait for their answers.
const MOST_CALLS: usize = 16;

/// The most packets in a second. A screen of 1920x1080 takes a thousand.
const MOST_PACKETS: u32 = 20_000;

/// The most packets in a second that are dropped unread, as they belong to nothing that was agreed on: a unit sends hardly any.
const MOST_STRAY: u32 = 2_000;

/// Packets that may be dropped before anything else is done.
const MOST_DROPPED: usize = 64;

/// What the kernel keeps for us, in bytes: a picture that stands for itself comes all at once.
const SOCKET_BUFFER: usize = 4 << 20;

/// The longest packet.
const LONGEST_PACKET: usize = 2048;

/// Why a session ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// Somebody else took it.
    TakenOver,
    /// Nobody needed it any more.
    Closed,
    /// Anything else.
    Broken(Error),
}

/// What a session is asked.
enum Command {
    /// A call.
    Call { method: &'static str, params: Value, reply: oneshot::Sender<Result<Value, String>> },
    /// What is to be decoded for the next picture; from one on that stands for itself, where nothing of before is left.
    Frame { from_key: bool, reply: oneshot::Sender<Result<Taken, Error>> },
    /// To end.
    Close,
}

/// A session that is open. It ends when this is dropped.
pub(super) struct Session {
    commands: mpsc::Sender<Command>,
    task: tokio::task::JoinHandle<End>,
}

impl Session {
    /// Begins a session over a WebSocket for its signals, which ends when the session has come about.
    pub(super) async fn open(signals: Stream, way: &Way) -> Result<Self, Error> {
        let unreachable = |error: std::io::Error| Error::Unreachable {
            address: way.address.clone(),
            reason: format!("no way for WebRTC: {error}"),
        };
        let unit = addresses(way).await.map_err(unreachable)?;
        let socket = socket(&unit).await.map_err(unreachable)?;
        let local = socket.local_addr().map_err(unreachable)?;
        let made = Peer::new(local, unit, std::time::Instant::now());
        let (peer, offer) =
            made.map_err(|error| Error::Misconfigured { reason: format!("no WebRTC here: {error}") })?;
        let (commands, arriving) = mpsc::channel(MOST_CALLS);
        let mut driver = Driver::new(peer, socket, arriving, way.address.clone());
        let deadline = Instant::now() + OPENING;
        // A task of its own: what a unit sends before it is known may break its session, and nobody else's.
        let opening = tokio::spawn(async move {
            driver.open(signals, &offer, deadline).await?;
            Ok::<_, Error>(driver)
        });
        let driver = AbortOnDropHandle::new(opening).await.map_err(broken)??;
        Ok(Self { commands, task: tokio::spawn(driver.run()) })
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Why it ended, once it has.
    pub(super) async fn end(self) -> End {
        drop(self.commands);
        match self.task.await {
            Ok(end) => end,
            Err(error) => End::Broken(broken(error)),
        }
    }

    /// Calls a procedure. Nothing comes back where the session ended meanwhile, or the unit kept silent.
    pub(super) async fn call(&self, method: &'static str, params: Value) -> Option<Result<Value, String>> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + ANSWER;
        let asked = timeout_at(deadline, self.commands.send(Command::Call { method, params, reply })).await;
        asked.ok()?.ok()?;
        timeout_at(deadline, answer).await.ok()?.ok()
    }

    /// What is to be decoded for the next picture. Nothing comes back where the session ended meanwhile.
    pub(super) async fn frame(&self, from_key: bool) -> Option<Result<Taken, Error>> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Frame { from_key, reply }).await.ok()?;
        answer.await.ok()
    }

    /// Says good-bye.
    pub(super) async fn close(self) {
        let deadline = Instant::now() + GOODBYE;
        let _ = timeout_at(deadline, self.commands.send(Command::Close)).await;
        let _ = timeout_at(deadline, self.end()).await;
    }
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::Malformed { reason: format!("its session broke: {error}") }
}

/// The addresses of the unit.
async fn addresses(way: &Way) -> std::io::Result<Vec<IpAddr>> {
    let host = way.address.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<IpAddr> =
        tokio::net::lookup_host((host, way.port)).await?.map(|found| found.ip().to_canonical()).collect();
    if found.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

/// A socket at the address from which the unit is reached.
async fn socket(unit: &[IpAddr]) -> std::io::Result<UdpSocket> {
    let first = unit.first().copied().ok_or(std::io::ErrorKind::NotFound)?;
    let any: SocketAddr = if first.is_ipv4() { ([0; 4], 0).into() } else { ([0; 8], 0).into() };
    let probe = UdpSocket::bind(any).await?;
    // Nothing is sent by this: it chooses the route.
    probe.connect((first, 9)).await?;
    let socket = UdpSocket::bind((probe.local_addr()?.ip(), 0)).await?;
    if let Err(error) = setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER) {
        tracing::debug!(%error, "the buffer for the video of a JetKVM stays small");
    }
    Ok(socket)
}

/// Somebody waits for a picture.
struct Waiting {
    reply: oneshot::Sender<Result<Taken, Error>>,
    until: Instant,
}

/// What runs a session.
struct Driver {
    peer: Peer,
    socket: UdpSocket,
    commands: mpsc::Receiver<Command>,
    address: String,
    calls: HashMap<u64, (oneshot::Sender<Result<Value, String>>, Instant)>,
    next_call: u64,
    video: VideoState,
    /// Whether the unit told of its video.
    knows_video: bool,
    assembler: Assembler,
    group: Group,
    /// Whether video came at all.
    came: bool,
    waiting: Option<Waiting>,
    asked: Instant,
    used: Instant,
    is_open: bool,
    end: Option<End>,
    /// Packets since `second` began.
    packets: u32,
    /// And those of them that were dropped unread.
    stray: u32,
    second: Instant,
    buffer: BytesMut,
}

/// What woke the driver.
enum Woken {
    Packet(SocketAddr, usize),
    Command(Option<Command>),
    Time,
    Io(std::io::Error),
}

impl Driver {
    fn new(peer: Peer, socket: UdpSocket, commands: mpsc::Receiver<Command>, address: String) -> Self {
        let now = Instant::now();
        Self {
            peer,
            socket,
            commands,
            address,
            calls: HashMap::new(),
            next_call: 1,
            video: VideoState::default(),
            knows_video: false,
            assembler: Assembler::new(),
            group: Group::new(),
            came: false,
            waiting: None,
            asked: now,
            used: now,
            is_open: false,
            end: None,
            packets: 0,
            stray: 0,
            second: now,
            buffer: BytesMut::zeroed(LONGEST_PACKET),
        }
    }

    /// Offers a session and waits until its data channel is open.
    async fn open(&mut self, mut stream: Stream, offer: &str, deadline: Instant) -> Result<(), Error> {
        let silent = || Error::Silent { address: self.address.clone(), after: OPENING };
        let gone = |address: &str, reason: String| Error::Unreachable { address: address.to_owned(), reason };
        let offered = async {
            stream.write_all(jetkvm::offer(offer).as_bytes()).await?;
            stream.flush().await
        };
        let offered = timeout_at(deadline, offered).await.map_err(|_| silent())?;
        offered.map_err(|error| gone(&self.address, error.to_string()))?;
        let mut signals = Signals::new();
        let mut answered = false;
        let mut heard = vec![0; 16 * 1024];
        while !self.is_open {
            self.settle().await;
            if let Some(end) = self.end.take() {
                return Err(self.told(end));
            }
            let read = tokio::select! {
                read = stream.read(&mut heard) => Some(read),
                () = self.step(Some(deadline)) => None,
            };
            if Instant::now() >= deadline {
                return Err(self.unopened(answered));
            }
            let said = match read {
                None => continue,
                Some(Ok(0)) => return Err(gone(&self.address, "it ended the conversation".to_owned())),
                Some(Ok(length)) => signals.receive(&heard[..length]),
                Some(Err(error)) => return Err(gone(&self.address, error.to_string())),
            };
            for signal in
                said.map_err(|error| Error::Malformed { reason: format!("{error}; is this a JetKVM?") })?
            {
                answered |= matches!(signal, Signal::Answer(_));
                self.hear(signal)?;
            }
        }
        Ok(())
    }

    /// Why no session came about in time.
    fn unopened(&self, answered: bool) -> Error {
        let reason = match (answered, self.peer.has_way()) {
            (false, _) => "it did not answer the offer of a session; its firmware must be 0.4 or later",
            (true, false) => {
                "it named no address of its own that this machine may reach; is there a translation of addresses between?"
            }
            (true, true) => "its WebRTC did not come through; UDP must be open between it and this machine",
        };
        Error::Unreachable { address: self.address.clone(), reason: reason.to_owned() }
    }

    fn hear(&mut self, signal: Signal) -> Result<(), Error> {
        match signal {
            Signal::Firmware(version) => tracing::debug!(version, "a JetKVM says which it is"),
            Signal::Candidate(candidate) => self.peer.candidate(&candidate),
            Signal::Failed(reason) => return Err(Error::Refused { reason }),
            Signal::Answer(description) => {
                let taken = self.peer.answer(&description, std::time::Instant::now());
                taken.map_err(|error| Error::Malformed {
                    reason: format!("its answer to the offer of a session cannot be used: {error}"),
                })?;
            }
        }
        Ok(())
    }

    /// Runs until the session ends.
    async fn run(mut self) -> End {
        self.used = Instant::now();
        let end = loop {
            self.settle().await;
            if let Some(end) = self.end.take() {
                break end;
            }
            self.step(None).await;
        };
        self.peer.close();
        self.send().await;
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.reply.send(Err(self.told(end.clone())));
        }
        end
    }

    /// Waits for something to happen, and takes it. Until the session is open, commands wait.
    async fn step(&mut self, until: Option<Instant>) {
        let now = Instant::now();
        let wake = self.peer.next_wake().map(Instant::from_std);
        let due = [wake, until, Some(self.used + IDLE), self.waiting.as_ref().map(|waiting| waiting.until)];
        let asking = self.waiting.is_some() && !self.group.is_whole();
        let due = due.into_iter().flatten().chain(asking.then(|| self.asked + ASKING)).min();
        let due = due.unwrap_or(now + IDLE);
        let woken = tokio::select! {
            received = self.socket.recv_from(&mut self.buffer) => match received {
                Ok((length, from)) => Woken::Packet(from, length),
                Err(error) => Woken::Io(error),
            },
            command = self.commands.recv(), if until.is_none() => Woken::Command(command),
            () = sleep_until(due) => Woken::Time,
        };
        match woken {
            Woken::Packet(from, length) => self.receive(from, length),
            Woken::Command(None | Some(Command::Close)) => self.finish(End::Closed),
            Woken::Command(Some(command)) => self.obey(command),
            Woken::Time => self.tick(),
            // Others' answers of "unreachable" come back here; the session's own timers tell whether it lives.
            Woken::Io(error) => tracing::debug!(%error, "a packet of a session with a JetKVM was lost"),
        }
    }

    /// Takes a packet; those that are dropped unread cost no more than to look at them.
    fn receive(&mut self, from: SocketAddr, length: usize) {
        let mut is_read = self.receive_one(from, length);
        for _ in 1..MOST_DROPPED {
            if is_read {
                return;
            }
            let Ok((length, from)) = self.socket.try_recv_from(&mut self.buffer) else { return };
            is_read = self.receive_one(from, length);
        }
    }

    /// Takes a packet. False where it was dropped unread.
    fn receive_one(&mut self, from: SocketAddr, length: usize) -> bool {
        let now = Instant::now();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.packets, self.stray) = (now, 0, 0);
        }
        self.packets += 1;
        let is_read = self.peer.receive(now.into_std(), from, &self.buffer[..length]);
        self.stray += u32::from(!is_read);
        let reason = if self.packets > MOST_PACKETS {
            format!("it sends more than {MOST_PACKETS} packets in a second")
        } else if self.stray > MOST_STRAY {
            format!("it sends more than {MOST_STRAY} packets in a second that belong to nothing")
        } else {
            return is_read;
        };
        self.finish(End::Broken(Error::Malformed { reason }));
        is_read
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        self.used = now;
        match command {
            Command::Call { method, params, reply } => {
                let id = self.next_call;
                self.next_call += 1;
                // The reply of what cannot be sent is dropped: nothing was done.
                if self.calls.len() < MOST_CALLS
                    && self.peer.say(now.into_std(), jetkvm::call(id, method, &params))
                {
                    self.calls.insert(id, (reply, now + ANSWER));
                }
            }
            Command::Frame { reply, .. } if self.knows_video && !self.video.is_ready => {
                let _ = reply.send(Err(no_signal(&self.video)));
            }
            Command::Frame { from_key, reply } => {
                if from_key && !self.group.is_fresh() {
                    self.group.lose();
                }
                self.waiting = Some(Waiting { reply, until: now + FRAME });
                if !self.group.is_whole() {
                    self.ask_for_key(now);
                }
            }
            Command::Close => {}
        }
    }

    fn ask_for_key(&mut self, now: Instant) {
        self.asked = now;
        self.peer.ask_for_key(now.into_std());
    }

    /// Deadlines.
    fn tick(&mut self) {
        let now = Instant::now();
        self.peer.wake(now.into_std());
        self.calls.retain(|_, (_, until)| *until > now);
        if self.waiting.is_some() && !self.group.is_whole() && now >= self.asked + ASKING {
            self.ask_for_key(now);
        }
        if let Some(waiting) = self.waiting.take_if(|waiting| waiting.until <= now) {
            let seconds = FRAME.as_secs();
            let reason = if self.came && !self.group.is_whole() {
                format!("its video had no beginning within {seconds} s")
            } else {
                format!("no frame came within {seconds} s")
            };
            let _ = waiting.reply.send(Err(Error::NoPicture { reason }));
        }
        if self.is_open && now >= self.used + IDLE && self.waiting.is_none() {
            self.finish(End::Closed);
        }
    }

    fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// Takes what happened, and sends what there is to send.
    async fn settle(&mut self) {
        while let Some(event) = self.peer.next_event() {
            match event {
                Event::Open => self.is_open = true,
                Event::Message(text) => self.read(&text),
                Event::Video(packet) => self.watch(&packet),
                Event::Failed => {
                    let reason = "its WebRTC session broke".to_owned();
                    self.finish(End::Broken(Error::Unreachable { address: self.address.clone(), reason }));
                }
            }
        }
        self.send().await;
    }

    async fn send(&mut self) {
        while let Some((to, packet)) = self.peer.next_packet() {
            if let Err(error) = self.socket.send_to(&packet, to).await {
                tracing::debug!(%error, "a packet to a JetKVM could not be sent");
            }
        }
    }

    fn read(&mut self, text: &[u8]) {
        match Message::read(text) {
            Some(Message::Answer { id, result }) => {
                if let Some((reply, _)) = self.calls.remove(&id) {
                    let _ = reply.send(result);
                }
            }
            Some(Message::Video(state)) => {
                (self.knows_video, self.video) = (true, state);
                if !self.video.is_ready
                    && let Some(waiting) = self.waiting.take()
                {
                    let _ = waiting.reply.send(Err(no_signal(&self.video)));
                }
            }
            Some(Message::TakenOver) => self.finish(End::TakenOver),
            Some(Message::Other) => {}
            None => tracing::debug!("a message of a JetKVM makes no sense"),
        }
    }

    fn watch(&mut self, packet: &rtc::rtp::Packet) {
        self.came = true;
        let mut is_new = false;
        for arrived in self.assembler.receive(peer::video(packet)) {
            match arrived {
                Arrived::Unit(unit) => {
                    self.group.add(unit);
                    is_new = true;
                }
                Arrived::Lost => self.group.lose(),
            }
        }
        if is_new
            && self.waiting.is_some()
            && let Some(taken) = self.group.take()
            && let Some(waiting) = self.waiting.take()
        {
            let _ = waiting.reply.send(Ok(taken));
        }
    }

    fn told(&self, end: End) -> Error {
        match end {
            End::TakenOver => super::taken_over(),
            End::Closed => Error::Unreachable {
                address: self.address.clone(),
                reason: "its session was closed".to_owned(),
            },
            End::Broken(error) => error,
        }
    }
}

fn no_signal(video: &VideoState) -> Error {
    let reason = match video.error.as_str() {
        "" | "no_signal" => "the machine sends no signal".to_owned(),
        "no_lock" => "the machine's signal cannot be made out (no_lock)".to_owned(),
        "out_of_range" => "the machine's resolution is beyond what the unit takes (out_of_range)".to_owned(),
        other => format!("the unit says {other}"),
    };
    Error::NoPicture { reason }
}
