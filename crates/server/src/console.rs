//! The consoles of hosts: who has which, and what is open on the controllers for it.
//!
//! One person or run at a time has the console of a host: its serial line and its keyboard together. Others may watch
//! what it shows. What is open on the controller is closed when nobody looks at it any more.

mod desk;
mod keeper;
mod keystrokes;
mod open;
mod recording;
mod scene;
mod secrets;
mod session;
mod viewer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ironhand_api::Name;
use ironhand_ipmi_port::IpmiPort;

pub(crate) use desk::{Desks, Hold, Ousted, tell};
pub(crate) use keeper::Keeper;
pub(crate) use keystrokes::{Shown, shown};
pub(crate) use open::entrances;
pub(crate) use recording::{Deeds, Recorder, RecordingError, Recordings, ScreenRecorder};
pub(crate) use scene::Glance;
pub(crate) use secrets::{fill_in, keys_of_flow};
pub(crate) use session::{Attachment, Input};
pub(crate) use viewer::{Viewer, shows_the_same, told};

use crate::Settings;
use crate::entrance::{Entered, Entrance};
use crate::serial::log::ConsoleLogs;
use scene::Mark;
use session::{Session, SharedScene};

/// The serial consoles that are open; cheap to clone.
#[derive(Clone)]
pub(crate) struct Consoles {
    inner: Arc<Inner>,
}

struct Inner {
    /// For SOL, each of which has a session of its own.
    port: IpmiPort,
    desks: Desks,
    logs: ConsoleLogs,
    recordings: Recordings,
    places: Mutex<HashMap<Name, Arc<Place>>>,
}

/// Where the console of a host is open.
#[derive(Default)]
struct Place {
    /// One at a time opens it.
    session: tokio::sync::Mutex<Option<Session>>,
    /// What it shows, while it is open.
    scene: SharedScene,
}

/// A moment in what the machine at a console writes; see [`Consoles::forget`].
pub(crate) struct ConsoleMark {
    place: Arc<Place>,
    mark: Mark,
}

impl Consoles {
    pub(crate) fn new(port: IpmiPort, logs: ConsoleLogs, recordings: Recordings) -> Self {
        let (desks, places) = (Desks::default(), Mutex::default());
        Self { inner: Arc::new(Inner { port, desks, logs, recordings, places }) }
    }

    /// Who has which console.
    pub(crate) fn desks(&self) -> &Desks {
        &self.inner.desks
    }

    /// What machines wrote.
    pub(crate) fn logs(&self) -> &ConsoleLogs {
        &self.inner.logs
    }

    /// What was recorded of consoles.
    pub(crate) fn recordings(&self) -> &Recordings {
        &self.inner.recordings
    }

    /// Joins the serial console of a host, which is opened through the first of `entrances` that lets us in where it is not
    /// open; where none does, how long to wait where credentials tell.
    pub(crate) async fn attach(
        &self,
        host: &Name,
        entrances: &mut [Entrance],
        settings: &Settings,
    ) -> Entered<Attachment> {
        let Inner { port, logs, .. } = &*self.inner;
        let place = Arc::clone(self.places().entry(host.clone()).or_default());
        let mut session = place.session.lock().await;
        if let Some(attached) = session.as_ref().and_then(Session::attach) {
            return Ok(attached);
        }
        let opened = open::serial(host, entrances, port, settings).await?;
        let (begun, attached) = Session::start(opened, logs.of(host), Arc::clone(&place.scene));
        *session = Some(begun);
        Ok(attached)
    }

    /// What the machine has written on its console until now.
    pub(crate) fn mark(&self, host: &Name) -> Option<ConsoleMark> {
        let place = Arc::clone(self.places().get(host)?);
        let mark = session::lock(&place.scene).as_ref()?.mark();
        Some(ConsoleMark { place, mark })
    }

    /// The machine lost its power, or began anew, after a moment: what it wrote before shows no longer.
    pub(crate) fn forget(&self, ConsoleMark { place, mark }: &ConsoleMark) {
        if let Some(scene) = session::lock(&place.scene).as_mut() {
            scene.forget(*mark);
        }
    }

    /// Waits until what is open on controllers is closed; whoever is attached must have left.
    pub(crate) async fn ended(&self) {
        let places: Vec<_> = self.places().drain().map(|(_, place)| place).collect();
        for place in places {
            if let Some(session) = place.session.lock().await.take() {
                session.ended().await;
            }
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Arc<Place>>> {
        // Nothing in here panics while the map is half changed.
        self.inner.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
