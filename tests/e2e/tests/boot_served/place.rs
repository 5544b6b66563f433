//! A network with the product in it, and what it is told and tells.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use e2e::{Firmware, Ironhand, Machine, Network, Party, peer_file, run, wait_until};
use serde_json::Value;

use crate::PATIENCE;

/// What the product says on a wire.
pub const OURS: &str = "(dhcp || tftp || http) && ip.src == 192.0.2.1";

/// The network of a server that gives all addresses.
pub const FULL: &str = "subnet: 192.0.2.0/24, interface: eth0, mode: full, pools: [192.0.2.100-192.0.2.199]";

/// A network with a server.
pub struct Place {
    pub network: Network,
    pub server: Party,
    pub ironhand: Ironhand,
}

impl Place {
    /// A server at 192.0.2.1 that boots the machines of a Network `lab` with this specification, and has Debian's kernel and
    /// loaders.
    pub fn new(spec: &str) -> Self {
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let place = Self::of(network, server);
        place.describe_network(spec);
        place
    }

    /// The same, before any Network is described.
    pub fn of(network: Network, server: Party) -> Self {
        Self::with(network, server, &[])
    }

    /// The same, with further arguments.
    pub fn with(network: Network, server: Party, arguments: &[&str]) -> Self {
        let arguments = [&["--roles", "api,bmc,boot"], arguments].concat();
        let ironhand = Ironhand::serve_at(&server, &arguments);
        ironhand.ok(&["media", "add", "debian", text(image()), "--link"]);
        let loaders = loaders(ironhand.folder());
        ironhand.ok(&["media", "add", "loaders", "--loaders", text(&loaders)]);
        Self { network, server, ironhand }
    }

    /// Describes the Network `lab`, and waits until it is served.
    pub fn describe_network(&self, spec: &str) {
        self.ironhand.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: lab }}\nspec: {{ {spec} }}\n"
        ));
        wait_until("the network is served", PATIENCE, || {
            let events = self.events("network.served");
            let served = events.iter().any(|event| event.contains("Network lab is served at"));
            if served { Ok(()) } else { Err(self.ironhand.ok(&["events"])) }
        });
    }

    /// Describes a host by its hardware address.
    pub fn describe_host(&self, name: &str, mac: &str) {
        self.describe_boots(name, mac, "");
    }

    /// The same, with what `boot` of the Host says.
    pub fn describe_boots(&self, name: &str, mac: &str, boot: &str) {
        self.ironhand.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\n\
             spec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], macs: ['{mac}'], boot: {{ {boot} }} }}\n"
        ));
    }

    /// Deploys a host with a Profile of its own, which starts Debian's kernel with these words.
    pub fn deploy(&self, host: &str, words: &str) {
        self.ironhand.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Profile\nmetadata: {{ name: {host} }}\nspec:\n  media: debian\n  \
             kernel: linux\n  initrds: [small.cpio]\n  commandLine: console=ttyS0 quiet {words}\n---\n\
             apiVersion: ironhand/v1\nkind: Deployment\nmetadata: {{ name: {host} }}\n\
             spec: {{ host: {host}, profile: {host} }}\n"
        ));
    }

    /// A machine that is described as `name`, deployed, and booted until its system says so and has switched it off.
    pub fn boots(&self, name: &str, firmware: Firmware, mac: &str) -> Machine {
        self.describe_host(name, mac);
        self.deploy(name, &format!("told-by={name}"));
        let mut machine = Machine::boot(&self.network, firmware, mac);
        machine.shows(&format!("told-by={name}"), PATIENCE);
        machine.ends(PATIENCE);
        machine.frames().judge(OURS);
        machine
    }

    /// The messages of all events of a kind.
    pub fn events(&self, kind: &str) -> Vec<String> {
        let text = self.ironhand.ok(&["events", "-o", "json"]);
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let message =
            |event: Value| format!("{} {}", event["host"].as_str().unwrap_or_default(), event["message"]);
        events.filter(|event| event["kind"] == kind).map(message).collect()
    }

    /// The newest boot of a machine has these steps in this order, each a stage and a part of what it was; events tell the
    /// same. Gives the boot.
    pub fn tells(&self, host: &str, steps: &[(&str, &str)]) -> Value {
        let boot = wait_until("all steps are told", PATIENCE, || {
            let boots = self.ironhand.json(&["boot", "watch", "--once", host]);
            let boot = boots.as_array().and_then(|boots| boots.last()).cloned().unwrap_or_default();
            let seen = boot["steps"].as_array().cloned().unwrap_or_default();
            let mut rest = seen.iter();
            let missing = steps.iter().find(|(stage, what)| {
                let is =
                    |step: &&Value| step["stage"] == *stage && says(step, what) && step["failed"].is_null();
                rest.find(is).is_none()
            });
            missing.map_or(Ok(boot.clone()), |missing| Err(format!("{missing:?} is missing in {boot:#}")))
        });
        wait_until("events tell the same", PATIENCE, || {
            let events = self.events("boot.step");
            let told =
                |what: &str| events.iter().any(|event| event.starts_with(host) && event.contains(what));
            let untold = steps.iter().find(|(_, what)| !told(what));
            untold.map_or(Ok(()), |(_, what)| Err(format!("{what} of {host} is missing in {events:#?}")))
        });
        assert!(!self.events("boot.started").is_empty());
        boot
    }

    /// Waits until the Deployment of this name stands at `phase`.
    pub fn stands_at(&self, deployment: &str, phase: &str) {
        wait_until("the phase of the deployment", PATIENCE, || {
            let found = self.ironhand.json(&["get", "deployment", deployment]);
            if found["status"]["phase"] == phase { Ok(()) } else { Err(format!("{found:#}")) }
        });
    }
}

fn says(step: &Value, what: &str) -> bool {
    step["what"].as_str().is_some_and(|text| text.contains(what))
}

/// Debian's network installer.
const INSTALLER: &str = "boot/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";

/// An image with the kernel and the initrd of Debian's network installer, and a small system.
fn image() -> &'static Path {
    static IMAGE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = IMAGE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let installer = peer_file(INSTALLER);
        let files = [installer.join("linux"), installer.join("initrd.gz"), peer_file("boot/small.cpio")];
        let image = write_image(folder.path(), &files);
        (folder, image)
    });
    path
}

/// Writes an image of these files into a folder.
pub fn write_image(folder: &Path, files: &[PathBuf]) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir(&tree).expect("a folder");
    for file in files {
        fs::copy(file, tree.join(file.file_name().expect("a file has a name"))).expect("a boot file");
    }
    let image = folder.join("debian.iso");
    let made = run("xorriso", &["-as", "mkisofs", "-quiet", "-R", "-o", text(&image), text(&tree)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    image
}

/// The loaders of Debian's packages ipxe, shim-signed and grub-efi-amd64-signed, and the installer's PXELINUX, in a folder.
fn loaders(folder: &Path) -> PathBuf {
    let loaders = folder.join("loaders");
    fs::create_dir(&loaders).expect("a folder");
    for path in [
        "boot/boot/ipxe.efi",
        "boot/usr/lib/ipxe/snponly.efi",
        "boot/usr/lib/ipxe/undionly.kpxe",
        "boot/usr/lib/shim/shimx64.efi.signed",
        "boot/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
        &format!("{INSTALLER}/pxelinux.0"),
        &format!("{INSTALLER}/boot-screens/ldlinux.c32"),
    ] {
        let file = peer_file(path);
        symlink(&file, loaders.join(file.file_name().expect("a file has a name"))).expect("a link");
    }
    loaders
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}
