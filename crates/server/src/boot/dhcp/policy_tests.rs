//! What clients are given: client, mode of the network, host and deployment against terms.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ironhand_api::{Host, Network};
use ironhand_dhcp::{
    Answer, Architecture, BootStyle, Choice, Client, ClientKind, HardwareAddress, InterfaceId, IpxeFeatures,
    MachineUuid, MessageType, SubnetId,
};
use ironhand_model::boot::View;

use super::fixture::{host, network, network_of, view};
use super::options::NetworkOptions;
use super::policy::{Place, Places, answered};
use super::subnets::id;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn client(kind: ClientKind, architecture: Option<Architecture>) -> Client<'static> {
    Client {
        message: MessageType::Discover,
        hardware: HardwareAddress::ethernet(MAC),
        identifier: None,
        uuid: None,
        architecture,
        vendor_class: match kind {
            ClientKind::PxeFirmware => Some(b"PXEClient:Arch:00007:UNDI:003000"),
            ClientKind::HttpFirmware => Some(b"HTTPClient:Arch:00016:UNDI:003000"),
            ClientKind::Ipxe(_) => Some(b"PXEClient:Arch:00007:UNDI:003010"),
            ClientKind::Other => None,
        },
        user_class: None,
        kind,
        host_name: None,
        parameters: &[],
        requested: None,
        relay: None,
        interface: InterfaceId(2),
        subnet: SubnetId(0x0a00_0700),
        boot_service: false,
        vendor_information: None,
    }
}

fn places(networks: &[&Network]) -> Places {
    let place = |network: &&Network| {
        let options = Arc::new(NetworkOptions::of(network));
        let place = Place { network: network.metadata.name.clone(), link: Some(2), served: true, options };
        (id(network), place)
    };
    networks.iter().map(place).collect::<BTreeMap<_, _>>()
}

/// What a client is given, in short: its address, the seconds of its lease, and the style and name of its file.
fn given(view: &View, places: &Places, client: &Client<'_>) -> Result<(Choice, u64, String), String> {
    match answered(view, places, client).expect("the network is there").answer {
        Answer::Silent(reason) => Err(reason.into_owned()),
        Answer::Serve(terms) => {
            let boot = terms.boot.map(|boot| {
                assert_eq!(boot.next_server, Ipv4Addr::new(10, 0, 7, 1));
                format!("{:?} {}", boot.style, boot.file)
            });
            Ok((terms.address, terms.lease.as_secs(), boot.unwrap_or_default()))
        }
    }
}

const RESERVED: Choice = Choice::Reserved(Ipv4Addr::new(10, 0, 7, 20));

fn known() -> Vec<Host> {
    vec![host("a", "macs: ['02:00:00:00:00:01'], boot: { address: 10.0.7.20 }")]
}

#[test]
fn clients_are_given_what_mode_host_and_program_call_for() {
    use Architecture::{Arm64Uefi, EbcUefi, Riscv64Uefi, X64Uefi, X64UefiHttp, X86Bios};
    let (pxe, http, other) = (ClientKind::PxeFirmware, ClientKind::HttpFirmware, ClientKind::Other);
    let ipxe = ClientKind::Ipxe(IpxeFeatures::default());
    let check =
        |spec: &str, hosts: &[Host], kind, architecture, wanted: Result<(Choice, u64, &str), &str>| {
            let network = network(spec);
            let (view, places) = (view(&[&network], hosts), places(&[&network]));
            let found = given(&view, &places, &client(kind, architecture));
            match (found, wanted) {
                (Ok((choice, lease, file)), Ok(wanted)) => {
                    assert_eq!((choice, lease, file.as_str()), wanted, "{spec} {kind:?}");
                }
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{spec} {kind:?}: {reason}"),
                (found, wanted) => panic!("{spec} {kind:?}: {found:?}, not {wanted:?}"),
            }
        };
    let menu = "mode: full, unknown: menu";
    let (bios, efi) = ("ipxe/bios/undionly.kpxe", "ipxe/x64/snponly.efi");
    let file = |file: &str| format!("ByClient {file}");
    // By firmware.
    check(menu, &[], pxe, Some(X86Bios), Ok((Choice::Pool, 1800, &file(bios))));
    check(menu, &[], pxe, Some(X64Uefi), Ok((Choice::Pool, 1800, &file(efi))));
    check(menu, &[], pxe, Some(EbcUefi), Ok((Choice::Pool, 1800, &file(efi))));
    check(menu, &[], pxe, Some(Arm64Uefi), Ok((Choice::Pool, 1800, &file("ipxe/arm64/snponly.efi"))));
    check(menu, &[], pxe, Some(Riscv64Uefi), Ok((Choice::Pool, 1800, "")));
    check(menu, &[], pxe, None, Ok((Choice::Pool, 1800, "")));
    let url = "HttpClient http://10.0.7.1:8480/boot/ipxe/x64/snponly.efi";
    check(menu, &[], http, Some(X64UefiHttp), Ok((Choice::Pool, 1800, url)));
    let script = file("http://10.0.7.1:8480/boot/boot.ipxe");
    check(menu, &[], ipxe, Some(X64Uefi), Ok((Choice::Pool, 1800, &script)));
    check(
        "mode: full, unknown: menu, methods: [tftp]",
        &[],
        http,
        Some(X64UefiHttp),
        Ok((Choice::Pool, 1800, "")),
    );
    check(
        "mode: full, unknown: menu, methods: [tftp]",
        &[],
        ipxe,
        Some(X64Uefi),
        Ok((Choice::Pool, 1800, &file("tftp://10.0.7.1/boot.ipxe"))),
    );
    // A system is given an address for longer, and nothing to boot.
    check(menu, &[], other, None, Ok((Choice::Pool, 86_400, "")));
    check(menu, &known(), other, None, Ok((RESERVED, 86_400, "")));
    check("mode: full, lease: 1h, bootLease: 5m", &[], other, None, Ok((Choice::Pool, 3600, "")));
    // What becomes of the unknown.
    check("mode: full", &[], pxe, Some(X64Uefi), Ok((Choice::Pool, 1800, "")));
    check("mode: full, unknown: ignore", &[], pxe, Some(X64Uefi), Err("ignores unknown machines"));
    check("mode: full, unknown: ignore", &[], other, None, Err("ignores unknown machines"));
    check("mode: full, unknown: ignore", &known(), other, None, Ok((RESERVED, 86_400, "")));
    // Reservations alone.
    check("mode: reservations", &[], pxe, Some(X64Uefi), Err("none is kept for it"));
    check("mode: reservations", &[], other, None, Err("none is kept for it"));
    check("mode: reservations", &known(), ipxe, Some(X64Uefi), Ok((RESERVED, 1800, &script)));
    // Beside another server.
    let proxy = "mode: proxy, unknown: menu";
    check(proxy, &known(), pxe, Some(X86Bios), Ok((Choice::None, 1800, &format!("NoDiscovery {bios}"))));
    check(proxy, &known(), pxe, Some(X64Uefi), Ok((Choice::None, 1800, &file(efi))));
    let older = "mode: proxy, unknown: menu, proxy: option43";
    check(older, &[], pxe, Some(X64Uefi), Ok((Choice::None, 1800, &format!("NoDiscovery {efi}"))));
    check(proxy, &[], http, Some(X64UefiHttp), Ok((Choice::None, 1800, url)));
    let script = "NoDiscovery http://10.0.7.1:8480/boot/boot.ipxe";
    check(proxy, &[], ipxe, Some(X64Uefi), Ok((Choice::None, 1800, script)));
    check(proxy, &[], other, None, Err("another server gives addresses"));
    check("mode: proxy", &[], pxe, Some(X64Uefi), Err("nothing to boot"));
}

#[test]
fn a_host_is_known_by_its_uuid_in_either_byte_order() {
    let network = network("mode: full");
    let hosts = [host(
        "a",
        "macs: ['02:00:00:00:00:09'], boot: { address: 10.0.7.20, uuid: 4c4c4544-0044-4a10-8058-b4c04f4c4d32 }",
    )];
    let (view, places) = (view(&[&network], &hosts), places(&[&network]));
    let printed = 0x4c4c_4544_0044_4a10_8058_b4c0_4f4c_4d32_u128.to_be_bytes();
    let [a, b, c, d, e, f, g, h, rest @ ..] = printed;
    let mut mixed = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    mixed[8..].copy_from_slice(&rest);
    for wire in [printed, mixed] {
        let value = [&[0], &wire[..]].concat();
        let asks = Client { uuid: MachineUuid::read(&value), ..client(ClientKind::PxeFirmware, None) };
        assert_eq!(given(&view, &places, &asks).unwrap().0, RESERVED);
    }
}

#[test]
fn of_two_networks_on_a_link_a_host_is_in_that_of_its_address() {
    let guests = network("mode: full");
    let mut servers = network_of("10.0.8.0/24", "mode: full, lease: 2h");
    servers.metadata.name = "servers".parse().unwrap();
    let hosts = [host("a", "macs: ['02:00:00:00:00:01'], boot: { address: 10.0.8.20 }")];
    let view = view(&[&guests, &servers], &hosts);
    let mut places = places(&[&guests, &servers]);
    let asks = client(ClientKind::Other, None);
    let kept = Choice::Reserved(Ipv4Addr::new(10, 0, 8, 20));
    let answered = answered(&view, &places, &asks).unwrap();
    assert_eq!(
        (answered.asking.network.unwrap().as_str(), given(&view, &places, &asks).unwrap().0),
        ("servers", kept)
    );
    // On a link of its own it is a guest.
    places.get_mut(&id(&servers)).unwrap().link = Some(3);
    assert_eq!(given(&view, &places, &asks).unwrap().0, Choice::Pool);
}

#[test]
fn options_are_those_of_the_network_and_of_the_vendor_class() {
    let network = network(
        "mode: full, dns: [10.0.7.2], options: [{ code: 43, vendorClass: PXEClient, hex: 0601 }, \
         { code: 12, text: '{{ host.name }}' }]",
    );
    let (view, places) = (view(&[&network], &known()), places(&[&network]));
    let options = |kind| match answered(&view, &places, &client(kind, None)).unwrap().answer {
        Answer::Serve(terms) => terms.options,
        Answer::Silent(reason) => panic!("{reason}"),
    };
    let told = options(ClientKind::PxeFirmware);
    assert_eq!((told.get(6), told.get(43)), (Some(&[10, 0, 7, 2][..]), Some(&[6, 1][..])));
    assert_eq!((told.get(12), options(ClientKind::Other).get(43)), (Some(&b"a"[..]), None));
    assert_eq!(BootStyle::default(), BootStyle::ByClient);
}
