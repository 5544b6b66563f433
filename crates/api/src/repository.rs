//! Git repositories of manifests that the server follows.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{API_VERSION, Kind, Metadata, Name, Secret, Span, Timestamp};

/// A Git repository whose manifests the server applies, commit by commit.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// Name and labels.
    pub metadata: Metadata,
    /// Where it is, and what is taken from it.
    pub spec: RepositorySpec,
    /// Which commit is in force. Set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RepositoryStatus>,
}

/// Where a repository is, and what is taken from it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositorySpec {
    /// Where it is fetched from: `https://`, `ssh://`, `user@host:path`, or `file://` where the server allows that.
    pub url: String,
    /// The branch that is followed.
    #[serde(default = "RepositorySpec::main")]
    pub branch: String,
    /// The folder in it whose manifests are applied; all of it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How often it is looked at; from 5s to 24h.
    #[serde(default = "RepositorySpec::often")]
    pub interval: Span,
    /// The Credential that it is fetched with: user name and password, or token, for HTTPS; for SSH its password is a
    /// private key in OpenSSH's format without a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Name>,
    /// The keys that the SSH server may have: lines of a `known_hosts` file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_hosts: Vec<String>,
    /// The certificates, in PEM, that the HTTPS server's must come from; those of the system where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// Whose signature a commit must carry to be applied; none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<CommitSigners>,
    /// Whether what was applied from the repository is deleted when it is gone from there.
    #[serde(default)]
    pub prune: bool,
    /// What is done where somebody changed or deleted by hand what stands in the repository.
    #[serde(default)]
    pub on_drift: OnDrift,
    /// Whether the repository may hold the Settings.
    #[serde(default)]
    pub allow_settings: bool,
    /// Requests that make the server look at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<RepositoryWebhook>,
}

/// Whose signatures count. One of them is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitSigners {
    /// SSH keys: lines of an `allowed_signers` file, like `ops@example.com ssh-ed25519 AAAA...`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// OpenPGP public keys, ASCII-armored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openpgp: Vec<String>,
}

/// What is done where what stands on the server is not what the commit in force says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnDrift {
    /// It is shown and told.
    #[default]
    Show,
    /// It is made again as the commit says.
    Restore,
}

/// Requests to `/api/v1/repositories/NAME/webhook`, as GitHub, GitLab, Gitea and Forgejo send them.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryWebhook {
    /// The secret under which they are signed (HMAC-SHA-256), or which they carry as GitLab's token.
    pub secret: Secret,
}

impl Repository {
    /// The repository as the body of a request to the server, with its plain secret in it.
    ///
    /// Only for a connection that nobody else can read: the local socket, loopback or TLS.
    pub fn to_transport(&self) -> Value {
        let Self { metadata, spec, .. } = self;
        let RepositorySpec { url, branch, path, interval, credential, known_hosts, ca_certificate, .. } =
            spec;
        let RepositorySpec { signed_by, prune, on_drift, allow_settings, webhook, .. } = spec;
        let known_hosts = (!known_hosts.is_empty()).then_some(known_hosts);
        let webhook = webhook.as_ref().map(|webhook| json!({ "secret": webhook.secret.to_transport() }));
        let spec = json!({
            "url": url, "branch": branch, "path": path, "interval": interval, "credential": credential,
            "knownHosts": known_hosts, "caCertificate": ca_certificate, "signedBy": signed_by, "prune": prune,
            "onDrift": on_drift, "allowSettings": allow_settings, "webhook": webhook,
        });
        json!({ "apiVersion": API_VERSION, "kind": Kind::Repository, "metadata": metadata, "spec": spec })
    }
}

impl RepositorySpec {
    pub(crate) fn main() -> String {
        "main".to_owned()
    }

    pub(crate) fn often() -> Span {
        Duration::from_secs(180).into()
    }
}

/// How far the server has followed a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// When it was looked at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// The number of the last request to look at once that this answers.
    #[serde(default)]
    pub answered: u64,
    /// Why it could not be looked at; absent while it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Since when it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// The commit that was applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<CommitInForce>,
    /// The newest commit, where it was not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedCommit>,
    /// What stands on the server in another way than the commit in force says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The first line of its message.
    pub title: String,
    /// Who wrote it, as it says.
    pub author: String,
    /// When it was made, as it says.
    pub at: Timestamp,
}

impl Commit {
    /// The hash as people write it.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\" by {}", self.short(), self.title, self.author)
    }
}

/// The commit that was applied last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitInForce {
    /// The commit.
    #[serde(flatten)]
    pub commit: Commit,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// How many resources it describes.
    pub resources: u32,
    /// The version of the Repository under which it was applied.
    pub repository_version: u64,
}

/// A commit that was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedCommit {
    /// The commit.
    #[serde(flatten)]
    pub commit: Commit,
    /// When it was refused first.
    pub refused_at: Timestamp,
    /// Why, each fault with its file and line where it has one.
    pub faults: Vec<String>,
}

/// A resource that is not what the commit in force says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The kind.
    pub kind: Kind,
    /// The name.
    pub name: Name,
    /// What became of it.
    pub change: DriftChange,
}

/// What became of a resource behind the back of its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftChange {
    /// It says something else.
    Changed,
    /// It is gone.
    Deleted,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            DriftChange::Changed => "changed",
            DriftChange::Deleted => "deleted",
        };
        write!(f, "{}/{} {change}", self.kind.to_string().to_lowercase(), self.name)
    }
}

/// The answer to a request to look at a repository at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncTicket {
    /// The number of the request: it is answered when [`RepositoryStatus::answered`] is as much or more.
    pub ticket: u64,
}
