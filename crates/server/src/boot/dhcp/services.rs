//! How each network is served, and what there is to tell when that changes.

use std::collections::BTreeMap;

use ironhand_api::{
    EventKind, Name, Network, NetworkService, OtherServer, ServiceState, Severity, Timestamp,
};
use ironhand_store::EventDraft;

use super::rivals::Seen;

/// What became of a network.
pub(super) struct Judged<'a> {
    pub(super) network: &'a Network,
    pub(super) state: ServiceState,
    pub(super) reason: Option<String>,
    pub(super) interfaces: Vec<String>,
    pub(super) seen: Option<Seen>,
}

/// The networks, as they are served.
#[derive(Debug, Default)]
pub(super) struct Services(BTreeMap<Name, NetworkService>);

impl Services {
    /// All of them, ordered by name; how full their pools are is not in it.
    pub(super) fn all(&self) -> Vec<NetworkService> {
        self.0.values().cloned().collect()
    }

    /// Puts all networks in place of those before, and gives what there is to tell.
    pub(super) fn put(&mut self, now: Timestamp, judged: Vec<Judged<'_>>) -> Vec<EventDraft> {
        let mut before = std::mem::take(&mut self.0);
        let mut drafts = Vec::new();
        for one in judged {
            let name = one.network.metadata.name.clone();
            let known = before.remove(&name);
            let service = one.service(now, known.as_ref());
            drafts.extend(others_told(&service, known.as_ref()));
            drafts.extend(state_told(&service, known.as_ref()));
            self.0.insert(name, service);
        }
        for (name, _) in before.iter().filter(|(_, gone)| gone.state == ServiceState::Served) {
            drafts.push(EventDraft::new(
                EventKind::NetworkServed,
                Severity::Info,
                format!("Network {name} is served no longer: nobody describes it any more"),
            ));
        }
        drafts
    }
}

impl Judged<'_> {
    fn service(self, now: Timestamp, known: Option<&NetworkService>) -> NetworkService {
        let Self { network, state, reason, interfaces, seen } = self;
        let since = known.filter(|known| known.state == state).map_or(now, |known| known.since);
        let (others, looked_at) = seen.map_or((Vec::new(), None), |seen| (seen.servers, Some(seen.at)));
        NetworkService {
            network: network.metadata.name.clone(),
            subnet: network.spec.subnet,
            mode: network.spec.mode,
            state,
            interfaces,
            reason,
            others,
            looked_at,
            since,
            pool: None,
            ipv6: None,
        }
    }
}

/// What there is to tell of other servers on a network.
fn others_told(service: &NetworkService, known: Option<&NetworkService>) -> Option<EventDraft> {
    service.looked_at?;
    let before = known.map(|known| &known.others[..]).unwrap_or_default();
    newly_beside(&service.network, "DHCP", before, &service.others)
}

/// What there is to tell of servers of a version of DHCP, where they are others than before.
pub(super) fn newly_beside(
    network: &Name,
    protocol: &str,
    before: &[OtherServer],
    after: &[OtherServer],
) -> Option<EventDraft> {
    let names = |others: &[OtherServer]| -> Vec<_> {
        others.iter().map(|other| (other.server, other.offered.is_some())).collect()
    };
    if names(before) == names(after) {
        return None;
    }
    if after.is_empty() {
        let words = format!("no other {protocol} server answers on Network {network} any more");
        return Some(EventDraft::new(EventKind::NetworkForeign, Severity::Info, words));
    }
    let mut words = String::new();
    for other in after {
        let server = other.server;
        let what = match other.offered {
            Some(offered) => {
                format!("{server} answers {protocol} on Network {network}, and offers {offered}")
            }
            None if server.is_ipv6() => {
                format!("{server} answers {protocol} on Network {network}, and gives no addresses")
            }
            None => format!("{server} tells machines on Network {network} what to boot"),
        };
        for part in std::iter::once(&what).chain(&other.findings) {
            if !words.is_empty() {
                words.push_str(". ");
            }
            words.push_str(part);
        }
    }
    Some(EventDraft::new(EventKind::NetworkForeign, Severity::Warning, words))
}

/// What there is to tell of whether a network is served.
fn state_told(service: &NetworkService, known: Option<&NetworkService>) -> Option<EventDraft> {
    let NetworkService { network, mode, state, reason, interfaces, .. } = service;
    let before = known.map(|known| (known.state, known.mode, &known.reason, &known.interfaces));
    if before == Some((*state, *mode, reason, interfaces)) {
        return None;
    }
    let told = |severity, words: String| Some(EventDraft::new(EventKind::NetworkServed, severity, words));
    let reason = reason.as_deref().unwrap_or_default();
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match state {
        ServiceState::Served => {
            let severity = if reason.is_empty() { Severity::Info } else { Severity::Warning };
            let at = interfaces.join(" and ");
            told(severity, format!("Network {network} is served at {at} in mode {}{because}", mode.as_str()))
        }
        ServiceState::Foreign => {
            told(Severity::Critical, format!("Network {network} is not served{because}"))
        }
        ServiceState::Failed => {
            told(Severity::Critical, format!("Network {network} cannot be served{because}"))
        }
        ServiceState::Off if known.is_some_and(|known| known.state != ServiceState::Off) => {
            told(Severity::Info, format!("Network {network} is served no longer: its mode is off"))
        }
        // A look takes some seconds, and what comes of it is told.
        ServiceState::Looking | ServiceState::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::OtherServer;

    use super::super::fixture;
    use super::*;

    #[test]
    fn what_becomes_of_a_network_is_told_once() {
        let network = fixture::network("mode: full");
        let mut services = Services::default();
        let mut check = |state, reason: Option<&str>, others: &[[u8; 4]], wanted: &[&str]| {
            let other = |offered: &[u8; 4]| OtherServer {
                server: [10, 0, 7, 3].into(),
                offered: Some((*offered).into()),
                findings: vec!["take it out".to_owned()],
            };
            let servers = others.iter().map(other).collect();
            let seen = Seen { at: fixture::NOW, servers, routers: Vec::new(), failed: None };
            let judged = Judged {
                network: &network,
                state,
                reason: reason.map(str::to_owned),
                interfaces: vec!["eth0".to_owned()],
                seen: Some(seen),
            };
            let told = services.put(fixture::NOW, vec![judged]);
            assert_eq!(told.len(), wanted.len(), "{told:?}");
            for (draft, part) in told.iter().zip(wanted) {
                assert!(draft.message.contains(part), "{draft:?}");
            }
        };
        let foreign = [[10, 0, 7, 99]];
        check(ServiceState::Looking, Some("it is being looked"), &[], &[]);
        check(ServiceState::Served, None, &[], &["is served at eth0 in mode full"]);
        check(ServiceState::Served, None, &[], &[]);
        let told = [
            "10.0.7.3 answers DHCP on Network rack, and offers 10.0.7.99. take it out",
            "not served: another",
        ];
        check(ServiceState::Foreign, Some("another"), &foreign, &told);
        // The address that it offers may be another one each time.
        check(ServiceState::Foreign, Some("another"), &[[10, 0, 7, 98]], &[]);
        check(ServiceState::Served, None, &[], &["no other DHCP server", "is served at eth0"]);
        check(ServiceState::Failed, Some("the port is taken"), &[], &["cannot be served: the port is taken"]);
        check(ServiceState::Off, None, &[], &["its mode is off"]);
        check(ServiceState::Off, None, &[], &[]);
        check(ServiceState::Served, None, &[], &["is served"]);
        let told = services.put(fixture::NOW, Vec::new());
        assert!(told[0].message.contains("nobody describes it"), "{told:?}");
    }
}
