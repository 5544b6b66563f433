//! The server as its clients and its owner see it: packets in, packets and requests out, on a clock of the test's own.

mod bench;
mod exchange;
mod request;
