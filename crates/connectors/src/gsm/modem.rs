//! Speaking to a modem: commands and what comes unasked (ITU-T V.250, 3GPP TS 27.005, TS 27.007).

use std::collections::VecDeque;
use std::time::Duration;

use ironhand_gsm::{Incoming, PduError, Submit, from_hex, to_hex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// How long a modem may think of a command that it does alone.
const COMMAND: Duration = Duration::from_secs(5);

/// How long the network may take to accept a message: the longest that makers of modems name.
const SENDING: Duration = Duration::from_secs(60);

/// How long a modem may look for its network after it was switched on.
const REGISTRATION: Duration = Duration::from_secs(60);

/// Between two looks whether it has found one.
const LOOK: Duration = Duration::from_secs(2);

/// The longest line: a PDU of 176 octets in hexadecimal digits, and something for vendors' own lines.
const LONGEST_LINE: usize = 1024;

/// What came unasked and is not fetched yet: more than a modem can store.
const MOST_WAITING: usize = 256;

/// Ends the text of a message.
const CTRL_Z: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// Why a modem did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModemError {
    /// The line to it is broken.
    #[error("the line to the modem is broken: {0}")]
    Line(String),
    /// It did not answer.
    #[error("the modem did not answer `{0}` in time")]
    Silent(&'static str),
    /// It refused a command.
    #[error("the modem refused `{command}`: {reason}")]
    Refused {
        /// The command.
        command: &'static str,
        /// `ERROR`, or what `+CME ERROR:` or `+CMS ERROR:` said.
        reason: String,
    },
    /// The SIM asks for a PIN, or is not there.
    #[error("the SIM is not ready ({0}); switch its PIN off")]
    Sim(String),
    /// It has no network.
    #[error("the modem has found no network")]
    NoNetwork,
    /// The message cannot be sent.
    #[error(transparent)]
    Message(#[from] PduError),
    /// The network did not say whether it took the message.
    #[error("whether the network took the message is not known")]
    OutcomeUnknown,
}

/// A modem at the other end of a line.
pub(crate) struct Modem<L> {
    line: L,
    /// Bytes that are no whole line yet.
    bytes: Vec<u8>,
    /// Lines that came unasked: places of messages that wait in the modem, and messages themselves.
    unasked: VecDeque<Unasked>,
}

enum Unasked {
    /// A message waits at a place of a storage.
    Stored { storage: String, place: u32 },
    /// A message as such.
    Pdu(String),
}

/// What a modem says, as far as it matters.
enum Said {
    Line(String),
    /// It waits for the text of a message.
    Prompt,
}

impl<L: AsyncRead + AsyncWrite + Unpin> Modem<L> {
    /// Makes a modem ready to send and receive messages.
    ///
    /// # Errors
    ///
    /// What is wrong with the modem, its SIM or its network.
    pub(crate) async fn ready(line: L) -> Result<Self, ModemError> {
        let mut modem = Self { line, bytes: Vec::new(), unasked: VecDeque::new() };
        // Ends what another program may have left half written.
        modem.write(&[ESC, b'\r']).await?;
        if modem.command("AT", COMMAND).await.is_err() {
            modem.command("AT", COMMAND).await?;
        }
        modem.command("ATE0", COMMAND).await?;
        // Errors as text where it can, else as numbers.
        if modem.command("AT+CMEE=2", COMMAND).await.is_err() {
            modem.command("AT+CMEE=1", COMMAND).await.or_else(refusal_is_fine)?;
        }
        modem.look_at_sim().await?;
        modem.find_network().await?;
        modem.command("AT+CMGF=0", COMMAND).await?;
        // Reports come at once, and texts are stored first: a crash loses none.
        modem.command("AT+CNMI=2,1,0,1,0", COMMAND).await.or_else(refusal_is_fine)?;
        Ok(modem)
    }

    /// A PIN is not sent: one wrong PIN is one of three.
    async fn look_at_sim(&mut self) -> Result<(), ModemError> {
        let state = self.value("AT+CPIN?", "+CPIN:").await?;
        if state == "READY" { Ok(()) } else { Err(ModemError::Sim(state)) }
    }

    async fn find_network(&mut self) -> Result<(), ModemError> {
        let deadline = Instant::now() + REGISTRATION;
        loop {
            let state = self.value("AT+CREG?", "+CREG:").await?;
            // Registered at home, or roaming (TS 27.007 section 7.2).
            if matches!(state.split(',').nth(1).map(str::trim), Some("1" | "5")) {
                return Ok(());
            }
            if Instant::now() + LOOK > deadline {
                return Err(ModemError::NoNetwork);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends a message; tells by which number its report will name it.
    ///
    /// # Errors
    ///
    /// [`ModemError::OutcomeUnknown`] where it may have been sent.
    pub(crate) async fn send(&mut self, message: &Submit) -> Result<u8, ModemError> {
        const COMMAND_NAME: &str = "AT+CMGS";
        let (pdu, length) = message.encode()?;
        self.write(format!("AT+CMGS={length}\r").as_bytes()).await?;
        let deadline = Instant::now() + COMMAND;
        loop {
            match self.said(deadline).await? {
                None => {
                    // Leaves the mode in which it would take anything for the text.
                    self.write(&[ESC]).await?;
                    return Err(ModemError::Silent(COMMAND_NAME));
                }
                Some(Said::Prompt) => break,
                Some(Said::Line(line)) => {
                    if let Some(reason) = refusal(&line) {
                        return Err(ModemError::Refused { command: COMMAND_NAME, reason });
                    }
                    self.unasked(&line, deadline).await?;
                }
            }
        }
        let mut text = to_hex(&pdu).into_bytes();
        text.push(CTRL_Z);
        self.write(&text).await.map_err(|_| ModemError::OutcomeUnknown)?;
        match self.answer(COMMAND_NAME, SENDING).await {
            Ok(lines) => {
                let reference = lines.iter().find_map(|line| line.strip_prefix("+CMGS:"));
                reference.and_then(|text| text.trim().parse().ok()).ok_or(ModemError::OutcomeUnknown)
            }
            Err(error @ ModemError::Refused { .. }) => Err(error),
            Err(_) => Err(ModemError::OutcomeUnknown),
        }
    }

    /// The next message that comes before `deadline`. One that is not understood is dropped.
    ///
    /// # Errors
    ///
    /// Where the line breaks.
    pub(crate) async fn receive(&mut self, deadline: Instant) -> Result<Option<Incoming>, ModemError> {
        loop {
            if let Some(unasked) = self.unasked.pop_front() {
                let pdu = match unasked {
                    Unasked::Pdu(pdu) => Some(pdu),
                    Unasked::Stored { storage, place } => self.fetch(&storage, place).await?,
                };
                let incoming = pdu.and_then(|pdu| from_hex(&pdu).ok()).map(|pdu| Incoming::decode(&pdu));
                match incoming {
                    Some(Ok(incoming)) => return Ok(Some(incoming)),
                    Some(Err(error)) => tracing::debug!(%error, "a short message was dropped"),
                    None => {}
                }
                continue;
            }
            match self.said(deadline).await? {
                None => return Ok(None),
                Some(Said::Line(line)) => {
                    self.unasked(&line, deadline).await?;
                }
                Some(Said::Prompt) => {}
            }
        }
    }

    /// Takes a stored message out of the modem.
    async fn fetch(&mut self, storage: &str, place: u32) -> Result<Option<String>, ModemError> {
        let select = format!("AT+CPMS=\"{storage}\"\r");
        self.write(select.as_bytes()).await?;
        self.answer("AT+CPMS", COMMAND).await.or_else(refusal_is_fine)?;
        self.write(format!("AT+CMGR={place}\r").as_bytes()).await?;
        let lines = match self.answer("AT+CMGR", COMMAND).await {
            Err(ModemError::Refused { .. }) => return Ok(None),
            other => other?,
        };
        // A full storage takes no more messages.
        self.write(format!("AT+CMGD={place}\r").as_bytes()).await?;
        self.answer("AT+CMGD", COMMAND).await.or_else(refusal_is_fine)?;
        Ok(lines.into_iter().rfind(|line| !line.starts_with('+')))
    }

    /// The value that a command asks for.
    async fn value(&mut self, command: &'static str, prefix: &str) -> Result<String, ModemError> {
        let lines = self.command(command, COMMAND).await?;
        let value = lines.iter().find_map(|line| line.strip_prefix(prefix));
        let silent = ModemError::Refused { command, reason: "its answer says nothing".to_owned() };
        value.map(|value| value.trim().to_owned()).ok_or(silent)
    }

    async fn command(
        &mut self,
        command: &'static str,
        patience: Duration,
    ) -> Result<Vec<String>, ModemError> {
        self.write(format!("{command}\r").as_bytes()).await?;
        self.answer(command, patience).await
    }

    /// The lines before `OK`.
    async fn answer(&mut self, command: &'static str, patience: Duration) -> Result<Vec<String>, ModemError> {
        let deadline = Instant::now() + patience;
        let mut lines = Vec::new();
        loop {
            match self.said(deadline).await? {
                None => return Err(ModemError::Silent(command)),
                Some(Said::Prompt) => {}
                Some(Said::Line(line)) if line == "OK" => return Ok(lines),
                Some(Said::Line(line)) => {
                    if let Some(reason) = refusal(&line) {
                        return Err(ModemError::Refused { command, reason });
                    }
                    if !self.unasked(&line, deadline).await? && lines.len() < MOST_WAITING {
                        lines.push(line);
                    }
                }
            }
        }
    }

    /// Keeps a line that tells of a message; says whether it was one.
    async fn unasked(&mut self, line: &str, deadline: Instant) -> Result<bool, ModemError> {
        let unasked = if let Some(place) = line.strip_prefix("+CMTI:").or_else(|| line.strip_prefix("+CDSI:"))
        {
            let Some((storage, place)) = place.split_once(',') else { return Ok(true) };
            let storage = storage.trim().trim_matches('"');
            let Ok(place) = place.trim().parse() else { return Ok(true) };
            if !storage.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Ok(true);
            }
            Unasked::Stored { storage: storage.to_owned(), place }
        } else if line.starts_with("+CDS:") || line.starts_with("+CMT:") {
            match self.said(deadline).await? {
                Some(Said::Line(pdu)) => Unasked::Pdu(pdu),
                _ => return Ok(true),
            }
        } else {
            return Ok(false);
        };
        if self.unasked.len() < MOST_WAITING {
            self.unasked.push_back(unasked);
        }
        Ok(true)
    }

    /// The next thing that the modem says before `deadline`. Empty lines are nothing.
    async fn said(&mut self, deadline: Instant) -> Result<Option<Said>, ModemError> {
        loop {
            if self.bytes.trim_ascii_start().starts_with(b">") {
                self.bytes.clear();
                return Ok(Some(Said::Prompt));
            }
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n' || *byte == b'\r') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(Said::Line(line)));
            }
            if self.bytes.len() > LONGEST_LINE {
                self.bytes.clear();
            }
            let mut buffer = [0; 512];
            let read = match timeout_at(deadline, self.line.read(&mut buffer)).await {
                Err(_) => return Ok(None),
                Ok(Ok(0)) => return Err(ModemError::Line("it was closed".to_owned())),
                Ok(Ok(read)) => read,
                Ok(Err(error)) => return Err(ModemError::Line(error.to_string())),
            };
            self.bytes.extend(&buffer[..read]);
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ModemError> {
        let written = async {
            self.line.write_all(bytes).await?;
            self.line.flush().await
        };
        written.await.map_err(|error| ModemError::Line(error.to_string()))
    }
}

/// Why a line refuses a command, where it does.
fn refusal(line: &str) -> Option<String> {
    let reason = line.strip_prefix("+CME ERROR:").or_else(|| line.strip_prefix("+CMS ERROR:"));
    match (reason, line) {
        (Some(reason), _) => Some(reason.trim().to_owned()),
        (None, "ERROR" | "NO CARRIER" | "COMMAND NOT SUPPORT") => Some(line.to_owned()),
        _ => None,
    }
}

/// What a modem may refuse without harm.
fn refusal_is_fine(error: ModemError) -> Result<Vec<String>, ModemError> {
    match error {
        ModemError::Refused { .. } => Ok(Vec::new()),
        error => Err(error),
    }
}
