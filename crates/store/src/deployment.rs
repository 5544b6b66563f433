//! Deployments: what people said, and how far each came.

use std::collections::BTreeSet;

use ironhand_api::{Deployment, DeploymentSpec, DeploymentStatus, Kind, Metadata, Name, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::claim::{self, Claim};
use crate::column::{bigint, json, unsigned, value};
use crate::resource::{Resource, Stored, fetch};
use crate::seal::Sealer;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const PUT_STATUS: &str =
    "UPDATE resources SET spec = $3 WHERE kind = 'Deployment' AND name = $1 AND version = $2";

impl Resource for Deployment {}

/// A row of `resources`: how far a deployment came is kept with what was said of it, and ends with it.
#[derive(Serialize, Deserialize)]
struct Kept {
    spec: DeploymentSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<DeploymentStatus>,
}

impl Stored for Deployment {
    const KIND: Kind = Kind::Deployment;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn references(&self) -> BTreeSet<(Kind, Name)> {
        let DeploymentSpec { host, profile, .. } = &self.spec;
        BTreeSet::from([(Kind::Host, host.clone()), (Kind::Profile, profile.clone())])
    }

    fn claims(&self) -> Vec<Claim> {
        claim::of_deployment(self)
    }

    /// Another specification begins anew.
    fn settle(mut self, _: &Sealer, kept: Option<&Self>) -> Result<Self, StoreError> {
        let same = kept.filter(|kept| !self.spec.begins_anew(&kept.spec));
        self.status = same.and_then(|kept| kept.status.clone());
        Ok(self)
    }

    fn begun(mut self, now: Timestamp) -> Self {
        self.status.get_or_insert_with(|| DeploymentStatus { since: now, ..DeploymentStatus::default() });
        self
    }

    fn spec_json(&self) -> Result<String, StoreError> {
        let kept = Kept { spec: self.spec.clone(), status: self.status.clone() };
        json(|| format!("Deployment {}", self.metadata.name), &kept)
    }

    fn assemble(metadata: Metadata, spec: &str, _: Option<&str>) -> Result<Self, StoreError> {
        let Kept { spec, status } = value(|| format!("Deployment {}", metadata.name), spec)?;
        Ok(Self { metadata, spec, status })
    }
}

/// The write behind [`Store::put_deployment_status`](crate::Store::put_deployment_status).
pub(crate) struct PutDeploymentStatus {
    pub(crate) name: Name,
    pub(crate) version: u64,
    pub(crate) status: DeploymentStatus,
}

impl Write for PutDeploymentStatus {
    type Done = bool;

    async fn run(self, turn: &mut Turn<'_>) -> Result<bool, StoreError> {
        let Self { name, version, status } = self;
        let Some(row) = fetch(turn.connection, Kind::Deployment, &name).await? else { return Ok(false) };
        if unsigned(row.version)? != version {
            return Ok(false);
        }
        let mut deployment: Deployment = row.resource()?;
        deployment.status = Some(status);
        let written = sqlx::query(PUT_STATUS)
            .bind(name.as_str())
            .bind(bigint(version))
            .bind(deployment.spec_json()?)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store how far a deployment came", error))?;
        Ok(written.rows_affected() == 1)
    }
}
