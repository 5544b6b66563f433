//! The VNC server of an iDRAC, which its attributes switch on and off.

use ironhand_redfish::{SetVncServer, vnc_server};
use secrecy::SecretString;

use super::RedfishDevice;
use crate::Error;

pub use ironhand_redfish::VncServer;

/// Encryption that is switched off, as the iDRAC says it.
const PLAIN: &str = "Disabled";

/// Encryption that viewers may ask for, as the iDRAC says it.
const ENCRYPTED: &str = "Auto Negotiate";

/// What must be changed of the encryption of a server so that it is spoken to with TLS, or without.
pub fn vnc_encryption(shown: Option<&str>, with_tls: bool) -> Option<&'static str> {
    match (shown, with_tls) {
        (Some(PLAIN), true) => Some(ENCRYPTED),
        (Some(shown), false) if shown != PLAIN => Some(PLAIN),
        _ => None,
    }
}

impl RedfishDevice {
    /// How the VNC server is set.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`] where the controller has none.
    pub async fn vnc_server(&mut self) -> Result<VncServer, Error> {
        self.at_place(vnc_server).await
    }

    /// Switches the VNC server on or off, and reads that back. Encryption, in the iDRAC's words, and password stay as they
    /// are where they are not given.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::vnc_server`], and [`Error::Redfish`] where the controller does not keep it.
    pub async fn set_vnc_server(
        &mut self,
        enabled: bool,
        encryption: Option<String>,
        password: Option<SecretString>,
    ) -> Result<VncServer, Error> {
        let place = self.place().await?;
        self.run(SetVncServer { place, enabled, encryption, password }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_changed_only_where_it_is_in_the_way() {
        let check =
            |shown, with_tls, wanted| assert_eq!(vnc_encryption(shown, with_tls), wanted, "{shown:?}");
        check(Some("Disabled"), false, None);
        check(Some("Auto Negotiate"), false, Some("Disabled"));
        check(Some("128-Bit or higher"), false, Some("Disabled"));
        check(Some("128-Bit or higher"), true, None);
        check(Some("Disabled"), true, Some("Auto Negotiate"));
        check(None, true, None);
        check(None, false, None);
    }
}
