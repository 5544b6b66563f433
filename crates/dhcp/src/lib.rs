//! DHCP as machines that boot from the network need it: RFC 2131 and 2132 with the options of PXE (RFC 4578), HTTP boot
//! (UEFI 2.10, section 24.7) and iPXE.
//!
//! The crate knows bytes and time, and nothing of sockets: see ARCHITECTURE.md, "The four verbs". [`Server`] gives addresses
//! and boot files; who is given what is said by a [`Policy`].

mod architecture;
mod asking;
mod client;
pub mod code;
mod counters;
mod event;
mod foreign;
mod hardware;
mod lease;
mod machine_uuid;
mod message;
mod options;
mod output;
mod policy;
mod routes;
mod server;
mod subnet;

pub use architecture::Architecture;
pub use asking::{Client, ClientKind, IpxeFeatures, Relay};
pub use client::{Binding, BootClient, BootClientConfig, BootClientEvent, BootClientOutput, Personality};
pub use counters::Counters;
pub use event::{Event, Happening, Silence};
pub use foreign::{ForeignServer, Obstacle};
pub use hardware::HardwareAddress;
pub use lease::{Lease, LeaseState, MAX_IDENTIFIER};
pub use machine_uuid::MachineUuid;
pub use message::{BROADCAST, DecodeError, Message, MessageType, Op};
pub use options::{OptionSet, Options};
pub use output::{Arrival, Departure, Destination, Output, Ticket};
pub use policy::{Answer, Boot, BootStyle, Choice, Policy, Terms};
pub use routes::{ClasslessRoute, DomainError, domain_search};
pub use server::{PoolUse, Server, ServerConfig, StoreFailed};
pub use subnet::{Interface, InterfaceId, MAX_POOL, Mode, Subnet, SubnetId};
