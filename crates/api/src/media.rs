//! Media of the server: images and files that machines boot from.

use serde::{Deserialize, Serialize};

use crate::{Name, Timestamp};

/// A medium: an ISO image whose files are served out of it, a single file, or loaders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Always `ironhand/v1`.
    pub api_version: String,
    /// Always `Media`.
    pub kind: String,
    /// What it is called.
    pub metadata: MediaMetadata,
    /// Where it is from.
    pub spec: MediaSpec,
    /// What is known of it.
    pub status: MediaStatus,
}

/// What a medium is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaMetadata {
    /// Its name, which stands in the paths of its files: `media/NAME/...`.
    pub name: Name,
}

/// Where a medium is from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaSpec {
    /// The name of the file, or the URL, that it was added from.
    pub source: String,
    /// The file that is served where it lies, for a medium that was linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The SHA-256 digest that was asked for, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What is known of a medium.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaStatus {
    /// How far it is.
    pub state: MediaState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it is stored as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<MediaForm>,
    /// Its length, in bytes; while it is added, what is expected, 0 where that is not known.
    pub size: u64,
    /// The bytes that have arrived, while it is added.
    pub received: u64,
    /// The SHA-256 digest of what was stored, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<Timestamp>,
    /// How many files it has.
    pub files: u64,
    /// The label of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The family of media that it is of, like `debian`, `redhat`, `windows`; absent where its layout is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The name that it gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its architecture, as Debian calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The path of the kernel, or of what is loaded in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The paths of what is loaded with the kernel, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub initrd: Vec<String>,
    /// The path of what the installer fetches when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_stage: Option<String>,
    /// The loaders, the first of which firmware starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loaders: Vec<MediaLoader>,
    /// What somebody has to know who boots it over a network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How far a medium is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaState {
    /// Its bytes are arriving or being checked.
    #[default]
    Adding,
    /// It is served.
    Ready,
    /// It could not be added, or can no longer be read; the detail says why.
    Failed,
}

impl MediaState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// What a medium is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaForm {
    /// An ISO image, whose files are served out of it.
    Image,
    /// One file, which is served as it is.
    File,
    /// Loaders, each a file by itself.
    Loaders,
}

/// A loader: a program that firmware starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaLoader {
    /// Its path in the medium.
    pub path: String,
    /// Its length, in bytes.
    pub size: u64,
    /// Its SHA-256 digest, in hexadecimal digits; absent for loaders within an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The machine that it runs on, as UEFI spells it in the names of loaders: `x64`, `aa64`, `ia32`, `riscv64`, or `bios`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Whether it carries an Authenticode signature, without which no firmware starts it under Secure Boot. Whose the
    /// signature is, and whether it is right, is judged by the firmware.
    #[serde(default)]
    pub signed: bool,
}

/// Asks the server to get a medium by itself; exactly one of the two is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MediaRequest {
    /// An `http` or `https` URL to fetch it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The absolute path of a file on the server that is served where it lies. Taken over the local socket alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The SHA-256 digest that it must have, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A file or folder in a medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaEntry {
    /// Its path in the medium.
    pub path: String,
    /// What it is: `file`, `folder`, `link` or `other`.
    pub node: String,
    /// Its length, in bytes, for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}
