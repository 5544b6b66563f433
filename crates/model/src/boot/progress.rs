//! How far a deployment comes: booted once, or stopped where it never gets anywhere.

use ironhand_api::{Deployment, DeploymentPhase, DeploymentStatus, Profile, Timestamp};

use super::decide::{MOST_TRIES, is_seen_booting};

/// What a machine with a deployment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootProgress {
    /// It was given the script that boots the profile.
    Script,
    /// It fetched the last file that it boots.
    Fetched,
}

/// What becomes of a deployment by what its machine did; nothing where it stays as it is.
///
/// A deployment is booted when everything that is booted was fetched. Where that cannot be seen, since it comes from
/// elsewhere, the script counts as everything.
pub fn deployment_after(
    deployment: &Deployment,
    profile: &Profile,
    progress: BootProgress,
    now: Timestamp,
) -> Option<DeploymentStatus> {
    let status = deployment.status.clone().unwrap_or_default();
    let of = |phase, tries, reason| Some(DeploymentStatus { phase, since: now, tries, reason });
    let booted = progress == BootProgress::Fetched || !is_seen_booting(&profile.spec);
    match status.phase {
        DeploymentPhase::Stopped => None,
        // Once it was booted, its files may be fetched again, as installers do.
        DeploymentPhase::Booted if booted || deployment.spec.boot == ironhand_api::BootRepeat::Once => None,
        _ if booted => of(DeploymentPhase::Booted, 0, None),
        _ if status.tries >= MOST_TRIES => {
            let reason =
                format!("it was given its script {} times and never fetched all that it boots", status.tries);
            of(DeploymentPhase::Stopped, status.tries, Some(reason))
        }
        _ => of(DeploymentPhase::Booting, status.tries + 1, None),
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::{BootRepeat, DeploymentSpec, Metadata, ProfileSpec};

    use super::*;

    fn deployment(boot: BootRepeat) -> Deployment {
        let name = |text: &str| text.parse().unwrap();
        let spec =
            DeploymentSpec { host: name("h"), profile: name("p"), boot, deadline: None, request: None };
        Deployment { metadata: Metadata::named(name("d")), spec, status: None }
    }

    fn profile(kernel: &str) -> Profile {
        let spec = ProfileSpec { kernel: Some(kernel.to_owned()), ..ProfileSpec::default() };
        Profile { metadata: Metadata::named("p".parse().unwrap()), spec }
    }

    /// Plays what a machine does: `s` for a script, `f` for all files fetched.
    fn check(boot: BootRepeat, kernel: &str, played: &str, phase: DeploymentPhase, tries: u32) {
        let mut deployment = deployment(boot);
        for (at, what) in played.chars().enumerate() {
            let progress = if what == 's' { BootProgress::Script } else { BootProgress::Fetched };
            let now = Timestamp::from_millis(at as i64);
            if let Some(status) = deployment_after(&deployment, &profile(kernel), progress, now) {
                deployment.status = Some(status);
            }
        }
        let status = deployment.status.unwrap_or_default();
        assert_eq!((status.phase, status.tries), (phase, tries), "{played}");
        assert_eq!(status.reason.is_some(), phase == DeploymentPhase::Stopped);
    }

    #[test]
    fn a_deployment_is_booted_when_all_is_fetched_and_stopped_when_it_never_is() {
        let once = |played, phase, tries| check(BootRepeat::Once, "vmlinuz", played, phase, tries);
        once("", DeploymentPhase::Waiting, 0);
        once("s", DeploymentPhase::Booting, 1);
        once("sss", DeploymentPhase::Booting, 3);
        once("ssf", DeploymentPhase::Booted, 0);
        once("ssfsss", DeploymentPhase::Booted, 0);
        once("sssss", DeploymentPhase::Booting, 5);
        once("ssssss", DeploymentPhase::Stopped, 5);
        once("ssssssfs", DeploymentPhase::Stopped, 5);
        let always = |played, phase, tries| check(BootRepeat::Always, "vmlinuz", played, phase, tries);
        always("sf", DeploymentPhase::Booted, 0);
        always("sfs", DeploymentPhase::Booting, 1);
        always("sfsssss", DeploymentPhase::Booting, 5);
        always("sfssssss", DeploymentPhase::Stopped, 5);
        check(BootRepeat::Once, "http://elsewhere/vmlinuz", "s", DeploymentPhase::Booted, 0);
    }
}
