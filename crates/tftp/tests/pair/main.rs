//! The server and its clients on a virtual clock, over a network that loses, repeats and reorders.

mod network;
mod rules;
mod storms;
