//! ironhand-sim
