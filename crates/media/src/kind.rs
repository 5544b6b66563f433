//! What a medium is, told by the files that it has.
//!
//! There is a row for each way in which media are laid out, and not for each release: a new release of a known family is
//! known too. What a row needs and offers was taken from listings of real media.

mod rows;

use crate::source::Source;
use crate::tree::{Node, Tree};

use rows::{ROWS, Row};

/// Bytes of a file that are read to learn the name of a medium.
const TEXT_LIMIT: u64 = 64 * 1024;

/// The families of media, each with its way to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The Debian installer on a disc; its initrd looks for the disc.
    DebianInstaller,
    /// The Debian installer for the network, `mini.iso` or its archive.
    DebianNetboot,
    /// Ubuntu since 18.04, by casper and subiquity.
    UbuntuLive,
    /// Ubuntu until 16.04, and later legacy servers, by the Debian installer.
    UbuntuInstaller,
    /// RHEL and its rebuilds, Fedora Server: Anaconda with a stage 2 in `images/install.img`.
    RedHat,
    /// Fedora and others as live systems of dracut.
    RedHatLive,
    /// SLES 15, Leap 15: YaST.
    Suse,
    /// SLES 16, Leap 16: Agama.
    SuseAgama,
    /// SL Micro, Leap Micro: an image that is written to the disk.
    SuseMicro,
    /// VMware ESXi.
    Esxi,
    /// XenServer and XCP-ng.
    XenServer,
    /// FreeBSD.
    FreeBsd,
    /// Windows 8, Server 2012 and later, and Windows PE.
    Windows,
}

impl Family {
    /// Its name in manifests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::DebianInstaller => "debian",
            Self::DebianNetboot => "debian-netboot",
            Self::UbuntuLive => "ubuntu",
            Self::UbuntuInstaller => "ubuntu-legacy",
            Self::RedHat => "redhat",
            Self::RedHatLive => "redhat-live",
            Self::Suse => "suse",
            Self::SuseAgama => "suse-agama",
            Self::SuseMicro => "suse-micro",
            Self::Esxi => "esxi",
            Self::XenServer => "xenserver",
            Self::FreeBsd => "freebsd",
            Self::Windows => "windows",
        }
    }
}

/// What a medium offers to whoever boots it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Its family, where its layout is known.
    pub family: Option<Family>,
    /// The name that it gives itself, like `Debian GNU/Linux 12.5.0 "Bookworm"`.
    pub title: Option<String>,
    /// Its architecture as Debian calls it (`amd64`, `arm64`, `i386`, `ppc64el`, `s390x`, `riscv64`).
    pub architecture: Option<&'static str>,
    /// The kernel, or what is loaded in its place.
    pub kernel: Option<String>,
    /// What is loaded with the kernel, in this order.
    pub initrd: Vec<String>,
    /// What the installer fetches when it runs: a stage 2 or the file system of a live system.
    pub second_stage: Option<String>,
    /// Loaders of UEFI, the first of which firmware starts: shim where there is one.
    pub loaders: Vec<String>,
    /// What somebody has to know who boots it over a network.
    pub notes: Vec<&'static str>,
}

/// The files of a medium, as they are looked for here: without regard to case.
pub trait Files {
    /// How the path of a file is spelled, if there is one.
    fn spelled(&self, path: &str) -> Option<String>;

    /// The beginning of a small text, if there is one at `path`.
    fn text(&self, path: &str) -> Option<String>;
}

/// The files of an image.
impl Files for (&Tree, &dyn Source) {
    fn spelled(&self, path: &str) -> Option<String> {
        let entry = self.0.find(path)?;
        matches!(entry.node, Node::File { .. }).then(|| self.0.path(&entry))
    }

    fn text(&self, path: &str) -> Option<String> {
        let Node::File { extents: [first, ..], .. } = self.0.find(path)?.node else { return None };
        let mut bytes = vec![0; first.length.min(TEXT_LIMIT) as usize];
        self.1.read(first.offset, &mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Tells what a medium is. What is not known has no family, but its loaders and its name are found all the same.
pub fn recognise(files: &dyn Files) -> Medium {
    let row = ROWS.iter().find(|row| row.fits(files));
    let title = title(files);
    let first = |paths: &[&str]| paths.iter().find_map(|path| files.spelled(path));
    Medium {
        family: row.map(|row| row.family),
        architecture: architecture(files, row),
        title,
        kernel: row.and_then(|row| first(row.kernel)),
        initrd: row.map_or_else(Vec::new, |row| row.initrd.iter().filter_map(|names| first(names)).collect()),
        second_stage: row.and_then(|row| first(row.second_stage)),
        loaders: rows::LOADERS.iter().filter_map(|path| files.spelled(path)).collect(),
        notes: row.map_or_else(Vec::new, |row| row.notes.to_vec()),
    }
}

impl Row {
    fn fits(&self, files: &dyn Files) -> bool {
        let there = |names: &&[&str]| names.iter().any(|path| files.spelled(path).is_some());
        self.needs.iter().all(there) && !self.never.iter().any(|path| files.spelled(path).is_some())
    }
}

/// The name that a medium gives itself.
fn title(files: &dyn Files) -> Option<String> {
    if let Some(info) = files.text(".disk/info") {
        let line = info.lines().next().unwrap_or_default();
        return word(line.split(" - ").next().unwrap_or(line));
    }
    if let Some(info) = files.text(".treeinfo") {
        let value = |section: &str, key: &str| ini(&info, section, key);
        let name = value("release", "name").or_else(|| value("general", "family"))?;
        let version = value("release", "version").or_else(|| value("general", "version")).unwrap_or_default();
        return word(&format!("{name} {version}"));
    }
    for path in ["media.1/products", "install/media.1/products"] {
        if let Some(products) = files.text(path) {
            // `/ SLES15-SP5 15.5-0`: a folder, a name and a version.
            let line = products.lines().next().unwrap_or_default();
            return word(line.split_once(' ').map_or(line, |(_, product)| product));
        }
    }
    if let Some(info) = files.text(".discinfo") {
        return word(info.lines().nth(1).unwrap_or_default());
    }
    None
}

fn word(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(120).collect();
    (!text.is_empty()).then_some(text)
}

/// A value of an INI file.
fn ini(text: &str, section: &str, key: &str) -> Option<String> {
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            within = name.trim_end_matches(']') == section;
        } else if within
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// The architecture, by a path that has it in its name, by what the medium says, or by its loaders.
fn architecture(files: &dyn Files, row: Option<&Row>) -> Option<&'static str> {
    let kernel =
        row.and_then(|row| row.kernel.iter().find_map(|path| files.spelled(path))).unwrap_or_default();
    let said = files.text(".disk/info").map(|info| info.lines().next().unwrap_or_default().to_owned());
    let tree = files.text(".treeinfo").and_then(|info| ini(&info, "general", "arch"));
    let words = [Some(kernel), said, tree];
    let words =
        words.iter().flatten().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    for word in words {
        let word = word.to_ascii_lowercase();
        if let Some((_, architecture)) = rows::ARCHITECTURES.iter().find(|(known, _)| *known == word) {
            return Some(architecture);
        }
    }
    rows::LOADERS_OF
        .iter()
        .find(|(path, _)| files.spelled(path).is_some())
        .map(|(_, architecture)| *architecture)
}

#[cfg(test)]
mod tests;
