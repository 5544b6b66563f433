//! Real firmware and the loaders of Debian booted by the product itself: `ironhand serve` in a network of its own, described
//! by manifests as people apply them. What it says of each boot is held against what was on the wire.

mod alone;
mod beside;
mod deployed;
mod ipv6;
mod memtest;
mod place;
mod raspberry_pi;
mod relayed;
mod trunk;

use std::time::Duration;

/// Software emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
