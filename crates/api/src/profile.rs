//! Profiles: how machines are booted or installed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BootArchitecture, Metadata, Name};

/// How machines are booted or installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of it.
    pub spec: ProfileSpec,
}

/// What people say of a profile. Exactly one of `kernel`, `script` and `chain` says what is booted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileSpec {
    /// The media, by the name that `ironhand media add` gave it, that paths below lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Name>,
    /// The kernel: a path in the media, or an `http://` or `https://` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// What the kernel unpacks into memory, in this order: paths in the media, or URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initrds: Vec<String>,
    /// The command line of the kernel, which may hold templates like `{{ files['preseed.cfg'] }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_line: Option<String>,
    /// An iPXE script, without its first line `#!ipxe`, which may hold templates. Whoever writes it answers for its end: what
    /// it does when a fetch fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Another boot program that is started: a path in the media, or a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The loader that machines get; what their network says where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader: Option<LoaderPreference>,
    /// The shim of the media's own distribution, by its path in the media, where `loader` is `secure`: its GRUB lies beside it.
    /// A shim starts the kernels of its own distribution alone. The server's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shim: Option<String>,
    /// The machines that it is for; all where absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<BootArchitecture>,
    /// Files that the machine reads once it runs: answers to an installer, configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AnswerFile>,
}

/// What a profile boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileBoot<'p> {
    /// A kernel.
    Kernel {
        /// The kernel.
        kernel: &'p str,
        /// What it unpacks.
        initrds: &'p [String],
        /// Its command line, with its templates.
        command_line: &'p str,
    },
    /// An iPXE script, with its templates.
    Script(&'p str),
    /// Another boot program.
    Chain(&'p str),
}

impl ProfileSpec {
    /// What it boots; none where it boots nothing, which manifests cannot say.
    pub fn boot(&self) -> Option<ProfileBoot<'_>> {
        let command_line = self.command_line.as_deref().unwrap_or_default();
        let kernel = self.kernel.as_deref();
        let kernel =
            kernel.map(|kernel| ProfileBoot::Kernel { kernel, initrds: &self.initrds, command_line });
        kernel
            .or(self.script.as_deref().map(ProfileBoot::Script))
            .or(self.chain.as_deref().map(ProfileBoot::Chain))
    }

    /// Whether it is for machines of an architecture.
    pub fn suits(&self, architecture: BootArchitecture) -> bool {
        self.architectures.is_empty() || self.architectures.contains(&architecture)
    }

    /// The file of a name.
    pub fn file(&self, name: &str) -> Option<&AnswerFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Whether a path of a profile is a URL, and so not of its media.
    pub fn is_url(path: &str) -> bool {
        ["http://", "https://"].iter().any(|scheme| path.starts_with(scheme))
    }
}

/// A file that machines read once they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerFile {
    /// Its name, which its URL ends in: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What stands in it; a template.
    pub content: String,
    /// The media type it is served with; `text/plain; charset=utf-8` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Which loader a machine is given first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum LoaderPreference {
    /// iPXE.
    #[default]
    Ipxe,
    /// GRUB.
    Grub,
    /// A distribution's shim and its signed GRUB, for machines with Secure Boot.
    Secure,
}

impl LoaderPreference {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipxe => "ipxe",
            Self::Grub => "grub",
            Self::Secure => "secure",
        }
    }
}
