//! The checks.

use std::net::IpAddr;

use super::{Check, Seen, Severity};
use crate::{Certificate, Ipmi, Maker, NetworkPort};

/// All checks of one address.
pub const CHECKS: &[Check] = &[
    Check {
        id: "IPMI-HASH",
        title: "IPMI gives a digest of each password to anybody who knows a user name (CVE-2013-4786)",
        severity: Severity::High,
        remedy: "it is part of IPMI 2.0: use passwords of 16 to 20 random characters, keep the network apart, and switch IPMI over LAN off where Redfish does",
        find: |seen| {
            ipmi(seen)
                .filter(|ipmi| ipmi.rmcp_plus)
                .map(|_| "IPMI 2.0 sessions are offered to this network".to_owned())
        },
    },
    Check {
        id: "IPMI-C0",
        title: "IPMI opens sessions without a password (cipher suite 0, CVE-2013-4782)",
        severity: Severity::Critical,
        remedy: "disable cipher suite 0 in the LAN settings of the controller, or renew its firmware",
        find: |seen| {
            let opens = ipmi(seen)?.accepts_suite_0?;
            opens.then(|| "an Open Session Request with cipher suite 0 was accepted".to_owned())
        },
    },
    Check {
        id: "IPMI-C0-LISTED",
        title: "IPMI lists cipher suite 0, though it opens no session with it now",
        severity: Severity::Low,
        remedy: "disable cipher suite 0 at every privilege level in the LAN settings",
        find: |seen| {
            let ipmi = ipmi(seen)?;
            let listed = ipmi.suites.as_ref()?.contains(&0) && ipmi.accepts_suite_0 == Some(false);
            listed.then(|| "its list of cipher suites has 0".to_owned())
        },
    },
    Check {
        id: "IPMI-ANON",
        title: "IPMI lets users in who have no name",
        severity: Severity::Critical,
        remedy: "disable user 1, or give it a name and a password",
        find: |seen| match ipmi(seen)? {
            Ipmi { anonymous_login: true, .. } => Some("anonymous login is enabled".to_owned()),
            Ipmi { null_users: true, .. } => Some("users without a name are enabled".to_owned()),
            _ => None,
        },
    },
    Check {
        id: "IPMI-AUTH15",
        title: "IPMI 1.5 sessions are possible with weak authentication",
        severity: Severity::High,
        remedy: "allow MD5 alone for IPMI 1.5, or better no IPMI 1.5 at all",
        find: |seen| {
            let ipmi = ipmi(seen).filter(|ipmi| ipmi.ipmi_1_5)?;
            let weak: Vec<&str> = ["none", "md2", "password"]
                .into_iter()
                .filter(|weak| ipmi.authentication.contains(weak))
                .collect();
            (!weak.is_empty()).then(|| format!("it offers: {}", weak.join(", ")))
        },
    },
    Check {
        id: "IPMI-SUITE",
        title: "IPMI offers weak cipher suites, or none with SHA-256",
        severity: Severity::Medium,
        remedy: "allow cipher suite 17 alone where the firmware knows it, else 3",
        find: |seen| {
            let suites = ipmi(seen)?.suites.as_ref().filter(|suites| !suites.is_empty())?;
            // Those without encryption, with MD5, or with RC4 (IPMI 2.0 table 22-20).
            let weak = |suite: &&u8| matches!(suite, 1 | 2 | 4..=14 | 15 | 16 | 18 | 19);
            let weak: Vec<String> = suites.iter().filter(weak).map(u8::to_string).collect();
            match (weak.is_empty(), suites.contains(&17)) {
                (true, true) => None,
                (true, false) => Some("it does not list cipher suite 17".to_owned()),
                (false, true) => Some(format!("it lists {}", weak.join(", "))),
                (false, false) => Some(format!("it lists {}, and not 17", weak.join(", "))),
            }
        },
    },
    Check {
        id: "IPMI-KG",
        title: "IPMI sessions are protected by the users' passwords alone",
        severity: Severity::Info,
        remedy: "set a key Kg where all tools in use can name one",
        find: |seen| {
            let unset = ipmi(seen).is_some_and(|ipmi| ipmi.rmcp_plus && !ipmi.kg_is_set);
            unset.then(|| "no key Kg is set".to_owned())
        },
    },
    Check {
        id: "IPMI-PMA",
        title: "IPMI 1.5 sessions are not authenticated throughout",
        severity: Severity::Medium,
        remedy: "enable per-message and user-level authentication in the channel's access settings",
        find: |seen| {
            let ipmi = ipmi(seen).filter(|ipmi| ipmi.ipmi_1_5)?;
            match (ipmi.per_message_authentication, ipmi.user_level_authentication) {
                (true, true) => None,
                (false, true) => Some("per-message authentication is off".to_owned()),
                (true, false) => Some("user-level authentication is off".to_owned()),
                (false, false) => Some("per-message and user-level authentication are off".to_owned()),
            }
        },
    },
    Check {
        id: "TLS-OLD",
        title: "TLS below 1.2 is accepted",
        severity: Severity::Medium,
        remedy: "raise the least version of TLS in the controller's settings, or renew its firmware",
        find: |seen| {
            let tls = seen.gathered.tls.as_ref()?;
            let old = tls.old_versions.as_ref().filter(|old| !old.is_empty());
            match (old, tls.version) {
                (Some(old), _) => Some(format!("it accepts {}", old.join(" and "))),
                (None, None) => Some("it has neither TLS 1.2 nor 1.3".to_owned()),
                (None, Some(_)) => None,
            }
        },
    },
    Check {
        id: "TLS-SELF-SIGNED",
        title: "no authority vouches for the certificate",
        severity: Severity::Low,
        remedy: "give the controller a certificate of your own authority, or rely on the pin that Ironhand keeps",
        find: |seen| certificate(seen)?.self_signed.then(|| "the certificate vouches for itself".to_owned()),
    },
    Check {
        id: "TLS-EXPIRED",
        title: "the certificate is not valid now",
        severity: Severity::Medium,
        remedy: "renew the certificate, and set the controller's clock",
        find: |seen| {
            let certificate = certificate(seen)?;
            let days = |seconds: i64| seconds / 86_400;
            match seen.now {
                now if now > certificate.not_after => {
                    Some(format!("it expired {} days ago", days(now.saturating_sub(certificate.not_after))))
                }
                now if now < certificate.not_before => Some("it is not valid yet".to_owned()),
                _ => None,
            }
        },
    },
    Check {
        id: "TLS-WEAK-KEY",
        title: "the certificate's key is too small",
        severity: Severity::Medium,
        remedy: "renew the certificate with RSA of 2048 bits or more, or with P-256",
        find: |seen| {
            let certificate = certificate(seen)?;
            let weak = certificate.key == "RSA" && (1..2048).contains(&certificate.key_bits);
            weak.then(|| format!("RSA of {} bits", certificate.key_bits))
        },
    },
    Check {
        id: "TLS-WEAK-DIGEST",
        title: "the certificate is signed over a digest that can be forged",
        severity: Severity::Medium,
        remedy: "renew the certificate with SHA-256",
        find: |seen| certificate(seen)?.weak_digest.then(|| "it is signed over MD5 or SHA-1".to_owned()),
    },
    Check {
        id: "REDFISH-UNAUTH",
        title: "Redfish shows without a login what needs one",
        severity: Severity::Critical,
        remedy: "enable authentication in the web service's settings, and renew the firmware",
        find: |seen| {
            let paths = &seen.gathered.unprotected;
            (!paths.is_empty()).then(|| format!("answered without a login: {}", paths.join(", ")))
        },
    },
    Check {
        id: "REDFISH-PLAIN",
        title: "Redfish is spoken without TLS",
        severity: Severity::High,
        remedy: "switch HTTPS on and HTTP off",
        find: |seen| {
            let plain = seen.gathered.redfish.is_some() && seen.gathered.redfish_is_plain;
            plain.then(|| "its service root was read over plain HTTP, where passwords go in clear".to_owned())
        },
    },
    Check {
        id: "NET-PUBLIC",
        title: "the controller has a public address",
        severity: Severity::High,
        remedy: "move it into a network of its own that the internet does not reach",
        find: |seen| {
            is_public(seen.gathered.address).then(|| format!("{} is a public address", seen.gathered.address))
        },
    },
    Check {
        id: "SVC-TELNET",
        title: "telnet is open, in which passwords go in clear",
        severity: Severity::Medium,
        remedy: "switch telnet off, and use SSH",
        find: |seen| open(seen, &[(23, "telnet")]),
    },
    Check {
        id: "SVC-VNC",
        title: "the screen is open to VNC, whose passwords have eight characters",
        severity: Severity::Medium,
        remedy: "switch it off while nobody uses it, or let one address alone connect",
        find: |seen| open(seen, &[(5900, "VNC"), (5901, "VNC with TLS")]),
    },
    Check {
        id: "SVC-MEDIA",
        title: "ports of remote media and consoles are open",
        severity: Severity::Medium,
        remedy: "switch remote media and consoles off while nobody uses them, and filter their ports",
        find: |seen| {
            let ports = [
                (623, "remote media of Supermicro or AMI"),
                (5120, "remote media of AMI"),
                (7578, "remote console of AMI"),
                (17988, "remote media of iLO"),
                (17990, "remote console of iLO"),
            ];
            open(seen, &ports)
        },
    },
    Check {
        id: "SVC-49152",
        title: "port 49152 is open, over which old Supermicro firmware gave all passwords away",
        severity: Severity::High,
        remedy: "renew the firmware, change all passwords, and filter the port",
        find: |seen| {
            let supermicro = seen.identity.vendor.is_none_or(|vendor| vendor == Maker::SUPERMICRO);
            if supermicro { open(seen, &[(49_152, "UPnP")]) } else { None }
        },
    },
    Check {
        id: "SVC-WSMAN",
        title: "WS-Management is open without TLS",
        severity: Severity::Medium,
        remedy: "switch it off, or allow it over TLS alone",
        find: |seen| open(seen, &[(5985, "WS-Management")]),
    },
    Check {
        id: "AMT-PLAIN",
        title: "Intel AMT is open without TLS",
        severity: Severity::High,
        remedy: "provision AMT with TLS and a strong password, or switch it off in the machine's firmware",
        find: |seen| seen.gathered.amt.as_ref().map(|version| format!("AMT {version} answers without TLS")),
    },
    Check {
        id: "FW-ILO4-2017-12542",
        title: "iLO 4 before 2.53 lets anybody in (CVE-2017-12542)",
        severity: Severity::Critical,
        remedy: "renew the firmware of the iLO to 2.53 or later",
        find: |seen| {
            let identity = seen.identity;
            let affected =
                identity.vendor == Some(Maker::HPE) && identity.product().as_deref() == Some("iLO 4");
            older(identity.firmware.as_deref().filter(|_| affected)?, &[2, 53])
        },
    },
    Check {
        id: "FW-IDRAC-2018-1207",
        title: "iDRAC 7 and 8 before 2.52.52.52 run commands of anybody (CVE-2018-1207)",
        severity: Severity::Critical,
        remedy: "renew the firmware of the iDRAC to 2.52.52.52 or later",
        find: |seen| {
            let identity = seen.identity;
            let firmware = identity.firmware.as_deref()?;
            let affected = identity.vendor == Some(Maker::DELL) && firmware.starts_with("2.");
            older(Some(firmware).filter(|_| affected)?, &[2, 52, 52, 52])
        },
    },
    Check {
        id: "ACC-FACTORY",
        title: "the password of the factory opens an account",
        severity: Severity::Critical,
        remedy: "change it: `ironhand password rotate` does for hosts that are kept",
        find: |seen| {
            let accounts = &seen.inside.factory_accounts;
            (!accounts.is_empty()).then(|| format!("accepted: {}", accounts.join(", ")))
        },
    },
    Check {
        id: "ACC-ADMINS",
        title: "accounts may do everything beside the one that is used",
        severity: Severity::Medium,
        remedy: "disable those that nobody needs, and lower the role of the others",
        find: |seen| {
            let used = seen.inside.account.as_deref()?;
            let others = seen.inside.administrators.iter().map(String::as_str).filter(|name| *name != used);
            let others: Vec<&str> = others.collect();
            (!others.is_empty()).then(|| format!("administrators beside {used}: {}", others.join(", ")))
        },
    },
    Check {
        id: "ACC-LOCKOUT",
        title: "passwords can be guessed without end",
        severity: Severity::Low,
        remedy: "lock accounts for some minutes after five wrong passwords",
        find: |seen| {
            let never = seen.inside.lockout_after == Some(0);
            never.then(|| "no number of wrong passwords locks an account".to_owned())
        },
    },
    Check {
        id: "NET-SHARED-PORT",
        title: "the controller uses a network port of the machine",
        severity: Severity::High,
        remedy: "connect its own port to a network apart, and choose that port alone in its settings",
        find: |seen| match seen.inside.network_port? {
            NetworkPort::Dedicated => None,
            NetworkPort::Shared => Some("its network port is set to shared".to_owned()),
            NetworkPort::Failover => Some("its network port fails over to a shared one".to_owned()),
        },
    },
    Check {
        id: "SVC-WEAK",
        title: "services are enabled in which passwords go in clear",
        severity: Severity::Medium,
        remedy: "switch them off, and use SSH and SNMP v3",
        find: |seen| {
            let services = &seen.inside.weak_services;
            (!services.is_empty()).then(|| format!("enabled: {}", services.join(", ")))
        },
    },
    Check {
        id: "HOST-IF-OPEN",
        title: "the machine's operating system reaches the controller without a password",
        severity: Severity::High,
        remedy: "take AuthNone from the host interface, or disable it",
        find: |seen| {
            let open = &seen.inside.open_host_interfaces;
            (!open.is_empty()).then(|| format!("host interfaces with AuthNone: {}", open.join(", ")))
        },
    },
    Check {
        id: "HOST-IF",
        title: "the machine's operating system reaches the controller over a network interface",
        severity: Severity::Low,
        remedy: "disable the host interface where no agent uses it",
        find: |seen| {
            let interfaces = &seen.inside.host_interfaces;
            (!interfaces.is_empty()).then(|| format!("enabled host interfaces: {}", interfaces.join(", ")))
        },
    },
];

/// The checks over all addresses together.
pub const FLEET_CHECKS: [&Check; 2] = [&SHARED_KEY, &SHARED_PASSWORD];

pub(super) const SHARED_KEY: Check = Check {
    id: "TLS-SHARED-KEY",
    title: "several controllers hold the same private key",
    severity: Severity::Medium,
    remedy: "give each controller a certificate with a key of its own; the shared one is in the firmware that anybody can download",
    find: |_| None,
};

pub(super) const SHARED_PASSWORD: Check = Check {
    id: "ACC-SHARED",
    title: "several controllers accept the same password",
    severity: Severity::High,
    remedy: "give each one of its own: `ironhand password rotate` makes and keeps them for hosts that are kept",
    find: |_| None,
};

fn ipmi<'a>(seen: &Seen<'a>) -> Option<&'a Ipmi> {
    seen.gathered.ipmi.as_ref()
}

fn certificate<'a>(seen: &Seen<'a>) -> Option<&'a Certificate> {
    seen.gathered.tls.as_ref()?.certificate.as_ref()
}

fn open(seen: &Seen<'_>, ports: &[(u16, &str)]) -> Option<String> {
    let open = ports.iter().filter(|(port, _)| seen.gathered.open_ports.contains(port));
    let open: Vec<String> = open.map(|(port, service)| format!("TCP port {port} ({service})")).collect();
    (!open.is_empty()).then(|| format!("open: {}", open.join(", ")))
}

/// The evidence where a version, of numbers with dots between, is older than another. One that is not understood is not.
fn older(version: &str, than: &[u32]) -> Option<String> {
    let numbers: Result<Vec<u32>, _> = version.trim().split('.').map(str::parse).collect();
    // `2.5` has no third number: what is missing counts as nothing.
    (numbers.ok()?.as_slice() < than).then(|| format!("its firmware is {version}"))
}

/// Whether an address is routed in the internet (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || address.is_unspecified()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || first == 198 && (18..20).contains(&second);
            !(special || shared)
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            // Global unicast, of which one part is for documentation.
            first & 0xE000 == 0x2000 && !(first == 0x2001 && second == 0xDB8)
        }
    }
}
