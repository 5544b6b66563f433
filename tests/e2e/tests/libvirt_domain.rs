//! A real libvirt with a machine of QEMU's, and its own `virsh` as judge.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Peer, peer, run, wait_until};
use ironhand_api::{Connector, LibvirtOptions, PowerAction, PowerState, Way};
use ironhand_connectors::{Device, Surroundings, open};

const PATIENCE: Duration = Duration::from_secs(60);

/// Who runs libvirt where tests run as root, who would get one for the whole machine.
const NOBODY: u32 = 65534;

/// A libvirt of one's own. Its machine has no disk, and ends with it.
struct Libvirtd {
    folder: tempfile::TempDir,
    _peer: Peer,
}

fn is_root() -> bool {
    String::from_utf8_lossy(&run("id", &["-u"]).stdout).trim() == "0"
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
    std::fs::write(path, text).expect("written");
}

/// Gives a folder and all that is in it to libvirt's user.
fn give(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    for inside in path.read_dir().into_iter().flatten() {
        give(&inside.expect("it is read").path());
    }
}

impl Libvirtd {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().display();
        let config =
            format!("unix_sock_dir = \"{place}\"\nauth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n");
        write(&folder.path().join("libvirtd.conf"), &config);
        // No other daemon is to be started, which would live longer than this one.
        write(&folder.path().join("config/libvirt/qemu.conf"), "stdio_handler = \"file\"\n");
        let domain = format!(
            "<domain type='qemu'><name>guest1</name><memory unit='MiB'>32</memory>\
             <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>\
             <devices><emulator>{}</emulator><controller type='usb' model='none'/>\
             <memballoon model='none'/></devices></domain>",
            peer("qemu-system-x86_64").display()
        );
        write(&folder.path().join("guest1.xml"), &domain);
        let mut arguments: Vec<String> = ["RUNTIME_DIR=", "CONFIG_HOME=/config", "CACHE_HOME=/cache"]
            .iter()
            .filter_map(|name| name.split_once('='))
            .map(|(name, below)| format!("XDG_{name}={place}{below}"))
            .collect();
        arguments.push(format!("HOME={place}"));
        if is_root() {
            give(folder.path());
            let id = NOBODY.to_string();
            let program = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"];
            arguments.extend(program.map(str::to_owned));
        }
        arguments.push(peer("libvirtd").display().to_string());
        arguments.extend(["-f".to_owned(), format!("{place}/libvirtd.conf")]);
        arguments.extend(["-p".to_owned(), format!("{place}/pid")]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let log = folder.path().join("log");
        let libvirtd = Self { _peer: Peer::start(&peer("env"), &arguments, &log), folder };
        wait_until("libvirt answers", PATIENCE, || {
            libvirtd.virsh(&["list"]).map_err(|told| format!("{told}{:?}", std::fs::read_to_string(&log)))
        });
        libvirtd
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("libvirt-sock")
    }

    /// What virsh says.
    fn virsh(&self, arguments: &[&str]) -> Result<String, String> {
        let place = format!("qemu+unix:///session?socket={}", self.socket().display());
        let output = run("virsh", &[&["-c", &place], arguments].concat());
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }

    fn domain(&self, name: &str, uri: &str) -> Box<dyn Device> {
        let options = LibvirtOptions { domain: name.to_owned(), uri: Some(uri.to_owned()) };
        let connector = Connector::new(Way::Libvirt(options), self.socket().to_string_lossy());
        open(&connector, None, &Surroundings::default()).expect("a domain")
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        let _ = self.virsh(&["destroy", "guest1"]);
    }
}

#[tokio::test]
async fn a_domain_is_switched_on_and_off() {
    use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
    let libvirtd = Libvirtd::start();
    let file = libvirtd.folder.path().join("guest1.xml");
    libvirtd.virsh(&["define", &file.to_string_lossy()]).expect("it is defined");
    let mut guest = libvirtd.domain("guest1", "qemu:///session");
    assert_eq!(guest.power_state().await, Ok(PowerState::Off));
    let mut check = async |action: PowerAction, state: PowerState, id_changes: bool| {
        let id = libvirtd.virsh(&["domid", "guest1"]);
        assert_eq!(guest.power(action).await, Ok(()), "{action:?}");
        assert_eq!(guest.power_state().await, Ok(state), "{action:?}");
        let seen = libvirtd.virsh(&["domstate", "guest1"]).expect("it is there");
        assert_eq!(seen, if state == PowerState::On { "running" } else { "shut off" }, "{action:?}");
        assert_eq!(libvirtd.virsh(&["domid", "guest1"]) != id, id_changes, "{action:?}");
    };
    check(On, PowerState::On, true).await;
    check(On, PowerState::On, false).await;
    for action in [Reset, Nmi, Soft] {
        check(action, PowerState::On, false).await;
    }
    check(Cycle, PowerState::On, true).await;
    check(Off, PowerState::Off, true).await;
    check(Off, PowerState::Off, false).await;
    let off = guest.power(Reset).await.unwrap_err();
    assert_eq!(off.code(), "connector.refused", "{off}");
}

#[tokio::test]
async fn what_libvirt_refuses_is_told() {
    let libvirtd = Libvirtd::start();
    let check = async |name: &str, uri: &str, code: &str, said: &str| {
        let error = libvirtd.domain(name, uri).power_state().await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    };
    check("nobody", "qemu:///session", "connector.misconfigured", "nobody").await;
    check("nobody", "nothing:///at-all", "connector.refused", "nothing").await;
    let file = libvirtd.folder.path().join("guest1.xml");
    libvirtd.virsh(&["create", &file.to_string_lossy()]).expect("it is created");
    // It is defined nowhere.
    let mut transient = libvirtd.domain("guest1", "qemu:///session");
    let refused = transient.power(PowerAction::Cycle).await.unwrap_err();
    assert!(refused.to_string().contains("transient"), "{refused}");
    assert_eq!(transient.power_state().await, Ok(PowerState::On));
}
