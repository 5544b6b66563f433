//! The firmware of a machine's parts (DSP0268: UpdateService, SoftwareInventory). It is read only.

use crate::listing::{expands, get_one, read_collections, told};
use crate::root::root;
use crate::system::Place;
use crate::time::parse;
use crate::{Error, Listing, Operation, Stop, Talk};

/// A piece of firmware.
#[derive(Clone, Debug, PartialEq)]
pub struct Firmware {
    /// Its identifier: some controllers show what is installed, what was, and what may be, and tell it by this alone.
    pub id: String,
    /// What it is of.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// When it was released, in milliseconds since 1970-01-01T00:00:00Z.
    pub released: Option<i64>,
    /// Whether the controller can bring another one.
    pub updateable: bool,
    /// What the controller thinks of it: `OK`, `Warning`, `Critical`.
    pub health: Option<String>,
}

/// Reads which firmware is installed.
#[derive(Clone, Debug)]
pub struct ReadFirmware {
    /// The machine.
    pub place: Place,
}

impl Operation for ReadFirmware {
    type Output = Listing<Firmware>;

    fn perform(&self, talk: &mut Talk) -> Result<Listing<Firmware>, Stop> {
        let mut missing = Vec::new();
        let expand = expands(talk, &self.place)?;
        let update = root(talk)?.update;
        let update = get_one(talk, update.as_deref(), &mut missing)?;
        let inventory = update.and_then(|update| update.link(&["FirmwareInventory"]).map(str::to_owned));
        if inventory.is_none() && missing.is_empty() {
            return Err(Error::Unsupported { what: "list its firmware".into() }.into());
        }
        let inventory: Vec<String> = inventory.into_iter().collect();
        let members = read_collections(talk, &inventory, expand, &mut missing)?;
        let items = members.into_iter().map(|(_, resource)| {
            let text = |name: &str| told(&resource.value[name]).map(str::to_owned);
            Firmware {
                id: resource.id().to_owned(),
                name: text("Name").unwrap_or_else(|| resource.id().to_owned()),
                // Zeros are a version too.
                version: resource.text(&["Version"]).map(str::to_owned),
                released: resource.text(&["ReleaseDate"]).and_then(parse),
                updateable: resource.at(&["Updateable"]).as_bool() == Some(true),
                health: resource.text(&["Status", "Health"]).map(str::to_owned),
            }
        });
        Ok(Listing { items: items.collect(), missing })
    }
}
