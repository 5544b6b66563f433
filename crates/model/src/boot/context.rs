//! What templates in profiles and options see.

use std::collections::BTreeMap;

use ironhand_api::{Deployment, Network, Profile};
use serde::Serialize;

use super::client::Client;
use super::quote::url_path;
use super::view::{BootServer, HostRecord, View};

/// What templates see: `{{ host.name }}`, `{{ files['preseed.cfg'] }}`, `{{ media }}`, `{{ mac }}` and the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// The host.
    pub host: HostContext,
    /// The hardware address that boots, like `52:54:00:12:34:56`.
    pub mac: String,
    /// The same as kernels take it by `BOOTIF=`, like `01-52-54-00-12-34-56`.
    pub bootif: String,
    /// The firmware, like `x64`.
    pub architecture: String,
    /// The network that it boots in.
    pub network: NetworkContext,
    /// This server, as machines reach it.
    pub server: ServerContext,
    /// The name of the profile.
    pub profile: String,
    /// The name of the deployment.
    pub deployment: String,
    /// The URL of the profile's media, without a slash at its end.
    pub media: String,
    /// The URLs of the profile's files, by name.
    pub files: BTreeMap<String, String>,
}

/// The host, as templates see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostContext {
    /// Its name; the hardware address with dashes where nobody described it.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its cluster.
    pub cluster: String,
    /// Its hardware addresses.
    pub macs: Vec<String>,
    /// The address that is kept for it, or that it has.
    pub address: String,
    /// Its UUID.
    pub uuid: String,
    /// Its serial number.
    pub serial: String,
}

/// The network, as templates see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkContext {
    /// Its name.
    pub name: String,
    /// Like `10.0.7.0/24`.
    pub subnet: String,
    /// Like `255.255.255.0`.
    pub netmask: String,
    /// Like `24`.
    pub prefix: u8,
    /// The router.
    pub gateway: String,
    /// Name servers.
    pub dns: Vec<String>,
    /// The domain.
    pub domain: String,
    /// Time servers.
    pub ntp: Vec<String>,
}

/// This server, as templates see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerContext {
    /// Its address.
    pub address: String,
    /// The URL below which it serves, without a slash at its end.
    pub url: String,
}

/// Fills in templates. The engine is not here: a parser of its own is kept out of what every client links.
pub trait Templates {
    /// The text with its templates filled in, or what is wrong with it.
    fn fill(&self, template: &str, context: &Context) -> Result<String, String>;
}

/// The path of a file of a deployment; none where the host or its token is not known.
pub(super) fn file_path(view: &View, deployment: &Deployment, file: &str) -> Option<String> {
    let token = view.tokens.get(&deployment.metadata.name)?;
    Some(format!("hosts/{}/{token}/{file}", deployment.spec.host))
}

impl View {
    /// What templates of a profile, or of the options of a network, see for a machine.
    pub fn context(&self, client: &Client, network: &Network, profile: Option<&Profile>) -> Context {
        let host = self.recognise(client).map(|(host, _)| &**host);
        let deployment = host.and_then(|host| self.deployment(&host.name));
        let server = self.server(&network.metadata.name, client);
        let base = server.map(|server| server.base(true)).unwrap_or_default();
        let mac = client.mac();
        let dashes = mac.map(|mac| mac.to_string().replace(':', "-")).unwrap_or_default();
        let files = profile.into_iter().flat_map(|profile| profile.spec.files.iter());
        let files = files.filter_map(|file| {
            let path = file_path(self, deployment?, &file.name)?;
            Some((file.name.clone(), format!("{base}{path}")))
        });
        let media = profile.and_then(|profile| profile.spec.media.as_ref());
        Context {
            host: host_context(client, network, host, &dashes),
            mac: mac.map(|mac| mac.to_string()).unwrap_or_default(),
            bootif: format!("01-{dashes}"),
            architecture: client.firmware().map(|firmware| firmware.to_string()).unwrap_or_default(),
            network: network_context(network),
            server: server.map(|server| server_context(server, &base)).unwrap_or_default(),
            profile: profile.map(|profile| profile.metadata.name.to_string()).unwrap_or_default(),
            deployment: deployment.map(|deployment| deployment.metadata.name.to_string()).unwrap_or_default(),
            media: media.map(|media| format!("{base}media/{}", url_path(media.as_str()))).unwrap_or_default(),
            files: files.collect(),
        }
    }
}

fn host_context(client: &Client, network: &Network, host: Option<&HostRecord>, dashes: &str) -> HostContext {
    let Some(host) = host else {
        return HostContext {
            name: dashes.to_owned(),
            macs: client.macs.iter().map(ToString::to_string).collect(),
            address: client.address.map(|address| address.to_string()).unwrap_or_default(),
            uuid: client.telling_uuid().map(|uuid| uuid.to_string()).unwrap_or_default(),
            ..HostContext::default()
        };
    };
    let kept = host.kept(client.ipv6, network);
    HostContext {
        name: host.name.to_string(),
        labels: host.labels.clone(),
        cluster: host.cluster.as_ref().map(ToString::to_string).unwrap_or_default(),
        macs: host.macs.iter().map(ToString::to_string).collect(),
        address: kept.or(client.address).map(|address| address.to_string()).unwrap_or_default(),
        uuid: host.boot.uuid.map(|uuid| uuid.to_string()).unwrap_or_default(),
        serial: host.boot.serial.clone().unwrap_or_default(),
    }
}

fn network_context(network: &Network) -> NetworkContext {
    let spec = &network.spec;
    NetworkContext {
        name: network.metadata.name.to_string(),
        subnet: spec.subnet.to_string(),
        netmask: spec.subnet.netmask().to_string(),
        prefix: spec.subnet.prefix(),
        gateway: spec.gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
        dns: spec.dns.iter().map(ToString::to_string).collect(),
        domain: spec.domain.clone().unwrap_or_default(),
        ntp: spec.ntp.iter().map(ToString::to_string).collect(),
    }
}

fn server_context(server: BootServer, base: &str) -> ServerContext {
    ServerContext { address: server.address.to_string(), url: base.trim_end_matches('/').to_owned() }
}
