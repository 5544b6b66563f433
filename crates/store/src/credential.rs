//! Credentials, with their passwords sealed.

use std::collections::BTreeSet;

use ironhand_api::{Credential, CredentialSpec, Kind, Metadata, Name};

use crate::StoreError;
use crate::column::{json, value};
use crate::resource::{Resource, Stored};
use crate::seal::Sealer;
use crate::secret::{SecretPlace, settle};

impl Resource for Credential {}

impl Stored for Credential {
    const KIND: Kind = Kind::Credential;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn references(&self) -> BTreeSet<(Kind, Name)> {
        BTreeSet::new()
    }

    fn settle(self, sealer: &Sealer, kept: Option<&Self>) -> Result<Self, StoreError> {
        let Self { metadata, spec: CredentialSpec { username, password } } = self;
        let place = SecretPlace::credential(&metadata.name);
        let password = settle(sealer, &place, password, kept.map(|kept| &kept.spec.password))?;
        Ok(Self { metadata, spec: CredentialSpec { username, password } })
    }

    fn spec_json(&self) -> Result<String, StoreError> {
        json(|| format!("Credential {}", self.metadata.name), &self.spec)
    }

    fn assemble(metadata: Metadata, spec: &str, _: Option<&str>) -> Result<Self, StoreError> {
        let spec = value(|| format!("Credential {}", metadata.name), spec)?;
        Ok(Self { metadata, spec })
    }
}
