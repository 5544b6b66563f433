//! Reading what a host is made of, measures and has logged; its light and its drives for images.

use std::time::Duration;

use ironhand_api::{
    ActionReceipt, Capability, EventLog, InsertMediaRequest, Inventory, MediaDrive, Sensors, VirtualMedia,
};
use ironhand_connectors::{Device, Error, Login, MediaImage};
use ironhand_model::{NextWay, Wanted};
use serde::Serialize;

use super::hands::{Hands, done};
use super::line::Line;
use super::lines::Lines;
use super::{Action, Done};
use crate::device::DeviceError;

/// What is read of a host's hardware, or done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hardware {
    /// Read the sensors.
    Sensors,
    /// Read the newest entries of the event log, so many at most.
    EventLog { newest: usize },
    /// Clear the event log.
    ClearEventLog,
    /// Read what the machine is made of.
    Inventory,
    /// Switch the identification light; for so long only, where a time is given.
    Identify { on: bool, time: Option<Duration> },
    /// Read which drives take images, and what is in them.
    Media,
    /// Insert an image.
    InsertMedia(InsertMediaRequest),
    /// Take the image out of a drive, or of all of them.
    EjectMedia { drive: Option<String> },
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Found {
    Sensors(Sensors),
    EventLog(EventLog),
    Inventory(Box<Inventory>),
    Media(VirtualMedia),
}

/// What a device says to it.
pub(super) enum Told {
    /// What was read.
    Found(Found),
    /// What was done and seen of it, in words.
    Done(String),
}

impl Hardware {
    /// What a connector must be able to do for it.
    pub(crate) const fn capability(&self) -> Capability {
        match self {
            Self::Sensors => Capability::Sensors,
            Self::EventLog { .. } | Self::ClearEventLog => Capability::EventLog,
            Self::Inventory => Capability::Inventory,
            Self::Identify { .. } => Capability::Identify,
            Self::Media | Self::InsertMedia(_) | Self::EjectMedia { .. } => Capability::VirtualMedia,
        }
    }

    /// Whether it changes nothing.
    pub(crate) const fn only_reads(&self) -> bool {
        matches!(self, Self::Sensors | Self::EventLog { .. } | Self::Inventory | Self::Media)
    }

    /// What it is, for an event.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Sensors => "read sensors".to_owned(),
            Self::EventLog { .. } => "read event log".to_owned(),
            Self::ClearEventLog => "clear event log".to_owned(),
            Self::Inventory => "read inventory".to_owned(),
            Self::Identify { on, .. } => format!("identification light {}", if *on { "on" } else { "off" }),
            Self::Media => "read virtual media".to_owned(),
            Self::InsertMedia(image) => format!("insert {} as {}", address(&image.url), image.kind.as_str()),
            Self::EjectMedia { .. } => "eject virtual media".to_owned(),
        }
    }
}

impl Action {
    /// What a connector must be able to do for it, where that is one thing and known before anything is read.
    pub(super) const fn needs(&self) -> Option<Capability> {
        match self {
            Self::Hardware(asked) => Some(asked.capability()),
            _ => None,
        }
    }

    /// Whether it changes nothing, and is no event.
    pub(super) const fn only_reads(&self) -> bool {
        matches!(self, Self::Hardware(asked) if asked.only_reads())
    }
}

impl Hands {
    /// Reads the hardware, or does something to it, through the first connector that can.
    pub(super) async fn hardware(
        &mut self,
        asked: &Hardware,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let missing = DeviceError::NoConnector { capability: asked.capability() };
        let lines = self.lines.as_mut().ok_or(missing)?;
        let (source, told) = lines.hardware(asked, receipts).await?;
        Ok(match told {
            Told::Found(found) => Done { found: Some((source, found)), ..done(asked.describe(), None) },
            Told::Done(words) => done(words, None),
        })
    }
}

impl Lines {
    /// Goes through one line after the other. Tells which one did it.
    async fn hardware(
        &mut self,
        asked: &Hardware,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<(String, Told), DeviceError> {
        let capability = asked.capability();
        let wanted = if asked.only_reads() { Wanted::Reading } else { Wanted::Setting };
        let mut attempts = self.attempts();
        loop {
            match self.next(wanted, capability, &attempts) {
                NextWay::Try(at) => {
                    let line: &mut Line = self.at(at)?;
                    let source = line.source().to_owned();
                    let result = line.hardware(asked, receipts).await;
                    self.noted(at, &result, &mut attempts);
                    if let Ok(told) = result {
                        self.tell_passed(at, &attempts, receipts);
                        return Ok((source, told));
                    }
                }
                NextWay::Stop(why) => return Err(attempts.failure(why, capability)),
            }
        }
    }
}

/// Asks a device that does not speak IPMI. `login` is that of the server that has the image.
pub(super) async fn ask_device(
    device: &mut dyn Device,
    asked: &Hardware,
    login: Option<&Login>,
) -> Result<Told, Error> {
    Ok(match asked {
        Hardware::Sensors => Told::Found(Found::Sensors(device.sensors().await?)),
        Hardware::EventLog { newest } => Told::Found(Found::EventLog(device.event_log(*newest).await?)),
        Hardware::ClearEventLog => {
            let log = device.clear_event_log().await?;
            Told::Done(format!("the event log {log} is cleared"))
        }
        Hardware::Inventory => Told::Found(Found::Inventory(Box::new(device.inventory().await?))),
        Hardware::Identify { on, time } => {
            device.identify(*on, *time).await?;
            Told::Done(light(*on, *time))
        }
        Hardware::Media => Told::Found(Found::Media(device.media().await?)),
        Hardware::InsertMedia(InsertMediaRequest { url, kind, drive, .. }) => {
            let image =
                MediaImage { url: url.clone(), kind: *kind, drive: drive.clone(), login: login.cloned() };
            let MediaDrive { id, image, .. } = device.insert_media(image).await?;
            let image = image.unwrap_or_else(|| url.clone());
            Told::Done(format!("drive {id} shows {}", address(&image)))
        }
        Hardware::EjectMedia { drive } => Told::Done(emptied(&device.eject_media(drive.clone()).await?)),
    })
}

/// The address of an image as events show it: what stands behind a question mark may be a key to the image.
fn address(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// What the identification light does now, in words.
pub(super) fn light(on: bool, time: Option<Duration>) -> String {
    match (on, time) {
        (false, _) => "the identification light is off".to_owned(),
        (true, None) => "the identification light is on".to_owned(),
        (true, Some(time)) => format!("the identification light is on for {} s", time.as_secs()),
    }
}

fn emptied(drives: &[MediaDrive]) -> String {
    let names: Vec<_> = drives.iter().map(|drive| drive.id.as_str()).collect();
    match names.as_slice() {
        [] => "no drive held an image".to_owned(),
        [one] => format!("drive {one} is empty"),
        several => format!("drives {} are empty", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::MediaKind;

    use super::*;

    #[test]
    fn events_name_an_image_without_its_key() {
        let url = "https://images.example/rescue.iso?signature=Correct-Horse-9".to_owned();
        let image = InsertMediaRequest { url, kind: MediaKind::Usb, drive: None, credential: None };
        let words = Hardware::InsertMedia(image).describe();
        assert_eq!(words, "insert https://images.example/rescue.iso as usb");
    }

    #[test]
    fn drives_that_were_emptied_are_named() {
        let drive = |id: &str| MediaDrive {
            id: id.to_owned(),
            kinds: Vec::new(),
            inserted: false,
            image: None,
            write_protected: None,
        };
        let check = |drives: &[MediaDrive], words| assert_eq!(emptied(drives), words);
        check(&[], "no drive held an image");
        check(&[drive("CD")], "drive CD is empty");
        check(&[drive("CD"), drive("2")], "drives CD, 2 are empty");
    }
}
