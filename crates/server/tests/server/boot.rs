//! Machines that boot over the network: what they read, what is seen of it, who registers.

use std::net::SocketAddr;

use ironhand_api::{BootStage, BootState, EventKind, Host, Manifest};
use ironhand_client::{BootFilter, Client, Endpoint};
use ironhand_server::{BootListeners, Config, Roles, Running, Server};
use tokio::net::UdpSocket;

use crate::harness::{self, PATIENCE, config, name, settings, soon, until_kind};

/// A server that boots machines from files of its data directory, and nothing else.
pub struct World {
    pub server: Running,
    pub client: Client,
    directory: tempfile::TempDir,
}

fn boot_config(directory: &std::path::Path) -> Config {
    let mut config = config(directory, settings());
    config.roles = Roles { api: true, bmc: false, boot: true };
    let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.boot = BootListeners { http: any, https: None, tftp: any, dhcp: None };
    config
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(boot_config(directory.path())).await.unwrap();
        let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
        Self { server, client, directory }
    }

    pub fn put(&self, path: &str, text: &str) {
        let path = self.directory.path().join("data/boot").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a path as a plain client of HTTP; the head and what follows.
    pub async fn get(&self, target: &str) -> String {
        self.get_with(target, "").await
    }

    /// The same with further lines in the head of the request.
    pub async fn get_with(&self, target: &str, lines: &str) -> String {
        harness::get(self.server.boot().0.unwrap(), target, lines).await
    }

    /// Reads a path by TFTP (RFC 1350) in blocks of 512 bytes; none where that is refused.
    pub async fn read_by_tftp(&self, path: &str) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let request = [b"\0\x01", path.as_bytes(), b"\0octet\0"].concat();
        socket.send_to(&request, self.server.boot().1.unwrap()).await.unwrap();
        let (mut read, mut buffer) = (Vec::new(), [0; 600]);
        loop {
            let (length, from) = soon(socket.recv_from(&mut buffer)).await.unwrap();
            match &buffer[..length] {
                [0, 3, high, low, data @ ..] => {
                    read.extend_from_slice(data);
                    socket.send_to(&[0, 4, *high, *low], from).await.unwrap();
                    if data.len() < 512 {
                        return Some(read);
                    }
                }
                [0, 5, ..] => return None,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What iPXE says of its machine.
pub const ASKED: &str = "mac=52:54:00:12:34:56&uuid=4c4c4544-0044-4a10-8058-b4c04f4c4d32&serial=A%201&manufacturer=Dell%20Inc.\
    &product=R640&arch=x86_64&platform=efi";

#[tokio::test]
async fn a_machine_that_nobody_described_registers_itself_by_its_script() {
    let world = World::new().await;
    world.put("menu.ipxe", "#!ipxe\nshell\n");
    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    let answer = world.get(&format!("/boot/menu.ipxe?{ASKED}")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("#!ipxe\nshell\n"), "{answer}");
    let found = until_kind(&mut events, EventKind::MachineFound).await;
    assert!(
        found.message.contains("52:54:00:12:34:56") && found.message.contains("R640"),
        "{}",
        found.message
    );

    let machines = world.client.machines().await.unwrap();
    let [machine] = &machines[..] else { panic!("{machines:?}") };
    assert_eq!(machine.serial.as_deref(), Some("A 1"));
    assert_eq!((machine.manufacturer.as_deref(), machine.boots), (Some("Dell Inc."), 1));
    assert_eq!(machine.architecture.as_deref(), Some("UEFI x64"));

    // It is known again after a restart, as it was on the disk.
    let World { server, directory, .. } = world;
    server.shutdown().await;
    let server = Server::start(boot_config(directory.path())).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    assert_eq!(client.machines().await.unwrap().len(), 1);
    // And it is free no longer when a host has its address.
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "web-1" },
        "spec": { "macs": ["52:54:00:12:34:56"], "connectors": [{ "type": "vnc", "address": "192.0.2.1" }] },
    }))
    .unwrap();
    client.apply(&Manifest::Host(host)).await.unwrap();
    assert_eq!(client.machines().await.unwrap(), []);
    let mac = "52:54:00:12:34:56".parse().unwrap();
    client.forget_machine(mac).await.unwrap();
    assert_eq!(client.forget_machine(mac).await.unwrap_err().problem().unwrap().status, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn a_boot_is_a_timeline_of_its_host() {
    let world = World::new().await;
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "web-1" },
        "spec": { "macs": ["52:54:00:12:34:56"], "connectors": [{ "type": "vnc", "address": "192.0.2.1" }] },
    }))
    .unwrap();
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    world.put("menu.ipxe", "#!ipxe\n");
    world.put("debian/linux", "a kernel");
    world.put("debian/initrd.gz", "an initial file system");
    let mut events = world.client.follow(None, Some(name("web-1")));
    events.connect().await.unwrap();
    world.get(&format!("/boot/menu.ipxe?{ASKED}")).await;
    world.get("/boot/debian/linux").await;
    world.get("/boot/debian/initrd.gz").await;
    until_kind(&mut events, EventKind::BootStarted).await;
    let seen = harness::until(&mut events, |event| event.message.starts_with("initrd")).await;
    let told: Vec<_> = seen.iter().map(|event| event.message.as_str()).collect();
    assert!(told[0].starts_with("script menu.ipxe by http"), "{told:?}");
    assert!(told[1].starts_with("kernel debian/linux by http, 8 B"), "{told:?}");
    let filter = BootFilter { host: Some(name("web-1")), open: true, ..BootFilter::default() };
    let boots = world.client.boots(&filter).await.unwrap();
    let [boot] = &boots[..] else { panic!("{boots:?}") };
    let stages: Vec<_> = boot.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [BootStage::Script, BootStage::Kernel, BootStage::Initrd]);
    assert_eq!(boot.state, BootState::Running);
    assert_eq!(world.client.machines().await.unwrap(), [], "a host is no free machine");
    world.server.shutdown().await;
}

#[tokio::test]
async fn what_is_deleted_is_gone_at_once_and_nothing_leads_out() {
    let world = World::new().await;
    world.put("a/b.efi", "a loader");
    std::fs::write(world.directory.path().join("secret"), "a secret").unwrap();
    std::os::unix::fs::symlink("/etc", world.directory.path().join("data/boot/out")).unwrap();
    assert!(world.get("/boot/a/b.efi").await.contains("a loader"));
    for target in [
        "/boot/",
        "/boot/a",
        "/boot/../secret",
        "/boot/%2e%2e/%2e%2e/secret",
        "/boot/out/hostname",
        "/boot/.hidden",
    ] {
        let answer = world.get(target).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{target}: {answer}");
    }
    std::fs::remove_file(world.directory.path().join("data/boot/a/b.efi")).unwrap();
    assert!(world.get("/boot/a/b.efi").await.starts_with("HTTP/1.1 404"));
    world.server.shutdown().await;
}

#[tokio::test]
async fn tftp_serves_the_same() {
    let world = World::new().await;
    world.put("ipxe/snponly.efi", "a loader");
    assert_eq!(world.read_by_tftp("/ipxe/snponly.efi").await.unwrap(), b"a loader");
    assert!(world.read_by_tftp("/ipxe/other.efi").await.is_none());
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_listener_that_cannot_be_had_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = boot_config(directory.path());
    config.boot.http = Some(taken.local_addr().unwrap());
    let error = tokio::time::timeout(PATIENCE, Server::start(config)).await.unwrap().err().unwrap();
    assert!(error.to_string().contains("another program listens there"), "{error}");
}

#[tokio::test]
async fn a_host_without_a_way_to_be_woken_says_so() {
    let world = World::new().await;
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "screen-only" },
        "spec": { "connectors": [{ "type": "vnc", "address": "192.0.2.1" }] },
    }))
    .unwrap();
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    let error = world.client.wake(&name("screen-only")).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, "wake.no_way");
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_answers_no_dhcp_has_no_leases_and_says_why() {
    let world = World::new().await;
    let refusals = [
        world.client.leases(None).await.map(drop).unwrap_err(),
        world.client.network_services().await.map(drop).unwrap_err(),
        world.client.release_lease([10, 0, 7, 20].into()).await.unwrap_err(),
    ];
    for refused in refusals {
        let problem = refused.problem().expect("the server says so");
        assert_eq!((problem.status, problem.code.as_str()), (409, "dhcp.not_served"));
        assert!(
            problem.hint.as_ref().is_some_and(|hint| hint.contains("--roles api,bmc,boot")),
            "{problem:?}"
        );
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn where_no_network_is_described_none_is_served_and_the_server_ends_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = boot_config(directory.path());
    config.boot.dhcp = Some(ironhand_server::DhcpListener::default());
    let server = Server::start(config).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    assert_eq!(client.network_services().await.unwrap(), []);
    assert_eq!(client.leases(None).await.unwrap(), []);
    let unknown = client.leases(Some(&name("rack"))).await.unwrap_err();
    assert_eq!(unknown.problem().map(|problem| problem.status), Some(404));
    let missing = client.release_lease([10, 0, 7, 20].into()).await.unwrap_err();
    assert_eq!(missing.problem().map(|problem| problem.status), Some(404));
    soon(server.shutdown()).await;
    assert!(!directory.path().join("data/dhcp-leases").exists(), "nothing is opened for nobody");
}
