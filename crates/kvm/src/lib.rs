//! Remote consoles of management controllers beside RFB, as machines without sockets or clocks.
//!
//! | | who speaks it | |
//! | --- | --- | --- |
//! | [`aten`] | Supermicro | a dialect of RFB |
//! | [`ivtp`] | controllers with AMI's MegaRAC SP-X: ASRock Rack, Gigabyte, ASUS, Tyan and others | packets over a WebSocket |
//! | [`ast2100`] | both | the video coding of ASPEED's controllers |
//! | [`jetkvm`] | JetKVM units | JSON beside WebRTC |
//! | [`h264`] | JetKVM units | their video, as it comes over RTP |
//!
//! Each of the first two has a client, which sees a controller's screen and types on its keyboard, and a server, which shows a
//! screen to a viewer: the controller's side, for simulated hosts and for tests of the client. Each machine serves one
//! connection: give it what arrives, ask it what to send. What is known of the protocols, from where, and what was never
//! tried on a real controller stands in `docs/reference/remote-consoles.md`.

pub mod ast2100;
pub mod aten;
mod error;
pub mod h264;
mod hermon;
mod inbox;
pub mod ivtp;
pub mod jetkvm;
mod output;
mod picture;

pub use error::{Condition, Error, Phase, ProtocolError, ServerError};
pub use output::Output;
pub use picture::{Picture, SizeError};
