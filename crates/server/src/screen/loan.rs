//! A VNC server that is switched on for the time of need, by the attributes of its iDRAC.
//!
//! How it was is durable before it is switched on. Whoever uses it last puts that back; what a crash left on is found by
//! the next start.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, Name, Way};
use ironhand_connectors::{
    Error, Login, RedfishDevice, ScreenEvent, ScreenSource, Surroundings, VncServer, vnc_encryption,
};
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_console::{Image, PictureMark};
use ironhand_store::{Store, StoreError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};

use crate::clock;
use crate::device::DeviceError;
use crate::entrance::Entrance;

/// How often a controller is told to switch the server off again before that is left to the next time.
const TRIES: usize = 3;

/// Between two of them.
const BETWEEN: Duration = Duration::from_secs(2);

/// How a server was before it was switched on.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    /// Its encryption, where that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
}

/// A VNC server of a host, and the controller that switches it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct VncLoan {
    host: Name,
    /// The controller, as facts name it.
    source: Arc<str>,
    store: Store,
    state: Arc<Mutex<State>>,
    /// The way to the controller under other credentials, from the next time on.
    renewed: Arc<std::sync::Mutex<Option<Entrance>>>,
}

struct State {
    controller: Entrance,
    /// Who uses the server.
    users: usize,
}

impl VncLoan {
    /// Of a host whose `redfish` connector is behind `controller`.
    pub(crate) fn new(host: Name, controller: Entrance) -> Self {
        let (source, store) = (controller.source.as_str().into(), controller.store.clone());
        let state = Arc::new(Mutex::new(State { controller, users: 0 }));
        Self { host, source, store, state, renewed: Arc::default() }
    }

    /// Takes another way to the same controller; false where it is another one.
    pub(crate) fn follow(&self, controller: Entrance) -> bool {
        let same = *self.source == *controller.source;
        if same {
            *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(controller);
        }
        same
    }

    async fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().await;
        if let Some(controller) = self.renewed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            state.controller = controller;
        }
        state
    }

    /// Sees to it that the server runs, under the password of `login` where it did not, and completes `connector` by its
    /// port. It does as long as what comes back is kept.
    pub(super) async fn take(
        &self,
        connector: &mut Connector,
        login: Option<&Login>,
    ) -> Result<Use, DeviceError> {
        let mut state = self.state().await;
        let shown = asked(&mut state.controller, Ask::Read).await?;
        let ours = self.store.loan(&self.host, &self.source).await.map_err(not_stored)?.is_some();
        if ours || !shown.enabled {
            let with_tls = matches!(&connector.way, Way::Vnc(options) if options.tls.is_some());
            let encryption = vnc_encryption(shown.encryption.as_deref(), with_tls).map(str::to_owned);
            let before = Before { encryption: shown.encryption.filter(|_| encryption.is_some()) };
            let before = serde_json::to_string(&before).unwrap_or_default();
            let begun = self.store.begin_loan(&self.host, &self.source, before, clock::now());
            begun.await.map_err(not_stored)?;
            let password = login.map(|login| login.password.clone());
            // Whoever uses it now must not be cut off by another password.
            if state.users == 0 || !shown.enabled {
                let on = Ask::Set { enabled: true, encryption, password };
                if let Err(error) = asked(&mut state.controller, on).await {
                    self.put_back(&mut state).await;
                    return Err(error);
                }
                tracing::info!(host = %self.host, connector = %connector, "its VNC server is switched on");
            }
        }
        connector.port.get_or_insert(shown.port);
        state.users += 1;
        Ok(Use(Some(self.clone())))
    }

    async fn give_back(&self) {
        let mut state = self.state().await;
        state.users = state.users.saturating_sub(1);
        self.put_back(&mut state).await;
    }

    /// Puts back what a server that was killed left switched on, where nobody will use it.
    pub(super) async fn settle(&self) {
        self.put_back(&mut *self.state().await).await;
    }

    /// Makes the server as it was, where it was switched on here and nobody uses it.
    async fn put_back(&self, state: &mut State) {
        if state.users > 0 {
            return;
        }
        for turn in 1..=TRIES {
            match self.try_to_put_back(state).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(host = %self.host, connector = %self.source, %error, "its VNC server stays switched on for now");
                }
            }
            if turn < TRIES {
                tokio::time::sleep(BETWEEN).await;
            }
        }
    }

    async fn try_to_put_back(&self, state: &mut State) -> Result<(), DeviceError> {
        let before = self.store.loan(&self.host, &self.source).await.map_err(not_stored)?;
        let Some(before) = before else { return Ok(()) };
        let Before { encryption } = serde_json::from_str(&before).unwrap_or_default();
        asked(&mut state.controller, Ask::Set { enabled: false, encryption, password: None }).await?;
        tracing::info!(host = %self.host, connector = %self.source, "its VNC server is switched off again");
        self.store.end_loan(&self.host, &self.source, clock::now()).await.map_err(not_stored)
    }
}

/// That somebody uses the server. It is given back when this is dropped.
pub(super) struct Use(Option<VncLoan>);

impl Use {
    /// Gives the server back, and waits until it is as it was.
    pub(super) async fn end(mut self) {
        if let Some(loan) = self.0.take() {
            loan.give_back().await;
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        // Connecting is broken off where it takes too long. Without a runtime the next start finds it.
        if let (Some(loan), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { loan.give_back().await });
        }
    }
}

/// What a controller is asked.
#[derive(Clone)]
enum Ask {
    Read,
    Set { enabled: bool, encryption: Option<String>, password: Option<SecretString> },
}

/// Asks the controller behind an entrance.
async fn asked(controller: &mut Entrance, ask: Ask) -> Result<VncServer, DeviceError> {
    let open = move |connector: Connector, login, surroundings: Surroundings| {
        let ask = ask.clone();
        let answer: BoxFuture<'static, Result<VncServer, DeviceError>> = Box::pin(async move {
            let Way::Redfish(options) = &connector.way else {
                let what = "switch a VNC server: only Redfish does".to_owned();
                return Err(Error::Unsupported { what }.into());
            };
            // Its session is that of the host's line, and is left to it.
            let mut device = RedfishDevice::open(&connector, options, login, &surroundings)?;
            Ok(match ask {
                Ask::Read => device.vnc_server().await,
                Ask::Set { enabled, encryption, password } => {
                    device.set_vnc_server(enabled, encryption, password).await
                }
            }?)
        });
        answer
    };
    controller.enter(open).await.map_err(|(error, _)| DeviceError::NotSwitchedOn(Box::new(error)))
}

fn not_stored(error: StoreError) -> DeviceError {
    DeviceError::not_stored(&error)
}

/// A screen whose server is given back when it is closed.
pub(super) struct Borrowed {
    pub(super) screen: Box<dyn ScreenSource>,
    pub(super) server: Use,
}

impl ScreenSource for Borrowed {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        self.screen.ready()
    }

    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.screen.pump()
    }

    fn next_event(&mut self) -> Option<ScreenEvent> {
        self.screen.next_event()
    }

    fn request_update(&mut self, incremental: bool) -> BoxFuture<'_, Result<(), Error>> {
        self.screen.request_update(incremental)
    }

    fn image(&mut self, before: Option<PictureMark>) -> Option<Image> {
        self.screen.image(before)
    }

    fn rest(&mut self) {
        self.screen.rest();
    }

    fn tells_changes(&self) -> bool {
        self.screen.tells_changes()
    }

    fn is_lossy(&self) -> bool {
        self.screen.is_lossy()
    }

    fn keyboard(&self) -> Option<Keyboard> {
        self.screen.keyboard()
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        self.screen.key(stroke)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { screen, server } = *self;
            // It goes on where it takes longer than is waited for.
            let closing = tokio::spawn(async move {
                screen.close().await;
                server.end().await;
            });
            // An error means that it panicked.
            let _ = closing.await;
        })
    }
}
