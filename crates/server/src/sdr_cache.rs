//! The sensor data records of BMCs, kept from one command to the next.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ironhand_ipmi::sdr::SdrRepository;

/// Records that are kept over all BMCs: of about five hundred machines with two hundred each, in some 50 MiB. BMCs beyond
/// are read anew, which takes seconds and no more.
const MOST_RECORDS: usize = 100_000;

/// What is kept; cheap to clone.
///
/// Whether it still holds is asked of the BMC itself by [`ReadSdr`](ironhand_ipmi::sdr::ReadSdr), each time.
#[derive(Clone, Default)]
pub(crate) struct SdrCache(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    repositories: HashMap<String, Arc<SdrRepository>>,
    /// The least recently used first.
    order: VecDeque<String>,
    records: usize,
}

impl SdrCache {
    /// What was kept of a BMC.
    pub(crate) fn get(&self, bmc: &str) -> Option<Arc<SdrRepository>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.repositories.get(bmc).cloned()?;
        kept.order.retain(|name| name != bmc);
        kept.order.push_back(bmc.to_owned());
        Some(found)
    }

    /// Keeps what was read of a BMC, in place of what was kept before; only where the BMC gives something to tell by that it
    /// still holds.
    pub(crate) fn keep(&self, bmc: &str, repository: &Arc<SdrRepository>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.drop_one(bmc);
        let records = repository.records().len();
        if repository.key().is_none() || records > MOST_RECORDS {
            return;
        }
        while kept.records + records > MOST_RECORDS {
            let Some(oldest) = kept.order.front().cloned() else { break };
            kept.drop_one(&oldest);
        }
        kept.records += records;
        kept.repositories.insert(bmc.to_owned(), Arc::clone(repository));
        kept.order.push_back(bmc.to_owned());
    }
}

impl Kept {
    fn drop_one(&mut self, bmc: &str) {
        if let Some(dropped) = self.repositories.remove(bmc) {
            self.records -= dropped.records().len();
            self.order.retain(|name| name != bmc);
        }
    }
}

#[cfg(test)]
mod tests {
    use ironhand_ipmi::sdr::{Record, RecordBody, SdrKey, SdrStamp};

    use super::*;

    fn repository(records: usize, key: bool) -> Arc<SdrRepository> {
        let stamp = SdrStamp::Device { sensors: 1, change: None };
        let key = key.then_some(SdrKey {
            manufacturer: 1,
            product: 1,
            device: (1, 1),
            firmware: (1, 1, None),
            stamp,
        });
        let body = || RecordBody::Opaque { record_type: 0x20, data: Vec::new(), fault: None };
        let records = (0..records).map(|_| Record { id: 1, body: body() }).collect();
        Arc::new(SdrRepository::new(key, records, Vec::new()))
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_kept() {
        let cache = SdrCache::default();
        cache.keep("a", &repository(3, true));
        assert!(cache.get("a").is_some());
        cache.keep("a", &repository(3, false));
        assert!(cache.get("a").is_none());
        cache.keep("a", &repository(MOST_RECORDS + 1, true));
        assert!(cache.get("a").is_none());
    }

    #[test]
    fn the_least_recently_used_make_room() {
        let cache = SdrCache::default();
        let half = repository(MOST_RECORDS / 2, true);
        cache.keep("a", &half);
        cache.keep("b", &half);
        assert!(cache.get("a").is_some());
        cache.keep("c", &half);
        let kept = ["a", "b", "c"].map(|name| cache.get(name).is_some());
        assert_eq!(kept, [true, false, true]);
        assert_eq!(cache.0.lock().unwrap().records, MOST_RECORDS / 2 * 2);
    }
}
