//! Clients and servers against each other, on a virtual clock, over links that lose, double and reorder.

mod day;
mod link;
mod live;
mod lossy;
mod proxied;
