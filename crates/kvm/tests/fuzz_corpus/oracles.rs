//! What must hold at either end of a remote console whatever the other sends. Each function takes one input of a fuzz
//! target.
//!
//! An input of a machine is a configuration byte and then steps: an operation byte and its operands.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use ironhand_kvm::ast2100::{self, Decoder, Quality, Settings, Subsampling};
use ironhand_kvm::h264::{self, AccessUnit, Arrived, Assembler, Group, RtpPacket};
use ironhand_kvm::jetkvm::{Message, Signals};
use ironhand_kvm::{Error, Output, Picture, aten, ivtp};

/// Takes operands off an input; what is missing is zero.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn step(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> u8 {
        self.step().unwrap_or_default()
    }

    /// A length of two bytes, then as many bytes as there are.
    fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
        let (chunk, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        chunk
    }
}

/// Fetches all outputs: bytes to send and events.
fn drain<E>(mut next_output: impl FnMut() -> Option<Output<E>>) -> (Vec<u8>, Vec<E>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = next_output() {
        match output {
            Output::Send(bytes) => sent.extend(bytes),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// A picture that depends on two numbers alone: its size and what is in it.
fn picture(size: u8, content: u8) -> Picture {
    let (width, height) = (u16::from(size & 15) * 5 + 1, u16::from(size >> 4) * 3 + 1);
    let colour = |index: u32| (index / (u32::from(content) + 1)).wrapping_mul(0x9E_3779) & 0x00FF_FFFF;
    let pixels = (0..u32::from(width) * u32::from(height)).map(colour).collect();
    Picture::from_pixels(width, height, pixels).expect("small")
}

fn is_sound(picture: &Picture) {
    assert_eq!(picture.pixels().len(), usize::from(picture.width()) * usize::from(picture.height()));
    assert!(!picture.pixels().is_empty() && picture.pixels().len() <= Picture::MAX_PIXELS);
    assert!(picture.pixels().iter().all(|pixel| *pixel <= 0x00FF_FFFF));
}

/// A stream: settings in three bytes, the size of the screen in one, and data. The pictures of a decoder are sound and
/// the same each time, whatever it saw before; and what is encoded of them is decoded.
pub fn ast2100(data: &[u8]) {
    let mut script = Script(data);
    let quality = |byte: u8| Quality::new(byte % 12).expect("below 12");
    let flags = script.byte();
    let settings = Settings {
        luma: quality(script.byte()),
        chroma: quality(flags >> 4),
        second: quality(script.byte()),
        luma_tables_for_chroma: flags & 2 != 0,
        subsampling: if flags & 1 != 0 { Subsampling::Quarter } else { Subsampling::Full },
    };
    let mut pictures = [0, 1].map(|_| picture(flags, 3));
    let mut decoder = Decoder::new();
    let [first, second] = pictures.each_mut();
    let painted = decoder.decode(first, &settings, script.0);
    let again = Decoder::new().decode(second, &settings, script.0);
    assert_eq!(painted, again);
    is_sound(&pictures[0]);
    assert_eq!(pictures[0], pictures[1]);

    let mut ours = Vec::new();
    ast2100::encode(&pictures[0], None, &settings, &mut ours);
    let decoded = decoder.decode(&mut pictures[1], &settings, &ours);
    assert!(decoded.is_ok(), "our own stream: {decoded:?}");
}

/// What the checks need of a viewer.
trait Viewer {
    type Event: Debug + PartialEq;
    fn receive(&mut self, now: Instant, bytes: &[u8]);
    fn wake(&mut self, now: Instant);
    fn next_wake(&self) -> Option<Instant>;
    fn next_output(&mut self) -> Option<Output<Self::Event>>;
    fn picture(&self) -> Option<&Picture>;
    fn closed(&mut self);
    fn request(&mut self, now: Instant, incremental: bool);
    fn key(&mut self, usage: u8);
    /// Whether it says that the connection is over. What was not understood is quoted as far as it had come, which
    /// depends on how bytes are split; the quotation is removed.
    fn ends(event: &mut Self::Event) -> bool;
}

fn without_quotation(error: &mut Error) {
    if let Error::NotThisConsole { start } = error {
        start.clear();
    }
}

impl Viewer for aten::Client {
    type Event = aten::Event;
    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        Self::receive(self, now, bytes);
    }
    fn wake(&mut self, now: Instant) {
        Self::wake(self, now);
    }
    fn next_wake(&self) -> Option<Instant> {
        Self::next_wake(self)
    }
    fn next_output(&mut self) -> Option<Output<aten::Event>> {
        Self::next_output(self)
    }
    fn picture(&self) -> Option<&Picture> {
        Self::picture(self)
    }
    fn closed(&mut self) {
        Self::closed(self);
    }
    fn request(&mut self, now: Instant, incremental: bool) {
        self.request_update(now, incremental);
    }
    fn key(&mut self, usage: u8) {
        Self::key(self, usage, true);
    }
    fn ends(event: &mut aten::Event) -> bool {
        let aten::Event::Failed(error) = event else { return false };
        without_quotation(error);
        true
    }
}

impl Viewer for ivtp::Client {
    type Event = ivtp::Event;
    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        Self::receive(self, now, bytes);
    }
    fn wake(&mut self, now: Instant) {
        Self::wake(self, now);
    }
    fn next_wake(&self) -> Option<Instant> {
        Self::next_wake(self)
    }
    fn next_output(&mut self) -> Option<Output<ivtp::Event>> {
        Self::next_output(self)
    }
    fn picture(&self) -> Option<&Picture> {
        Self::picture(self)
    }
    fn closed(&mut self) {
        Self::closed(self);
    }
    fn request(&mut self, now: Instant, incremental: bool) {
        if incremental {
            self.request_master();
        } else {
            self.request_full_screen(now);
        }
    }
    fn key(&mut self, usage: u8) {
        Self::key(self, usage, true);
    }
    fn ends(event: &mut ivtp::Event) -> bool {
        let ivtp::Event::Failed(error) = event else { return false };
        without_quotation(error);
        true
    }
}

/// A viewer of a hostile controller. Two are played the same bytes, one of them byte by byte, and both must do the same.
fn viewer<V: Viewer>(mut script: Script<'_>, new: impl Fn(Instant) -> V) {
    let mut now = Instant::now();
    let mut viewers = [new(now), new(now)];
    let mut is_over = false;
    while let Some(operation) = script.step() {
        let due = viewers[0].next_wake();
        let mut each = |act: &dyn Fn(&mut V)| viewers.iter_mut().for_each(act);
        match operation % 8 {
            0..=2 => {
                let bytes = script.chunk();
                viewers[0].receive(now, bytes);
                bytes.iter().for_each(|byte| viewers[1].receive(now, &[*byte]));
            }
            3 => {
                now += Duration::from_secs(script.byte().into());
                each(&|viewer| viewer.wake(now));
            }
            4 => {
                now = due.unwrap_or(now).max(now);
                each(&|viewer| viewer.wake(now));
            }
            5 => {
                let incremental = script.byte() & 1 != 0;
                each(&|viewer| viewer.request(now, incremental));
            }
            6 => {
                let usage = script.byte();
                each(&|viewer| viewer.key(usage));
            }
            _ => each(&|viewer| viewer.closed()),
        }
        let mut ended = [false; 2];
        let [whole, split] = [0, 1].map(|index| {
            let (sent, mut events) = drain(|| viewers[index].next_output());
            events.iter_mut().for_each(|event| ended[index] |= V::ends(event));
            (sent, events)
        });
        assert_eq!(whole, split, "what the viewer does depends on how bytes are split");
        assert!(!is_over || (whole.0.is_empty() && whole.1.is_empty()), "{:?} after the end", whole.1);
        is_over |= ended[0];
        let [whole, split] = &viewers;
        assert_eq!(whole.next_wake(), split.next_wake());
        assert!(whole.picture() == split.picture(), "the picture depends on how bytes are split");
        assert!(!is_over || (whole.picture().is_none() && whole.next_wake().is_none()));
        whole.picture().into_iter().for_each(is_sound);
    }
}

/// A viewer in front of a hostile controller of ATEN's kind.
pub fn aten_client(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let quality = (setting & 1 != 0).then_some(aten::VideoQuality::BEST);
    viewer(script, |now| {
        let config = aten::ClientConfig::new("token".into(), "".into());
        aten::Client::new(now, aten::ClientConfig { quality, ..config })
    });
}

/// A viewer in front of a hostile controller of AMI's kind.
pub fn ivtp_client(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let body = ivtp::ValidateBody::ALL[usize::from(setting >> 1) % 3];
    let web_session = (setting & 1 != 0).then(|| "web".into());
    viewer(script, |now| {
        let config = ivtp::ClientConfig::new("token".into(), "192.0.2.7".into(), "192.0.2.1".into());
        let config = ivtp::ClientConfig { body, web_session: web_session.clone(), ..config };
        ivtp::Client::new(now, config)
    });
}

/// A controller of ATEN's kind with a hostile viewer.
pub fn aten_server(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let kind = if setting & 1 != 0 { aten::PictureKind::Hermon } else { aten::PictureKind::Ast2100 };
    let mut now = Instant::now();
    let first = picture(script.byte(), script.byte());
    let mut servers = [0, 1].map(|_| {
        // Inputs know the name and not the password; a fuzzer does not find it.
        let password = if setting & 2 != 0 { "t6Zq9Lw2" } else { "" };
        let config = aten::ServerConfig::new("token".into(), password.into());
        aten::Server::new(now, aten::ServerConfig { kind, ..config }, Some(first.clone()))
    });
    let mut is_over = false;
    while let Some(operation) = script.step() {
        match operation % 8 {
            0..=3 => {
                let bytes = script.chunk();
                servers[0].receive(now, bytes);
                bytes.iter().for_each(|byte| servers[1].receive(now, &[*byte]));
            }
            4 => {
                now += Duration::from_secs(script.byte().into());
                servers.iter_mut().for_each(|server| server.wake(now));
            }
            _ => {
                let shown = (operation & 8 == 0).then(|| picture(script.byte(), script.byte()));
                servers.iter_mut().for_each(|server| server.set_picture(shown.clone()));
            }
        }
        let [whole, split] = servers.each_mut().map(|server| drain(|| server.next_output()));
        assert_eq!(whole, split, "what the controller does depends on how bytes are split");
        let (sent, events) = whole;
        assert!(!is_over || (sent.is_empty() && events.is_empty()), "{events:?} after the end");
        let connected = events.contains(&aten::ServerEvent::Connected);
        assert!(!connected || setting & 2 == 0, "let in without the password");
        is_over |= events.iter().any(|event| matches!(event, aten::ServerEvent::Failed(_)));
        assert!(!is_over || servers[0].next_wake().is_none());
    }
}

/// A controller of AMI's kind with a hostile viewer.
pub fn ivtp_server(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let mut now = Instant::now();
    let first = picture(script.byte(), script.byte());
    let admissions = [ivtp::Admission::Master, ivtp::Admission::Slave, ivtp::Admission::Refused];
    let mut servers = [0, 1].map(|_| {
        let token = if setting & 2 != 0 { "t6Zq9Lw2" } else { "token" };
        let config = ivtp::ServerConfig {
            admission: admissions[usize::from(setting >> 4) % 3],
            part_length: 200,
            ..ivtp::ServerConfig::new(token.into())
        };
        ivtp::Server::new(now, config, Some(first.clone()))
    });
    let mut is_over = false;
    while let Some(operation) = script.step() {
        match operation % 8 {
            0..=3 => {
                let bytes = script.chunk();
                servers[0].receive(now, bytes);
                bytes.iter().for_each(|byte| servers[1].receive(now, &[*byte]));
            }
            4 => {
                now += Duration::from_secs(script.byte().into());
                servers.iter_mut().for_each(|server| server.wake(now));
            }
            5 => servers.iter_mut().for_each(|server| server.answer_master(operation & 8 == 0)),
            _ => {
                let shown = (operation & 8 == 0).then(|| picture(script.byte(), script.byte()));
                servers.iter_mut().for_each(|server| server.set_picture(shown.clone()));
            }
        }
        let [whole, split] = servers.each_mut().map(|server| drain(|| server.next_output()));
        assert_eq!(whole.1, split.1, "what the controller does depends on how bytes are split");
        let (sent, events) = whole;
        assert!(!is_over || (sent.is_empty() && events.is_empty()), "{events:?} after the end");
        let connected = events.contains(&ivtp::ServerEvent::Connected);
        assert!(!connected || setting & 2 == 0, "let in without the token");
        is_over |= events.iter().any(|event| matches!(event, ivtp::ServerEvent::Failed(_)));
        assert!(!is_over || servers[0].next_wake().is_none());
    }
}

/// Packets of video: an operation byte (the mark, how far the number goes on, whether the time does) and a payload.
pub fn h264_packets(data: &[u8]) {
    let mut script = Script(data);
    let (mut assembler, mut group) = (Assembler::new(), Group::new());
    let (mut sequence, mut timestamp) = (65_500_u16, 0_u32);
    let mut given = 0;
    while let Some(operation) = script.step() {
        sequence = match operation >> 4 & 7 {
            0..=4 => sequence.wrapping_add(1),
            5 => sequence.wrapping_add(2),
            6 => sequence.wrapping_sub(script.byte().into()),
            _ => sequence.wrapping_add(u16::from(script.byte()) << 8),
        };
        timestamp += u32::from(operation & 2);
        let payload = script.chunk();
        given += payload.len();
        let packet = RtpPacket { sequence, timestamp, marker: operation & 1 == 1, payload };
        for arrived in assembler.receive(packet) {
            match arrived {
                Arrived::Unit(unit) => {
                    assert!(!unit.nals.is_empty() && unit.nals.iter().all(|nal| !nal.is_empty()));
                    // The first byte of a unit in parts stands in each of them.
                    assert!(unit.length() <= given, "more comes out than went in");
                    let is_key = unit.is_key();
                    group.add(unit);
                    assert!(!is_key || group.is_whole());
                }
                Arrived::Lost => group.lose(),
            }
        }
        if operation & 4 != 0
            && let Some(taken) = group.take()
        {
            assert!(!taken.is_fresh || taken.units.iter().take(2).any(AccessUnit::is_key));
        }
    }
}

/// A stream: chunks are NAL units; one whose length has its highest bit set ends an access unit.
pub fn h264_stream(data: &[u8]) {
    let mut script = Script(data);
    let mut decoder = h264::Decoder::new();
    let mut unit = AccessUnit::default();
    // A decoder may take milliseconds for each picture; what is found is found in few.
    let mut pictures = 0;
    while let Some(operation) = script.step()
        && pictures < 16
    {
        unit.nals.push(script.chunk().to_vec());
        if operation & 1 == 0 {
            continue;
        }
        pictures += 1;
        if decoder.decode(&std::mem::take(&mut unit)).is_err() {
            return;
        }
        match decoder.picture() {
            Ok(Some(picture)) => {
                let pixels = usize::from(picture.width()) * usize::from(picture.height());
                assert!(pixels == picture.pixels().len() && pixels <= Picture::MAX_PIXELS);
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// What a JetKVM says, on its WebSocket whole and byte by byte, and in its data channel.
pub fn jetkvm_words(data: &[u8]) {
    let mut signals = [Signals::new(), Signals::new()];
    let whole = signals[0].receive(data);
    let split: Result<Vec<_>, _> = data.iter().map(|byte| signals[1].receive(&[*byte])).collect();
    match (&whole, split) {
        (Ok(whole), Ok(split)) => assert_eq!(*whole, split.concat(), "it depends on how bytes are split"),
        (Err(_), Err(_)) => {}
        (whole, split) => panic!("{whole:?} whole, {split:?} split"),
    }
    if let Some(Message::Answer { result: Err(reason), .. }) = Message::read(data) {
        assert!(reason.chars().count() <= 200 && !reason.chars().any(char::is_control));
    }
}
