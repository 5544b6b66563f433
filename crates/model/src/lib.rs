//! ironhand-model
