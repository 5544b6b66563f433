//! Networks, profiles and deployments: what machines boot, and why.

use std::sync::Arc;

use axum::extract::State;
use ironhand_api::{
    BootArchitecture, BootExplanation, Deployment, MacAddress, MachineUuid, Manifest, Name, Network, Profile,
};
use ironhand_model::boot::{Asked, Client, explain as explain_boot};
use ironhand_store::StoreError;
use serde::Deserialize;

use super::resource::{Applicable, Json, Query};
use super::{Api, ApiError};
use crate::template::{BootTemplates, network_faults, profile_faults};

/// What is applied is seen by the next request of a machine, through the view that is made of it.
macro_rules! decides_boots {
    ($resource:ident, $note:ident, $faults:expr) => {
        impl Applicable for $resource {
            fn from_manifest(manifest: Manifest) -> Option<Self> {
                match manifest {
                    Manifest::$resource(resource) => Some(resource),
                    _ => None,
                }
            }

            fn faults(&self) -> Vec<String> {
                let faults: fn(&Self) -> Vec<String> = $faults;
                faults(self)
            }

            fn same(&self, other: &Self) -> bool {
                self.metadata.labels == other.metadata.labels && self.spec == other.spec
            }

            async fn applied(api: &Api, _resource: &Self) -> Result<(), StoreError> {
                api.views.reach(api.changes.$note()).await;
                Ok(())
            }

            async fn deleted(api: &Api, _name: &Name) -> Result<(), StoreError> {
                api.views.reach(api.changes.$note()).await;
                Ok(())
            }
        }
    };
}

decides_boots!(Network, note, network_faults);
decides_boots!(Profile, note, profile_faults);
decides_boots!(Deployment, note_deployments, |_| Vec::new());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuery {
    host: Option<Name>,
    mac: Option<MacAddress>,
    network: Option<Name>,
    arch: Option<BootArchitecture>,
    uuid: Option<MachineUuid>,
    #[serde(default)]
    http: bool,
    #[serde(default)]
    ipv6: bool,
}

/// `GET /api/v1/boot/explain`: the boot that would follow if a machine asked now.
pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<BootExplanation>, ApiError> {
    let ExplainQuery { host, mac, network, arch, uuid, http, ipv6 } = query;
    let client = Client { network, macs: mac.into_iter().collect(), uuid, ipv6, ..Client::default() };
    let asked = Asked { host, client, architecture: arch, http };
    let told = explain_boot(&api.views.now(), &asked, &BootTemplates);
    Ok(Json(told.map_err(|fault| ApiError::invalid("boot.unexplained", &[fault]))?))
}
