//! Reads over Redfish how a controller is kept.

use ironhand_redfish::{Operation, Place, Resource, Stop, Talk, accounts, password_rules};

use crate::descriptor::text;
use crate::inside::{Inside, NetworkPort};

/// Interfaces of one controller that are looked at.
const MOST_INTERFACES: usize = 16;

/// Reads the accounts, services and interfaces of a controller. What it does not have or refuses is left out.
pub(super) struct ReadKept {
    pub(super) place: Place,
}

impl Operation for ReadKept {
    type Output = Inside;

    fn perform(&self, talk: &mut Talk) -> Result<Inside, Stop> {
        let mut inside = Inside::default();
        let accounts = offered(accounts(talk))?.unwrap_or_default();
        let administrators = accounts.iter().filter(|account| account.enabled && is_administrator(account));
        inside.administrators = administrators.filter_map(|account| text(&account.username)).collect();
        inside.lockout_after = offered(password_rules(talk))?.and_then(|rules| rules.lockout_after);
        let Some(manager) = &self.place.manager else { return Ok(inside) };
        let Some(manager) = offered(talk.get(manager))? else { return Ok(inside) };
        if let Some(path) = manager.link(&["NetworkProtocol"])
            && let Some(protocols) = offered(talk.get(path))?
        {
            inside.weak_services = weak_services(&protocols);
        }
        inside.network_port = network_port(talk, &manager)?;
        host_interfaces(talk, &manager, &mut inside)?;
        Ok(inside)
    }
}

/// What a controller gives, and nothing where it fails at it: one resource that is broken hides no other.
fn offered<T>(result: Result<T, Stop>) -> Result<Option<T>, Stop> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Ask) => Err(Stop::Ask),
        Err(Stop::Failed(_)) => Ok(None),
    }
}

fn is_administrator(account: &ironhand_redfish::Account) -> bool {
    account.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case("Administrator"))
}

/// By the resource ManagerNetworkProtocol.
fn weak_services(protocols: &Resource) -> Vec<String> {
    let is = |names: &[&str]| protocols.at(names).as_bool() == Some(true);
    let mut weak = Vec::new();
    if is(&["Telnet", "ProtocolEnabled"]) {
        weak.push("Telnet".to_owned());
    }
    if is(&["SNMP", "ProtocolEnabled"]) {
        for (name, field) in [("SNMP v1", "EnableSNMPv1"), ("SNMP v2c", "EnableSNMPv2c")] {
            if is(&["SNMP", field]) {
                weak.push(name.to_owned());
            }
        }
    }
    weak
}

/// By Dell's attributes, else by what HPE and Lenovo add to the controller's own interfaces.
fn network_port(talk: &mut Talk, manager: &Resource) -> Result<Option<NetworkPort>, Stop> {
    let attributes = manager
        .links(&["Links", "Oem", "Dell", "DellAttributes"])
        .into_iter()
        .find(|path| path.ends_with("/iDRAC.Embedded.1"));
    if let Some(path) = attributes
        && let Some(attributes) = offered(talk.get(&path))?
    {
        let word = attributes.text(&["Attributes", "NIC.1.Selection"]);
        return Ok(word.and_then(NetworkPort::of_word));
    }
    let Some(collection) = manager.link(&["EthernetInterfaces"]) else { return Ok(None) };
    let mut members = offered(talk.members(collection))?.unwrap_or_default();
    members.truncate(MOST_INTERFACES);
    let mut found = None;
    for interface in talk.get_all(&members)?.into_iter().flatten() {
        let used = interface.at(&["InterfaceEnabled"]).as_bool() != Some(false)
            && interface.at(&["Oem", "Hpe", "NICEnabled"]).as_bool() != Some(false);
        let word = [["Oem", "Hpe", "InterfaceType"], ["Oem", "Lenovo", "InterfaceNicMode"]]
            .iter()
            .find_map(|names| interface.text(names))
            .filter(|_| used);
        match word.and_then(NetworkPort::of_word) {
            // One that is shared decides.
            Some(NetworkPort::Dedicated) if found.is_some() => {}
            Some(port) => found = Some(port),
            None => {}
        }
    }
    Ok(found)
}

/// By the resources HostInterface.
fn host_interfaces(talk: &mut Talk, manager: &Resource, inside: &mut Inside) -> Result<(), Stop> {
    let Some(collection) = manager.link(&["HostInterfaces"]) else { return Ok(()) };
    let mut members = offered(talk.members(collection))?.unwrap_or_default();
    members.truncate(MOST_INTERFACES);
    for interface in talk.get_all(&members)?.into_iter().flatten() {
        if interface.at(&["InterfaceEnabled"]).as_bool() == Some(false) {
            continue;
        }
        let Some(name) = text(interface.id()) else { continue };
        let modes = interface.at(&["AuthenticationModes"]).as_array();
        let open = modes.is_some_and(|modes| modes.iter().any(|mode| mode == "AuthNone"));
        if open {
            inside.open_host_interfaces.push(name.clone());
        }
        inside.host_interfaces.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
