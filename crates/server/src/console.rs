//! The consoles of hosts: who has which, and what is open on the controllers for it.
//!
//! One person or run at a time has the console of a host: its serial line and its keyboard together. Others may watch
//! what it shows. What is open on the controller is closed when nobody looks at it any more.

mod desk;
mod keystrokes;
mod open;
mod recording;
mod session;
mod viewer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ironhand_api::{Host, Name};

pub(crate) use desk::{Desks, Hold, Ousted, tell};
pub(crate) use keystrokes::shown;
pub(crate) use recording::{Recorder, Recordings};
pub(crate) use session::{Attachment, Input};
pub(crate) use viewer::{Viewer, shows_the_same, told};

use crate::Settings;
use crate::device::DeviceError;
use crate::lane::Tools;
use crate::serial::log::ConsoleLogs;
use session::Session;

/// The serial consoles that are open; cheap to clone.
#[derive(Clone)]
pub(crate) struct Consoles {
    inner: Arc<Inner>,
}

struct Inner {
    tools: Tools,
    logs: ConsoleLogs,
    recordings: Recordings,
    /// One at a time opens the console of a host.
    open: Mutex<HashMap<Name, Arc<tokio::sync::Mutex<Option<Session>>>>>,
}

impl Consoles {
    pub(crate) fn new(tools: Tools, logs: ConsoleLogs, recordings: Recordings) -> Self {
        Self { inner: Arc::new(Inner { tools, logs, recordings, open: Mutex::default() }) }
    }

    /// Who has which console.
    pub(crate) fn desks(&self) -> &Desks {
        &self.inner.tools.desks
    }

    /// What machines wrote.
    pub(crate) fn logs(&self) -> &ConsoleLogs {
        &self.inner.logs
    }

    /// What was recorded of consoles.
    pub(crate) fn recordings(&self) -> &Recordings {
        &self.inner.recordings
    }

    /// Joins the serial console of a host, which is opened where it is not.
    pub(crate) async fn attach(&self, host: &Host, settings: &Settings) -> Result<Attachment, DeviceError> {
        let Inner { tools, logs, .. } = &*self.inner;
        let name = &host.metadata.name;
        let place = Arc::clone(self.places().entry(name.clone()).or_default());
        let mut place = place.lock().await;
        if let Some(attached) = place.as_ref().and_then(Session::attach) {
            return Ok(attached);
        }
        let opened = open::serial(host, tools, settings).await?;
        let (session, attached) = Session::start(opened, logs.of(name));
        *place = Some(session);
        Ok(attached)
    }

    /// Waits until what is open on controllers is closed; whoever is attached must have left.
    pub(crate) async fn ended(&self) {
        let places: Vec<_> = self.places().drain().map(|(_, place)| place).collect();
        for place in places {
            if let Some(session) = place.lock().await.take() {
                session.ended().await;
            }
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Arc<tokio::sync::Mutex<Option<Session>>>>> {
        // Nothing in here panics while the map is half changed.
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
