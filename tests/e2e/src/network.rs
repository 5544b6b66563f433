//! Networks of a test's own: kernel namespaces, joined by bridges, which nothing outside them sees.
//!
//! A [`Network`] is one broadcast domain, a [`Party`] a machine with an address in one or several of them. Both are gone
//! when they are dropped. This needs root, and says so.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Peer, peer};

/// A network namespace, removed when dropped.
struct Namespace {
    name: String,
}

impl Namespace {
    fn new(what: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        remove_orphans();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let namespace = Self { name: format!("{PREFIX}{}-{number}-{what}", std::process::id()) };
        ip(&["netns", "add", &namespace.name]);
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Runs `ip` in it; it must succeed.
    fn ip(&self, arguments: &[&str]) {
        ip(&[&["-n", &self.name], arguments].concat());
    }

    /// A program in it, to be started.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(peer("ip"));
        command.args(["netns", "exec", &self.name]).arg(program).stdin(Stdio::null());
        command
    }

    /// Does something on a thread that is in it: what sockets are made there stay there.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = std::fs::File::open(Path::new("/run/netns").join(&self.name)).expect("the namespace");
        let work = || {
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
                .expect("root may enter its own namespaces");
            work()
        };
        std::thread::scope(|scope| scope.spawn(work).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The kernel hands frames to firmware as it would to a wire: whole, and with every checksum done.
    fn plain_frames(&self, interface: &str) {
        let mut ethtool = self.command(&peer("ethtool"));
        ethtool.args(["--offload", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off"]);
        succeed(&mut ethtool);
    }
}

/// What the names of all these namespaces begin with; the id of the process follows.
const PREFIX: &str = "ironhand-test-";

impl Drop for Namespace {
    fn drop(&mut self) {
        // Processes that are still in it keep it alive without a name, and the kernel removes it with the last.
        let _ = Command::new(peer("ip")).args(["netns", "delete", &self.name]).status();
    }
}

/// Removes what tests left that were killed.
fn remove_orphans() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Ok(entries) = std::fs::read_dir("/run/netns") else {
            return;
        };
        for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            if maker.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = Command::new(peer("ip")).args(["netns", "delete", &name]).status();
            }
        }
    });
}

fn ip(arguments: &[&str]) {
    succeed(Command::new(peer("ip")).args(arguments));
}

/// Runs a program that must succeed; gives its output.
fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {} (namespaces are made by root alone): {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One broadcast domain: a bridge in a namespace of its own.
pub struct Network {
    namespace: Namespace,
    ports: AtomicU32,
}

/// The bridge of a network.
const BRIDGE: &str = "bridge";

impl Network {
    /// A network without anybody in it.
    pub fn new() -> Self {
        let namespace = Namespace::new("net");
        namespace.inside(|| {
            // The bridge and its ports are a switch: they have no addresses and say nothing of their own accord.
            std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")
                .expect("a setting of the namespace");
            std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
                .expect("a setting of the namespace");
        });
        namespace.ip(&["link", "add", BRIDGE, "type", "bridge"]);
        namespace.ip(&["link", "set", BRIDGE, "up"]);
        Self { namespace, ports: AtomicU32::new(0) }
    }

    /// A new port, whose other end is called `interface` and lies in `namespace`, or here.
    fn port(&self, namespace: Option<&Namespace>, interface: &str) -> String {
        let port = format!("port{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let mut add = vec!["link", "add", &port, "type", "veth", "peer", "name", interface];
        if let Some(namespace) = namespace {
            add.extend(["netns", &namespace.name]);
        }
        self.namespace.ip(&add);
        self.namespace.ip(&["link", "set", &port, "master", BRIDGE, "up"]);
        self.namespace.plain_frames(&port);
        port
    }

    /// The interface behind a new port, in the namespace of the network, for whoever carries its frames elsewhere.
    pub(crate) fn plug(&self) -> String {
        let interface = format!("plug{}", self.ports.load(Ordering::Relaxed));
        self.port(None, &interface);
        self.namespace.ip(&["link", "set", &interface, "up"]);
        self.namespace.plain_frames(&interface);
        interface
    }

    /// A program in the namespace of the network, started; its output goes to `log`.
    pub(crate) fn start(&self, program: &Path, arguments: &[&str], log: &Path) -> Peer {
        start(&self.namespace, program, arguments, log)
    }

    /// Does something on a thread that is in the network's namespace.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.inside(work)
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

/// A machine in the networks that it joined: its programs see their interfaces and nothing else.
pub struct Party {
    namespace: Namespace,
    interfaces: AtomicU32,
}

impl Party {
    /// A machine without a network.
    pub fn new(what: &str) -> Self {
        Self { namespace: Namespace::new(what), interfaces: AtomicU32::new(0) }
    }

    /// A machine in this network with an address (`192.0.2.1/24`).
    pub fn at(network: &Network, what: &str, address: &str) -> Self {
        let party = Self::new(what);
        party.join(network, address);
        party
    }

    /// A machine in this network without an address.
    pub fn without_address(network: &Network, what: &str) -> Self {
        let party = Self::new(what);
        party.plug(network);
        party
    }

    /// A new interface in this network; gives its name: `eth0` is the first.
    pub fn plug(&self, network: &Network) -> String {
        let interface = format!("eth{}", self.interfaces.fetch_add(1, Ordering::Relaxed));
        network.port(Some(&self.namespace), &interface);
        self.namespace.ip(&["link", "set", &interface, "up"]);
        self.namespace.plain_frames(&interface);
        interface
    }

    /// A new interface with this address in this network; gives its name.
    pub fn join(&self, network: &Network, address: &str) -> String {
        let interface = self.plug(network);
        self.namespace.ip(&["address", "add", address, "dev", &interface]);
        interface
    }

    /// Everything else goes by this router.
    pub fn route_by(&self, router: Ipv4Addr) {
        self.namespace.ip(&["route", "add", "default", "via", &router.to_string()]);
    }

    /// Passes packets from one network to another.
    pub fn forward(&self) {
        self.inside(|| {
            std::fs::File::options()
                .write(true)
                .open("/proc/sys/net/ipv4/ip_forward")
                .and_then(|mut file| file.write_all(b"1"))
                .expect("a setting of the namespace");
        });
    }

    /// A program on this machine, to be started.
    pub fn command(&self, program: &Path) -> Command {
        self.namespace.command(program)
    }

    /// A program on this machine, started; its output goes to `log`.
    pub fn start(&self, program: &Path, arguments: &[&str], log: &Path) -> Peer {
        start(&self.namespace, program, arguments, log)
    }

    /// What a program on this machine says, which must succeed.
    pub fn says(&self, program: &str, arguments: &[&str]) -> String {
        succeed(self.command(&peer(program)).args(arguments))
    }

    /// Does something on a thread that is on this machine: what sockets are made there stay there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.inside(work)
    }

    /// The hardware address of an interface.
    pub fn hardware_address(&self, interface: &str) -> String {
        let text = self.says("ip", &["-o", "link", "show", interface]);
        let mut words = text.split_whitespace().skip_while(|word| *word != "link/ether");
        words.nth(1).unwrap_or_else(|| panic!("no hardware address: {text}")).to_owned()
    }

    /// The IPv4 addresses of an interface, as `192.0.2.1/24`.
    pub fn addresses(&self, interface: &str) -> Vec<String> {
        let text = self.says("ip", &["-4", "-o", "address", "show", "dev", interface]);
        text.lines().filter_map(|line| line.split_whitespace().nth(3)).map(str::to_owned).collect()
    }
}

fn start(namespace: &Namespace, program: &Path, arguments: &[&str], log: &Path) -> Peer {
    let program = program.to_string_lossy();
    Peer::start(&peer("ip"), &[&["netns", "exec", &namespace.name, &program], arguments].concat(), log)
}
