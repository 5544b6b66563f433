//! Calls about heartbeats.

use http::Method;
use http::header::CONTENT_TYPE;
use ironhand_api::{Heartbeat, HeartbeatKey, HeartbeatKeyRequest, HeartbeatStatus, Name};

use crate::{Client, Error};

impl Client {
    /// The time of the server, and how it stands with the heartbeats of a host.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn heartbeat_status(&self, host: &Name) -> Result<HeartbeatStatus, Error> {
        self.fetch(&["api", "v1", "hosts", host.as_str(), "heartbeat"], &[]).await
    }

    /// Sends a heartbeat: its body as it was signed, and the signature.
    ///
    /// # Errors
    ///
    /// A problem with status 403 where it is not signed under the key of the host, 409 where it is not a new one.
    pub async fn send_heartbeat(
        &self,
        host: &Name,
        body: Vec<u8>,
        signature: &str,
    ) -> Result<HeartbeatStatus, Error> {
        let request = self
            .request(Method::POST, &["api", "v1", "hosts", host.as_str(), "heartbeat"], &[])
            .header(CONTENT_TYPE, "application/json")
            .header(Heartbeat::SIGNATURE, signature)
            .body(body);
        self.parse(self.call(request).await?).await
    }

    /// The key of a host's heartbeats, issued where there is none, or replaced.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn heartbeat_key(
        &self,
        host: &Name,
        request: HeartbeatKeyRequest,
    ) -> Result<HeartbeatKey, Error> {
        let path = ["api", "v1", "hosts", host.as_str(), "heartbeat", "key"];
        self.parse(self.call(self.request(Method::POST, &path, &[]).json(&request)).await?).await
    }
}
