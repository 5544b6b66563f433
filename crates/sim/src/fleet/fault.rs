//! What can be wrong with a host of a fleet, and when it becomes so.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::machine::{MachineFault, Seed};

/// A fault of a simulated host: of the machine itself, of its management controller or of the way to its
/// screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The machine does not do what it should; it stays so until it is repaired.
    Machine(MachineFault),
    /// The management controller answers nothing.
    BmcSilent,
    /// The management controller answers with bytes that are no IPMI.
    BmcGarbage,
    /// The management controller has another password than the configured one.
    BmcPasswordChanged,
    /// Nobody listens on the screen's port; connections that exist are closed.
    ScreenRefused,
    /// The screen's port speaks something that is not RFB.
    ScreenGarbage,
    /// The screen has another password than the configured one, or one where none was configured.
    ScreenPasswordChanged,
}

impl Fault {
    /// All faults, in no particular order.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let machine = MachineFault::ALL.into_iter().map(Self::Machine);
        let connections = [
            Self::BmcSilent,
            Self::BmcGarbage,
            Self::BmcPasswordChanged,
            Self::ScreenRefused,
            Self::ScreenGarbage,
            Self::ScreenPasswordChanged,
        ];
        machine.chain(connections).collect()
    }

    /// Its name, as scripts write it, like `kernel-panic`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine(fault) => fault.name(),
            Self::BmcSilent => "bmc-silent",
            Self::BmcGarbage => "bmc-garbage",
            Self::BmcPasswordChanged => "bmc-password-changed",
            Self::ScreenRefused => "screen-refused",
            Self::ScreenGarbage => "screen-garbage",
            Self::ScreenPasswordChanged => "screen-password-changed",
        }
    }
}

impl From<MachineFault> for Fault {
    fn from(fault: MachineFault) -> Self {
        Self::Machine(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no fault is named {name:?}; there are {}", names())]
pub struct UnknownFault {
    /// The name that was given.
    pub name: String,
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::all()
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault { name: name.to_owned() })
    }
}

fn names() -> String {
    Fault::all().into_iter().map(Fault::name).collect::<Vec<_>>().join(", ")
}

/// A fault that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedFault {
    /// How long after the start of the fleet, at pace 1.
    pub at: Duration,
    /// Which host, counted from 0.
    pub host: usize,
    /// Which fault.
    pub fault: Fault,
}

/// The faults that strike a fleet, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    faults: Vec<StagedFault>,
}

/// The faults of the sandbox: each can be healed from afar, and each wants something else.
const SANDBOX: [MachineFault; 6] = [
    MachineFault::KernelPanic,
    MachineFault::PowerSupplyF1,
    MachineFault::FsckManually,
    MachineFault::NoBootableDevice,
    MachineFault::GrubRescue,
    MachineFault::RootMissing,
];

/// The first fault of the sandbox: late enough for every host to have been seen well.
const SANDBOX_BEGIN: Duration = Duration::from_secs(8);
/// By then all of its faults have struck.
const SANDBOX_END: Duration = Duration::from_secs(50);

impl FaultScript {
    /// These faults; their order does not matter.
    #[must_use]
    pub fn new(mut faults: Vec<StagedFault>) -> Self {
        faults.sort_by_key(|fault| fault.at);
        Self { faults }
    }

    /// Nothing breaks.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What happens to a sandbox of `hosts` hosts: within a minute half of them break, of a large fleet a
    /// tenth, each in one of six ways that can be healed. Which ones follows from `seed`.
    #[must_use]
    pub fn sandbox(hosts: usize, seed: u64) -> Self {
        const SMALL: usize = 2 * SANDBOX.len();
        let broken = match hosts {
            0 => 0,
            1..=SMALL => hosts.div_ceil(2),
            _ => SANDBOX.len() + (hosts - SMALL) / 10,
        };
        let mut seed = Seed::new(seed ^ 0x5A4D_B0C5);
        let mut candidates: Vec<usize> = (0..hosts).collect();
        let spacing = (SANDBOX_END - SANDBOX_BEGIN) / u32::try_from(broken.max(1)).unwrap_or(u32::MAX);
        let mut at = SANDBOX_BEGIN;
        let faults = SANDBOX.iter().cycle().take(broken).map(|fault| {
            let place = usize::try_from(seed.below(candidates.len() as u64)).unwrap_or(0);
            let staged = StagedFault { at, host: candidates.swap_remove(place), fault: (*fault).into() };
            at += spacing;
            staged
        });
        Self::new(faults.collect())
    }

    /// The faults, the earliest first.
    #[must_use]
    pub fn faults(&self) -> &[StagedFault] {
        &self.faults
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_lead_back_to_faults() {
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        let unknown = "kernel-panik".parse::<Fault>().unwrap_err();
        assert!(unknown.to_string().contains("kernel-panic, "), "{unknown}");
    }

    #[test]
    fn the_sandbox_breaks_different_hosts_in_different_ways_within_a_minute() {
        let check = |hosts: usize, broken: usize, kinds: usize| {
            for seed in 0..20 {
                let script = FaultScript::sandbox(hosts, seed);
                let faults = script.faults();
                assert_eq!(faults.len(), broken, "{hosts} hosts");
                let struck: HashSet<usize> = faults.iter().map(|staged| staged.host).collect();
                assert_eq!(struck.len(), broken, "{hosts} hosts, each broken once: {struck:?}");
                assert!(struck.iter().all(|host| *host < hosts));
                let kind: HashSet<Fault> = faults.iter().map(|staged| staged.fault).collect();
                assert_eq!(kind.len(), kinds, "{hosts} hosts");
                assert!(faults.iter().all(|staged| staged.at < Duration::from_secs(60)));
            }
        };
        check(0, 0, 0);
        check(1, 1, 1);
        check(5, 3, 3);
        check(12, 6, 6);
        check(13, 6, 6);
        check(1000, 104, 6);
        assert_ne!(FaultScript::sandbox(12, 1), FaultScript::sandbox(12, 2));
        assert_eq!(FaultScript::sandbox(12, 1), FaultScript::sandbox(12, 1));
    }
}
