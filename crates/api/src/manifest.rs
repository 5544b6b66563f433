//! Manifests: parsing with every fault placed.

mod check;
mod condition;
mod connector;
mod credential;
mod deployment;
mod fault;
mod fields;
mod flow;
mod host;
mod host_boot;
mod metadata;
mod network;
mod notifier;
mod profile;
mod repository;
mod select;
mod settings;
mod step;
mod tree;
mod zone;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    API_VERSION, Cluster, Credential, Deployment, Flow, GlobalSettings, Host, Kind, Metadata, Network,
    Notifier, Profile, Repository, Secret, Zone,
};
use fault::Faults;
use fields::{Fields, Shape};
use tree::{Content, Node};

pub use fault::ManifestError;

/// One document of a manifest.
///
/// In JSON it is a resource as the HTTP API carries it: `apiVersion`, `kind`, `metadata`, `spec` and, where the server
/// answers, `status`. What has a plain password in it cannot be written.
#[derive(Clone)]
pub enum Manifest {
    /// A physical server.
    Host(Host),
    /// A user name and password.
    Credential(Credential),
    /// A recovery procedure.
    Flow(Flow),
    /// A place that clusters stand in.
    Zone(Zone),
    /// Hosts that belong together.
    Cluster(Cluster),
    /// How often, how long, how many.
    Settings(GlobalSettings),
    /// Who is told of what.
    Notifier(Notifier),
    /// A Git repository of manifests that the server follows.
    Repository(Repository),
    /// A network that machines boot from.
    Network(Network),
    /// How machines are booted or installed.
    Profile(Profile),
    /// A profile bound to a host.
    Deployment(Deployment),
}

impl Manifest {
    /// The kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Host(_) => Kind::Host,
            Self::Credential(_) => Kind::Credential,
            Self::Flow(_) => Kind::Flow,
            Self::Zone(_) => Kind::Zone,
            Self::Cluster(_) => Kind::Cluster,
            Self::Settings(_) => Kind::Settings,
            Self::Notifier(_) => Kind::Notifier,
            Self::Repository(_) => Kind::Repository,
            Self::Network(_) => Kind::Network,
            Self::Profile(_) => Kind::Profile,
            Self::Deployment(_) => Kind::Deployment,
        }
    }

    /// Name and labels.
    pub const fn metadata(&self) -> &Metadata {
        match self {
            Self::Host(host) => &host.metadata,
            Self::Credential(credential) => &credential.metadata,
            Self::Flow(flow) => &flow.metadata,
            Self::Zone(zone) => &zone.metadata,
            Self::Cluster(cluster) => &cluster.metadata,
            Self::Settings(settings) => &settings.metadata,
            Self::Notifier(notifier) => &notifier.metadata,
            Self::Repository(repository) => &repository.metadata,
            Self::Network(network) => &network.metadata,
            Self::Profile(profile) => &profile.metadata,
            Self::Deployment(deployment) => &deployment.metadata,
        }
    }

    /// The manifest as a person would write it: without what the server adds.
    #[must_use]
    pub fn as_written(mut self) -> Self {
        match &mut self {
            Self::Host(host) => host.status = None,
            Self::Repository(repository) => repository.status = None,
            Self::Deployment(deployment) => deployment.status = None,
            _ => {}
        }
        let metadata = self.metadata_mut();
        metadata.resource_version = None;
        metadata.created_at = None;
        self
    }

    /// Name and labels, to be changed.
    pub const fn metadata_mut(&mut self) -> &mut Metadata {
        match self {
            Self::Host(host) => &mut host.metadata,
            Self::Credential(credential) => &mut credential.metadata,
            Self::Flow(flow) => &mut flow.metadata,
            Self::Zone(zone) => &mut zone.metadata,
            Self::Cluster(cluster) => &mut cluster.metadata,
            Self::Settings(settings) => &mut settings.metadata,
            Self::Notifier(notifier) => &mut notifier.metadata,
            Self::Repository(repository) => &mut repository.metadata,
            Self::Network(network) => &mut network.metadata,
            Self::Profile(profile) => &mut profile.metadata,
            Self::Deployment(deployment) => &mut deployment.metadata,
        }
    }

    /// The secrets in it, each with the name of its field.
    pub fn secrets_mut(&mut self) -> Vec<(&'static str, &mut Secret)> {
        match self {
            Self::Credential(credential) => vec![("password", &mut credential.spec.password)],
            Self::Notifier(notifier) => {
                let webhook = notifier.spec.webhook.as_mut().and_then(|webhook| webhook.secret.as_mut());
                let email = notifier.spec.email.as_mut().and_then(|email| email.password.as_mut());
                let webhook = webhook.map(|secret| ("secret", secret));
                webhook.into_iter().chain(email.map(|secret| ("password", secret))).collect()
            }
            Self::Repository(repository) => {
                repository.spec.webhook.iter_mut().map(|webhook| ("secret", &mut webhook.secret)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The manifest as it is compared with another: as a person would write it, with none of its secrets, since those
    /// that are kept are sealed.
    #[must_use]
    pub fn comparable(self) -> Self {
        let mut manifest = self.as_written();
        for (_, secret) in manifest.secrets_mut() {
            *secret = Secret::Sealed("not compared".to_owned());
        }
        manifest
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Manifest", 5)?;
        document.serialize_field("apiVersion", API_VERSION)?;
        document.serialize_field("kind", &self.kind())?;
        document.serialize_field("metadata", self.metadata())?;
        match self {
            Self::Host(host) => {
                document.serialize_field("spec", &host.spec)?;
                match &host.status {
                    Some(status) => document.serialize_field("status", status)?,
                    None => document.skip_field("status")?,
                }
            }
            Self::Credential(credential) => document.serialize_field("spec", &credential.spec)?,
            Self::Flow(flow) => document.serialize_field("spec", &flow.spec)?,
            Self::Zone(zone) => document.serialize_field("spec", &zone.spec)?,
            Self::Cluster(cluster) => document.serialize_field("spec", &cluster.spec)?,
            Self::Settings(settings) => document.serialize_field("spec", &settings.spec)?,
            Self::Notifier(notifier) => document.serialize_field("spec", &notifier.spec)?,
            Self::Repository(repository) => {
                document.serialize_field("spec", &repository.spec)?;
                match &repository.status {
                    Some(status) => document.serialize_field("status", status)?,
                    None => document.skip_field("status")?,
                }
            }
            Self::Network(network) => document.serialize_field("spec", &network.spec)?,
            Self::Profile(profile) => document.serialize_field("spec", &profile.spec)?,
            Self::Deployment(deployment) => {
                document.serialize_field("spec", &deployment.spec)?;
                match &deployment.status {
                    Some(status) => document.serialize_field("status", status)?,
                    None => document.skip_field("status")?,
                }
            }
        }
        document.end()
    }
}

impl<'de> Deserialize<'de> for Manifest {
    /// Reads what the HTTP API answers. What people write is read by [`parse_manifests`], which checks more and
    /// says where the faults are.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Version {
            #[serde(rename = "ironhand/v1")]
            V1,
        }
        #[derive(Deserialize)]
        struct Versioned {
            #[serde(rename = "apiVersion")]
            _version: Version,
            #[serde(flatten)]
            document: Document,
        }
        #[derive(Deserialize)]
        #[serde(tag = "kind")]
        enum Document {
            Host(Host),
            Credential(Credential),
            Flow(Flow),
            Zone(Zone),
            Cluster(Cluster),
            Settings(GlobalSettings),
            Notifier(Notifier),
            Repository(Repository),
            Network(Network),
            Profile(Profile),
            Deployment(Deployment),
        }
        Ok(match Versioned::deserialize(deserializer)?.document {
            Document::Host(host) => Self::Host(host),
            Document::Credential(credential) => Self::Credential(credential),
            Document::Flow(flow) => Self::Flow(flow),
            Document::Zone(zone) => Self::Zone(zone),
            Document::Cluster(cluster) => Self::Cluster(cluster),
            Document::Settings(settings) => Self::Settings(settings),
            Document::Notifier(notifier) => Self::Notifier(notifier),
            Document::Repository(repository) => Self::Repository(repository),
            Document::Network(network) => Self::Network(network),
            Document::Profile(profile) => Self::Profile(profile),
            Document::Deployment(deployment) => Self::Deployment(deployment),
        })
    }
}

/// What every document has. `status` is what an exported document carries; the server knows better.
const DOCUMENT: Shape =
    Shape { what: "a manifest", fields: &["apiVersion", "kind", "metadata", "spec", "status"], planned: &[] };

/// Kinds that people may have read of, and that this version does not keep.
const PLANNED_KINDS: &[&str] = &["Media", "Device"];

const KINDS: &[(&str, Kind)] = &[
    ("Cluster", Kind::Cluster),
    ("Credential", Kind::Credential),
    ("Deployment", Kind::Deployment),
    ("Flow", Kind::Flow),
    ("Host", Kind::Host),
    ("Network", Kind::Network),
    ("Notifier", Kind::Notifier),
    ("Profile", Kind::Profile),
    ("Repository", Kind::Repository),
    ("Settings", Kind::Settings),
    ("Zone", Kind::Zone),
];

/// Parses the documents of one YAML or JSON file and checks each; `file` is its name in the errors.
///
/// Documents that hold nothing are passed over, and so is `status`, which exported resources have. What the patterns
/// and keys of a flow mean is not checked here.
///
/// # Errors
///
/// Every fault of every document, in file order. After a fault of the YAML itself, parsing goes on with the next
/// document.
pub fn parse_manifests(file: &str, text: &str) -> Result<Vec<Manifest>, Vec<ManifestError>> {
    let mut faults = Faults::new(file);
    let documents = tree::read(text, &mut faults);
    let manifests = documents.iter().filter_map(|document| read_document(document, &mut faults)).collect();
    faults.none_or(manifests)
}

fn read_document(document: &Node, faults: &mut Faults) -> Option<Manifest> {
    if let Content::Mapping(entries) = &document.content
        && !entries.iter().any(|entry| matches!(entry.key.as_str(), "apiVersion" | "kind" | "spec"))
    {
        let hint = format!("a manifest has `apiVersion: {API_VERSION}`, `kind`, `metadata` and `spec`");
        faults.add(document.place, "this is not a manifest", Some(hint));
        return None;
    }
    let fields = Fields::of(document, &DOCUMENT, faults)?;
    let version = fields.require("apiVersion", faults).and_then(|node| node.text("apiVersion", faults));
    if let Some((node, version)) = fields.get("apiVersion").zip(version)
        && version != API_VERSION
    {
        let message = format!("apiVersion `{version}` is not understood");
        faults.add(node.place, message, Some(format!("this version understands {API_VERSION}")));
    }
    let kind = fields
        .require("kind", faults)
        .and_then(|node| node.word("kind", "a kind of resource", KINDS, PLANNED_KINDS, faults));
    let metadata = fields.require("metadata", faults).and_then(|node| metadata::read(node, faults));
    let spec = fields.require("spec", faults)?;
    // Each part is read even where another has faults, so that all of them are told at once.
    Some(match kind? {
        Kind::Host => {
            let spec = host::read(spec, faults);
            Manifest::Host(Host { metadata: metadata?, spec: spec?, status: None })
        }
        Kind::Credential => {
            let spec = credential::read(spec, faults);
            Manifest::Credential(Credential { metadata: metadata?, spec: spec? })
        }
        Kind::Flow => {
            let spec = flow::read(spec, faults);
            Manifest::Flow(Flow { metadata: metadata?, spec: spec? })
        }
        Kind::Zone => {
            let spec = zone::read_zone(spec, faults);
            Manifest::Zone(Zone { metadata: metadata?, spec: spec? })
        }
        Kind::Cluster => {
            let spec = zone::read_cluster(spec, faults);
            Manifest::Cluster(Cluster { metadata: metadata?, spec: spec? })
        }
        Kind::Settings => {
            let spec = settings::read(spec, metadata.as_ref(), faults);
            Manifest::Settings(GlobalSettings { metadata: metadata?, spec: spec? })
        }
        Kind::Notifier => {
            let spec = notifier::read(spec, faults);
            Manifest::Notifier(Notifier { metadata: metadata?, spec: spec? })
        }
        Kind::Repository => {
            let spec = repository::read(spec, faults);
            Manifest::Repository(Repository { metadata: metadata?, spec: spec?, status: None })
        }
        Kind::Network => {
            let spec = network::read(spec, faults);
            Manifest::Network(Network { metadata: metadata?, spec: spec? })
        }
        Kind::Profile => {
            let spec = profile::read(spec, faults);
            Manifest::Profile(Profile { metadata: metadata?, spec: spec? })
        }
        Kind::Deployment => {
            let spec = deployment::read(spec, faults);
            Manifest::Deployment(Deployment { metadata: metadata?, spec: spec?, status: None })
        }
    })
}

#[cfg(test)]
mod tests;
