//! A picture of the machine's screen: by an action of Redfish, or by the web pages of the same controller.

use std::sync::Arc;

use ironhand_redfish::{Answer, Identity, PowerState as Shown, TakeScreenshot, Vendor, power_state};

use super::RedfishDevice;
use crate::preview::{self, MINIATURE, Pages, Preview, THUMBNAIL};
use crate::{Error, HttpRequest, Picture};

/// How a controller gives a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By an action of the iDRAC.
    Export,
    /// As a file, to who has a session of Redfish.
    File(&'static str),
    /// By web pages that want a login of their own.
    Pages(Pages),
}

/// How a controller gives a picture, where it is known to.
fn way(identity: &Identity) -> Option<Way> {
    let product = identity.product.as_deref().unwrap_or_default();
    Some(match (identity.vendor, product) {
        (Vendor::Dell, "iDRAC 6") => return None,
        (Vendor::Dell, "iDRAC 7" | "iDRAC 8") => Way::Pages(Pages::Idrac),
        (Vendor::Dell, _) => Way::Export,
        (Vendor::Hpe, "iLO 2" | "iLO 3" | "iLO 4") => return None,
        (Vendor::Hpe, _) => Way::File(THUMBNAIL),
        (Vendor::Lenovo, "TSM") => return None,
        (Vendor::Lenovo, "XCC3") => Way::File(MINIATURE),
        (Vendor::Lenovo, _) => Way::Pages(Pages::Xcc),
        (Vendor::Supermicro, _) => Way::Pages(Pages::Supermicro),
        (Vendor::H3c, _) => Way::Pages(Pages::H3c),
        _ => return None,
    })
}

impl RedfishDevice {
    /// Makes sure that the controller gives pictures to who asks by Redfish, without a login to its web pages.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where it does not, as far as is known; what asking it what it is comes to.
    pub(crate) async fn expect_pictures(&mut self) -> Result<(), Error> {
        let identity = self.place().await?.identity;
        let product = identity.product.clone().unwrap_or_else(|| identity.vendor.to_string());
        let without = |more: &str| {
            Err(Error::Unsupported {
                what: format!("show the screen: {product} has no still pictures by Redfish{more}"),
            })
        };
        match way(&identity) {
            Some(Way::Export | Way::File(_)) => Ok(()),
            Some(Way::Pages(_)) => without(", only on web pages: a connector `preview` takes them there"),
            None => without(""),
        }
    }

    /// Takes a picture the way that the controller knows.
    pub(super) async fn take_picture(&mut self) -> Result<Picture, Error> {
        let place = self.place().await?;
        let way = way(&place.identity).ok_or_else(|| Error::Unsupported {
            what: format!("show the screen: no way is known for {}", place.identity.vendor),
        })?;
        let taken = match way {
            Way::Export => match self.run(TakeScreenshot { place }).await {
                Ok(file) => preview::told(file.into()),
                // Nothing was changed, whether it was done or not.
                Err(Error::OutcomeUnknown) => Err(Error::NoPicture {
                    reason: "the controller's answer did not come to its end".to_owned(),
                }),
                Err(error) => Err(error),
            },
            Way::File(path) => self.fetch(path).await,
            Way::Pages(pages) => {
                let (http, login) = (&self.pages, self.broker.login());
                let fresh = || Preview::new(Arc::clone(http), pages, login.clone());
                self.preview.get_or_insert_with(fresh).picture().await
            }
        };
        match taken {
            // Controllers have many words for it.
            Err(error) if may_be_off(&error) && self.is_off().await => {
                Err(Error::NoPicture { reason: "the machine is off".to_owned() })
            }
            taken => taken,
        }
    }

    async fn is_off(&mut self) -> bool {
        self.at_place(power_state).await == Ok(Shown::Off)
    }

    /// Fetches a picture in the session of Redfish, and once more where that was over.
    async fn fetch(&self, path: &str) -> Result<Picture, Error> {
        for _ in 0..2 {
            let credentials = self.broker.credentials(&self.transport).await?;
            let request = HttpRequest::get(path).authorization(self.broker.authorization(&credentials));
            let answer = self.pages.send(&request).await?;
            let told = Answer::new(answer.status, b"");
            if !self.broker.is_over(&credentials, &told).await {
                return preview::taken(answer, path);
            }
        }
        Err(Error::Busy { reason: "it ends each session at once".to_owned() })
    }
}

/// Whether an error may come of that the machine is off.
fn may_be_off(error: &Error) -> bool {
    use ironhand_redfish::Error as Redfish;
    match error {
        Error::Redfish(error) => {
            matches!(error, Redfish::Refused { .. } | Redfish::Unsupported { .. } | Redfish::Malformed { .. })
        }
        error => {
            matches!(error, Error::Refused { .. } | Error::Unsupported { .. } | Error::Malformed { .. })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vendor: Vendor, product: &str, wanted: Option<Way>) {
        let product = Some(product.to_owned());
        let identity = Identity { vendor, product, firmware: None, model: None, evidence: Vec::new() };
        assert_eq!(way(&identity), wanted, "{identity:?}");
    }

    #[test]
    fn each_make_has_its_way() {
        check(Vendor::Dell, "iDRAC 6", None);
        check(Vendor::Dell, "iDRAC 7", Some(Way::Pages(Pages::Idrac)));
        check(Vendor::Dell, "iDRAC 8", Some(Way::Pages(Pages::Idrac)));
        check(Vendor::Dell, "iDRAC 9", Some(Way::Export));
        check(Vendor::Dell, "iDRAC 10", Some(Way::Export));
        check(Vendor::Hpe, "iLO 4", None);
        check(Vendor::Hpe, "iLO 6", Some(Way::File(THUMBNAIL)));
        check(Vendor::Lenovo, "XCC2", Some(Way::Pages(Pages::Xcc)));
        check(Vendor::Lenovo, "XCC3", Some(Way::File(MINIATURE)));
        check(Vendor::Lenovo, "TSM", None);
        check(Vendor::Supermicro, "X10", Some(Way::Pages(Pages::Supermicro)));
        check(Vendor::H3c, "HDM2", Some(Way::Pages(Pages::H3c)));
        check(Vendor::OpenBmc, "OpenBMC", None);
        check(Vendor::Generic, "", None);
    }
}
