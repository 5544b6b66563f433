//! Machines that register themselves by booting: bounded in number, and in how fast new ones come.

use std::collections::{BTreeMap, BTreeSet};

use ironhand_api::{MacAddress, Machine, MachineUuid, Name, Timestamp};

/// Machines that are kept; where more come, those that were seen longest ago are forgotten.
pub(super) const MOST_MACHINES: usize = 4_096;

/// New machines that one network may bring in a minute, and at once: several racks that are switched on. More is
/// somebody who invents addresses.
const NEW_IN_A_MINUTE: u32 = 600;

/// Stands for the boot that a machine was first heard of in; boots have numbers from one on.
const FIRST: u64 = 0;

/// How long it may take until it is kept that a machine was seen once more.
const KEPT_AFTER_MILLIS: i64 = 60_000;

/// The machines.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    machines: BTreeMap<MacAddress, Machine>,
    by_time: BTreeSet<(Timestamp, MacAddress)>,
    changed: BTreeSet<MacAddress>,
    /// When each machine was written last.
    written: BTreeMap<MacAddress, Timestamp>,
    /// The boot of each machine that was counted last, by its number.
    counted: BTreeMap<MacAddress, u64>,
    /// How many came in the minute, by network.
    rates: BTreeMap<Option<Name>, (i64, u32)>,
    left_out: u64,
}

impl Registrar {
    /// With the machines that were known before.
    pub(super) fn new(known: Vec<Machine>) -> Self {
        let mut registrar = Self::default();
        for mut machine in known {
            // Kept by a version that took it for one.
            let is_told = |uuid: &MachineUuid| !uuid.is_dummy();
            machine.uuid = machine.uuid.filter(|text| text.parse().is_ok_and(|uuid| is_told(&uuid)));
            registrar.by_time.insert((machine.last_seen, machine.mac));
            registrar.machines.insert(machine.mac, machine);
        }
        registrar
    }

    /// Takes a machine in, or what it says anew; gives it back where it is new.
    pub(super) fn register(&mut self, mut machine: Machine) -> Option<Machine> {
        let mac = machine.mac;
        if let Some(known) = self.machines.get_mut(&mac) {
            let before = known.clone();
            known.learn(machine);
            self.by_time.remove(&(before.last_seen, mac));
            self.by_time.insert((known.last_seen, mac));
            let same = Machine { last_seen: known.last_seen, boots: known.boots, ..before } == *known;
            let written = self.written.get(&mac).copied().unwrap_or_default();
            if !same || known.last_seen.as_millis() - written.as_millis() >= KEPT_AFTER_MILLIS {
                self.changed.insert(mac);
            }
            return None;
        }
        if !self.admits(machine.network.as_ref(), machine.last_seen) {
            self.left_out += 1;
            return None;
        }
        if self.machines.len() >= MOST_MACHINES
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.machines.remove(&oldest);
            self.counted.remove(&oldest);
            self.written.remove(&oldest);
            self.changed.remove(&oldest);
            self.left_out += 1;
        }
        // It is heard of as it boots, also where it says so before it is seen to.
        machine.boots = machine.boots.max(1);
        self.counted.insert(mac, FIRST);
        self.by_time.insert((machine.last_seen, mac));
        self.changed.insert(mac);
        self.machines.insert(mac, machine.clone());
        Some(machine)
    }

    /// A machine is in a boot of this number, which counts once whatever the machine says in it.
    pub(super) fn booted(&mut self, mac: MacAddress, boot: u64) {
        let Some(machine) = self.machines.get_mut(&mac) else { return };
        let before = self.counted.insert(mac, boot);
        if before != Some(boot) && before != Some(FIRST) {
            machine.boots = machine.boots.saturating_add(1);
            self.changed.insert(mac);
        }
    }

    fn admits(&mut self, network: Option<&Name>, now: Timestamp) -> bool {
        let minute = now.as_millis().div_euclid(60_000);
        let (counted, count) = self.rates.entry(network.cloned()).or_default();
        if *counted != minute {
            (*counted, *count) = (minute, 0);
        }
        *count += 1;
        *count <= NEW_IN_A_MINUTE
    }

    /// All of them, by address.
    pub(super) fn machines(&self) -> Vec<Machine> {
        self.machines.values().cloned().collect()
    }

    /// Forgets one; says whether it was known.
    pub(super) fn forget(&mut self, mac: MacAddress) -> bool {
        self.changed.remove(&mac);
        self.counted.remove(&mac);
        self.written.remove(&mac);
        let known = self.machines.remove(&mac);
        if let Some(machine) = &known {
            self.by_time.remove(&(machine.last_seen, mac));
        }
        known.is_some()
    }

    /// Those that are to be written.
    pub(super) fn take_changed(&mut self) -> Vec<Machine> {
        let changed = std::mem::take(&mut self.changed);
        let found: Vec<Machine> = changed.iter().filter_map(|mac| self.machines.get(mac)).cloned().collect();
        self.written.extend(found.iter().map(|machine| (machine.mac, machine.last_seen)));
        found
    }

    /// They could not be written: next time.
    pub(super) fn not_kept(&mut self, machines: &[Machine]) {
        let known = machines.iter().map(|machine| machine.mac).filter(|mac| self.machines.contains_key(mac));
        self.changed.extend(known);
    }

    /// How many were forgotten or not taken in because of the bounds.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: usize, millis: i64) -> Machine {
        let [.., a, b] = number.to_be_bytes();
        Machine { boots: 1, ..Machine::new(MacAddress([2, 0, 0, 0, a, b]), Timestamp::from_millis(millis)) }
    }

    #[test]
    fn a_machine_is_new_once_and_written_when_it_says_something_new() {
        let mut registrar = Registrar::new(Vec::new());
        assert!(registrar.register(machine(1, 1_000)).is_some());
        assert_eq!(registrar.take_changed().len(), 1);
        assert!(registrar.register(machine(1, 2_000)).is_none());
        assert!(registrar.take_changed().is_empty(), "seen once more");
        assert!(registrar.register(machine(1, 62_000)).is_none());
        assert_eq!(registrar.take_changed()[0].boots, 3);
        let told = Machine { serial: Some("A1".into()), ..machine(1, 63_000) };
        registrar.register(told);
        let changed = registrar.take_changed();
        assert_eq!(changed[0].serial.as_deref(), Some("A1"));
        registrar.not_kept(&changed);
        assert_eq!(registrar.take_changed(), changed);
        assert!(registrar.forget(changed[0].mac) && !registrar.forget(changed[0].mac));
        assert!(registrar.by_time.is_empty());
    }

    #[test]
    fn a_boot_counts_once_whatever_is_said_in_it() {
        let mut registrar = Registrar::new(Vec::new());
        let new = Machine { boots: 0, ..machine(1, 1_000) };
        registrar.booted(new.mac, 7);
        registrar.register(new.clone());
        assert_eq!(registrar.machines()[0].boots, 1, "before it is seen that it boots");
        for boot in [7, 7, 7, 9, 9] {
            registrar.register(new.clone());
            registrar.booted(new.mac, boot);
        }
        assert_eq!(registrar.machines()[0].boots, 2);
    }

    #[test]
    fn a_uuid_that_was_kept_and_tells_nothing_is_let_go() {
        let uuid = |text: &str| Some(text.to_owned());
        let told = uuid("4c4c4544-0044-4a10-8058-b4c04f4c4d32");
        let known = [
            Machine { uuid: uuid("00000000-0000-0000-0000-000000000000"), ..machine(1, 5) },
            Machine { uuid: told.clone(), ..machine(2, 5) },
        ];
        let kept: Vec<_> = Registrar::new(known.into()).machines().into_iter().map(|one| one.uuid).collect();
        assert_eq!(kept, [None, told]);
    }

    #[test]
    fn invented_machines_are_bounded() {
        let mut registrar = Registrar::new(Vec::new());
        for number in 0..2_000 {
            registrar.register(machine(number, 5));
        }
        assert_eq!(registrar.machines.len(), NEW_IN_A_MINUTE as usize);
        for number in 0..MOST_MACHINES + 100 {
            let minute = 60_000 * i64::try_from(1 + number / 500).unwrap();
            registrar.register(machine(number, minute));
        }
        assert_eq!((registrar.machines.len(), registrar.by_time.len()), (MOST_MACHINES, MOST_MACHINES));
        assert!(registrar.left_out() > 1_400);
    }
}
