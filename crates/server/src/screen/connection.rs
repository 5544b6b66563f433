//! A way to a screen: a stream of changes, or a unit that is asked for pictures.

use ironhand_api::Connector;
use ironhand_connectors::{PathHealth, Route, Surroundings};
use ironhand_console::Image;
use ironhand_store::Store;

use super::rfb::Rfb;
use super::unit::Unit;
use crate::Settings;
use crate::credentials::{Opened, hop_login};
use crate::device::DeviceError;

/// Where a screen is, and how it is spoken to.
pub(crate) enum ScreenWay {
    /// A remote framebuffer.
    Rfb {
        /// The connector.
        connector: Box<Connector>,
        /// How its addresses fare.
        health: PathHealth,
        /// Where the login of a host between is kept.
        store: Store,
    },
    /// A unit at the machine's screen and keyboard.
    Unit {
        /// The connector.
        connector: Box<Connector>,
        /// What the unit needs to know beside it.
        surroundings: Box<Surroundings>,
        /// Where the login of a host between is kept.
        store: Store,
    },
}

/// What happens on a connection.
pub(super) enum Happening {
    /// A request was answered: the picture may be another one.
    Updated,
    /// A request was answered by that there is no picture. Keys may still be pressed.
    NoPicture(DeviceError),
    /// The connection is of no use any more.
    Failed(DeviceError),
}

/// A connection to a screen, on which the login is done.
pub(super) enum Connection {
    Rfb(Box<Rfb>),
    Unit(Box<Unit>),
}

impl Connection {
    /// Connects, and gets let in.
    pub(super) async fn open(
        way: &ScreenWay,
        login: Opened,
        settings: &Settings,
    ) -> Result<Self, DeviceError> {
        match way {
            ScreenWay::Rfb { connector, health, store } => {
                let route = Route::of(connector, hop_login(connector, store).await?)?;
                Ok(Self::Rfb(Box::new(Rfb::open(&route, health, login.password, settings).await?)))
            }
            ScreenWay::Unit { connector, surroundings, store } => {
                let hop = hop_login(connector, store).await?;
                let surroundings = Surroundings { hop, ..Surroundings::clone(surroundings) };
                Ok(Self::Unit(Box::new(Unit::open(connector, &surroundings, login).await?)))
            }
        }
    }

    /// Whether it tells of changes by itself, so that silence means that there are none.
    pub(super) const fn tells_changes(&self) -> bool {
        matches!(self, Self::Rfb(_))
    }

    /// Whether its pictures are compressed with losses.
    pub(super) const fn is_lossy(&self) -> bool {
        matches!(self, Self::Unit(_))
    }

    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    pub(super) async fn ready(&mut self) {
        match self {
            Self::Rfb(rfb) => rfb.ready().await,
            Self::Unit(unit) => unit.ready().await,
        }
    }

    /// Takes what has arrived, and sends what there is to send.
    pub(super) async fn pump(&mut self) -> Result<(), DeviceError> {
        match self {
            Self::Rfb(rfb) => rfb.pump().await,
            Self::Unit(unit) => unit.pump().await,
        }
    }

    /// The next thing that happened.
    pub(super) fn next_event(&mut self) -> Option<Happening> {
        match self {
            Self::Rfb(rfb) => rfb.next_event(),
            Self::Unit(unit) => unit.next_event(),
        }
    }

    /// Asks for the whole screen, or for what changes from now on.
    pub(super) async fn request_update(&mut self, incremental: bool) -> Result<(), DeviceError> {
        match self {
            Self::Rfb(rfb) => rfb.request_update(incremental).await,
            Self::Unit(unit) => {
                unit.request_update();
                Ok(())
            }
        }
    }

    /// Whether there is a key of this keysym to press.
    pub(super) fn has_key(&self, keysym: u32) -> bool {
        match self {
            // What a server makes of a keysym is its own affair, which it tells nobody.
            Self::Rfb(_) => true,
            Self::Unit(unit) => unit.has_key(keysym),
        }
    }

    /// Presses or releases a key.
    pub(super) async fn key(&mut self, keysym: u32, down: bool) -> Result<(), DeviceError> {
        match self {
            Self::Rfb(rfb) => rfb.key(keysym, down).await,
            Self::Unit(unit) => unit.key(keysym, down).await,
        }
    }

    /// A copy of the screen, unless it is the same as `before`.
    pub(super) fn image(&self, before: Option<&Image>) -> Option<Image> {
        match self {
            Self::Rfb(rfb) => rfb.image(before),
            Self::Unit(unit) => unit.image(before),
        }
    }

    /// Says good-bye.
    pub(super) async fn close(self) {
        match self {
            Self::Rfb(rfb) => rfb.close().await,
            Self::Unit(unit) => unit.close().await,
        }
    }
}
