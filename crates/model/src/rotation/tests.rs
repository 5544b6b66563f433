//! The change of a password: question by question, and against controllers of every kind that are cut off and killed
//! at every point.

mod passwords;
mod scripts;
mod worlds;
