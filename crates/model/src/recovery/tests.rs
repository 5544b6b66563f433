//! Recoveries as transcripts: time, what happens, what is decided, what is recorded.

mod aftermath;
mod anything;
mod by_hand;
mod cut_short;
mod deployed;
mod heard;
mod nested;
mod scene;
mod signs;
mod transcripts;
mod unwell;
