//! Which program a machine is given first, by its firmware.

use std::fmt;

use ironhand_api::{BootArchitecture, LoaderPreference, NicDriver, ProfileSpec};

use super::architecture::efi_suffix;
use super::view::View;

/// A program that machines are given, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// What it is.
    pub kind: LoaderKind,
    /// Its path.
    pub path: String,
}

/// What a program is, as far as it decides which script it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoaderKind {
    /// iPXE.
    Ipxe,
    /// GRUB.
    Grub,
    /// A shim and the GRUB beside it.
    Shim,
    /// PXELINUX.
    Pxelinux,
    /// The files of a Raspberry Pi's own firmware, which start whatever they are made to: UEFI, as a rule.
    RaspberryPi,
}

impl LoaderKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ipxe, Self::Grub, Self::Shim, Self::Pxelinux, Self::RaspberryPi];
}

/// Where the files of a Raspberry Pi's firmware lie.
pub(super) const RASPBERRY_PI: &str = "raspberrypi";

impl fmt::Display for LoaderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipxe => "iPXE",
            Self::Grub => "GRUB",
            Self::Shim => "shim and GRUB",
            Self::Pxelinux => "PXELINUX",
            Self::RaspberryPi => "the firmware of a Raspberry Pi",
        })
    }
}

/// The paths at which loaders of one kind may lie for a firmware, the best first.
pub fn candidates(kind: LoaderKind, firmware: BootArchitecture, driver: NicDriver) -> Vec<String> {
    let own_first = driver == NicDriver::Ipxe;
    let ordered = |of_firmware: String, own: String| match own_first {
        true => vec![own, of_firmware],
        false => vec![of_firmware, own],
    };
    match (kind, efi_suffix(firmware)) {
        (LoaderKind::Ipxe, Some(_)) => {
            ordered(format!("ipxe/{firmware}/snponly.efi"), format!("ipxe/{firmware}/ipxe.efi"))
        }
        (LoaderKind::Grub, Some(suffix)) => vec![format!("grub/{firmware}/grub{suffix}.efi")],
        (LoaderKind::Shim, Some(suffix)) => {
            vec![format!("secure/{firmware}/shim{suffix}.efi"), format!("ipxe/{firmware}/ipxe-shim.efi")]
        }
        (LoaderKind::Ipxe, None) if firmware == BootArchitecture::Bios => {
            ordered("ipxe/bios/undionly.kpxe".to_owned(), "ipxe/bios/ipxe.pxe".to_owned())
        }
        (LoaderKind::Grub, None) if firmware == BootArchitecture::Bios => vec!["grub/bios/core.0".to_owned()],
        (LoaderKind::Pxelinux, None) if firmware == BootArchitecture::Bios => {
            vec!["pxelinux/bios/lpxelinux.0".to_owned(), "pxelinux/bios/pxelinux.0".to_owned()]
        }
        // The first is that of models 4, the second that of models before, and a model 5 reads its configuration at once.
        (LoaderKind::RaspberryPi, None) if firmware == BootArchitecture::RaspberryPi => {
            ["start4.elf", "bootcode.bin", "config.txt"].map(|file| format!("{RASPBERRY_PI}/{file}")).into()
        }
        _ => Vec::new(),
    }
}

/// The kinds that do for a preference, the best first. A machine with Secure Boot starts nothing unsigned, so that there is
/// nothing else to fall back to; one with a BIOS knows no Secure Boot.
fn kinds(preference: LoaderPreference, firmware: BootArchitecture) -> &'static [LoaderKind] {
    let bios = firmware == BootArchitecture::Bios;
    match preference {
        _ if firmware == BootArchitecture::RaspberryPi => &[LoaderKind::RaspberryPi],
        LoaderPreference::Ipxe if bios => &[LoaderKind::Ipxe, LoaderKind::Pxelinux, LoaderKind::Grub],
        LoaderPreference::Ipxe => &[LoaderKind::Ipxe, LoaderKind::Grub],
        LoaderPreference::Grub if bios => &[LoaderKind::Grub, LoaderKind::Pxelinux, LoaderKind::Ipxe],
        LoaderPreference::Grub => &[LoaderKind::Grub, LoaderKind::Ipxe],
        LoaderPreference::Secure if bios => &[LoaderKind::Ipxe, LoaderKind::Pxelinux, LoaderKind::Grub],
        LoaderPreference::Secure => &[LoaderKind::Shim],
    }
}

/// The loader of a machine; where there is none, what is missing.
pub(super) fn choose(
    view: &View,
    preference: LoaderPreference,
    firmware: BootArchitecture,
    driver: NicDriver,
    profile: Option<&ProfileSpec>,
) -> Result<Loader, String> {
    let own_shim = profile.and_then(|profile| Some((profile.media.as_ref()?, profile.shim.as_ref()?)));
    if let Some((media, shim)) =
        own_shim.filter(|_| preference == LoaderPreference::Secure && firmware.is_uefi())
    {
        return Ok(Loader { kind: LoaderKind::Shim, path: format!("media/{media}/{shim}") });
    }
    // What iPXE alone can run leaves no choice; what comes before it does.
    let only_ipxe =
        profile.is_some_and(|profile| profile.script.is_some()) && firmware != BootArchitecture::RaspberryPi;
    let kinds = kinds(preference, firmware).iter().copied();
    let mut wanted = Vec::new();
    for kind in kinds.filter(|kind| !only_ipxe || *kind == LoaderKind::Ipxe) {
        for path in candidates(kind, firmware, driver) {
            if view.has_loader(&path) {
                return Ok(Loader { kind, path });
            }
            wanted.push(path);
        }
    }
    match wanted.as_slice() {
        [] => Err(format!("no loader is known for {firmware}")),
        wanted => Err(format!("there is no loader for {firmware}: none of {} is there", wanted.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::Records;
    use super::*;

    #[test]
    fn machines_are_given_what_their_firmware_starts() {
        let check = |preference, firmware, driver, there: &[&str], wanted: Result<&str, &str>| {
            let loaders = there.iter().map(|path| (*path).to_owned()).collect();
            let view = View::new(Records { loaders, ..Records::default() });
            let found = choose(&view, preference, firmware, driver, None);
            match wanted {
                Ok(path) => assert_eq!(found.unwrap().path, path),
                Err(part) => assert!(found.clone().unwrap_err().contains(part), "{found:?}"),
            }
        };
        let (ipxe, grub, secure) = (LoaderPreference::Ipxe, LoaderPreference::Grub, LoaderPreference::Secure);
        let (firm, own) = (NicDriver::Firmware, NicDriver::Ipxe);
        let (bios, x64, arm64) = (BootArchitecture::Bios, BootArchitecture::X64, BootArchitecture::Arm64);
        let both = ["ipxe/x64/snponly.efi", "ipxe/x64/ipxe.efi"];
        check(ipxe, x64, firm, &both, Ok("ipxe/x64/snponly.efi"));
        check(ipxe, x64, own, &both, Ok("ipxe/x64/ipxe.efi"));
        check(ipxe, x64, own, &both[..1], Ok("ipxe/x64/snponly.efi"));
        check(ipxe, arm64, firm, &both, Err("ipxe/arm64/snponly.efi"));
        check(ipxe, bios, firm, &["ipxe/bios/undionly.kpxe"], Ok("ipxe/bios/undionly.kpxe"));
        check(ipxe, bios, firm, &["pxelinux/bios/lpxelinux.0"], Ok("pxelinux/bios/lpxelinux.0"));
        check(ipxe, x64, firm, &["grub/x64/grubx64.efi"], Ok("grub/x64/grubx64.efi"));
        check(grub, x64, firm, &both, Ok("ipxe/x64/snponly.efi"));
        check(grub, arm64, firm, &["grub/arm64/grubaa64.efi"], Ok("grub/arm64/grubaa64.efi"));
        check(secure, x64, firm, &["secure/x64/shimx64.efi"], Ok("secure/x64/shimx64.efi"));
        check(secure, x64, firm, &both, Err("secure/x64/shimx64.efi"));
        check(secure, bios, firm, &["ipxe/bios/ipxe.pxe"], Ok("ipxe/bios/ipxe.pxe"));
        let pi = BootArchitecture::RaspberryPi;
        check(ipxe, pi, firm, &both, Err("raspberrypi/start4.elf"));
        check(secure, pi, firm, &["raspberrypi/bootcode.bin"], Ok("raspberrypi/bootcode.bin"));
        check(grub, pi, firm, &["raspberrypi/config.txt"], Ok("raspberrypi/config.txt"));
    }
}
