//! What a path is to a machine that boots.

use std::path::Path;

use ironhand_api::{BootStage, ProfileBoot, ProfileSpec};
use ironhand_model::boot::Page;

/// What a page is to a machine that boots a profile.
pub(super) fn stage(page: Option<&Page>, path: &str, profile: Option<&ProfileSpec>) -> BootStage {
    match page {
        Some(Page::Loader(_) | Page::RaspberryPi(_)) => BootStage::Loader,
        Some(Page::Ask { .. } | Page::Script | Page::GrubDispatch | Page::GrubAgain) => BootStage::Script,
        Some(Page::File { .. }) => BootStage::Answer,
        Some(Page::Media { media, path: inner }) => {
            let profile = profile.filter(|profile| profile.media.as_ref() == Some(media));
            profile.and_then(|profile| of_profile(profile, inner)).unwrap_or_else(|| stage_of(path))
        }
        None => stage_of(path),
    }
}

/// What a file of its medium is to a profile.
fn of_profile(profile: &ProfileSpec, path: &str) -> Option<BootStage> {
    let is = |named: &str| is_same(named, path);
    match profile.boot()? {
        ProfileBoot::Kernel { kernel, .. } if is(kernel) => Some(BootStage::Kernel),
        ProfileBoot::Kernel { initrds, .. } if initrds.iter().any(|initrd| is(initrd)) => {
            Some(BootStage::Initrd)
        }
        ProfileBoot::Chain(program) if is(program) => Some(BootStage::Kernel),
        _ => profile.shim.as_deref().filter(|shim| is(shim)).map(|_| BootStage::Loader),
    }
}

/// Whether two paths are one, as media know no case and no doubled slashes.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let parts = |path: &'_ str| {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect::<Vec<_>>()
    };
    parts(one) == parts(other)
}

/// What a file is, by the names that files of that kind have.
fn stage_of(path: &str) -> BootStage {
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    if ends(&[".ipxe"]) || name.starts_with("grub.cfg") || path.contains("pxelinux.cfg/") {
        BootStage::Script
    } else if ends(&[".efi", ".kpxe", ".kkpxe", ".pxe", ".0"]) {
        BootStage::Loader
    } else if is(&["initrd", "initramfs"]) {
        BootStage::Initrd
    } else if is(&["vmlinu", "bzimage", "kernel"]) || name == "linux" {
        BootStage::Kernel
    } else if ends(&["preseed.cfg", ".ks", "ks.cfg", "user-data", "meta-data", ".ign", "autounattend.xml"]) {
        BootStage::Answer
    } else {
        BootStage::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let check = |path: &str, wanted| assert_eq!(stage_of(path), wanted, "{path}");
        check("ipxe/x64/snponly.efi", BootStage::Loader);
        check("undionly.kpxe", BootStage::Loader);
        check("autoexec.ipxe", BootStage::Script);
        check("grub/grub.cfg-01-52:54:00:12:34:56", BootStage::Script);
        check("pxelinux.cfg/01-52-54-00-12-34-56", BootStage::Script);
        check("media/debian/install.amd/vmlinuz", BootStage::Kernel);
        check("debian-installer/amd64/linux", BootStage::Kernel);
        check("debian-installer/amd64/initrd.gz", BootStage::Initrd);
        check("hosts/a/preseed.cfg", BootStage::Answer);
        check("grub/x86_64-efi/command.lst", BootStage::File);
    }

    #[test]
    fn a_profile_says_what_the_files_of_its_medium_are() {
        let media: ironhand_api::Name = "debian".parse().unwrap();
        let profile = ProfileSpec {
            media: Some(media.clone()),
            kernel: Some("install/Linux".to_owned()),
            initrds: vec!["/install/gtk.gz".to_owned()],
            ..ProfileSpec::default()
        };
        let check = |path: &str, of: Option<&ProfileSpec>, wanted| {
            let page = Page::Media { media: media.clone(), path: path.to_owned() };
            assert_eq!(stage(Some(&page), &format!("media/debian/{path}"), of), wanted, "{path}");
        };
        check("install/linux", Some(&profile), BootStage::Kernel);
        check("install//gtk.gz", Some(&profile), BootStage::Initrd);
        check("install/gtk.gz", None, BootStage::File);
        check("pool/a.deb", Some(&profile), BootStage::File);
        assert_eq!(stage(Some(&Page::Script), "boot.ipxe", None), BootStage::Script);
    }
}
