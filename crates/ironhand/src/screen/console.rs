//! `ironhand console HOST --screen`: the screen of a host, and the keys typed before it.

use std::time::Duration;

use ironhand_api::{KeysRequest, LiveNotice, LiveScreen, Name, ScreenKind};
use ironhand_client::{Client, LiveEvent, LiveOptions, LiveScreens};
use ironhand_console::keys;

use super::Protocol;
use super::canvas::{Canvas, Face};
use super::live::{face, on_a_terminal, resized};
use super::terminal::Answers;
use super::typed::{Typed, TypedKeys};
use crate::bmc::sol::terminal::{RawTerminal, input};
use crate::exit::Failure;
use crate::serve::left_from_outside;

/// How long the rest of what a terminal sends for one key may take. Escape alone is known by nothing following it.
const REST: Duration = Duration::from_millis(50);

/// Bytes of keys that wait until those before are pressed. What is typed beyond is left out, and said so.
const AHEAD: usize = 2048;

/// How long the server may take to close the connection.
const CLOSING: Duration = Duration::from_secs(3);

/// Characters that are shown of a line of keys by name.
const SHOWN: usize = 50;

/// What can be typed for this program. It fits into 80 columns.
const HELP: &str = "~. leaves, ~D Ctrl-Alt-Del, ~K keys by name, ~~ types ~: behind Enter or arrows";

/// How a console ended.
pub struct Ended {
    /// Of the server; none where the user left.
    pub closed: Option<(String, String)>,
}

/// Shows the screen of a host and presses what is typed, until somebody leaves or the server ends it.
pub async fn open(
    client: &Client,
    host: &Name,
    options: LiveOptions,
    escape: Option<u8>,
    protocol: Option<Protocol>,
    answers: Answers,
) -> Result<Ended, Failure> {
    if !on_a_terminal() {
        return Err(Failure::Usage {
            message: "the screen of a host is typed on in a terminal".to_owned(),
            hint: Some(format!("`ironhand screen {host} --watch` and `ironhand type {host} KEYS` need none")),
        });
    }
    let options = LiveOptions { text_only: protocol.is_none(), ..options };
    let mut screens = client.watch_screen(host, &options).await?;
    let mut resized = resized()?;
    let left = left_from_outside();
    tokio::pin!(left);
    let raw = RawTerminal::enter()
        .map_err(|error| Failure::Failed(format!("the terminal cannot be used: {error}")))?;
    let mut canvas = Canvas::enter(protocol, answers)?;
    let mut input = input();
    let mut typed = TypedKeys::new(escape);
    let mut show = Show::new(host, escape);
    let closed = loop {
        canvas.draw(show.face.clone(), &show.caption())?;
        let rest = async {
            match typed.waits() {
                true => tokio::time::sleep(REST).await,
                false => std::future::pending().await,
            }
        };
        let found = tokio::select! {
            () = &mut left => break None,
            _ = resized.recv() => continue,
            event = screens.next() => {
                match event {
                    Some(event) => if let Some(closed) = show.take(event)? { break Some(closed) },
                    None => {
                        break Some(("console.lost".to_owned(), "the server closed the connection".to_owned()));
                    }
                }
                Vec::new()
            }
            () = rest => typed.settle(),
            bytes = input.recv() => match bytes {
                Some(bytes) => typed.take(&bytes),
                None => break None,
            },
        };
        if !show.typed(found) {
            break None;
        }
        show.press(&mut screens).await;
    };
    drop(canvas);
    drop(raw);
    // A server that does not say good-bye is left.
    let _ = tokio::time::timeout(CLOSING, screens.close()).await;
    Ok(Ended { closed })
}

/// What is shown, and what is to be pressed.
struct Show<'h> {
    host: &'h Name,
    face: Face,
    connector: String,
    read_only: bool,
    /// What stands in the last row beside the name.
    note: String,
    /// What is written of keys by name, and what is wrong with it, in place of all else in the last row; so is the help.
    prompt: Option<String>,
    /// Keys that are to be pressed.
    ahead: String,
    /// Keys are being pressed.
    pressing: bool,
    escape: Option<u8>,
}

impl<'h> Show<'h> {
    fn new(host: &'h Name, escape: Option<u8>) -> Self {
        let face = Face::Text { rows: Vec::new(), cursor: None, highlighted_row: None };
        let note = if escape.is_some() { "~? shows help".to_owned() } else { String::new() };
        let (connector, ahead) = (String::new(), String::new());
        let prompt = None;
        Self { host, face, connector, read_only: false, note, prompt, ahead, pressing: false, escape }
    }

    fn caption(&self) -> String {
        if let Some(prompt) = &self.prompt {
            return prompt.clone();
        }
        let only = if self.read_only { ", to look at only" } else { "" };
        format!("{} ({}{only})  {}", self.host, self.connector, self.note)
    }

    /// Takes what comes from the server; why it is the last, where it is.
    fn take(&mut self, event: LiveEvent) -> Result<Option<(String, String)>, Failure> {
        match event {
            LiveEvent::Screen { screen, picture } => {
                self.face = face(&screen, picture.as_deref())?;
                self.note = seen(&screen, picture.is_some());
                self.connector = screen.connector;
            }
            LiveEvent::Notice(notice) => match notice {
                LiveNotice::Opened { read_only } => self.read_only = read_only,
                LiveNotice::Unseen { reason, .. } => self.note = format!("not seen: {reason}"),
                LiveNotice::Pressed { .. } => self.pressing = false,
                LiveNotice::NotPressed { reason, .. } => {
                    self.pressing = false;
                    self.note = format!("not pressed: {reason}");
                }
                LiveNotice::Closed { code, reason } => return Ok(Some((code, reason))),
                LiveNotice::Screen(_) => {}
            },
        }
        Ok(None)
    }

    /// Takes what was typed; false where it was to leave.
    fn typed(&mut self, typed: Vec<Typed>) -> bool {
        for typed in typed {
            self.prompt = None;
            match typed {
                Typed::Leave => return false,
                Typed::Help => {
                    let escape = self.escape.map_or('~', char::from).to_string();
                    self.prompt = Some(HELP.replace('~', &escape));
                }
                Typed::Writing(line) => {
                    // What was written last is to be seen in a narrow window, too.
                    let hidden = line.chars().count().saturating_sub(SHOWN);
                    let end: String = line.chars().skip(hidden).collect();
                    self.prompt = Some(format!("keys by name, then Enter: {end}"));
                }
                Typed::Written(line) => match keys::parse(&line) {
                    Ok(_) => self.queue(&line),
                    Err(error) => self.prompt = Some(format!("not pressed: {error}")),
                },
                Typed::Keys(keys) => self.queue(&keys),
            }
        }
        true
    }

    /// Keys are to be pressed, in our grammar.
    fn queue(&mut self, keys: &str) {
        if keys.is_empty() {
            return;
        }
        if self.read_only {
            "only to look at: nothing is typed".clone_into(&mut self.note);
        } else if self.ahead.len() + keys.len() > AHEAD {
            "not pressed: typed too far ahead of the machine".clone_into(&mut self.note);
        } else {
            self.ahead.push_str(keys);
        }
    }

    /// Has pressed what was typed, once what was typed before it is.
    async fn press(&mut self, screens: &mut LiveScreens) {
        if self.pressing || self.ahead.is_empty() {
            return;
        }
        let request = KeysRequest::new(std::mem::take(&mut self.ahead));
        // That the connection has ended is told by what comes from it.
        self.pressing = screens.press(&request).await;
    }
}

/// What is worth knowing of a screen beside what stands on it.
fn seen(screen: &LiveScreen, picture: bool) -> String {
    if screen.kind == ScreenKind::Blank {
        return "the screen is blank".to_owned();
    }
    if !picture && screen.rows.iter().all(|row| row.trim().is_empty()) {
        return "a picture without text".to_owned();
    }
    match screen.reliable {
        true => String::new(),
        false => "not everything is readable with certainty".to_owned(),
    }
}
