//! The screen and keyboard of a machine through a unit that takes pictures of it.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, Way};
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_console::{Image, PictureMark};

use super::{ScreenEvent, ScreenSource};
use crate::{Device, Error, Login, Picture, RedfishDevice, Surroundings};

/// A unit that lets us in.
pub(super) struct Unit {
    device: Box<dyn Device>,
    /// A picture was asked for.
    wanted: bool,
    image: Option<Image>,
    /// Whether the last picture was compressed with losses.
    lossy: bool,
    happened: VecDeque<ScreenEvent>,
}

impl Unit {
    /// Takes a first picture, which shows that the login is right.
    pub(super) async fn open(
        connector: &Connector,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let device: Box<dyn Device> = match &connector.way {
            Way::Redfish(options) => {
                let mut device = RedfishDevice::open(connector, options, login, surroundings)?;
                device.expect_pictures().await?;
                Box::new(device)
            }
            _ => crate::open(connector, login, surroundings)?,
        };
        let mut unit = Self { device, wanted: true, image: None, lossy: true, happened: VecDeque::new() };
        unit.pump().await?;
        Ok(unit)
    }
}

impl ScreenSource for Unit {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if !self.wanted && self.happened.is_empty() {
                std::future::pending::<()>().await;
            }
        })
    }

    /// Takes a picture where one is wanted.
    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            if !std::mem::take(&mut self.wanted) {
                return Ok(());
            }
            let event = match self.device.picture().await {
                Ok(picture) => {
                    self.lossy = !matches!(&*picture.media_type, "image/png" | "image/bmp");
                    self.image = Some(decoded(picture).await?);
                    ScreenEvent::Updated
                }
                Err(error @ Error::NoPicture { .. }) => ScreenEvent::NoPicture(error),
                Err(error) => return Err(error),
            };
            self.happened.push_back(event);
            Ok(())
        })
    }

    fn next_event(&mut self) -> Option<ScreenEvent> {
        self.happened.pop_front()
    }

    fn request_update(&mut self, _incremental: bool) -> BoxFuture<'_, Result<(), Error>> {
        self.wanted = true;
        Box::pin(std::future::ready(Ok(())))
    }

    fn image(&mut self, before: Option<PictureMark>) -> Option<Image> {
        self.image.as_ref().filter(|image| before != Some(image.mark())).cloned()
    }

    /// Each look takes a picture of its own.
    fn rest(&mut self) {
        self.image = None;
    }

    fn is_lossy(&self) -> bool {
        self.lossy
    }

    fn keyboard(&self) -> Option<Keyboard> {
        self.device.has_keys().then_some(Keyboard::Positions)
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        self.device.key(stroke)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.device.close()
    }
}

/// The pixels of a picture. A large one takes tens of milliseconds of a processor, which others must not wait for.
async fn decoded(picture: Picture) -> Result<Image, Error> {
    let Picture { file, media_type } = picture;
    let decoded = tokio::task::spawn_blocking(move || Image::decode(&file)).await;
    let malformed = |reason: String| Error::Malformed {
        reason: format!("its picture (`{media_type}`) is none: {reason}"),
    };
    match decoded {
        Ok(Ok(image)) => Ok(image),
        Ok(Err(error)) => Err(malformed(error.to_string())),
        Err(error) => Err(malformed(error.to_string())),
    }
}
