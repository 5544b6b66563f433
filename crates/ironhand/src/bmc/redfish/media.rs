//! `ironhand bmc media`: images that machines see as drives of their own.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_redfish::{EjectMedia, InsertMedia, MediaKind, MediaSlot, media_slots};
use secrecy::SecretString;
use serde::Serialize;

use super::Controllers;
use crate::bmc::report::{Finding, Shown};
use crate::exit::Failure;
use crate::files::read_password;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc media`.
#[derive(Args)]
pub struct Media {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the drives that take images, and what is in them
    List,
    /// Insert an image, which the BMC fetches
    Insert {
        /// Where it is: http, https, nfs, cifs or smb
        #[arg(value_name = "URL")]
        image: String,
        /// What it is to the machine
        #[arg(long, value_enum, default_value_t = Kind::Cd)]
        kind: Kind,
        /// The drive [default: the first that can be such a drive]
        #[arg(long, value_name = "ID")]
        slot: Option<String>,
        /// The user name at the image's server
        #[arg(long, value_name = "NAME", requires = "image_password_file")]
        image_user: Option<String>,
        /// The password there is in this file
        #[arg(long, value_name = "FILE", requires = "image_user")]
        image_password_file: Option<PathBuf>,
        /// Take another image out of the drive first
        #[arg(long)]
        replace: bool,
    },
    /// Take images out
    Eject {
        /// The drive [default: all]
        #[arg(long, value_name = "ID")]
        slot: Option<String>,
    },
}

/// What an image is to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Cd,
    Usb,
    Floppy,
}

/// `ironhand bmc media`.
pub async fn media(controllers: &Controllers, asked: &Media) -> Result<(), Failure> {
    match &asked.action {
        Action::List => {
            controllers
                .each(async |device| Ok(Slots::of("listed", device.at_place(media_slots).await?.items)))
                .await
        }
        Action::Insert { image, kind, slot, image_user, image_password_file, replace } => {
            let kind = match kind {
                Kind::Cd => MediaKind::Cd,
                Kind::Usb => MediaKind::Usb,
                Kind::Floppy => MediaKind::Floppy,
            };
            let login = login(image_user.as_deref(), image_password_file.as_deref())?;
            controllers
                .change(async |device| {
                    let (place, image) = (device.place().await?, image.clone());
                    let (slot, login, replace) = (slot.clone(), login.clone(), *replace);
                    let insert = InsertMedia { place, image, kind, slot, login, replace };
                    Ok(Slots::of("inserted", vec![device.run(insert).await?]))
                })
                .await
        }
        Action::Eject { slot } => {
            controllers
                .change(async |device| {
                    let place = device.place().await?;
                    let ejected = device.run(EjectMedia { place, slot: slot.clone() }).await?;
                    Ok(Slots::of(if ejected.is_empty() { "none" } else { "ejected" }, ejected))
                })
                .await
        }
    }
}

fn login(
    user: Option<&str>,
    password_file: Option<&std::path::Path>,
) -> Result<Option<(String, SecretString)>, Failure> {
    let (Some(user), Some(file)) = (user, password_file) else { return Ok(None) };
    Ok(Some((user.to_owned(), read_password(file)?)))
}

/// Drives of one machine.
#[derive(Serialize)]
struct Slots {
    #[serde(skip)]
    outcome: &'static str,
    slots: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    kinds: Vec<String>,
    inserted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl Slots {
    fn of(outcome: &'static str, slots: Vec<MediaSlot>) -> Self {
        let row = |slot: MediaSlot| Row {
            kinds: slot.kinds.iter().map(ToString::to_string).collect(),
            id: slot.id,
            inserted: slot.inserted,
            image: slot.image,
        };
        Self { outcome, slots: slots.into_iter().map(row).collect() }
    }
}

impl Finding for Slots {
    fn outcome(&self) -> Cow<'static, str> {
        self.outcome.into()
    }

    fn shown(&self, _: Output) -> Shown {
        let row = |slot: &Row| {
            let image = match (&slot.image, slot.inserted) {
                (Some(image), true) => image.as_str().into(),
                (None, true) => "inserted".into(),
                (_, false) => Field::toned("empty", Tone::Dim),
            };
            vec![slot.id.as_str().into(), slot.kinds.join(", ").into(), image]
        };
        Shown::Table { head: &["slot", "kind", "image"], rows: self.slots.iter().map(row).collect() }
    }
}
