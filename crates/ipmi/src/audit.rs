//! What a BMC gives away to anybody: its authentication capabilities, its cipher suites, and whether it opens sessions
//! without authentication.
//!
//! Cipher suite 0 authenticates nothing: who may use it needs no password. An [`Audit`] asks for it with one Open Session
//! Request (IPMI 2.0 section 13.17) and stops there; a BMC that accepts has a half-open session, which lapses.

use std::time::{Duration, Instant};

use crate::command::{
    AuthenticationCapabilities, Command, GetChannelAuthenticationCapabilities, GetChannelCipherSuites,
    suite_numbers,
};
use crate::completion::CompletionCode;
use crate::entropy::{self, Entropy};
use crate::message::Message;
use crate::packet::{self, Datagram, PayloadType};
use crate::privilege::PrivilegeLevel;
use crate::setup::{OpenSessionRequest, OpenSessionResponse, RakpStatus};

/// How long an answer is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// Transmissions of the two questions that BMCs answer reliably. The list of cipher suites is asked for once: some BMCs
/// never tell it outside a session.
const ATTEMPTS: u8 = 3;

/// Parts of the list of cipher suites that are read: the sixteen suites of the specification take five.
const PART_LIMIT: u8 = 16;

/// What an [`Audit`] wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutput {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// It is over.
    Done(AuditReport),
}

/// What a BMC told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// Its authentication capabilities; `None` where it did not answer or refused.
    pub capabilities: Option<AuthenticationCapabilities>,
    /// The numbers of the cipher suites that it lists, rising; `None` where it does not list them.
    pub suites: Option<Vec<u8>>,
    /// Whether it opens sessions that need no password.
    pub suite_0: Suite0,
}

/// A BMC's answer to an Open Session Request for cipher suite 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Suite0 {
    /// None.
    #[default]
    Silent,
    /// It opens such a session: anybody is an administrator, or whatever the user is that is named.
    Accepted,
    /// It does not, for this reason.
    Refused(RakpStatus),
    /// It opens a session, but with algorithms of its own choice.
    Strengthened,
}

/// The question that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Capabilities { extended: bool },
    Suites { part: u8 },
    Suite0,
}

/// A machine that asks one BMC what it tells to anybody. It needs no credentials.
///
/// Verbs as those of [`Client`](crate::Client); after [`AuditOutput::Done`] nothing more happens.
#[derive(Debug)]
pub struct Audit {
    report: AuditReport,
    question: Question,
    attempt: u8,
    due: Option<Instant>,
    /// Records of the cipher suites so far.
    records: Vec<u8>,
    tag: u8,
    console_session: u32,
    /// Whether a session of suite 0 is asked for.
    opens: bool,
    output: Option<AuditOutput>,
}

impl Audit {
    /// Begins to ask.
    pub fn new(now: Instant, entropy: &mut dyn Entropy) -> Self {
        Self { opens: true, ..Self::listing(now, entropy) }
    }

    /// Begins to ask for what the BMC lists alone: no session is opened, so nothing is left behind there.
    /// [`AuditReport::suite_0`] stays [`Suite0::Silent`].
    pub fn listing(now: Instant, entropy: &mut dyn Entropy) -> Self {
        let [tag] = entropy::draw(entropy);
        let mut audit = Self {
            report: AuditReport::default(),
            question: Question::Capabilities { extended: true },
            attempt: 0,
            due: None,
            records: Vec::new(),
            tag,
            console_session: entropy::draw_session_id(entropy),
            opens: false,
            output: None,
        };
        audit.ask(now, Question::Capabilities { extended: true });
        audit
    }

    fn ask(&mut self, now: Instant, question: Question) {
        if question == Question::Suite0 && !self.opens {
            return self.finish();
        }
        self.question = question;
        self.attempt = 0;
        self.transmit(now);
    }

    fn transmit(&mut self, now: Instant) {
        let bytes = match self.question {
            Question::Capabilities { extended } => {
                let privilege = PrivilegeLevel::Administrator;
                self.sessionless(&GetChannelAuthenticationCapabilities { extended, privilege })
            }
            Question::Suites { part } => self.sessionless(&GetChannelCipherSuites { part }),
            Question::Suite0 => {
                let request = OpenSessionRequest {
                    tag: self.tag,
                    privilege: 0,
                    console_session: self.console_session,
                    authentication: Some(0),
                    integrity: Some(0),
                    confidentiality: Some(0),
                };
                packet::encode_clear(PayloadType::OpenSessionRequest, &request.encode())
            }
        };
        self.output = Some(AuditOutput::Send(bytes));
        self.due = Some(now + WAIT);
    }

    /// The number of the question's inner message: another for each, so that no late answer is taken for another's.
    fn sequence(&self) -> u8 {
        let question = match self.question {
            Question::Capabilities { extended } => u8::from(extended),
            Question::Suites { part } => 2 + part,
            Question::Suite0 => 0,
        };
        self.tag.wrapping_add(question) & 0x3F
    }

    fn sessionless<C: Command>(&self, command: &C) -> Vec<u8> {
        let mut data = Vec::new();
        command.encode(&mut data);
        let message = Message::request(C::NETFN, 0, C::CMD, self.sequence(), &data);
        packet::encode_sessionless(&message.encode())
    }

    /// Takes a datagram from the BMC; what answers nothing is passed over.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if self.due.is_none() {
            return;
        }
        match (Datagram::decode(bytes), self.question) {
            (Ok(Datagram::Sessionless(payload)), Question::Capabilities { extended }) => {
                let Some((code, data)) = self.reply::<GetChannelAuthenticationCapabilities>(payload) else {
                    return;
                };
                if extended && code == CompletionCode::INVALID_FIELD {
                    return self.ask(now, Question::Capabilities { extended: false });
                }
                self.report.capabilities =
                    GetChannelAuthenticationCapabilities::decode(data).ok().filter(|_| code.is_ok());
                self.ask(now, Question::Suites { part: 0 });
            }
            (Ok(Datagram::Sessionless(payload)), Question::Suites { part }) => {
                let Some((code, data)) = self.reply::<GetChannelCipherSuites>(payload) else { return };
                self.take_records(now, part, code, data);
            }
            (Ok(Datagram::Plus(packet)), Question::Suite0)
                if packet.payload_type == PayloadType::OpenSessionResponse =>
            {
                let response =
                    packet.clear_payload().and_then(OpenSessionResponse::decode).ok().filter(|response| {
                        response.tag == self.tag
                            && [0, self.console_session].contains(&response.console_session)
                    });
                let Some(response) = response else { return };
                self.report.suite_0 = match response.outcome {
                    Err(status) => Suite0::Refused(status),
                    Ok(opened) if opened.authentication == 0 => Suite0::Accepted,
                    Ok(_) => Suite0::Strengthened,
                };
                self.finish();
            }
            _ => {}
        }
    }

    /// The completion code and data of the reply to the question, if `payload` is that.
    fn reply<'a, C: Command>(&self, payload: &'a [u8]) -> Option<(CompletionCode, &'a [u8])> {
        let reply = Message::decode(payload).ok()?;
        let matches =
            reply.netfn == C::NETFN | 1 && reply.command == C::CMD && reply.sequence == self.sequence();
        let (&code, data) = reply.data.split_first().filter(|_| matches)?;
        Some((CompletionCode(code), data))
    }

    fn take_records(&mut self, now: Instant, part: u8, code: CompletionCode, data: &[u8]) {
        let records = GetChannelCipherSuites::decode(data).ok().filter(|_| code.is_ok());
        let is_last = records.as_ref().is_none_or(|records| records.len() < GetChannelCipherSuites::PART);
        self.records.extend(records.into_iter().flatten());
        if !self.records.is_empty() {
            self.report.suites = Some(suite_numbers(&self.records));
        }
        self.ask(
            now,
            match is_last || part + 1 >= PART_LIMIT {
                true => Question::Suite0,
                false => Question::Suites { part: part + 1 },
            },
        );
    }

    /// Acts on a deadline that passed; calls before it are harmless.
    pub fn wake(&mut self, now: Instant) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.attempt += 1;
        match self.question {
            Question::Capabilities { .. } | Question::Suite0 if self.attempt < ATTEMPTS => self.transmit(now),
            // Who says nothing to the first question is not there.
            Question::Capabilities { .. } | Question::Suite0 => self.finish(),
            Question::Suites { .. } => self.ask(now, Question::Suite0),
        }
    }

    fn finish(&mut self) {
        self.due = None;
        self.records = Vec::new();
        self.output = Some(AuditOutput::Done(std::mem::take(&mut self.report)));
    }

    /// When to call [`Audit::wake`] next; `None` when it is over.
    pub fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// The next thing to do.
    pub fn next_output(&mut self) -> Option<AuditOutput> {
        self.output.take()
    }
}

#[cfg(test)]
mod tests;
