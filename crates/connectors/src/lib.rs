//! Ways to reach a server out of band, beside IPMI.
//!
//! Each is a [`Device`]: it says what it can do, and refuses the rest clearly. What they share stands once: how a
//! connection is made, how a device proves who it is, how HTTP is spoken to controllers that are slow, few-handed and
//! sometimes wrong.

mod amt;
mod device;
mod error;
mod front_panel;
mod give_back;
mod gsm;
mod http;
mod http_switch;
mod jetkvm;
mod libvirt;
mod nanokvm;
mod open;
mod path;
mod pdu;
mod pikvm;
mod preview;
mod qemu;
mod redfish;
mod relay;
mod screen;
mod serial;
mod shelly;
mod ssh;
mod tasmota;
mod tls;
mod winrm;
mod wol;
mod wsman;

pub use device::{BootOverride, Device, Hints, Login, MediaImage, Outlets, Picture};
pub use error::{CertificateProblem, Error};
pub use gsm::Modems;
pub use http::{Authorization, HttpClient, HttpLimits, HttpRequest, HttpResponse, HttpStream, Opened};
pub use ironhand_redfish::{Error as RedfishError, PasswordRules, Session, Token};
pub use jetkvm::Jetkvms;
pub use open::{Surroundings, open};
pub use path::{
    AddressHealth, AsyncReadWrite, CONNECT, Hop, PathHealth, Route, Standing, Stream, Taken, connect,
};
pub use pdu::{PduDevice, PduTimes};
pub use redfish::{
    MemorySessions, RedfishConfig, RedfishDevice, RedfishEvents, Sessions, VncServer, vnc_encryption,
};
pub use relay::RelayTimes;
pub use screen::{ScreenEvent, ScreenSource, open_screen};
pub use serial::{SerialConsole, open_serial};
pub use ssh::{Command, CommandEnd, HostKey, run_command};
pub use tls::{MemoryPins, Pins, Proof, Shown, TlsClient, look};
pub use wol::WakeOnLan;
