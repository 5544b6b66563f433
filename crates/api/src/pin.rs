//! Certificates that devices showed first.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The certificate that a device of a host showed first, and must show from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedCertificate {
    /// The device, by the name of its connector, like `redfish 10.0.7.12`.
    pub connector: String,
    /// The SHA-256 digest of the certificate in its DER form, in hexadecimal digits.
    pub sha256: String,
    /// When it was pinned.
    pub pinned_at: Timestamp,
}
