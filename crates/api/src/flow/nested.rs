//! Steps that hold other steps.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Flow, Step};
use crate::{Condition, Name, Span};

/// Goes on with the steps of the first branch whose condition is seen to be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choose {
    /// The branches, the first to be tried first.
    #[schemars(length(min = 1))]
    pub branches: Vec<Branch>,
    /// What to do where none was true within the time; without it, the step has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Vec<Step>>,
    /// For how long a branch is waited for.
    #[serde(default = "Choose::default_timeout")]
    pub timeout: Span,
}

impl Choose {
    /// For how long a branch is waited for where the flow does not say: a few readings of the screen.
    pub const DEFAULT_TIMEOUT: Span = Span::from_secs(30);

    const fn default_timeout() -> Span {
        Self::DEFAULT_TIMEOUT
    }
}

/// One branch of a [`Choose`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Branch {
    /// When it is taken.
    pub when: Condition,
    /// What is done then.
    #[serde(rename = "do")]
    pub steps: Vec<Step>,
}

/// Does steps again and again until something is seen to be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repeat {
    /// What is done in each round.
    #[serde(rename = "do")]
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// What must be seen after a round for the step to be done.
    pub until: Condition,
    /// How many rounds at most; 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub times: u32,
    /// How long all rounds together may take.
    pub timeout: Span,
}

/// The steps of another flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Call {
    /// By its name, as manifests say it.
    Named(Name),
    /// With its steps as they were when the run began.
    #[schemars(skip)]
    Linked {
        /// Its name.
        flow: Name,
        /// Its steps.
        steps: Vec<Step>,
    },
}

impl Call {
    /// The flow that is called.
    pub const fn flow(&self) -> &Name {
        match self {
            Self::Named(flow) | Self::Linked { flow, .. } => flow,
        }
    }

    /// Its steps; none before they were looked up.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Named(_) => &[],
            Self::Linked { steps, .. } => steps,
        }
    }
}

/// Goes on when a person agrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approve {
    /// What the person is asked.
    #[schemars(length(min = 1, max = 500))]
    pub ask: String,
    /// How long the run waits for it.
    pub timeout: Span,
}

impl fmt::Display for Approve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ask a person: {}, within {}", self.ask, self.timeout)
    }
}

impl fmt::Display for Choose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branches: Vec<String> = self.branches.iter().map(|branch| branch.when.to_string()).collect();
        write!(f, "choose by {}, within {}", branches.join("; or "), self.timeout)
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repeat until {}, at most {} times within {}", self.until, self.times, self.timeout)
    }
}

impl Flow {
    /// The flows that it calls.
    pub fn called(&self) -> BTreeSet<&Name> {
        let mut called = BTreeSet::new();
        Step::walk(&self.spec.steps, "", &mut |_, step| {
            if let Step::Call(call) = step {
                called.insert(call.flow());
            }
        });
        called
    }

    /// The notifiers that it tells.
    pub fn tells(&self) -> BTreeSet<&Name> {
        let mut told = BTreeSet::new();
        for steps in [&self.spec.steps, &self.spec.on_failure] {
            Step::walk(steps, "", &mut |_, step| {
                if let Step::Notify(notify) = step {
                    told.insert(notify.to());
                }
            });
        }
        told
    }

    /// The profiles that it deploys.
    pub fn deploys(&self) -> BTreeSet<&Name> {
        let mut deployed = BTreeSet::new();
        Step::walk(&self.spec.steps, "", &mut |_, step| {
            if let Step::Deploy(deploy) = step {
                deployed.insert(&deploy.profile);
            }
        });
        deployed
    }

    /// Whether it calls any.
    pub fn calls(&self) -> bool {
        !self.called().is_empty()
    }
}

impl Step {
    /// The lists of steps directly below, each with its place, like `choose.branches[0].do`.
    pub fn lists(&self) -> Vec<(String, &[Self])> {
        match self {
            Self::Choose(choose) => {
                let branches = choose.branches.iter().enumerate();
                let mut lists: Vec<(String, &[Self])> = branches
                    .map(|(index, branch)| (format!("choose.branches[{index}].do"), branch.steps.as_slice()))
                    .collect();
                lists.extend(choose.otherwise.as_deref().map(|steps| ("choose.otherwise".to_owned(), steps)));
                lists
            }
            Self::Repeat(repeat) => vec![("repeat.do".to_owned(), repeat.steps.as_slice())],
            Self::Call(call) => vec![("call.steps".to_owned(), call.steps())],
            _ => Vec::new(),
        }
    }

    /// Calls `visit` with each of `steps` and those below, and the place of each below `at`.
    pub fn walk<'s>(steps: &'s [Self], at: &str, visit: &mut dyn FnMut(&str, &'s Self)) {
        for (index, step) in steps.iter().enumerate() {
            let place = format!("{at}[{index}]");
            visit(&place, step);
            for (name, list) in step.lists() {
                Self::walk(list, &format!("{place}.{name}"), visit);
            }
        }
    }

    /// The conditions of this step alone, each with its place.
    pub fn conditions(&self) -> Vec<(String, &Condition)> {
        match self {
            Self::WaitFor(wait) => vec![("waitFor".to_owned(), &wait.condition)],
            Self::Choose(choose) => {
                let branches = choose.branches.iter().enumerate();
                branches
                    .map(|(index, branch)| (format!("choose.branches[{index}].when"), &branch.when))
                    .collect()
            }
            Self::Repeat(repeat) => vec![("repeat.until".to_owned(), &repeat.until)],
            _ => Vec::new(),
        }
    }

    /// The step without the steps below it, as records keep it.
    #[must_use]
    pub fn without_inner(&self) -> Self {
        match self {
            Self::Choose(choose) => Self::Choose(Choose {
                branches: choose
                    .branches
                    .iter()
                    .map(|branch| Branch { when: branch.when.clone(), steps: Vec::new() })
                    .collect(),
                otherwise: choose.otherwise.as_ref().map(|_| Vec::new()),
                timeout: choose.timeout,
            }),
            Self::Repeat(repeat) => Self::Repeat(Repeat { steps: Vec::new(), ..repeat.clone() }),
            Self::Call(call) => Self::Call(Call::Named(call.flow().clone())),
            other => other.clone(),
        }
    }
}
