//! Power sockets that take text messages, through a modem at a serial device or behind TCP.
//!
//! A message costs money, takes its time, and may be delivered without anything coming of it. So each is counted against a
//! limit, its delivery report is waited for, and where the socket can tell its state it is asked for it afterwards.

mod modem;
mod serial;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, GsmDevice, GsmOptions, GsmTexts, PowerAction};
use ironhand_gsm::{Incoming, Part, Submit};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use modem::{Modem, ModemError};
use serial::SerialPort;

use crate::{CONNECT, Device, Error, Login, PathHealth, Route, Stream, connect};

/// How long the network may take to deliver a message, and a socket to answer.
const DELIVERY: Duration = Duration::from_secs(120);

/// How long a machine stays without power when its socket is switched off and on.
const WITHOUT_POWER: Duration = Duration::from_secs(10);

/// Over which time messages are counted.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages to one socket in that time where the manifest does not say.
const MESSAGES_PER_DAY: u32 = 20;

/// Parts of texts that are kept while others of them are missing: no socket says so much.
const MOST_PARTS: usize = 32;

/// TP-ST: from here on the service centre has not delivered it, or not yet (3GPP TS 23.040 section 9.2.3.15).
const NOT_DELIVERED: u8 = 0x20;
/// The bit of those that it does not try any more.
const GIVEN_UP: u8 = 0x40;

/// The modems of a process. Each takes one command at a time, whichever sockets it serves.
#[derive(Clone, Default)]
pub struct Modems(Arc<Mutex<HashMap<String, Shared>>>);

type Shared = Arc<tokio::sync::Mutex<Line>>;

/// A modem, and what was sent through it.
#[derive(Default)]
struct Line {
    modem: Option<Modem<Stream>>,
    /// When messages were sent to a number.
    sent: HashMap<String, VecDeque<Instant>>,
}

impl fmt::Debug for Modems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Modems")
    }
}

impl Modems {
    fn at(&self, place: &str) -> Shared {
        let mut modems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(modems.entry(place.to_owned()).or_default())
    }
}

/// A socket.
pub(crate) struct GsmSocket {
    place: Place,
    line: Shared,
    number: String,
    texts: GsmTexts,
    is_on: Option<Regex>,
    is_off: Option<Regex>,
    password: SecretString,
    messages_per_day: u32,
}

/// Parts of long texts that came in any order.
#[derive(Default)]
struct Parts(Vec<(Part, String)>);

impl Parts {
    /// The whole text, once all of it is there.
    fn add(&mut self, text: String, part: Option<Part>) -> Option<String> {
        let Some(part) = part else { return Some(text) };
        if self.0.len() < MOST_PARTS && !self.0.iter().any(|(known, _)| *known == part) {
            self.0.push((part, text));
        }
        let of_it = |known: &Part| known.reference == part.reference && known.of == part.of;
        let mut found: Vec<&(Part, String)> = self.0.iter().filter(|(known, _)| of_it(known)).collect();
        found.sort_by_key(|(known, _)| known.number);
        (found.len() == usize::from(part.of)).then(|| found.iter().map(|(_, text)| text.as_str()).collect())
    }
}

/// Where the modem is.
enum Place {
    Serial(String),
    Tcp(Route),
}

impl GsmSocket {
    pub(crate) fn new(
        connector: &Connector,
        options: &GsmOptions,
        login: Option<Login>,
        modems: &Modems,
    ) -> Result<Self, Error> {
        let place = if connector.address.starts_with('/') {
            Place::Serial(connector.address.clone())
        } else {
            let Some(port) = connector.port else {
                return Err(misconfigured("a modem behind TCP needs a `port`"));
            };
            Place::Tcp(Route::direct(connector.address.clone(), port))
        };
        let texts = texts(options).ok_or_else(|| misconfigured("`device: custom` needs `texts`"))?;
        let password = login.map(|login| login.password).unwrap_or_default();
        let asks_password = [&texts.on, &texts.off].iter().any(|text| text.contains(PASSWORD))
            || texts.status.as_deref().is_some_and(|text| text.contains(PASSWORD));
        if asks_password && password.expose_secret().is_empty() {
            return Err(misconfigured("the socket's texts need its password: name a Credential that has it"));
        }
        let pattern = |text: &Option<String>| {
            let pattern = text.as_deref().map(Regex::new).transpose();
            pattern.map_err(|error| {
                misconfigured(&format!("a pattern of the socket's answers is wrong: {error}"))
            })
        };
        Ok(Self {
            line: modems.at(&connector.to_string()),
            place,
            number: options.number.clone(),
            is_on: pattern(&texts.is_on)?,
            is_off: pattern(&texts.is_off)?,
            texts,
            password,
            messages_per_day: options.messages_per_day.unwrap_or(MESSAGES_PER_DAY),
        })
    }

    async fn switch(&self, action: PowerAction) -> Result<(), Error> {
        let mut line = self.line.lock().await;
        match action {
            PowerAction::On => self.set(&mut line, true).await,
            PowerAction::Off => self.set(&mut line, false).await,
            PowerAction::Cycle => {
                // A machine that stays off since the second message may not be sent is worse than one that hangs.
                self.afford(&mut line, 2 * self.messages_for_one())?;
                self.set(&mut line, false).await?;
                tokio::time::sleep(WITHOUT_POWER).await;
                self.set(&mut line, true).await
            }
            PowerAction::Reset | PowerAction::Soft | PowerAction::Nmi => {
                Err(Error::Unsupported { what: action.as_str().to_owned() })
            }
        }
    }

    /// Messages that one change of the outlet takes.
    const fn messages_for_one(&self) -> usize {
        if self.texts.status.is_some() { 2 } else { 1 }
    }

    /// Switches, and asks the socket whether it did where it can tell.
    async fn set(&self, line: &mut Line, on: bool) -> Result<(), Error> {
        let text = if on { &self.texts.on } else { &self.texts.off };
        self.say(line, text).await?;
        let Some(status) = self.texts.status.as_ref() else { return Ok(()) };
        let said = self.ask(line, status).await?;
        match self.state(&said) {
            Some(state) if state == on => Ok(()),
            Some(_) => {
                Err(Error::NotKept { reason: "the socket says that it is in the other state".to_owned() })
            }
            None => Err(Error::OutcomeUnknown),
        }
    }

    fn state(&self, answer: &str) -> Option<bool> {
        let says = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(answer));
        match (says(&self.is_on), says(&self.is_off)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Sends a message, and waits until it is delivered.
    async fn say(&self, line: &mut Line, text: &str) -> Result<(), Error> {
        let reference = self.send(line, text).await?;
        let deadline = Instant::now() + DELIVERY;
        while let Some(incoming) = self.hear(line, deadline).await? {
            match incoming {
                Incoming::StatusReport { reference: of, status } if of == reference => {
                    if status < NOT_DELIVERED {
                        return Ok(());
                    }
                    if status & GIVEN_UP != 0 {
                        let reason =
                            format!("the network did not deliver the message (status {status:#04x})");
                        return Err(Error::Refused { reason });
                    }
                }
                // An answer proves delivery better than a report does.
                Incoming::Deliver { number, .. } if self.is_me(&number) => return Ok(()),
                _ => {}
            }
        }
        Err(Error::OutcomeUnknown)
    }

    /// Sends a message, and waits for the socket's answer.
    async fn ask(&self, line: &mut Line, text: &str) -> Result<String, Error> {
        self.send(line, text).await?;
        let deadline = Instant::now() + DELIVERY;
        let mut parts = Parts::default();
        while let Some(incoming) = self.hear(line, deadline).await? {
            let whole = match incoming {
                Incoming::Deliver { number, text, part } if self.is_me(&number) => parts.add(text, part),
                _ => None,
            };
            // What it says of the switching itself may come late.
            if let Some(text) = whole.filter(|text| self.state(text).is_some()) {
                return Ok(text);
            }
        }
        Err(Error::OutcomeUnknown)
    }

    /// Whether a message is of this socket: networks show numbers with and without their country's code.
    fn is_me(&self, number: &str) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let (own, other) = (digits(&self.number), digits(number));
        let tail = other.trim_start_matches('0');
        own == other || (tail.len() >= 7 && own.ends_with(tail))
    }

    async fn send(&self, line: &mut Line, text: &str) -> Result<u8, Error> {
        self.afford(line, 1)?;
        let text = SecretString::from(text.replace(PASSWORD, self.password.expose_secret()));
        let message =
            Submit { number: self.number.clone(), text: text.expose_secret().to_owned(), report: true };
        let modem = self.modem(line).await?;
        let sent = modem.send(&message).await;
        if !matches!(sent, Err(ModemError::Refused { .. } | ModemError::Message(_) | ModemError::Silent(_))) {
            line.sent.entry(self.number.clone()).or_default().push_back(Instant::now());
        }
        sent.map_err(|error| self.failed(line, error))
    }

    async fn hear(&self, line: &mut Line, deadline: Instant) -> Result<Option<Incoming>, Error> {
        let heard = self.modem(line).await?.receive(deadline).await;
        // What was sent was sent.
        heard.map_err(|error| {
            line.modem = None;
            tracing::debug!(%error, "the modem was lost while an answer was waited for");
            Error::OutcomeUnknown
        })
    }

    /// Refuses where so many messages more would be too many.
    fn afford(&self, line: &mut Line, messages: usize) -> Result<(), Error> {
        let sent = line.sent.entry(self.number.clone()).or_default();
        while sent.front().is_some_and(|at| at.elapsed() >= DAY) {
            sent.pop_front();
        }
        if sent.len() + messages <= self.messages_per_day as usize {
            return Ok(());
        }
        let reason = format!(
            "{} of {} messages were sent to the socket in the last 24 hours, and no more are allowed (`messagesPerDay`)",
            sent.len(),
            self.messages_per_day
        );
        Err(Error::Refused { reason })
    }

    /// The modem, made ready where it is not.
    async fn modem<'l>(&self, line: &'l mut Line) -> Result<&'l mut Modem<Stream>, Error> {
        if line.modem.is_none() {
            let stream: Stream = match &self.place {
                Place::Serial(path) => Box::new(SerialPort::open(path).map_err(|error| {
                    Error::Unreachable { address: path.clone(), reason: error.to_string() }
                })?),
                Place::Tcp(route) => connect(route, &PathHealth::new(), Instant::now() + CONNECT).await?.0,
            };
            line.modem = Some(Modem::ready(stream).await.map_err(|error| self.failed(line, error))?);
        }
        line.modem.as_mut().ok_or(Error::OutcomeUnknown)
    }

    fn failed(&self, line: &mut Line, error: ModemError) -> Error {
        let address = match &self.place {
            Place::Serial(path) => path.clone(),
            Place::Tcp(route) => route.addresses.concat(),
        };
        match error {
            ModemError::OutcomeUnknown => {
                line.modem = None;
                Error::OutcomeUnknown
            }
            ModemError::Line(_) | ModemError::Silent(_) => {
                line.modem = None;
                Error::Unreachable { address, reason: error.to_string() }
            }
            ModemError::NoNetwork => Error::Unreachable { address, reason: error.to_string() },
            ModemError::Message(_) => misconfigured(&error.to_string()),
            ModemError::Refused { .. } | ModemError::Sim(_) => Error::Refused { reason: error.to_string() },
        }
    }
}

impl Device for GsmSocket {
    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.switch(action))
    }
}

/// Stands for the socket's password in its texts.
const PASSWORD: &str = "{password}";

/// What a socket understands.
fn texts(options: &GsmOptions) -> Option<GsmTexts> {
    let of = |on: &str, off: &str, status: Option<&str>| GsmTexts {
        on: on.to_owned(),
        off: off.to_owned(),
        status: status.map(str::to_owned),
        is_on: Some(r"(?i)\bON\b".to_owned()),
        is_off: Some(r"(?i)\bOFF\b".to_owned()),
    };
    match options.device.unwrap_or(GsmDevice::Simpal) {
        GsmDevice::Simpal => Some(of("#01#", "#02#", Some("#07#"))),
        GsmDevice::Rtu5024 => Some(of("{password}CC", "{password}DD", None)),
        GsmDevice::Custom => options.texts.clone(),
    }
}

fn misconfigured(reason: &str) -> Error {
    Error::Misconfigured { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
