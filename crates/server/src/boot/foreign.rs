//! Other DHCP servers on a network, and what their answers mean for machines that boot from this one.

use std::time::Duration;

use ironhand_boot_port::dhcp::{FoundServer, OpenError, search};
use ironhand_boot_port::dhcp6::{Found6, search as search6};
use ironhand_dhcp::v6::ForeignServer as ForeignServer6;

/// Looks for other DHCP servers on the network of an interface for as long as `wait`; 3 s find those that probe an address
/// before they offer it. Nothing is taken of anybody, and the answers of this machine are left out.
///
/// # Errors
///
/// Where there is no such interface, it is no Ethernet, or the right to send frames (CAP_NET_RAW) is missing.
pub async fn look_for_servers(interface: &str, wait: Duration) -> Result<Vec<FoundServer>, OpenError> {
    let name = interface.to_owned();
    let looked = tokio::task::spawn_blocking(move || search(&name, wait)).await;
    looked.unwrap_or_else(|error| {
        let what = format!("looking for DHCP servers on {interface}");
        Err(OpenError::System { what, source: std::io::Error::other(error) })
    })
}

/// Looks for servers of DHCPv6 and for routers on the link of an interface for as long as `wait`. Nothing is taken of anybody,
/// and the answers of this machine are left out.
///
/// # Errors
///
/// As of [`look_for_servers`].
pub async fn look_for_servers6(interface: &str, wait: Duration) -> Result<Found6, OpenError> {
    let name = interface.to_owned();
    let looked = tokio::task::spawn_blocking(move || search6(&name, wait)).await;
    looked.unwrap_or_else(|error| {
        let what = format!("looking for DHCPv6 servers on {interface}");
        Err(OpenError::System { what, source: std::io::Error::other(error) })
    })
}

/// What the answers of another server of DHCPv6 mean for machines that boot from this one beside it, each with what to do.
pub fn findings6(server: &ForeignServer6) -> Vec<String> {
    let address = server.server;
    let boot_file = server.boot_file.as_ref().map(|url| {
        format!(
            "{address}: it tells machines to boot {url} (option 59), and they follow whichever of the two answers they take. Take it \
             out there: dnsmasq: option6:bootfile-url; Kea: the option bootfile-url; ISC dhcpd: dhcp6.bootfile-url"
        )
    });
    boot_file.into_iter().collect()
}

/// What the answers of another server mean for machines that boot from this one beside it, each with what to do.
pub fn findings(server: &FoundServer) -> Vec<String> {
    let address = server.offer.server;
    let finding = |obstacle: &ironhand_dhcp::Obstacle| {
        let remedies: Vec<String> =
            obstacle.remedies().iter().map(|(program, remedy)| format!("{program}: {remedy}")).collect();
        format!("{address}: {obstacle}. Change it there. {}", remedies.join("; "))
    };
    if server.gives_addresses() {
        return server.offer.obstacles.iter().map(finding).collect();
    }
    vec![format!(
        "{address} gives no addresses, and tells machines what to boot (a proxy, as dnsmasq with `dhcp-range=...,proxy`, WDS or \
         FOG): machines follow whichever of the two answers first. Stop that service"
    )]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ironhand_dhcp::{ForeignServer, Obstacle};

    use super::*;

    #[test]
    fn what_a_foreign_server_says_is_told_with_what_to_do() {
        let check = |offered: [u8; 4], obstacles: &[Obstacle], wanted: &[&str]| {
            let server = FoundServer {
                offer: ForeignServer {
                    server: Ipv4Addr::new(10, 0, 0, 3),
                    offered: offered.into(),
                    obstacles: obstacles.to_vec(),
                },
                mac: [2; 6],
                lease: None,
                mask: None,
                router: None,
                name_server: None,
            };
            let findings = findings(&server);
            assert_eq!(findings.len(), wanted.len(), "{findings:?}");
            for (finding, part) in findings.iter().zip(wanted) {
                assert!(finding.starts_with("10.0.0.3") && finding.contains(part), "{finding}");
                assert!(finding.contains("dnsmasq"), "{finding}");
            }
        };
        let file = Obstacle::BootFile("pxelinux.0".to_owned());
        check([10, 0, 0, 57], &[], &[]);
        check([10, 0, 0, 57], &[file, Obstacle::PxeClient], &["`pxelinux.0`", "4011"]);
        check([10, 0, 0, 57], &[Obstacle::NoProxy], &["175.176"]);
        check([0, 0, 0, 0], &[Obstacle::PxeClient], &["gives no addresses"]);
    }
}
