//! What each firmware is told to boot, and in which form (rules D11, D12, P1 to P15, H1, O1, O7).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use ironhand_dhcp::{
    Answer, Architecture, Boot, BootStyle, Choice, ClientKind, Destination, Happening, Message, MessageType,
    Mode, Options, ServerConfig, Silence, Terms, code,
};

use crate::bench::{Bench, Machine, SERVER, pooled, subnet_of};

const NO_DISCOVERY: &[u8] = &[6, 1, 8, 255];
/// The UUID of OVMF's captured DISCOVER, as it was on the wire.
const UUID: &[u8] = &[0, 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4];

fn boots(file: &str) -> Terms {
    let style = BootStyle::ByClient;
    Terms {
        boot: Some(Boot { next_server: SERVER, file: Arc::from(file), server_name: None, style }),
        ..pooled()
    }
}

fn bench(mode: Mode, file: &str) -> Bench {
    let mut bench = Bench::with(subnet_of(|subnet| subnet.mode = mode), ServerConfig::default());
    bench.serve(boots(file));
    bench
}

/// A DISCOVER of firmware of this architecture.
fn firmware(architecture: u16) -> Message {
    let mut message = Machine(1).discover();
    let http = Architecture::of(architecture).is_some_and(Architecture::is_http);
    let class = if http { "HTTPClient" } else { "PXEClient" };
    message.options.set_text(code::VENDOR_CLASS, &format!("{class}:Arch:{architecture:05}:UNDI:003000"));
    message.options.set_u16(code::CLIENT_SYSTEM_ARCHITECTURE, architecture);
    message.options.set(code::CLIENT_MACHINE_IDENTIFIER, UUID);
    message
}

/// The same of an iPXE.
fn ipxe(architecture: u16) -> Message {
    let mut message = firmware(architecture);
    message
        .options
        .set(code::USER_CLASS, b"iPXE")
        .set(code::ETHERBOOT, &[0x13, 1, 1, 0x24, 1, 1, 0xeb, 3, 1, 21, 1]);
    message
}

#[test]
fn d12_p13_a_server_of_addresses_tells_the_file_twice_and_sends_no_vendor_class() {
    for architecture in [0, 6, 7, 9, 10, 11] {
        let mut bench = bench(Mode::Full, "ipxe/x");
        bench.receive(&firmware(architecture));
        let offer = bench.answer();
        assert_eq!((offer.siaddr, offer.file_name()), (SERVER, &b"ipxe/x"[..]));
        assert_eq!(offer.options.text(code::TFTP_SERVER_NAME), Some(&b"10.0.0.1"[..]));
        assert_eq!(offer.options.text(code::BOOTFILE_NAME), Some(&b"ipxe/x"[..]));
        assert_eq!(offer.options.get(code::VENDOR_CLASS), None);
        assert_eq!(offer.options.get(code::VENDOR_SPECIFIC), None);
        assert_eq!(offer.options.get(code::CLIENT_MACHINE_IDENTIFIER), Some(UUID));
        // shim looks at the ACK (rule S1).
        bench.receive(&{
            let mut takes = firmware(architecture);
            takes.options.set(code::MESSAGE_TYPE, &[MessageType::Request as u8]);
            takes.options.set_addresses(code::REQUESTED_ADDRESS, &[offer.yiaddr]);
            takes.options.set_addresses(code::SERVER_IDENTIFIER, &[SERVER]);
            takes
        });
        assert_eq!(bench.answer().file_name(), b"ipxe/x");
    }
}

#[test]
fn h1_http_boot_is_told_the_url_and_the_class() {
    for (mode, addressed) in [(Mode::Full, true), (Mode::Proxy, false)] {
        for architecture in [15, 16, 19, 20] {
            let url = "http://10.0.0.1:8480/boot/ipxe/x.efi";
            let mut bench = bench(mode, url);
            bench.receive(&firmware(architecture));
            let offer = bench.answer();
            assert_eq!(offer.options.get(code::VENDOR_CLASS), Some(&b"HTTPClient"[..]));
            assert_eq!(offer.options.get(code::BOOTFILE_NAME), Some(url.as_bytes()));
            assert_eq!(offer.yiaddr.is_unspecified(), !addressed);
            assert_eq!(offer.options.get(code::LEASE_TIME).is_some(), addressed);
        }
    }
}

#[test]
fn p1_p2_p3_a_proxy_offers_each_firmware_what_it_understands() {
    for (architecture, file, vendor) in
        [(0, true, Some(NO_DISCOVERY)), (7, false, None), (9, false, None), (11, false, None)]
    {
        let mut bench = bench(Mode::Proxy, "loader");
        bench.receive(&firmware(architecture));
        assert_eq!(bench.sent[0].to, Destination::Broadcast);
        let offer = bench.answer();
        assert_eq!(offer.message_type(), Some(MessageType::Offer));
        assert_eq!((offer.yiaddr, offer.siaddr), (Ipv4Addr::UNSPECIFIED, SERVER));
        assert_eq!(offer.options.get(code::VENDOR_CLASS), Some(&b"PXEClient"[..]));
        assert_eq!(offer.options.get(code::CLIENT_MACHINE_IDENTIFIER), Some(UUID));
        assert_eq!(offer.options.get(code::VENDOR_SPECIFIC), vendor);
        assert_eq!(offer.file_name() == b"loader", file, "{architecture}");
        assert_eq!(offer.options.get(code::BOOTFILE_NAME).is_some(), file);
        for lease in [code::LEASE_TIME, code::SUBNET_MASK, code::ROUTER, code::ETHERBOOT] {
            assert_eq!(offer.options.get(lease), None);
        }
        assert!(bench.stored.is_empty());
    }
}

#[test]
fn p5_port_4011_is_answered_where_the_question_came_from() {
    for mode in [Mode::Proxy, Mode::Full] {
        let mut bench = bench(mode, "loader.efi");
        // edk2: its own port, ciaddr, no option 54.
        let mut message = firmware(7);
        message.options.set(code::MESSAGE_TYPE, &[MessageType::Request as u8]);
        message.ciaddr = Ipv4Addr::new(10, 0, 0, 55);
        let source = SocketAddrV4::new(message.ciaddr, 1234);
        bench.receive_at(4011, source, &message);
        assert_eq!((bench.sent[0].to, bench.sent[0].from.port()), (Destination::Unicast(source), 4011));
        let ack = bench.answer();
        assert_eq!(ack.message_type(), Some(MessageType::Ack));
        assert_eq!(
            (ack.yiaddr, ack.siaddr, ack.file_name()),
            (Ipv4Addr::UNSPECIFIED, SERVER, &b"loader.efi"[..])
        );
        assert_eq!(ack.options.address(code::SERVER_IDENTIFIER), Some(SERVER));
        assert_eq!(ack.options.get(code::VENDOR_CLASS), Some(&b"PXEClient"[..]));
        assert_eq!(ack.options.get(code::LEASE_TIME), None);
        assert_eq!(ack.options.get(code::CLIENT_MACHINE_IDENTIFIER), Some(UUID));
        let told = bench.happened();
        let [Happening::BootOffered { boot_service: true, address, .. }] = told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(address, Some(message.ciaddr), "who it is at that address is known from here on");
    }
}

#[test]
fn p5_who_has_no_address_yet_is_answered_by_broadcast_from_port_4011() {
    let mut bench = bench(Mode::Proxy, "loader.efi");
    bench.receive_at(4011, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68), &firmware(7));
    assert_eq!((bench.sent[0].to, bench.sent[0].from.port()), (Destination::Broadcast, 4011));
}

#[test]
fn a_boot_item_that_firmware_names_is_named_back() {
    let mut bench = bench(Mode::Proxy, "undionly.kpxe");
    let mut message = firmware(0);
    message.options.set(code::MESSAGE_TYPE, &[MessageType::Request as u8]);
    message.options.set(code::VENDOR_SPECIFIC, &[71, 4, 0x80, 1, 0, 0, 255]);
    bench.receive_at(4011, SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 55), 68), &message);
    let ack = bench.answer();
    assert_eq!(ack.options.get(code::VENDOR_SPECIFIC), Some(&[6, 1, 8, 71, 4, 0x80, 1, 0, 0, 255][..]));
}

#[test]
fn p8_ipxe_is_told_that_no_proxy_comes_but_by_a_proxy() {
    let mut full = bench(Mode::Full, "http://10.0.0.1/boot.ipxe");
    full.receive(&ipxe(7));
    let offer = full.answer();
    assert_eq!(offer.options.get(code::ETHERBOOT), Some(&[0xb0, 1, 1][..]));
    assert_eq!(offer.options.get(code::VENDOR_CLASS), None);
    assert_eq!(offer.file_name(), b"http://10.0.0.1/boot.ipxe");
    let mut proxy = bench(Mode::Proxy, "http://10.0.0.1/boot.ipxe");
    proxy.receive(&ipxe(7));
    let offer = proxy.answer();
    assert_eq!(offer.options.get(code::ETHERBOOT), None);
    assert_eq!(offer.options.get(code::VENDOR_SPECIFIC), Some(NO_DISCOVERY));
    assert_eq!(offer.file_name(), b"http://10.0.0.1/boot.ipxe");
}

#[test]
fn p8_other_options_of_ipxe_are_kept_beside() {
    let mut bench = Bench::new();
    let mut options = Options::new();
    options.set(code::ETHERBOOT, &[0x08, 1, 1]);
    bench.serve(Terms { options: Arc::new(options), ..pooled() });
    bench.receive(&ipxe(0));
    assert_eq!(bench.answer().options.get(code::ETHERBOOT), Some(&[0xb0, 1, 1, 0x08, 1, 1][..]));
}

#[test]
fn p10_the_policy_sees_which_program_asks() {
    let list_form = |message: &mut Message| {
        message.options.set(code::USER_CLASS, &[4, b'i', b'P', b'X', b'E', 1, b'x']);
        message.options.remove(code::ETHERBOOT);
    };
    let by_features = |message: &mut Message| message.options.remove(code::USER_CLASS);
    let mut seen = Vec::new();
    let mut as_list = ipxe(7);
    list_form(&mut as_list);
    let mut features_alone = ipxe(7);
    by_features(&mut features_alone);
    for message in
        [firmware(0), firmware(7), firmware(16), ipxe(0), as_list, features_alone, Machine(1).discover()]
    {
        let mut bench = Bench::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        bench.rule(move |client| {
            sender.send((client.kind, client.architecture)).expect("the test waits");
            Answer::Serve(pooled())
        });
        bench.receive(&message);
        let (kind, architecture) = receiver.recv().expect("the policy was asked");
        let name = match kind {
            ClientKind::Ipxe(features) => format!("iPXE http={} {:?}", features.http(), features.version),
            other => other.to_string(),
        };
        seen.push((name, architecture.map(Architecture::number)));
    }
    let expected = [
        ("PXE firmware", Some(0)),
        ("PXE firmware", Some(7)),
        ("HTTP boot firmware", Some(16)),
        ("iPXE http=true Some([1, 21, 1])", Some(0)),
        ("iPXE http=false None", Some(7)),
        ("iPXE http=true Some([1, 21, 1])", Some(7)),
        ("no boot program", None),
    ];
    assert_eq!(seen, expected.map(|(name, architecture)| (name.to_owned(), architecture)));
}

#[test]
fn p15_a_proxy_answers_nobody_else_and_refuses_nobody() {
    let mut bench = bench(Mode::Proxy, "loader");
    bench.receive(&Machine(1).discover());
    assert_eq!(bench.silence(), Silence::NotBooting);
    let mut no_architecture = firmware(7);
    no_architecture.options.remove(code::CLIENT_SYSTEM_ARCHITECTURE);
    no_architecture.chaddr = ironhand_dhcp::HardwareAddress::ethernet([2; 6]);
    bench.receive(&no_architecture);
    assert_eq!(bench.silence(), Silence::NotBooting);
    for message in
        [Machine(1).remembers(Ipv4Addr::new(192, 168, 1, 1)), Machine(1).renews(Ipv4Addr::new(10, 0, 0, 7))]
    {
        bench.receive(&message);
        assert!(bench.sent.is_empty());
    }
    let mut takes = firmware(7);
    takes.options.set(code::MESSAGE_TYPE, &[MessageType::Request as u8]);
    let (server, address) = (Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 55));
    takes.options.set_addresses(code::SERVER_IDENTIFIER, &[server]);
    takes.options.set_addresses(code::REQUESTED_ADDRESS, &[address]);
    bench.receive(&takes);
    let took = Happening::TookOther { server, address: Some(address), kind: ClientKind::PxeFirmware };
    assert_eq!(bench.happened().pop(), Some(took));
    takes.options.set_addresses(code::SERVER_IDENTIFIER, &[SERVER]);
    bench.receive(&takes);
    assert_eq!(bench.answer().message_type(), Some(MessageType::Ack));
}

#[test]
fn the_policy_may_serve_one_client_as_a_proxy() {
    let mut bench = bench(Mode::Full, "loader");
    bench.serve(Terms { address: Choice::None, ..boots("loader") });
    bench.receive(&firmware(0));
    assert_eq!(bench.answer().yiaddr, Ipv4Addr::UNSPECIFIED);
}

#[test]
fn d11_a_long_name_stands_in_option_67_alone() {
    let long = format!("http://10.0.0.1/{}", "x".repeat(200));
    let mut bench = bench(Mode::Full, &long);
    bench.receive(&firmware(7));
    let offer = bench.answer();
    assert_eq!(offer.file_name(), b"");
    assert_eq!(offer.options.get(code::BOOTFILE_NAME), Some(long.as_bytes()));
    assert_eq!(offer.options.get(code::OVERLOAD), None);
    let fits = "f".repeat(127);
    bench.serve(boots(&fits));
    bench.receive(&firmware(7));
    assert_eq!(bench.answer().file_name(), fits.as_bytes());
}

#[test]
fn o1_a_raspberry_pi_is_told_in_its_own_words() {
    for (mode, mac) in [(Mode::Proxy, [0xdc, 0xa6, 0x32, 1, 2, 3]), (Mode::Full, [0x2c, 0xcf, 0x67, 1, 2, 3])]
    {
        let mut bench = bench(mode, "start4.elf");
        let mut message = firmware(0);
        message.chaddr = ironhand_dhcp::HardwareAddress::ethernet(mac);
        bench.receive(&message);
        let offer = bench.answer();
        let vendor = offer.options.get(code::VENDOR_SPECIFIC).expect("there is option 43");
        assert!(vendor.windows(17).any(|words| words == b"Raspberry Pi Boot"));
        assert_eq!(offer.options.get(code::VENDOR_CLASS), Some(&b"PXEClient"[..]));
        assert_eq!(offer.file_name(), b"start4.elf");
    }
}

#[test]
fn o3_a_quirk_of_the_policy_wins_over_the_form_by_client() {
    let mut bench = Bench::new();
    for (style, class, vendor) in [
        (BootStyle::File, None, None),
        (BootStyle::NoDiscovery, Some(&b"PXEClient"[..]), Some(NO_DISCOVERY)),
        (BootStyle::BootService, Some(&b"PXEClient"[..]), None),
    ] {
        let boot = Boot { next_server: SERVER, file: Arc::from("x"), server_name: None, style };
        bench.serve(Terms { boot: Some(boot), ..pooled() });
        bench.receive(&firmware(7));
        let offer = bench.answer();
        assert_eq!(offer.options.get(code::VENDOR_CLASS), class);
        assert_eq!(offer.options.get(code::VENDOR_SPECIFIC), vendor);
        assert_eq!(offer.file_name().is_empty(), style == BootStyle::BootService);
    }
}

#[test]
fn where_not_all_fits_the_client_still_knows_the_answer_for_its_own() {
    let mut options = Options::new();
    for code in 200..210 {
        options.set(code, &[code; 60]);
    }
    let mut bench = Bench::new();
    bench.serve(Terms {
        options: Arc::new(options),
        always: (200..210).collect(),
        ..boots("ipxe/x64/snponly.efi")
    });
    let mut message = ipxe(7);
    message.options.set(code::CLIENT_IDENTIFIER, &[1, 2, 3, 4]);
    message.options.set(code::RELAY_AGENT_INFORMATION, &[1, 2, 0, 7]);
    message.options.set(code::PARAMETER_REQUEST_LIST, &[209]);
    message.options.set_u16(code::MAX_MESSAGE_SIZE, 576);
    bench.receive(&message);
    let bytes = bench.sent[0].bytes.len();
    assert!((480..=548).contains(&bytes), "{bytes}");
    let offer = bench.answer();
    // RFC 6842, section 3; RFC 3046, section 2.2; RFC 4578, section 2.3; rule P8.
    assert_eq!(offer.options.get(code::CLIENT_IDENTIFIER), Some(&[1, 2, 3, 4][..]));
    assert_eq!(offer.options.get(code::RELAY_AGENT_INFORMATION), Some(&[1, 2, 0, 7][..]));
    assert_eq!(offer.options.get(code::CLIENT_MACHINE_IDENTIFIER), Some(UUID));
    assert!(offer.options.get(code::ETHERBOOT).is_some());
    // What it asks for comes before what it is told anyway.
    assert!(offer.options.get(209).is_some() && offer.options.get(208).is_none());
}

#[test]
fn an_answer_has_its_type_however_much_a_relay_adds() {
    let mut bench = Bench::new();
    let mut message = Machine(1).discover();
    message.giaddr = SERVER;
    message.options.set(code::RELAY_AGENT_INFORMATION, &[7; 400]);
    bench.receive(&message);
    let offer = bench.answer();
    assert_eq!(offer.message_type(), Some(MessageType::Offer));
    assert_eq!(offer.options.u32(code::LEASE_TIME), Some(600));
    assert_eq!(offer.options.get(code::RELAY_AGENT_INFORMATION), Some(&[7; 400][..]));
}

#[test]
fn clients_get_what_they_ask_for_and_what_is_forced() {
    let mut options = Options::new();
    options.set_addresses(code::ROUTER, &[SERVER]).set_addresses(code::DOMAIN_NAME_SERVER, &[SERVER]);
    options.set_text(code::DOMAIN_NAME, "example.org").set(code::CAPTIVE_PORTAL, b"http://10.0.0.1/onie");
    options.set(code::CLASSLESS_STATIC_ROUTE, &[0, 10, 0, 0, 1]);
    // What is the server's own matter is no business of the terms.
    options.set_u32(code::LEASE_TIME, 1).set(code::SERVER_IDENTIFIER, &[9, 9, 9, 9]);
    let mut bench = Bench::new();
    let always = [code::DOMAIN_NAME].into_iter().collect();
    bench.serve(Terms { options: Arc::new(options), always, ..pooled() });
    let mut message = Machine(1).discover();
    message.options.set(code::PARAMETER_REQUEST_LIST, &[3, code::MICROSOFT_CLASSLESS_ROUTE]);
    bench.receive(&message);
    let offer = bench.answer();
    let codes: Vec<u8> = offer.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 51, 58, 59, 1, 3, 249, 15]);
    assert_eq!(offer.options.u32(code::LEASE_TIME), Some(600));
    // In the client's order (RFC 2132, section 9.8).
    message.options.set(code::PARAMETER_REQUEST_LIST, &[114, 6, 3]);
    bench.receive(&message);
    let codes: Vec<u8> = bench.answer().options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 51, 58, 59, 1, 114, 6, 3, 15]);
    // Without a list everything is sent.
    bench.receive(&Machine(2).discover());
    assert!(bench.answer().options.get(code::CAPTIVE_PORTAL).is_some());
}
