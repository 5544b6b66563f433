//! Booting machines over the network: what is seen of it, who boots that nobody described, how machines are woken.

mod booting;
mod coverage;
pub(crate) mod dhcp;
mod folder;
mod foreign;
mod ground;
mod known;
mod listen;
mod listing;
pub(crate) mod media;
mod progress;
mod recent;
mod registrar;
mod seats;
mod shelf;
mod stage;
mod surroundings;
mod told;
mod wake;
mod watch;

pub(crate) use booting::{Booting, BootingError};
pub(crate) use dhcp::Dhcp;
pub use foreign::{findings, findings6, look_for_servers, look_for_servers6};
pub use ironhand_boot_port::dhcp::FoundServer;
pub use ironhand_boot_port::dhcp6::Found6;
pub use ironhand_boot_port::interface::Router6;
pub use ironhand_dhcp::ra::Advertisement;
pub use ironhand_dhcp::v6::ForeignServer as ForeignServer6;
pub use ironhand_dhcp::{ForeignServer, Obstacle};
pub(crate) use known::KnownHosts;
pub use listen::BootListenError;
pub(crate) use listen::{BootCounts, BootParts, BootPorts};
pub(crate) use seats::Seats;
pub use surroundings::{
    OwnAddress, Surroundings, Surroundings6, SurroundingsError, candidates, free_range, in_use,
    own_addresses, surroundings,
};
pub(crate) use wake::{everybody, wake};
pub(crate) use watch::BootWatch;
