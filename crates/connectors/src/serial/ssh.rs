//! Consoles over SSH: those of controllers behind their menus, of OpenBMC on a port of their own, of console servers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{Connector, ConsoleMenu, SshConsoleOptions};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use super::guard::{EscapeFilter, PromptWatch};
use super::menu::{Answer, Menu, quoted};
use super::{SerialConsole, TAKEN};
use crate::path::joined;
use crate::ssh::{HostKey, Session};
use crate::{CONNECT, Error, Login, Route, Surroundings, connect};

/// How long a controller may take to log somebody in and to show its prompt: some check the password at a directory.
const PROMPT: Duration = Duration::from_secs(30);

/// For how long a prompt must stand alone until it counts as the answer to a command.
const QUIET: Duration = Duration::from_millis(500);

/// How long a controller may be silent about a command until the console counts as there: most say nothing.
const SETTLED: Duration = Duration::from_secs(3);

/// How long a controller may take over each step of the way out.
const LEAVING: Duration = Duration::from_secs(2);

/// What may be received while something is sent: more waits at the controller.
const MOST_WAITING: usize = 256 * 1024;

/// What a menu may say: no banner is longer.
const MOST_SAID: usize = 64 * 1024;

/// What the machine is told of the terminal. Firmware draws for this size whatever it is told.
const TERMINAL: &str = "vt100";
const COLUMNS: u32 = 80;
const ROWS: u32 = 24;

/// OpenBMC leaves its console by `~.` at the beginning of a line.
const OPENBMC_ESCAPE: &[u8] = b"\r~.";

/// A console over SSH.
pub(super) struct SshConsole {
    line: Line,
    menu: Option<&'static Menu>,
    filter: EscapeFilter,
    watch: Option<PromptWatch>,
    /// The controller has ended the console.
    ended: bool,
}

/// A channel to a shell.
struct Line {
    session: Session,
    reader: ChannelReadHalf,
    writer: ChannelWriteHalf<Msg>,
    address: String,
    /// What was received and nobody has asked for.
    waiting: VecDeque<Bytes>,
    waiting_length: usize,
}

impl SshConsole {
    pub(super) async fn open(
        connector: &Connector,
        options: &SshConsoleOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let needs = || Error::Misconfigured { reason: format!("{connector} needs a credential") };
        let login = login.ok_or_else(needs)?;
        let route = Route::of(connector, surroundings.hop.clone())?;
        let host_key = match &options.host_key {
            Some(fingerprint) => HostKey::Given(fingerprint.clone()),
            None => HostKey::First { device: connector.to_string(), pins: Arc::clone(&surroundings.pins) },
        };
        let (stream, taken) = connect(&route, &surroundings.health, Instant::now() + CONNECT).await?;
        let address = joined(&taken.address, taken.port);
        let silent = Error::Silent { address: address.clone(), after: PROMPT };
        let opening = Line::open(stream, address, &login, host_key, options);
        let line = timeout(PROMPT, opening).await.unwrap_or(Err(silent))?;
        let menu = Menu::of(options.menu);
        let (escape, seen) = match (menu, options.menu) {
            (Some(menu), _) => (menu.escape, 0),
            // The beginning counts as that of a line.
            (None, ConsoleMenu::Openbmc) => (OPENBMC_ESCAPE, 1),
            (None, _) => (&b""[..], 0),
        };
        let filter = EscapeFilter::new(escape, seen);
        let watch = menu.map(|menu| PromptWatch::new(menu.prompts));
        let mut console = Self { line, menu, filter, watch, ended: false };
        if let Some(menu) = menu {
            let command = options.command.as_deref().unwrap_or(menu.command);
            if let Err(error) = console.pass(menu, command).await {
                console.leave().await;
                return Err(error);
            }
        }
        Ok(console)
    }

    /// Goes through a menu.
    async fn pass(&mut self, menu: &Menu, command: &str) -> Result<(), Error> {
        self.line.prompt(menu, PROMPT).await?;
        if let Some(before) = menu.before {
            self.line.enter(before).await?;
            self.line.prompt(menu, PROMPT).await?;
        }
        self.line.enter(command).await?;
        let said = self.line.answer(menu, command).await?;
        self.line.put_back(said);
        Ok(())
    }

    async fn receive_next(&mut self) -> Result<Bytes, Error> {
        if self.ended {
            return Err(self.ended_by_controller());
        }
        let bytes = self.line.next().await?;
        self.ended = self.watch.as_mut().is_some_and(|watch| watch.take(&bytes));
        Ok(bytes)
    }

    fn ended_by_controller(&self) -> Error {
        Error::Busy {
            reason: format!(
                "the controller at {} has ended the console and shows its own prompt; another may have taken it",
                self.line.address
            ),
        }
    }

    /// Leaves the console, and the menu behind it.
    async fn leave(mut self) {
        let orderly = async {
            if let Some(menu) = self.menu {
                if !self.ended {
                    self.line.write(menu.escape.to_vec()).await?;
                }
                self.line.prompt(menu, LEAVING).await?;
                self.line.enter("exit").await?;
                while self.line.next().await.is_ok() {}
            }
            Ok::<_, Error>(())
        };
        // What does not answer is closed all the same.
        let _ = timeout(LEAVING * 2, orderly).await;
        self.line.close().await;
    }
}

impl SerialConsole for SshConsole {
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(self.receive_next())
    }

    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.ended {
                return Err(self.ended_by_controller());
            }
            let bytes = self.filter.take(bytes);
            if bytes.is_empty() { Ok(()) } else { self.line.write(bytes).await }
        })
    }

    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        let what = "send a break over SSH: no controller takes one there; use ipmi".to_owned();
        Box::pin(std::future::ready(Err(Error::Unsupported { what })))
    }

    fn resize(&mut self, columns: u16, rows: u16) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async move {
            let line = &self.line;
            let told = line.writer.window_change(columns.into(), rows.into(), 0, 0).await;
            let gone = |error: russh::Error| Error::Unreachable {
                address: line.address.clone(),
                reason: error.to_string(),
            };
            told.map(|()| true).map_err(gone)
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.leave())
    }
}

impl Line {
    /// Logs in, and starts a shell, or the command where it stands in its place.
    async fn open(
        stream: crate::Stream,
        address: String,
        login: &Login,
        host_key: HostKey,
        options: &SshConsoleOptions,
    ) -> Result<Self, Error> {
        let session = Session::open_at_controller(stream, &address, login, host_key).await?;
        let refused = |error: russh::Error| Error::Refused { reason: error.to_string() };
        let (mut reader, writer) = session.channel().await.map_err(refused)?.split();
        writer.request_pty(true, TERMINAL, COLUMNS, ROWS, 0, 0, &[]).await.map_err(refused)?;
        // Consoles that are no terminals, as those of some console servers, refuse it and are of use all the same.
        let (mut waiting, _) = replied(&mut reader).await;
        match (&options.command, Menu::of(options.menu)) {
            (Some(command), None) => writer.exec(true, command.as_bytes()).await,
            _ => writer.request_shell(true).await,
        }
        .map_err(refused)?;
        let (more, started) = replied(&mut reader).await;
        waiting.extend(more);
        if !started {
            let said = quoted(&waiting.iter().flatten().copied().collect::<Vec<_>>());
            session.close().await;
            return Err(Error::Refused { reason: format!("it starts no shell; {}", said.trim()) });
        }
        let waiting_length = waiting.iter().map(Bytes::len).sum();
        Ok(Self { session, reader, writer, address, waiting, waiting_length })
    }

    /// The next bytes. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Bytes, Error> {
        if let Some(bytes) = self.waiting.pop_front() {
            self.waiting_length -= bytes.len();
            return Ok(bytes);
        }
        loop {
            match self.reader.wait().await {
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    let reason = "the other side closed the console".to_owned();
                    return Err(Error::Unreachable { address: self.address.clone(), reason });
                }
                Some(message) => {
                    if let Some(bytes) = data(message) {
                        return Ok(bytes);
                    }
                }
            }
        }
    }

    /// Writes, and takes what arrives meanwhile: a controller that has nobody who reads may take nothing.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let Self { reader, writer, waiting, waiting_length, address, .. } = self;
        let gone = |reason: String| Error::Unreachable { address: address.clone(), reason };
        let deadline = Instant::now() + TAKEN;
        let writing = writer.data_bytes(bytes);
        tokio::pin!(writing);
        let mut open = true;
        loop {
            tokio::select! {
                written = &mut writing => return written.map_err(|error| gone(error.to_string())),
                message = reader.wait(), if open && *waiting_length < MOST_WAITING => match message.map(data) {
                    Some(Some(bytes)) => {
                        *waiting_length += bytes.len();
                        waiting.push_back(bytes);
                    }
                    Some(None) => {}
                    None => open = false,
                },
                () = tokio::time::sleep_until(deadline) => {
                    return Err(Error::Silent { address: address.clone(), after: TAKEN });
                }
            }
        }
    }

    /// Enters a command.
    async fn enter(&mut self, command: &str) -> Result<(), Error> {
        self.write(format!("{command}\r").into_bytes()).await
    }

    /// Waits for the prompt of a menu.
    async fn prompt(&mut self, menu: &Menu, patience: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + patience;
        let mut said = Vec::new();
        while !menu.waits(&said) {
            let next = timeout_at(deadline, self.next()).await;
            let wanted = menu.prompts.first().copied().unwrap_or_default();
            match next {
                Ok(Ok(bytes)) => {
                    said.extend_from_slice(&bytes);
                    // The prompt is at the end.
                    let surplus = said.len().saturating_sub(MOST_SAID);
                    said.drain(..surplus);
                }
                Ok(Err(error)) if said.is_empty() => return Err(error),
                Ok(Err(_)) => return Err(menu.refusal("the login", &said)),
                Err(_) => {
                    let text = quoted(&said);
                    let last =
                        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing");
                    let last: String = last.chars().take(80).collect();
                    let reason =
                        format!("it does not show the prompt `{wanted}` but `{last}`; is the menu right?");
                    return Err(Error::Malformed { reason });
                }
            }
        }
        Ok(())
    }

    /// Waits for the console behind a menu's command; returns what the machine wrote meanwhile.
    async fn answer(&mut self, menu: &Menu, command: &str) -> Result<Bytes, Error> {
        let settled = Instant::now() + SETTLED;
        let mut said = Vec::new();
        loop {
            let now = Instant::now();
            let until = if menu.waits(&said) { now + QUIET } else { settled };
            let quiet = match timeout_at(until, self.next()).await {
                Ok(Ok(bytes)) => {
                    said.extend_from_slice(&bytes);
                    false
                }
                Ok(Err(_)) => return Err(menu.refusal(command, &said)),
                Err(_) => true,
            };
            match menu.answer(&said, quiet) {
                Answer::Connected(begins) => return Ok(Bytes::from(said.split_off(begins.min(said.len())))),
                Answer::Refused => return Err(menu.refusal(command, &said)),
                // A machine that writes that much is there.
                Answer::Unclear if Instant::now() >= settled || said.len() >= MOST_SAID => {
                    let echo = said.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                    let is_echo = quoted(&said[..echo]).contains(command);
                    return Ok(Bytes::from(if is_echo { said.split_off(echo) } else { said }));
                }
                Answer::Unclear => {}
            }
        }
    }

    /// Gives back what was received too early.
    fn put_back(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.waiting_length += bytes.len();
            self.waiting.push_front(bytes);
        }
    }

    async fn close(self) {
        // Errors mean that it is closed already.
        let _ = timeout(LEAVING, async {
            let _ = self.writer.eof().await;
            let _ = self.writer.close().await;
            self.session.close().await;
        })
        .await;
    }
}

/// Waits for the answer to a request: what was received before it, and whether it was granted.
async fn replied(reader: &mut ChannelReadHalf) -> (VecDeque<Bytes>, bool) {
    let mut received = VecDeque::new();
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Success) => return (received, true),
            Some(ChannelMsg::Failure) | None => return (received, false),
            Some(message) => received.extend(data(message)),
        }
    }
}

/// What the other side wrote, to whichever of its outputs.
fn data(message: ChannelMsg) -> Option<Bytes> {
    match message {
        ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => Some(data),
        _ => None,
    }
}
