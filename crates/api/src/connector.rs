//! Ways to reach a host out of band.

mod agent;
mod bmc;
mod gsm;
mod ip_kvm;
mod keyboard_layout;
mod lab;
mod path;
mod pdu;
mod screen;
mod serial;
mod switch;
mod wol;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Name, PowerAction, Span};

pub use agent::{SshCommands, SshOptions, WinrmOptions};
pub use bmc::{AmtOptions, IpmiOptions, RedfishOptions};
pub use gsm::{GsmDevice, GsmOptions, GsmTexts};
pub use ip_kvm::IpKvmOptions;
pub use keyboard_layout::KeyboardLayout;
pub use lab::LibvirtOptions;
pub use path::{CertificatePin, Through, Tls};
pub use pdu::{Feed, Outlet, PduModel, PduOptions, PowerOids, SnmpAuthentication, SnmpPrivacy, SnmpVersion};
pub use screen::{EnableBy, KvmOptions, KvmProtocol, PreviewOptions, PreviewVendor, VncOptions};
pub use serial::{ConsoleLogFormat, ConsoleLogOptions, ConsoleMenu, SshConsoleOptions};
pub use switch::{HttpSwitchOptions, ShellyOptions, SwitchRequest, SwitchStatus, TasmotaOptions};
pub use wol::WolOptions;

/// Where OpenBMC's SSH server leads to the host's console instead of a shell.
const OPENBMC_CONSOLE_PORT: u16 = 2200;

/// One way to reach a host out of band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Connector {
    /// The protocol, with what is particular to it.
    #[serde(flatten)]
    pub way: Way,
    /// An IP address or host name; for `gsm` and `qemu` also the path of a serial device or socket.
    pub address: String,
    /// Further addresses of the same device, as over a second network, tried in this order where the first does not
    /// answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backup_addresses: Vec<String>,
    /// UDP or TCP port; without it the protocol's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Credentials for this connector alone, in place of the host's; an empty list means none are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Vec<Name>>,
    /// A host between that the connection is made through; TCP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
    /// Whether this connector may cut the power of a running machine where the ways before it failed. File systems may
    /// suffer. Only for those that switch the mains: `pdu`, `gsm`, `tasmota`, `shelly`, `http-switch`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_hard_cut: bool,
    /// What the machine takes the positions of keys for. Only for connectors that press keys; a VNC server that types
    /// keysyms as they are takes any of them.
    #[serde(default, skip_serializing_if = "KeyboardLayout::is_us")]
    pub keyboard_layout: KeyboardLayout,
    /// Between two key events through this connector, in place of the setting `keyInterval`; 1ms to 5s. Only for
    /// connectors that press keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_interval: Option<Span>,
}

/// A protocol, with what is particular to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Way {
    /// IPMI 2.0 over RMCP+.
    Ipmi(IpmiOptions),
    /// Redfish (DMTF DSP0266).
    Redfish(RedfishOptions),
    /// Remote framebuffer (RFC 6143).
    Vnc(VncOptions),
    /// A controller's own remote console.
    Kvm(KvmOptions),
    /// Still pictures of the screen on a controller's web pages.
    Preview(PreviewOptions),
    /// A serial console over SSH.
    SshConsole(SshConsoleOptions),
    /// A serial console over Telnet (RFC 854).
    Telnet,
    /// A serial console as a plain stream of bytes over TCP.
    SerialTcp,
    /// A file that another program writes what a serial console says to.
    ConsoleLog(ConsoleLogOptions),
    /// Outlets of a power strip, by SNMP.
    Pdu(PduOptions),
    /// Wake-on-LAN.
    Wol(WolOptions),
    /// A power socket that takes text messages, through a modem.
    Gsm(GsmOptions),
    /// A switch with Tasmota firmware.
    Tasmota(TasmotaOptions),
    /// A Shelly switch.
    Shelly(ShellyOptions),
    /// Any switch that is told by HTTP requests.
    HttpSwitch(HttpSwitchOptions),
    /// PiKVM.
    Pikvm(IpKvmOptions),
    /// NanoKVM.
    Nanokvm(IpKvmOptions),
    /// JetKVM.
    Jetkvm(IpKvmOptions),
    /// Intel AMT, by WS-Management.
    Amt(AmtOptions),
    /// Windows Remote Management: an orderly restart or shutdown of a running Windows.
    Winrm(WinrmOptions),
    /// Commands of your own over SSH.
    Ssh(SshOptions),
    /// QEMU's machine protocol (QMP), for labs.
    Qemu,
    /// A domain of libvirt, for labs.
    Libvirt(LibvirtOptions),
}

macro_rules! connector_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $port:expr;)+) => {
        /// The protocols that this version speaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ConnectorType {
            $($(#[$doc])* $variant,)+
        }

        impl ConnectorType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name as manifests write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The port of the protocol; 0 where it knows none.
            pub const fn default_port(self) -> u16 {
                match self {
                    $(Self::$variant => $port,)+
                }
            }
        }
    };
}

connector_types! {
    /// RMCP's primary port (ASF 2.0 section 3.2.2).
    Ipmi = "ipmi", 623;
    /// HTTPS.
    Redfish = "redfish", 443;
    /// Display 0 (RFC 6143 section 7).
    Vnc = "vnc", 5900;
    /// HTTPS.
    Kvm = "kvm", 443;
    /// HTTPS.
    Preview = "preview", 443;
    /// SSH (RFC 4253 section 4.2); OpenBMC's consoles are on 2200.
    SshConsole = "ssh-console", 22;
    /// Telnet (RFC 854).
    Telnet = "telnet", 23;
    /// The terminal server's own, which must be given.
    SerialTcp = "serial-tcp", 0;
    /// A file has none.
    ConsoleLog = "console-log", 0;
    /// SNMP (RFC 3417).
    Pdu = "pdu", 161;
    /// The discard port (RFC 863), as is the custom.
    Wol = "wol", 9;
    /// A modem's own; for one behind TCP the port must be given.
    Gsm = "gsm", 0;
    /// HTTP.
    Tasmota = "tasmota", 80;
    /// HTTP.
    Shelly = "shelly", 80;
    /// HTTP, or HTTPS where `tls` is given.
    HttpSwitch = "http-switch", 80;
    /// HTTPS.
    Pikvm = "pikvm", 443;
    /// HTTP, as the units are shipped.
    Nanokvm = "nanokvm", 80;
    /// HTTP, as the units are shipped.
    Jetkvm = "jetkvm", 80;
    /// HTTPS of Intel AMT; 16992 without TLS.
    Amt = "amt", 16993;
    /// HTTPS of WinRM.
    Winrm = "winrm", 5986;
    /// SSH (RFC 4253 section 4.2).
    Ssh = "ssh", 22;
    /// A socket's path is given instead.
    Qemu = "qemu", 0;
    /// libvirt without TLS; a socket's path may be given instead.
    Libvirt = "libvirt", 16509;
}

/// What a connector can do for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Changing the power state; which actions is told by [`ConnectorType::power_actions`].
    Power,
    /// Reading the power state of the machine.
    PowerState,
    /// Choosing the device of the next boot.
    BootDevice,
    /// Seeing the screen.
    Screen,
    /// Pressing keys.
    Keyboard,
    /// Reading and typing on the serial console.
    Serial,
    /// Reading sensors.
    Sensors,
    /// Reading what the machine is made of.
    Inventory,
    /// Reading and clearing the event log.
    EventLog,
    /// Changing passwords of the controller's accounts.
    Users,
    /// Presenting an image as a drive of the machine.
    VirtualMedia,
    /// Lighting the identification light.
    Identify,
}

impl ConnectorType {
    /// What connectors of this type can do.
    pub const fn capabilities(self) -> &'static [Capability] {
        use Capability::{
            BootDevice, EventLog, Identify, Inventory, Keyboard, Power, PowerState, Screen, Sensors, Serial,
            Users, VirtualMedia,
        };
        match self {
            Self::Ipmi => {
                &[Power, PowerState, BootDevice, Sensors, Inventory, EventLog, Users, Identify, Serial]
            }
            // Whether it shows the screen is known once the controller was asked.
            Self::Redfish => &[
                Power,
                PowerState,
                BootDevice,
                Sensors,
                Inventory,
                EventLog,
                Users,
                VirtualMedia,
                Identify,
                Screen,
            ],
            Self::Vnc | Self::Kvm => &[Screen, Keyboard],
            Self::Preview => &[Screen],
            Self::SshConsole | Self::Telnet | Self::SerialTcp | Self::ConsoleLog => &[Serial],
            Self::Amt => &[Power, PowerState, BootDevice, Screen, Keyboard, Serial],
            Self::Pikvm | Self::Nanokvm | Self::Jetkvm => &[Power, PowerState, Screen, Keyboard],
            Self::Qemu | Self::Libvirt => &[Power, PowerState],
            // What an outlet or a relay does is known; what the machine behind it does is not.
            Self::Pdu | Self::Gsm | Self::Tasmota | Self::Shelly | Self::HttpSwitch => &[Power],
            Self::Wol | Self::Winrm | Self::Ssh => &[Power],
        }
    }

    /// The power actions that connectors of this type can do at best; a manifest may leave fewer, as of `ssh` those
    /// that commands were given for.
    pub const fn power_actions(self) -> &'static [PowerAction] {
        use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
        match self {
            Self::Ipmi | Self::Redfish | Self::Amt | Self::Qemu | Self::Libvirt => {
                &[On, Off, Cycle, Reset, Soft, Nmi]
            }
            Self::Pdu | Self::Gsm | Self::Tasmota | Self::Shelly | Self::HttpSwitch => &[On, Off, Cycle],
            Self::Pikvm | Self::Nanokvm | Self::Jetkvm => &[On, Off, Cycle, Reset, Soft],
            Self::Wol => &[On],
            Self::Winrm => &[Reset, Soft],
            Self::Ssh => &[On, Off, Cycle, Reset, Soft],
            Self::Vnc | Self::Kvm | Self::Preview => &[],
            Self::SshConsole | Self::Telnet | Self::SerialTcp | Self::ConsoleLog => &[],
        }
    }

    /// Whether it takes the mains from a machine, running or not.
    pub const fn is_hard_cut(self) -> bool {
        matches!(self, Self::Pdu | Self::Gsm | Self::Tasmota | Self::Shelly | Self::HttpSwitch)
    }

    /// Whether it is there for something else, and shows the screen only where the device happens to be able to.
    pub const fn may_show_screen(self) -> bool {
        matches!(self, Self::Redfish)
    }

    /// Whether a credential must be named.
    pub const fn needs_credentials(self) -> bool {
        matches!(
            self,
            Self::Ipmi
                | Self::Redfish
                | Self::Amt
                | Self::Winrm
                | Self::Ssh
                | Self::Kvm
                | Self::Preview
                | Self::SshConsole
        )
    }
}

impl Way {
    /// The protocol.
    pub const fn kind(&self) -> ConnectorType {
        match self {
            Self::Ipmi(_) => ConnectorType::Ipmi,
            Self::Redfish(_) => ConnectorType::Redfish,
            Self::Vnc(_) => ConnectorType::Vnc,
            Self::Kvm(_) => ConnectorType::Kvm,
            Self::Preview(_) => ConnectorType::Preview,
            Self::SshConsole(_) => ConnectorType::SshConsole,
            Self::Telnet => ConnectorType::Telnet,
            Self::SerialTcp => ConnectorType::SerialTcp,
            Self::ConsoleLog(_) => ConnectorType::ConsoleLog,
            Self::Pdu(_) => ConnectorType::Pdu,
            Self::Wol(_) => ConnectorType::Wol,
            Self::Gsm(_) => ConnectorType::Gsm,
            Self::Tasmota(_) => ConnectorType::Tasmota,
            Self::Shelly(_) => ConnectorType::Shelly,
            Self::HttpSwitch(_) => ConnectorType::HttpSwitch,
            Self::Pikvm(_) => ConnectorType::Pikvm,
            Self::Nanokvm(_) => ConnectorType::Nanokvm,
            Self::Jetkvm(_) => ConnectorType::Jetkvm,
            Self::Amt(_) => ConnectorType::Amt,
            Self::Winrm(_) => ConnectorType::Winrm,
            Self::Ssh(_) => ConnectorType::Ssh,
            Self::Qemu => ConnectorType::Qemu,
            Self::Libvirt(_) => ConnectorType::Libvirt,
        }
    }
}

impl Connector {
    /// A connector without anything that could be left out.
    pub fn new(way: Way, address: impl Into<String>) -> Self {
        Self {
            way,
            address: address.into(),
            backup_addresses: Vec::new(),
            port: None,
            credentials: None,
            through: None,
            allow_hard_cut: false,
            keyboard_layout: KeyboardLayout::Us,
            key_interval: None,
        }
    }

    /// The protocol.
    pub const fn kind(&self) -> ConnectorType {
        self.way.kind()
    }

    /// The port to use: the one given, or the protocol's own.
    pub fn effective_port(&self) -> u16 {
        let own = match &self.way {
            Way::SshConsole(SshConsoleOptions { menu: ConsoleMenu::Openbmc, .. }) => OPENBMC_CONSOLE_PORT,
            way => way.kind().default_port(),
        };
        self.port.unwrap_or(own)
    }

    /// All addresses of the device, the preferred one first.
    pub fn addresses(&self) -> Vec<String> {
        [std::slice::from_ref(&self.address), &self.backup_addresses].concat()
    }

    /// How what it leads to is switched on before it is connected to.
    pub const fn enabled_by(&self) -> Option<EnableBy> {
        match &self.way {
            Way::Vnc(options) => options.enable_by,
            _ => None,
        }
    }

    /// Whether it has a capability.
    pub fn can(&self, capability: Capability) -> bool {
        self.kind().capabilities().contains(&capability)
    }
}

impl fmt::Display for Connector {
    /// As facts and receipts name it: `ipmi 10.0.7.12`, with the port where it is not the protocol's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().as_str(), self.address)?;
        match self.port {
            Some(port) if port != self.kind().default_port() => write!(f, " port {port}"),
            _ => Ok(()),
        }
    }
}
