//! The HTTP listener of boot clients, over real sockets.

mod hostile;
mod served;
mod shelf;
mod talk;
mod threads;
mod tls;
