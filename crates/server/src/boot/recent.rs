//! What was put last, up to a bound: what was put longest ago is forgotten.

use std::collections::BTreeMap;

/// Values by their keys, so many at most.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    most: usize,
    entries: BTreeMap<K, (u64, V)>,
    by_turn: BTreeMap<u64, K>,
    turn: u64,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    /// Nothing yet, and never more than `most`.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, entries: BTreeMap::new(), by_turn: BTreeMap::new(), turn: 0 }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value of a key, to be changed; that makes it no younger.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Puts a value, as the one put last.
    pub(super) fn put(&mut self, key: K, value: V) {
        self.turn += 1;
        if let Some((turn, _)) = self.entries.insert(key.clone(), (self.turn, value)) {
            self.by_turn.remove(&turn);
        }
        self.by_turn.insert(self.turn, key);
        if self.entries.len() > self.most
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (turn, value) = self.entries.remove(key)?;
        self.by_turn.remove(&turn);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_longest_ago_is_forgotten() {
        let mut recent = Recent::new(3);
        for (key, value) in [(1, 'a'), (2, 'b'), (3, 'c'), (1, 'd'), (4, 'e')] {
            recent.put(key, value);
        }
        let found: Vec<_> = (1..=4).map(|key| recent.get(&key).copied()).collect();
        assert_eq!(found, [Some('d'), None, Some('c'), Some('e')]);
        assert_eq!((recent.remove(&3), recent.remove(&3)), (Some('c'), None));
        *recent.get_mut(&4).unwrap() = 'f';
        assert_eq!((recent.get(&4), recent.entries.len(), recent.by_turn.len()), (Some(&'f'), 2, 2));
    }
}
