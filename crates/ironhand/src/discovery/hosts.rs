//! The addresses of hosts that a server keeps.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ironhand_api::{ConnectorType, Host};
use ironhand_client::Client;

use super::MOST_UNASKED;
use crate::args::Selector;
use crate::bmc::targets::Target;
use crate::exit::Failure;
use crate::select;

/// Connectors whose address is that of a management controller.
const CONTROLLERS: [ConnectorType; 3] = [ConnectorType::Ipmi, ConnectorType::Redfish, ConnectorType::Amt];

/// The addresses of the controllers of the hosts that are selected, each once.
pub async fn addresses(client: &Client, selector: &Selector, yes: bool) -> Result<Vec<IpAddr>, Failure> {
    let names = select::selected(client, selector).await?;
    let mut found = BTreeSet::new();
    for name in names {
        let host: Host = client.get(&name).await?;
        let controllers =
            host.spec.connectors.iter().filter(|connector| CONTROLLERS.contains(&connector.kind()));
        for controller in controllers {
            let words = std::iter::once(&controller.address).chain(&controller.backup_addresses);
            for word in words {
                let target = Target { name: word.clone(), host: word.clone(), port: 0 };
                match target.address().await {
                    Ok(address) => drop(found.insert(address.ip())),
                    Err(error) => note!("warning: host {name}: `{word}` cannot be looked up: {error}"),
                }
            }
        }
    }
    if found.len() > MOST_UNASKED && !yes {
        return Err(super::too_many(found.len()));
    }
    Ok(found.into_iter().collect())
}
