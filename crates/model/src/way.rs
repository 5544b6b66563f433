//! Through which of a host's connectors something is done next.

use ironhand_api::PowerAction;

/// What is wanted of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Something is read.
    Reading,
    /// The power is changed.
    Power(PowerAction),
    /// Something is set that is the same when it is set twice: the boot device, the identification light.
    Setting,
}

impl Wanted {
    /// Whether doing it twice is doing it once, so that it may be asked for again where the answer was lost.
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::Reading | Self::Setting | Self::Power(PowerAction::On | PowerAction::Off) => true,
            // The second press on a button tells some systems to go down at once.
            Self::Power(PowerAction::Soft) => false,
            Self::Power(PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi) => false,
        }
    }

    /// Whether a switch of the mains would take the power from a running machine for it.
    pub const fn cuts(self) -> bool {
        matches!(self, Self::Power(PowerAction::Off | PowerAction::Cycle))
    }
}

/// One of a host's connectors, as far as the choice between them depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whether it can do what is wanted.
    pub can: bool,
    /// Whether it switches the mains of the machine.
    pub switches_mains: bool,
    /// Whether the manifest allows it to cut the power of a running machine.
    pub may_cut: bool,
    /// Whether it failed not long ago, and is to be tried behind the others.
    pub rests: bool,
    /// What became of it, where it was tried already.
    pub tried: Option<Tried>,
}

/// What became of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Certainly nothing was done.
    NotDone,
    /// It may have been done: the answer was lost.
    InDoubt,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextWay {
    /// Try the candidate at this place.
    Try(usize),
    /// Try none any more.
    Stop(NoWay),
}

/// Why no further connector is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// None can do it.
    NoneCan,
    /// Every one that can was tried.
    AllTried,
    /// It may have been done already, and the world must tell before anything else is done.
    InDoubt,
    /// Only switches of the mains are left, and the manifest allows none of them to cut the power.
    CutNotAllowed,
}

/// Chooses the connector to try next, of `candidates` in the order of the manifest.
///
/// Switches of the mains come last, whatever the order. They cut the power only where the manifest allows it, and only
/// where what was tried before was certainly not done. Where something may have been done, another connector is asked
/// for it only if twice is the same as once.
pub fn next_way(wanted: Wanted, candidates: &[Candidate]) -> NextWay {
    let doubt = candidates.iter().any(|way| way.tried == Some(Tried::InDoubt));
    if doubt && !wanted.is_idempotent() {
        return NextWay::Stop(NoWay::InDoubt);
    }
    let (mut best, mut forbidden, mut held) = (None, false, false);
    for (place, way) in candidates.iter().enumerate().filter(|(_, way)| way.can && way.tried.is_none()) {
        let cuts = way.switches_mains && wanted.cuts();
        forbidden |= cuts && !way.may_cut;
        held |= cuts && way.may_cut && doubt;
        if cuts && (!way.may_cut || doubt) {
            continue;
        }
        let rank = (way.switches_mains, way.rests, place);
        if best.is_none_or(|least| rank < least) {
            best = Some(rank);
        }
    }
    let any = candidates.iter().any(|way| way.can);
    match best {
        Some((_, _, place)) => NextWay::Try(place),
        None if !any => NextWay::Stop(NoWay::NoneCan),
        None if held || doubt => NextWay::Stop(NoWay::InDoubt),
        None if forbidden => NextWay::Stop(NoWay::CutNotAllowed),
        None => NextWay::Stop(NoWay::AllTried),
    }
}

#[cfg(test)]
mod tests;
