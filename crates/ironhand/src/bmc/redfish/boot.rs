//! `ironhand bmc boot` over Redfish.

use ironhand_connectors::RedfishDevice;
use ironhand_redfish::{BootEnabled, BootMode, BootState, BootTarget, SetBoot, boot_state};

use super::{Controllers, Problem};
use crate::bmc::args::{self, BootWord};
use crate::bmc::boot::Boot;
use crate::exit::Failure;

/// `ironhand bmc boot`.
pub async fn boot(controllers: &Controllers, asked: &args::Boot) -> Result<(), Failure> {
    if asked.instance.is_some() {
        return Err(Failure::Usage {
            message: "Redfish numbers no boot devices".to_owned(),
            hint: Some("leave out --instance".to_owned()),
        });
    }
    let Some(target) = target(asked.device)? else {
        asked.check_show()?;
        return controllers.each(async |device| Ok(shown(device.at_place(boot_state).await?))).await;
    };
    let mode = match (asked.uefi, asked.legacy) {
        (true, _) => Some(BootMode::Uefi),
        (_, true) => Some(BootMode::Legacy),
        _ => None,
    };
    controllers.change(async |device| set(device, target, asked.persistent, mode).await).await
}

async fn set(
    device: &mut RedfishDevice,
    target: BootTarget,
    persistent: bool,
    mode: Option<BootMode>,
) -> Result<Boot, Problem> {
    let place = device.place().await?;
    Ok(shown(device.run(SetBoot { place, target, persistent, mode, source: None }).await?))
}

/// The device of a word; nothing where it is only shown.
fn target(word: BootWord) -> Result<Option<BootTarget>, Failure> {
    Ok(Some(match word {
        BootWord::Show => return Ok(None),
        BootWord::None => BootTarget::None,
        BootWord::Pxe => BootTarget::Pxe,
        BootWord::Http => BootTarget::UefiHttp,
        BootWord::Disk => BootTarget::Hdd,
        BootWord::Diagnostic => BootTarget::Diags,
        BootWord::Cdrom | BootWord::RemoteCdrom => BootTarget::Cd,
        BootWord::Bios => BootTarget::BiosSetup,
        BootWord::Floppy | BootWord::RemoteFloppy => BootTarget::Floppy,
        BootWord::Usb => BootTarget::Usb,
        BootWord::Safe | BootWord::RemoteMedia | BootWord::RemoteDisk => {
            return Err(Failure::Usage {
                message: "Redfish knows no such boot device".to_owned(),
                hint: Some("name another: pxe, http, disk, cdrom, usb, bios ...".to_owned()),
            });
        }
    }))
}

/// What a controller shows, in the words of the command line.
fn shown(state: BootState) -> Boot {
    let word = match state.target {
        _ if state.enabled == BootEnabled::Disabled => "none",
        Some(BootTarget::None) => "none",
        Some(BootTarget::Pxe) => "pxe",
        Some(BootTarget::UefiHttp) => "http",
        Some(BootTarget::Hdd) => "disk",
        Some(BootTarget::Cd) => "cdrom",
        Some(BootTarget::Usb) => "usb",
        Some(BootTarget::Floppy) => "floppy",
        Some(BootTarget::SdCard) => "sd-card",
        Some(BootTarget::BiosSetup) => "bios",
        Some(BootTarget::Utilities) => "utilities",
        Some(BootTarget::Diags) => "diagnostic",
        Some(BootTarget::UefiShell) => "uefi-shell",
        Some(BootTarget::UefiTarget) => "uefi-device",
        None => "another device",
    };
    let persistent = state.enabled == BootEnabled::Continuous;
    let uefi = state.mode.map(|mode| mode == BootMode::Uefi);
    Boot { device: word.into(), persistent, uefi, valid: word != "none" }
}
