//! DHCP as machines that boot from the network need it: RFC 2131 and 2132 with the options of PXE (RFC 4578), HTTP boot
//! (UEFI 2.10, section 24.7) and iPXE.
//!
//! The crate knows bytes and time, and nothing of sockets: see ARCHITECTURE.md, "The four verbs". [`Server`] gives addresses
//! and boot files; who is given what is said by a [`Policy`]. [`BootClient`] asks for them, as firmware, iPXE or a system
//! would. [`v6`] and [`ra`] are the same for IPv6.
//!
//! ```
//! use std::net::{Ipv4Addr, SocketAddrV4};
//! use std::sync::Arc;
//! use std::time::{Duration, Instant, SystemTime};
//! use ironhand_dhcp::*;
//!
//! /// Everybody has an address for an hour, and firmware is sent to a loader.
//! struct Everybody;
//!
//! impl Policy for Everybody {
//!     fn answer(&self, client: &Client<'_>) -> Answer {
//!         let (next_server, file) = (Ipv4Addr::new(192, 0, 2, 1), Arc::from("ipxe/x86_64/ipxe.efi"));
//!         let boot = Boot { next_server, file, server_name: None, style: BootStyle::ByClient };
//!         Answer::Serve(Terms {
//!             subnet: client.subnet,
//!             address: Choice::Pool,
//!             lease: Duration::from_secs(3600),
//!             options: Arc::default(),
//!             always: OptionSet::default(),
//!             boot: (client.kind == ClientKind::PxeFirmware).then_some(boot),
//!         })
//!     }
//! }
//!
//! let now = Instant::now();
//! let mut server = Server::new(now, SystemTime::now(), ServerConfig::default(), Everybody);
//! let (id, network) = (InterfaceId(2), Ipv4Addr::new(192, 0, 2, 0));
//! server.set_interfaces(vec![Interface { id, address: Ipv4Addr::new(192, 0, 2, 1), prefix: 24 }]);
//! server.set_subnets(vec![Subnet {
//!     id: SubnetId(1),
//!     network,
//!     prefix: 24,
//!     interface: None,
//!     relays: Vec::new(),
//!     pools: vec![Ipv4Addr::new(192, 0, 2, 100)..=Ipv4Addr::new(192, 0, 2, 199)],
//!     excluded: Vec::new(),
//!     mode: Mode::Full,
//!     authoritative: true,
//!     probe: false,
//! }]);
//!
//! let firmware = Personality::Pxe(Architecture::X64Uefi);
//! let mut client = BootClient::new(now, BootClientConfig::new([2, 0, 0, 0, 0, 1], firmware), 1);
//! client.start(now);
//! // In place of the two sockets: what one side sends, the other receives.
//! while client.binding().is_none() {
//!     while let Some(output) = client.next_output() {
//!         if let BootClientOutput::Send { from, bytes, .. } = output {
//!             let source = SocketAddrV4::new(from, 68);
//!             server.receive(now, Arrival { interface: id, source, port: 67, bytes: &bytes });
//!         }
//!     }
//!     while let Some(output) = server.next_output() {
//!         match output {
//!             Output::Send(departure) => client.receive(now, &departure.bytes),
//!             // Here the lease would be written down first.
//!             Output::Store { ticket, .. } => server.stored(now, ticket, Ok(())),
//!             Output::Probe { .. } | Output::Event(_) => {}
//!         }
//!     }
//! }
//! assert_eq!(client.binding().and_then(|binding| binding.boot_file()), Some(&b"ipxe/x86_64/ipxe.efi"[..]));
//! ```

mod architecture;
mod asking;
mod checksum;
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
pub mod ra;
mod routes;
mod server;
mod subnet;
pub mod v6;

pub use architecture::Architecture;
pub use asking::{Client, ClientKind, IpxeFeatures, Relay};
pub use checksum::{checksum6, internet_sum};
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
