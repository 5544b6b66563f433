//! What monitoring systems gather, in the OpenMetrics text format.

mod dhcp;
mod dhcp6;
mod recoveries;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ironhand_api::{CheckState, HostStatus, Name, Repository};
use ironhand_model::Site;
use ironhand_store::{ListQuery, Store, StoreError};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use self::dhcp::DhcpMetrics;
use self::dhcp6::Dhcp6Metrics;
use self::recoveries::RecoveryMetrics;
use super::{Api, ApiError};
use crate::boot::{BootCounts, BootWatch};
use crate::heartbeat::HeartbeatCounts;
use crate::repository::Judged;

/// Events that are read at a time.
const PAGE: u32 = 1000;

/// OpenMetrics 1.0.0, section 4.1.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values that tell one series of a metric from another.
type Labels = Vec<(&'static str, String)>;

/// What is gathered: what holds at the moment is counted anew each time, events go on from the time before.
pub(super) struct Metrics {
    registry: Registry,
    hosts: Family<Labels, Gauge>,
    health: Family<Labels, Gauge>,
    reach: Family<Labels, Gauge>,
    alerts: Family<Labels, Gauge>,
    paused: Family<Labels, Gauge>,
    events: Family<Labels, Counter>,
    repositories: Family<Labels, Gauge>,
    drift: Family<Labels, Gauge>,
    webhooks: Family<Labels, Gauge>,
    heartbeats: Family<Labels, Counter>,
    checks: Family<Labels, Gauge>,
    boots: Family<Labels, Gauge>,
    machines: Gauge,
    boots_left_out: Family<Labels, Counter>,
    dhcp: DhcpMetrics,
    dhcp6: Dhcp6Metrics,
    recoveries: RecoveryMetrics,
    boot_http: Family<Labels, Counter>,
    boot_tftp: Family<Labels, Counter>,
    boot_bytes: Family<Labels, Counter>,
    /// The last event that is counted; none before the first gathering.
    counted: Option<u64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("ironhand");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The server that answers", version);
        let (hosts, health, reach) = (Family::default(), Family::default(), Family::default());
        let (alerts, events, paused) = (Family::default(), Family::default(), Family::default());
        let (heartbeats, checks) = (Family::default(), Family::default());
        registry.register(
            "hosts",
            "Hosts of this server, by the state that people see",
            Family::clone(&hosts),
        );
        registry.register("hosts_health", "Hosts of this server, by how they fare", Family::clone(&health));
        registry.register(
            "hosts_reach",
            "Hosts of this server, by how their devices can be reached",
            Family::clone(&reach),
        );
        registry.register(
            "alerts_open",
            "Open alerts of hosts of this server, by cause",
            Family::clone(&alerts),
        );
        registry.register(
            "recovery_paused",
            "Places where recovery is paused: Settings global is all hosts",
            Family::clone(&paused),
        );
        registry.register(
            "events",
            "Events since this server was first asked, by kind",
            Family::clone(&events),
        );
        registry.register(
            "heartbeats",
            "Heartbeats that came, by whether they counted",
            Family::clone(&heartbeats),
        );
        registry.register(
            "checks",
            "Checks of hosts of this server, by what they came to",
            Family::clone(&checks),
        );
        let (repositories, drift, webhooks) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "repositories",
            "Repositories that are followed, by how that fares",
            Family::clone(&repositories),
        );
        registry.register(
            "repository_drift",
            "Resources that are not what the commit in force of their repository says",
            Family::clone(&drift),
        );
        registry.register(
            "repository_webhook_requests",
            "Requests to the webhooks of repositories since this server was started, by what became of them",
            Family::clone(&webhooks),
        );
        let (boots, machines, boots_left_out) = (Family::default(), Gauge::default(), Family::default());
        registry.register(
            "boots",
            "Boots over the network that this server remembers, by where they stand",
            Family::clone(&boots),
        );
        registry.register(
            "boot_machines",
            "Machines that booted over the network and were no hosts then",
            machines.clone(),
        );
        registry.register(
            "boot_left_out",
            "What was seen of boots and not taken in, as it came too fast or was too much",
            Family::clone(&boots_left_out),
        );
        let dhcp = DhcpMetrics::register(&mut registry);
        let dhcp6 = Dhcp6Metrics::register(&mut registry);
        let recoveries = RecoveryMetrics::register(&mut registry);
        let (boot_http, boot_tftp, boot_bytes) = register_listeners(&mut registry);
        Self {
            registry,
            dhcp,
            dhcp6,
            recoveries,
            boots,
            machines,
            boots_left_out,
            boot_http,
            boot_tftp,
            boot_bytes,
            hosts,
            health,
            reach,
            alerts,
            paused,
            events,
            repositories,
            drift,
            webhooks,
            heartbeats,
            checks,
            counted: None,
        }
    }

    /// Counts what holds of the hosts now.
    fn count_hosts(&self, statuses: &[HostStatus]) {
        for family in [&self.hosts, &self.health, &self.reach, &self.alerts, &self.checks] {
            family.clear();
        }
        let word = |text: String| text.to_lowercase().replace(' ', "_");
        for status in statuses {
            self.hosts.get_or_create(&vec![("state", word(status.icon.to_string()))]).inc();
            self.health.get_or_create(&vec![("health", word(status.health.to_string()))]).inc();
            for (device, fact) in [("controller", &status.reach), ("screen", &status.screen_reach)] {
                if let Some(fact) = fact {
                    let labels = vec![("device", device.to_owned()), ("reach", word(fact.value.to_string()))];
                    self.reach.get_or_create(&labels).inc();
                }
            }
            for check in &status.checks {
                let state = check.state.as_ref().map_or(CheckState::Unknown, |fact| fact.value);
                let labels = vec![("kind", check.kind.to_string()), ("state", state.to_string())];
                self.checks.get_or_create(&labels).inc();
            }
            for cause in &status.alerts {
                self.alerts.get_or_create(&vec![("cause", cause.to_string())]).inc();
            }
        }
    }

    /// Counts what holds of the repositories now.
    fn count_repositories(&self, repositories: &[Repository], knocks: Vec<(Name, Judged, u64)>) {
        for family in [&self.repositories, &self.drift, &self.webhooks] {
            family.clear();
        }
        for Repository { metadata, status, .. } in repositories {
            let status = status.clone().unwrap_or_default();
            let state = match (&status.error, &status.refused, &status.in_force) {
                (Some(_), _, _) => "unreachable",
                (None, Some(_), _) => "refused",
                (None, None, Some(_)) => "in_force",
                (None, None, None) => "not_yet_seen",
            };
            self.repositories.get_or_create(&vec![("state", state.to_owned())]).inc();
            let drift = i64::try_from(status.drift.len()).unwrap_or(i64::MAX);
            self.drift.get_or_create(&vec![("repository", metadata.name.to_string())]).set(drift);
        }
        for (name, judged, count) in knocks {
            let labels = vec![("repository", name.to_string()), ("result", judged.word().to_owned())];
            self.webhooks.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Names the places where recovery is paused now.
    fn name_paused(&self, site: &Site) {
        self.paused.clear();
        for said in site.paused() {
            let labels = vec![("kind", said.kind.to_string()), ("name", said.name.to_string())];
            self.paused.get_or_create(&labels).set(1);
        }
    }

    /// Counts what holds of boots now.
    fn count_boots(&self, watch: &BootWatch) {
        self.boots.clear();
        for (state, count) in watch.states() {
            let labels = vec![("state", state.to_string().replace(' ', "_"))];
            self.boots.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.machines.set(i64::try_from(watch.machines().len()).unwrap_or(i64::MAX));
        let (notes, machines) = watch.left_out();
        for (what, count) in [("sightings", notes), ("machines", machines)] {
            let counter = self.boots_left_out.get_or_create(&vec![("what", what.to_owned())]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Follows what the listeners of machines that boot count.
    fn count_listeners(&self, counts: &BootCounts) {
        let BootCounts { http, tftp } = counts;
        let of_http = [
            ("connections", http.connections),
            ("connections_turned_away", http.turned_away),
            ("requests", http.requests),
            ("refused", http.refused),
            ("timed_out", http.timed_out),
            ("stalled", http.stalled),
            ("handshakes_failed", http.handshakes_failed),
        ];
        let of_tftp = [
            ("requests", tftp.requests),
            ("done", tftp.done),
            ("size_only", tftp.size_only),
            ("refused", tftp.refused),
            ("broken", tftp.broken),
            ("repeated", tftp.repeated),
            ("malformed", tftp.malformed),
            ("turned_away", tftp.turned_away),
        ];
        let of_bytes = [("http", http.bytes), ("tftp", tftp.octets)];
        let follow = |family: &Family<Labels, Counter>, label, counts: &[(&str, u64)]| {
            for (what, count) in counts {
                let counter = family.get_or_create(&vec![(label, (*what).to_owned())]);
                counter.inc_by(count.saturating_sub(counter.get()));
            }
        };
        follow(&self.boot_http, "what", &of_http);
        follow(&self.boot_tftp, "what", &of_tftp);
        follow(&self.boot_bytes, "by", &of_bytes);
    }

    /// Follows what became of heartbeats.
    fn count_heartbeats(&self, counts: &HeartbeatCounts) {
        for (outcome, count) in [("taken", &counts.taken), ("refused", &counts.refused)] {
            let counter = self.heartbeats.get_or_create(&vec![("outcome", outcome.to_owned())]);
            counter.inc_by(count.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
    }

    /// Counts the events since the last time.
    async fn count_events(&mut self, store: &Store) -> Result<(), StoreError> {
        let Some(mut last) = self.counted else {
            self.counted = Some(store.newest_event().await?);
            return Ok(());
        };
        loop {
            let events = store.events_after(last, PAGE, None).await?;
            let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
            let mut told = Vec::new();
            for event in &events {
                told.extend(RecoveryMetrics::read(store, event).await?);
                *kinds.entry(event.kind.code()).or_default() += 1;
                last = last.max(event.id);
            }
            self.recoveries.count(&told);
            for (kind, count) in kinds {
                self.events.get_or_create(&vec![("kind", kind.to_owned())]).inc_by(count);
            }
            self.counted = Some(last);
            if events.len() < PAGE as usize {
                return Ok(());
            }
        }
    }
}

/// Registers what the listeners of machines that boot count.
fn register_listeners(
    registry: &mut Registry,
) -> (Family<Labels, Counter>, Family<Labels, Counter>, Family<Labels, Counter>) {
    let (http, tftp, bytes) = (Family::default(), Family::default(), Family::default());
    registry.register(
        "boot_http",
        "What the HTTP listeners of machines that boot counted since this server was started",
        Family::clone(&http),
    );
    registry.register(
        "boot_tftp",
        "What the TFTP listener of machines that boot counted since this server was started",
        Family::clone(&tftp),
    );
    registry.register(
        "boot_bytes",
        "Bytes of files that machines read since this server was started",
        Family::clone(&bytes),
    );
    (http, tftp, bytes)
}

/// `GET /metrics`
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, ApiError> {
    let mut metrics = api.metrics.lock().await;
    metrics.count_hosts(&api.fleet.statuses());
    metrics.name_paused(&api.fleet.site());
    metrics.count_heartbeats(&api.heartbeats.counts);
    metrics.count_boots(&api.boots);
    if let Some(dhcp) = &api.dhcp {
        let services = dhcp.services().await;
        metrics.dhcp.count(&services, &dhcp.pools().await, dhcp.counted().await);
        metrics.dhcp6.count(&services, dhcp.counted6().await);
    }
    if let Some(ports) = &api.ports {
        metrics.count_listeners(&ports.counts());
    }
    metrics.count_events(&api.store).await?;
    let repositories = api.store.list::<Repository>(&ListQuery::default()).await?.items;
    metrics.count_repositories(&repositories, api.repositories.knocks().counts());
    let mut text = String::new();
    // Writing to a string never fails.
    let _ = encode(&mut text, &metrics.registry);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted_anew_each_time() {
        let status = |json: serde_json::Value| serde_json::from_value::<HostStatus>(json).expect("a status");
        let at = "2026-03-01T02:14:07.120Z";
        let reach = serde_json::json!({
            "value": "auth_failed", "observedAt": at, "since": at, "source": "ipmi 10.0.7.12",
        });
        let on = status(serde_json::json!({ "icon": "on", "health": "needs_human", "reach": reach }));
        let off = status(serde_json::json!({ "icon": "off", "health": "well" }));
        let metrics = Metrics::new();
        let text = || {
            let mut text = String::new();
            encode(&mut text, &metrics.registry).expect("a string takes it");
            text
        };
        metrics.count_hosts(&[on.clone(), on]);
        assert!(text().contains("ironhand_hosts{state=\"on\"} 2\n"), "{}", text());
        assert!(text().contains("ironhand_hosts_health{health=\"needs_human\"} 2\n"), "{}", text());
        let reach = "ironhand_hosts_reach{device=\"controller\",reach=\"authentication_failed\"} 2\n";
        assert!(text().contains(reach), "{}", text());
        metrics.count_hosts(&[off]);
        assert!(
            text().contains("ironhand_hosts{state=\"off\"} 1\n") && !text().contains("\"on\""),
            "{}",
            text()
        );
        assert!(text().ends_with("# EOF\n"));
    }
}
