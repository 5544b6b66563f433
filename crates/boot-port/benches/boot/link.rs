//! A wire of its own: two network namespaces with a veth pair between them, one for servers and one for clients.
//!
//! The namespaces have no names: they live as long as this process or a program in them. So nothing is left behind, however
//! a measurement ends.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use crate::Result;

/// The interface of the servers.
pub const SERVER_INTERFACE: &str = "boot-server";
/// The address of the servers, in a network with a prefix of 16 bits.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The interface of the clients.
pub const CLIENT_INTERFACE: &str = "boot-clients";
/// The address of the clients, where they need one.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 2);

/// The wire.
pub struct Link {
    /// Where servers run.
    pub server: Namespace,
    /// Where clients run.
    pub client: Namespace,
}

impl Link {
    /// Makes it, with both ends up and addressed.
    pub fn new() -> Result<Self> {
        let (server, client) = (Namespace::new()?, Namespace::new()?);
        ip(
            &server,
            &format!(
                "link add {SERVER_INTERFACE} type veth peer name {CLIENT_INTERFACE} netns {}",
                client.path
            ),
        )?;
        for (namespace, interface, address) in
            [(&server, SERVER_INTERFACE, SERVER), (&client, CLIENT_INTERFACE, CLIENT)]
        {
            ip(namespace, "link set lo up")?;
            ip(namespace, &format!("address add {address}/16 broadcast + dev {interface}"))?;
            ip(namespace, &format!("link set {interface} up"))?;
        }
        Ok(Self { server, client })
    }

    /// Gives the clients all addresses of some networks, which the server reaches through them as through a router: it knows
    /// one neighbour, and not a thousand.
    pub fn route_through_clients(&self, networks: &[String]) -> Result<()> {
        for network in networks {
            ip(&self.client, &format!("route add local {network} dev lo"))?;
            ip(&self.server, &format!("route add {network} via {CLIENT}"))?;
        }
        Ok(())
    }
}

/// A network namespace, which ends with this value and the last program in it.
pub struct Namespace {
    file: File,
    /// Under which programs find it.
    path: String,
}

impl Namespace {
    fn new() -> Result<Self> {
        let file = thread::spawn(|| -> Result<File> {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(|error| format!("no network namespace can be made, which needs root: {error}"))?;
            Ok(File::open("/proc/thread-self/ns/net")?)
        })
        .join()
        .map_err(|_| "the thread of a namespace fell over")??;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        Ok(Self { file, path })
    }

    /// Does `work` on a thread in the namespace. Sockets that it opens stay there, wherever they are used later.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let enter_and_work = || {
            setns(&self.file, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        thread::scope(|scope| match scope.spawn(enter_and_work).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// A command that runs `program` in the namespace. The thread that starts it must outlive it: with that thread the
    /// program ends, and so does every process that it started.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "nsenter"])
            .arg(format!("--net={}", self.path))
            .args(["unshare", "--pid", "--fork", "--kill-child=KILL", "--"])
            // Programs that change their user are not told any more when their parent dies: the shell is, and with the first
            // process of a process namespace all others end.
            .args(["sh", "-c", "\"$0\" \"$@\"; exit $?"])
            .arg(program);
        command
    }
}

/// Runs `ip` with the arguments, separated by spaces.
fn ip(namespace: &Namespace, arguments: &str) -> Result<()> {
    let output = Command::new("nsenter")
        .arg(format!("--net={}", namespace.path))
        .arg("ip")
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("nsenter (package util-linux) does not start: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()).into()),
    }
}
