//! ISO 9660 images (ECMA-119), with the names of Joliet or Rock Ridge where there are such, and El Torito boot images.

mod boot;
mod directory;
mod rock_ridge;
mod volume;

use crate::directories::gather;
use crate::image::Names;
use crate::source::{Error, Source};
use crate::tree::Tree;

pub use boot::{BootImage, BootPlatform};

use directory::Reader;

/// The unit of everything before the first volume descriptor says otherwise, in bytes.
const SECTOR: u64 = 2_048;
/// The first volume descriptor (ECMA-119, section 6.2.1).
const FIRST_DESCRIPTOR: u64 = 16 * SECTOR;

/// What an image holds under ISO 9660.
pub(crate) struct Volume {
    pub(crate) label: String,
    pub(crate) names: Names,
    pub(crate) tree: Tree,
    /// Where the boot catalog of El Torito lies.
    pub(crate) boot_catalog: Option<u64>,
}

/// Indexes what an image holds under ISO 9660; `None` where it has no volume of that.
pub(crate) fn index(source: &dyn Source) -> Result<Option<Volume>, Error> {
    let Some(volumes) = volume::read_all(source)? else { return Ok(None) };
    let reader = Reader::new(source, &volumes)?;
    Ok(Some(Volume {
        label: reader.volume().label.clone(),
        names: reader.names(),
        tree: gather(&reader)?,
        boot_catalog: volumes.boot_catalog,
    }))
}

/// The boot images of the catalog at `catalog`, with the files of `tree` that they are.
pub(crate) fn read_boot_images(
    source: &dyn Source,
    catalog: Option<u64>,
    tree: &Tree,
) -> Result<Vec<BootImage>, Error> {
    catalog.map_or_else(|| Ok(Vec::new()), |catalog| boot::read_catalog(source, catalog, tree))
}
