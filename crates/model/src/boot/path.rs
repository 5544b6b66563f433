//! Which paths there are: what a request for one means, and which of them a machine is offered.
//!
//! There is no folder behind these paths. Each is a name for a view of the records, found the moment that it is asked for.

use std::net::Ipv4Addr;

use ironhand_api::{BootArchitecture, MacAddress, MachineUuid, Name, NicDriver, ProfileBoot, ProfileSpec};

use super::architecture::Architecture;
use super::client::{Client, Stage};
use super::context::{Templates, file_path};
use super::decide::{Answer, Intent, decide};
use super::loader::{LoaderKind, RASPBERRY_PI, candidates};
use super::quote::decoded;
use super::script::{self, ASK, Rendered};
use super::view::View;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// A loader, by the path that [`Records::loaders`](super::Records) names it with.
    Loader(String),
    /// A file that the firmware of a Raspberry Pi asks for in a folder of its own; where that is not there, the one at this path,
    /// which all of them have.
    RaspberryPi(String),
    /// The script by which iPXE asks what is next; before it has an address where `by_itself`.
    Ask {
        /// Whether iPXE reads it before it has an address.
        by_itself: bool,
    },
    /// The script for a machine.
    Script,
    /// The configuration by which GRUB asks what is next.
    GrubDispatch,
    /// What GRUB reads again and again while there is nothing to boot.
    GrubAgain,
    /// A file of media.
    Media {
        /// The media.
        media: Name,
        /// The path in it.
        path: String,
    },
    /// A file of the profile that a host is deployed with.
    File {
        /// The host.
        host: Name,
        /// The name of the file.
        file: String,
    },
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What stands there.
    pub page: Page,
    /// What path and query say of whoever asks; network and address are for the caller to add.
    pub client: Client,
}

/// A text to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Its media type.
    pub media_type: String,
    /// What was decided, where it is a script for a machine.
    pub decision: Option<super::Decision>,
    /// Why a machine is told to wait although there is something to boot.
    pub fault: Option<String>,
}

/// Hardware addresses in a query at most.
const MOST_MACS: usize = 8;

/// The longest value of a query that is taken, in characters.
const LONGEST_VALUE: usize = 255;

impl View {
    /// Finds what stands at a path, without the slash at its beginning; `query` is what stood behind its question mark.
    /// Windows and some firmware ask in any case, with backslashes, or with slashes doubled (O8, H5).
    pub fn locate(&self, path: &str, query: Option<&str>) -> Option<Located> {
        let path = path.replace('\\', "/");
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.contains(&"..") {
            return None;
        }
        let parts = match parts.as_slice() {
            [boot, rest @ ..] if boot.eq_ignore_ascii_case("boot") && !rest.is_empty() => rest,
            all => all,
        };
        let of = |page, stage| Located { page, client: Client { stage, ..Client::default() } };
        match parts {
            [folder, media, inner @ ..] if folder.eq_ignore_ascii_case("media") => {
                let media = media.to_lowercase();
                // The whole of an image stands beside its files, too.
                let (media, path) = match inner {
                    [] => (media.strip_suffix(".iso")?, "image.iso".to_owned()),
                    _ => (media.as_str(), inner.join("/")),
                };
                Some(of(Page::Media { media: self.media.get(media)?.clone(), path }, Stage::Os))
            }
            ["hosts", host, token, file] => self.file(host, token, file),
            [only] if only.eq_ignore_ascii_case(ASK) => Some(match query.filter(|query| !query.is_empty()) {
                Some(query) => Located { page: Page::Script, client: said(query) },
                None => of(Page::Ask { by_itself: false }, Stage::Ipxe),
            }),
            [ask, said_so] if ask.eq_ignore_ascii_case(ASK) => {
                Some(Located { page: Page::Script, client: said(said_so) })
            }
            [.., last] => {
                let whole = parts.join("/");
                let exact = self.loaders.get(&whole);
                let loader =
                    exact.or_else(|| self.loaders.iter().find(|loader| loader.eq_ignore_ascii_case(&whole)));
                if let Some(loader) = loader {
                    return Some(of(Page::Loader(loader.clone()), Stage::Os));
                }
                self.named(parts, last).or_else(|| self.of_raspberry_pi(parts))
            }
            [] => None,
        }
    }

    /// What loaders ask for by names of their own.
    fn named(&self, parts: &[&str], last: &str) -> Option<Located> {
        let lower = last.to_lowercase();
        let of = |page, client| Some(Located { page, client });
        let grub = Client { stage: Stage::Grub, ..Client::default() };
        if lower == "autoexec.ipxe" {
            return of(Page::Ask { by_itself: true }, Client { stage: Stage::Ipxe, ..Client::default() });
        }
        if lower == "grub.cfg" {
            return of(Page::GrubDispatch, grub);
        }
        if let Some(who) = lower.strip_prefix("grub.cfg-") {
            return of(Page::Script, self.told(who, grub)?);
        }
        if let Some(who) = lower.strip_prefix("again-") {
            return of(Page::GrubAgain, self.told(who, grub)?);
        }
        let folder = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied().unwrap_or_default();
        if folder.eq_ignore_ascii_case("pxelinux.cfg") {
            let client = Client { stage: Stage::Pxelinux, ..Client::default() };
            let told = if lower == "default" { client } else { self.told(&lower, client)? };
            return of(Page::Script, told);
        }
        None
    }

    /// A file that the firmware of a Raspberry Pi asks for: below its serial number or its hardware address, and the first file
    /// of models before 4 below nothing (O1).
    fn of_raspberry_pi(&self, parts: &[&str]) -> Option<Located> {
        let is_serial = |who: &str| who.len() == 8 && who.bytes().all(|digit| digit.is_ascii_hexdigit());
        let file = match parts {
            [first] if first.eq_ignore_ascii_case("bootcode.bin") => (*first).to_owned(),
            [who, inner @ ..] if is_serial(who) || who.parse::<MacAddress>().is_ok() => inner.join("/"),
            _ => return None,
        };
        let first = candidates(LoaderKind::RaspberryPi, BootArchitecture::RaspberryPi, NicDriver::default());
        let is_there = !file.is_empty() && first.iter().any(|path| self.has_loader(path));
        let client = Client { stage: Stage::Os, ..Client::default() };
        is_there.then(|| Located { page: Page::RaspberryPi(format!("{RASPBERRY_PI}/{file}")), client })
    }

    /// A client that is told by a hardware address with or without `01-`, a UUID, or eight digits of an address (S5, S8).
    /// Shortened addresses stand for many machines, and so for none.
    fn told(&self, who: &str, mut client: Client) -> Option<Client> {
        let mac = who.strip_prefix("01-").unwrap_or(who);
        if let Ok(mac) = mac.parse::<MacAddress>() {
            client.macs.push(mac);
        } else if let Ok(uuid) = who.parse::<MachineUuid>() {
            client.uuid = Some(uuid);
            // A name for a machine that nobody knows would hide the one by its hardware address, which is asked for next.
            self.recognise(&client)?;
        } else {
            let digits = Some(who).filter(|who| who.len() == 8)?;
            let address = Ipv4Addr::from_bits(u32::from_str_radix(digits, 16).ok()?);
            let host = self.holder(address.into())?;
            client.macs.extend(host.boot.nic.or(host.macs.first().copied()));
            client.address = Some(address.into());
        }
        Some(client)
    }

    /// A file of the profile that a host is deployed with. Whoever asks shows the token; who does not, is not told whether
    /// there is such a host.
    fn file(&self, host: &str, token: &str, file: &str) -> Option<Located> {
        let deployment = self.deployments.get(host)?;
        let wanted = self.tokens.get(&deployment.metadata.name)?;
        // All of it is compared, so that the time taken tells nothing.
        let differ = |(one, other): (u8, u8)| one ^ other;
        let differs = wanted.bytes().zip(token.bytes()).map(differ).fold(0, |all, one| all | one);
        if wanted.is_empty() || wanted.len() != token.len() || differs != 0 {
            return None;
        }
        let found = self.profiles.get(&deployment.spec.profile)?.spec.file(file)?;
        let page = Page::File { host: deployment.spec.host.clone(), file: found.name.clone() };
        let record = self.hosts.get(host)?;
        let macs = record.boot.nic.into_iter().chain(record.macs.iter().copied()).collect();
        Some(Located { page, client: Client { macs, stage: Stage::Os, ..Client::default() } })
    }

    /// The text of a page that is one; nothing of loaders and media, which are files, and where the client's network is not
    /// described or has no server.
    ///
    /// # Errors
    ///
    /// What is wrong with the template of a file, for the record of the host.
    pub fn text(
        &self,
        page: &Page,
        client: &Client,
        templates: &dyn Templates,
    ) -> Result<Option<Text>, String> {
        let plain =
            |text: String| Some(Text { text, media_type: PLAIN.to_owned(), decision: None, fault: None });
        let scripted = |rendered: Rendered| Text {
            text: rendered.text,
            media_type: PLAIN.to_owned(),
            decision: Some(rendered.decision),
            fault: rendered.fault,
        };
        let network = client.network.as_ref().and_then(|name| self.network(name));
        let Some((network, server)) =
            network.and_then(|network| Some((network, self.server(&network.metadata.name, client)?)))
        else {
            return Ok(None);
        };
        Ok(match page {
            Page::Loader(_) | Page::RaspberryPi(_) | Page::Media { .. } => None,
            Page::Ask { by_itself } => {
                let http = super::decide::scripts_by_http(network, server);
                plain(script::ask(server, http, *by_itself))
            }
            Page::GrubDispatch => plain(script::DISPATCH.to_owned()),
            Page::Script => script::script(self, client, templates).map(scripted),
            Page::GrubAgain => script::script(self, client, templates).map(|rendered| {
                let waits = matches!(rendered.decision.intent, Intent::Menu | Intent::Hold | Intent::Wait);
                let mut text = scripted(rendered);
                if waits || text.fault.is_some() {
                    text.text = "# Nothing yet.\n".to_owned();
                }
                text
            }),
            Page::File { host, file } => {
                let deployment = self.deployment(host);
                let profile = deployment.and_then(|deployment| self.profile(&deployment.spec.profile));
                let Some((profile, found)) =
                    profile.and_then(|profile| Some((profile, profile.spec.file(file)?)))
                else {
                    return Ok(None);
                };
                let text = templates.fill(&found.content, &self.context(client, network, Some(profile)))?;
                let media_type = found.media_type.clone().unwrap_or_else(|| PLAIN.to_owned());
                Some(Text { text, media_type, decision: None, fault: None })
            }
        })
    }

    /// The paths that a machine comes to by what it is answered, from the loader to the last file, in the order in which it
    /// asks for them. What lies elsewhere is left out.
    pub fn offered(&self, client: &Client) -> Vec<String> {
        let decision = decide(self, client);
        let mut paths = Vec::new();
        let kind = match &decision.answer {
            Answer::Loader(offer) => {
                paths.push(offer.loader.path.clone());
                Some(offer.loader.kind)
            }
            Answer::Script(_) => Some(LoaderKind::Ipxe),
            Answer::Silent | Answer::Address => None,
        };
        let (Some(kind), Some(mac)) = (kind, client.mac()) else { return paths };
        let dashes = mac.to_string().replace(':', "-");
        let folder =
            paths.first().and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder.to_owned());
        match kind {
            LoaderKind::Ipxe => {
                paths.extend(folder.map(|folder| format!("{folder}/autoexec.ipxe")));
                paths.push(ASK.to_owned());
            }
            LoaderKind::Grub | LoaderKind::Shim => {
                for name in ["grub/grub.cfg", "debian-installer/amd64/grub/grub.cfg"] {
                    paths.push(name.to_owned());
                }
                paths.push(format!("grub/grub.cfg-01-{dashes}"));
            }
            LoaderKind::Pxelinux => paths.push(format!("pxelinux.cfg/01-{dashes}")),
            // What its files start asks anew.
            LoaderKind::RaspberryPi => return paths,
        }
        if let Intent::Boot { profile, .. } = &decision.intent {
            paths.extend(self.booted_from(profile));
            let deployment = decision.host.as_ref().and_then(|host| self.deployment(host));
            let files = self.profile(profile).map(|profile| &profile.spec.files);
            let files = files.into_iter().flatten();
            paths.extend(files.filter_map(|file| file_path(self, deployment?, &file.name)));
        }
        paths
    }

    /// The paths of what a profile boots.
    fn booted_from(&self, profile: &Name) -> Vec<String> {
        let Some(spec) = self.profile(profile).map(|profile| &profile.spec) else { return Vec::new() };
        let Some(media) = &spec.media else { return Vec::new() };
        let all: Vec<&str> = match spec.boot() {
            Some(ProfileBoot::Kernel { kernel, initrds, .. }) => {
                std::iter::once(kernel).chain(initrds.iter().map(String::as_str)).collect()
            }
            Some(ProfileBoot::Chain(program)) => vec![program],
            Some(ProfileBoot::Script(_)) | None => Vec::new(),
        };
        let here = all.into_iter().filter(|path| !ProfileSpec::is_url(path));
        here.map(|path| format!("media/{media}/{path}")).collect()
    }

    /// The path of the last file that a machine fetches of what a profile boots, by which it is seen that it booted.
    pub fn last_fetched(&self, profile: &Name) -> Option<String> {
        self.booted_from(profile).pop()
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// What iPXE says of its machine in a query.
pub fn said(query: &str) -> Client {
    let mut client = Client { stage: Stage::Ipxe, ..Client::default() };
    let (mut build, mut platform) = (String::new(), String::new());
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value: String = decoded(value).chars().filter(|c| !c.is_control()).take(LONGEST_VALUE).collect();
        if value.trim().is_empty() {
            continue;
        }
        match key {
            "mac" => {
                let mac = value.parse::<MacAddress>().ok().filter(|mac| mac.may_be_of_machine());
                client
                    .macs
                    .extend(mac.filter(|mac| !client.macs.contains(mac) && client.macs.len() < MOST_MACS));
            }
            // One that tells nothing is none: SMBIOS has all zeros and all ones for it (DSP0134, section 7.2.1).
            "uuid" => client.uuid = value.parse().ok().filter(|uuid: &MachineUuid| !uuid.is_dummy()),
            "serial" => client.serial = Some(value),
            "manufacturer" => client.manufacturer = Some(value),
            "product" => client.product = Some(value),
            "asset" => client.asset = Some(value),
            "arch" => build = value,
            "platform" => platform = value,
            _ => {}
        }
    }
    client.architecture = Architecture::of_ipxe(&build, &platform);
    client
}
