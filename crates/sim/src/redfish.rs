//! Redfish services of simulated controllers: HTTP and TLS on loopback sockets around [`ironhand_redfish::bmc`].
//!
//! | file | holds |
//! | --- | --- |
//! | `front` | sockets, connections, HTTP |
//! | `content` | bodies, those that break or drip included |
//! | `certificate` | the certificate that all services of a process show |
//! | `still` | pictures of the screen as files |
//! | `machine` | what a Redfish service sees of a controller that speaks IPMI |

mod certificate;
mod content;
mod front;
mod machine;
mod still;

pub use self::certificate::{Certificate, CertificateError};
pub(crate) use self::front::{Front, serve};
pub(crate) use self::machine::{Board, moment};
