//! `ironhand power` and `ironhand boot-device`.

use ironhand_api::{
    ActionReport, BootDevice, BootDeviceRequest, Host, HostStatus, Icon, Job, Name, PowerAction,
    PowerRequest, Reach,
};
use ironhand_client::{Client, Error};

use crate::args::{self, PowerWord};
use crate::exit::Failure;
use crate::get::lost_power;
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, now};
use crate::select::{hosts, selected};

impl From<ActionReport> for Outcome {
    fn from(report: ActionReport) -> Self {
        let ActionReport { power, job, warnings, detail, .. } = report;
        Self { power, job, warnings, ..Self::done(detail) }
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

/// The power state as last read; the server reads it all the time.
async fn status(client: &Client, host: Name) -> Result<Outcome, Error> {
    let status = client.get::<Host>(&host).await?.status;
    Ok(status.map_or_else(Outcome::default, told))
}

fn told(status: HostStatus) -> Outcome {
    let disabled = status.management.as_ref().filter(|management| !management.value.is_enabled());
    if status.icon == Icon::Disabled || disabled.is_some() {
        let level = disabled.map_or_else(|| "disabled".to_owned(), |management| management.value.to_string());
        return Outcome {
            code: Some("management.disabled".to_owned()),
            exit: 4,
            ..Outcome::failed(format!("management is {level}"))
        };
    }
    match status.reach {
        Some(reach) if reach.value != Reach::Ok => {
            let why = reach.detail.unwrap_or_else(|| reach.value.to_string());
            let last = status.power.as_ref().and_then(|power| lost_power(power, now()));
            Outcome::failed(last.map_or_else(|| why.clone(), |last| format!("{why}; {last}")))
        }
        _ => Outcome {
            power: Some(status.power.map(|power| power.value).unwrap_or_default()),
            ..Outcome::default()
        },
    }
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
