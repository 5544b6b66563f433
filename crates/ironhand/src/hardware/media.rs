//! `ironhand identify`, and `ironhand media` of hosts.

use ironhand_api::{HardwareReport, IdentifyRequest, InsertMediaRequest, MediaDrive, VirtualMedia};
use ironhand_client::Client;

use super::{notes, or_dash, read};
use crate::args::{self, Media, Switch};
use crate::exit::Failure;
use crate::many::{Block, Outcome, Pace, each};
use crate::output::{Field, Output};
use crate::select::selected;

/// `ironhand identify`.
pub async fn identify(client: &Client, asked: &args::Identify, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    let request = IdentifyRequest { on: asked.light == Switch::On, time: asked.time };
    each(client, &hosts, Pace::default(), output, async |host| {
        client.identify(&host, &request).await.map(Outcome::from)
    })
    .await
}

/// `ironhand media`, where it is about the drives of hosts.
pub async fn media(client: &Client, asked: &Media, output: Output) -> Result<(), Failure> {
    match asked {
        Media::List { selector } => {
            let hosts = selected(client, selector).await?;
            each(client, &hosts, Pace::reading(), output, async |host| {
                client.media(&host).await.map(|report| told(&report))
            })
            .await
        }
        Media::Insert(asked) => {
            let hosts = selected(client, &asked.selector).await?;
            let request = InsertMediaRequest {
                url: asked.url.clone(),
                kind: asked.kind.into(),
                drive: asked.drive.clone(),
                credential: asked.credential.clone(),
            };
            each(client, &hosts, Pace::default(), output, async |host| {
                client.insert_media(&host, &request).await.map(Outcome::from)
            })
            .await
        }
        // Those of the server are `crate::media`.
        Media::Add(_) | Media::Ls { .. } | Media::Cat { .. } | Media::Rm { .. } => Ok(()),
        Media::Eject { selector, drive } => {
            let hosts = selected(client, selector).await?;
            each(client, &hosts, Pace::default(), output, async |host| {
                client.eject_media(&host, drive.as_deref()).await.map(Outcome::from)
            })
            .await
        }
    }
}

fn told(report: &HardwareReport<VirtualMedia>) -> Outcome {
    let drives = &report.found.drives;
    let word = if drives.iter().any(|drive| drive.inserted) { "with an image" } else { "without an image" };
    let rows = drives.iter().map(row).collect();
    let head = vec!["drive", "takes", "image", "writable"];
    read(report, Block::table(word, head, rows).with_notes(notes(&report.found.missing)))
}

fn row(drive: &MediaDrive) -> Vec<Field> {
    let kinds: Vec<_> = drive.kinds.iter().map(|kind| kind.as_str()).collect();
    let image = match (drive.inserted, drive.image.as_deref()) {
        (true, image) => image.unwrap_or("an image").into(),
        (false, _) => or_dash(None),
    };
    let writable = drive.write_protected.map(|protected| if protected { "no" } else { "yes" });
    vec![
        drive.id.as_str().into(),
        or_dash(Some(kinds.join(", ").as_str()).filter(|kinds| !kinds.is_empty())),
        image,
        or_dash(writable.filter(|_| drive.inserted)),
    ]
}
