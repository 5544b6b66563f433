//! Executions of flows, and the evidence that they keep.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Name, Step, Timestamp};

/// The SHA-256 of a picture's pixels in lower-case hexadecimal: the name under which the picture is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PictureDigest(pub String);

/// One execution of a flow on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Rises with each run.
    pub id: u64,
    /// The host.
    pub host: Name,
    /// The incident that the run works on.
    pub incident: u64,
    /// The flow.
    pub flow: Name,
    /// Which try of the incident this is, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there, in words.
    pub reason: String,
    /// Who asked for it; absent where Ironhand began it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What on the screen made the flow apply; of a run that a person forced, what the screen showed.
    pub matched: MatchEvidence,
    /// What was done, in order.
    pub steps: Vec<StepRecord>,
    /// What on the screen proved that it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<MatchEvidence>,
}

/// A person who asked for a run, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The person.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /api/v1/runs/{id}/approve` and `POST /api/v1/runs/{id}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRequest {
    /// The person who says so.
    pub by: String,
    /// Why, for those who wonder later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a [`Run`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A step is being done, or the proof awaited.
    Running,
    /// The host was proven well.
    Succeeded,
    /// A step failed, or the proof did not come in time.
    Failed,
    /// A person stopped it.
    Cancelled,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

/// What on a screen made a pattern match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchEvidence {
    /// The text that matched.
    pub text: String,
    /// Its row, from 0.
    pub row: u32,
    /// Its column, from 0.
    pub column: u32,
    /// The least confidence of its characters, 0 to 1.
    pub confidence: f32,
    /// The whole text of the screen.
    pub screen_text: String,
    /// When the screen was read.
    pub read_at: Timestamp,
    /// The picture that was read; kept as long as the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureDigest>,
    /// What the named groups of the pattern matched, like `disk` of `(?<disk>sd[a-z])`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, String>,
    /// What was found of each part of the condition, where it was one with several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What was found of one part of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its place in the condition, like `any[1].screen`.
    pub place: String,
    /// Whether it was so.
    pub truth: Truth,
    /// What was seen, in words.
    pub why: String,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        })
    }
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// The step as the flow has it, without the steps within it, which are records of their own.
    pub step: Step,
    /// Its place in the flow, as people count: `2`, or `2.1 round 3` within what is repeated; empty where an earlier
    /// release did it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// When its intent was made durable, just before it was done.
    pub started_at: Timestamp,
    /// When its outcome was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it went; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<StepOutcome>,
    /// Each connector that was tried for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ActionReceipt>,
    /// What it captured for the templates of later steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captured: BTreeMap<String, String>,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result", content = "detail")]
pub enum StepOutcome {
    /// Done, and where it can be read back, seen to be true.
    Done(String),
    /// Not done, or not seen to be true in time.
    Failed(String),
    /// The server stopped while it ran, or a reply was lost: it may or may not have been done.
    Unknown(String),
}

/// One connector's attempt at an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionReceipt {
    /// The connector, like `ipmi 10.0.7.12`.
    pub connector: String,
    /// How long it took.
    #[serde(with = "millis", rename = "tookMs")]
    pub took: Duration,
    /// The failure; absent where it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A length of time as a whole number of milliseconds, as programs want it.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// Whether a flow applies to a screen, and why or why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The flow.
    pub flow: Name,
    /// Whether it applies.
    pub applies: bool,
    /// Why, in words: what matched where, or what was missing.
    pub reason: String,
    /// What matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<MatchEvidence>,
    /// What was found of each part of its `when`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}
