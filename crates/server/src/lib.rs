//! ironhand-server
