//! Networks, profiles and deployments: what machines boot.

use ironhand_api::{Deployment, Manifest, Name, Network, Profile};
use ironhand_store::StoreError;

use super::Api;
use super::resource::Applicable;

/// What is applied is seen by the next request of a machine, through the view that is made of it.
macro_rules! decides_boots {
    ($resource:ident, $faults:expr) => {
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
                api.changes.note();
                Ok(())
            }

            async fn deleted(api: &Api, _name: &Name) -> Result<(), StoreError> {
                api.changes.note();
                Ok(())
            }
        }
    };
}

decides_boots!(Network, |_| Vec::new());
decides_boots!(Profile, |_| Vec::new());
decides_boots!(Deployment, |_| Vec::new());
