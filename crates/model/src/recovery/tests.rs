//! Recoveries as transcripts: time, what happens, what is decided, what is recorded.

mod anything;
mod nested;
mod scene;
mod transcripts;
