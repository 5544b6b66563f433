//! Calls about what hosts are made of, measure and have logged, their lights and their drives for images.

use http::Method;
use ironhand_api::{
    ActionReport, EventLog, HardwareReport, IdentifyRequest, InsertMediaRequest, Inventory, Kind, Name,
    Sensors, Timestamp, VirtualMedia,
};
use serde::de::DeserializeOwned;

use crate::{Client, Error};

/// Which entries of an event log are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The newest, so many at most; without it, all.
    pub newest: Option<usize>,
    /// Those that happened then or later, by the controller's clock, and those without a time.
    pub since: Option<Timestamp>,
}

impl Client {
    /// Reads the sensors of a host now.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host, 409 where it is not managed, 422 where no connector of
    /// it can do this; others say what the device did.
    pub async fn sensors(&self, host: &Name) -> Result<HardwareReport<Sensors>, Error> {
        self.read(host, "sensors", &[]).await
    }

    /// Reads what a host is made of.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn inventory(&self, host: &Name) -> Result<HardwareReport<Inventory>, Error> {
        self.read(host, "inventory", &[]).await
    }

    /// Reads the event log of a host's controller, the oldest entry first.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn event_log(
        &self,
        host: &Name,
        filter: &LogFilter,
    ) -> Result<HardwareReport<EventLog>, Error> {
        let newest = filter.newest.map(|newest| ("newest", newest.to_string()));
        let since = filter.since.map(|since| ("since", since.to_string()));
        let query: Vec<_> = newest.into_iter().chain(since).collect();
        self.read(host, "sel", &query).await
    }

    /// Clears the event log of a host's controller.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn clear_event_log(&self, host: &Name) -> Result<ActionReport, Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "sel"];
        self.parse(self.call(self.request(Method::DELETE, &path, &[])).await?).await
    }

    /// Switches the light by which a host is found in its rack.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn identify(&self, host: &Name, request: &IdentifyRequest) -> Result<ActionReport, Error> {
        self.act(host, "identify", request).await
    }

    /// Reads which drives of a host take images, and what is in them.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn media(&self, host: &Name) -> Result<HardwareReport<VirtualMedia>, Error> {
        self.read(host, "media", &[]).await
    }

    /// Has a host's controller present an image as a drive of the machine.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn insert_media(
        &self,
        host: &Name,
        request: &InsertMediaRequest,
    ) -> Result<ActionReport, Error> {
        self.act(host, "media", request).await
    }

    /// Takes the image out of a drive of a host, or out of all of them.
    ///
    /// # Errors
    ///
    /// As [`sensors`](Self::sensors).
    pub async fn eject_media(&self, host: &Name, drive: Option<&str>) -> Result<ActionReport, Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "media"];
        let query: Vec<_> = drive.map(|drive| ("drive", drive.to_owned())).into_iter().collect();
        self.parse(self.call(self.request(Method::DELETE, &path, &query)).await?).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        host: &Name,
        what: &str,
        query: &[(&str, String)],
    ) -> Result<HardwareReport<T>, Error> {
        self.fetch(&["api", "v1", Kind::Host.plural(), host.as_str(), what], query).await
    }
}
