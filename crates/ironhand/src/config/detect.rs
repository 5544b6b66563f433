//! `ironhand config detect`: a configuration for this machine, and in plain words what was found.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

use ironhand_server::boot::{
    FoundServer, OwnAddress, Surroundings, Surroundings6, candidates, findings, free_range, in_use,
    look_for_servers, own_addresses, surroundings,
};

use crate::args::{Detect, DetectPart};
use crate::exit::Failure;
use crate::output::line;
use crate::serve::chain;

/// The port at which booting machines read over HTTP.
const HTTP_PORT: u16 = 8480;

/// What was found out.
struct Found {
    surroundings: Surroundings,
    others: Vec<OwnAddress>,
    /// Those who answer DHCP, or why that is not known.
    servers: Result<Vec<FoundServer>, String>,
    /// The range that nobody uses.
    free: Option<(Ipv4Addr, Ipv4Addr)>,
    /// How many addresses are in use.
    taken: usize,
    /// Whether anything was sent.
    asked: bool,
}

/// `ironhand config detect`.
pub async fn detect(asked: &Detect) -> Result<(), Failure> {
    let found = look(asked).await?;
    let (server, network) = (server_part(&found), network_part(&found));
    if let Some(folder) = &asked.out {
        crate::exit::at(folder, std::fs::create_dir_all(folder))?;
        for (name, text) in [("ironhand.yaml", &server), ("network.yaml", &network)] {
            let path = folder.join(name);
            crate::exit::at(&path, std::fs::write(&path, text))?;
            line(&format!("{} written", path.display()));
        }
    } else {
        match asked.part {
            Some(DetectPart::Server) => line(server.trim_end()),
            Some(DetectPart::Network) => line(network.trim_end()),
            None => line(&format!(
                "# ---- ironhand.yaml: for `ironhand serve --config ironhand.yaml` ----\n{server}\n\
                 # ---- network.yaml: for `ironhand apply -f network.yaml` ----\n---\n{}",
                network.trim_end()
            )),
        }
    }
    words(&found).iter().for_each(|text| note!("{text}"));
    Ok(())
}

async fn look(asked: &Detect) -> Result<Found, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Failed(chain(error));
    let surroundings = surroundings(asked.interface.as_deref()).map_err(|error| failed(&error))?;
    let own = own_addresses().map_err(|error| failed(&error))?;
    let addresses: Vec<Ipv4Addr> = own.iter().map(|own| own.address).collect();
    let others = own.into_iter().filter(|own| *own != surroundings.own).collect();
    let around = candidates(&surroundings.own);
    let (mut servers, mut in_use_there) = (Ok(Vec::new()), BTreeSet::new());
    if !asked.quiet {
        let looking = look_for_servers(&surroundings.own.interface, asked.wait.duration());
        let (found, used) = tokio::join!(looking, in_use(&around));
        servers = found.map_err(|error| chain(&error));
        in_use_there = used.map_err(|error| failed(&error))?;
    }
    let mut taken = in_use_there.clone();
    taken.extend(addresses);
    taken.extend(surroundings.gateway);
    taken.extend(surroundings.dns.iter().copied());
    if let Ok(servers) = &servers {
        taken.extend(servers.iter().flat_map(|server| [Some(server.offer.server), server.router]).flatten());
    }
    let free = free_range(&around, &taken);
    Ok(Found { surroundings, others, servers, free, taken: in_use_there.len(), asked: !asked.quiet })
}

/// The options of the server.
fn server_part(found: &Found) -> String {
    let address = found.surroundings.own.address;
    format!(
        "data: /var/lib/ironhand\nlisten: 127.0.0.1:7080\nroles: [api, bmc, boot]\nboot:\n  \
         http: '[::]:{HTTP_PORT}'      # all addresses of both families; machines read from http://{address}:{HTTP_PORT}/boot/\n  \
         tftp: '[::]:69'\n  dhcp: on\n  leases: disk\n"
    )
}

/// The network, as a manifest.
fn network_part(found: &Found) -> String {
    let Found { surroundings: Surroundings { own, gateway, dns, domain, ipv6 }, servers, free, .. } = found;
    let mut text = String::from("apiVersion: ironhand/v1\nkind: Network\n");
    // Writing to a string does not fail.
    let _ = writeln!(text, "metadata: {{ name: {} }}\nspec:", name_of(&own.interface));
    let _ = writeln!(text, "  subnet: {}/{}", own.network(), own.prefix);
    let _ = writeln!(text, "  interface: {}", own.interface);
    match (servers.as_ref().map(|servers| servers.iter().any(FoundServer::gives_addresses)), free) {
        (Ok(true), _) => {
            let _ = writeln!(
                text,
                "  mode: proxy      # another server gives the addresses; this one says what is booted"
            );
        }
        (_, Some((first, last))) => {
            let _ = writeln!(text, "  mode: full");
            let _ = writeln!(text, "  pools: [\"{first}-{last}\"]");
        }
        (_, None) => {
            let _ = writeln!(text, "  mode: reservations      # there is no free range");
        }
    }
    if let Some(gateway) = gateway {
        let _ = writeln!(text, "  gateway: {gateway}");
    }
    if !dns.is_empty() {
        let servers: Vec<String> = dns.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  dns: [{}]", servers.join(", "));
    }
    if let Some(domain) = domain {
        let _ = writeln!(text, "  domain: {domain}");
    }
    if let Some((first, prefix)) = ipv6.subnet() {
        let by_router = ipv6.routers.iter().any(|router| router.is_advertised);
        let (more, why) = match by_router {
            true => {
                (", advertise: false", "; a router advertises itself there and is to do so with the flag M")
            }
            false => ("", ""),
        };
        let _ = writeln!(
            text,
            "  # ipv6: {{ subnet: \"{first}/{prefix}\"{more} }}      # where nobody else gives addresses by DHCPv6{why}"
        );
    }
    let _ =
        writeln!(text, "  unknown: menu      # machines that nobody described register themselves and wait");
    text
}

/// A name for the network of an interface: letters, digits and dashes.
fn name_of(interface: &str) -> String {
    let name: String =
        interface.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("net-{}", name.trim_matches('-'))
}

/// What was found, in words.
fn words(found: &Found) -> Vec<String> {
    let Found {
        surroundings: Surroundings { own, gateway, dns, ipv6, .. },
        others,
        servers,
        free,
        taken,
        asked,
    } = found;
    let mut words = vec![format!("{} has {}/{}", own.interface, own.address, own.prefix)];
    words.push(match gateway {
        Some(gateway) => format!("the router is {gateway}"),
        None => format!("{} leads to no other networks: machines are given no router", own.interface),
    });
    words.push(words6(&own.interface, ipv6));
    if dns.is_empty() {
        words.push(
            "no name server is known that other machines could ask: add `dns` if they need one".to_owned(),
        );
    }
    if !others.is_empty() {
        let names: Vec<String> =
            others.iter().map(|own| format!("{} ({}/{})", own.interface, own.address, own.prefix)).collect();
        words.push(format!("there are also {}; --interface chooses", names.join(", ")));
    }
    if *asked {
        words.push(format!("{taken} addresses answer here"));
    } else {
        words.push("nothing was asked: neither other DHCP servers nor addresses in use are known".to_owned());
    }
    match free {
        Some((first, last)) => words.push(format!("nobody uses {first} to {last}")),
        None => words.push("no range of addresses is free".to_owned()),
    }
    match servers {
        Err(reason) => {
            words.push(format!("it is not known whether another DHCP server answers here: {reason}"))
        }
        Ok(servers) if servers.is_empty() && *asked => {
            words.push("no other DHCP server answers here".to_owned())
        }
        Ok(servers) => {
            for server in servers {
                let FoundServer { offer, .. } = server;
                words.push(match server.gives_addresses() {
                    true => format!(
                        "another DHCP server answers here: {} offers {}. Two that give addresses on one network break it, so the \
                         network is in mode proxy; `ironhand serve` refuses mode full here unless the network says `besideOthers: true`",
                        offer.server, offer.offered
                    ),
                    false => format!("{} tells machines here what to boot", offer.server),
                });
                words.extend(findings(server));
            }
        }
    }
    words
}

/// What was found of IPv6, in words.
fn words6(interface: &str, ipv6: &Surroundings6) -> String {
    let Surroundings6 { is_on, addresses, routers } = ipv6;
    let routers: Vec<String> = routers
        .iter()
        .map(|router| match router.is_advertised {
            true => format!("{} advertises itself as a router", router.address),
            false => format!("{} is a router by configuration", router.address),
        })
        .collect();
    let routers = match routers.is_empty() {
        true => "this machine has heard no router advertise itself".to_owned(),
        false => routers.join(", "),
    };
    if !is_on {
        return format!("{interface} has no IPv6: machines boot over IPv4 alone");
    }
    if addresses.is_empty() {
        return format!(
            "{interface} has no address of IPv6 beyond its link, so machines boot over IPv4 alone; {routers}"
        );
    }
    let all: Vec<String> = addresses.iter().map(|(address, prefix)| format!("{address}/{prefix}")).collect();
    let proposed = match ipv6.subnet() {
        Some(_) => {
            "; `ipv6` stands in the network as a comment, as other servers of DHCPv6 are not looked for"
        }
        None => "",
    };
    format!("{interface} has {} over IPv6; {routers}{proposed}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use ironhand_server::boot::{ForeignServer, Obstacle, Router6};

    use super::*;

    fn found(servers: Result<Vec<FoundServer>, String>) -> Found {
        let own = OwnAddress {
            interface: "eth0.7".into(),
            mac: None,
            address: "192.0.2.70".parse().unwrap(),
            prefix: 26,
        };
        let gateway = Some("192.0.2.65".parse().unwrap());
        let surroundings = Surroundings {
            own,
            gateway,
            dns: vec!["192.0.2.66".parse().unwrap()],
            domain: Some("rack.example".into()),
            ipv6: Surroundings6::default(),
        };
        let free = Some(("192.0.2.100".parse().unwrap(), "192.0.2.126".parse().unwrap()));
        Found { surroundings, others: Vec::new(), servers, free, taken: 3, asked: true }
    }

    fn foreign() -> FoundServer {
        FoundServer {
            offer: ForeignServer {
                server: "192.0.2.67".parse().unwrap(),
                offered: "192.0.2.90".parse().unwrap(),
                obstacles: vec![Obstacle::BootFile("pxelinux.0".into())],
            },
            mac: [2, 0, 0, 0, 0, 1],
            lease: None,
            mask: None,
            router: None,
            name_server: None,
        }
    }

    #[test]
    fn what_is_known_of_ipv6_is_told_and_its_network_left_to_a_person() {
        let router = |is_advertised| Router6 {
            interface: "eth0.7".into(),
            address: "fe80::9".parse().unwrap(),
            is_advertised,
        };
        let check = |is_on, addresses: &[(&str, u8)], routers: &[Router6], told: &str, line: Option<&str>| {
            let mut found = found(Ok(Vec::new()));
            let addresses = addresses.iter().map(|(address, prefix)| (address.parse().unwrap(), *prefix));
            found.surroundings.ipv6 =
                Surroundings6 { is_on, addresses: addresses.collect(), routers: routers.to_vec() };
            let words = words(&found).join("\n");
            assert!(words.contains(told), "{words}");
            let text = network_part(&found);
            let proposed =
                text.lines().find(|line| line.contains("ipv6")).and_then(|line| line.split_once("      #"));
            assert_eq!(proposed.map(|(proposed, _)| proposed), line, "{text}");
            let told = text.replace("# ipv6", "ipv6");
            assert!(ironhand_api::parse_manifests("network.yaml", &told).is_ok(), "{told}");
        };
        check(false, &[], &[], "eth0.7 has no IPv6", None);
        check(true, &[], &[], "no address of IPv6 beyond its link", None);
        check(
            true,
            &[("2001:db8:7::1", 128)],
            &[],
            "has 2001:db8:7::1/128 over IPv6; this machine has heard no",
            None,
        );
        let plain = Some("  # ipv6: { subnet: \"2001:db8:7::/64\" }");
        check(
            true,
            &[("2001:db8:7::1", 64)],
            &[router(false)],
            "fe80::9 is a router by configuration",
            plain,
        );
        let beside = Some("  # ipv6: { subnet: \"2001:db8:7::/64\", advertise: false }");
        check(
            true,
            &[("2001:db8:7::1", 64)],
            &[router(true)],
            "fe80::9 advertises itself as a router",
            beside,
        );
    }

    #[test]
    fn what_is_made_for_a_machine_is_what_serve_takes() {
        let text = server_part(&found(Ok(Vec::new())));
        let resolved =
            super::super::settle(super::super::file::parse("ironhand.yaml", &text).unwrap()).unwrap();
        assert!(resolved.config.roles.boot && resolved.config.boot.dhcp.is_some());
    }

    #[test]
    fn a_network_without_another_server_is_served_whole_and_one_with_as_a_proxy() {
        let alone = network_part(&found(Ok(Vec::new())));
        for part in [
            "subnet: 192.0.2.64/26",
            "mode: full",
            "pools: [\"192.0.2.100-192.0.2.126\"]",
            "name: net-eth0-7",
        ] {
            assert!(alone.contains(part), "{alone}");
        }
        let beside = found(Ok(vec![foreign()]));
        let text = network_part(&beside);
        assert!(text.contains("mode: proxy") && !text.contains("pools"), "{text}");
        let told = words(&beside).join("\n");
        for part in ["192.0.2.67 offers 192.0.2.90", "names the boot file `pxelinux.0`", "besideOthers"] {
            assert!(told.contains(part), "{told}");
        }
        let told = words(&found(Err("permission denied".into()))).join("\n");
        assert!(told.contains("not known whether another DHCP server answers"), "{told}");
    }
}
