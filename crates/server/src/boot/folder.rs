//! Files that people put into the folder `boot` of the data directory: loaders, kernels and scripts of their own, served to
//! machines that boot, by TFTP and HTTP alike.

use std::fs::{File, Metadata};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress, Machine};
use ironhand_boot_port::http::media_type;
use ironhand_boot_port::{Body, Content, Part, Question, Refusal, Service, Shelf, Transfer, TransferEnd};
use ironhand_model::boot::Architecture;
use ironhand_model::{BootAbout, BootSeen, BootSighting};
use serde::Deserialize;

use super::known::KnownHosts;
use super::seats::{Seat, Seats};
use super::watch::{BootWatch, Note};
use crate::clock;

/// The longest value that a machine may say of itself.
const LONGEST_WORD: usize = 128;

/// The folder, and who asked.
pub(super) struct Folder {
    folder: PathBuf,
    watch: BootWatch,
    known: Arc<KnownHosts>,
    seats: Arc<Seats>,
}

/// What iPXE says of its machine in the query of a script:
/// `?mac=${net0/mac}&uuid=${uuid}&serial=${serial:uristring}&manufacturer=${manufacturer:uristring}&product=${product:uristring}&asset=${asset:uristring}&arch=${buildarch}&platform=${platform}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    mac: String,
    uuid: String,
    serial: String,
    manufacturer: String,
    product: String,
    asset: String,
    arch: String,
    platform: String,
}

impl Folder {
    /// The files below `folder`, which need not exist.
    pub(super) fn new(folder: PathBuf, watch: BootWatch, known: Arc<KnownHosts>, seats: Arc<Seats>) -> Self {
        Self { folder, watch, known, seats }
    }

    /// Takes note of what a machine says of itself. What nobody can have sent on purpose is passed over.
    fn hear(&self, question: &Question<'_>) {
        let Some(query) = question.query else { return };
        let Ok(uri) = format!("/?{query}").parse() else { return };
        let Ok(axum::extract::Query(said)) = axum::extract::Query::<Said>::try_from_uri(&uri) else { return };
        let Ok(mac) = said.mac.parse::<MacAddress>() else { return };
        let seat = Seat {
            macs: vec![mac],
            uuid: said.uuid.parse().ok(),
            architecture: Architecture::of_ipxe(&said.arch, &said.platform),
            ..Seat::default()
        };
        let new = self.seats.put(question.client.ip(), seat);
        if self.known.host(mac).is_some() {
            return;
        }
        let machine = Machine {
            uuid: word(&said.uuid),
            serial: word(&said.serial),
            manufacturer: word(&said.manufacturer),
            product: word(&said.product),
            asset: word(&said.asset),
            architecture: architecture(&said.arch, &said.platform),
            address: v4(question.client.ip()),
            boots: u32::from(new),
            ..Machine::new(mac, clock::now())
        };
        self.watch.note(Note::Machine(Box::new(machine)));
    }

    /// A file, opened. Where a path leads out of the folder, by a link too, there is none.
    fn open(&self, path: &str) -> Option<(File, Metadata)> {
        let hidden = |part: &str| part.starts_with('.') || part.contains('\0');
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.iter().any(|part| hidden(part)) {
            return None;
        }
        let folder = self.folder.canonicalize().ok()?;
        let found = folder.join(parts.iter().collect::<PathBuf>()).canonicalize().ok()?;
        if !found.starts_with(&folder) {
            return None;
        }
        let file = File::open(found).ok()?;
        let about = file.metadata().ok().filter(Metadata::is_file)?;
        Some((file, about))
    }
}

fn word(text: &str) -> Option<String> {
    let clean: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect();
    Some(clean).filter(|clean| !clean.is_empty())
}

/// What iPXE was built for, as people say it.
fn architecture(arch: &str, platform: &str) -> Option<String> {
    let arch = match arch {
        "x86_64" => "x64".to_owned(),
        "i386" => "x86".to_owned(),
        other => word(other)?,
    };
    Some(match platform {
        "efi" => format!("UEFI {arch}"),
        "pcbios" => format!("BIOS {arch}"),
        _ => arch,
    })
}

const fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

impl Shelf for Folder {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        self.hear(question);
        let (file, about) = self.open(question.path).ok_or(Refusal::NotFound)?;
        let stamp = (about.mtime(), about.mtime_nsec());
        Ok(Content {
            etag: format!("{:x}-{:x}-{:x}-{:x}", about.ino(), about.len(), stamp.0, stamp.1),
            modified: about.modified().ok(),
            media_type: media_type(question.path),
            body: Body::File {
                file: Arc::new(file),
                parts: Arc::new([Part { offset: 0, length: about.len() }]),
            },
        })
    }

    fn note(&self, transfer: &Transfer) {
        let failed = match &transfer.end {
            TransferEnd::Done => None,
            TransferEnd::SizeOnly => return,
            TransferEnd::Refused(refusal) => Some(refusal.to_string()),
            TransferEnd::Broken(words) => Some(format!("broken off: {words}")),
        };
        let absent = transfer.end == TransferEnd::Refused(Refusal::NotFound);
        let ip = transfer.client.ip();
        let mac = self.seats.get(ip).and_then(|seat| seat.mac());
        let seen = BootSeen::Read {
            stage: if absent { BootStage::File } else { stage_of(&transfer.path) },
            path: transfer.path.clone(),
            by: match transfer.service {
                Service::Tftp => "tftp",
                Service::Http => "http",
            },
            bytes: transfer.bytes,
            took: transfer.took,
            failed,
            absent,
        };
        let host = mac.and_then(|mac| self.known.host(mac));
        let about = BootAbout { host, ..BootAbout::default() };
        self.watch.note(Note::Sighting(BootSighting { at: clock::now(), mac, address: v4(ip), about, seen }));
    }
}

/// What a file is to a machine that boots, by the names that files of that kind have.
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
    fn what_machines_say_is_cut_to_size() {
        assert_eq!(word("  a\u{7}b \n"), Some("ab".into()));
        assert_eq!(word(" \n"), None);
        assert_eq!(word(&"x".repeat(500)).map(|text| text.len()), Some(LONGEST_WORD));
        assert_eq!(architecture("x86_64", "efi").as_deref(), Some("UEFI x64"));
        assert_eq!(architecture("i386", "pcbios").as_deref(), Some("BIOS x86"));
        assert_eq!(architecture("", "efi"), None);
    }
}
