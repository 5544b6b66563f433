//! The scripts that loaders read, rendered for one machine.

mod grub;
mod ipxe;
mod pxelinux;

use ironhand_api::{
    BootArchitecture, LoaderPreference, LocalBoot, Name, Network, NicDriver, ProfileBoot, ProfileSpec,
};

use super::client::{Client, Stage};
use super::context::Templates;
use super::decide::{Decision, Intent, intended};
use super::loader::{LoaderKind, choose};
use super::quote::{QuoteError, url_path};
use super::view::{BootServer, View};

pub(super) use ipxe::ASK;

/// A script for one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The script.
    pub text: String,
    /// What was decided, and why.
    pub decision: Decision,
    /// Why the machine is told to wait although there is something to boot: a template or a value that cannot be written.
    pub fault: Option<String>,
}

/// What a script does.
enum Act {
    /// Starts a kernel.
    Kernel { kernel: Source, initrds: Vec<Source>, command_line: String },
    /// Does what a profile's own script says.
    Own(String),
    /// Starts another program.
    Chain(Source),
    /// Boots from the disk.
    LocalDisk(LocalBoot),
    /// Asks again and again.
    Wait,
    /// Switches the machine off; where there is a GRUB for it, iPXE starts that: few builds of iPXE have the command, Debian's
    /// has not.
    PowerOff { grub: Option<Source> },
    /// Boots nothing.
    Nothing,
}

/// Something that a loader fetches.
#[derive(Clone)]
enum Source {
    /// By its path on this server.
    Path(String),
    /// From elsewhere.
    Url(String),
}

impl Source {
    fn of(text: &str, media: Option<&Name>) -> Self {
        match media.filter(|_| !ProfileSpec::is_url(text)) {
            Some(media) => Self::Path(format!("media/{media}/{}", url_path(text))),
            None => Self::Url(text.to_owned()),
        }
    }
}

/// What a script is made of.
struct Scene<'s> {
    server: BootServer,
    client: &'s Client,
    decision: &'s Decision,
    act: Act,
    /// Why, in letters that mean nothing to a loader.
    why: String,
    /// Whether scripts fetch by HTTP.
    http: bool,
}

impl Scene<'_> {
    fn firmware(&self) -> Option<BootArchitecture> {
        self.client.firmware()
    }
}

/// The script that a machine reads, as the stage of `client` says which loader it is; nothing where nobody described the
/// network.
pub fn script(view: &View, client: &Client, templates: &dyn Templates) -> Option<Rendered> {
    let network = view.network(client.network.as_ref()?)?;
    let server = view.server(&network.metadata.name, client)?;
    let decision = intended(view, client);
    let http = super::decide::scripts_by_http(network, server);
    let mut fault = None;
    let act = act(view, client, network, &decision, templates).unwrap_or_else(|told| {
        fault = Some(told);
        Act::Wait
    });
    let why = |fault: &Option<String>| super::quote::shown(fault.as_ref().unwrap_or(&decision.reason));
    let mut scene = Scene { server, client, decision: &decision, act, why: why(&fault), http };
    let text = write(&scene).unwrap_or_else(|told| {
        fault = Some(told.to_string());
        scene.act = Act::Wait;
        scene.why = why(&fault);
        // Nothing of it comes from a profile any more.
        write(&scene).unwrap_or_default()
    });
    Some(Rendered { text, decision, fault })
}

fn write(scene: &Scene<'_>) -> Result<String, QuoteError> {
    match scene.client.stage {
        Stage::Grub => grub::write(scene),
        Stage::Pxelinux => pxelinux::write(scene),
        Stage::Pxe | Stage::HttpBoot | Stage::Ipxe | Stage::Os => ipxe::write(scene),
    }
}

/// What a script does, with its templates filled in.
fn act(
    view: &View,
    client: &Client,
    network: &Network,
    decision: &Decision,
    templates: &dyn Templates,
) -> Result<Act, String> {
    let profile = match &decision.intent {
        Intent::Boot { profile, .. } => profile,
        Intent::LocalDisk => {
            let host = view.recognise(client).map(|(host, _)| host.boot.local_boot);
            return Ok(Act::LocalDisk(host.unwrap_or_default()));
        }
        Intent::Menu | Intent::Hold | Intent::Wait => return Ok(Act::Wait),
        Intent::PowerOff => return Ok(Act::PowerOff { grub: grub(view, client) }),
        Intent::Refuse | Intent::Ignore | Intent::None => return Ok(Act::Nothing),
    };
    let profile = view.profile(profile).ok_or_else(|| format!("there is no Profile {profile}"))?;
    let context = view.context(client, network, Some(profile));
    let fill = |template: &str| {
        let filled = templates.fill(template, &context);
        filled.map_err(|told| format!("a template of Profile {} fails: {told}", profile.metadata.name))
    };
    let media = profile.spec.media.as_ref();
    Ok(match profile.spec.boot() {
        Some(ProfileBoot::Kernel { kernel, initrds, command_line }) => Act::Kernel {
            kernel: Source::of(kernel, media),
            initrds: initrds.iter().map(|initrd| Source::of(initrd, media)).collect(),
            // A block of YAML ends with the end of a line.
            command_line: fill(command_line)?.trim().to_owned(),
        },
        Some(ProfileBoot::Script(script)) if client.stage == Stage::Ipxe => Act::Own(fill(script)?),
        Some(ProfileBoot::Script(_)) => {
            return Err(format!(
                "Profile {} is a script for iPXE, and another loader asks",
                profile.metadata.name
            ));
        }
        Some(ProfileBoot::Chain(program)) => Act::Chain(Source::of(program, media)),
        None => return Err(format!("Profile {} boots nothing", profile.metadata.name)),
    })
}

/// The GRUB that a machine with UEFI may start in place of what it runs.
fn grub(view: &View, client: &Client) -> Option<Source> {
    let firmware = client.firmware().filter(|firmware| firmware.is_uefi())?;
    let loader = choose(view, LoaderPreference::Grub, firmware, NicDriver::Firmware, None).ok()?;
    (loader.kind == LoaderKind::Grub).then_some(Source::Path(loader.path))
}

pub(super) use grub::DISPATCH;
pub(super) use ipxe::ask;
