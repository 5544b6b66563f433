use std::time::Duration;

use ironhand_api::{ClusterSpec, Metadata, Span, ZoneSpec};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn metadata(text: &str) -> Metadata {
    serde_json::from_value(serde_json::json!({ "name": text })).unwrap()
}

fn timeout(seconds: u64) -> SettingsSpec {
    SettingsSpec { action_timeout: Some(Span::from_secs(seconds)), ..SettingsSpec::default() }
}

fn said(kind: Kind, of: &str, enabled: bool) -> Administration {
    let mut said = Administration::unsaid(kind, name(of));
    said.management =
        Said { on: enabled, at: None, reason: (!enabled).then(|| format!("{kind} is rebuilt")) };
    said
}

/// The host `h` of cluster `c`, in a site where `c` stands in zone `z`.
struct Place {
    zone_exists: bool,
    cluster_exists: bool,
    host_names_cluster: bool,
    cluster_names_zone: bool,
}

impl Place {
    fn site(&self, defaults: Settings, global: Option<SettingsSpec>, said: Vec<Administration>) -> Site {
        let zone = Zone { metadata: metadata("z"), spec: ZoneSpec { settings: timeout(40) } };
        let spec = ClusterSpec {
            health: Vec::new(),
            zone: self.cluster_names_zone.then(|| name("z")),
            settings: timeout(30),
        };
        let cluster = Cluster { metadata: metadata("c"), spec };
        Site::new(
            defaults,
            global.map(|spec| GlobalSettings { metadata: metadata(Settings::GLOBAL), spec }),
            Vec::from_iter(self.zone_exists.then_some(zone)),
            Vec::from_iter(self.cluster_exists.then_some(cluster)),
            said,
        )
    }

    fn host(&self, settings: SettingsSpec) -> Host {
        let mut host: Host = serde_json::from_value(
            serde_json::json!({ "metadata": { "name": "h" }, "spec": { "connectors": [] } }),
        )
        .unwrap();
        host.spec.cluster = self.host_names_cluster.then(|| name("c"));
        host.spec.settings = Box::new(settings);
        host
    }
}

const WHOLE: Place =
    Place { zone_exists: true, cluster_exists: true, host_names_cluster: true, cluster_names_zone: true };

/// Zone, cluster, host enabled or not | the refusal, with the level and the reason.
#[test]
fn a_host_is_managed_where_zone_cluster_and_host_are_enabled() {
    let table = "
        on  on  on  | enabled
        on  on  off | disabled at the host: Host h, Host is rebuilt
        on  off on  | disabled at the cluster: Cluster c, Cluster is rebuilt
        on  off off | disabled at the cluster: Cluster c, Cluster is rebuilt
        off on  on  | disabled at the zone: Zone z, Zone is rebuilt
        off on  off | disabled at the zone: Zone z, Zone is rebuilt
        off off on  | disabled at the zone: Zone z, Zone is rebuilt
        off off off | disabled at the zone: Zone z, Zone is rebuilt
    ";
    check(&WHOLE, table);
    // A zone that no cluster stands in says nothing.
    let no_zone = "
        off on  on  | enabled
        off off on  | disabled at the cluster: Cluster c, Cluster is rebuilt
        off on  off | disabled at the host: Host h, Host is rebuilt
    ";
    check(&Place { cluster_names_zone: false, ..WHOLE }, no_zone);
    // A host that belongs to no cluster has no zone either.
    let no_cluster = "
        off off on  | enabled
        off off off | disabled at the host: Host h, Host is rebuilt
    ";
    check(&Place { host_names_cluster: false, ..WHOLE }, no_cluster);
    // What was said of a cluster or a zone holds even where its manifest is missing.
    let cluster_missing = "
        off off on  | disabled at the cluster: Cluster c, Cluster is rebuilt
        off on  on  | enabled
        on  on  off | disabled at the host: Host h, Host is rebuilt
    ";
    check(&Place { cluster_exists: false, ..WHOLE }, cluster_missing);
    check(&Place { zone_exists: false, ..WHOLE }, table);
}

fn check(place: &Place, table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (levels, wanted) = line.split_once('|').unwrap();
        let on: Vec<bool> = levels.split_whitespace().map(|level| level == "on").collect();
        let said =
            vec![said(Kind::Zone, "z", on[0]), said(Kind::Cluster, "c", on[1]), said(Kind::Host, "h", on[2])];
        let terms = place.site(Settings::default(), None, said).terms(&place.host(SettingsSpec::default()));
        let mut got = terms.management.to_string();
        if let Some(reason) = &terms.reason {
            got = format!("{got}: {}, {reason}", terms.source);
        }
        assert_eq!(got, wanted.trim(), "{line}");
        assert_eq!(terms.management.is_enabled(), terms.reason.is_none(), "{line}");
    }
}

#[test]
fn enabling_above_enables_nothing_below() {
    let of = |zone, host| {
        let said = vec![said(Kind::Zone, "z", zone), said(Kind::Host, "h", host)];
        WHOLE.site(Settings::default(), None, said).terms(&WHOLE.host(SettingsSpec::default())).management
    };
    assert_eq!(of(false, false), Management::DisabledAtZone);
    assert_eq!(of(true, false), Management::DisabledAtHost);
    assert_eq!(of(true, true), Management::Enabled);
    let unsaid = WHOLE.site(Settings::default(), None, Vec::new());
    let terms = unsaid.terms(&WHOLE.host(SettingsSpec::default()));
    assert_eq!((terms.management, terms.source.as_str()), (Management::Enabled, "Host h"));
    assert_eq!(terms.maintenance, Said { on: false, at: None, reason: None });
}

#[test]
fn maintenance_is_said_of_hosts_alone() {
    let maintained = |kind, of: &str| {
        let mut said = Administration::unsaid(kind, name(of));
        said.maintenance = Said { on: true, at: None, reason: Some("new fans".to_owned()) };
        WHOLE
            .site(Settings::default(), None, vec![said])
            .terms(&WHOLE.host(SettingsSpec::default()))
            .maintenance
    };
    assert_eq!(maintained(Kind::Host, "h").reason.as_deref(), Some("new fans"));
    assert!(!maintained(Kind::Cluster, "c").on);
    assert!(!maintained(Kind::Host, "another").on);
}

#[test]
fn the_nearest_place_that_sets_a_setting_decides() {
    let check =
        |place: &Place, host: Option<u64>, global: Option<u64>, seconds: u64, origin: Option<&str>| {
            let site = place.site(Settings::default(), global.map(timeout), Vec::new());
            let host = place.host(host.map(timeout).unwrap_or_default());
            assert_eq!(site.terms(&host).settings.action_timeout, Duration::from_secs(seconds));
            let told = site.origin(&host, "actionTimeout");
            assert_eq!(told.as_ref().map(|(origin, _)| origin.as_str()), origin);
            if let Some((_, value)) = told {
                assert_eq!(value, SettingValue::Time(Span::from_secs(seconds)));
            }
            assert_eq!(site.origin(&host, "quietAfter"), None, "nothing sets it");
            assert_eq!(site.terms(&host).settings.quiet_after, Settings::default().quiet_after);
        };
    let no_cluster = Place { host_names_cluster: false, ..WHOLE };
    let no_zone = Place { zone_exists: false, ..WHOLE };
    let cluster_missing = Place { cluster_exists: false, ..WHOLE };
    check(&WHOLE, Some(20), Some(50), 20, Some("Host h"));
    check(&WHOLE, None, Some(50), 30, Some("Cluster c"));
    check(&no_zone, None, Some(50), 30, Some("Cluster c"));
    check(&cluster_missing, None, Some(50), 50, Some("Settings global"));
    check(&no_cluster, Some(20), None, 20, Some("Host h"));
    check(&no_cluster, None, Some(50), 50, Some("Settings global"));
    check(&no_cluster, None, None, 60, None);

    // The zone, where its cluster sets something else.
    let zone = Zone { metadata: metadata("z"), spec: ZoneSpec { settings: timeout(40) } };
    let spec = ClusterSpec { health: Vec::new(), zone: Some(name("z")), settings: SettingsSpec::default() };
    let cluster = Cluster { metadata: metadata("c"), spec };
    let site = Site::new(Settings::default(), None, vec![zone], vec![cluster], Vec::new());
    let host = WHOLE.host(SettingsSpec::default());
    assert_eq!(site.terms(&host).settings.action_timeout, Duration::from_secs(40));
    assert_eq!(site.origin(&host, "actionTimeout").unwrap().0, "Zone z");
    assert_eq!(site.settings().action_timeout, Duration::from_secs(60), "of the server as a whole");
}
