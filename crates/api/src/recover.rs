//! Flows that a person has run by hand.

use serde::{Deserialize, Serialize};

use crate::Name;

/// The body of `POST /api/v1/hosts/{name}/recover`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecoverRequest {
    /// The person who asks.
    pub by: String,
    /// Why, for those who wonder later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The flow; where absent, the one that applies to what the screen shows now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Name>,
    /// Run the flow even where its `when` does not hold.
    #[serde(default)]
    pub force: bool,
    /// Do nothing, and answer what would be done: a [`RecoverPlan`] in place of a [`Run`](crate::Run).
    #[serde(default)]
    pub dry_run: bool,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoverPlan {
    /// The host.
    pub host: Name,
    /// The flow.
    pub flow: Name,
    /// Whether its `when` holds now; else it would be forced.
    pub applies: bool,
    /// Why it applies, or does not.
    pub reason: String,
    /// The steps, those within others below them.
    pub steps: Vec<PlannedStep>,
    /// How it would know that the host is well again.
    pub verify: String,
}

/// One step of a [`RecoverPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Its place in the flow, as people count, like `2.1`.
    pub place: String,
    /// What would be done, with the exact keys.
    pub does: String,
    /// Where it is done only if something is seen: what. Absent where it is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_where: Option<String>,
    /// What is known of it now: which branch would be taken, or what would keep it from beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
