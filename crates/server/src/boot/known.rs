//! Which host has which hardware address, as manifests have it at this moment.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use ironhand_api::{Host, MacAddress, Name};

/// The hosts by their hardware addresses. Asked by the threads that serve packets, changed when a host is applied or
/// deleted, so that the next packet sees it.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    inner: RwLock<Addresses>,
}

#[derive(Debug, Default)]
struct Addresses {
    hosts: BTreeMap<MacAddress, Name>,
    of: BTreeMap<Name, Vec<MacAddress>>,
}

impl KnownHosts {
    /// A host is as its manifest says. Of two that claim one address the last one has it.
    pub(crate) fn put(&self, host: &Host) {
        let name = &host.metadata.name;
        let mut addresses = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        addresses.forget(name);
        for mac in &host.spec.macs {
            addresses.hosts.insert(*mac, name.clone());
        }
        addresses.of.insert(name.clone(), host.spec.macs.clone());
    }

    /// A host is gone.
    pub(crate) fn forget(&self, name: &Name) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).forget(name);
    }

    /// The host with an address.
    pub(crate) fn host(&self, mac: MacAddress) -> Option<Name> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).hosts.get(&mac).cloned()
    }
}

impl Addresses {
    fn forget(&mut self, name: &Name) {
        for mac in self.of.remove(name).unwrap_or_default() {
            if self.hosts.get(&mac) == Some(name) {
                self.hosts.remove(&mac);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_host_is_seen_at_once() {
        let known = KnownHosts::default();
        let host = |name: &str, macs: &[&str]| -> Host {
            let spec = serde_json::json!({ "connectors": [], "macs": macs });
            serde_json::from_value(serde_json::json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
        };
        let name_of = |mac: &str| known.host(mac.parse().unwrap()).map(|name| name.to_string());
        known.put(&host("a", &["02:00:00:00:00:01", "02:00:00:00:00:02"]));
        assert_eq!(name_of("02:00:00:00:00:02").as_deref(), Some("a"));
        known.put(&host("a", &["02:00:00:00:00:01"]));
        assert_eq!(name_of("02:00:00:00:00:02"), None);
        known.put(&host("b", &["02:00:00:00:00:01"]));
        known.forget(&"a".parse().unwrap());
        assert_eq!(name_of("02:00:00:00:00:01").as_deref(), Some("b"));
        known.forget(&"b".parse().unwrap());
        assert_eq!(name_of("02:00:00:00:00:01"), None);
    }
}
