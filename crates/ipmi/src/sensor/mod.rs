//! Sensors: what they measure, in which unit, which states they are in.

pub mod event_text;
