//! Profiles, deployments, and what hosts say of their boots, as people write them.

use crate::{Manifest, parse_manifests};

/// Parses a document; the faults, joined, where it has any.
fn check(kind: &str, spec: &str, wanted: Result<(), &str>) {
    let text =
        format!("apiVersion: ironhand/v1\nkind: {kind}\nmetadata: {{ name: a }}\nspec: {{ {spec} }}\n");
    match (parse_manifests("test", &text), wanted) {
        (Ok(manifests), Ok(())) => {
            let written = serde_json::to_string(&manifests[0]).unwrap();
            let read: Manifest = serde_json::from_str(&written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written, "{spec}");
        }
        (Err(faults), Err(wanted)) => {
            let told: Vec<String> = faults.iter().map(|fault| format!("{fault} {:?}", fault.hint)).collect();
            let told = told.join("\n");
            assert!(told.contains(wanted) && told.contains("test:4:"), "{spec}: {told}");
        }
        (found, _) => panic!("{spec}: {:?}", found.err()),
    }
}

#[test]
fn a_profile_boots_one_thing() {
    let check = |spec: &str, wanted| check("Profile", spec, wanted);
    check(
        "media: debian-12, kernel: install.amd/vmlinuz, initrds: [install.amd/initrd.gz], loader: secure, \
         shim: EFI/boot/bootx64.efi, commandLine: \"auto url={{ files['preseed.cfg'] }}\", architectures: [x64], \
         files: [{ name: preseed.cfg, content: 'd-i', mediaType: text/plain }]",
        Ok(()),
    );
    check("kernel: 'https://boot.example/vmlinuz'", Ok(()));
    check("script: 'chain http://boot.example/x.ipxe || shell'", Ok(()));
    check("chain: 'http://boot.example/x.efi'", Ok(()));
    check("media: a", Err("exactly one of `kernel`, `script` and `chain`"));
    check("media: a, kernel: b, chain: c", Err("exactly one of"));
    check("kernel: b", Err("the Profile names no media"));
    check("media: a, kernel: ../b", Err("is not a path in the media"));
    check("media: a, kernel: 'nfs://b/c'", Err("fetched by HTTP alone"));
    check("media: a, kernel: b, commandLine: 'a ${net0/mac}'", Err("would be a variable of the loader"));
    check("media: a, kernel: b, commandLine: \"a\\nb\"", Err("must be one line"));
    check("media: a, chain: b, initrds: [c]", Err("`initrds` need a `kernel`"));
    check("script: 'a', loader: grub", Err("is run by iPXE"));
    check("script: '#!ipxe'", Err("leave the first line out"));
    check("media: a, kernel: b, shim: c", Err("with `loader: secure` alone"));
    check("media: a, kernel: b, architectures: [amd64]", Err("`amd64` is not an architecture"));
    check("media: a, kernel: b, files: [{ name: a/b, content: c }]", Err("is not a name of a file"));
    check(
        "media: a, kernel: b, files: [{ name: a, content: c }, { name: A, content: c }]",
        Err("two files are named `A`"),
    );
}

#[test]
fn a_deployment_binds_a_profile_to_a_host() {
    let check = |spec: &str, wanted| check("Deployment", spec, wanted);
    check("host: web-3, profile: debian-12", Ok(()));
    check("host: web-3, profile: debian-12, boot: always", Ok(()));
    check("host: web-3", Err("`profile` is missing"));
    check("host: web-3, profile: debian-12, boot: twice", Err("`twice` is not how often"));
}

#[test]
fn hosts_have_hardware_addresses_of_interfaces() {
    let with = |mac: &str| format!("macs: ['{mac}'], connectors: [{{ type: vnc, address: 10.0.7.12 }}]");
    check("Host", &with("52:54:00:12:34:56"), Ok(()));
    check("Host", &with("00:00:00:00:00:00"), Err("is no address that an interface has for itself"));
    check("Host", &with("01-00-5E-00-00-01"), Err("01:00:5e:00:00:01 is no address that an interface"));
}

#[test]
fn hosts_say_how_they_boot() {
    let check = |boot: &str, wanted| {
        let spec = format!(
            "macs: ['52:54:00:12:34:56'], connectors: [{{ type: vnc, address: 10.0.7.12 }}], boot: {{ {boot} }}"
        );
        check("Host", &spec, wanted);
    };
    check(
        "address: 10.0.7.12, address6: '2001:db8:7::12', uuid: 4c4c4544-0044-4a10-8058-b4c04f4c4d32, serial: 123, nic: '52:54:00:12:34:56', \
         localBoot: drive, loader: grub, nicDriver: ipxe",
        Ok(()),
    );
    check("address6: fe80::1", Err("fe80::1 is no address that a machine has for itself"));
    check("address6: '::ffff:10.0.7.12'", Err("is no address that a machine has for itself"));
    check("address6: '2001:db8:7::'", Err("is an address that all routers of its subnet have"));
    check("address6: 10.0.7.12", Err("address6"));
    check("nic: '52:54:00:12:34:57'", Err("is not one of the host's `macs`"));
    check("uuid: 03000200-0400-0500-0006-000700080009", Err("does not tell machines apart"));
    check("uuid: 12", Err("must be a text"));
    check("address: 10.0.7", Err("is not an IPv4 address"));
    check("address: 127.0.0.1", Err("127.0.0.1 is no address that a machine has for itself"));
    check("address: 224.0.0.1", Err("is no address that a machine has for itself"));
    check("address: 0.0.0.0", Err("is no address that a machine has for itself"));
    check("localBoot: reboot", Err("is not a way to boot from the disk"));
}
