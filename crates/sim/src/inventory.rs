//! The FRU devices of a simulated machine: over IPMI they tell the same maker, model and serial number as Redfish does.

use std::sync::Arc;

use ironhand_ipmi::bmc::{FruConfig, FruDevice};
use ironhand_ipmi::fru::FruReading;
use ironhand_redfish::bmc::Flavour;

/// Those of a machine of this flavour with this serial number.
pub(crate) fn devices(flavour: &Flavour, serial: &str) -> FruConfig {
    let mut config = FruConfig::sample();
    let Some(server) = config.devices.get(&0) else { return config };
    let mut inventory = FruReading::decode(&server.bytes).inventory;
    let Some(product) = &mut inventory.product else { return config };
    product.manufacturer = flavour.manufacturer().into();
    product.name = flavour.model().into();
    product.serial_number = serial.into();
    match FruDevice::new(&inventory) {
        Ok(mut device) => {
            Arc::make_mut(&mut device.bytes).resize(server.bytes.len(), 0);
            Arc::make_mut(&mut config.devices).insert(0, device);
        }
        Err(error) => tracing::debug!(%error, serial, "a simulated machine has the inventory of another"),
    }
    config
}

#[cfg(test)]
mod tests {
    use ironhand_ipmi::fru::Field;

    use super::*;

    #[test]
    fn every_flavour_has_its_maker_model_and_serial_number() {
        for flavour in Flavour::ALL {
            let config = devices(flavour, "SRV0000007");
            let read = FruReading::decode(&config.devices[&0].bytes);
            assert!(read.flaws.is_empty(), "{}: {:?}", flavour.name, read.flaws);
            let product = read.inventory.product.unwrap();
            let said = [product.manufacturer, product.name, product.serial_number];
            assert_eq!(said, [flavour.manufacturer(), flavour.model(), "SRV0000007"].map(Field::from));
            assert_eq!(config.devices.len(), FruConfig::sample().devices.len());
        }
    }
}
