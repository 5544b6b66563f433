//! The screen and keyboard of a machine through a unit that takes pictures of it.

use std::collections::VecDeque;

use ironhand_api::Connector;
use ironhand_connectors::{Device, Error, Login, Picture, Surroundings};
use ironhand_console::Image;

use super::connection::Happening;
use crate::credentials::Opened;
use crate::device::DeviceError;

/// A unit that lets us in.
pub(super) struct Unit {
    device: Box<dyn Device>,
    /// A picture was asked for.
    wanted: bool,
    image: Option<Image>,
    happened: VecDeque<Happening>,
}

impl Unit {
    /// Takes a first picture, which shows that the login is right.
    pub(super) async fn open(
        connector: &Connector,
        surroundings: &Surroundings,
        login: Opened,
    ) -> Result<Self, DeviceError> {
        let username = login.username;
        let login = login.password.map(|password| Login { username, password });
        let device = ironhand_connectors::open(connector, login, surroundings)?;
        let mut unit = Self { device, wanted: true, image: None, happened: VecDeque::new() };
        unit.pump().await?;
        Ok(unit)
    }

    /// Waits until there is something to do.
    pub(super) async fn ready(&mut self) {
        if !self.wanted && self.happened.is_empty() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes a picture where one is wanted.
    pub(super) async fn pump(&mut self) -> Result<(), DeviceError> {
        if !std::mem::take(&mut self.wanted) {
            return Ok(());
        }
        let happening = match self.device.picture().await {
            Ok(picture) => {
                self.image = Some(decoded(picture).await?);
                Happening::Updated
            }
            Err(error @ Error::NoPicture { .. }) => Happening::NoPicture(error.into()),
            Err(error) => return Err(error.into()),
        };
        self.happened.push_back(happening);
        Ok(())
    }

    pub(super) fn next_event(&mut self) -> Option<Happening> {
        self.happened.pop_front()
    }

    pub(super) const fn request_update(&mut self) {
        self.wanted = true;
    }

    pub(super) fn has_key(&self, keysym: u32) -> bool {
        self.device.has_key(keysym)
    }

    pub(super) async fn key(&mut self, keysym: u32, down: bool) -> Result<(), DeviceError> {
        Ok(self.device.key(keysym, down).await?)
    }

    pub(super) fn image(&self, before: Option<&Image>) -> Option<Image> {
        self.image.as_ref().filter(|image| before != Some(*image)).cloned()
    }

    pub(super) async fn close(self) {
        self.device.close().await;
    }
}

/// The pixels of a picture. A large one takes tens of milliseconds of a processor, which others must not wait for.
async fn decoded(picture: Picture) -> Result<Image, DeviceError> {
    let Picture { file, media_type } = picture;
    let decoded = tokio::task::spawn_blocking(move || Image::decode(&file)).await;
    let malformed = |reason: String| Error::Malformed {
        reason: format!("its picture (`{media_type}`) is none: {reason}"),
    };
    match decoded {
        Ok(Ok(image)) => Ok(image),
        Ok(Err(error)) => Err(malformed(error.to_string()).into()),
        Err(error) => Err(malformed(error.to_string()).into()),
    }
}
