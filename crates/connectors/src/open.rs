//! From a connector of a manifest to the device.

use std::sync::Arc;

use ironhand_api::{Connector, MacAddress, Way};

use crate::gsm::GsmSocket;
use crate::pdu::{PduDevice, PduTimes};
use crate::{Device, Error, Login, MemoryPins, MemorySessions, Modems, Pins, RedfishDevice, Sessions};

/// What a device needs to know beside its connector.
#[derive(Clone)]
pub struct Surroundings {
    /// The hardware addresses of the machine's network interfaces.
    pub macs: Vec<MacAddress>,
    /// Who logs in at the proxy or jump host between.
    pub hop: Option<Login>,
    /// The modems that text messages are sent through.
    pub modems: Modems,
    /// Which certificates devices showed first.
    pub pins: Arc<dyn Pins>,
    /// The sessions that are open on controllers.
    pub sessions: Arc<dyn Sessions>,
}

impl Default for Surroundings {
    /// Nothing is known, and what is learned lasts as long as the surroundings do.
    fn default() -> Self {
        Self {
            macs: Vec::new(),
            hop: None,
            modems: Modems::default(),
            pins: Arc::new(MemoryPins::default()),
            sessions: Arc::new(MemorySessions::default()),
        }
    }
}

/// Makes ready to use a connector under a login; without one where the device needs none. Nothing is sent yet.
///
/// # Errors
///
/// [`Error::Unsupported`] where this version does not drive connectors of the type, [`Error::Misconfigured`] where what
/// the manifest says cannot be used.
pub fn open(
    connector: &Connector,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Device>, Error> {
    match &connector.way {
        Way::Ipmi(_) => Err(refused("be driven here: IPMI has lines of its own")),
        Way::Redfish(options) => Ok(Box::new(RedfishDevice::open(connector, options, login, surroundings)?)),
        Way::Vnc => Err(refused("do anything but show a screen")),
        Way::Pdu(options) => {
            Ok(Box::new(PduDevice::new(connector, options, login.as_ref(), PduTimes::default())?))
        }
        Way::Gsm(options) => Ok(Box::new(GsmSocket::new(connector, options, login, &surroundings.modems)?)),
        way => Err(refused(&format!("be used yet: this version does not drive `{}`", way.kind().as_str()))),
    }
}

fn refused(what: &str) -> Error {
    Error::Unsupported { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_driven_is_refused_with_a_reason() {
        let check = |way: Way, reason: &str| {
            let refused = open(&Connector::new(way, "192.0.2.1"), None, &Surroundings::default());
            let Err(Error::Unsupported { what }) = refused.map(|_| ()) else { panic!("it is driven") };
            assert!(what.contains(reason), "{what}");
        };
        check(Way::Vnc, "screen");
        check(Way::Ipmi(Default::default()), "lines of its own");
    }
}
