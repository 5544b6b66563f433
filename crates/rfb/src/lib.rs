//! ironhand-rfb
