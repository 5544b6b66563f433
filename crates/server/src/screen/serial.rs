//! The serial console of a host as its screen: what a terminal would show of what the machine wrote since the console was
//! opened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::Name;
use ironhand_connectors::{Error, ScreenEvent};
use ironhand_console::Reading;
use ironhand_console::keys::SerialStep;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep_until, timeout};

use crate::Settings;
use crate::console::{Attachment, Consoles, Glance, Input};
use crate::device::DeviceError;
use crate::entrance::{Entered, Entrance};

/// How long a console that was just opened may take to say where it is: some controllers send what the machine wrote
/// last, and some machines write a prompt.
const FIRST_WORDS: Duration = Duration::from_secs(2);

/// A machine that wrote nothing for so long has written what it was about to.
const QUIET: Duration = Duration::from_millis(150);

/// How long a key may take to be taken: a machine in reset takes none.
const KEY: Duration = Duration::from_secs(30);

/// What leads to the serial console of a host.
pub(crate) struct SerialDoor {
    pub(crate) host: Name,
    /// The connectors that give it, in the order of the manifest.
    pub(crate) entrances: Vec<Entrance>,
    pub(crate) consoles: Consoles,
    pub(crate) settings: Settings,
}

/// A serial console that is looked at, together with everybody else who has it open.
pub(super) struct SerialScreen {
    attached: Attachment,
    opened: Instant,
    /// When the machine wrote last.
    wrote: Option<Instant>,
    is_closed: bool,
    wanted: Option<Wanted>,
    events: VecDeque<ScreenEvent>,
    /// The version of the scene that was read last.
    read: Option<u64>,
}

/// What was asked for and not told yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Whole,
    Changes,
}

/// What is seen of a serial console.
pub(super) enum Read {
    /// The same as last time.
    Same,
    Shown(Reading),
}

impl SerialDoor {
    /// Joins the console, which is opened where it is not.
    pub(crate) async fn open_console(&mut self) -> Entered<Attachment> {
        self.consoles.attach(&self.host, &mut self.entrances, &self.settings).await
    }

    /// Joins the console as a screen.
    pub(super) async fn open(&mut self) -> Entered<SerialScreen> {
        let attached = self.open_console().await?;
        Ok(SerialScreen {
            attached,
            opened: Instant::now(),
            wrote: None,
            is_closed: false,
            wanted: None,
            events: VecDeque::new(),
            read: None,
        })
    }

    /// Whether passwords were refused so lately that nothing is tried.
    pub(super) fn waits(&self, now: Instant) -> bool {
        self.entrances.iter().all(|entrance| entrance.credentials.waiting(now).is_some())
    }
}

impl SerialScreen {
    /// The connector that gives it, as facts name it.
    pub(super) fn source(&self) -> Arc<str> {
        self.attached.connector.as_str().into()
    }

    /// Whether nothing can be typed.
    pub(super) const fn is_read_only(&self) -> bool {
        self.attached.read_only
    }

    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    pub(super) async fn ready(&mut self) {
        let settled = self.settled();
        let whole = self.wanted == Some(Wanted::Whole);
        if self.is_closed || whole && settled <= Instant::now() {
            return;
        }
        tokio::select! {
            written = self.attached.output.recv() => match written {
                // What is missed here is on the screen all the same.
                Ok(_) | Err(RecvError::Lagged(_)) => self.wrote = Some(Instant::now()),
                Err(RecvError::Closed) => self.is_closed = true,
            },
            () = sleep_until(settled.into()), if whole => {}
        }
    }

    /// When what the machine writes at first has come.
    fn settled(&self) -> Instant {
        let latest = self.opened + FIRST_WORDS;
        let known = !matches!(self.attached.glance(None), Glance::Unknown(_));
        match self.wrote {
            Some(wrote) => latest.min(wrote + QUIET),
            // It was open before.
            None if known => self.opened,
            None => latest,
        }
    }

    pub(super) fn pump(&mut self) -> Result<(), DeviceError> {
        if self.is_closed {
            return Err(self.attached.why_closed());
        }
        let is_due = match self.wanted {
            Some(Wanted::Whole) => self.settled() <= Instant::now(),
            Some(Wanted::Changes) => true,
            None => false,
        };
        if is_due {
            self.wanted = None;
            self.events.push_back(ScreenEvent::Updated);
        }
        Ok(())
    }

    pub(super) fn next_event(&mut self) -> Option<ScreenEvent> {
        self.events.pop_front()
    }

    pub(super) fn request_update(&mut self, incremental: bool) {
        self.wanted = Some(if incremental { Wanted::Changes } else { Wanted::Whole });
    }

    /// What it shows; an error where that is not known.
    pub(super) fn read(&mut self) -> Result<Read, Error> {
        match self.attached.glance(self.read) {
            Glance::Same => Ok(Read::Same),
            Glance::Unknown(error) => {
                self.read = None;
                Err(error)
            }
            Glance::Shown { version, reading } => {
                self.read = Some(version);
                Ok(Read::Shown(reading))
            }
        }
    }

    /// Types something, and waits until the controller has taken it.
    pub(super) async fn put(&mut self, step: SerialStep) -> Result<(), DeviceError> {
        let input = match step {
            SerialStep::Bytes(bytes) => Input::Bytes(bytes.into()),
            SerialStep::Break => Input::Break,
            SerialStep::Wait(time) => {
                tokio::time::sleep(time).await;
                return Ok(());
            }
        };
        let late = || Error::Busy { reason: format!("it took no key within {} s", KEY.as_secs()) };
        timeout(KEY, self.attached.put_and_wait(input)).await.unwrap_or_else(|_| Err(late().into()))
    }
}
