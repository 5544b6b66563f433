//! The service root: where everything begins, readable without a login (DSP0266 section 6.2).

use std::sync::Arc;

use crate::{Resource, Stop, Talk};

/// Where the service root stands.
pub const ROOT: &str = "/redfish/v1/";

/// What a service root tells, and where it leads. What it leaves out is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// The resource itself.
    pub resource: Arc<Resource>,
    /// The vendor, as it names itself.
    pub vendor: Option<String>,
    /// The product, as it names itself.
    pub product: Option<String>,
    /// The version of Redfish that it follows.
    pub version: Option<String>,
    /// The UUID of the service.
    pub uuid: Option<String>,
    /// The collection of machines.
    pub systems: Option<String>,
    /// The collection of controllers.
    pub managers: Option<String>,
    /// The collection of cases and boards.
    pub chassis: Option<String>,
    /// The collection of sessions, in which a login makes one.
    pub sessions: Option<String>,
    /// The session service.
    pub session_service: Option<String>,
    /// The account service.
    pub accounts: Option<String>,
    /// The update service.
    pub update: Option<String>,
    /// The event service.
    pub events: Option<String>,
    /// The task service.
    pub tasks: Option<String>,
}

impl Root {
    /// What a resource tells as a service root.
    pub fn of(resource: Arc<Resource>) -> Self {
        let text = |names: &[&str]| resource.text(names).map(str::to_owned);
        let link = |name: &str| resource.link(&[name]).map(str::to_owned);
        Self {
            vendor: text(&["Vendor"]),
            product: text(&["Product"]),
            version: text(&["RedfishVersion"]),
            uuid: text(&["UUID"]),
            systems: link("Systems"),
            managers: link("Managers"),
            chassis: link("Chassis"),
            sessions: resource.link(&["Links", "Sessions"]).map(str::to_owned),
            session_service: link("SessionService"),
            accounts: link("AccountService"),
            update: link("UpdateService"),
            events: link("EventService"),
            tasks: link("Tasks"),
            resource,
        }
    }

    /// Whether the service says that it understands a query parameter by the name of its entry in
    /// `ProtocolFeaturesSupported`: `SelectQuery`, `OnlyMemberQuery`.
    pub fn understands(&self, feature: &str) -> bool {
        self.resource.at(&["ProtocolFeaturesSupported", feature]).as_bool() == Some(true)
    }
}

/// Reads the service root.
///
/// # Errors
///
/// What [`Operation::perform`](crate::Operation::perform) says.
pub fn root(talk: &mut Talk) -> Result<Root, Stop> {
    talk.get(ROOT).map(Root::of)
}
