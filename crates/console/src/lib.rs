//! ironhand-console
