//! What the answers to machines stand on that is in no record: where this server is reached, which media and loaders there
//! are. It is looked at again and again, as addresses come and go and people put files into the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ironhand_api::{
    BootArchitecture, Media, MediaForm, MediaLoader, MediaState, Name, NetworkSpec, NicDriver,
};
use ironhand_boot_port::interface::Interface;
use ironhand_model::boot::{BootServer, LoaderKind, candidates};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::listing::Listing;
use super::media::Library;
use crate::views::{Ground, Views};

/// How often it is looked at without a reason.
const LOOK: Duration = Duration::from_secs(10);

/// Port 9 throws away what it gets (RFC 863), and nothing is sent to it: a socket is only asked where it would send from.
const DISCARD: u16 = 9;

/// Where the bytes of a loader lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the folder, under its own path.
    Folder,
    /// In a medium, under this path.
    Media(Name, String),
}

/// Where all loaders lie, by the paths that machines are offered; nothing before it was looked at for the first time.
#[derive(Debug, Default)]
pub(super) struct Places(RwLock<Option<Arc<BTreeMap<String, Place>>>>);

impl Places {
    /// Where the loaders lie at this moment.
    pub(super) fn now(&self) -> Option<Arc<BTreeMap<String, Place>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, places: BTreeMap<String, Place>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(places));
    }
}

/// Who looks.
pub(crate) struct Surveyor {
    pub(super) views: Views,
    pub(super) media: Arc<Library>,
    pub(super) folder: PathBuf,
    pub(super) places: Arc<Places>,
    /// Where HTTP is served in clear.
    pub(super) http: Option<SocketAddr>,
    /// Where TFTP is served.
    pub(super) tftp: Option<SocketAddr>,
}

impl Surveyor {
    /// Looks for the first time, so that the first machine is answered.
    pub(super) async fn begin(&self) {
        self.look(&mut Listing::default()).await;
        if let Err(error) = self.views.renew().await {
            tracing::error!(%error, "machines that boot are answered when the store works again");
        }
    }

    /// Looks whenever something changed, and every few seconds.
    ///
    /// It follows the views and not the changes of records: who looks at a change before the view has it does not see the
    /// network that was just described, and its machines would be given addresses and nothing to boot until the next look.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut changed = self.views.follow();
        // What came between the first look and this one.
        changed.mark_changed();
        let mut listing = Listing::default();
        let mut due = Instant::now() + LOOK;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                told = changed.changed() => if told.is_err() { return },
                () = tokio::time::sleep_until(due) => {
                    listing.forget();
                    due = Instant::now() + LOOK;
                }
            }
            self.look(&mut listing).await;
        }
    }

    async fn look(&self, listing: &mut Listing) {
        let all = self.media.list();
        let media: BTreeSet<Name> =
            all.iter().filter(|one| is_ready(one)).map(|one| one.metadata.name.clone()).collect();
        let (view, folder) = (self.views.now(), self.folder.clone());
        let (http, tftp) = (self.http, self.tftp);
        let listed = listing.of(&view);
        let looked = tokio::task::spawn_blocking(move || {
            let places = places(&all, |path| folder.join(path).is_file());
            let servers = listed.map(|listed| {
                let of = |spec: &NetworkSpec| reached(spec, http, tftp, &listed.interfaces, source);
                let of6 = |spec: &NetworkSpec| reached6(spec, http, tftp, &listed.interfaces);
                let all = || view.networks().map(|network| (network.metadata.name.clone(), &network.spec));
                let servers: BTreeMap<_, _> =
                    all().filter_map(|(name, spec)| Some((name, of(spec)?))).collect();
                let servers6: BTreeMap<_, _> =
                    all().filter_map(|(name, spec)| Some((name, of6(spec)?))).collect();
                (servers, servers6)
            });
            (places, servers)
        })
        .await;
        let Ok((places, servers)) = looked else {
            tracing::error!("it cannot be told which loaders there are: looking broke off");
            return;
        };
        let (servers, servers6) = servers.unwrap_or_else(|error| {
            tracing::error!(%error, "the operating system does not tell its addresses");
            Default::default()
        });
        let loaders = places.keys().cloned().collect();
        self.places.put(places);
        self.views.stand_on(Ground { servers, servers6, media, loaders });
    }
}

fn is_ready(media: &Media) -> bool {
    media.status.state == MediaState::Ready
}

/// Where machines of a network reach this server: at the address that is listened at, else at the one in their subnet, else
/// at one of the interface that stands in it, else at the one from which packets go there.
fn reached(
    spec: &NetworkSpec,
    http: Option<SocketAddr>,
    tftp: Option<SocketAddr>,
    interfaces: &[Interface],
    source: impl Fn(Ipv4Addr) -> Option<Ipv4Addr>,
) -> Option<BootServer> {
    let own = || {
        let up = interfaces.iter().filter(|interface| interface.is_up);
        let of = |interface: &Interface| {
            interface.addresses.iter().map(|(address, _)| *address).collect::<Vec<_>>()
        };
        let all =
            up.map(|interface| (Some(interface.name.as_str()) == spec.interface.as_deref(), of(interface)));
        let (named, others): (Vec<_>, Vec<_>) = all.partition(|(named, _)| *named);
        let flat = |all: Vec<(bool, Vec<Ipv4Addr>)>| all.into_iter().flat_map(|(_, addresses)| addresses);
        let (named, others): (Vec<_>, Vec<_>) = (flat(named).collect(), flat(others).collect());
        let within = named.iter().chain(&others).find(|address| spec.subnet.contains(**address));
        within.or(named.first()).copied()
    };
    let towards = || {
        let first = Ipv4Addr::from_bits(spec.subnet.network().to_bits() | 1);
        let target = spec.relays.first().copied().or(spec.gateway).unwrap_or(first);
        source(target)
            .filter(|address| !address.is_unspecified() && (target.is_loopback() || !address.is_loopback()))
    };
    let address = specific(http).or(specific(tftp)).or_else(own).or_else(towards)?;
    Some(BootServer { address: address.into(), http: http.map(|http| http.port()) })
}

/// Where machines of a network reach this server over IPv6: at the address that is listened at, else at the one in their
/// subnet. There is no other way, as they know no router. None where nothing is listened at over IPv6.
fn reached6(
    spec: &NetworkSpec,
    http: Option<SocketAddr>,
    tftp: Option<SocketAddr>,
    interfaces: &[Interface],
) -> Option<BootServer> {
    let subnet = spec.ipv6.as_ref()?.subnet;
    let heard = |listener: Option<SocketAddr>| {
        listener.filter(|listener| listener.is_ipv6() && listener.ip().to_canonical().is_ipv6())
    };
    let (http, tftp) = (heard(http), heard(tftp));
    let one = |listener: Option<SocketAddr>| {
        listener.map(|listener| listener.ip()).filter(|address| !address.is_unspecified())
    };
    http.or(tftp)?;
    let own = || {
        let up = interfaces.iter().filter(|interface| interface.is_up);
        let mut all = up.flat_map(|interface| interface.addresses6.iter().map(|(address, _)| *address));
        all.find(|address| subnet.contains(*address)).map(IpAddr::V6)
    };
    let address = one(http).or(one(tftp)).or_else(own)?;
    Some(BootServer { address, http: http.map(|http| http.port()) })
}

/// The one address that is listened at; none where all are.
fn specific(listener: Option<SocketAddr>) -> Option<Ipv4Addr> {
    match listener?.ip().to_canonical() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}

/// The address from which packets to another one go, as the routes say.
fn source(target: Ipv4Addr) -> Option<Ipv4Addr> {
    let ask = || -> io::Result<SocketAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((target, DISCARD))?;
        socket.local_addr()
    };
    specific(ask().ok())
}

/// Where the loaders lie: in the folder, or else in media.
fn places(media: &[Media], in_folder: impl Fn(&str) -> bool) -> BTreeMap<String, Place> {
    let mut found: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
    for one in media.iter().filter(|one| is_ready(one) && one.status.form == Some(MediaForm::Loaders)) {
        for loader in &one.status.loaders {
            for (path, rank) in targets(loader) {
                let (name, from) = (one.metadata.name.clone(), loader.path.clone());
                let newer_first = std::cmp::Reverse(one.status.added.unwrap_or_default());
                found.entry(path).or_default().push(Offer { rank, newer_first, name, from });
            }
        }
    }
    found.values_mut().for_each(|offers| offers.sort());
    let mut places = BTreeMap::new();
    for (path, offers) in &found {
        // A shim starts the GRUB of whoever signed both.
        let shim = path.strip_prefix("secure/").and_then(|rest| {
            let (firmware, suffix) = (rest.split('/').next()?, rest.split('/').nth(1)?.strip_prefix("grub")?);
            found.get(&format!("secure/{firmware}/shim{suffix}"))?.first()
        });
        let beside = shim.and_then(|shim| offers.iter().find(|offer| offer.name == shim.name));
        if let Some(best) = beside.or(offers.first()) {
            places.insert(path.clone(), Place::Media(best.name.clone(), best.from.clone()));
        }
    }
    let wanted: Vec<String> = places.keys().cloned().chain(all_candidates()).collect();
    places.extend(wanted.into_iter().filter(|path| in_folder(path)).map(|path| (path, Place::Folder)));
    places
}

/// A loader of a medium that does for a path; the best comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    rank: u8,
    newer_first: std::cmp::Reverse<ironhand_api::Timestamp>,
    name: Name,
    from: String,
}

/// All paths at which a loader is looked for.
fn all_candidates() -> impl Iterator<Item = String> {
    let of = |firmware| {
        LoaderKind::ALL.into_iter().flat_map(move |kind| candidates(kind, firmware, NicDriver::Firmware))
    };
    BootArchitecture::ALL.into_iter().flat_map(of)
}

/// The firmware that a loader is for, by how UEFI spells its machine.
fn firmware(machine: &str) -> Option<BootArchitecture> {
    Some(match machine {
        "bios" => BootArchitecture::Bios,
        "ia32" => BootArchitecture::X86,
        "x64" => BootArchitecture::X64,
        "arm" => BootArchitecture::Arm32,
        "aa64" => BootArchitecture::Arm64,
        "riscv64" => BootArchitecture::Riscv64,
        "loongarch64" => BootArchitecture::Loongarch64,
        _ => return None,
    })
}

/// The paths that a loader of a medium does for, as its name says what it is, each with a rank: the less the better.
fn targets(loader: &MediaLoader) -> Vec<(String, u8)> {
    let Some(machine) = loader.machine.as_deref() else { return Vec::new() };
    let Some(firmware) = firmware(machine) else { return Vec::new() };
    let name = loader.path.rsplit('/').next().unwrap_or(&loader.path).to_lowercase();
    if firmware == BootArchitecture::Bios {
        return match name.as_str() {
            "undionly.kpxe" | "ipxe.pxe" => vec![(format!("ipxe/bios/{name}"), 0)],
            "lpxelinux.0" | "pxelinux.0" => vec![(format!("pxelinux/bios/{name}"), 0)],
            // PXELINUX loads its modules from beside itself.
            module if module.ends_with(".c32") => vec![(format!("pxelinux/bios/{name}"), 0)],
            _ => Vec::new(),
        };
    }
    let Some(stem) = name.strip_suffix(".efi") else { return Vec::new() };
    let is = |kind: &str| {
        stem.strip_prefix(kind).and_then(|rest| rest.strip_prefix(machine)).is_some_and(str::is_empty)
    };
    let (grub, secure) =
        (format!("grub/{firmware}/grub{machine}.efi"), format!("secure/{firmware}/grub{machine}.efi"));
    // Debian's GRUB for disks knows no network.
    let of_network = stem.strip_prefix("grubnet").is_some_and(|rest| rest.starts_with(machine));
    let rank = if is("grubnet") { 0 } else { u8::from(!of_network) + 1 };
    if is("grub") || of_network {
        let secure = loader.signed.then_some((secure, rank));
        return std::iter::once((grub, rank)).chain(secure).collect();
    }
    if is("shim") || is("mm") || is("fb") {
        return if loader.signed { vec![(format!("secure/{firmware}/{name}"), 0)] } else { Vec::new() };
    }
    if name == "ipxe-shim.efi" {
        return vec![(format!("ipxe/{firmware}/{name}"), 0)];
    }
    for kind in ["snponly", "ipxe"] {
        if let Some(rest) = stem.strip_prefix(kind) {
            return vec![(format!("ipxe/{firmware}/{kind}.efi"), u8::from(!rest.is_empty()))];
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Ipv6Mode, NetworkIpv6, Timestamp};

    use super::*;

    fn loaders(name: &str, added: i64, files: &[(&str, bool)]) -> Media {
        let loaders = files.iter().map(|(path, signed)| {
            let machine = path.split('/').next();
            serde_json::json!({ "path": path, "size": 1, "machine": machine, "signed": signed })
        });
        let loaders: Vec<_> = loaders.collect();
        let mut media: Media = serde_json::from_value(serde_json::json!({
            "apiVersion": "ironhand/v1", "kind": "Media", "metadata": { "name": name },
            "spec": { "source": "test" },
            "status": { "state": "ready", "form": "loaders", "loaders": loaders },
        }))
        .unwrap();
        media.status.added = Some(Timestamp::from_millis(added));
        media
    }

    #[test]
    fn loaders_of_media_lie_where_machines_are_offered_them() {
        let debian = loaders(
            "debian",
            1,
            &[
                ("x64/shimx64.efi", true),
                ("x64/grubx64.efi", true),
                ("x64/grubnetx64.efi", true),
                ("x64/grubnetx64-installer.efi", true),
                ("x64/mmx64.efi", true),
                ("x64/shimx64-unsigned.efi", false),
            ],
        );
        let ipxe = loaders(
            "ipxe",
            1,
            &[
                ("x64/ipxe.efi", false),
                ("x64/ipxe-debug.efi", false),
                ("x64/snponly.efi", false),
                ("aa64/snponly-arm64.efi", false),
                ("bios/undionly.kpxe", false),
                ("bios/ipxe.lkrn", false),
                ("bios/lpxelinux.0", false),
                ("bios/ldlinux.c32", false),
            ],
        );
        let newer = loaders("newer", 2, &[("x64/grubnetx64.efi", true), ("x64/snponly.efi", false)]);
        let media = [debian, ipxe, newer];
        let found = places(&media, |_| false);
        let check = |path: &str, wanted: Option<(&str, &str)>| {
            let wanted = wanted.map(|(name, from)| Place::Media(name.parse().unwrap(), from.to_owned()));
            assert_eq!(found.get(path), wanted.as_ref(), "{path}");
        };
        check("secure/x64/shimx64.efi", Some(("debian", "x64/shimx64.efi")));
        check("secure/x64/grubx64.efi", Some(("debian", "x64/grubnetx64.efi")));
        check("secure/x64/mmx64.efi", Some(("debian", "x64/mmx64.efi")));
        check("grub/x64/grubx64.efi", Some(("newer", "x64/grubnetx64.efi")));
        check("ipxe/x64/ipxe.efi", Some(("ipxe", "x64/ipxe.efi")));
        check("ipxe/x64/snponly.efi", Some(("newer", "x64/snponly.efi")));
        check("ipxe/arm64/snponly.efi", Some(("ipxe", "aa64/snponly-arm64.efi")));
        check("ipxe/bios/undionly.kpxe", Some(("ipxe", "bios/undionly.kpxe")));
        check("pxelinux/bios/lpxelinux.0", Some(("ipxe", "bios/lpxelinux.0")));
        check("pxelinux/bios/ldlinux.c32", Some(("ipxe", "bios/ldlinux.c32")));
        check("ipxe/bios/ipxe.pxe", None);
        let own = ["ipxe/x64/snponly.efi", "grub/bios/core.0", "secure/x64/grubx64.efi"];
        let found = places(&media, |path| own.contains(&path));
        for path in own {
            assert_eq!(found.get(path), Some(&Place::Folder), "{path}");
        }
    }

    #[test]
    fn machines_are_told_an_address_that_they_reach() {
        let interface = |name: &str, addresses: &[&str]| Interface {
            name: name.to_owned(),
            index: 1,
            mac: None,
            is_up: true,
            is_running: true,
            is_loopback: name == "lo",
            addresses: addresses.iter().map(|address| (address.parse().unwrap(), 24)).collect(),
            addresses6: vec![("2001:db8:7::5".parse().unwrap(), 64)],
        };
        let interfaces = [
            interface("lo", &["127.0.0.1"]),
            interface("eth0", &["10.0.7.5", "10.0.8.5"]),
            interface("eth1", &["10.9.0.5"]),
        ];
        let check = |subnet: &str, named: Option<&str>, http: &str, wanted: Option<&str>| {
            let mut spec = NetworkSpec::of(subnet.parse().unwrap());
            spec.interface = named.map(str::to_owned);
            let routed = |target: Ipv4Addr| (target.octets()[0] == 10).then_some(Ipv4Addr::new(10, 9, 0, 5));
            let server = reached(&spec, Some(http.parse().unwrap()), None, &interfaces, routed);
            let wanted =
                wanted.map(|address| BootServer { address: address.parse().unwrap(), http: Some(8480) });
            assert_eq!(server, wanted, "{subnet} {named:?} {http}");
        };
        check("10.0.7.0/24", None, "0.0.0.0:8480", Some("10.0.7.5"));
        check("10.0.8.0/24", Some("eth0"), "[::]:8480", Some("10.0.8.5"));
        check("10.1.0.0/24", Some("eth0"), "0.0.0.0:8480", Some("10.0.7.5"));
        check("10.1.0.0/24", None, "0.0.0.0:8480", Some("10.9.0.5"));
        check("192.168.0.0/24", None, "0.0.0.0:8480", None);
        check("127.0.0.0/8", None, "0.0.0.0:8480", Some("127.0.0.1"));
        check("10.0.8.0/24", None, "10.9.0.5:8480", Some("10.9.0.5"));
        let check6 = |ipv6: &str, http: &str, wanted: Option<&str>| {
            let mut spec = NetworkSpec::of("10.0.7.0/24".parse().unwrap());
            spec.ipv6 = Some(Box::new(NetworkIpv6 {
                subnet: ipv6.parse().unwrap(),
                mode: Ipv6Mode::Full,
                advertise: true,
                router: false,
                dns: Vec::new(),
            }));
            let server = reached6(&spec, Some(http.parse().unwrap()), None, &interfaces);
            let wanted =
                wanted.map(|address| BootServer { address: address.parse().unwrap(), http: Some(8480) });
            assert_eq!(server, wanted, "{ipv6} {http}");
        };
        check6("2001:db8:7::/64", "[::]:8480", Some("2001:db8:7::5"));
        check6("2001:db8:7::/64", "0.0.0.0:8480", None);
        check6("2001:db8:8::/64", "[::]:8480", None);
        check6("2001:db8:8::/64", "[2001:db8:9::1]:8480", Some("2001:db8:9::1"));
    }
}
