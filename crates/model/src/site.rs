//! Under which terms a host is worked on: what its zone, its cluster and commands say.

use std::collections::BTreeMap;

use ironhand_api::{
    Administration, Check, Cluster, GlobalSettings, Host, Kind, Management, Name, Said, SettingValue,
    Settings, SettingsSpec, Zone,
};

/// Everything that is said above hosts: settings, zones, clusters, and what commands said of them all.
#[derive(Clone, Debug, Default)]
pub struct Site {
    defaults: Settings,
    global: SettingsSpec,
    zones: BTreeMap<Name, SettingsSpec>,
    clusters: BTreeMap<Name, (Option<Name>, SettingsSpec)>,
    /// The checks of the hosts in clusters that have any.
    health: BTreeMap<Name, Vec<Check>>,
    said: BTreeMap<(Kind, Name), Administration>,
}

/// Under which terms a host is worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How often, how long, how many.
    pub settings: Settings,
    /// Whether it is managed: only where zone, cluster and host are all enabled.
    pub management: Management,
    /// The level that says so, like `Zone ams`.
    pub source: String,
    /// Why, where it is disabled and a reason was given.
    pub reason: Option<String>,
    /// Whether somebody works on it.
    pub maintenance: Said,
    /// The zone that it stands in.
    pub zone: Option<Name>,
    /// Why no flow may begin without a person; none where it may.
    pub hold: Option<String>,
    /// What the host itself is asked.
    pub health: Vec<Check>,
}

impl Site {
    /// What is said above hosts. `defaults` hold where nothing else is set.
    pub fn new(
        defaults: Settings,
        global: Option<GlobalSettings>,
        zones: Vec<Zone>,
        clusters: Vec<Cluster>,
        said: Vec<Administration>,
    ) -> Self {
        Self {
            defaults,
            global: global.map(|global| global.spec).unwrap_or_default(),
            zones: zones.into_iter().map(|zone| (zone.metadata.name, zone.spec.settings)).collect(),
            health: clusters
                .iter()
                .filter(|cluster| !cluster.spec.health.is_empty())
                .map(|cluster| (cluster.metadata.name.clone(), cluster.spec.health.clone()))
                .collect(),
            clusters: clusters
                .into_iter()
                .map(|cluster| (cluster.metadata.name, (cluster.spec.zone, cluster.spec.settings)))
                .collect(),
            said: said.into_iter().map(|said| ((said.kind, said.name.clone()), said)).collect(),
        }
    }

    /// What holds where nothing is set.
    pub const fn defaults(&self) -> &Settings {
        &self.defaults
    }

    /// The settings of the server as a whole.
    pub fn settings(&self) -> Settings {
        self.defaults.with(&self.global)
    }

    /// What `host` itself is asked: its own checks, or else those of its cluster.
    pub fn health(&self, host: &Host) -> Vec<Check> {
        let own = &host.spec.health;
        let shared = host.spec.cluster.as_ref().filter(|_| own.is_empty());
        let checks = shared.and_then(|cluster| self.health.get(cluster)).unwrap_or(own);
        checks.iter().map(|check| check.of_host(&host.metadata.name)).collect()
    }

    /// Under which terms `host` is worked on. The refusal to manage it names the highest level that refuses.
    pub fn terms(&self, host: &Host) -> Terms {
        let (cluster, zone) = self.above(host);
        let mut settings = self.settings();
        for (_, _, spec) in self.places(host).into_iter().rev() {
            settings = settings.with(spec);
        }
        let name = &host.metadata.name;
        let levels = [
            (Management::DisabledAtZone, Kind::Zone, zone),
            (Management::DisabledAtCluster, Kind::Cluster, cluster),
            (Management::DisabledAtHost, Kind::Host, Some(name)),
        ];
        let refusal = levels.into_iter().find_map(|(management, kind, name)| {
            let name = name?;
            let said = &self.said(kind, name)?.management;
            (!said.on).then(|| (management, format!("{kind} {name}"), said.reason.clone()))
        });
        let (management, source, reason) =
            refusal.unwrap_or_else(|| (Management::Enabled, format!("Host {name}"), None));
        let maintenance = self.said(Kind::Host, name).map(|said| said.maintenance.clone());
        Terms {
            settings,
            management,
            source,
            reason,
            maintenance: maintenance.unwrap_or(Said { on: false, at: None, reason: None }),
            zone: zone.cloned(),
            hold: self.hold(cluster, zone),
            health: self.health(host),
        }
    }

    /// Where the value of one setting of `host` comes from, like `Cluster web-ams`; none where it is the default.
    pub fn origin(&self, host: &Host, setting: &str) -> Option<(String, SettingValue)> {
        let given = |spec: &SettingsSpec| spec.given().into_iter().find(|(name, _)| *name == setting);
        let near = self
            .places(host)
            .into_iter()
            .find_map(|(kind, name, spec)| given(spec).map(|(_, value)| (format!("{kind} {name}"), value)));
        let global = || {
            given(&self.global).map(|(_, value)| (format!("{} {}", Kind::Settings, Settings::GLOBAL), value))
        };
        near.or_else(global)
    }

    /// What commands said of a host, a cluster or a zone.
    pub fn said(&self, kind: Kind, name: &Name) -> Option<&Administration> {
        self.said.get(&(kind, name.clone()))
    }

    /// Where recovery is paused.
    pub fn paused(&self) -> impl Iterator<Item = &Administration> {
        self.said.values().filter(|said| !said.recovery.on)
    }

    /// Why no flow may begin without a person at a host in these places.
    fn hold(&self, cluster: Option<&Name>, zone: Option<&Name>) -> Option<String> {
        let all = self.said.iter().find(|((kind, _), _)| *kind == Kind::Settings).map(|(_, said)| said);
        let at = |kind, name: Option<&Name>| name.and_then(|name| self.said(kind, name));
        let places = [all, at(Kind::Zone, zone), at(Kind::Cluster, cluster)];
        let paused = places.into_iter().flatten().find(|said| !said.recovery.on)?;
        let place = match paused.kind {
            Kind::Settings => "of all hosts".to_owned(),
            kind => format!("of {kind} {}", paused.name),
        };
        let reason = paused.recovery.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(format!("recovery {place} is paused{reason}"))
    }

    /// The cluster of a host and the zone of that.
    fn above<'s>(&'s self, host: &'s Host) -> (Option<&'s Name>, Option<&'s Name>) {
        let cluster = host.spec.cluster.as_ref();
        let zone = cluster.and_then(|cluster| self.clusters.get(cluster)?.0.as_ref());
        (cluster, zone)
    }

    /// The places that may set something for a host, the nearest first.
    fn places<'s>(&'s self, host: &'s Host) -> Vec<(Kind, &'s Name, &'s SettingsSpec)> {
        let (cluster, zone) = self.above(host);
        let mut places = vec![(Kind::Host, &host.metadata.name, &*host.spec.settings)];
        places.extend(cluster.and_then(|name| Some((Kind::Cluster, name, &self.clusters.get(name)?.1))));
        places.extend(zone.and_then(|name| Some((Kind::Zone, name, self.zones.get(name)?))));
        places
    }
}

#[cfg(test)]
mod tests;
