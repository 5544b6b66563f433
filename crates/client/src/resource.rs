//! The kinds of resource, for calls that are the same for each.

use ironhand_api::{
    API_VERSION, Cluster, Credential, Deployment, Flow, GlobalSettings, Host, Kind, Manifest, Network,
    Notifier, Profile, Repository, Zone,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A kind of resource that can be got, listed and deleted.
pub trait Resource: DeserializeOwned {
    /// The kind.
    const KIND: Kind;
}

impl Resource for Host {
    const KIND: Kind = Kind::Host;
}

impl Resource for Credential {
    const KIND: Kind = Kind::Credential;
}

impl Resource for Flow {
    const KIND: Kind = Kind::Flow;
}

impl Resource for Zone {
    const KIND: Kind = Kind::Zone;
}

impl Resource for Cluster {
    const KIND: Kind = Kind::Cluster;
}

impl Resource for GlobalSettings {
    const KIND: Kind = Kind::Settings;
}

impl Resource for Notifier {
    const KIND: Kind = Kind::Notifier;
}

impl Resource for Repository {
    const KIND: Kind = Kind::Repository;
}

impl Resource for Network {
    const KIND: Kind = Kind::Network;
}

impl Resource for Profile {
    const KIND: Kind = Kind::Profile;
}

impl Resource for Deployment {
    const KIND: Kind = Kind::Deployment;
}

/// The body of a `PUT`: the manifest, without what the server observed.
pub(crate) fn body(manifest: &Manifest) -> Value {
    let (metadata, spec) = match manifest {
        Manifest::Host(host) => (&host.metadata, json!(host.spec)),
        Manifest::Flow(flow) => (&flow.metadata, json!(flow.spec)),
        Manifest::Zone(zone) => (&zone.metadata, json!(zone.spec)),
        Manifest::Cluster(cluster) => (&cluster.metadata, json!(cluster.spec)),
        Manifest::Settings(settings) => (&settings.metadata, json!(settings.spec)),
        Manifest::Network(network) => (&network.metadata, json!(network.spec)),
        Manifest::Profile(profile) => (&profile.metadata, json!(profile.spec)),
        Manifest::Deployment(deployment) => (&deployment.metadata, json!(deployment.spec)),
        Manifest::Credential(credential) => return credential.to_transport(),
        Manifest::Notifier(notifier) => return notifier.to_transport(),
        Manifest::Repository(repository) => return repository.to_transport(),
    };
    json!({ "apiVersion": API_VERSION, "kind": manifest.kind(), "metadata": metadata, "spec": spec })
}
