//! What every way to reach a server has in common.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use hyper::body::Bytes;
use ironhand_api::{
    BootDevice, EventLog, Inventory, MediaDrive, MediaKind, PowerAction, PowerState, Sensors, VirtualMedia,
};
use ironhand_console::keys::Stroke;
use secrecy::SecretString;

use crate::Error;

/// Who logs in, and with what.
#[derive(Clone)]
pub struct Login {
    /// The user name; empty where the device knows none, as with SNMP's communities.
    pub username: String,
    /// The password, community or key.
    pub password: SecretString,
}

/// What the next boots are to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootOverride {
    /// The device; [`BootDevice::None`] leaves it to the firmware's own order.
    pub device: BootDevice,
    /// For every boot instead of the next one.
    pub persistent: bool,
    /// By UEFI, instead of in legacy mode.
    pub uefi: bool,
}

/// How many of a machine's outlets are without power, as the device reads them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlets {
    /// Those that are off.
    pub off: u32,
    /// All that the device feeds the machine through.
    pub all: u32,
}

/// A picture of a machine's screen, as the device gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// The whole file, a JPEG, PNG or BMP.
    pub file: Bytes,
    /// The media type that the device calls it, as `image/jpeg`.
    pub media_type: String,
}

impl fmt::Debug for Picture {
    /// Without the picture: it shows what people type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, media_type } = self;
        f.debug_struct("Picture").field("media_type", media_type).field("length", &file.len()).finish()
    }
}

/// An image that a machine is to see in one of its drives.
#[derive(Clone)]
pub struct MediaImage {
    /// Its address, from which the controller fetches it; without a login.
    pub url: String,
    /// What it is to the machine.
    pub kind: MediaKind,
    /// The identifier of the drive; without it, the first that is free and can be such a drive.
    pub drive: Option<String>,
    /// Who logs in at the server that has the image, where it wants anybody to.
    pub login: Option<Login>,
}

/// What a device tells of itself, each in words: that something should be read. It says nothing that may be acted on. To
/// drop it is to end it.
pub type Hints = BoxStream<'static, Result<String, Error>>;

/// A way to reach one server, under one login.
///
/// What a device cannot do it refuses with [`Error::Unsupported`], before anything is sent. A future may be dropped at
/// any time: what was sent may then have been done.
pub trait Device: Send {
    /// Reads the power state of the machine.
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        refused("read the power state")
    }

    /// Asks for a change of power. That it was accepted says nothing of what comes of it.
    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        refused(action.as_str())
    }

    /// Reads the state of the outlets that feed the machine, where the device switches its mains.
    fn outlets(&mut self) -> BoxFuture<'_, Result<Outlets, Error>> {
        refused("read outlets")
    }

    /// Chooses what the next boots start from, and tells what is read back.
    fn set_boot_override(&mut self, _wanted: BootOverride) -> BoxFuture<'_, Result<BootOverride, Error>> {
        refused("choose the boot device")
    }

    /// Reads the sensors.
    fn sensors(&mut self) -> BoxFuture<'_, Result<Sensors, Error>> {
        refused("read sensors")
    }

    /// Reads what the machine is made of.
    fn inventory(&mut self) -> BoxFuture<'_, Result<Inventory, Error>> {
        refused("read the inventory")
    }

    /// Reads the newest entries of the event log, `newest` at most, the oldest of them first.
    fn event_log(&mut self, _newest: usize) -> BoxFuture<'_, Result<EventLog, Error>> {
        refused("read the event log")
    }

    /// Clears the event log, and tells which one where there are several.
    fn clear_event_log(&mut self) -> BoxFuture<'_, Result<String, Error>> {
        refused("clear the event log")
    }

    /// Switches the identification light, and reads it back; where `time` is given, only for so long.
    fn identify(&mut self, _on: bool, _time: Option<Duration>) -> BoxFuture<'_, Result<(), Error>> {
        refused("switch the identification light")
    }

    /// Reads which drives of the machine take images, and what is in them.
    fn media(&mut self) -> BoxFuture<'_, Result<VirtualMedia, Error>> {
        refused("present virtual media")
    }

    /// Inserts an image in place of what the drive holds, and tells what the drive then shows.
    fn insert_media(&mut self, _image: MediaImage) -> BoxFuture<'_, Result<MediaDrive, Error>> {
        refused("present virtual media")
    }

    /// Takes the image out of a drive, or out of all of them, and tells which held one.
    fn eject_media(&mut self, _drive: Option<String>) -> BoxFuture<'_, Result<Vec<MediaDrive>, Error>> {
        refused("present virtual media")
    }

    /// Takes a picture of the screen.
    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        refused("show the screen")
    }

    /// Whether it has keys to press.
    fn has_keys(&self) -> bool {
        false
    }

    /// Presses or releases the key at the position of a stroke.
    fn key(&mut self, _stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        refused("press keys")
    }

    /// Changes the password of an account.
    fn set_password(&mut self, _username: String, _new: SecretString) -> BoxFuture<'_, Result<(), Error>> {
        refused("change passwords")
    }

    /// Opens the stream of what the device tells of itself; none where it has none.
    fn hints(&mut self) -> BoxFuture<'_, Result<Option<Hints>, Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Ends what is open on the device: sessions are scarce there.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn refused<T: Send + 'static>(what: &'static str) -> BoxFuture<'static, Result<T, Error>> {
    Box::pin(std::future::ready(Err(Error::Unsupported { what: what.to_owned() })))
}
