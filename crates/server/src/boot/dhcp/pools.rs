//! Whether the pools of networks have room: told once when they are nearly used up, once when they are, and once when there
//! is room again.

use std::collections::BTreeMap;

use ironhand_api::{EventKind, Name, PoolUse, Severity};
use ironhand_store::EventDraft;

/// How full the pools of a network are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// There is room.
    #[default]
    Room,
    /// Nine of ten addresses are given out.
    Low,
    /// All are.
    Full,
}

/// What was told of the pools.
#[derive(Debug, Default)]
pub(super) struct Pools(BTreeMap<Name, Level>);

impl Pools {
    /// What there is to tell of the pools as they are.
    pub(super) fn look(&mut self, pools: &BTreeMap<Name, PoolUse>) -> Vec<EventDraft> {
        self.0.retain(|name, _| pools.contains_key(name));
        let mut told = Vec::new();
        for (name, pool) in pools.iter().filter(|(_, pool)| pool.size > 0) {
            let level = self.0.entry(name.clone()).or_default();
            let next = level.next(*pool);
            if next == *level {
                continue;
            }
            let (size, used) = (pool.size, pool.used());
            let (severity, words) = match next {
                Level::Full => (
                    Severity::Critical,
                    format!(
                        "all {size} addresses of the pools of Network {name} are given out: further machines get none. Give it \
                         more pools, or shorter leases (`lease`); `ironhand leases {name}` shows who has them"
                    ),
                ),
                Level::Low if *level == Level::Room => (
                    Severity::Warning,
                    format!("{used} of the {size} addresses of the pools of Network {name} are given out"),
                ),
                Level::Low => (
                    Severity::Warning,
                    format!(
                        "{} of the {size} addresses of the pools of Network {name} are free again",
                        pool.free
                    ),
                ),
                Level::Room => (
                    Severity::Info,
                    format!(
                        "there is room again in the pools of Network {name}: {} of {size} addresses are free",
                        pool.free
                    ),
                ),
            };
            *level = next;
            told.push(EventDraft::new(EventKind::NetworkPool, severity, words));
        }
        told
    }
}

impl Level {
    /// What follows. There is a distance between going there and coming back, so that one machine that comes and goes tells
    /// nothing.
    fn next(self, pool: PoolUse) -> Self {
        let (used, size) = (pool.used().saturating_mul(10), pool.size);
        match self {
            _ if pool.free == 0 => Self::Full,
            Self::Full | Self::Low if used > size.saturating_mul(8) => {
                // Of small pools one address may be the whole distance.
                if self == Self::Full && used >= size.saturating_mul(9) && pool.free < 2 {
                    Self::Full
                } else {
                    Self::Low
                }
            }
            _ if used >= size.saturating_mul(9) => Self::Low,
            _ => Self::Room,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_of_when_it_becomes_full_and_when_it_has_room() {
        let mut pools = Pools::default();
        let name: Name = "rack".parse().unwrap();
        let mut check = |size, free, wanted: Option<&str>| {
            let told = pools.look(&BTreeMap::from([(name.clone(), PoolUse { size, free })]));
            let words = told.first().map(|draft| draft.message.as_str());
            match wanted {
                Some(part) => assert!(words.is_some_and(|words| words.contains(part)), "{free}: {words:?}"),
                None => assert_eq!(words, None, "{free}"),
            }
        };
        check(100, 100, None);
        check(100, 11, None);
        check(100, 10, Some("90 of the 100"));
        check(100, 9, None);
        check(100, 12, None);
        check(100, 0, Some("all 100 addresses"));
        check(100, 0, None);
        check(100, 1, None);
        check(100, 0, None);
        check(100, 5, Some("5 of the 100 addresses of the pools of Network rack are free again"));
        check(100, 20, Some("room again"));
        check(100, 10, Some("90 of the 100"));
        check(200, 110, Some("room again"));
        check(1, 0, Some("all 1 addresses"));
        check(1, 1, Some("room again"));
    }
}
