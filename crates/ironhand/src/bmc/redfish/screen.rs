//! `ironhand bmc screen`: what machines show, as a picture and as text.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;
use ironhand_connectors::{Device, Error, RedfishDevice};
use ironhand_console::{Image, Reader, ScreenKind};
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::report::{Finding, Shown};
use crate::exit::Failure;
use crate::output::Output;

/// `ironhand bmc screen`.
#[derive(Args)]
pub struct Screen {
    /// Write the picture to this file, as PNG
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print the text also where the picture is saved
    #[arg(long)]
    text: bool,
}

/// `ironhand bmc screen`.
pub async fn screen(controllers: &Controllers, asked: &Screen) -> Result<(), Failure> {
    if asked.save.is_some() && controllers.sweep.targets.len() > 1 {
        return Err(Failure::Usage {
            message: "one file holds the screen of one machine".to_owned(),
            hint: Some("name one BMC with --save, or leave it out to print the texts".to_owned()),
        });
    }
    let reader = Reader::new();
    controllers.each(async |device| look(device, &reader, asked).await).await
}

async fn look(device: &mut RedfishDevice, reader: &Reader, asked: &Screen) -> Result<Seen, Problem> {
    let picture = device.picture().await?;
    let image =
        Image::decode(&picture.file).map_err(|error| Error::Malformed { reason: error.to_string() })?;
    if let Some(file) = &asked.save {
        std::fs::write(file, image.encode_png()).map_err(|error| {
            Problem::failed("screen.not_saved", "not saved", format!("{}: {error}", file.display()))
        })?;
    }
    let reading = reader.read(&image, None);
    Ok(Seen {
        width: image.width,
        height: image.height,
        blank: reading.kind == ScreenKind::Blank,
        certain: reading.is_reliable(),
        text: reading.text().trim_end().to_owned(),
        file: asked.save.as_ref().map(|file| file.display().to_string()),
        speaks: asked.save.is_none() || asked.text,
    })
}

/// What a machine shows.
#[derive(Serialize)]
struct Seen {
    /// In pixels.
    width: u32,
    height: u32,
    /// Whether the screen is of one colour.
    blank: bool,
    /// Whether all of the text was read with certainty.
    certain: bool,
    text: String,
    /// The file that holds the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip)]
    speaks: bool,
}

impl Finding for Seen {
    fn outcome(&self) -> Cow<'static, str> {
        match (self.blank, self.certain) {
            (true, _) => "blank",
            (false, true) => "read",
            (false, false) => "uncertain",
        }
        .into()
    }

    fn shown(&self, _: Output) -> Shown {
        let saved = self.file.as_ref().map(|file| format!("{}x{} pixels in {file}", self.width, self.height));
        match saved {
            Some(saved) if !self.speaks => Shown::Line(saved.into()),
            _ if self.blank => Shown::Line("the screen is blank".into()),
            _ => Shown::Text(format!("{}\n", self.text)),
        }
    }

    fn note(&self) -> Option<String> {
        let doubtful = self.speaks && !self.blank && !self.certain;
        doubtful.then(|| "not everything could be read with certainty".to_owned())
    }
}
