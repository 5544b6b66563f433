//! What is counted of DHCP.

use std::collections::BTreeMap;

use ironhand_api::{Name, NetworkService, PoolUse, ServiceState};
use ironhand_boot_port::dhcp::DhcpStatistics;
use ironhand_dhcp::Counters;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Labels;

/// The metrics of DHCP.
#[derive(Debug, Default)]
pub(super) struct DhcpMetrics {
    networks: Family<Labels, Gauge>,
    pools: Family<Labels, Gauge>,
    requests: Family<Labels, Counter>,
    answers: Family<Labels, Counter>,
    unanswered: Family<Labels, Counter>,
    leases: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
}

impl DhcpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { networks, pools, requests, answers, unanswered, leases, lost } = &metrics;
        let gauges = [
            ("dhcp_networks", "Networks, by how they are served with DHCP", networks),
            (
                "dhcp_pool_addresses",
                "Addresses of the pools of networks, by whether they are given out",
                pools,
            ),
        ];
        for (name, help, family) in gauges {
            registry.register(name, help, Family::clone(family));
        }
        let counters = [
            (
                "dhcp_requests",
                "Messages of DHCP clients since the first network was served, by kind",
                requests,
            ),
            ("dhcp_answers", "Answers to DHCP clients since the first network was served, by kind", answers),
            (
                "dhcp_unanswered",
                "Messages of DHCP clients that were not answered, by reason; other is everything that has none of its own",
                unanswered,
            ),
            ("dhcp_leases", "What became of leases, by what", leases),
            ("dhcp_lost", "What was lost of DHCP, by what", lost),
        ];
        for (name, help, family) in counters {
            registry.register(name, help, Family::clone(family));
        }
        metrics
    }

    /// Counts what holds now, and what was counted since the first network was served.
    pub(super) fn count(
        &self,
        services: &[NetworkService],
        pools: &BTreeMap<Name, PoolUse>,
        counted: Option<(Counters, DhcpStatistics)>,
    ) {
        self.networks.clear();
        for service in services {
            self.networks.get_or_create(&vec![("state", word(service.state).to_owned())]).inc();
        }
        self.pools.clear();
        for (network, pool) in pools.iter().filter(|(_, pool)| pool.size > 0) {
            for (state, count) in [("used", pool.used()), ("free", pool.free)] {
                let labels = vec![("network", network.to_string()), ("state", state.to_owned())];
                self.pools.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        let Some((counters, statistics)) = counted else { return };
        let Counters { discovers, requests, declines, releases, informs, boot_service, .. } = counters;
        follow(
            &self.requests,
            "kind",
            &[
                ("discover", discovers),
                ("request", requests),
                ("decline", declines),
                ("release", releases),
                ("inform", informs),
                ("boot_service", boot_service),
            ],
        );
        let Counters { offers, boot_answers, acks, naks, .. } = counters;
        follow(
            &self.answers,
            "kind",
            &[("offer", offers), ("boot", boot_answers), ("ack", acks), ("nak", naks)],
        );
        let Counters { silent, malformed, limited, exhausted, spoofed, .. } = counters;
        let other = silent.saturating_sub(malformed + limited + exhausted + spoofed);
        follow(
            &self.unanswered,
            "reason",
            &[
                ("malformed", malformed),
                ("limited", limited),
                ("pool_exhausted", exhausted),
                ("spoofed", spoofed),
                ("other", other),
            ],
        );
        let Counters { expired, in_use, .. } = counters;
        follow(
            &self.leases,
            "what",
            &[("stored", statistics.stored), ("expired", expired), ("in_use", in_use)],
        );
        follow(
            &self.lost,
            "what",
            &[("answers", statistics.send_failures), ("leases", statistics.store_failures)],
        );
    }
}

/// How a network is served, as a label says it.
pub(super) const fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Served => "served",
        ServiceState::Looking => "looking",
        ServiceState::Foreign => "foreign",
        ServiceState::Failed => "failed",
        ServiceState::Off => "off",
    }
}

/// Lets counters be what was counted elsewhere.
pub(super) fn follow(family: &Family<Labels, Counter>, label: &'static str, values: &[(&str, u64)]) {
    for (value, count) in values {
        let counter = family.get_or_create(&vec![(label, (*value).to_owned())]);
        counter.inc_by(count.saturating_sub(counter.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_and_gauges_are_set() {
        let mut registry = Registry::with_prefix("ironhand");
        let metrics = DhcpMetrics::register(&mut registry);
        let pools = BTreeMap::from([("rack".parse().unwrap(), PoolUse { size: 100, free: 40 })]);
        let counters = Counters { offers: 3, silent: 5, malformed: 2, ..Counters::default() };
        metrics.count(&[], &pools, Some((counters, DhcpStatistics::default())));
        let counters = Counters { offers: 4, ..counters };
        metrics.count(&[], &pools, Some((counters, DhcpStatistics::default())));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "ironhand_dhcp_pool_addresses{network=\"rack\",state=\"used\"} 60\n",
            "ironhand_dhcp_answers_total{kind=\"offer\"} 4\n",
            "ironhand_dhcp_unanswered_total{reason=\"malformed\"} 2\n",
            "ironhand_dhcp_unanswered_total{reason=\"other\"} 3\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
