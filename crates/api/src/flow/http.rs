//! Requests to other systems.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Name, Span, Tls};

/// The longest wait before a repetition, to which the waits double.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A request to another system over HTTP: what is sent, which answer is right, what is kept of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpStep {
    /// The method (RFC 9110 section 9), in capital letters; without it POST where there is a body, else GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Where it goes: `http://` or `https://`.
    pub url: TextOrSecret,
    /// Headers beside those that HTTP needs itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, TextOrSecret>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<HttpAuth>,
    /// What is sent: a text as it is, a mapping or list as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<HttpBody>,
    /// How the server proves who it is; by an authority that the system trusts where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Which answer is right.
    #[serde(default, skip_serializing_if = "HttpExpect::is_default")]
    pub expect: HttpExpect,
    /// What later steps can use: a name, and where it stands in the JSON of the answer (RFC 6901).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capture: BTreeMap<String, String>,
    /// How often it is tried again where that may help; 0 to 10.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,
    /// The wait before it is tried again; doubles up to a minute.
    #[serde(default = "HttpStep::default_back_off")]
    pub back_off: Span,
    /// How long each attempt may take.
    #[serde(default = "HttpStep::default_timeout")]
    pub timeout: Span,
    /// Whether doing it twice is doing it once; as the method says where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
}

impl HttpStep {
    /// The wait before the first repetition where the flow does not say.
    pub const DEFAULT_BACK_OFF: Span = Span::from_secs(1);

    /// How long an attempt may take where the flow does not say.
    pub const DEFAULT_TIMEOUT: Span = Span::from_secs(30);

    const fn default_back_off() -> Span {
        Self::DEFAULT_BACK_OFF
    }

    const fn default_timeout() -> Span {
        Self::DEFAULT_TIMEOUT
    }

    /// The method.
    pub fn method(&self) -> &str {
        let unsaid = if self.body.is_some() { "POST" } else { "GET" };
        self.method.as_deref().unwrap_or(unsaid)
    }

    /// Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        let by_method = matches!(self.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
        self.idempotent.unwrap_or(by_method)
    }

    /// The wait before a repetition, of which the first is 1.
    pub fn wait_before(&self, repetition: u32) -> Duration {
        let doubled = 2u32.saturating_pow(repetition.saturating_sub(1));
        self.back_off.duration().saturating_mul(doubled).min(LONGEST_WAIT)
    }

    /// How long all attempts with the waits between them may take.
    pub fn longest(&self) -> Duration {
        let waits: Duration = (1..=self.retries).map(|repetition| self.wait_before(repetition)).sum();
        self.timeout.duration().saturating_mul(self.retries + 1).saturating_add(waits)
    }
}

impl fmt::Display for HttpStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send {} {}", self.method(), self.url)
    }
}

/// A text that is sent: as it stands, or out of a Credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextOrSecret {
    /// As it stands.
    Plain(String),
    /// The password of a Credential, which is shown nowhere.
    Secret(SecretText),
}

impl fmt::Display for TextOrSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Secret(secret) => write!(f, "{}<secret {}>", secret.prefix, secret.secret),
        }
    }
}

/// The password of a Credential, as a text that is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretText {
    /// The Credential.
    pub secret: Name,
    /// What stands in front of it, like `Token `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// Who asks: a Credential, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HttpAuth {
    /// User name and password (RFC 7617).
    Basic(Name),
    /// The password as a token (RFC 6750).
    Bearer(Name),
    /// The password as a key of three parts, `CONSUMER:TOKEN:SECRET`, as MAAS gives it out: OAuth 1.0, signed by
    /// PLAINTEXT (RFC 5849 section 3.4.4).
    Oauth(Name),
}

impl HttpAuth {
    /// The Credential.
    pub const fn credential(&self) -> &Name {
        match self {
            Self::Basic(name) | Self::Bearer(name) | Self::Oauth(name) => name,
        }
    }
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HttpBody {
    /// A text, as it is.
    Text(String),
    /// Anything else, as JSON. A mapping `{ secret: NAME }` in it stands for the password of that Credential.
    Json(serde_json::Value),
}

/// Which answer is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpExpect {
    /// One of these; 2xx where absent.
    pub status: Vec<HttpStatus>,
    /// What stands in the JSON of the answer, by place (RFC 6901).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, JsonExpect>,
}

impl HttpExpect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for HttpExpect {
    fn default() -> Self {
        Self { status: vec![HttpStatus { first: 200, last: 299 }], json: BTreeMap::new() }
    }
}

/// A status, or all that begin with the same digit: `204`, `2xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "StatusForm")]
#[schemars(with = "StatusForm")]
pub struct HttpStatus {
    first: u16,
    last: u16,
}

/// The written forms of an [`HttpStatus`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum StatusForm {
    One(u16),
    Text(String),
}

impl HttpStatus {
    /// Whether a status is meant.
    pub const fn includes(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }

    /// Reads `204` or `2xx`; none where it is neither.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Some(digit) = text.strip_suffix("xx") {
            let digit: u16 = digit.parse().ok().filter(|digit| (1..=5).contains(digit))?;
            return Some(Self { first: digit * 100, last: digit * 100 + 99 });
        }
        let status: u16 = text.parse().ok().filter(|status| (100..=599).contains(status))?;
        Some(Self { first: status, last: status })
    }
}

impl fmt::Display for HttpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}xx", self.first / 100)
        }
    }
}

impl From<HttpStatus> for String {
    fn from(status: HttpStatus) -> Self {
        status.to_string()
    }
}

impl TryFrom<StatusForm> for HttpStatus {
    type Error = String;

    fn try_from(written: StatusForm) -> Result<Self, String> {
        let text = match written {
            StatusForm::One(status) => status.to_string(),
            StatusForm::Text(text) => text,
        };
        Self::read(&text).ok_or_else(|| format!("`{text}` is not a status: write it like 204 or 2xx"))
    }
}

/// What must stand at a place in the JSON of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JsonExpect {
    /// A text that the regular expression matches; numbers, true and false as they are written.
    Matches {
        /// The regular expression.
        matches: String,
    },
    /// This value.
    Equals(serde_json::Value),
}
