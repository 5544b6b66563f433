//! Connectors: what is read of each type, and what is told of its faults.

use std::path::Path;

use super::{document, one};
use crate::{ConnectorType, KeyboardLayout, Manifest, Outlet, Way, parse_manifests};

/// The connectors of a Host whose list of them is `list`.
fn manifest(list: &str) -> String {
    let list = list.replace('\n', "\n  ");
    document("Host", &format!("macs: [52:54:00:12:34:56]\ncredentials: [c]\nconnectors:\n  {list}"))
}

/// Checks the faults of one connector, which stands behind `- ` from column 7 of line 8.
fn check(connector: &str, wanted: &[&str]) {
    let faults = parse_manifests("f.yaml", &manifest(&format!("- {connector}"))).err().unwrap_or_default();
    let got: Vec<String> = faults
        .iter()
        .map(|fault| match &fault.hint {
            Some(hint) => format!("{} ({hint})", fault.message),
            None => fault.message.clone(),
        })
        .collect();
    assert_eq!(got, wanted, "{connector}");
}

#[test]
fn each_example_of_the_guide_is_read_and_every_type_has_one() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/connectors.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut seen = vec![ConnectorType::Ipmi];
    for example in guide.split("```yaml\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let Manifest::Host(host) = one(&manifest(example)) else { panic!("not a Host") };
        seen.extend(host.spec.connectors.iter().map(|connector| connector.kind()));
        // It reads back from its own JSON.
        let json = serde_json::to_value(Manifest::Host(host)).unwrap();
        assert_eq!(serde_json::to_value(one(&json.to_string())).unwrap(), json);
    }
    for kind in ConnectorType::ALL {
        assert!(seen.contains(kind), "{kind:?}");
        let named = guide.contains(&format!("`{}`", kind.as_str()));
        assert!(named, "{kind:?} is not in the guide");
    }
}

#[test]
fn faults_of_screens_and_consoles_are_told() {
    check("{ type: kvm, address: a }", &["`protocol` is missing in a kvm connector"]);
    check(
        "{ type: vnc, address: a, path: ws }",
        &["`ws` is not the path of a WebSocket (write it like /websockify)"],
    );
    check(
        "{ type: vnc, address: a, enableBy: redfish, credentials: [] }",
        &[
            "`enableBy: redfish` needs a redfish connector in the same Host (add the `redfish` connector of the host's iDRAC)",
            "`enableBy` needs the password that the VNC server is to be given (name a Credential for it alone in `credentials`)",
        ],
    );
    check(
        "{ type: vnc, address: a, enableBy: ipmi, credentials: [v] }",
        &["`ipmi` is not a way to switch a VNC server on (one of: redfish)"],
    );
    check(
        "{ type: preview, address: a, vendor: dell }",
        &["`dell` is not a vendor of previews (one of: idrac, idrac9, ilo, xcc, supermicro, h3c)"],
    );
    check("{ type: serial-tcp, address: a }", &["`port` is missing in a serial-tcp connector"]);
    check(
        "{ type: console-log, address: ../shadow, format: plain }",
        &[
            "`../shadow` is not the name of a console log (write its path from the folder of console logs, like rack7-12.log)",
        ],
    );
}

#[test]
fn outlets_are_numbers_names_and_indices() {
    let list = "- { type: pdu, address: a, outlets: [7, 1.10, 1.1.12, rack 7, '8'], credentials: [s] }";
    let Manifest::Host(host) = one(&manifest(list)) else { panic!("not a Host") };
    let [connector] = &host.spec.connectors[..] else { panic!("{:?}", host.spec) };
    let Way::Pdu(pdu) = &connector.way else { panic!("{connector:?}") };
    let name = |text: &str| Outlet::Name(text.to_owned());
    assert_eq!(pdu.outlets, [Outlet::Number(7), name("1.10"), name("1.1.12"), name("rack 7"), name("8")]);
}

#[test]
fn faults_of_strips_are_told() {
    check("{ type: pdu, address: a }", &["`outlets` is missing in a pdu connector"]);
    check("{ type: pdu, address: a, outlets: [] }", &["`outlets` is empty"]);
    check(
        "{ type: pdu, address: a, outlets: [0, ''] }",
        &["`outlets` must be between 1 and 9999, not 0", "`outlets` is empty"],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], model: apcc, snmp: v2, privacy: rot13 }",
        &[
            "`apcc` is not a model of strip (did you mean `apc`?)",
            "`v2` is not a version of SNMP (did you mean `v2c`?)",
            "`rot13` is not a way of encryption (one of: none, des, aes128, aes256)",
        ],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], model: generic }",
        &["`model: generic` and `oids` go together"],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], privacy: aes128 }",
        &["`authentication` and `privacy` are for `snmp: v3` alone"],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], model: generic, oids: { status: 1.3.x, control: 1.3.6, on: 1, off: 1 } }",
        &[
            "`1.3.x` is not an object identifier (write it like 1.3.6.1.4.1.318.1.1.12.3.3.1.1.4, without the outlet's index)",
        ],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], model: generic, oids: { status: 1.3.6, control: 1.3.6, on: 1, off: 1 } }",
        &["`on` and `off` are the same value"],
    );
    check(
        "{ type: pdu, address: a, outlets: [1], feeds: [{ adress: b, outlets: [1] }], through: {} }",
        &[
            "unknown field `adress` in a feed (did you mean `address`?)",
            "unknown field `through` in a pdu connector (known fields: type, address, backupAddresses, port, credentials, outlets, feeds, model, oids, snmp, authentication, privacy, allowHardCut)",
        ],
    );
}

#[test]
fn faults_of_those_that_speak_ws_management_are_told() {
    check(
        "{ type: amt, address: a, tls: no, port: 0, outlets: [1] }",
        &[
            "`no` is not a way to prove who a device is (one of: off)",
            "`port` must be between 1 and 65535, not 0",
            "unknown field `outlets` in an amt connector (known fields: type, address, backupAddresses, port, credentials, through, tls, keyboardLayout, keyInterval)",
        ],
    );
    check(
        "{ type: winrm, address: a, tls: off }",
        &[
            "winrm needs TLS: without it the password would go in clear (give Windows a listener for HTTPS; docs/guides/connectors.md says how)",
        ],
    );
    check(
        "{ type: winrm, address: a, tls: { pin: first-use, ca: system } }",
        &["`tls` needs either `pin` or `ca`, or is `off`"],
    );
}

#[test]
fn layouts_are_of_connectors_that_press_keys() {
    let layout = |connector: &str| {
        let Manifest::Host(host) = one(&manifest(&format!("- {connector}"))) else { panic!("not a Host") };
        host.spec.connectors[0].keyboard_layout
    };
    assert_eq!(layout("{ type: vnc, address: a }"), KeyboardLayout::Us);
    for known in KeyboardLayout::ALL {
        let word = known.as_str();
        for kind in ["vnc", "pikvm", "nanokvm", "jetkvm"] {
            let connector = format!("{{ type: {kind}, address: a, keyboardLayout: {word} }}");
            assert_eq!(layout(&connector), *known);
        }
    }
    check(
        "{ type: pikvm, address: a, keyboardLayout: qwertz }",
        &["`qwertz` is not a keyboard layout (one of: us, uk, de, fr)"],
    );
    check(
        "{ type: ipmi, address: a, keyboardLayout: us }",
        &[
            "unknown field `keyboardLayout` in an ipmi connector (known fields: type, address, backupAddresses, port, credentials, cipherSuites)",
        ],
    );
}

#[test]
fn the_pause_between_keys_is_of_connectors_that_press_keys() {
    let interval = |connector: &str| {
        let Manifest::Host(host) = one(&manifest(&format!("- {connector}"))) else { panic!("not a Host") };
        host.spec.connectors[0].key_interval.map(|span| span.to_string())
    };
    assert_eq!(interval("{ type: vnc, address: a }"), None);
    assert_eq!(interval("{ type: vnc, address: a, keyInterval: 50ms }").as_deref(), Some("50ms"));
    check(
        "{ type: amt, address: a, keyInterval: 6s }",
        &["`keyInterval` must be between 1ms and 5s, not 6s"],
    );
}

#[test]
fn faults_of_switches_are_told() {
    check("{ type: tasmota, address: a, output: 0 }", &["`output` must be between 1 and 32, not 0"]);
    check(
        "{ type: shelly, address: a, output: 16, generation: 3 }",
        &["`output` must be between 0 and 15, not 16", "`generation` must be between 1 and 2, not 3"],
    );
    check(
        "{ type: http-switch, address: a }",
        &["`on` is missing in an http-switch connector", "`off` is missing in an http-switch connector"],
    );
    check(
        "{ type: http-switch, address: a, on: { path: on }, off: { method: DELETE, path: /off }, status: { path: /s } }",
        &[
            "`on` is not a path (begin it with /, and write special characters as %20 and the like)",
            "`DELETE` is not a method that is sent (one of: GET, PATCH, POST, PUT)",
            "`isOn` is missing in the status of a switch",
            "`isOff` is missing in the status of a switch",
        ],
    );
    check(
        "{ type: ipmi, address: a, allowHardCut: true }",
        &[
            "unknown field `allowHardCut` in an ipmi connector (known fields: type, address, backupAddresses, port, credentials, cipherSuites)",
        ],
    );
}

#[test]
fn faults_of_sockets_that_take_messages_are_told() {
    check("{ type: gsm, address: /dev/ttyUSB0 }", &["`number` is missing in a gsm connector"]);
    check(
        "{ type: gsm, address: /dev/ttyUSB0, number: '0612345678', messagesPerDay: 0 }",
        &[
            "`0612345678` is not a telephone number (write it in international form and in quotes, like \"+31201234567\")",
            "`messagesPerDay` must be between 1 and 1000, not 0",
        ],
    );
    check(
        "{ type: gsm, address: a, number: '+31201234567', device: custom }",
        &["`device: custom` and `texts` go together"],
    );
}

#[test]
fn faults_of_ways_to_a_device_are_told() {
    check(
        "{ type: redfish, address: a, backupAddresses: ['b:443'], tls: on }",
        &[
            "`b:443` is neither an IP address nor a host name (write the port apart: `port: 443`)",
            "`on` is not a way to prove who a device is (one of: off)",
        ],
    );
    check(
        "{ type: redfish, address: a, tls: { pin: sha256:12 } }",
        &["`sha256:12` is neither `first-use` nor `sha256:` with 64 hexadecimal digits"],
    );
    check(
        "{ type: redfish, address: a, tls: { pin: first-use, ca: system } }",
        &["`tls` needs either `pin` or `ca`, or is `off`"],
    );
    check(
        "{ type: redfish, address: a, tls: { ca: /etc/ca.pem } }",
        &["`ca` names no authority (write `system`, or certificates in PEM)"],
    );
    check("{ type: redfish, address: a, through: {} }", &["`through` needs either `socks5` or `ssh`"]);
    check(
        "{ type: redfish, address: a, through: { ssh: { address: b, credential: c, hostKey: 'MD5:1' } } }",
        &[
            "`MD5:1` is not the fingerprint of a host key (write it as `ssh-keygen -lf` prints it: SHA256: and 43 characters)",
        ],
    );
    check(
        "{ type: ssh, address: a, commands: {} }",
        &["`hostKey` is missing in an ssh connector", "`commands` is empty"],
    );
    check("{ type: libvirt, address: a }", &["`domain` is missing in a libvirt connector"]);
    check(
        "{ type: vnc, address: /run/vnc.sock }",
        &[
            "`/run/vnc.sock` is neither an IP address nor a host name (write it like 10.0.7.12, 2001:db8::7 or bmc-12.example.net)",
        ],
    );
}

#[test]
fn a_machine_is_woken_only_by_its_addresses() {
    let spec = "connectors: [{ type: wol, address: 10.0.7.255 }]";
    let faults = parse_manifests("f.yaml", &document("Host", spec)).err().unwrap_or_default();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].message, "a wol connector needs a hardware address");
    assert!(
        parse_manifests("f.yaml", &document("Host", &format!("macs: [5254.0012.3456]\n{spec}"))).is_err()
    );
    assert!(parse_manifests("f.yaml", &document("Host", &format!("macs: ['525400123456']\n{spec}"))).is_ok());
}
