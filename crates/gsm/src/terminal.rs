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

/// A modem without a network: it takes commands and messages, and gives those that it is handed.
#[derive(Debug)]
pub struct Terminal {
    echo: bool,
    line: Vec<u8>,
    /// The length that `AT+CMGS` told, while the text is waited for.
    text: Option<usize>,
    reference: u8,
    /// Whether messages in PDU mode were asked for.
    pdu_mode: bool,
    /// `AT+CNMI`: whether stored messages and reports are told of.
    tells: (bool, bool),
    stored: BTreeMap<u32, Vec<u8>>,
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
                (0x1a, Some(length)) => self.submit(length),
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
        let Some(place) = (1..=PLACES).find(|place| !self.stored.contains_key(place)) else { return false };
        self.stored.insert(place, pdu);
        if self.tells.0 {
            self.output.extend(format!("\r\n+CMTI: \"SM\",{place}\r\n").into_bytes());
        }
        true
    }

    fn say(&mut self, text: &str) {
        self.output.extend(format!("\r\n{text}\r\n").into_bytes());
    }

    fn submit(&mut self, length: usize) {
        self.text = None;
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let pdu = from_hex(line.trim());
        match pdu.and_then(|pdu| Submit::decode(&pdu).map(|message| (pdu, message))) {
            // The length leaves out the service centre's address, which begins with its own length.
            Ok((pdu, message)) if pdu.len() == length + 1 + usize::from(pdu[0]) => {
                self.reference = self.reference.wrapping_add(1);
                self.say(&format!("+CMGS: {}", self.reference));
                self.say("OK");
                self.events.push_back(TerminalEvent::Sent { reference: self.reference, message });
            }
            // Invalid PDU mode parameter (TS 27.005 section 3.2.5).
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
            match length.parse() {
                Ok(length) if self.pdu_mode && self.registered => {
                    self.text = Some(length);
                    self.output.extend(b"\r\n> ");
                }
                // No network service (TS 27.005 section 3.2.5).
                Ok(_) if !self.registered => self.say("+CMS ERROR: 331"),
                _ => self.say("ERROR"),
            }
        } else if let Some(values) = command.strip_prefix("+CNMI=") {
            let mut values = values.split(',').map(|value| value.trim().parse::<u8>().unwrap_or_default());
            self.tells = (values.nth(1) == Some(1), values.nth(1) == Some(1));
            self.say("OK");
        } else if let Some(place) = command.strip_prefix("+CMGR=") {
            match place.parse().ok().and_then(|place| self.stored.get(&place)) {
                Some(pdu) => {
                    let answer = format!("+CMGR: 0,,{}\r\n{}", pdu.len() - 1, to_hex(pdu));
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

    fn tell(&mut self, answer: &str) {
        self.say(answer);
        self.say("OK");
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
        let answer = Incoming::Deliver { number: "+31612345678".into(), text: "Status: ON".into() };
        assert!(modem.deliver(&answer, ""));
        assert_eq!(said(&mut modem, ""), "\r\n+CMTI: \"SM\",1\r\n");
        let read = said(&mut modem, "AT+CMGR=1\r");
        let pdu = from_hex(read.lines().nth(2).unwrap()).unwrap();
        assert_eq!(Incoming::decode(&pdu), Ok(answer));
        assert_eq!(said(&mut modem, "AT+CMGD=1\r"), "\r\nOK\r\n");
        assert_eq!(said(&mut modem, "AT+CMGD=1\r"), "\r\n+CMS ERROR: 321\r\n");
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
