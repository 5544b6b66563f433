//! The server against simulated hosts on loopback, through its own client.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod actions;
mod alerts;
mod api;
mod boot;
mod boot_records;
mod by_hand;
mod conditions;
mod consoles;
mod deploy;
mod event_log;
mod events;
mod fence;
mod hardware;
mod harness;
mod heartbeats;
mod integrations;
mod jobs;
mod live;
mod management;
mod notify;
mod ownership;
mod parity;
mod passwords;
mod readings;
mod recovery;
mod restart;
mod scenarios;
mod screens;
mod secrets;
mod serial_screens;
mod signs;
mod story;
mod traps;
mod units;
mod ways;
