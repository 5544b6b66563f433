//! What a screen is seen through: a connector with a picture, or the serial console of the host.

use ironhand_connectors::{Error, ScreenEvent, ScreenSource};

use super::serial::SerialScreen;
use super::way;
use crate::device::DeviceError;

/// A screen that lets us in.
pub(super) enum Connection {
    Picture(Box<dyn ScreenSource>),
    Serial(Box<SerialScreen>),
}

impl Connection {
    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    pub(super) async fn ready(&mut self) {
        match self {
            Self::Picture(source) => source.ready().await,
            Self::Serial(serial) => serial.ready().await,
        }
    }

    /// Takes what has arrived, and sends what there is to send.
    pub(super) async fn pump(&mut self) -> Result<(), DeviceError> {
        match self {
            Self::Picture(source) => Ok(source.pump().await?),
            Self::Serial(serial) => serial.pump(),
        }
    }

    /// The next thing that happened.
    pub(super) fn next_event(&mut self) -> Option<ScreenEvent> {
        match self {
            Self::Picture(source) => source.next_event(),
            Self::Serial(serial) => serial.next_event(),
        }
    }

    /// Asks for the whole screen, or for what changes from now on.
    pub(super) async fn request_update(&mut self, incremental: bool) -> Result<(), Error> {
        match self {
            Self::Picture(source) => source.request_update(incremental).await,
            Self::Serial(serial) => {
                serial.request_update(incremental);
                Ok(())
            }
        }
    }

    /// What it shows is looked at later.
    pub(super) fn pack(&mut self) {
        match self {
            Self::Picture(source) => source.pack(),
            Self::Serial(_) => {}
        }
    }

    /// It was looked at, and will not be for a while.
    pub(super) fn rest(&mut self) {
        match self {
            Self::Picture(source) => source.rest(),
            Self::Serial(_) => {}
        }
    }

    /// Whether it tells of changes by itself, so that silence means that there are none.
    pub(super) fn tells_changes(&self) -> bool {
        match self {
            Self::Picture(source) => source.tells_changes(),
            Self::Serial(_) => true,
        }
    }

    /// Whether keys can be pressed.
    pub(super) fn has_keyboard(&self) -> bool {
        match self {
            Self::Picture(source) => source.keyboard().is_some(),
            Self::Serial(serial) => !serial.is_read_only(),
        }
    }

    pub(super) const fn is_serial(&self) -> bool {
        matches!(self, Self::Serial(_))
    }

    /// Says good-bye, for as long as that may take.
    pub(super) async fn close(self) {
        match self {
            Self::Picture(source) => way::close(source).await,
            // It is closed on the controller when nobody has it any more.
            Self::Serial(_) => {}
        }
    }
}
