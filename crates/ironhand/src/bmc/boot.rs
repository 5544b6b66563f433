//! `ironhand bmc boot`.

use std::borrow::Cow;

use ironhand_ipmi::boot::{self, BootSettings, ValidBitKept};
use ironhand_ipmi::{BootDevice, BootFlags, Reply, Request};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

use super::args::{self, BootWord};
use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// What a machine's next boot starts from, as its BMC says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Boot {
    pub(super) device: Cow<'static, str>,
    pub(super) persistent: bool,
    /// Nothing where the BMC does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uefi: Option<bool>,
    /// Whether the firmware will follow it.
    pub(super) valid: bool,
}

impl Boot {
    fn of(flags: BootFlags) -> Self {
        let device = if flags.valid { flags.device } else { BootDevice::NoOverride };
        Self {
            device: word(device),
            persistent: flags.persistent,
            uefi: Some(flags.uefi),
            valid: flags.valid,
        }
    }
}

impl Finding for Boot {
    fn outcome(&self) -> Cow<'static, str> {
        self.device.clone()
    }

    fn shown(&self, _: Output) -> Shown {
        if !self.valid {
            return Shown::Line(Field::toned("none: the machine's own order", Tone::Dim));
        }
        let when = if self.persistent { "every boot" } else { "the next boot" };
        let firmware = self.uefi.map_or("", |uefi| if uefi { ", by UEFI" } else { ", by BIOS" });
        Shown::Line(format!("{} for {when}{firmware}", self.device).into())
    }
}

/// The word of a device.
fn word(device: BootDevice) -> Cow<'static, str> {
    match device {
        BootDevice::NoOverride => "none".into(),
        BootDevice::Pxe => "pxe".into(),
        BootDevice::Disk => "disk".into(),
        BootDevice::DiskSafeMode => "safe".into(),
        BootDevice::Diagnostics => "diagnostic".into(),
        BootDevice::CdRom => "cdrom".into(),
        BootDevice::Setup => "bios".into(),
        BootDevice::RemoteFloppy => "remote-floppy".into(),
        BootDevice::RemoteCdRom => "remote-cdrom".into(),
        BootDevice::RemoteMedia => "remote-media".into(),
        BootDevice::RemoteDisk => "remote-disk".into(),
        BootDevice::Floppy => "floppy".into(),
        BootDevice::Reserved(number) => format!("reserved-{number:x}").into(),
    }
}

const fn device(word: BootWord) -> Option<BootDevice> {
    Some(match word {
        BootWord::Show | BootWord::Http | BootWord::Usb => return None,
        BootWord::None => BootDevice::NoOverride,
        BootWord::Pxe => BootDevice::Pxe,
        BootWord::Disk => BootDevice::Disk,
        BootWord::Safe => BootDevice::DiskSafeMode,
        BootWord::Diagnostic => BootDevice::Diagnostics,
        BootWord::Cdrom => BootDevice::CdRom,
        BootWord::Bios => BootDevice::Setup,
        BootWord::Floppy => BootDevice::Floppy,
        BootWord::RemoteFloppy => BootDevice::RemoteFloppy,
        BootWord::RemoteCdrom => BootDevice::RemoteCdRom,
        BootWord::RemoteMedia => BootDevice::RemoteMedia,
        BootWord::RemoteDisk => BootDevice::RemoteDisk,
    })
}

/// `ironhand bmc boot`.
pub async fn boot(fleet: &Fleet, asked: &args::Boot) -> Result<(), Failure> {
    if matches!(asked.device, BootWord::Http | BootWord::Usb) {
        return Err(Failure::Usage {
            message: "IPMI knows no such boot device".to_owned(),
            hint: Some("add --protocol redfish, or name another: pxe, disk, cdrom, bios ...".to_owned()),
        });
    }
    let Some(device) = device(asked.device) else {
        asked.check_show()?;
        return fleet.each(async |bmc| read(bmc).await.map(Boot::of)).await;
    };
    let mut flags = match device {
        BootDevice::NoOverride => BootFlags::cleared(),
        device => BootFlags::once(device),
    };
    flags.uefi = asked.uefi;
    flags.persistent = asked.persistent;
    let Some(instance) = asked.instance else {
        return fleet.change(async |bmc| set(bmc, flags).await).await;
    };
    let settings = BootSettings { instance, ..BootSettings::new(flags) };
    let kept = ValidBitKept { without_control: true, ..ValidBitKept::default() };
    fleet.change(async |bmc| Ok(Boot::of(bmc.run(boot::set(settings, kept)).await?.flags))).await
}

async fn read(bmc: &Bmc) -> Result<BootFlags, Problem> {
    match bmc.request(Request::GetBootFlags).await? {
        Reply::BootFlags(flags) => Ok(flags),
        _ => Err(Problem::failed("ipmi.protocol", "protocol error", "the BMC answered something else")),
    }
}

/// Sets the flags and reads them back: BMCs accept what they do not do.
async fn set(bmc: &Bmc, flags: BootFlags) -> Result<Boot, Problem> {
    bmc.request(Request::SetBootOptions(flags)).await?;
    let kept = read(bmc).await?;
    let same = match flags.valid {
        true => kept == flags,
        false => !kept.valid || kept.device == BootDevice::NoOverride,
    };
    if same {
        return Ok(Boot::of(kept));
    }
    let seen = Boot::of(kept);
    let (when, firmware) = (
        if seen.persistent { "every boot" } else { "the next boot" },
        if kept.uefi { "UEFI" } else { "BIOS" },
    );
    Err(Problem::failed(
        "boot.not_kept",
        "not kept",
        format!("the BMC accepted, but shows {} for {when}, by {firmware}", seen.device),
    )
    .with_hint("some firmware takes only one of --uefi and --persistent, or shows what it does not do"))
}
