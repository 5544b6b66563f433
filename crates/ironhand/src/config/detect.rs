//! `ironhand config detect`: a configuration for this machine, and in plain words what was found.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use ironhand_server::boot::{
    Advertisement, Found6, FoundServer, OwnAddress, Surroundings, Surroundings6, candidates, findings,
    findings6, free_range, in_use, look_for_servers, look_for_servers6, own_addresses, surroundings,
};

use crate::args::{Detect, DetectPart};
use crate::exit::Failure;
use crate::output::line;
use crate::serve::chain;

/// The port at which booting machines read over HTTP.
const HTTP_PORT: u16 = 8480;

/// What is written into a folder.
const FILES: [&str; 2] = ["ironhand.yaml", "network.yaml"];

/// What was found out.
struct Found {
    surroundings: Surroundings,
    others: Vec<OwnAddress>,
    /// Those who answer DHCP, or why that is not known.
    servers: Result<Vec<FoundServer>, String>,
    /// The same over IPv6, and routers.
    found6: Result<Found6, String>,
    /// The range that nobody uses.
    free: Option<(Ipv4Addr, Ipv4Addr)>,
    /// How many addresses are in use.
    taken: usize,
    /// Whether anything was sent.
    asked: bool,
}

/// `ironhand config detect`.
pub async fn detect(asked: &Detect) -> Result<(), Failure> {
    if let Some(folder) = &asked.out {
        stays(folder)?;
    }
    let found = look(asked).await?;
    let (server, network) = (server_part(&found), network_part(&found));
    if let Some(folder) = &asked.out {
        crate::exit::at(folder, std::fs::create_dir_all(folder))?;
        for (name, text) in FILES.into_iter().zip([&server, &network]) {
            let path = folder.join(name);
            let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            crate::exit::at(&path, written)?;
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

/// Sees to it that nothing is written over what a person may have changed.
fn stays(folder: &Path) -> Result<(), Failure> {
    let known = FILES.into_iter().map(|name| folder.join(name)).find(|path| path.exists());
    known.map_or(Ok(()), |path| {
        Err(Failure::Usage {
            message: format!("{} is there already, and is left as it is", path.display()),
            hint: Some("name another folder with --out, or move that file away".to_owned()),
        })
    })
}

async fn look(asked: &Detect) -> Result<Found, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Failed(chain(error));
    let surroundings = surroundings(asked.interface.as_deref()).map_err(|error| failed(&error))?;
    let own = own_addresses().map_err(|error| failed(&error))?;
    let addresses: Vec<Ipv4Addr> = own.iter().map(|own| own.address).collect();
    let others = own.into_iter().filter(|own| *own != surroundings.own).collect();
    let around = candidates(&surroundings.own);
    let (mut servers, mut found6, mut in_use_there) =
        (Ok(Vec::new()), Ok(Found6::default()), BTreeSet::new());
    if !asked.quiet {
        let (interface, wait) = (&surroundings.own.interface, asked.wait.duration());
        let (looking, looking6) = (look_for_servers(interface, wait), look_for_servers6(interface, wait));
        let (found, of_ipv6, used) = tokio::join!(looking, looking6, in_use(&around));
        servers = found.map_err(|error| chain(&error));
        found6 = of_ipv6.map_err(|error| chain(&error));
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
    let (taken, asked) = (in_use_there.len(), !asked.quiet);
    Ok(Found { surroundings, others, servers, found6, free, taken, asked })
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
    let Found { surroundings, servers, free, .. } = found;
    let Surroundings { own, gateway, dns, domain, .. } = surroundings;
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
    if let Some(line) = network_part6(found) {
        let _ = writeln!(text, "{line}");
    }
    let _ =
        writeln!(text, "  unknown: menu      # machines that nobody described register themselves and wait");
    text
}

/// The IPv6 side of the network; a comment with the reason, where a person has to see to something first.
fn network_part6(found: &Found) -> Option<String> {
    let ipv6 = &found.surroundings.ipv6;
    let (first, prefix) = ipv6.subnet()?;
    let heard = found.found6.as_ref().map(|found| &found.routers[..]).unwrap_or_default();
    let by_router = !heard.is_empty() || ipv6.routers.iter().any(|router| router.is_advertised);
    let is_told = heard.iter().any(|router| router.managed);
    let more = if by_router { ", advertise: false" } else { "" };
    let line = format!("ipv6: {{ subnet: \"{first}/{prefix}\"{more} }}");
    let giver =
        found.found6.as_ref().ok().and_then(|found| found.servers.iter().find(|one| one.offered.is_some()));
    let why = match (&found.found6, giver) {
        _ if !found.asked => "where nobody else gives addresses by DHCPv6".to_owned(),
        (Err(_), _) => "it is not known whether another DHCPv6 server answers here".to_owned(),
        (_, Some(giver)) => format!("{} gives addresses by DHCPv6 here", giver.server),
        _ if by_router && !is_told => {
            "a router advertises itself here and is to do so with the flag M first".to_owned()
        }
        _ => return Some(format!("  {line}")),
    };
    Some(format!("  # {line}      # {why}"))
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
        found6,
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
        words.push(match taken {
            1 => "one address answers here".to_owned(),
            taken => format!("{taken} addresses answer here"),
        });
    } else {
        words.push("nothing was asked: neither other DHCP servers nor addresses in use are known".to_owned());
    }
    match free {
        Some((first, last)) if *asked => words.push(format!("nobody uses {first} to {last}")),
        Some((first, last)) => {
            words.push(format!("{first} to {last} are proposed; whether anybody uses them is not known"))
        }
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
    if *asked && ipv6.is_on {
        words.extend(beside6(found6));
    }
    words
}

/// Who else answers over IPv6, in words.
fn beside6(found: &Result<Found6, String>) -> Vec<String> {
    let Found6 { servers, routers } = match found {
        Ok(found) => found,
        Err(reason) => {
            return vec![format!("it is not known whether another DHCPv6 server answers here: {reason}")];
        }
    };
    let mut words: Vec<String> = routers.iter().map(router_words).collect();
    if servers.is_empty() {
        words.push("no other DHCPv6 server answers here".to_owned());
    }
    for server in servers {
        words.push(match server.offered {
            Some(offered) => format!(
                "another DHCPv6 server answers here: {} offers {offered}. Two that give addresses on one network break it, so `ipv6` \
                 stands in the network as a comment; `ironhand serve` refuses to give addresses of IPv6 here unless the network says \
                 `besideOthers: true`",
                server.server
            ),
            None => format!("{} answers DHCPv6 here, and gives no addresses", server.server),
        });
        words.extend(findings6(server));
    }
    words
}

/// What a router says of the link.
fn router_words(heard: &Advertisement) -> String {
    let Advertisement { router, managed, other, lifetime, prefixes } = heard;
    let is = match lifetime.as_secs() {
        0 => "tells of the link, and is no default router".to_owned(),
        seconds => format!("is a default router for {seconds} s"),
    };
    let tells = match (managed, other) {
        (true, _) => "machines ask for addresses by DHCPv6 (flag M)",
        (false, true) => "machines ask by DHCPv6 for options alone (flag O)",
        (false, false) => "machines do not ask by DHCPv6",
    };
    let own: Vec<String> = prefixes
        .iter()
        .filter(|one| one.autonomous)
        .map(|one| format!("{}/{}", one.prefix, one.length))
        .collect();
    let own = if own.is_empty() {
        String::new()
    } else {
        format!("; they make addresses of {} themselves", own.join(", "))
    };
    format!("the router {router} {is}; {tells}{own}")
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
    format!("{interface} has {} over IPv6; {routers}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use ironhand_server::boot::{ForeignServer, ForeignServer6, Obstacle, Router6};

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
        let found6 = Ok(Found6::default());
        Found { surroundings, others: Vec::new(), servers, found6, free, taken: 3, asked: true }
    }

    #[test]
    fn what_a_person_may_have_changed_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        stays(&folder.path().join("new")).unwrap();
        stays(folder.path()).unwrap();
        std::fs::write(folder.path().join("network.yaml"), "kind: Network").unwrap();
        let refused = stays(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("network.yaml is there already"), "{refused}");
    }

    /// A link with these other servers of DHCPv6, by what they offer, and routers, by their flags and lifetimes.
    fn around(servers: &[Option<&str>], routers: &[(bool, bool, u64)]) -> Found6 {
        let server = |offered: &Option<&str>| ForeignServer6 {
            server: "fe80::5".parse().unwrap(),
            identifier: [0, 3].into(),
            offered: offered.map(|address| address.parse().unwrap()),
            boot_file: None,
        };
        let router = |(managed, other, lifetime): &(bool, bool, u64)| Advertisement {
            router: "fe80::9".parse().unwrap(),
            managed: *managed,
            other: *other,
            lifetime: std::time::Duration::from_secs(*lifetime),
            prefixes: Vec::new(),
        };
        Found6 {
            servers: servers.iter().map(server).collect(),
            routers: routers.iter().map(router).collect(),
        }
    }

    #[test]
    fn who_else_is_there_over_ipv6_decides_what_is_proposed() {
        let check = |around: Result<Found6, String>, told: &str, line: &str| {
            let mut found = found(Ok(Vec::new()));
            let addresses = vec![("2001:db8:7::1".parse().unwrap(), 64)];
            found.surroundings.ipv6 = Surroundings6 { is_on: true, addresses, routers: Vec::new() };
            found.found6 = around;
            let words = words(&found).join("\n");
            assert!(words.contains(told), "{words}");
            let proposed = network_part6(&found).unwrap();
            assert!(proposed.starts_with(line), "{proposed}");
        };
        let plain = "  ipv6: { subnet: \"2001:db8:7::/64\" }";
        check(Ok(around(&[], &[])), "no other DHCPv6 server answers here", plain);
        check(Ok(around(&[None], &[])), "fe80::5 answers DHCPv6 here, and gives no addresses", plain);
        let beside = "  ipv6: { subnet: \"2001:db8:7::/64\", advertise: false }";
        check(
            Ok(around(&[], &[(true, false, 1800)])),
            "is a default router for 1800 s; machines ask",
            beside,
        );
        let first = "  # ipv6: { subnet: \"2001:db8:7::/64\", advertise: false }";
        check(
            Ok(around(&[], &[(false, true, 0)])),
            "is no default router; machines ask by DHCPv6 for options",
            first,
        );
        let foreign = "  # ipv6: { subnet: \"2001:db8:7::/64\" }      # fe80::5 gives";
        check(Ok(around(&[Some("2001:db8:7::77")], &[])), "fe80::5 offers 2001:db8:7::77", foreign);
        let unknown = "  # ipv6: { subnet: \"2001:db8:7::/64\" }      # it is not known";
        check(Err("not permitted".to_owned()), "not known whether another DHCPv6 server", unknown);
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
    fn what_this_machine_knows_of_ipv6_is_told_and_proposed() {
        let router = |is_advertised| Router6 {
            interface: "eth0.7".into(),
            address: "fe80::9".parse().unwrap(),
            is_advertised,
        };
        let check = |is_on, addresses: &[(&str, u8)], routers: &[Router6], told: &str, line: Option<&str>| {
            let mut found = found(Ok(Vec::new()));
            found.asked = false;
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
