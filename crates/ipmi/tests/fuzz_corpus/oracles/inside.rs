//! The two machines with a session open between them on a perfect line: what they say in it is the input's, sealed with
//! the session's true keys.

use std::time::{Duration, Instant};

use ironhand_ipmi::bmc::ScriptedAnswer;
use ironhand_ipmi::client::ScriptedPayload;
use ironhand_ipmi::sol::{SolConfig, SolEvent};
use ironhand_ipmi::{
    Bmc, BmcEvent, BmcOutput, Client, CompletionCode, Error, Event, Output, PrivilegeLevel, RawCommand,
    Reply, Request, Ticket,
};

use super::machines::{answers, console, request, true_bmc, true_client};
use super::script::Script;

/// Sessions that the BMC may have.
const MAX_SESSIONS: u8 = 3;

/// A client in a session with a BMC.
struct Pair {
    now: Instant,
    client: Client,
    bmc: Bmc,
    waiting: Option<(Ticket, Request)>,
    /// The answer to the last request.
    answer: Option<Result<Reply, Error>>,
    controls: usize,
    /// How many of the next datagrams get lost.
    lost: u8,
    /// What came out of the serial console at either end.
    typed: Vec<u8>,
    shown: Vec<u8>,
    /// The console was closed, or lost characters and said so.
    interrupted: bool,
}

impl Pair {
    fn new(setting: u8) -> Self {
        let mut pair = Self {
            now: Instant::now(),
            client: true_client(setting, "secret"),
            bmc: true_bmc(MAX_SESSIONS),
            waiting: None,
            answer: None,
            controls: 0,
            lost: 0,
            typed: Vec::new(),
            shown: Vec::new(),
            interrupted: false,
        };
        pair.ask(Request::GetChassisStatus);
        assert!(pair.client.is_open(), "{:?}", pair.answer);
        pair
    }

    /// Carries datagrams to and fro until both rest.
    fn settle(&mut self) {
        let mut outputs = 0;
        loop {
            let before = outputs;
            while let Some(output) = self.client.next_output() {
                outputs += 1;
                match output {
                    Output::Send(_) if self.lost > 0 => self.lost -= 1,
                    Output::Send(bytes) => self.bmc.receive(self.now, console(1), &bytes),
                    Output::Event(Event::Sol(SolEvent::Data(characters))) => self.shown.extend(characters),
                    Output::Event(Event::Sol(SolEvent::Overrun | SolEvent::Closed(_))) => {
                        self.interrupted = true
                    }
                    Output::Event(Event::Done { ticket, result }) => self.done(ticket, result),
                    Output::Event(_) => {}
                }
            }
            while let Some(output) = self.bmc.next_output() {
                outputs += 1;
                match output {
                    BmcOutput::Send { .. } if self.lost > 0 => self.lost -= 1,
                    BmcOutput::Send { bytes, .. } => self.client.receive(self.now, console(2), &bytes),
                    BmcOutput::Event(BmcEvent::ChassisControl(_)) => self.controls += 1,
                    BmcOutput::Event(BmcEvent::ConsoleInput(characters)) => self.typed.extend(characters),
                    BmcOutput::Event(_) => {}
                }
            }
            if outputs == before {
                return;
            }
            assert!(outputs < 1000, "they do not come to rest");
        }
    }

    fn done(&mut self, ticket: Ticket, result: Result<Reply, Error>) {
        let (waiting, request) = self.waiting.take().expect("answered once");
        assert_eq!(ticket, waiting);
        if let Ok(reply) = &result {
            assert!(answers(&request, reply), "{reply:?} to {request:?}");
        }
        self.answer = Some(result);
    }

    /// Asks, and lets time pass until there is an answer.
    fn ask(&mut self, request: Request) {
        let switches =
            matches!(request, Request::ChassisControl(_) | Request::Raw(RawCommand { netfn: 0, .. }));
        let before = self.controls;
        let ticket = self.client.submit(self.now, request.clone());
        self.waiting = Some((ticket, request));
        self.settle();
        for _ in 0..200 {
            if self.waiting.is_none() {
                break;
            }
            self.wake();
        }
        assert!(self.waiting.is_none(), "{:?} is never answered", self.waiting);
        assert!(self.controls <= before + usize::from(switches), "carried out twice, or by itself");
    }

    /// Goes on to the next deadline of either.
    fn wake(&mut self) {
        let wakes = [self.client.next_wake(), self.bmc.next_wake()];
        self.now = wakes.into_iter().flatten().min().unwrap_or(self.now).max(self.now);
        self.client.wake(self.now);
        self.bmc.wake(self.now);
        self.settle();
    }

    /// Nothing is left over: both rest when the client is closed and the BMC is left alone.
    fn end(mut self) {
        self.client.close(self.now);
        self.settle();
        for _ in 0..20 {
            if self.client.next_wake().is_some() {
                self.wake();
            }
        }
        assert_eq!(self.client.next_wake(), None);
        for _ in 0..20 {
            if let Some(wake) = self.bmc.next_wake() {
                self.now = self.now.max(wake) + Duration::from_secs(60);
                self.bmc.wake(self.now);
                self.settle();
            }
        }
        assert_eq!(self.bmc.session_count(), 0, "all is forgotten");
    }
}

/// A client of a BMC that knows the password and answers anything: every request ends, with its own kind of reply, and
/// the client comes to rest.
pub fn client_session(data: &[u8]) {
    let mut script = Script(data);
    let mut pair = Pair::new(script.byte());
    while let Some(operation) = script.step() {
        match operation % 8 {
            0..=3 => {
                let code = CompletionCode(script.byte());
                pair.bmc.answer_next_with(ScriptedAnswer::Reply { code, data: script.chunk().to_vec() });
            }
            4 => pair.bmc.answer_next_with(ScriptedAnswer::Message(script.chunk().to_vec())),
            5 => pair.bmc.forget_sessions(),
            6 => pair.bmc.set_busy(script.byte() & 1 == 1),
            _ => {
                pair.now += Duration::from_millis(100 * u64::from(script.byte()));
                pair.wake();
            }
        }
        let request = request(&mut script);
        pair.ask(request);
    }
    pair.bmc.set_busy(false);
    pair.end();
}

/// A BMC whose administrator sends anything: every command is answered, power is switched only by those that may, and
/// left alone the BMC forgets the session.
pub fn bmc_session(data: &[u8]) {
    let mut script = Script(data);
    let mut pair = Pair::new(script.byte() & !2);
    while let Some(operation) = script.step() {
        match operation % 8 {
            0..=4 => {
                let (netfn, cmd, lun) = (script.byte() & 0x3E, script.byte(), operation & 0x03);
                let data = script.chunk().to_vec();
                let privilege = PrivilegeLevel::Administrator;
                let repeatable = netfn != 0 && operation % 2 == 0;
                pair.ask(Request::Raw(RawCommand { netfn, lun, cmd, data, privilege, repeatable }));
            }
            5 => {
                pair.client.send_scripted(ScriptedPayload::Message(script.chunk()));
                pair.settle();
            }
            6 => {
                let request = request(&mut script);
                pair.ask(request);
            }
            _ => {
                pair.now += Duration::from_millis(100 * u64::from(script.byte()));
                pair.wake();
            }
        }
    }
    pair.end();
}

/// A serial console over a line that loses datagrams, between ends that may send any packet in its place. What was written
/// comes out at the other end in order and once, as far as it comes, unless an end lied.
pub fn console_session(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let mut pair = Pair::new(setting & !2);
    let config = SolConfig { steal: setting & 4 != 0, ..SolConfig::default() };
    pair.client.activate_sol(pair.now, config);
    pair.settle();
    let (mut written, mut printed) = (Vec::new(), Vec::new());
    let mut honest = true;
    while let Some(operation) = script.step() {
        let now = pair.now;
        match operation % 17 {
            0..=2 => {
                let characters = script.chunk();
                let taken = pair.client.write_sol(now, characters);
                written.extend_from_slice(&characters[..taken]);
            }
            3..=5 => {
                let characters = script.chunk();
                if pair.bmc.console_room().is_some_and(|room| room >= characters.len()) {
                    printed.extend_from_slice(characters);
                    pair.bmc.console_output(now, characters);
                }
            }
            6 => pair.lost = script.byte() % 4,
            7 => {
                honest = false;
                pair.bmc.send_console_payload(script.chunk());
            }
            8 => pair.client.send_sol_break(now),
            9 => pair.client.pause_sol(now, script.byte() & 1 == 1),
            10 => pair.bmc.console_break(now),
            11 => {
                // What is dropped on purpose cannot be told from what is lost.
                honest = false;
                pair.client.flush_sol(now);
            }
            16 => {
                honest = false;
                pair.client.send_scripted(ScriptedPayload::Console(script.chunk()));
            }
            12 => pair.client.deactivate_sol(now),
            13 => pair.client.activate_sol(now, config),
            14 => {
                honest = false;
                let code = CompletionCode(script.byte());
                pair.bmc.answer_next_with(ScriptedAnswer::Reply { code, data: script.chunk().to_vec() });
            }
            _ => {
                pair.now += Duration::from_millis(20 * u64::from(script.byte()));
                pair.wake();
            }
        }
        pair.settle();
    }
    if honest && !pair.interrupted {
        assert!(written.starts_with(&pair.typed), "{written:?} was written, {:?} came", pair.typed);
        assert!(printed.starts_with(&pair.shown), "{printed:?} was written, {:?} came", pair.shown);
    }
    pair.lost = 0;
    pair.end();
}
