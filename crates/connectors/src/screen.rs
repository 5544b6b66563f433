//! Screens that can be looked at, and perhaps typed on.

mod aten;
mod ivtp;
mod remote;
mod rfb;
mod unit;
mod web_session;
mod wire;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, KvmOptions, KvmProtocol, Way};
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_console::{Image, PictureMark};

use crate::{Error, Login, Surroundings};
use rfb::Rfb;
use unit::Unit;

/// What happens on the way to a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenEvent {
    /// A request was answered: the picture may be another one.
    Updated,
    /// A request was answered by that there is no picture. Keys may still be pressed.
    NoPicture(Error),
    /// The connection is of no use any more.
    Failed(Error),
}

/// A screen that lets us in, whichever way it is seen.
///
/// What arrives is taken by [`pump`](Self::pump), and told by [`next_event`](Self::next_event).
pub trait ScreenSource: Send {
    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    fn ready(&mut self) -> BoxFuture<'_, ()>;

    /// Takes what has arrived, and sends what there is to send.
    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>>;

    /// The next thing that happened.
    fn next_event(&mut self) -> Option<ScreenEvent>;

    /// Asks for the whole screen, or for what changes from now on.
    fn request_update(&mut self, incremental: bool) -> BoxFuture<'_, Result<(), Error>>;

    /// A copy of the screen, unless it is the same as the picture with the mark `before`.
    fn image(&mut self, before: Option<PictureMark>) -> Option<Image>;

    /// The screen was looked at, and nobody looks at it again before it is asked for an update: what only the next look needs takes as
    /// little memory as it can, or is dropped.
    fn rest(&mut self) {}

    /// The picture has come and is looked at later: until then it takes as little memory as it can, and nothing of it is lost.
    fn pack(&mut self) {}

    /// Whether it tells of changes by itself, so that silence means that there are none.
    fn tells_changes(&self) -> bool {
        false
    }

    /// Whether its pictures are compressed with losses.
    fn is_lossy(&self) -> bool {
        false
    }

    /// What it sends of a key; none where keys cannot be pressed.
    fn keyboard(&self) -> Option<Keyboard> {
        None
    }

    /// Presses or releases a key: of a stroke that was made for its [`keyboard`](Self::keyboard).
    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>>;

    /// Says good-bye: sessions are scarce on controllers.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Connects to the screen of a connector under a login, and gets let in.
///
/// # Errors
///
/// [`Error::Unsupported`] where connectors of the type show no screen; what the way there and the device itself say.
pub async fn open_screen(
    connector: &Connector,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Box<dyn ScreenSource>, Error> {
    match &connector.way {
        Way::Vnc(_) | Way::Amt(_) | Way::Kvm(KvmOptions { protocol: KvmProtocol::Openbmc, .. }) => {
            Ok(Box::new(Rfb::open(connector, login, surroundings).await?))
        }
        Way::Kvm(KvmOptions { protocol: KvmProtocol::Aten, tls }) => {
            Ok(Box::new(aten::open(connector, tls, login, surroundings).await?))
        }
        Way::Kvm(KvmOptions { protocol: KvmProtocol::Ivtp, tls }) => {
            Ok(Box::new(ivtp::open(connector, tls, login, surroundings).await?))
        }
        _ => Ok(Box::new(Unit::open(connector, login, surroundings).await?)),
    }
}

/// What was handed out of a picture that changes now and then.
#[derive(Default)]
struct Given {
    /// The mark of the picture when it was last looked at; none where it may have changed since.
    current: Option<PictureMark>,
}

impl Given {
    /// The picture may be another one now.
    fn changed(&mut self) {
        self.current = None;
    }

    /// Whether the picture is known to be the one with the mark `before`.
    fn is(&self, before: Option<PictureMark>) -> bool {
        self.current.is_some() && self.current == before
    }

    /// A copy of the picture, unless it has the mark `before`.
    fn unlike(
        &mut self,
        before: Option<PictureMark>,
        width: u16,
        height: u16,
        pixels: &[u32],
    ) -> Option<Image> {
        let (width, height) = (u32::from(width), u32::from(height));
        let mark = PictureMark::of(width, pixels);
        self.current = Some(mark);
        (before != Some(mark)).then(|| Image { width, height, pixels: pixels.to_vec() })
    }
}
