//! The modem's side: commands in, answers and messages out.

use std::collections::{BTreeMap, VecDeque};

use crate::{Incoming, Submit, from_hex, to_hex};

/// The longest command line, the text of a message among them.
const LONGEST_LINE: usize = 1024;

/// Messages that the SIM stores; more are refused by the network until some are deleted.
const PLACES: u32 = 20;

/// What happens at a modem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// It was given a message for the network, which it named by a reference.
    Sent {
        /// By which a report names the message.
        reference: u8,
        /// The message.
        message: Submit,
    },
}

/// A message that is waited for.
#[derive(Clone, Copy, Debug)]
struct Text {
    /// Its length, as `AT+CMGS` or `AT+CMGW` told it.
    length: usize,
    /// With which status it is to be stored; one without is to be sent.
    store: Option<u8>,
}

/// A message of the SIM's.
#[derive(Debug)]
struct Stored {
    /// `<stat>` (TS 27.005 section 3.1): received and unread, received and read, not sent, sent.
    status: u8,
    pdu: Vec<u8>,
}

const UNREAD: u8 = 0;
const READ: u8 = 1;
const UNSENT: u8 = 2;
/// What `AT+CMGL` takes for those of every status.
const ALL: u8 = 4;

/// A modem without a network: it takes commands and messages, and gives those that it is handed.
#[derive(Debug)]
pub struct Terminal {
    echo: bool,
    line: Vec<u8>,
    /// What comes next is the text of a message.
    text: Option<Text>,
    reference: u8,
    /// Whether messages in PDU mode were asked for.
    pdu_mode: bool,
    /// `AT+CNMI`: whether stored messages and reports are told of.
    tells: (bool, bool),
    stored: BTreeMap<u32, Stored>,
    output: Vec<u8>,
    events: VecDeque<TerminalEvent>,
    /// What `AT+CPIN?` answers.
    sim: String,
    registered: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            echo: true,
            line: Vec::new(),
            text: None,
            reference: 0,
            pdu_mode: false,
            tells: (false, false),
            stored: BTreeMap::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            sim: "READY".to_owned(),
            registered: true,
        }
    }
}

impl Terminal {
    /// What `AT+CPIN?` answers from now on.
    pub fn set_sim(&mut self, state: impl Into<String>) {
        self.sim = state.into();
    }

    /// Whether there is a network.
    pub fn set_registered(&mut self, registered: bool) {
        self.registered = registered;
    }

    /// Takes bytes that came over the line.
    pub fn receive(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (*byte, self.text) {
                (0x1a, Some(text)) => self.take(text),
                (0x1b, Some(_)) => {
                    self.text = None;
                    self.line.clear();
                    self.say("OK");
                }
                (0x1b, None) => self.line.clear(),
                (b'\r', None) => {
                    if self.echo {
                        self.output.extend_from_slice(&self.line);
                        self.output.push(b'\r');
                    }
                    let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                    self.command(line.trim());
                }
                (b'\n', None) => {}
                _ if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Bytes for the line.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// What happened.
    pub fn next_event(&mut self) -> Option<TerminalEvent> {
        self.events.pop_front()
    }

    /// A message came from the network. Says whether there was room for it.
    pub fn deliver(&mut self, incoming: &Incoming, number: &str) -> bool {
        // A date that no reader minds: 2026-01-01 00:00:00.
        let Ok(pdu) = incoming.encode(number, [0x62, 0x10, 0x10, 0, 0, 0, 0]) else { return false };
        if let Incoming::StatusReport { .. } = incoming {
            if self.tells.1 {
                let text = format!("\r\n+CDS: {}\r\n{}\r\n", pdu.len() - 1, to_hex(&pdu));
                self.output.extend(text.into_bytes());
            }
            return true;
        }
        let Some(place) = self.store(UNREAD, pdu) else { return false };
        if self.tells.0 {
            self.output.extend(format!("\r\n+CMTI: \"SM\",{place}\r\n").into_bytes());
        }
        true
    }

    /// Says where.
    fn store(&mut self, status: u8, pdu: Vec<u8>) -> Option<u32> {
        let place = (1..=PLACES).find(|place| !self.stored.contains_key(place))?;
        self.stored.insert(place, Stored { status, pdu });
        Some(place)
    }

    fn say(&mut self, text: &str) {
        self.output.extend(format!("\r\n{text}\r\n").into_bytes());
    }

    fn take(&mut self, text: Text) {
        self.text = None;
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let pdu = from_hex(line.trim()).unwrap_or_default();
        // The length leaves out the service centre's address, which begins with its own length.
        let fits = pdu.first().is_some_and(|centre| pdu.len() == text.length + 1 + usize::from(*centre));
        match (text.store, Submit::decode(&pdu)) {
            (Some(status), _) if fits => match self.store(status, pdu) {
                Some(place) => self.tell(&format!("+CMGW: {place}")),
                // Memory full (TS 27.005 section 3.2.5).
                None => self.say("+CMS ERROR: 322"),
            },
            (None, Ok(message)) if fits => {
                self.reference = self.reference.wrapping_add(1);
                self.tell(&format!("+CMGS: {}", self.reference));
                self.events.push_back(TerminalEvent::Sent { reference: self.reference, message });
            }
            // Invalid PDU mode parameter.
            _ => self.say("+CMS ERROR: 304"),
        }
    }

    fn command(&mut self, line: &str) {
        let upper = line.to_ascii_uppercase();
        let Some(command) = upper.strip_prefix("AT") else {
            if !line.is_empty() {
                self.say("ERROR");
            }
            return;
        };
        match command {
            "" | "Z" | "&F" | "E1" | "+CMEE=0" | "+CMEE=1" | "+CMEE=2" => {
                self.echo |= command == "E1";
                self.say("OK");
            }
            "E0" => {
                self.echo = false;
                self.say("OK");
            }
            "+CMGF=0" => {
                self.pdu_mode = true;
                self.say("OK");
            }
            "+CPIN?" => self.tell(&format!("+CPIN: {}", self.sim.clone())),
            "+CREG?" => self.tell(if self.registered { "+CREG: 0,1" } else { "+CREG: 0,2" }),
            "+CSQ" => self.tell("+CSQ: 21,99"),
            "+CGMI" => self.tell("Ironhand"),
            "+CGMM" => self.tell("Simulated modem"),
            "+CGMR" => self.tell("1"),
            "+CGSN" => self.tell("004999010640000"),
            "+CIMI" => self.tell("001010000000001"),
            "+CMGF?" => self.tell(if self.pdu_mode { "+CMGF: 0" } else { "+CMGF: 1" }),
            "+CMGF=?" => self.tell("+CMGF: (0)"),
            "+CMGL=?" => self.tell("+CMGL: (0-4)"),
            "+CSCA?" => self.tell("+CSCA: \"+15550100\",145"),
            "+CPMS=?" => self.tell("+CPMS: (\"SM\"),(\"SM\"),(\"SM\")"),
            "+CSCS?" => self.tell("+CSCS: \"GSM\""),
            "+CSMS?" => self.tell("+CSMS: 0,1,1,1"),
            "+CSCS=?" => self.tell("+CSCS: (\"GSM\")"),
            _ => self.longer_command(command),
        }
    }

    fn longer_command(&mut self, command: &str) {
        if let Some(length) = command.strip_prefix("+CMGS=") {
            if self.registered {
                self.ask_for_text(length.parse().ok(), None);
            } else {
                // No network service (TS 27.005 section 3.2.5).
                self.say("+CMS ERROR: 331");
            }
        } else if let Some(values) = command.strip_prefix("+CMGW=") {
            let (length, status) = values.split_once(',').unwrap_or((values, ""));
            let status = status.split(',').next().and_then(|status| status.parse().ok()).unwrap_or(UNSENT);
            self.ask_for_text(length.parse().ok(), Some(status));
        } else if let Some(wanted) = command.strip_prefix("+CMGL=") {
            self.list(wanted.parse().unwrap_or(ALL));
        } else if let Some(values) = command.strip_prefix("+CNMI=") {
            let mut values = values.split(',').map(|value| value.trim().parse::<u8>().unwrap_or_default());
            self.tells = (values.nth(1) == Some(1), values.nth(1) == Some(1));
            self.say("OK");
        } else if let Some(place) = command.strip_prefix("+CMGR=") {
            match place.parse().ok().and_then(|place| self.stored.get_mut(&place)) {
                Some(stored) => {
                    let answer = format!("+CMGR: {}", stored.shown());
                    stored.be_read();
                    self.tell(&answer);
                }
                // Invalid memory index.
                None => self.say("+CMS ERROR: 321"),
            }
        } else if let Some(place) = command.strip_prefix("+CMGD=") {
            let place = place.split(',').next().and_then(|place| place.parse().ok());
            match place.and_then(|place| self.stored.remove(&place)) {
                Some(_) => self.say("OK"),
                None => self.say("+CMS ERROR: 321"),
            }
        } else if command.starts_with("+CPMS") {
            let used = self.stored.len();
            self.tell(&format!("+CPMS: {used},{PLACES},{used},{PLACES},{used},{PLACES}"));
        } else if ["+CSCS=", "+CSMS=", "+CFUN="].iter().any(|known| command.starts_with(known)) {
            self.say("OK");
        } else {
            self.say("ERROR");
        }
    }

    /// Asks for the text of a message, where its length makes sense and PDUs were asked for.
    fn ask_for_text(&mut self, length: Option<usize>, store: Option<u8>) {
        match length {
            Some(length) if self.pdu_mode => {
                self.text = Some(Text { length, store });
                self.output.extend(b"\r\n> ");
            }
            _ => self.say("ERROR"),
        }
    }

    /// Shows the messages of a status.
    fn list(&mut self, wanted: u8) {
        let listed: Vec<String> = self
            .stored
            .iter_mut()
            .filter(|(_, stored)| wanted == ALL || wanted == stored.status)
            .map(|(place, stored)| {
                let line = format!("+CMGL: {place},{}", stored.shown());
                stored.be_read();
                line
            })
            .collect();
        for line in listed {
            self.say(&line);
        }
        self.say("OK");
    }

    fn tell(&mut self, answer: &str) {
        self.say(answer);
        self.say("OK");
    }
}

impl Stored {
    /// Its status and length, and itself on a line of its own.
    fn shown(&self) -> String {
        let centre = self.pdu.first().map_or(0, |centre| usize::from(*centre) + 1);
        format!("{},,{}\r\n{}", self.status, self.pdu.len().saturating_sub(centre), to_hex(&self.pdu))
    }

    fn be_read(&mut self) {
        if self.status == UNREAD {
            self.status = READ;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(terminal: &mut Terminal, line: &str) -> String {
        terminal.receive(line.as_bytes());
        String::from_utf8(terminal.take_output()).unwrap()
    }

    #[test]
    fn a_message_is_taken_and_an_answer_given() {
        let mut modem = Terminal::default();
        assert_eq!(said(&mut modem, "ATE0\r"), "ATE0\r\r\nOK\r\n");
        assert_eq!(said(&mut modem, "AT+CMGF=0\rAT+CNMI=2,1,0,1,0\r"), "\r\nOK\r\n\r\nOK\r\n");
        let message = Submit { number: "+31612345678".into(), text: "#01#".into(), report: true };
        let (pdu, length) = message.encode().unwrap();
        assert_eq!(said(&mut modem, &format!("AT+CMGS={length}\r")), "\r\n> ");
        assert_eq!(said(&mut modem, &format!("{}\u{1a}", to_hex(&pdu))), "\r\n+CMGS: 1\r\n\r\nOK\r\n");
        assert_eq!(modem.next_event(), Some(TerminalEvent::Sent { reference: 1, message }));
        let answer =
            Incoming::Deliver { number: "+31612345678".into(), text: "Status: ON".into(), part: None };
        assert!(modem.deliver(&answer, ""));
        assert_eq!(said(&mut modem, ""), "\r\n+CMTI: \"SM\",1\r\n");
        let read = said(&mut modem, "AT+CMGR=1\r");
        let pdu = from_hex(read.lines().nth(2).unwrap()).unwrap();
        assert_eq!(Incoming::decode(&pdu), Ok(answer));
        assert_eq!(said(&mut modem, "AT+CMGD=1\r"), "\r\nOK\r\n");
        assert_eq!(said(&mut modem, "AT+CMGD=1\r"), "\r\n+CMS ERROR: 321\r\n");
    }

    #[test]
    fn messages_are_stored_and_listed() {
        let mut modem = Terminal::default();
        said(&mut modem, "ATE0\rAT+CMGF=0\r");
        let answer =
            Incoming::Deliver { number: "+31612345678".into(), text: "Status: ON".into(), part: None };
        assert!(modem.deliver(&answer, ""));
        let (pdu, length) =
            Submit { number: "+31612345678".into(), text: "€".into(), report: false }.encode().unwrap();
        assert_eq!(said(&mut modem, &format!("AT+CMGW={length}\r")), "\r\n> ");
        assert_eq!(said(&mut modem, &format!("{}\u{1a}", to_hex(&pdu))), "\r\n+CMGW: 2\r\n\r\nOK\r\n");
        let listed = |modem: &mut Terminal, wanted: &str| -> Vec<String> {
            let said = said(modem, &format!("AT+CMGL={wanted}\r"));
            said.lines().filter(|line| line.starts_with("+CMGL")).map(str::to_owned).collect()
        };
        assert_eq!(listed(&mut modem, "2"), [format!("+CMGL: 2,2,,{length}")]);
        assert_eq!(listed(&mut modem, "4").len(), 2);
        // It was read.
        assert_eq!(listed(&mut modem, "0"), [""; 0]);
        for _ in 2..PLACES {
            assert!(modem.deliver(&answer, ""));
        }
        assert!(!modem.deliver(&answer, ""));
        said(&mut modem, &format!("AT+CMGW={length}\r"));
        assert_eq!(said(&mut modem, &format!("{}\u{1a}", to_hex(&pdu))), "\r\n+CMS ERROR: 322\r\n");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let mut modem = Terminal::default();
        said(&mut modem, "ATE0\rAT+CMGF=0\r");
        said(&mut modem, "AT+CMGS=10\r");
        assert_eq!(said(&mut modem, "00FF\u{1a}"), "\r\n+CMS ERROR: 304\r\n");
        said(&mut modem, "AT+CMGS=10\r");
        assert_eq!(said(&mut modem, "0011\u{1b}"), "\r\nOK\r\n");
        assert_eq!(said(&mut modem, "AT+NOTHING\r"), "\r\nERROR\r\n");
        modem.set_registered(false);
        assert_eq!(said(&mut modem, "AT+CMGS=10\r"), "\r\n+CMS ERROR: 331\r\n");
    }
}
