//! What is deployed to the host, and how far that came.

use std::time::Duration;

use ironhand_api::{Deployment, DeploymentPhase, Name, PowerState, Span, Timestamp};

use super::{HostFacts, Illness, in_words};
use crate::condition::deployed;

/// What is deployed to a host: its record is kept here, so that it is always known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentSeen {
    /// The name of the Deployment.
    pub name: Name,
    /// The version of its record, which grows with what is said of it.
    pub version: u64,
    /// What the host boots.
    pub profile: Name,
    /// How far it came.
    pub phase: DeploymentPhase,
    /// Since when it stands there.
    pub since: Timestamp,
    /// How long it may take until the host has booted.
    pub deadline: Option<Span>,
    /// For what it is asked.
    pub request: Option<String>,
    /// Why it was stopped.
    pub reason: Option<String>,
}

impl From<&Deployment> for DeploymentSeen {
    fn from(deployment: &Deployment) -> Self {
        let status = deployment.status.clone().unwrap_or_default();
        let spec = &deployment.spec;
        Self {
            name: deployment.metadata.name.clone(),
            version: deployment.metadata.resource_version.unwrap_or_default(),
            profile: spec.profile.clone(),
            phase: status.phase,
            since: status.since,
            deadline: spec.deadline,
            request: spec.request.clone(),
            reason: status.reason,
        }
    }
}

impl DeploymentSeen {
    /// When it is past its deadline, unless it comes further: a machine that never asks and one that hangs in the middle of
    /// what it fetches both stay in their phase. None without a deadline, and once the host has booted.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        match self.phase {
            DeploymentPhase::Waiting | DeploymentPhase::Booting => {
                Some(self.since.after(self.deadline?.duration()))
            }
            // It will not come further by itself.
            DeploymentPhase::Stopped => self.deadline.map(|_| self.since),
            DeploymentPhase::Booted => None,
        }
    }

    /// For how long it has been in its phase.
    pub fn lasted(&self, now: Timestamp) -> Duration {
        now.since(self.since)
    }
}

impl HostFacts {
    /// Takes in what is deployed to the host. It is not kept with the facts: its own record is. What was looked up before the
    /// last change that is known here is nothing new.
    pub fn know_deployment(&mut self, deployment: Option<DeploymentSeen>) {
        if let (Some(Some(known)), Some(seen)) = (&self.deployment, &deployment)
            && seen.version < known.version
        {
            return;
        }
        self.deployment = Some(deployment);
    }

    /// What is deployed to the host; none where that was not looked up yet.
    pub fn deployment(&self) -> Option<Option<&DeploymentSeen>> {
        self.deployment.as_ref().map(Option::as_ref)
    }

    /// Whether its deployment makes the host unwell. A host without power is not: somebody has to start it first, and what
    /// waits for that is told by the deployment itself.
    pub(super) fn deployment_illness(&self, now: Timestamp, settled: Option<Timestamp>) -> Illness {
        if matches!(self.power(), PowerState::Off | PowerState::TurningOff | PowerState::TurningOn) {
            return Illness::None;
        }
        let Some(Some(deployment)) = self.deployment() else { return Illness::None };
        let Some(at) = deployment.overdue_at() else { return Illness::None };
        // What a person has looked at since is no news.
        if settled.is_some_and(|settled| settled >= at) {
            return Illness::None;
        }
        if now < at {
            return Illness::From(at, "a deployment is under way");
        }
        let DeploymentSeen { name, profile, phase, reason, .. } = deployment;
        let lasts = in_words(deployment.lasted(now));
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Illness::Now(format!(
            "Deployment {name} of Profile {profile} is past its deadline: {phase} for {lasts}{reason}"
        ))
    }

    /// Whether its checks pass, or, of a host without any, its deployment has booted; and no deployment is past its deadline.
    pub(crate) fn proves_well(&self) -> bool {
        let deployed = deployed(self).ok().flatten();
        if deployed.is_some_and(|deployed| deployed.overdue) {
            return false;
        }
        let has_booted = deployed.is_some_and(|deployed| deployed.phase == DeploymentPhase::Booted);
        self.checks_pass() || self.checks.is_empty() && has_booted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_772_331_247_120);

    fn at(secs: u64) -> Timestamp {
        START.after(Duration::from_secs(secs))
    }

    #[test]
    fn a_deployment_makes_a_host_unwell_past_its_deadline_alone() {
        let check = |phase, deadline: Option<u64>, now, settled: Option<u64>, expected: &str| {
            let mut facts = HostFacts::new();
            let seen = DeploymentSeen {
                name: "n7".parse().unwrap(),
                version: 1,
                profile: "debian".parse().unwrap(),
                phase,
                since: at(100),
                deadline: deadline.map(Span::from_secs),
                request: None,
                reason: None,
            };
            facts.know_deployment(Some(seen));
            let illness = facts.illness(at(now), settled.map(at), Duration::ZERO);
            let told = match illness {
                Illness::None => String::new(),
                Illness::From(due, _) => format!("from {}", due.since(START).as_secs()),
                Illness::Now(cause) => cause,
            };
            assert_eq!(told, expected, "{phase} {deadline:?} at {now}");
        };
        let (waiting, booting, booted, stopped) = (
            DeploymentPhase::Waiting,
            DeploymentPhase::Booting,
            DeploymentPhase::Booted,
            DeploymentPhase::Stopped,
        );
        let late = "Deployment n7 of Profile debian is past its deadline: ";
        check(waiting, None, 1000, None, "");
        check(waiting, Some(60), 110, None, "from 160");
        check(waiting, Some(60), 160, None, &format!("{late}waiting for 1m"));
        check(booting, Some(60), 200, None, &format!("{late}booting for 1m40s"));
        check(booting, Some(60), 200, Some(170), "");
        check(booted, Some(60), 900, None, "");
        check(stopped, Some(60), 101, None, &format!("{late}stopped for 1s"));
        check(stopped, None, 101, None, "");
    }
}
