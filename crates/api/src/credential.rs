//! Names and passwords for management controllers.

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{API_VERSION, Kind, Metadata};

/// A user name and password, referred to by name from hosts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Name and labels.
    pub metadata: Metadata,
    /// What the credential is.
    pub spec: CredentialSpec,
}

/// What a credential is.
///
/// There is no `Debug`: a password must not reach a log by a careless `{:?}`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialSpec {
    /// The user name; at most 16 bytes where IPMI uses it (IPMI 2.0 section 22.28).
    pub username: String,
    /// Where the password comes from.
    pub password: Secret,
}

/// Where a secret value comes from.
///
/// `fromFile` and `fromEnv` are read by the program that applies the manifest, never by the server: a server that
/// opened paths named by its callers would hand its own files to whoever may write manifests.
#[derive(Clone, JsonSchema)]
#[schemars(with = "SecretForm")]
pub enum Secret {
    /// The content of a file, without one trailing line break.
    FromFile(String),
    /// The value of an environment variable.
    FromEnv(String),
    /// Encrypted under the server's key: what the server shows of a secret that it keeps.
    Sealed(String),
    /// The value itself. Accepted with a warning, and never written out again.
    Plain(SecretString),
}

/// The written forms of a [`Secret`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum SecretForm {
    Plain(String),
    Reference(SecretReference),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SecretReference {
    FromFile(String),
    FromEnv(String),
    Sealed(String),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match SecretForm::deserialize(deserializer)? {
            SecretForm::Plain(value) => Self::Plain(value.into()),
            SecretForm::Reference(SecretReference::FromFile(path)) => Self::FromFile(path),
            SecretForm::Reference(SecretReference::FromEnv(name)) => Self::FromEnv(name),
            SecretForm::Reference(SecretReference::Sealed(text)) => Self::Sealed(text),
        })
    }
}

impl Serialize for Secret {
    /// Writes references and sealed values. A plain value is refused, so that no reply, log or export can hold one;
    /// the one way to send it is [`Credential::to_transport`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reference = match self {
            Self::FromFile(path) => SecretReference::FromFile(path.clone()),
            Self::FromEnv(name) => SecretReference::FromEnv(name.clone()),
            Self::Sealed(text) => SecretReference::Sealed(text.clone()),
            Self::Plain(_) => return Err(serde::ser::Error::custom("a plain secret is never written out")),
        };
        reference.serialize(serializer)
    }
}

impl Secret {
    /// The secret as requests to the server carry it: a plain one in plain.
    pub(crate) fn to_transport(&self) -> serde_json::Value {
        match self {
            Self::Plain(value) => serde_json::Value::from(value.expose_secret()),
            Self::FromFile(path) => serde_json::json!({ "fromFile": path }),
            Self::FromEnv(name) => serde_json::json!({ "fromEnv": name }),
            Self::Sealed(text) => serde_json::json!({ "sealed": text }),
        }
    }
}

impl Credential {
    /// The credential as the body of a request to the server, with the plain password in it.
    ///
    /// Only for a connection that nobody else can read: the local socket, loopback or TLS.
    pub fn to_transport(&self) -> serde_json::Value {
        serde_json::json!({
            "apiVersion": API_VERSION,
            "kind": Kind::Credential,
            "metadata": self.metadata,
            "spec": { "username": self.spec.username, "password": self.spec.password.to_transport() },
        })
    }
}
