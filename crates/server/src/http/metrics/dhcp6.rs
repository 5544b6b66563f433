//! What is counted of DHCPv6 and of router advertisements.

use ironhand_api::NetworkService;
use ironhand_boot_port::dhcp6::Dhcp6Statistics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Labels;
use super::dhcp::{follow, word};

/// The metrics of DHCPv6.
#[derive(Debug, Default)]
pub(super) struct Dhcp6Metrics {
    networks: Family<Labels, Gauge>,
    answers: Family<Labels, Counter>,
    unanswered: Family<Labels, Counter>,
    leases: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
    advertisements: Counter,
}

impl Dhcp6Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { networks, answers, unanswered, leases, lost, advertisements } = &metrics;
        registry.register(
            "dhcp6_networks",
            "Networks with an IPv6 side, by how it is served",
            Family::clone(networks),
        );
        let counters = [
            (
                "dhcp6_answers",
                "Answers to DHCPv6 clients since the first network was served, by kind",
                answers,
            ),
            ("dhcp6_unanswered", "Messages of DHCPv6 clients that were not answered, by reason", unanswered),
            ("dhcp6_leases", "What became of leases of IPv6, by what", leases),
            ("dhcp6_lost", "What was lost of DHCPv6, by what", lost),
        ];
        for (name, help, family) in counters {
            registry.register(name, help, Family::clone(family));
        }
        registry.register(
            "router_advertisements",
            "Router advertisements that were sent",
            advertisements.clone(),
        );
        metrics
    }

    /// Counts what holds now, and what was counted since the first network was served.
    pub(super) fn count(&self, services: &[NetworkService], counted: Option<Dhcp6Statistics>) {
        self.networks.clear();
        for service in services.iter().filter_map(|service| service.ipv6.as_ref()) {
            self.networks.get_or_create(&vec![("state", word(service.state).to_owned())]).inc();
        }
        let Some(counted) = counted else { return };
        let Dhcp6Statistics { offered, given, refused, informed, confirmed, .. } = counted;
        follow(
            &self.answers,
            "kind",
            &[
                ("advertise", offered),
                ("reply", given),
                ("no_address", refused),
                ("information", informed),
                ("confirm", confirmed),
            ],
        );
        let Dhcp6Statistics { discarded, malformed, silent, .. } = counted;
        follow(
            &self.unanswered,
            "reason",
            &[("discarded", discarded), ("malformed", malformed), ("other", silent)],
        );
        let Dhcp6Statistics { stored, expired, released, declined, .. } = counted;
        follow(
            &self.leases,
            "what",
            &[("stored", stored), ("expired", expired), ("released", released), ("in_use", declined)],
        );
        let Dhcp6Statistics { send_failures, store_failures, .. } = counted;
        follow(&self.lost, "what", &[("answers", send_failures), ("leases", store_failures)]);
        let sent = &self.advertisements;
        sent.inc_by(counted.advertisements.saturating_sub(sent.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise() {
        let mut registry = Registry::with_prefix("ironhand");
        let metrics = Dhcp6Metrics::register(&mut registry);
        metrics.count(
            &[],
            Some(Dhcp6Statistics { offered: 3, silent: 2, advertisements: 7, ..Default::default() }),
        );
        metrics.count(
            &[],
            Some(Dhcp6Statistics { offered: 4, silent: 2, advertisements: 8, ..Default::default() }),
        );
        metrics.count(&[], None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "ironhand_dhcp6_answers_total{kind=\"advertise\"} 4\n",
            "ironhand_dhcp6_unanswered_total{reason=\"other\"} 2\n",
            "ironhand_router_advertisements_total 8\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
