//! How many addresses whoever is behind one circuit, or has hardware addresses of one maker, may hold: an attacker who makes
//! up names empties no pool.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{Client, HardwareAddress, Silence, SubnetId};

/// What counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    /// A relay's circuit, by a digest of its names, which may be 255 bytes each.
    Circuit(u64),
    /// The first three bytes of hardware addresses.
    Prefix(SubnetId, [u8; 3]),
}

/// The groups that one held address counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    circuit: Option<u64>,
    prefix: Option<(SubnetId, [u8; 3])>,
}

impl Membership {
    pub fn of(client: &Client<'_>, subnet: SubnetId) -> Self {
        let circuit = client.relay.and_then(|relay| {
            let circuit = relay.circuit?;
            let mut digest = DefaultHasher::new();
            (subnet, relay.giaddr, circuit).hash(&mut digest);
            Some(digest.finish())
        });
        Self { circuit, prefix: Self::prefix_of(client.hardware, subnet) }
    }

    /// Of a lease that was stored, whose circuit is not known any more.
    pub fn restored(hardware: HardwareAddress, subnet: SubnetId) -> Self {
        Self { circuit: None, prefix: Self::prefix_of(hardware, subnet) }
    }

    fn prefix_of(hardware: HardwareAddress, subnet: SubnetId) -> Option<(SubnetId, [u8; 3])> {
        hardware.bytes().first_chunk().map(|prefix| (subnet, *prefix))
    }

    fn groups(self) -> impl Iterator<Item = Group> {
        let prefix = self.prefix.map(|(subnet, prefix)| Group::Prefix(subnet, prefix));
        self.circuit.map(Group::Circuit).into_iter().chain(prefix)
    }
}

/// How many addresses each group holds. There is no group without one, so that this stays as small as the pools are.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Group, u32>);

impl Held {
    /// Whether there is room for one address more.
    pub fn check(&self, member: Membership, per_circuit: u32, per_prefix: u32) -> Result<(), Silence> {
        for group in member.groups() {
            let (limit, reason) = match group {
                Group::Circuit(_) => (per_circuit, Silence::CircuitLimit),
                Group::Prefix(..) => (per_prefix, Silence::PrefixLimit),
            };
            if self.0.get(&group).is_some_and(|held| *held >= limit) {
                return Err(reason);
            }
        }
        Ok(())
    }

    pub fn add(&mut self, member: Membership) {
        for group in member.groups() {
            *self.0.entry(group).or_default() += 1;
        }
    }

    pub fn remove(&mut self, member: Membership) {
        for group in member.groups() {
            if let Some(held) = self.0.get_mut(&group) {
                *held -= 1;
                if *held == 0 {
                    self.0.remove(&group);
                }
            }
        }
    }
}
