//! Waking machines that have no controller: Wake-on-LAN on the networks that they boot from.

use std::net::Ipv4Addr;

use ironhand_api::{Connector, MacAddress, Name, PowerAction, Way, WolOptions};
use ironhand_connectors::{Device, Error, WakeOnLan};
use ironhand_model::boot::View;

/// Where packets go that wake a machine: to everybody on the network that it is known to boot from, or else on each that is
/// described, and on the one that this machine's routes lead to, if they lead anywhere.
pub(crate) fn everybody(view: &View, network: Option<&Name>) -> Vec<Ipv4Addr> {
    let known = network.and_then(|name| view.network(name));
    let described =
        view.networks().filter(|one| known.is_none_or(|known| one.metadata.name == known.metadata.name));
    // A network of one or two addresses has none for everybody (RFC 3021).
    let subnets = described.map(|one| one.spec.subnet).filter(|subnet| subnet.prefix() < 31);
    subnets.map(|subnet| subnet.broadcast()).chain([Ipv4Addr::BROADCAST]).collect()
}

/// Sends the packets that wake the interfaces with these addresses, to each of `targets`.
///
/// # Errors
///
/// Where none could be sent.
pub(crate) async fn wake(macs: &[MacAddress], targets: &[Ipv4Addr]) -> Result<String, Error> {
    let mut told = Vec::new();
    let mut failed = None;
    for target in targets {
        let options = WolOptions::default();
        let connector = Connector::new(Way::Wol(options.clone()), target.to_string());
        match WakeOnLan::new(&connector, &options, macs, None)?.power(PowerAction::On).await {
            Ok(()) => told.push(target.to_string()),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if told.is_empty() => Err(error),
        _ => {
            let macs: Vec<String> = macs.iter().map(ToString::to_string).collect();
            Ok(format!(
                "sent Wake-on-LAN packets for {} to {}; nothing tells whether the machine took them",
                macs.join(", "),
                told.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::dhcp::fixture;

    #[test]
    fn a_machine_is_woken_in_its_network_or_in_all() {
        let (one, other) = (fixture::network(""), fixture::network_of("10.0.8.0/31", ""));
        let view = |networks: &[&ironhand_api::Network]| fixture::view(networks, &[]);
        let everywhere = [[10, 0, 7, 255], [255; 4]].map(Ipv4Addr::from);
        let rack: Name = "rack".parse().unwrap();
        assert_eq!(everybody(&view(&[&one]), Some(&rack)), everywhere);
        assert_eq!(everybody(&view(&[&one]), None), everywhere);
        assert_eq!(everybody(&view(&[&one]), Some(&"gone".parse().unwrap())), everywhere);
        assert_eq!(everybody(&view(&[&other]), None), [Ipv4Addr::BROADCAST]);
        let mut far = fixture::network_of("10.0.9.0/24", "");
        far.metadata.name = "far".parse().unwrap();
        assert_eq!(everybody(&view(&[&one, &far]), Some(&rack)), everywhere);
        assert_eq!(everybody(&view(&[&one, &far]), None).len(), 3);
    }
}
