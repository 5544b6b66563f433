//! ironhand-api
