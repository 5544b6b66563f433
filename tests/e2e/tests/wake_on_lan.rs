//! What wakes machines, judged by Wireshark's eyes.

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use e2e::run;
use ironhand_api::{Connector, MacAddress, PowerAction, Way, WolOptions};
use ironhand_connectors::{Login, Surroundings, open};

const MACS: [MacAddress; 2] =
    [MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]), MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57])];

/// All addresses of the loopback interface at once: such packets are broadcast where machines sleep.
const EVERYBODY: &str = "127.255.255.255";

/// The datagrams that a device sends when a machine is to wake, each to be sent three times.
async fn sent(interface: Option<&str>, password: Option<&str>) -> Vec<Vec<u8>> {
    let receiver = UdpSocket::bind("0.0.0.0:0").expect("a port");
    receiver.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let options = WolOptions { interface: interface.map(str::to_owned) };
    let mut connector = Connector::new(Way::Wol(options), EVERYBODY);
    connector.port = Some(receiver.local_addr().expect("it is bound").port());
    connector.credentials = password.map(|_| vec!["secure-on".parse().expect("a name")]);
    let login = password.map(|password| Login { username: String::new(), password: password.into() });
    let surroundings = Surroundings { macs: MACS.to_vec(), ..Surroundings::default() };
    let mut device = open(&connector, login, &surroundings).expect("a device");
    assert_eq!(device.power(PowerAction::On).await, Ok(()));
    let mut buffer = [0; 1500];
    let datagrams = (0..3 * MACS.len()).map(|_| {
        let read = receiver.recv(&mut buffer).expect("another packet");
        buffer[..read].to_vec()
    });
    datagrams.collect()
}

/// Writes datagrams as a capture of IPv4 packets to the port of `discard`.
fn capture(file: &Path, datagrams: &[Vec<u8>]) {
    /// What the capture holds: IPv4 packets without a link layer.
    const IPV4: u32 = 228;
    let mut bytes: Vec<u8> = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65535, IPV4].map(u32::to_be_bytes).concat();
    for datagram in datagrams {
        let payload = u16::try_from(datagram.len()).expect("a datagram");
        let (udp, ip) = (payload + 8, payload + 28);
        let record = [0, 0, u32::from(ip), u32::from(ip)];
        bytes.extend(record.map(u32::to_be_bytes).concat());
        bytes.extend([[0x45, 0], ip.to_be_bytes(), [0, 0], [0, 0], [64, 17], [0, 0]].concat());
        bytes.extend([127, 0, 0, 1, 127, 255, 255, 255]);
        bytes.extend([40000, 9, udp, 0].map(u16::to_be_bytes).concat());
        bytes.extend(datagram);
    }
    std::fs::write(file, bytes).expect("written");
}

#[tokio::test]
async fn wireshark_reads_whom_we_wake() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let check = async |interface: Option<&str>, password: Option<&str>| {
        let file = folder.path().join("capture");
        capture(&file, &sent(interface, password).await);
        let file = file.to_string_lossy();
        let output = run("tshark", &["-r", &file]);
        let read = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = || format!("{read}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(read.lines().count(), 3 * MACS.len(), "{}", told());
        for (line, mac) in read.lines().zip(MACS.iter().cycle()) {
            assert!(line.contains("MagicPacket for") && line.contains(&mac.to_string()), "{}", told());
            let shown = line.split_once("password").map(|(_, shown)| shown.trim());
            assert_eq!(shown, password, "{}", told());
        }
    };
    check(None, None).await;
    check(Some("lo"), Some("01:02:03:04:05:f6")).await;
}
