//! The server as its clients and its owner see it: packets in, packets and requests out, on a clock of the test's own.

mod bench;
mod boot;
mod exchange;
mod guard;
mod leave;
mod relay;
mod request;
mod restart;
