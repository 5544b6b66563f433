//! The objects of the makers' tables.

use std::collections::BTreeMap;

use async_snmp::{Oid, oid};

/// Whose tables a strip has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripModel {
    /// APC: rPDU2 and, for programs that know only that, rPDU.
    Apc,
    /// Raritan PX2 and PX3.
    Raritan,
    /// Server Technology Sentry3.
    Sentry3,
    /// Eaton ePDU.
    Eaton,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// `sysDescr`.
    Description,
    /// `sysObjectID`.
    Identity,
    /// `sysUpTime`.
    UpTime,
    /// The name of an outlet.
    Name(usize),
    /// The state of an outlet: what it reads for on and for off, and while it is on its way there.
    State { outlet: usize, on: i32, off: i32, to_on: i32, to_off: i32 },
    /// Switches an outlet: what is written for on, and for off. One that only knows one of them has no other.
    Command { outlet: usize, on: Option<i32>, off: Option<i32> },
}

impl StripModel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Apc, Self::Raritan, Self::Sentry3, Self::Eaton];

    /// The name that people write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apc => "apc",
            Self::Raritan => "raritan",
            Self::Sentry3 => "sentry3",
            Self::Eaton => "eaton",
        }
    }

    /// What it says of itself.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Apc => "APC Web/SNMP Management Card (simulated)",
            Self::Raritan => "PX3 (simulated)",
            Self::Sentry3 => "Sentry Switched CDU (simulated)",
            Self::Eaton => "Eaton ePDU (simulated)",
        }
    }

    /// Its `sysObjectID`.
    pub(super) fn identity(self) -> Oid {
        match self {
            Self::Apc => oid!(1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 6),
            Self::Raritan => oid!(1, 3, 6, 1, 4, 1, 13742, 6),
            Self::Sentry3 => oid!(1, 3, 6, 1, 4, 1, 1718, 3),
            Self::Eaton => oid!(1, 3, 6, 1, 4, 1, 534, 6, 6, 7),
        }
    }

    /// All objects of a strip with so many outlets, in order.
    pub(super) fn objects(self, outlets: usize) -> BTreeMap<Oid, Object> {
        let mut objects = BTreeMap::from([
            (oid!(1, 3, 6, 1, 2, 1, 1, 1, 0), Object::Description),
            (oid!(1, 3, 6, 1, 2, 1, 1, 2, 0), Object::Identity),
            (oid!(1, 3, 6, 1, 2, 1, 1, 3, 0), Object::UpTime),
        ]);
        for (outlet, number) in (1..=outlets).zip(1..) {
            let mut add = |column: &str, before: &[u32], object: Object| {
                let parts = column.split('.').filter_map(|part| part.parse().ok());
                let oid =
                    [1, 3, 6, 1, 4, 1].into_iter().chain(parts).chain(before.iter().copied()).chain([number]);
                objects.insert(Oid::new(oid), object);
            };
            let state = |on, off, to_on, to_off| Object::State { outlet, on, off, to_on, to_off };
            let command = |on, off| Object::Command { outlet, on, off };
            match self {
                Self::Apc => {
                    add("318.1.1.26.9.2.3.1.3", &[], Object::Name(outlet));
                    add("318.1.1.26.9.2.3.1.5", &[], state(2, 1, 1, 2));
                    add("318.1.1.26.9.2.4.1.5", &[], command(Some(1), Some(2)));
                    add("318.1.1.12.3.5.1.1.2", &[], Object::Name(outlet));
                    add("318.1.1.12.3.5.1.1.4", &[], state(1, 2, 2, 1));
                    add("318.1.1.12.3.3.1.1.4", &[], command(Some(1), Some(2)));
                }
                Self::Raritan => {
                    add("13742.6.3.5.3.1.3", &[1], Object::Name(outlet));
                    add("13742.6.4.1.2.1.3", &[1], state(7, 8, 8, 7));
                    add("13742.6.4.1.2.1.2", &[1], command(Some(1), Some(0)));
                }
                Self::Sentry3 => {
                    add("1718.3.2.3.1.3", &[1, 1], Object::Name(outlet));
                    // offWait and onWait are 2 and 3.
                    add("1718.3.2.3.1.5", &[1, 1], state(1, 0, 3, 2));
                    add("1718.3.2.3.1.11", &[1, 1], command(Some(1), Some(2)));
                }
                Self::Eaton => {
                    add("534.6.6.7.6.1.1.3", &[0], Object::Name(outlet));
                    // pendingOff and pendingOn are 2 and 3.
                    add("534.6.6.7.6.6.1.2", &[0], state(1, 0, 3, 2));
                    add("534.6.6.7.6.6.1.3", &[0], command(None, Some(0)));
                    add("534.6.6.7.6.6.1.4", &[0], command(Some(0), None));
                }
            }
        }
        objects
    }
}

impl std::str::FromStr for StripModel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|model| model.name()).collect();
            format!("use one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outlet_has_a_name_a_state_and_commands_both_ways() {
        for model in StripModel::ALL {
            let objects = model.objects(3);
            for wanted in 1..=3 {
                let has = |is: &dyn Fn(&Object) -> bool| objects.values().any(is);
                assert!(has(&|object| *object == Object::Name(wanted)), "{model:?}");
                assert!(has(&|object| matches!(object, Object::State { outlet, .. } if *outlet == wanted)));
                let commands = |on: bool| {
                    has(&|object| match object {
                        Object::Command { outlet, on: to_on, off } => {
                            *outlet == wanted && if on { to_on.is_some() } else { off.is_some() }
                        }
                        _ => false,
                    })
                };
                assert!(commands(true) && commands(false), "{model:?}");
            }
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert!("hal".parse::<StripModel>().unwrap_err().contains("raritan"));
    }
}
