//! What machines are answered from records: scripts, media, answer files, loaders, and how far deployments come by it.

use ironhand_api::{
    BootRepeat, BootState, Deployment, DeploymentPhase, EventKind, Host, Manifest, Media, MediaState,
    Network, Profile, parse_manifests,
};
use ironhand_client::{BootFilter, EventStream, MediaUpload};

use crate::boot::{ASKED, World};
use crate::harness::{eventually, name, until_kind};

const MAC: &str = "52-54-00-12-34-56";

/// Where `/deep/file-10` holds `10` and a line end: an image of genisoimage, without the 32 KiB of its system area.
const IMAGE: &[u8] = include_bytes!("../../../../testdata/fuzz/media_iso/rock-ridge-of-genisoimage");

/// A host, and a profile that boots two files of the medium `debian`.
const RECORDS: &str = "
apiVersion: ironhand/v1
kind: Host
metadata: { name: web-1, labels: { rack: a1 } }
spec:
  macs: ['52:54:00:12:34:56']
  connectors: [{ type: vnc, address: 192.0.2.1 }]
---
apiVersion: ironhand/v1
kind: Network
metadata: { name: bench }
spec: { subnet: 127.0.0.0/8, mode: 'off' }
---
apiVersion: ironhand/v1
kind: Profile
metadata: { name: debian }
spec:
  media: debian
  kernel: deep/file-10
  initrds: [deep/file-11]
  commandLine: \"url={{ files['preseed.cfg'] }} rack={{ host.labels.rack }} BOOTIF={{ bootif }}\"
  files: [{ name: preseed.cfg, content: 'd-i hostname {{ host.name }}' }]
---
apiVersion: ironhand/v1
kind: Deployment
metadata: { name: web-1 }
spec: { host: web-1, profile: debian, boot: once }
";

impl World {
    async fn apply(&self, manifests: &str) {
        for manifest in parse_manifests("test", manifests).unwrap() {
            self.client.apply(&manifest).await.unwrap();
        }
    }

    async fn add(&self, medium: &str, loaders: Option<Vec<u64>>, bytes: Vec<u8>) -> Media {
        let upload = MediaUpload { file: format!("{medium}.iso"), sha256: None, loaders };
        let bytes = futures_util::stream::iter([Ok(bytes)]);
        self.client.upload_media(&name(medium), &upload, bytes).await.unwrap()
    }

    /// Adds the image, and applies the records.
    async fn ready() -> (Self, EventStream) {
        let world = Self::new().await;
        let image = [vec![0; 32 * 1024], IMAGE.to_vec()].concat();
        assert_eq!(world.add("debian", None, image).await.status.state, MediaState::Ready);
        world.apply(RECORDS).await;
        let mut events = world.client.follow(None, None);
        events.connect().await.unwrap();
        world.until("the records are in view", &script(), |answer| answer.contains("initrd")).await;
        (world, events)
    }

    /// Asks until the answer is as wanted, which depends on tasks that nothing waits for.
    async fn until(&self, what: &str, target: &str, wanted: impl Fn(&str) -> bool) -> String {
        eventually(what, async || self.get(target).await, |answer| wanted(answer)).await
    }

    async fn phase(&self) -> DeploymentPhase {
        self.client.get::<Deployment>(&name("web-1")).await.unwrap().phase()
    }

    async fn until_phase(&self, events: &mut EventStream, wanted: DeploymentPhase) {
        while self.phase().await != wanted {
            until_kind(events, EventKind::DeploymentChanged).await;
        }
    }
}

fn script() -> String {
    format!("/boot/boot.ipxe?{ASKED}")
}

/// What stands behind the head of an answer that is one.
fn body(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The path of the answer file that a script names.
fn answer_file(script: &str) -> &str {
    let url = script.split_whitespace().find_map(|word| word.split_once("url=http://")).unwrap().1;
    &url[url.find('/').unwrap()..]
}

#[tokio::test]
async fn a_deployment_is_a_script_its_files_and_ends_when_all_is_fetched() {
    let (world, mut events) = World::ready().await;
    let answer = world.get(&script()).await;
    assert!(
        answer.contains("Content-Type: text/plain; charset=utf-8") && answer.contains("ETag: \""),
        "{answer}"
    );
    let text = body(&answer);
    let base = format!("http://{}/boot/", world.server.boot().0.unwrap());
    assert!(text.starts_with("#!ipxe\n"), "{text}");
    for wanted in [
        "media/debian/deep/file-10",
        "media/debian/deep/file-11",
        "rack=a1",
        &format!("BOOTIF=01-{MAC}"),
        &base,
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    world.until_phase(&mut events, DeploymentPhase::Booting).await;

    // The answer file is behind a token, and nobody learns by another one what there is.
    let path = answer_file(text).to_owned();
    assert_eq!(body(&world.get(&path).await), "d-i hostname web-1");
    let wrong = path.replace("/hosts/web-1/", "/hosts/web-1/0");
    for wrong in [
        wrong.as_str(),
        "/boot/hosts/web-1/0/preseed.cfg",
        "/boot/hosts/other/0/preseed.cfg",
        "/boot/hosts/web-1/",
    ] {
        assert!(world.get(wrong).await.starts_with("HTTP/1.1 404"), "{wrong}");
    }

    // The kernel, by HTTP and by TFTP, out of the image. A deployment is not over by it.
    assert_eq!(body(&world.get("/boot/media/debian/deep/file-10").await), "10\n");
    assert_eq!(world.read_by_tftp("media/debian/DEEP/file-10").await.unwrap(), b"10\n");
    assert!(world.get("/boot/media/debian/deep/none").await.starts_with("HTTP/1.1 404"));
    assert_eq!(world.phase().await, DeploymentPhase::Booting);
    // The initrd, in two halves.
    let half = |range: &'static str| world.get_with("/boot/media/debian/deep/file-11", range);
    assert_eq!(body(&half("Range: bytes=0-0\r\n").await), "1");
    assert_eq!(world.phase().await, DeploymentPhase::Booting);
    assert_eq!(body(&half("Range: bytes=1-\r\n").await), "1\n");
    world.until_phase(&mut events, DeploymentPhase::Booted).await;

    // The next boot is from the disk, of which the record tells.
    let text = world.until("booted once", &script(), |answer| !answer.contains("media/")).await;
    assert!(text.contains("boots from its disk"), "{text}");
    let filter = BootFilter { host: Some(name("web-1")), ..BootFilter::default() };
    let boots = async || world.client.boots(&filter).await.unwrap();
    eventually("the boot", boots, |boots| boots.iter().any(|boot| boot.state == BootState::Dismissed)).await;
    assert_eq!(world.client.machines().await.unwrap(), [], "a host is no free machine");
    world.server.shutdown().await;
}

#[tokio::test]
async fn what_is_applied_is_in_the_next_script() {
    let (world, _events) = World::ready().await;
    let first = world.get(&script()).await;
    let mut profile: Profile = world.client.get(&name("debian")).await.unwrap();
    profile.spec.command_line = Some("second".to_owned());
    world.client.apply(&Manifest::Profile(profile)).await.unwrap();
    let second = world.get(&script()).await;
    assert!(second.contains("second") && !second.contains("rack=a1"), "{second}");
    let etag = |answer: &str| answer.lines().find(|line| line.starts_with("ETag")).unwrap().to_owned();
    assert_ne!(etag(&first), etag(&second));

    let mut deployment: Deployment = world.client.get(&name("web-1")).await.unwrap();
    let path = answer_file(body(&first)).to_owned();
    assert!(world.get(&path).await.contains("d-i hostname"));
    deployment.spec.boot = BootRepeat::Always;
    world.client.apply(&Manifest::Deployment(deployment)).await.unwrap();
    assert!(world.get(&path).await.starts_with("HTTP/1.1 404"), "another deployment has another token");

    world.client.delete(ironhand_api::Kind::Deployment, &name("web-1")).await.unwrap();
    let third = world.get(&script()).await;
    assert!(third.contains("has no Deployment") && !third.contains("media/"), "{third}");
    world.client.delete(ironhand_api::Kind::Network, &name("bench")).await.unwrap();
    assert!(world.get(&script()).await.starts_with("HTTP/1.1 404"));
    world.server.shutdown().await;
}

#[tokio::test]
async fn machines_that_nobody_described_are_told_what_their_network_says() {
    let world = World::new().await;
    world.apply("{ apiVersion: ironhand/v1, kind: Network, metadata: { name: bench }, spec: { subnet: 127.0.0.0/8, mode: 'off' } }").await;
    let told = async |unknown: &str| {
        let mut network: Network = world.client.get(&name("bench")).await.unwrap();
        network.spec.unknown = serde_json::from_value(serde_json::json!(unknown)).unwrap();
        world.client.apply(&Manifest::Network(network)).await.unwrap();
        world.until("the server's address is known", &script(), |answer| answer.contains("#!ipxe")).await
    };
    for (unknown, wanted) in [
        ("menu", "lets unknown machines wait"),
        ("powerOff", "poweroff"),
        ("localDisk", "lets unknown machines boot from their disk"),
        ("refuse", "gives unknown machines nothing to boot"),
    ] {
        let text = told(unknown).await;
        assert!(text.contains(wanted), "{unknown}: {text}");
    }
    let machines = eventually(
        "the machine",
        async || world.client.machines().await.unwrap(),
        |machines| machines.iter().any(|machine| machine.told.as_deref() == Some("nothing")),
    )
    .await;
    assert_eq!(machines[0].network, Some(name("bench")));
    // GRUB and PXELINUX ask by names of their own, over TFTP.
    let text = |read: Option<Vec<u8>>| String::from_utf8(read.unwrap()).unwrap();
    let grub = text(world.read_by_tftp(&format!("grub/grub.cfg-01-{MAC}")).await);
    assert!(grub.contains("gives unknown machines nothing to boot"), "{grub}");
    assert!(text(world.read_by_tftp("grub/grub.cfg").await).contains("grub.cfg-01-"));
    let linux = text(world.read_by_tftp(&format!("pxelinux.cfg/01-{MAC}")).await);
    assert!(!linux.is_empty() && !linux.starts_with("#!ipxe"), "{linux}");
    // iPXE without HTTP says what it is in the name of the file.
    let ipxe = text(world.read_by_tftp(&format!("boot.ipxe/mac={MAC}&arch=x86_64&platform=efi")).await);
    assert!(ipxe.starts_with("#!ipxe"), "{ipxe}");
    world.server.shutdown().await;
}

/// An archive of one file (POSIX.1-1988 ustar).
fn tar(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = bytes.len().next_multiple_of(512) - bytes.len();
    [header, bytes.to_vec(), vec![0; padding + 1024]].concat()
}

#[tokio::test]
async fn loaders_are_there_as_soon_as_they_are_added() {
    let world = World::new().await;
    let path = "/boot/ipxe/bios/undionly.kpxe";
    assert!(world.get(path).await.starts_with("HTTP/1.1 404"));
    let archive = tar("usr/lib/ipxe/undionly.kpxe", b"a loader of a package");
    world.add("ipxe", Some(vec![archive.len() as u64]), archive).await;
    let answer = world.until("the loader is there", path, |answer| answer.starts_with("HTTP/1.1 200")).await;
    assert_eq!(body(&answer), "a loader of a package");
    assert_eq!(world.read_by_tftp("IPXE/bios/undionly.kpxe").await.unwrap(), b"a loader of a package");
    // Whoever puts a file into the folder means that one.
    world.put("ipxe/bios/undionly.kpxe", "a loader of one's own");
    world.apply(RECORDS.split("---").nth(1).unwrap()).await;
    world.until("the folder comes first", path, |answer| answer.ends_with("a loader of one's own")).await;
    world.client.remove_media(&name("ipxe")).await.unwrap();
    assert!(world.get("/boot/media/ipxe/bios/undionly.kpxe").await.starts_with("HTTP/1.1 404"));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_template_that_fails_is_told_and_the_machine_waits() {
    let (world, mut events) = World::ready().await;
    // A label that the host lacks is found only when the script is written.
    let mut host: Host = world.client.get(&name("web-1")).await.unwrap();
    host.metadata.labels.clear();
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    let text = world.until("the label is gone", &script(), |answer| !answer.contains("rack=a1")).await;
    assert!(!text.contains("media/") && text.contains("template"), "{text}");
    until_kind(&mut events, EventKind::BootRefused).await;
    world.server.shutdown().await;
}
