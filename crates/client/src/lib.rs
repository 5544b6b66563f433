//! ironhand-client
