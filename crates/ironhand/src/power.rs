//! `ironhand power` and `ironhand boot-device`.

use ironhand_api::{
    ActionReport, BootDevice, BootDeviceRequest, HostStatus, Icon, Job, Name, PowerAction, PowerRequest,
    PowerState, Reach,
};
use ironhand_client::{Client, Error};

use crate::args::{self, PowerWord};
use crate::exit::Failure;
use crate::get::power_field;
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, now};
use crate::select::{hosts, selected};

impl From<ActionReport> for Outcome {
    fn from(report: ActionReport) -> Self {
        let ActionReport { power, job, warnings, detail, receipts, .. } = report;
        let fell_back = receipts.iter().any(|receipt| receipt.error.is_some());
        let receipts = if fell_back { receipts } else { Vec::new() };
        Self { power, job, warnings, receipts, ..Self::done(detail) }
    }
}

/// Work that was accepted, and is not waited for.
fn accepted(job: Job) -> Outcome {
    let detail = format!("job {}: {} {}", job.id, job.work, job.state);
    Outcome { job: Some(job.id), warnings: job.warnings, ..Outcome::done(detail) }
}

/// `ironhand power`.
pub async fn power(client: &Client, asked: &args::Power, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    let action = match asked.action {
        PowerWord::Status => {
            return each(client, &hosts, Pace::default(), output, |host| status(client, host)).await;
        }
        PowerWord::On => PowerAction::On,
        PowerWord::Off => PowerAction::Off,
        PowerWord::Cycle => PowerAction::Cycle,
        PowerWord::Reset => PowerAction::Reset,
        PowerWord::Soft => PowerAction::Soft,
        PowerWord::Nmi => PowerAction::Nmi,
    };
    let request = PowerRequest { action, wait: !asked.no_wait, timeout: asked.timeout };
    each(client, &hosts, Pace::default(), output, async |host| {
        if request.wait {
            client.power(&host, &request).await.map(Outcome::from)
        } else {
            client.start_power(&host, &request).await.map(accepted)
        }
    })
    .await
}

/// The power state, read now.
async fn status(client: &Client, host: Name) -> Result<Outcome, Error> {
    client.refresh(&host).await.map(|status| told(&status))
}

/// What a reading found. A state that nobody could see now is no answer, whatever was seen before.
fn told(status: &HostStatus) -> Outcome {
    let icon = status.icon;
    if let (Icon::On | Icon::Off, Some(power)) = (icon, &status.power) {
        return Outcome { power: Some(power.value), ..Outcome::default() };
    }
    let state = power_field(status, now()).into_text();
    let lost = status.reach.as_ref().filter(|reach| icon == Icon::Unknown && reach.value != Reach::Ok);
    let why = lost.map(|reach| reach.detail.clone().unwrap_or_else(|| reach.value.to_string()));
    let words = why.map_or_else(|| state.clone(), |why| format!("{state}: {why}"));
    Outcome { power: Some(PowerState::Unknown), ..Outcome::failed(words) }
}

/// `ironhand boot-device`.
pub async fn boot_device(client: &Client, asked: &args::BootDevice, output: Output) -> Result<(), Failure> {
    let devices = [BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom, BootDevice::Bios, BootDevice::None];
    let (word, names) =
        asked.words.split_last().map_or(("", &[][..]), |(last, names)| (last.as_str(), names));
    let device =
        devices.into_iter().find(|device| device.as_str() == word).ok_or_else(|| Failure::Usage {
            message: format!("`{word}` is not a boot device"),
            hint: Some("the hosts come first, then one of pxe, disk, cdrom, bios, none".to_owned()),
        })?;
    let hosts = hosts(client, names, asked.selector.as_deref(), asked.all).await?;
    let request = BootDeviceRequest { device, persistent: asked.persistent, uefi: asked.uefi };
    each(client, &hosts, Pace::default(), output, async |host| {
        let report = client.boot_device(&host, &request).await?;
        Ok(Outcome { device: Some(device), ..report.into() })
    })
    .await
}
