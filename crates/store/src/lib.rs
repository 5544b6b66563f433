//! ironhand-store
