//! Following one repository: when it is looked at, what a new commit does, and what is told of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    Cluster, Commit, CommitInForce, Drift, DriftChange, EventKind, Flow, Host, Kind, Manifest, Name, OnDrift,
    Profile, RefusedCommit, Repository, RepositoryStatus, Severity, Zone,
};
use ironhand_model::{Described, FollowPlan, Ground, plan_follow};
use ironhand_store::{EventDraft, FollowedChange, ListQuery, StoreError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::apply::Hands;
use super::gather::{bounded, check, gather};
use super::look::{Look, LookError};
use super::{RepositoryAccess, signature, tree};
use crate::clock;
use crate::http::chain;
use crate::notify::Holder;

/// How often a server asks the store whether somebody wants a look, and whether it may follow.
const BEAT: Duration = Duration::from_millis(500);

/// Between two looks at least, however often they are asked for.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// A promise to follow is renewed this many times in its life.
const RENEWALS: u32 = 3;

/// Follows one repository.
pub(super) struct Task {
    repository: Repository,
    hands: Hands,
    access: RepositoryAccess,
    holder: Holder,
    folder: PathBuf,
    wake: Arc<Notify>,
    status: RepositoryStatus,
    /// What the commit in force describes, where it was read since this server follows.
    in_force: Option<Vec<Described>>,
}

/// Why a commit was not applied.
enum Failed {
    /// It has faults.
    Refused(Vec<String>),
    /// It may be applied another time.
    Error(String),
}

impl From<LookError> for Failed {
    fn from(error: LookError) -> Self {
        Self::Error(chain(&error))
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error.fault() {
            ironhand_api::Fault::Caller => Self::Refused(vec![error.to_string()]),
            _ => Self::Error(chain(&error)),
        }
    }
}

impl Task {
    pub(super) fn new(
        repository: Repository,
        hands: Hands,
        access: RepositoryAccess,
        holder: Holder,
        folder: PathBuf,
        wake: Arc<Notify>,
    ) -> Self {
        let status = RepositoryStatus::default();
        Self { repository, hands, access, holder, folder, wake, status, in_force: None }
    }

    /// Follows until `stop` is cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
        let name = self.name();
        if let Err(error) = self.hands.store.release_repository(name, &self.holder.owner).await {
            tracing::error!(repository = %name, error = %chain(&error), "other servers wait until they may follow it");
        }
    }

    async fn follow(&mut self) {
        loop {
            if !self.claim().await {
                tokio::time::sleep(BEAT).await;
                continue;
            }
            if let Err(error) = self.take_over().await {
                tracing::error!(repository = %self.name(), error = %chain(&error), "it is not known how far it is followed");
                tokio::time::sleep(BEAT).await;
                continue;
            }
            loop {
                let begun = Instant::now();
                self.look().await;
                if !self.rest(begun).await {
                    break;
                }
            }
        }
    }

    fn name(&self) -> &Name {
        &self.repository.metadata.name
    }

    /// Takes or renews the right to follow.
    async fn claim(&self) -> bool {
        let Holder { owner, shared, .. } = &self.holder;
        let claimed =
            self.hands.store.claim_repository(self.name(), owner, clock::now(), self.life(), !shared).await;
        claimed.unwrap_or_else(|error| {
            tracing::error!(repository = %self.name(), error = %chain(&error), "it is not known who follows it");
            false
        })
    }

    /// How long a promise to follow lasts: as long as the lease of a host.
    fn life(&self) -> Duration {
        self.holder.site.borrow().settings().lease_time
    }

    /// Goes on where this or another server was.
    async fn take_over(&mut self) -> Result<(), StoreError> {
        let kept: Option<Repository> = self.hands.store.get(self.name()).await?;
        self.status = kept.and_then(|kept| kept.status).unwrap_or_default();
        self.in_force = None;
        Ok(())
    }

    /// Waits until it is time for another look, or somebody wants one. False where another server follows by now.
    async fn rest(&self, begun: Instant) -> bool {
        let due = begun + self.repository.spec.interval.duration();
        let mut renewal = Instant::now() + self.life() / RENEWALS;
        loop {
            let next = due.min(renewal).min(Instant::now() + BEAT.max(LEAST_PAUSE));
            let woken = tokio::select! {
                () = self.wake.notified() => true,
                () = sleep_until(next) => false,
            };
            if Instant::now() >= renewal {
                renewal = Instant::now() + self.life() / RENEWALS;
                if !self.claim().await {
                    return false;
                }
            }
            let wanted = if woken || self.holder.shared {
                let wanted = self.hands.store.repository_wanted(self.name()).await;
                wanted.is_ok_and(|wanted| wanted > self.status.answered)
            } else {
                false
            };
            if wanted || Instant::now() >= due {
                sleep_until(begun + LEAST_PAUSE).await;
                return true;
            }
        }
    }

    /// Looks at the repository, and does what is to be done.
    async fn look(&mut self) {
        let answered = match self.hands.store.repository_wanted(self.name()).await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::error!(repository = %self.name(), error = %chain(&error), "not looked at: the store failed");
                return;
            }
        };
        let before = self.status.clone();
        self.status.looked_at = Some(clock::now());
        self.status.answered = answered;
        let mut told = Vec::new();
        match self.look_now().await {
            Ok(()) => {
                self.status.error = None;
                if let Some(since) = self.status.failing_since.take() {
                    told.push(self.draft(
                        EventKind::RepositoryFailed,
                        Severity::Info,
                        format!("can be looked at again, which failed since {since}"),
                    ));
                }
            }
            Err(reason) => {
                tracing::warn!(repository = %self.name(), reason, "not looked at");
                // Not again where only the words differ: some of them count milliseconds.
                if before.error.is_none() {
                    let text = format!("cannot be looked at: {reason}");
                    told.push(self.draft(EventKind::RepositoryFailed, Severity::Warning, text));
                }
                self.status.failing_since.get_or_insert_with(clock::now);
                self.status.error = Some(reason);
            }
        }
        if let Some(refused) = &self.status.refused
            && before
                .refused
                .as_ref()
                .is_none_or(|before| (&before.commit, &before.faults) != (&refused.commit, &refused.faults))
        {
            let text = refused_words(refused, self.status.in_force.as_ref());
            told.push(self.draft(EventKind::RepositoryRefused, Severity::Warning, text));
        }
        if self.status.drift != before.drift {
            let (severity, text) = drift_words(&self.status.drift);
            told.push(self.draft(EventKind::RepositoryDrift, severity, text));
        }
        let (store, owner) = (&self.hands.store, &self.holder.owner);
        let put = store.put_repository_status(self.name(), owner, &self.status, told, clock::now()).await;
        if let Err(error) = put {
            tracing::error!(repository = %self.name(), error = %chain(&error), "how far it is followed is not written down");
        }
    }

    fn draft(&self, kind: EventKind, severity: Severity, text: String) -> EventDraft {
        EventDraft::new(kind, severity, format!("repository {} {text}", self.name()))
    }

    /// Fetches, and takes what is new. What is wrong with the commit is no error here.
    async fn look_now(&mut self) -> Result<(), String> {
        let begun = Look::begin(&self.repository, &self.hands.store, &self.access, &self.folder).await;
        let look = begun.map_err(|error| chain(&error))?;
        let commit = look.fetch(&self.repository.spec.branch).await.map_err(|error| chain(&error))?;
        let version = self.repository.metadata.resource_version.unwrap_or_default();
        let stands = self
            .status
            .in_force
            .as_ref()
            .is_some_and(|force| force.commit.id == commit.id && force.repository_version == version);
        if stands {
            self.status.refused = None;
        } else {
            match self.take(&look, commit.clone()).await {
                Ok(()) => {}
                Err(Failed::Error(reason)) => return Err(reason),
                Err(Failed::Refused(faults)) => self.refuse(commit, faults),
            }
        }
        self.tend(&look).await
    }

    fn refuse(&mut self, commit: Commit, faults: Vec<String>) {
        let before = self.status.refused.take().filter(|before| before.commit.id == commit.id);
        let refused_at = before.map_or_else(clock::now, |before| before.refused_at);
        self.status.refused = Some(RefusedCommit { commit, refused_at, faults });
    }

    /// Applies a commit, whole or not at all.
    async fn take(&mut self, look: &Look, commit: Commit) -> Result<(), Failed> {
        if let Some(signers) = &self.repository.spec.signed_by {
            let checked = signature::check(&look.git, &commit.id, signers, look.passing.path()).await;
            checked.map_err(LookError::from)?.map_err(|fault| Failed::Refused(vec![fault]))?;
        }
        let described = self.read(look, &commit.id).await?;
        look.keep(&commit.id).await?;
        let in_force = CommitInForce {
            applied_at: clock::now(),
            resources: u32::try_from(described.len()).unwrap_or(u32::MAX),
            repository_version: self.repository.metadata.resource_version.unwrap_or_default(),
            commit,
        };
        let text = format!("has {} in force", in_force.commit);
        let status = RepositoryStatus {
            in_force: Some(in_force),
            refused: None,
            drift: Vec::new(),
            error: None,
            ..self.status.clone()
        };
        self.apply(described, status, text, true).await
    }

    /// The manifests of a commit, with every fault of them told.
    async fn read(&self, look: &Look, id: &str) -> Result<Vec<Described>, Failed> {
        let path = self.repository.spec.path.as_deref();
        let files = tree::files(&look.git, id, path).await.map_err(LookError::from)?;
        let files = files.map_err(|faults| Failed::Refused(bounded(faults)))?;
        let secrets = self.access.secrets.clone();
        // Thousands of manifests take a while to read.
        let gathered = tokio::task::spawn_blocking(move || gather(&files, secrets.as_deref())).await;
        gathered
            .map_err(|_| Failed::Error("the manifests could not be read".to_owned()))?
            .map_err(Failed::Refused)
    }

    /// Makes what stands on the server what the manifests say.
    async fn apply(
        &mut self,
        described: Vec<Described>,
        status: RepositoryStatus,
        text: String,
        always_told: bool,
    ) -> Result<(), Failed> {
        let FollowPlan { remove, leave } = self.plan(&described).await?;
        let mut manifests: Vec<Manifest> = described.iter().map(|one| one.manifest.clone()).collect();
        manifests.sort_by_key(|one| Kind::ALL.iter().position(|kind| *kind == one.kind()));
        let change = FollowedChange {
            repository: self.name().clone(),
            version: self.repository.metadata.resource_version,
            owner: self.holder.owner.to_string(),
            manifests,
            remove,
            leave,
            status: status.clone(),
            told: self.draft(EventKind::RepositoryApplied, Severity::Info, text),
            always_told,
        };
        self.hands.follow(change).await?;
        self.status = status;
        self.in_force = Some(described);
        Ok(())
    }

    /// What is to go; every fault that the manifests have beside what stands on the server.
    async fn plan(&self, described: &[Described]) -> Result<FollowPlan, Failed> {
        let store = &self.hands.store;
        let everything = ListQuery::default();
        let followed = store.followed().await?;
        let mut ground = Ground::default();
        ground.followed.extend(followed.into_iter().map(|row| ((row.kind, row.name), row.repository)));
        let zones = store.list::<Zone>(&everything).await?.items;
        ground.places.extend(zones.into_iter().map(|zone| (Kind::Zone, zone.metadata.name)));
        let clusters = store.list::<Cluster>(&everything).await?.items;
        ground.places.extend(clusters.into_iter().map(|cluster| (Kind::Cluster, cluster.metadata.name)));
        // Thousands of hosts are read only where something needs one of them.
        if described.iter().any(|one| matches!(one.manifest.kind(), Kind::Deployment | Kind::Network)) {
            let profiles = store.list::<Profile>(&everything).await?.items;
            ground.places.extend(profiles.into_iter().map(|profile| (Kind::Profile, profile.metadata.name)));
            let hosts = store.list::<Host>(&everything).await?.items;
            ground.places.extend(hosts.into_iter().map(|host| (Kind::Host, host.metadata.name)));
        }
        let planned = plan_follow(&self.repository, described, &ground);
        let mut flows = store.list::<Flow>(&everything).await?.items;
        if let Ok(plan) = &planned {
            flows.retain(|flow| !plan.remove.contains(&(Kind::Flow, flow.metadata.name.clone())));
        }
        let mut faults = check(described, &flows).err().unwrap_or_default();
        match planned {
            Ok(plan) if faults.is_empty() => {
                self.refuse_missed_flows(&plan, &flows)?;
                Ok(plan)
            }
            Ok(_) => Err(Failed::Refused(faults)),
            Err(more) => {
                faults.extend(more);
                Err(Failed::Refused(bounded(faults)))
            }
        }
    }

    /// Refuses to delete a flow that one of those that stay calls.
    fn refuse_missed_flows(&self, plan: &FollowPlan, staying: &[Flow]) -> Result<(), Failed> {
        let faults: Vec<String> = staying
            .iter()
            .flat_map(|flow| flow.called().into_iter().map(move |called| (flow, called)))
            .filter(|(_, called)| plan.remove.contains(&(Kind::Flow, (*called).clone())))
            .map(|(flow, called)| {
                format!(
                    "Flow `{called}` is gone from the repository, and Flow `{}` calls it",
                    flow.metadata.name
                )
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Failed::Refused(faults)) }
    }

    /// Finds what was changed by hand, and mends it where the repository says so.
    async fn tend(&mut self, look: &Look) -> Result<(), String> {
        let told = |error: StoreError| chain(&error);
        let followed = self.hands.store.followed().await.map_err(told)?;
        let strayed: Vec<_> = followed
            .into_iter()
            .filter(|row| row.repository == *self.name() && row.current != Some(row.version))
            .collect();
        let Some(in_force) = self.status.in_force.clone().filter(|_| !strayed.is_empty()) else {
            self.status.drift.clear();
            return Ok(());
        };
        if self.in_force.is_none() {
            self.in_force = self.recall(look, &in_force.commit.id).await;
        }
        if self.repository.spec.on_drift == OnDrift::Restore
            && let Some(described) = self.in_force.take()
        {
            let status = RepositoryStatus { drift: Vec::new(), ..self.status.clone() };
            let text = format!("has what was changed by hand as {} says", in_force.commit);
            match self.apply(described.clone(), status, text, false).await {
                Ok(()) => return Ok(()),
                Err(Failed::Error(reason)) => return Err(reason),
                Err(Failed::Refused(faults)) => {
                    let text = faults.join("; ");
                    self.in_force = Some(described);
                    self.status.error = Some(format!("what was changed by hand cannot be restored: {text}"));
                }
            }
        }
        let wanted: BTreeMap<(Kind, &Name), &Manifest> = self
            .in_force
            .iter()
            .flatten()
            .map(|one| ((one.manifest.kind(), &one.manifest.metadata().name), &one.manifest))
            .collect();
        let mut drift = Vec::new();
        for row in strayed {
            let change = match row.current {
                None => DriftChange::Deleted,
                Some(_) => {
                    let kept = self.hands.store.manifest(row.kind, &row.name).await.map_err(told)?;
                    if same(kept, wanted.get(&(row.kind, &row.name)).copied()) {
                        continue;
                    }
                    DriftChange::Changed
                }
            };
            drift.push(Drift { kind: row.kind, name: row.name, change });
        }
        self.status.drift = drift;
        Ok(())
    }

    /// The manifests of the commit in force, of which this server has only the name; none where they cannot be had.
    async fn recall(&self, look: &Look, id: &str) -> Option<Vec<Described>> {
        let recalled = async {
            look.recall(id).await?;
            self.read(look, id).await
        };
        match recalled.await {
            Ok(described) => Some(described),
            Err(Failed::Error(reason)) => {
                tracing::warn!(repository = %self.name(), commit = id, reason, "the commit in force is not at hand");
                None
            }
            Err(Failed::Refused(faults)) => {
                let reason = faults.join("; ");
                tracing::warn!(repository = %self.name(), commit = id, reason, "the commit in force is not at hand");
                None
            }
        }
    }
}

/// Whether what is kept says what the manifest says. Passwords cannot be compared, so that what has one does not.
fn same(kept: Option<Manifest>, wanted: Option<&Manifest>) -> bool {
    let (Some(mut kept), Some(wanted)) = (kept, wanted) else { return false };
    if !kept.secrets_mut().is_empty() {
        return false;
    }
    let value = |manifest: Manifest| serde_json::to_value(manifest.comparable()).ok();
    value(kept) == value(wanted.clone())
}

/// That a commit was refused, with its first fault.
fn refused_words(refused: &RefusedCommit, in_force: Option<&CommitInForce>) -> String {
    let first = refused.faults.first().map(String::as_str).unwrap_or_default();
    let more = match refused.faults.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more faults)", count - 1),
    };
    let stays = match in_force {
        Some(force) => format!("{} stays in force", force.commit.short()),
        None => "nothing was applied yet".to_owned(),
    };
    format!("refuses {}: {first}{more}; {stays}", refused.commit)
}

/// What drifted, in words.
fn drift_words(drift: &[Drift]) -> (Severity, String) {
    /// Resources that an event names.
    const NAMED: usize = 5;
    if drift.is_empty() {
        return (Severity::Info, "has nothing changed by hand any more".to_owned());
    }
    let named: Vec<String> = drift.iter().take(NAMED).map(Drift::to_string).collect();
    let more = match drift.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (Severity::Warning, format!("is not what stands on the server: {}{more}, by hand", named.join(", ")))
}
