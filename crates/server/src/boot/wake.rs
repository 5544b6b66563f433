//! Waking machines that have no controller: Wake-on-LAN on the networks that they boot from.

use std::net::Ipv4Addr;

use ironhand_api::{Connector, MacAddress, PowerAction, Way, WolOptions};
use ironhand_connectors::{Device, Error, WakeOnLan};

/// Sends the packets that wake the interfaces with these addresses, to each of `broadcasts`, or where there is none to
/// everybody on the network that this machine's routes lead to.
///
/// # Errors
///
/// Where none could be sent.
pub(crate) async fn wake(macs: &[MacAddress], broadcasts: &[Ipv4Addr]) -> Result<String, Error> {
    let everybody = [Ipv4Addr::BROADCAST];
    let targets = if broadcasts.is_empty() { &everybody[..] } else { broadcasts };
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
