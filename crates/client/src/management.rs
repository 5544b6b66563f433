//! Calls that say how hosts are managed, and what settings they are worked by.

use http::Method;
use ironhand_api::{
    Administration, HostStatus, Kind, List, MaintenanceRequest, ManagementRequest, Name, PinnedCertificate,
    RecoveryRequest, SettingDefinition, SettingInForce,
};
use serde::Serialize;

use crate::{Client, Error};

impl Client {
    /// What was said of a host, a cluster or a zone.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none of that name, or `kind` is another one.
    pub async fn administration(&self, kind: Kind, name: &Name) -> Result<Administration, Error> {
        self.fetch(&["api", "v1", kind.plural(), name.as_str(), "management"], &[]).await
    }

    /// Enables or disables the management of a host, or of all hosts of a cluster or a zone.
    ///
    /// # Errors
    ///
    /// As [`administration`](Self::administration).
    pub async fn manage(
        &self,
        kind: Kind,
        name: &Name,
        request: &ManagementRequest,
    ) -> Result<Administration, Error> {
        self.say(&["api", "v1", kind.plural(), name.as_str(), "management"], request).await
    }

    /// Whether flows may begin without a person in a cluster or a zone, or, where `place` is none, anywhere.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such place.
    pub async fn recovery(&self, place: Option<(Kind, &Name)>) -> Result<Administration, Error> {
        match place {
            Some((kind, name)) => {
                self.fetch(&["api", "v1", kind.plural(), name.as_str(), "recovery"], &[]).await
            }
            None => self.fetch(&["api", "v1", "recovery"], &[]).await,
        }
    }

    /// Says whether flows may begin without a person there.
    ///
    /// # Errors
    ///
    /// As [`recovery`](Self::recovery).
    pub async fn set_recovery(
        &self,
        place: Option<(Kind, &Name)>,
        request: &RecoveryRequest,
    ) -> Result<Administration, Error> {
        match place {
            Some((kind, name)) => {
                self.say(&["api", "v1", kind.plural(), name.as_str(), "recovery"], request).await
            }
            None => self.say(&["api", "v1", "recovery"], request).await,
        }
    }

    /// Says that somebody works on a host, or no longer does.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn maintain(&self, host: &Name, request: &MaintenanceRequest) -> Result<Administration, Error> {
        self.say(&["api", "v1", Kind::Host.plural(), host.as_str(), "maintenance"], request).await
    }

    /// Reads the host's state now, in place of waiting for the next reading.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host, with 409 where it is not managed. A controller that does
    /// not answer is no error: the status tells of it.
    pub async fn refresh(&self, host: &Name) -> Result<HostStatus, Error> {
        self.act(host, "refresh", &serde_json::json!({})).await
    }

    /// The certificates that are pinned for a host's devices.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn pins(&self, host: &Name) -> Result<Vec<PinnedCertificate>, Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "pins"];
        Ok(self.fetch::<List<PinnedCertificate>>(&path, &[]).await?.items)
    }

    /// Forgets the certificates that are pinned for a host's devices, or for the one that `connector` leads to: what they
    /// show next is pinned. Returns those that are forgotten.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host, or no pin of this connector.
    pub async fn forget_pins(
        &self,
        host: &Name,
        connector: Option<&str>,
    ) -> Result<Vec<PinnedCertificate>, Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "pins"];
        let query: Vec<_> =
            connector.map(|connector| ("connector", connector.to_owned())).into_iter().collect();
        let reply = self.call(self.request(Method::DELETE, &path, &query)).await?;
        Ok(self.parse::<List<PinnedCertificate>>(reply).await?.items)
    }

    /// What there is to know about each setting.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn setting_definitions(&self) -> Result<Vec<SettingDefinition>, Error> {
        let list: List<SettingDefinition> =
            self.fetch(&["api", "v1", "settings", "definitions"], &[]).await?;
        Ok(list.items)
    }

    /// The settings by which a host is worked, and what sets each.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn settings_of(&self, host: &Name) -> Result<Vec<SettingInForce>, Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "settings"];
        Ok(self.fetch::<List<SettingInForce>>(&path, &[]).await?.items)
    }

    async fn say(&self, path: &[&str], request: &impl Serialize) -> Result<Administration, Error> {
        self.parse(self.call(self.request(Method::PUT, path, &[]).json(request)).await?).await
    }
}
