//! IPMI over LAN, both ends, as machines that know bytes and time and nothing else.
//!
//! [`Client`] is a console that talks to one BMC: it opens an RMCP+ session (cipher suite 17, then 3) when the first
//! [`Request`] needs one, keeps it, opens it again when the BMC has lost it, and answers every request exactly once.
//! [`Bmc`] is the other end: users, sessions, power, boot options.
//!
//! Neither has sockets, clocks or randomness. Bytes and the time go in, [`Output`]s come out, and [`Entropy`] is the
//! caller's. A shell around a machine is a loop over four verbs:
//!
//! | verb | when |
//! | --- | --- |
//! | `receive(now, from, bytes)` | a datagram came; it never fails, bad ones become events |
//! | `wake(now)` | the time of `next_wake` is reached; extra calls are harmless |
//! | `next_wake()` | to arm the timer |
//! | `next_output()` | after each other call, until it returns `None` |
//!
//! # Example
//!
//! A console reads a machine's power from a BMC. The two are wired directly; a real shell has a UDP socket between them,
//! port 623 at the BMC.
//!
//! ```
//! use std::time::Instant;
//!
//! use ironhand_ipmi::{
//!     Bmc, BmcConfig, BmcOutput, ChassisStatus, Client, ClientConfig, Event, Output, Peer, PrivilegeLevel, Reply,
//!     Request, User,
//! };
//!
//! // Stands for the operating system's generator; a counter is no entropy.
//! fn counter() -> Box<dyn ironhand_ipmi::Entropy> {
//!     let mut count = 0u8;
//!     Box::new(move |bytes: &mut [u8]| {
//!         bytes.fill_with(|| {
//!             count = count.wrapping_add(1);
//!             count
//!         });
//!     })
//! }
//!
//! let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)];
//! let mut bmc = Bmc::new(BmcConfig::new(users), counter());
//! bmc.set_chassis(ChassisStatus { power_on: true, ..Default::default() });
//!
//! let mut client = Client::new(ClientConfig::new("admin", "secret".into()), counter());
//! let (console, port): (Peer, Peer) = ("192.0.2.9:40000".parse()?, "192.0.2.1:623".parse()?);
//!
//! let now = Instant::now();
//! let asked = client.submit(now, Request::GetChassisStatus);
//! let answer = 'answered: loop {
//!     while let Some(output) = client.next_output() {
//!         match output {
//!             Output::Send(bytes) => bmc.receive(now, console, &bytes),
//!             Output::Event(Event::Done { ticket, result }) if ticket == asked => break 'answered result?,
//!             Output::Event(_) => {}
//!         }
//!     }
//!     while let Some(output) = bmc.next_output() {
//!         if let BmcOutput::Send { bytes, .. } = output {
//!             client.receive(now, port, &bytes);
//!         }
//!     }
//! };
//! assert!(matches!(answer, Reply::ChassisStatus(status) if status.power_on));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to know before using it
//!
//! - **Nothing is done twice.** Commands that are not repeatable, as [`ChassisControl`], are sent once; if the reply is
//!   lost the result is [`Error::OutcomeUnknown`]. The reasons are in [`client`].
//! - **One request is in flight per BMC**, as many have a single buffer.
//! - **A wrong password is found without telling the BMC**, from RAKP message 2, so trying one does not count there.
//! - **Memory is bounded**: waiting requests, unfetched outputs, half-open sessions and kept replies each have a named
//!   limit, and datagrams that are too long are not looked at.
//!
//! # Where things are
//!
//! `packet` (RMCP, session wrappers) carries `message` (a command, a reply) or `setup` (Open Session, RAKP); `keys`, `mac` and
//! `suite` hold the cryptography, `sequence` the windows. [`command`] has one type per command, [`procedure`] what takes
//! several of them. `session15` is what IPMI 1.5 has in place of `setup` and `suite`; [`audit`] asks what a BMC tells without
//! a session. Both machines are built from these. Section numbers are those of the IPMI specification, version 2.0, revision 1.1.

pub mod audit;
pub mod bmc;
pub mod boot;
pub mod channel;
pub mod chassis;
pub mod client;
pub mod command;
mod completion;
pub mod dcmi;
pub mod device;
mod entropy;
mod fault;
pub mod fru;
mod keys;
pub mod lan;
mod mac;
mod message;
mod packet;
pub mod presence;
mod privilege;
pub mod procedure;
pub mod quirk;
#[cfg(test)]
mod recording;
pub mod sdr;
pub mod sel;
pub mod sensor;
mod sequence;
mod session15;
mod setup;
pub mod sol;
mod suite;
mod text_coding;
pub mod user;
pub mod watchdog;
mod wire;

pub use bmc::{Bmc, BmcConfig, BmcEvent, BmcOutput, User};
pub use client::{Client, ClientConfig, Condition, Error, Event, Learned, Output, RetransmitPolicy, Ticket};
pub use command::{
    AuthenticationCapabilities, AuthenticationType, AuthenticationTypes, BootDevice, BootFlags,
    ChassisControl, ChassisStatus, DeviceId, RawCommand, Reply, Request,
};
pub use completion::CompletionCode;
pub use entropy::Entropy;
pub use fault::{Fault, IgnoreReason};
pub use keys::kg_fits;
pub use privilege::PrivilegeLevel;
pub use procedure::{Answer, Procedure, ProcedureError, Turn};
pub use quirk::{Quirk, Quirks, UnknownQuirk};
pub use session15::Ipmi15Authentication;
pub use setup::RakpStatus;
pub use suite::CipherSuite;

/// The address of the other side: a value, no socket.
pub type Peer = std::net::SocketAddr;
