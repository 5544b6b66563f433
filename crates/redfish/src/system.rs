//! Which of a controller's resources are those of the machine that it stands for.

use std::sync::Arc;

use crate::exchange::shown;
use crate::power::RESET;
use crate::root::{Root, root};
use crate::vendor::{Identity, identify};
use crate::{Error, Quirks, Resource, Stop, Talk};

/// Machines that an error names: a chassis has 20 blades at most.
const MOST_NAMED: usize = 32;

/// What is known of a controller and its machine: kept between operations, it makes a reading of the power state one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The path of the machine.
    pub system: String,
    /// The path of the controller that manages it.
    pub manager: Option<String>,
    /// The path of the case that it is in.
    pub chassis: Option<String>,
    /// What the controller is.
    pub identity: Identity,
    /// The faults that such a controller has.
    pub quirks: Quirks,
}

/// Finds the machine of a controller: the one named `wanted` by its `Id`, or the only one.
///
/// # Errors
///
/// [`Error::NoSystem`] where none is named so, [`Error::Ambiguous`] where there are several and none is named, and
/// what [`Operation::perform`](crate::Operation::perform) says.
pub fn locate(talk: &mut Talk, wanted: Option<&str>) -> Result<Place, Stop> {
    let root = root(talk)?;
    let Some(systems) = root.systems.clone() else {
        return Err(
            Error::Unsupported { what: "tell of machines: its service root leads to none".into() }.into()
        );
    };
    let members = talk.members(&systems)?;
    let mut found = Vec::new();
    let mut failed = Vec::new();
    for (path, system) in members.iter().zip(talk.get_all(&members)?) {
        match system {
            Ok(system) => found.push(system),
            Err(error) => failed.push((path, error)),
        }
    }
    // One that is listed and is not there is no machine, beside one that is.
    let may_be_it = |path: &str, error: &Error| {
        found.is_empty() || !is_side_board(last(path)) && !matches!(error, Error::Missing { .. })
    };
    let failed = failed.into_iter().find(|(path, error)| may_be_it(path, error)).map(|(_, error)| error);
    let system = match (choose(&found, wanted), failed) {
        // The machine that was meant may be the one that cannot be read: another one is not to be switched in its place.
        (chosen, Some(error)) if wanted.is_none() || chosen.is_err() => return Err(error.into()),
        (chosen, _) => chosen?,
    };
    let manager = manager_of(talk, &root, &system)?;
    let chassis = system.links(&["Links", "Chassis"]).into_iter().find(|path| !is_side_board(last(path)));
    let identity = identify(&root.resource, manager.as_deref(), Some(&system));
    Ok(Place {
        system: system.path.clone(),
        manager: manager.map(|manager| manager.path.clone()),
        chassis,
        quirks: Quirks::of(&identity),
        identity,
    })
}

/// The machine among the members of a controller's systems: the named one, or the only one that can be a host. Baseboards of
/// accelerators and cards with processors of their own are systems too, whose power is not the machine's.
///
/// # Errors
///
/// [`Error::NoSystem`], [`Error::Ambiguous`].
pub fn choose(systems: &[Arc<Resource>], wanted: Option<&str>) -> Result<Arc<Resource>, Error> {
    let ids = || systems.iter().take(MOST_NAMED).map(|system| shown(system.id())).collect::<Vec<_>>();
    if let Some(wanted) = wanted {
        let named = systems.iter().find(|system| system.id() == wanted || last(&system.path) == wanted);
        let missing = || Error::NoSystem { wanted: Some(wanted.to_owned()), there: ids() };
        return named.cloned().ok_or_else(missing);
    }
    let hosts: Vec<&Arc<Resource>> = systems.iter().filter(|system| !is_side_system(system)).collect();
    // A board without a power button is no machine, where another one has it.
    let has_button = |system: &&&Arc<Resource>| system.action(RESET).is_some();
    let with_button: Vec<&Arc<Resource>> = hosts.iter().filter(has_button).copied().collect();
    match (with_button.as_slice(), hosts.as_slice(), systems) {
        ([one], _, _) | (_, [one], _) => Ok(Arc::clone(one)),
        (_, [], [one]) => Ok(Arc::clone(one)),
        (_, _, []) => Err(Error::NoSystem { wanted: None, there: Vec::new() }),
        _ => Err(Error::Ambiguous { there: ids() }),
    }
}

fn is_side_system(system: &Resource) -> bool {
    let is_card = matches!(system.text(&["SystemType"]), Some("DPU" | "Virtual" | "Composed"));
    is_card || is_side_board(system.id()) || is_side_board(last(&system.path))
}

/// Whether a resource is of a part beside the machine, by the names that vendors give these.
pub(crate) fn is_side_board(id: &str) -> bool {
    let small = id.to_ascii_lowercase();
    ["hgx_", "bluefield", "dpu", "fabric", "nvswitch", "ubb"].iter().any(|name| small.starts_with(name))
}

/// The controller that manages a machine.
fn manager_of(talk: &mut Talk, root: &Root, system: &Resource) -> Result<Option<Arc<Resource>>, Stop> {
    let mut paths = system.links(&["Links", "ManagedBy"]);
    if paths.is_empty() {
        paths.extend(root.resource.link(&["Links", "ManagerProvidingService"]).map(str::to_owned));
    }
    if paths.is_empty()
        && let Some(managers) = &root.managers
    {
        paths = talk.members(managers)?;
    }
    let best = paths.iter().find(|path| !is_side_board(last(path))).or(paths.first());
    let Some(best) = best.cloned() else { return Ok(None) };
    Ok(talk.get_all(&[best])?.into_iter().find_map(Result::ok))
}

/// The last segment of a path, by which a resource is told from its neighbours.
pub(crate) fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
